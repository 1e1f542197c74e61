"""The largest residual that any schedule can have, at all times at once: one feedback trajectory.

Theorem (docs/certificate.md): under "ε = 1 where v < 0" the residual is at every time the largest
that any measurable ε can make it. What is known of the schedules that matter narrows it: where
v ≥ clip, clip ≤ 0, the push w = εv is no less than clip, and where v ≤ cap at a time the state may
be moved down to it, along b; likewise for c = χ·u − Rr, the part of v̇ that no feedback makes,
along χ. The smallest residual is the mirror image, (u, r) → (−u, −r).

Flows that are pulled towards v = 0 are contractive: an error of the state, once it is made, does
not grow. So errors are summed up as they are made, and what is returned lies above all that is
meant.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.modes import (
    decay_and_held,
    largest_of,
    until_zero,
    value_of,
)
from homotopy.control.certificate.one_row.kernels.units import OUTWARD, UNIT
from homotopy.numerics.compiled import borrowing, inner

_MOST_PIECES = 200  # in a cell
_FINE, _FINEST = 0.02, 1e-7  # of a bound in a cell: of itself, and of the scale


class Flow(NamedTuple):
    """The flow without (0) and with (1) feedback, each in the eigenbasis of its matrix.

    Attributes
    ----------
    rates : (2, d), rotation : (d, d)
        Of Λ and of Λ + bbᵀ = W diag(rates) Wᵀ.
    observed, turned : (2, d)
        b and χ there.
    seen, unturned : (2, d)
        By how much, of |z|, they may be wrong.
    residue : (2, d)
        Norms of the columns of AW − W diag(rates).
    skew : (d, d)
        |1 − WWᵀ|, and the rounding of a rotation.
    push_error : (2,)
        Of the direction of the push.
    row, turning : (d,)
        b and χ = Rb − Λb.
    row_norm, turning_norm, turning_error : float
    residual : float
    start : (d,)
    start_error, relative, scale : float
    """

    rates: np.ndarray
    rotation: np.ndarray
    observed: np.ndarray
    turned: np.ndarray
    seen: np.ndarray
    unturned: np.ndarray
    residue: np.ndarray
    skew: np.ndarray
    push_error: np.ndarray
    row: np.ndarray
    turning: np.ndarray
    row_norm: float
    turning_norm: float
    turning_error: float
    residual: float
    start: np.ndarray
    start_error: float
    relative: float
    scale: float


@inner
@no_type_check
def upper_envelope(flow, sign, edges, clip, cap, turn_cap, growth, slack):
    """Upper bounds of sign·v and sign·χ·u: at the edges, and throughout the cells.

    Parameters
    ----------
    flow : Flow
    sign : float
        1.0; −1.0 for the mirror image, whose bounds `clip`, `cap` and `turn_cap` are too.
    edges : (n+1,)
    clip : (n,)
        ≤ 0: sign·v is no less in the cell.
    cap, turn_cap : (n+1,)
        sign·v and sign·χ·u are no more at the edge.
    growth : (n,)
        Errors of the state, in norm, that a unit of time makes in the cell.
    slack : (n,)
        By how much the residual that is meant may differ from b·u − r.

    Returns
    -------
    v, turn : (n+1,)
    cell_v, cell_turn : (n,)
    state : (d,), error : float
        sign·u at the end of that trajectory, and how far from it, in norm, the one may be that is
        meant.
    fine : bool
        Whether it went through; else nothing is known.
    """
    size, count = flow.start.size, edges.size - 1
    v, turn = np.empty(count + 1), np.empty(count + 1)
    cell_v, cell_turn = np.empty(count), np.empty(count)
    state, inside = sign * flow.start, np.empty(size)
    residual, error = sign * flow.residual, flow.start_error
    square = flow.row_norm**2
    full = False  # whether the state is `inside`, in the basis with feedback
    work = np.empty((3, size))
    for edge in range(count + 1):
        value, change, norm, wrong, unturned = _seen(flow, state, inside, full, residual)
        near = slack[min(edge, count - 1)]
        if edge > 0:
            near = max(near, slack[edge - 1])
        margin = OUTWARD * (flow.row_norm * error + wrong + near)
        turn_margin = OUTWARD * (flow.turning_norm * error + unturned)
        over, turn_over = value - cap[edge] - margin, change - turn_cap[edge] - turn_margin
        if over > 0.0 or (turn_over > 0.0 and flow.turning_norm > 1e-9 * flow.row_norm):
            if full:
                error += leave(flow, state, inside)
                full = False
            if over > 0.0:
                for j in range(size):
                    state[j] -= flow.row[j] * (over / square)
                error += 4 * UNIT * norm + 2 * flow.relative * over / flow.row_norm
            if turn_over > 0.0 and flow.turning_norm > 1e-9 * flow.row_norm:
                step = turn_over / flow.turning_norm
                for j in range(size):
                    state[j] -= flow.turning[j] * (step / flow.turning_norm)
                error += 4 * UNIT * norm
                error += step * (2 * flow.relative + flow.turning_error / flow.turning_norm)
            value, change, norm, wrong, unturned = _seen(flow, state, inside, full, residual)
            margin = OUTWARD * (flow.row_norm * error + wrong + near)
            turn_margin = OUTWARD * (flow.turning_norm * error + unturned)
        v[edge], turn[edge] = (
            min(value + margin, cap[edge]),
            min(change + turn_margin, turn_cap[edge]),
        )
        if edge == count:
            break
        now, most, most_turn = 0.0, value, change
        whole = edges[edge + 1] - edges[edge]
        kind = _kind(value, clip[edge])
        for piece in range(_MOST_PIECES + 1):
            if piece == _MOST_PIECES:
                return v, turn, cell_v, cell_turn, state, error, False
            if kind == 1 and not full:
                error += enter(flow, state, inside)
                full = True
            elif kind != 1 and full:
                error += leave(flow, state, inside)
                full = False
            step, ended, kind, extreme, extreme_turn, made = _piece(
                flow, state, inside, work, kind, clip[edge], residual, whole - now
            )
            error += made + growth[edge] * step
            most, most_turn = max(most, extreme), max(most_turn, extreme_turn)
            now += step
            if not ended or now >= whole:
                break
        margin = OUTWARD * (flow.row_norm * error + slack[edge])
        turn_margin = OUTWARD * flow.turning_norm * error
        cell_v[edge] = most + margin + flow.relative * (abs(most) + flow.scale)
        cell_turn[edge] = most_turn + turn_margin
        cell_turn[edge] += flow.relative * (abs(most_turn) + flow.turning_norm * norm)
    if full:
        error += leave(flow, state, inside)
    return v, turn, cell_v, cell_turn, state, OUTWARD * error, True


@borrowing
@no_type_check
def _kind(value, clip):
    """0: no push, 1: feedback, 2: the push is the clip."""
    if value > 0.0 or clip >= 0.0:
        return 0
    return 1 if value > clip else 2


@borrowing
@no_type_check
def _seen(flow, state, inside, full, residual):
    """v, χ·u, ‖u‖, and by how much the first two may be wrong."""
    which = 1 if full else 0
    value, change, square, wrong, unturned = -residual, 0.0, 0.0, abs(residual), 0.0
    for j in range(state.size):
        entry = inside[j] if full else state[j]
        value += flow.observed[which, j] * entry
        change += flow.turned[which, j] * entry
        square += entry * entry
        wrong += flow.seen[which, j] * abs(entry)
        unturned += flow.unturned[which, j] * abs(entry)
    wrong -= abs(residual) * (1.0 - flow.relative)
    return value, change, np.sqrt(square), max(wrong, 0.0), unturned


@borrowing
@no_type_check
def enter(flow, state, inside):
    """Into the basis with feedback; returns the error that this makes."""
    size, made = state.size, 0.0
    for j in range(size):
        inside[j] = 0.0
    for i in range(size):
        off = 0.0
        for j in range(size):
            inside[j] += flow.rotation[i, j] * state[i]
            off += flow.skew[i, j] * abs(state[j])
        made += off * off
    return OUTWARD * np.sqrt(made)


@borrowing
@no_type_check
def leave(flow, state, inside):
    """Back into the basis of Λ."""
    size, made = state.size, 0.0
    for i in range(size):
        total, absolute = 0.0, 0.0
        for j in range(size):
            part = flow.rotation[i, j] * inside[j]
            total += part
            absolute += abs(part)
        state[i] = total
        made += absolute * absolute
    return OUTWARD * flow.relative * np.sqrt(made)


@borrowing
@no_type_check
def _piece(flow, state, inside, work, kind, clip, residual, duration):
    """On to the end of a cell, or to where the kind of push changes.

    Returns how long that takes, whether the kind changes and into which, bounds of v and χ·u, and
    the errors made.
    """
    size, full = state.size, kind == 1
    which, push = (1, residual) if full else (0, 0.0 if kind == 0 else -clip)
    rates, amplitudes, forces, unsure = flow.rates[which], work[0], work[1], work[2]
    for j in range(size):
        entry = inside[j] if full else state[j]
        amplitudes[j] = flow.observed[which, j] * entry
        forces[j] = flow.observed[which, j] ** 2 * push
        unsure[j] = flow.seen[which, j] * abs(entry)
    # The push is w(v) by its sign: a wrong one, for an instant, is an error of the state.
    step, ended, following, wrong, relative = duration, False, kind, 0.0, flow.relative
    if kind == 0:
        if clip < 0.0:
            step, ended, wrong = until_zero(
                amplitudes, forces, unsure, rates, -residual, duration, 1.0, relative
            )
            following = 1
    elif kind == 1:
        step, ended, wrong = until_zero(
            amplitudes, forces, unsure, rates, -residual, duration, -1.0, relative
        )
        following = 0
        if clip > -np.inf:
            sooner, too, more = until_zero(
                amplitudes, forces, unsure, rates, -residual - clip, step, 1.0, relative
            )
            wrong += more
            if too:
                step, ended, following = sooner, True, 2
    else:
        step, ended, wrong = until_zero(
            amplitudes, forces, unsure, rates, -residual - clip, duration, -1.0, relative
        )
        following = 1
    made = flow.row_norm * wrong

    end, _size = value_of(amplitudes, forces, rates, -residual, step)
    tolerance = max(_FINE * abs(end), _FINEST * flow.scale)
    extreme = largest_of(amplitudes, forces, unsure, rates, -residual, step, tolerance, relative)
    for j in range(size):
        entry = inside[j] if full else state[j]
        amplitudes[j] = flow.turned[which, j] * entry
        forces[j] = flow.turned[which, j] * flow.observed[which, j] * push
        unsure[j] = flow.unturned[which, j] * abs(entry)
    end, whole = value_of(amplitudes, forces, rates, 0.0, step)
    tolerance = max(_FINE * abs(end), 1e-4 * whole)
    extreme_turn = largest_of(amplitudes, forces, unsure, rates, 0.0, step, tolerance, relative)

    rounding = 0.0
    for j in range(size):
        entry = inside[j] if full else state[j]
        decay, held = decay_and_held(rates[j], step)
        moved = held * flow.observed[which, j] * push
        slip = (relative + 3 * UNIT * rates[j] * step) * (decay * abs(entry) + abs(moved))
        rounding += slip * slip
        made += (
            flow.residue[which, j]
            * held
            * (abs(entry) + step * abs(flow.observed[which, j] * push))
        )
        entry = decay * entry + moved
        if full:
            inside[j] = entry
        else:
            state[j] = entry
    made += np.sqrt(rounding) + flow.push_error[which] * abs(push) * step
    return step, ended, following, extreme, extreme_turn, OUTWARD * made
