"""Between which values the residual of one row can lie, compiled: the exact tube, and a node's.

Two envelopes (`envelope`) are run with what is known, and what they tell is carried on. With
c = χ·u − Rr,

    v̇ = −(R + ε‖b‖²)v + c,

so that where c ≤ 0 a residual that is not positive stays so, and one that is not negative was so
before; and from a bound at a later time follows one before, as v cannot have come back faster.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.envelope import upper_envelope
from homotopy.control.certificate.one_row.kernels.modes import decay_and_held
from homotopy.control.certificate.one_row.kernels.units import UNIT
from homotopy.numerics.compiled import borrowing, compiled

_LONGEST = 600.0  # exponent of what can hide before a zero
_SWEEPS = 3


class Tube(NamedTuple):
    """Bounds of v and of χ·u on a grid; only schedules that keep to them matter.

    Attributes
    ----------
    edges : (n+1,)
    low, high, turn_low, turn_high : (n+1,)
        Of v and of χ·u at the edges.
    cell_low, cell_high, pull_low, pull_high : (n,)
        Of v and of c throughout the cells.
    """

    edges: np.ndarray
    low: np.ndarray
    high: np.ndarray
    turn_low: np.ndarray
    turn_high: np.ndarray
    cell_low: np.ndarray
    cell_high: np.ndarray
    pull_low: np.ndarray
    pull_high: np.ndarray


class Slack(NamedTuple):
    """What errors of the data do, cell by cell.

    Attributes
    ----------
    growth : (n,)
        Errors of the state that a unit of time makes.
    residual, pull : (n,)
        By how much v and c may differ from b·u − r and χ·u − Rr.
    offset, feedback : float
        Rr, and a bound of R + ‖b‖².
    """

    growth: np.ndarray
    residual: np.ndarray
    pull: np.ndarray
    offset: float
    feedback: float


@compiled
@no_type_check
def narrowed(flow, tube, slack, passes):
    """Narrow a tube in place, by both envelopes and what follows; False where it is empty."""
    count = tube.edges.size - 1
    last = np.inf
    for _ in range(passes):
        _tell_edges(tube)
        clip = np.minimum(tube.cell_low, 0.0)
        high, turn_high, cell_high, cell_turn, _, _, fine = upper_envelope(
            flow, 1.0, tube.edges, clip, tube.high, tube.turn_high, slack.growth, slack.residual
        )
        if fine:
            for i in range(count + 1):
                tube.high[i] = min(tube.high[i], high[i])
                tube.turn_high[i] = min(tube.turn_high[i], turn_high[i])
            for i in range(count):
                tube.cell_high[i] = min(tube.cell_high[i], cell_high[i])
                pull = cell_turn[i] - slack.offset
                pull += slack.pull[i] + 4 * UNIT * (abs(cell_turn[i]) + abs(slack.offset))
                tube.pull_high[i] = min(tube.pull_high[i], pull)
        clip = np.minimum(-tube.cell_high, 0.0)
        low, turn_low, cell_low, cell_turn, _, _, fine = upper_envelope(
            flow, -1.0, tube.edges, clip, -tube.low, -tube.turn_low, slack.growth, slack.residual
        )
        if fine:
            for i in range(count + 1):
                tube.low[i] = max(tube.low[i], -low[i])
                tube.turn_low[i] = max(tube.turn_low[i], -turn_low[i])
            for i in range(count):
                tube.cell_low[i] = max(tube.cell_low[i], -cell_low[i])
                pull = -cell_turn[i] - slack.offset
                pull -= slack.pull[i] + 4 * UNIT * (abs(cell_turn[i]) + abs(slack.offset))
                tube.pull_low[i] = max(tube.pull_low[i], pull)
        if not _carry_on(tube, slack.feedback):
            return False
        width = 0.0
        for i in range(count):
            if tube.cell_low[i] < 0.0 < tube.cell_high[i]:
                part = tube.cell_high[i] - tube.cell_low[i]
                width += part * (tube.edges[i + 1] - tube.edges[i])
        if width == 0.0 or width > 0.95 * last:
            break
        last = width
    return True


@borrowing
@no_type_check
def _tell_edges(tube):
    """At an edge hold the bounds of both cells."""
    for i in range(tube.edges.size):
        if i > 0:
            tube.low[i] = max(tube.low[i], tube.cell_low[i - 1])
            tube.high[i] = min(tube.high[i], tube.cell_high[i - 1])
        if i < tube.edges.size - 1:
            tube.low[i] = max(tube.low[i], tube.cell_low[i])
            tube.high[i] = min(tube.high[i], tube.cell_high[i])


@borrowing
@no_type_check
def _carry_on(tube, feedback):
    """What follows for other times; False where the bounds contradict each other."""
    count = tube.edges.size - 1
    for _ in range(_SWEEPS):
        _tell_edges(tube)
        changed = False
        for i in range(count):
            if tube.cell_high[i] > 0.0 and tube.high[i] <= 0.0 and tube.pull_high[i] <= 0.0:
                tube.cell_high[i], changed = 0.0, True
                tube.high[i + 1] = min(tube.high[i + 1], 0.0)
            if tube.cell_low[i] < 0.0 and tube.low[i] >= 0.0 and tube.pull_low[i] >= 0.0:
                tube.cell_low[i], changed = 0.0, True
                tube.low[i + 1] = max(tube.low[i + 1], 0.0)
        for i in range(count - 1, -1, -1):
            step = tube.edges[i + 1] - tube.edges[i]
            exponent = 1.0000001 * feedback * step
            if exponent > _LONGEST:
                grown, added = np.inf, np.inf
            else:
                grown = np.exp(exponent) * (1.0 + 16 * UNIT)
                added = (grown - 1.0) / feedback if exponent > 1e-6 else 1.000002 * step
            rise, fall = max(tube.pull_high[i], 0.0), max(-tube.pull_low[i], 0.0)
            below = max(-tube.low[i + 1], 0.0)
            below = (below * grown if below > 0.0 else 0.0) + (rise * added if rise > 0.0 else 0.0)
            above = max(tube.high[i + 1], 0.0)
            above = (above * grown if above > 0.0 else 0.0) + (fall * added if fall > 0.0 else 0.0)
            if -below > tube.cell_low[i]:
                changed = changed or below == 0.0
                tube.cell_low[i] = -below
            if above < tube.cell_high[i]:
                changed = changed or above == 0.0
                tube.cell_high[i] = above
            tube.low[i] = max(tube.low[i], -below)
            tube.high[i] = min(tube.high[i], above)
        for i in range(count):
            if tube.cell_low[i] > tube.cell_high[i] or tube.pull_low[i] > tube.pull_high[i]:
                return False
        for i in range(count + 1):
            if tube.low[i] > tube.high[i] or tube.turn_low[i] > tube.turn_high[i]:
                return False
        if not changed:
            break
    return True


@compiled
@no_type_check
def reached(rates, start, row, drive, norms, relative, tube):
    """Bounds of |u_j| at the edges and in the cells, and of what drives it, from those of v."""
    count, size = tube.edges.size - 1, rates.size
    at, within, force = (
        np.empty((count + 1, size)),
        np.empty((count, size)),
        np.empty((count, size)),
    )
    for j in range(size):
        at[0, j] = start[j]
    for i in range(count):
        step = tube.edges[i + 1] - tube.edges[i]
        largest = max(tube.cell_high[i], -tube.cell_low[i], 0.0)
        for j in range(size):
            force[i, j] = (1.0 + relative) * (row[j] * largest + drive[j])
            decay, held = decay_and_held(rates[j], step)
            pushed = held * force[i, j]
            later = (1.0 + relative) * (decay * at[i, j] + pushed)
            at[i + 1, j] = min(later, norms[i + 1])
            within[i, j] = min((1.0 + relative) * (at[i, j] + pushed), norms[i + 1])
    return at, within, force
