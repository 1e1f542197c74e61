"""The values that the residual of a deleted point can take at all, over every schedule."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from homotopy._display import Entries, number
from homotopy._result import Result
from homotopy._tables import Table
from homotopy.deletion.bridges.residual_system import common_rows
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import Optimum
from homotopy.flows import flow
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ReachableResidual(Result):
    """The exact range of v(t) = xᵀθ(t) − y over all measurable schedules in E_s.

    Attributes
    ----------
    deletion : Deletion
    times : (m,)
        From s to T.
    lower, upper : (m,)
        No schedule has a residual below `lower` or above `upper`, whatever rounding did. Both are
        attained, to rounding, and each by one schedule for all times at once.
    signs : (m−1,)
        Of v between two times under every schedule: 1, −1, or 0 where it can be either.
    """

    deletion: Deletion
    times: Float[np.ndarray, " m"]
    lower: Float[np.ndarray, " m"]
    upper: Float[np.ndarray, " m"]
    signs: Int[np.ndarray, " m-1"]

    @property
    def problem(self):
        """Whose row is deleted."""
        return self.deletion.problem

    @property
    def keeps_sign(self) -> bool:
        """Whether no schedule changes the sign of v; choosing the best one is then convex."""
        return bool(np.all(self.signs == 1) or np.all(self.signs == -1))

    @property
    def open_share(self) -> float:
        """The part of [s, T] on which the sign of v depends on the schedule."""
        steps = np.diff(self.times)
        return float(steps[self.signs == 0].sum() / steps.sum())

    def residual(self, schedule: AbstractSchedule | Optimum) -> Float[np.ndarray, " m"]:
        """v at the times under a schedule, or that of an optimum.

        Raises
        ------
        TypeError
            Naming `schedule`.
        """
        schedule = schedule.schedule if isinstance(schedule, Optimum) else a_schedule(schedule)
        path = flow(self.problem, schedule, self.deletion.theta0, self.times)
        return residual_at(self.deletion, np.asarray(path.theta))

    def _entries(self) -> Entries:
        yield "deleted", self.problem.deleted_names
        yield "times", f"{number(self.times[0])} to {number(self.times[-1])}"
        yield "residual at s", number(0.5 * (self.lower[0] + self.upper[0]))
        yield "range at T", f"{number(self.lower[-1])} to {number(self.upper[-1])}"
        known = "the same under every schedule"
        if not self.keeps_sign:
            known = f"depends on the schedule on {100 * self.open_share:.3g} % of [s, T]"
        yield "sign", known

    def _table(self) -> Table:
        columns = [("lower", self.lower), ("upper", self.upper)]
        about = "least and largest residual of the deleted row that any schedule has"
        return Table(columns, [("time", self.times)], about=about, spread=True)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        schedule: AbstractSchedule | Optimum | None = None,
        **options,
    ) -> Axes:
        """The range against time, its signs, and the residual under a schedule inside.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        schedule : AbstractSchedule or Optimum, optional
            Whose v(t) is drawn as well, as the best one's.
        **options
            Of the band, for `Axes.fill_between`.
        """
        from homotopy.plotting.reachable import draw_reachable

        inside = None if schedule is None else self.residual(schedule)
        ranges = self.lower, self.upper
        return draw_reachable(self.times, ranges, self.signs, inside, ax, **options)


def residual_at(deletion: Deletion, theta: np.ndarray) -> np.ndarray:
    """v = b·(θ − θ*₋) − r of the one row that the deleted ones act as: (m, d) to (m,)."""
    problem = deletion.problem
    deleted = np.asarray(problem.deleted)
    if deleted.size == 1:
        return theta @ np.asarray(problem.X)[deleted[0]] - float(np.asarray(problem.y)[deleted[0]])
    rows, residual, _ = common_rows(deletion)
    modal = problem.modal
    centred = theta @ np.asarray(modal.basis) - np.asarray(modal.equilibrium)
    return centred @ rows[0] - residual[0]
