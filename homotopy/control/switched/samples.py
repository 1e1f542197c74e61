"""The best of a few hundred controls of each structure, to start searches from; compiled."""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.switched.newton import begin_search
from homotopy.numerics.compiled import borrowing, inner


class Branches(NamedTuple):
    """Room for the samples, each mode of a flow in a row.

    Attributes
    ----------
    decays : (2, d, n, n)
        e^{−λt} between nodes, the later one first, for ε = 0 and ε = 1.
    unfinished, finished : (d, p)
        Where the branches of a block end, in the modes of the flow of their last arc.
    turned : (d, p)
        The unfinished ones in the modes of the other flow.
    costs : (p,)
    """

    decays: np.ndarray
    unfinished: np.ndarray
    finished: np.ndarray
    turned: np.ndarray
    costs: np.ndarray


@inner
@no_type_check
def new_branches(samples, size):
    nodes, most = samples.nodes.size, 1
    for block in range(samples.blocks.size - 1):
        most = max(most, samples.blocks[block + 1] - samples.blocks[block])
    return Branches(
        np.empty((2, size, nodes, nodes)),
        np.empty((size, most)),
        np.empty((size, most)),
        np.empty((size, most)),
        np.empty(most),
    )


@borrowing
@no_type_check
def _set_node_decays(rates, nodes, span, decays):
    for j in range(rates.size):
        for right in range(1, nodes.size):
            step = np.exp(-rates[j] * (nodes[right] - nodes[right - 1]) * span)
            for left in range(right - 1):
                decays[j, right, left] = decays[j, right - 1, left] * step
            decays[j, right, right - 1] = step


@borrowing
@no_type_check
def _turn(rotation, limit, before, after, count, weight):
    """States from the modes of the flow of a weight into those of the other.

    The modes of ε = 1 count from the limit, so that an arc multiplies and adds nothing.
    """
    size = limit.size
    for i in range(size):
        for m in range(count):
            after[i, m] = 0.0 if weight == 1 else -limit[i]
        for j in range(size):
            entry = rotation[i, j] if weight == 1 else rotation[j, i]
            added = limit[j] if weight == 1 else 0.0
            for m in range(count):
                after[i, m] += entry * (before[j, m] + added)


@borrowing
@no_type_check
def _grow(decays, before, parents, lefts, rights, after):
    """The last arc of some branches."""
    for j in range(after.shape[0]):
        for m in range(parents.size):
            after[j, m] = before[j, parents[m]] * decays[j, rights[m], lefts[m]]


@borrowing
@no_type_check
def _nearest(flow, weight, finished, count, costs):
    """Which of the branches that are at T, in the modes of a weight, is the nearest to the goal."""
    for m in range(count):
        costs[m] = 0.0
    for j in range(flow.goal.size):
        goal = flow.goal[j]
        if weight == 1:
            goal = -flow.limit[j]
            for i in range(flow.goal.size):
                goal += flow.rotation[i, j] * flow.goal[i]
        for m in range(count):
            costs[m] += (finished[j, m] - goal) ** 2
    best = 0
    for m in range(1, count):
        if costs[m] < costs[best]:
            best = m
    return best


@borrowing
@no_type_check
def start_from_samples(flow, samples, opening, branches, searches):
    """Searches from the best sample of each block."""
    unfinished, finished, turned = branches.unfinished, branches.finished, branches.turned
    parents, lefts, rights = samples.parents, samples.lefts, samples.rights
    _set_node_decays(flow.rates, samples.nodes, flow.span, branches.decays[0])
    _set_node_decays(flow.full_rates, samples.nodes, flow.span, branches.decays[1])
    depth = (samples.blocks.size - 1) // 2
    for block in range(2 * depth):
        begin, end = samples.blocks[block], samples.blocks[block + 1]
        first_sample = samples.samples[block]
        count = samples.samples[block + 1] - first_sample
        middle = end - count
        first, arc = block // depth, block % depth
        weight = 1 - (first + arc) % 2
        if arc == 0:
            for j in range(opening.size):
                unfinished[j, 0] = opening[j]
                turned[j, 0] = opening[j]
            if weight == 1:
                _turn(flow.rotation, flow.limit, unfinished, turned, 1, 0)
        for into, one, other in ((unfinished, begin, middle), (finished, middle, end)):
            _grow(
                branches.decays[weight],
                turned,
                parents[one:other],
                lefts[one:other],
                rights[one:other],
                into,
            )
        best = _nearest(flow, weight, finished, count, branches.costs)
        begin_search(searches, block, samples.arcs, first_sample + best, first)
        _turn(flow.rotation, flow.limit, unfinished, turned, middle - begin, weight)
