"""A lower bound by order: where no schedule gets as far as the goal, the farthest one is the best.

All schedules end between two feedback trajectories in the order of a cone (docs/certificate.md,
Theorem 4): so f·u(T) is least at one of the two ends for every f that the order respects. Where
f = u(T) − goal of an end is such a functional, that end is the optimum, however often the residual
may change its sign.
"""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.one_row.kernels import Tube, farthest, wrong_sides
from homotopy.control.certificate.one_row.node import Bounder
from homotopy.control.certificate.rounding import OUTWARD, gamma


def order_bound(bounder: Bounder, tube: Tube) -> float:
    """A lower bound of the cost from the two ends of the exact tube; 0 where there is none.

    Parameters
    ----------
    bounder : Bounder
    tube : Tube
        The exact one, on the base grid.
    """
    row, system = bounder.row, bounder.row.system
    slack, relative = bounder.slack(tube.edges), gamma(system.rates.size + 8)
    unsure = bounder.end_errors(tube)
    most = float(np.max(np.maximum(tube.cell_high, -tube.cell_low)))
    best = 0.0
    for sign in (1.0, -1.0):
        end, error = farthest(row.flow, sign, tube.edges, slack)
        costate = end - system.goal
        square, length = float(costate @ costate), float(np.linalg.norm(costate))
        # b·p of its costate is to have the other sign than what drives the end.
        slip = most * wrong_sides(row.flow, -sign * costate, system.span)
        absolute = np.abs(costate)
        rounding = relative * (absolute @ (np.abs(end) + np.abs(system.goal)))
        value = square - OUTWARD * (length * error + slip + absolute @ unsure + rounding)
        if value > 0.0:
            best = max(best, float(0.5 * value**2 / square * (1.0 - relative)))
    return best
