"""The least horizon of a deletion, and what proves it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from homotopy._display import Entries, number
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.deletion.optimum import Optimum
from homotopy.schedules import AbstractSchedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LeastTimeStatus(Status):
    """How a search for the least time ended, and what it proves."""

    __successes__ = ("certified", "at_start")

    certified = "the least horizon, proved to the width asked for"
    bounded = "reached, and proved not to be before `lower`; the bracket is wider than asked for"
    at_start = "nothing to do: at the request ℰ is that small already"
    approached = "not met up to `lower`; then ℰ is next to zero by decay, which bounds cannot tell"
    out_of_reach = "not reached; proved not to be reachable at any horizon up to `lower`"
    never = "not reachable at any horizon"
    interrupted = "interrupted: the bracket found until then"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LeastTime(Result, Reported):
    """The least horizon at which ℰ ≤ cost is reachable, with proofs from both sides.

    Attributes
    ----------
    cost : float
        The ℰ asked for.
    time : float
        A horizon at which `schedule` reaches that cost; infinite where none was found.
    lower : float
        No schedule in E_s reaches it at a horizon up to this one.
    schedule : AbstractSchedule or None
        In E_s for the horizon `time`.
    optimum : CertifiedOptimum or None
        At `time`; where nothing better than the baseline was reached, at the last horizon that was
        proved not to be enough.
    baseline_time : float or None
        When 1_[0,s] reaches that cost; None if never.
    status : LeastTimeStatus
    history : tuple of (horizon, cost, lower bound)
        Of V, as they were computed.
    start : float
        s.
    """

    cost: float
    time: float
    lower: float
    schedule: AbstractSchedule | None
    optimum: Optimum | None
    baseline_time: float | None
    status: LeastTimeStatus
    history: tuple[tuple[float, float, float], ...]
    start: float

    @property
    def width(self) -> float:
        """(time − lower)/(time − s): how closely the least time is known."""
        span = self.time - self.start
        return (self.time - self.lower) / span if 0.0 < span < np.inf else 0.0

    @property
    def saving(self) -> float | None:
        """1 − (time − s)/(baseline time − s): the part of the time saved; None without baseline."""
        if self.baseline_time is None or self.time == np.inf:
            return None
        span = self.baseline_time - self.start
        return 1.0 - (self.time - self.start) / span if span > 0.0 else 0.0

    def _entries(self) -> Entries:
        yield "cost asked for", self.cost
        yield "time", number(self.time, 9)
        yield "lower", number(self.lower, 9)
        if self.baseline_time is None:
            yield "delete at once", "never reaches it"
        else:
            saved = "" if self.saving is None else f", {100 * self.saving:.3g} % saved"
            yield "delete at once", f"at {number(self.baseline_time)}{saved}"
        yield "schedule", None if self.schedule is None else repr(self.schedule)
        yield "status", self.status

    def _table(self) -> Table:
        horizons, costs, bounds = zip(*self.history, strict=True) if self.history else ((), (), ())
        columns = [("cost", list(costs)), ("lower bound", list(bounds))]
        order = np.argsort(horizons, kind="stable")
        return Table(columns, [("horizon", list(horizons))], order, "least ℰ by horizon")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The least ℰ by horizon, as it was bounded, beside the ℰ asked for and the least time.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.bracket import draw_bracket

        history = np.array(self.history, float).reshape(-1, 3)
        times = self.lower, self.time, self.baseline_time
        return draw_bracket(history, self.cost, *times, ax, **options)
