"""The dual of one row, compiled: a costate carried backwards, with what rounding can make of it.

With ṗ = Λp + κσb backwards from p(t_m) = q, σ = b·p, and bounds of v in the cells of a grid,

    q·u(t_m) ≥ p(0)·u(0) + r ∫κσ − ∫loss,    loss = max (ε − κ)σv,

over ε in [0, 1] and v in its bounds.

Where the sign of v is known κ is 0 or 1, switching at the zeros of σ, and nothing is lost;
elsewhere κ is the level of least loss, for σ > 0 and σ < 0 apart. Of gaps between edges of one
sign most may be known to have no other: κ is as if all had none, and what those lose that have is
charged for so many of them as there can be, the worst. Between its zeros σ has one sign,
and the loss is a multiple of |∫σ|: nothing is lost to the grid. An error made in p costs its
product with the largest |u| that any control reaches (`rounding`).
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.modes import (
    decay_and_held,
    until_zero,
)
from homotopy.control.certificate.one_row.kernels.units import OUTWARD, UNIT
from homotopy.numerics.compiled import borrowing, compiled

_MOST_PIECES = 200  # in a run of cells


class Levels(NamedTuple):
    """Λ + κbbᵀ for each level of the weight κ, the first 0 and the last 1, and errors of the data.

    Attributes
    ----------
    weights : (L,)
    rates, observed, seen : (L, d)
    rotations, defects, skews : (L, d, d)
    row, row_size, row_errors, force_errors : (d,)
        b, |b| with its errors, and errors of b and of br.
    residual, residual_size, residual_error : float
    start, start_errors : (d,)
        Of u(0); what an entry of |p(0)| costs.
    relative : float
    """

    weights: np.ndarray
    rates: np.ndarray
    observed: np.ndarray
    seen: np.ndarray
    rotations: np.ndarray
    defects: np.ndarray
    skews: np.ndarray
    row: np.ndarray
    row_size: np.ndarray
    row_errors: np.ndarray
    force_errors: np.ndarray
    residual: float
    residual_size: float
    residual_error: float
    start: np.ndarray
    start_errors: np.ndarray
    relative: float


class Node(NamedTuple):
    """What is known of v in the cells of a grid, and of the state.

    Attributes
    ----------
    edges : (n+1,)
    first : (n,)
        Of the cells of one sign next to each other, the first; else the cell itself.
    sign : (n,)
        Of v: 1, −1, or 0 where it is not known.
    low, high : (n,)
        Bounds of v.
    levels : (2, n)
        Of κ, where σ < 0 and where σ > 0.
    at, within, force : (n+1, d), (n, d), (n, d)
        Bounds of |u_j| at the edges and in the cells, and of what drives it.
    gap, usual : (n,)
        Of the cells in which v has its usual sign, 1 or −1, in all gaps but `pairs`: the number of
        the gap. Else −1, and 0.
    pairs : int
    """

    edges: np.ndarray
    first: np.ndarray
    sign: np.ndarray
    low: np.ndarray
    high: np.ndarray
    levels: np.ndarray
    at: np.ndarray
    within: np.ndarray
    force: np.ndarray
    gap: np.ndarray
    usual: np.ndarray
    pairs: int


@compiled
@no_type_check
def carried(levels, node, costate, last, trail, values, errors, pieces, losses):
    """The least q·u(t_last) over the schedules of a node, from below; and how it came about.

    Parameters
    ----------
    levels : Levels
    node : Node
    costate : (d,)
        q, at the edge `last`.
    last : int
    trail, values, errors : (n+1, d), (n+1,), (n+1,), or none of them: (0, d), (0,), (0,)
        Filled with the costate, what has been gained and its error, at ends of runs of cells.
    pieces : (m, 7)
        Filled, going backwards: duration, level, push (what the loss adds to w = κv), whether σ
        vanishes at the left end, and σ̇ there; the cell (of a run the first), and ∫σ.
    losses : (n,)
        Added to: the loss of each cell, that of a run at its first.

    Returns
    -------
    value, error : float
        The error has been taken from the value; −∞ where there was no room for more pieces.
    count : int
        Of pieces.
    """
    size, top = costate.size, levels.weights.size - 1
    now_costate, inside = costate.copy(), np.empty(size)
    amplitudes, forces, unsure = np.empty(size), np.zeros(size), np.empty(size)
    work = np.empty((4, size))
    gained, error, whole, count = 0.0, 0.0, 0.0, 0
    charges = np.zeros(max(np.max(node.gap), 0) + 1)  # of the gaps, if v has the other sign there
    charged = np.zeros(charges.size, np.bool_)
    relative, cell = levels.relative, last - 1
    if trail.shape[0] > 0:
        for j in range(size):
            trail[last, j] = costate[j]
        values[last] = errors[last] = 0.0
    while cell >= 0:
        first = node.first[cell]
        stop, now, rounded, zero = node.edges[first], node.edges[cell + 1], 0.0, False
        left_cell, sign = cell, 0.0
        for piece in range(_MOST_PIECES + 1):
            if piece == _MOST_PIECES or count == pieces.shape[0]:
                return -np.inf, np.inf, count
            if zero:
                sign = -sign
            else:
                sigma = 0.0
                for j in range(size):
                    sigma += levels.row[j] * now_costate[j]
                sign = -1.0 if sigma < 0.0 else 1.0
            # κ, what is lost for a σ of this sign and for one of the other, and what attains it.
            most, wrong, push, gap = 0.0, 0.0, 0.0, node.gap[cell]
            below, above = max(-node.low[cell], 0.0), max(node.high[cell], 0.0)
            if node.sign[cell] != 0:
                level = top if sign * node.sign[cell] > 0.0 else 0
                largest = 0.0
                wrong = above if node.sign[cell] > 0 else below
            elif gap >= 0:
                level = top if sign * node.usual[cell] > 0.0 else 0
                most, wrong = (below, above) if node.usual[cell] > 0 else (above, below)
                largest, push = max(below, above), most * sign
            else:
                level = node.levels[1 if sign > 0.0 else 0, cell]
                weight, largest = levels.weights[level], max(below, above)
                ahead, behind = (above, below) if sign > 0.0 else (below, above)
                most = max((1.0 - weight) * ahead, weight * behind)
                push = most * sign
                wrong = max((1.0 - weight) * behind, weight * ahead)
            weight = levels.weights[level]
            _inside(levels, level, now_costate, inside, unsure, work)
            for j in range(size):
                amplitudes[j] = levels.observed[level, j] * inside[j]
            duration, zero, area = until_zero(
                amplitudes, forces, unsure, levels.rates[level], 0.0, now - stop, sign, relative
            )
            zero = zero and now - duration > stop
            if not zero:
                duration = now - stop
            rounded += 2 * UNIT * now
            lag = 0.0 if zero else rounded
            while left_cell > first and node.edges[left_cell] >= now - duration:
                left_cell -= 1
            error += _errors(
                levels, node, level, largest, duration, now, lag, cell, left_cell, work
            )
            integral = 0.0
            for j in range(size):
                decay, held = decay_and_held(levels.rates[level, j], duration)
                integral += amplitudes[j] * held
                inside[j] *= decay
            lost = most * abs(integral) + (most + wrong) * area
            gain = weight * levels.residual * integral
            losses[first] += lost
            if gap >= 0:
                charges[gap] += lost - wrong * area
                gained += gain - wrong * area
            else:
                gained += gain - lost
            whole += abs(gain) + lost
            if weight == 0.0:
                for j in range(size):
                    now_costate[j] = inside[j]
            else:
                for i in range(size):
                    total = 0.0
                    for j in range(size):
                        total += levels.rotations[level, i, j] * inside[j]
                    now_costate[i] = total
            pieces[count, 0], pieces[count, 1], pieces[count, 2] = duration, level, push
            pieces[count, 3], pieces[count, 4] = 1.0 if zero else 0.0, 0.0
            pieces[count, 5], pieces[count, 6] = first, integral
            if zero:
                for j in range(size):
                    pieces[count, 4] += levels.row[j] * levels.rates[0, j] * now_costate[j]
            count += 1
            if not zero:
                break
            now -= duration
            cell = left_cell
        cell = first - 1
        if trail.shape[0] > 0:
            for j in range(size):
                trail[first, j] = now_costate[j]
            values[first] = gained - _largest_sum(charges, charged, node.pairs)
            errors[first] = error + 4 * UNIT * (count + 4) * whole
    value, size_sum = gained - _largest_sum(charges, charged, node.pairs), whole
    for piece in range(count):
        gap = node.gap[int(pieces[piece, 5])]
        if gap >= 0 and not charged[gap]:
            pieces[piece, 2] = 0.0
    for j in range(size):
        part = now_costate[j] * levels.start[j]
        value += part
        size_sum += abs(part)
        error += abs(now_costate[j]) * levels.start_errors[j]
    error += 4 * UNIT * (count + size + 4) * size_sum
    return value - OUTWARD * error, OUTWARD * error, count


@borrowing
@no_type_check
def _largest_sum(charges, charged, count):
    """The sum of the so many largest; marks which."""
    total = 0.0
    for gap in range(charges.size):
        charged[gap] = False
    for _ in range(min(count, charges.size)):
        largest = -1
        for gap in range(charges.size):
            if not charged[gap] and (largest < 0 or charges[gap] > charges[largest]):
                largest = gap
        charged[largest] = True
        total += charges[largest]
    return total


@borrowing
@no_type_check
def _inside(levels, level, costate, inside, unsure, work):
    """Wᵀp, |W|ᵀ|p| (`work[0]`), |p| (`work[1]`), and by how much amplitudes of σ are unsure."""
    size = costate.size
    if level == 0:
        for j in range(size):
            inside[j] = costate[j]
            work[0, j] = work[1, j] = abs(costate[j])
            unsure[j] = work[0, j] * (levels.relative * levels.row_size[j] + levels.row_errors[j])
        return
    for j in range(size):
        inside[j] = work[0, j] = unsure[j] = 0.0
        work[1, j] = abs(costate[j])
    for i in range(size):
        for j in range(size):
            part = levels.rotations[level, i, j] * costate[i]
            inside[j] += part
            work[0, j] += abs(part)
            unsure[j] += abs(levels.rotations[level, i, j]) * levels.row_errors[i]
    for j in range(size):
        unsure[j] = work[0, j] * (levels.relative * levels.seen[level, j] + unsure[j])


@borrowing
@no_type_check
def _errors(levels, node, level, largest, duration, now, lag, cell, left_cell, work):
    """What a crossing costs, by bounds of the state; see `rounding.crossing_errors`.

    From |W|ᵀ|p| and |p| in `work[0]` and `work[1]`.
    """
    size, weight, relative = node.within.shape[1], levels.weights[level], levels.relative
    left_time, full = max(now - duration - lag, 0.0), level > 0
    felt = weight * levels.residual_size + largest
    before, within = work[2], work[3]
    away = max(left_time - node.edges[left_cell], 0.0)
    cost = 0.0
    for j in range(size):
        decay, held = decay_and_held(levels.rates[0, j], away)
        reached = 1.0 + relative
        reached *= (decay + relative) * node.at[left_cell, j] + held * node.force[left_cell, j]
        before[j] = (
            min(reached, node.within[left_cell, j]) + duration * largest * levels.row_size[j]
        )
        within[j] = 0.0
        for middle in range(left_cell, cell + 1):
            within[j] = max(within[j], node.within[middle, j])
        # Straight, in the basis of Λ.
        direct = largest * levels.row_size[j]
        cost += work[1, j] * (relative * duration * direct + lag * felt * levels.row_size[j])
    for i in range(size):
        rate = levels.rates[level, i]
        decay, held = decay_and_held(rate, duration)
        slip = (relative + 3 * UNIT * rate * duration + rate * lag) * decay
        state, inner_state, outer = 0.0, 0.0, 0.0
        if full:
            for j in range(size):
                absolute = abs(levels.rotations[level, j, i])
                state += before[j] * absolute
                inner_state += within[j] * levels.defects[level, j, i]
                outer += (felt * levels.row_errors[j] + levels.force_errors[j]) * absolute
        else:
            state = before[i]
            outer = felt * levels.row_errors[i] + levels.force_errors[i]
            for j in range(size):
                inner_state += within[j] * levels.defects[level, j, i]
        seen = levels.seen[level, i]
        bent = min((rate * duration) ** 2, 1.0)
        total = slip * state + relative * duration * bent * largest * seen
        total += held * (inner_state + relative * felt * seen + outer)
        total += held * weight * levels.residual_error * seen
        cost += total * work[0, i]
    if full:
        for j in range(size):
            right = within[j] + duration * largest * levels.row_size[j]
            if right != 0.0:
                turned = 0.0
                for i in range(size):
                    turned += levels.skews[level, j, i] * work[1, i]
                cost += right * turned
    return OUTWARD * cost
