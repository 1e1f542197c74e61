"""One step, 1_[0,τ]: the best τ of all."""

from __future__ import annotations

import equinox as eqx

from homotopy._checks import integer
from homotopy._progress import Monitor
from homotopy.deletion.baselines import best_step
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.numerics.threads import interruptible
from homotopy.schedules import AbstractSchedule, Step


class Steps(AbstractSearch):
    """The schedules 1_[0,τ], s ≤ τ ≤ T: every local minimum, by the sign changes of dℰ/dτ.

    The minimum is that over all τ, but for two stationary points between neighbours of the grid.
    A warm start makes no difference.

    Parameters
    ----------
    grid : int, optional
        Number of τ at which dℰ/dτ is taken first, at least 8; see `best_step`.

    Raises
    ------
    ValueError
        Naming `grid`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> hm.optimise(deletion, over=hm.Steps()).structure
    '1→0 with switch at 0.549306'
    """

    grid: int | None = eqx.field(default=None, static=True)

    def __check_init__(self):
        if self.grid is not None:
            integer("grid", self.grid, 8)

    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> Optimum:
        best = interruptible(best_step, deletion, self.grid)
        minima = tuple(
            LocalMinimum(Step(switch), float(cost))
            for switch, cost in zip(best.minima, best.minimum_costs, strict=True)
        )
        return Optimum(
            schedule=best.schedule,
            cost=float(best.cost),
            deletion=deletion,
            status=OptimumStatus.family_optimum,
            minima=minima,
            evaluations=best.grid,
        )
