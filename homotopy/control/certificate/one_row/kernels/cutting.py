"""Which values v and χ·u can have if the schedule is to beat the best one known, compiled.

Schedules of cost below ½ρ² satisfy n·(u(T) − goal) ≤ ρ for every unit vector n. A multiple m ≥ 0 of
that inequality may be added to a functional f·u(t): its least value is bounded by the dual as well,
from f at t and m times the costate of n. Any m gives a bound; a few are tried.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.backward import carried
from homotopy.control.certificate.one_row.kernels.units import OUTWARD, UNIT
from homotopy.numerics.compiled import compiled

_TRIALS = 6  # multiples, for each bound
_FACTOR = 3.0  # from one to the next


@compiled
@no_type_check
def cut(levels, node, tube, slack, turning, unturned, normal, radius, places, turns):
    """Narrow a tube at some edges, in place; False where no schedule with n·u(T) ≤ radius is left.

    Parameters
    ----------
    levels : Levels
    node : Node
    tube : Tube
    slack : (n,)
        By how much the residual that is meant may differ from b·u − r.
    turning, unturned : (d,)
        χ, and its rounding.
    normal : (d,)
    radius : float
    places : (k,)
        Edges, in the order of time.
    turns : bool
        Whether χ·u is bounded as well.
    """
    size, count = normal.size, node.edges.size - 1
    trail, values = np.empty((count + 1, size)), np.empty(count + 1)
    errors, losses = np.empty(count + 1), np.zeros(count)
    pieces = np.empty((8 * count + 400, 7))
    base, _, _ = carried(levels, node, normal, count, trail, values, errors, pieces, losses)
    if base > radius:
        return False
    short = max(radius - base, 1e-9 * abs(radius), 1e-300)
    spare_trail, spare = np.empty((0, size)), np.empty(0)
    costate = np.empty(size)
    multiples = np.zeros(4)
    for index in range(places.size):
        place = places[index]
        near = max(slack[max(place - 1, 0)], slack[min(place, count - 1)])
        for kind in range(4 if turns else 2):
            sign = 1.0 if kind % 2 == 0 else -1.0
            width = tube.high[place] - tube.low[place]
            if kind > 1:
                width = tube.turn_high[place] - tube.turn_low[place]
            if width <= 0.0:
                continue
            multiple = multiples[kind]
            if multiple == 0.0:
                multiple = 0.3 * width / short
            best, best_multiple, factor, turned = -np.inf, multiple, _FACTOR, 0
            for _ in range(_TRIALS):
                error = 0.0
                for j in range(size):
                    part = multiple * trail[place, j]
                    functional = sign * (turning[j] if kind > 1 else levels.row[j])
                    costate[j] = functional + part
                    slip = UNIT * (abs(part) + abs(costate[j]))
                    error += (slip + (unturned[j] if kind > 1 else 0.0)) * node.at[place, j]
                least, _, _ = carried(
                    levels, node, costate, place, spare_trail, spare, spare, pieces, losses
                )
                added = multiple * (values[place] - radius)
                error += multiple * errors[place]
                error += 4 * UNIT * (abs(least) + multiple * (abs(values[place]) + abs(radius)))
                least += added - OUTWARD * error
                if least > best:
                    best, best_multiple = least, multiple
                    multiple *= factor
                else:
                    turned += 1
                    if turned > 1:
                        break
                    factor = 1.0 / factor
                    multiple = best_multiple * factor
            multiples[kind] = best_multiple
            if kind > 1:
                if sign > 0.0:
                    tube.turn_low[place] = max(tube.turn_low[place], best)
                else:
                    tube.turn_high[place] = min(tube.turn_high[place], -best)
                continue
            margin = near + 4 * UNIT * (abs(best) + levels.residual_size)
            if sign > 0.0:
                tube.low[place] = max(tube.low[place], best - levels.residual - margin)
            else:
                tube.high[place] = min(tube.high[place], -best - levels.residual + margin)
    return True
