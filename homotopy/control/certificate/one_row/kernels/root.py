"""The root of most searches of one row in a single call: the exact tube, and a bound that closes.

From controls that are as good as any, most likely, to the proof that none beat them by more than a
gap: where a tube without gaps lets one q of the dual suffice, or the order of the ends of the tube
does (`order`). All else is for the driver (`search`).
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.backward import Levels, carried
from homotopy.control.certificate.one_row.kernels.ordering import farthest, wrong_sides
from homotopy.control.certificate.one_row.kernels.posed import (
    arrived,
    filled,
    gamma,
    measured,
    norm_of,
    operations_of,
)
from homotopy.control.certificate.one_row.kernels.ranges import (
    flow_of,
    grid_of,
    reach_of,
    slack_of,
)
from homotopy.control.certificate.one_row.kernels.tube import Tube, narrowed, reached
from homotopy.control.certificate.one_row.kernels.units import OUTWARD
from homotopy.control.certificate.one_row.kernels.weights import arranged
from homotopy.numerics.compiled import compiled, inner

_CERTAIN = 1e-10  # of the cost: known as exactly as that, it needs no second look
_NEGLIGIBLE = 1e-9  # errors of v, of its scale
_REACHED = 1e-20  # of the cost at the start: a cost that counts as zero
_PASSES = 3


@compiled
@no_type_check
def closed_root(posed, delay, rounding, initial, switches, gap, uniform, geometric):
    """The cost of controls, between what numbers it lies, and a bound that none can beat.

    Parameters
    ----------
    posed : Posed
        With the start at time 0.
    delay : float
        For so long ε = 1, before the controls begin.
    rounding : float
        A distance from the goal that counts as none.
    initial : int
    switches : (m,)
    gap : float
    uniform, geometric : int
        Of the edges of the grid: so many equal cells, and so many times besides, from early on.

    Returns
    -------
    closed : bool
        Whether the bound is within the gap of the cost; else the rest is not to be used.
    cost, error, bound, floor : float
    evaluations : int
        Of the dual.
    """
    size, failed = posed.rates.size, (False, 0.0, 0.0, 0.0, 0.0, 0)
    relative, known = gamma(operations_of(size)), measured(posed)
    start, start_errors, none = posed.start, posed.start_errors, np.empty(0)
    first = norm_of(start_errors)
    if delay > 0.0:
        start, error = arrived(posed, known, start, first, 1, none, 0, delay, 0.0)
        start_errors = filled(size, error)
        first = norm_of(start_errors)
    goal_error = norm_of(posed.goal_errors)
    end, error = arrived(
        posed, known, start, first, initial, switches, switches.size, posed.span, posed.time_error
    )
    apart, before, goal_size = np.empty(size), 0.0, np.empty(size)
    start_size, outward = np.empty(size), 1.0 + gamma(4)
    for j in range(size):
        apart[j] = end[j] - posed.goal[j]
        before += (start[j] - posed.goal[j]) ** 2
        goal_size[j] = outward * (abs(posed.goal[j]) + posed.goal_errors[j])
        start_size[j] = outward * (abs(start[j]) + start_errors[j])
    distance = norm_of(apart)
    error += goal_error + gamma(size + 8) * (distance + norm_of(goal_size))
    cost = 0.5 * distance * distance
    low, high = 0.5 * max(distance - error, 0.0) ** 2, 0.5 * (distance + error) ** 2
    error = max(high - cost, cost - low)
    blur = 0.5 * max(first + goal_error, rounding) ** 2
    floor = max(0.5 * _REACHED * before, blur)
    row_norm = norm_of(posed.row)
    if cost <= floor or high - low > _CERTAIN * high or error > 0.5 * gap * cost or row_norm == 0.0:
        return failed
    needed = max((cost + error) * (1.0 - gap), 0.0)

    edges = grid_of(posed, uniform, geometric)
    reach = reach_of(posed, known, start_size, edges)
    flow, rayleigh = flow_of(posed, known, start, first)
    count, most = edges.size - 1, reach.most
    tube = Tube(
        edges,
        filled(count + 1, -most), filled(count + 1, most),
        filled(count + 1, -np.inf), filled(count + 1, np.inf),
        filled(count, -most), filled(count, most),
        filled(count, -np.inf), filled(count, np.inf),
    )  # fmt: skip
    within, largest = reach.within, reach.largest
    for look in range(2):
        slack = slack_of(posed, known, rayleigh, within, largest)
        narrowed(flow, tube, slack, _PASSES)
        at, within, force = reached(
            posed.rates, start_size, known.row, reach.drive, reach.norms, relative, tube
        )
        made, near = 0.0, 0.0
        for i in range(count):
            made += slack.growth[i] * (edges[i + 1] - edges[i])
            near = max(near, slack.residual[i])
        if look > 0 or made * flow.row_norm + near <= _NEGLIGIBLE * flow.scale:
            break
        # The errors of the data profit from what is known of v.
        for i in range(count):
            largest[i] = max(tube.cell_high[i], -tube.cell_low[i], 0.0)
    signed, most = True, 0.0
    for i in range(count):
        signed = signed and not tube.cell_low[i] < 0.0 < tube.cell_high[i]
        most = max(most, tube.cell_high[i], -tube.cell_low[i])
    # What an entry of |q| costs for the goal's errors and the horizon's.
    unsure = np.empty(size)
    last = max(tube.cell_high[count - 1], -tube.cell_low[count - 1], 0.0)
    for j in range(size):
        velocity = posed.rates[j] * at[count, j] + last * known.row[j] + reach.drive[j]
        unsure[j] = relative * goal_size[j] + posed.goal_errors[j] + posed.time_error * velocity
    if signed:
        bound = _by_dual(posed, known, tube, (at, within, force), start, start_size, start_errors,
                         apart, unsure)  # fmt: skip
    else:
        bound = _by_order(posed, flow, tube, slack, unsure, most)
    return bound >= needed, cost, error, bound, floor, 1 if signed else 0


@inner
@no_type_check
def _by_dual(posed, known, tube, states, start, start_size, start_errors, costate, unsure):
    """½ (D/‖q‖)², from below, on a tube without gaps: as `node.Dual` and `Point`."""
    size, relative = costate.size, gamma(operations_of(costate.size))
    levels = Levels(
        np.array([0.0, 1.0]), known.rates, known.observed, known.seen, known.rotations,
        known.defect, known.skew, posed.row, known.row, posed.row_errors, posed.force,
        posed.residual, known.residual, posed.residual_error, start,
        relative * start_size + start_errors, relative,
    )  # fmt: skip
    at, within, force = states
    node = arranged(levels.weights, tube, at, within, force)
    count = node.sign.size
    value, _error, _used = carried(
        levels, node, costate, count, np.empty((0, size)), np.empty(0), np.empty(0),
        np.empty((8 * count + 400, 7)), np.zeros(count),
    )  # fmt: skip
    offset, slip, square = 0.0, 0.0, 0.0
    for j in range(size):
        offset += costate[j] * posed.goal[j]
        slip += abs(costate[j]) * unsure[j]
        square += costate[j] * costate[j]
    value = value - offset - OUTWARD * slip - gamma(4) * (abs(value) + abs(offset))
    if not (value > 0.0 and square > 0.0):
        return 0.0
    return 0.5 * value * value / square * (1.0 - gamma(size + 8))


@inner
@no_type_check
def _by_order(posed, flow, tube, slack, unsure, most):
    """The farthest end, where no schedule gets as far as the goal: as `order.order_bound`."""
    size, best = posed.rates.size, 0.0
    relative = gamma(size + 8)
    costate, against = np.empty(size), np.empty(size)
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        end, error = farthest(flow, sign, tube.edges, slack)
        square, slip, rounding = 0.0, 0.0, 0.0
        for j in range(size):
            costate[j] = end[j] - posed.goal[j]
            against[j] = -sign * costate[j]
            square += costate[j] * costate[j]
            slip += abs(costate[j]) * unsure[j]
            rounding += relative * abs(costate[j]) * (abs(end[j]) + abs(posed.goal[j]))
        if not (square > 0.0 and error < np.inf):
            continue
        # b·p of its costate is to have the other sign than what drives the end.
        slip += most * wrong_sides(flow, against, posed.span)
        value = square - OUTWARD * (np.sqrt(square) * error + slip + rounding)
        if value > 0.0:
            best = max(best, 0.5 * value * value / square * (1.0 - relative))
    return best
