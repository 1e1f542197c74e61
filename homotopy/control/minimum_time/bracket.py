"""Neighbouring horizons, the one enough and the other not, by the best controls on cells."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy.control.cell_optimum import CellsOptimum, cells_mesh, optimise_cells
from homotopy.control.minimum_time.result import LeastHorizon, LeastHorizonStatus

# Of the largest horizon: how closely the horizon is bracketed before its structure is read.
_BRACKET = 2.0**-9


class Enough:
    """The least horizon known to be enough, and until when a smaller one is looked for."""

    def __init__(self, time_limit):
        self.deadline, self.horizon = Deadline(time_limit), np.inf

    def check(self, ended: str | None) -> None:
        """Go on, or end as what was called has ended."""
        if ended == "interrupted":
            raise KeyboardInterrupt
        if ended == "time_limit":
            raise OutOfTime
        self.deadline.check()


def limited(search, cells, residual_tolerance, time_limit) -> LeastHorizon:
    """Run a search until it ends, or its time, or the user's patience."""
    enough = Enough(time_limit)
    try:
        return enough.deadline.keep(lambda: search(cells, residual_tolerance, enough), lambda: True)
    except (OutOfTime, KeyboardInterrupt) as stop:
        timed = isinstance(stop, OutOfTime)
        status = LeastHorizonStatus.time_limit if timed else LeastHorizonStatus.interrupted
        return LeastHorizon(enough.horizon, (), None, None, np.nan, status, None, {"cells": cells})


def at(system, horizon):
    """The system with another horizon."""
    return eqx.tree_at(lambda s: s.horizon, system, jnp.asarray(horizon, system.horizon.dtype))


def bracket(system, wanted, cells, enough):
    """Neighbouring horizons, the best cost on cells above `wanted` at the first and not the second.

    With the optima on cells there; None where even the largest horizon is not enough.
    """
    start, largest = float(system.start), float(system.horizon)
    mesh = cells_mesh(system, cells)
    evaluations = 0

    def best(horizon, starts) -> CellsOptimum:
        nonlocal evaluations
        optimum = optimise_cells(
            at(system, horizon), cells, starts, mesh=mesh, time_limit=enough.deadline
        )
        evaluations += optimum.evaluations
        if optimum.cost <= wanted:
            enough.horizon = min(enough.horizon, horizon)
        enough.check(optimum.ended)
        return optimum

    low, high = start, largest
    below, above = None, best(high, None)
    if above.cost > wanted:
        return None, evaluations
    while high - low > _BRACKET * (largest - start):
        middle = (low + high) / 2
        values = np.asarray(above.control.values)
        warm = np.clip(values, float(system.lower), float(system.upper))
        centre = float(system.lower + system.upper) / 2
        optimum = best(middle, (warm, centre))
        if optimum.cost <= wanted:
            high, above = middle, optimum
        else:
            low, below = middle, optimum
    return (low, below, high, above), evaluations
