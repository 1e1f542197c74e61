"""What the bounds of one row need of its system, in loops: as `rounding.StateBound`, `OneRow` and
`Bounder`, which say why the formulas hold.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.envelope import Flow
from homotopy.control.certificate.one_row.kernels.modes import decay_and_held
from homotopy.control.certificate.one_row.kernels.posed import (
    EXPONENTIAL,
    filled,
    gamma,
    norm_of,
    operations_of,
)
from homotopy.control.certificate.one_row.kernels.tube import Slack
from homotopy.control.certificate.one_row.kernels.units import OUTWARD
from homotopy.numerics.compiled import inner


class Reach(NamedTuple):
    """How large the modes of the state can be under any control: as `rounding.StateBound`.

    Attributes
    ----------
    norms : (n+1,)
        Of the state, until the edges of a grid.
    within : (n, d), largest : (n,)
        |u_j| and |v| in the cells.
    drive : (d,)
        What the errors of the matrix add to what drives the modes.
    most : float
        |v| at all times.
    """

    norms: np.ndarray
    within: np.ndarray
    largest: np.ndarray
    drive: np.ndarray
    most: float


@inner
@no_type_check
def reach_of(posed, known, start_size, edges):
    """On a grid, from sizes of the start."""
    size, count = posed.rates.size, edges.size - 1
    slack = 1.0 + gamma(operations_of(size))
    slowest, largest_error = np.inf, 0.0
    sums = np.zeros(size)
    for i in range(size):
        slowest = min(slowest, posed.rates[i])
        for j in range(size):
            sums[i] += posed.matrix[i, j]
        largest_error = max(largest_error, sums[i])
    slowest = (slowest - largest_error) / slack
    longest = 0.5 / slowest if slowest > 0.0 else np.inf
    square, forced = norm_of(start_size) ** 2, norm_of(posed.force)
    norms = np.empty(count + 1)
    for i in range(count + 1):
        growth = 0.5 * known.residual * known.residual * min(edges[i], longest)
        norms[i] = slack * (np.sqrt(square + growth) + forced * edges[i])
    norm = norms[count]
    most = slack * (norm_of(known.row) * norm + known.residual)
    drive, within = np.empty(size), np.empty((count, size))
    for j in range(size):
        drive[j] = slack * (sums[j] * norm + posed.force[j])
        push = slack * (most * known.row[j]) + drive[j]
        earlier = 0.0
        for i in range(count + 1):
            decay, held = decay_and_held(posed.rates[j], edges[i])
            later = slack * ((decay + EXPONENTIAL) * start_size[j] + held * push)
            # Each of one sense in time: between two times it is no more than the larger.
            if i > 0:
                within[i - 1, j] = min(max(earlier, later), norms[i])
            earlier = later
    return Reach(norms, within, filled(count, most), drive, most)


@inner
@no_type_check
def grid_of(posed, uniform, geometric):
    """Equal cells, and finer ones at first, where the fastest modes of the state die out."""
    fastest = 0.0
    for j in range(posed.rates.size):
        fastest = max(fastest, posed.rates[j])
    fastest += norm_of(posed.row) ** 2
    step = posed.span / uniform
    first = min(0.2 / max(fastest, 1e-300), 0.5 * step)
    ratio = (first / posed.span) ** (1.0 / (geometric - 1))
    times = np.empty(uniform + geometric)
    for i in range(uniform):
        times[i] = i * step
    for i in range(geometric - 1):
        times[uniform + i] = posed.span * ratio ** (geometric - 1 - i)
    times[uniform + geometric - 1] = posed.span
    for i in range(uniform, times.size):  # into its place
        time, place = times[i], i
        while place > 0 and times[place - 1] > time:
            times[place] = times[place - 1]
            place -= 1
        times[place] = time
    count, shortest = 1, 1e-12 * posed.span
    for i in range(1, times.size):
        if times[i] - times[count - 1] > shortest and posed.span - times[i] > shortest:
            times[count] = times[i]
            count += 1
    times[count] = posed.span
    return times[: count + 1].copy()


@inner
@no_type_check
def flow_of(posed, known, start, start_error):
    """For the envelopes: as `OneRow.flow`."""
    size = posed.rates.size
    relative, square = gamma(operations_of(size)), norm_of(posed.row) ** 2
    rayleigh, scale = 0.0, abs(posed.residual)
    for j in range(size):
        rayleigh += posed.row[j] * posed.rates[j] * posed.row[j] / square
        scale += abs(posed.row[j] * start[j])
    turning, sizes = np.empty(size), np.empty(size)
    for j in range(size):
        turning[j] = rayleigh * posed.row[j] - posed.rates[j] * posed.row[j]
        sizes[j] = abs(rayleigh * posed.row[j]) + abs(posed.rates[j] * posed.row[j])
    turned, seen, unturned = np.zeros((2, size)), np.empty((2, size)), np.zeros((2, size))
    residue, skew, off = np.zeros((2, size)), np.zeros((size, size)), np.zeros(size)
    for j in range(size):
        turned[0, j], unturned[0, j] = turning[j], relative * sizes[j]
        seen[0, j], seen[1, j] = relative * abs(posed.row[j]), relative * known.seen[1, j]
        for i in range(size):
            turned[1, j] += posed.rotation[i, j] * turning[i]
            unturned[1, j] += relative * known.absolute[1, i, j] * sizes[i]
            residue[1, j] += known.residue[1, i, j] ** 2
        residue[1, j] = OUTWARD * np.sqrt(residue[1, j])
    for i in range(size):
        for j in range(size):
            both = 0.0
            for k in range(size):
                both += known.absolute[1, i, k] * known.absolute[1, j, k]
            skew[i, j] = known.skew[1, i, j] + relative * both
            off[i] += known.skew[1, i, j] * abs(posed.row[j])
            off[i] += relative * known.absolute[1, i, j] * known.seen[1, j]
    return Flow(
        known.rates, known.rotations[1].copy(), known.observed, turned, seen, unturned, residue,
        skew, np.array([0.0, OUTWARD * norm_of(off)]), posed.row, turning, np.sqrt(square),
        norm_of(turning), relative * norm_of(sizes), posed.residual, start,
        OUTWARD * start_error, relative, scale,
    ), rayleigh  # fmt: skip


@inner
@no_type_check
def slack_of(posed, known, rayleigh, within, largest):
    """What the errors of the data do, where |u_j| and |v| keep to some bounds: as `Bounder`."""
    count, size = within.shape
    growth, near, pull = np.empty(count), np.empty(count), np.empty(count)
    row_norm, errors_norm, whole = norm_of(known.row), norm_of(posed.row_errors), 0.0
    for i in range(size):
        for j in range(size):
            whole += posed.matrix[i, j] ** 2
    for cell in range(count):
        square, beside, along, felt = 0.0, posed.residual_error, 0.0, 0.0
        for j in range(size):
            moved = abs(posed.force[j])
            for k in range(size):
                moved += posed.matrix[j, k] * within[cell, k]
            square += moved * moved
            along += moved * known.row[j]
            beside += within[cell, j] * posed.row_errors[j]
            felt += within[cell, j] * posed.row_errors[j] * posed.rates[j]
        near[cell] = OUTWARD * beside
        growth[cell] = OUTWARD * (
            np.sqrt(square) + row_norm * near[cell] + errors_norm * largest[cell]
        )
        pull[cell] = OUTWARD * (rayleigh * near[cell] + felt + along)
    feedback = rayleigh + row_norm**2 + np.sqrt(whole)
    feedback *= 1.0 + gamma(operations_of(size))
    return Slack(growth, near, pull, rayleigh * posed.residual, feedback)
