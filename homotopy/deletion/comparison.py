"""Schedules side by side: the error each leaves at the horizon, and the time it would need."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from homotopy._display import Displayed, Entries, number
from homotopy._result import Result
from homotopy._saving import Saved
from homotopy._tables import Table
from homotopy.deletion._time_to_reach import costs_along, time_to_reach
from homotopy.deletion.default_times import displacement
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.searches.steps import best_step
from homotopy.schedules import AbstractSchedule, BangBang, Membership, Polynomial, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BASELINE = "delete at once"
OPTIMUM = "optimum"  # over all of E_s, where it is asked for
GRID = 512  # times at which a path is looked at


@dataclasses.dataclass(frozen=True, repr=False)
class ComparedSchedule(Displayed, Saved):
    """One line of a `Comparison`.

    Attributes
    ----------
    name, schedule
        As given.
    cost : float
        ℰ = ½‖θ(T) − target‖².
    ratio : float
        ℰ over that of the baseline 1_[0,s]; infinity where the baseline reaches the target.
    remainder : float
        ‖θ(T) − target‖ / ‖θ* − θ*₋‖: the part left of what the deletion has to undo; NaN where
        the deletion moves nothing.
    time : float or None
        The first time t ≥ s at which ½‖θ(t) − target‖² is down to the ℰ of the best; None if
        never.
    membership : Membership
        Whether it is in E_s, and so a way to carry out the deletion.
    """

    name: str
    schedule: AbstractSchedule
    cost: float
    ratio: float
    remainder: float
    time: float | None
    membership: Membership

    def _entries(self) -> Entries:
        yield "name", self.name
        yield "schedule", repr(self.schedule)
        yield "cost", f"{number(self.cost)}, {number(self.ratio, 4)} of that of the baseline"
        yield "remainder", self.remainder
        yield "time", "never" if self.time is None else self.time
        yield "in E_s", bool(self.membership)


@dataclasses.dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Schedules compared on one deletion problem.

    Attributes
    ----------
    deletion : Deletion
    entries : tuple of ComparedSchedule
        In the order given.
    best : ComparedSchedule
        The one of least ℰ among those in E_s.
    baseline_cost : float
        ℰ of 1_[0,s]: the deleted points are left out from the request on.
    """

    deletion: Deletion
    entries: tuple[ComparedSchedule, ...]
    best: ComparedSchedule
    baseline_cost: float

    def _entries(self) -> Entries:
        yield "deleted", self.deletion.problem.deleted_names
        yield "schedules", len(self.entries)
        yield "best", f"{self.best.name}, cost {number(self.best.cost)}"
        yield "delete at once", f"cost {number(self.baseline_cost)}"

    def _table(self) -> Table:
        names = ("cost", "ratio", "remainder", "time")
        columns = [(name, [getattr(one, name) for one in self.entries]) for name in names]
        columns.append(("in E_s", np.array([bool(one.membership) for one in self.entries])))
        index = [("schedule", [one.name for one in self.entries])]
        order = np.argsort([one.cost for one in self.entries], kind="stable")
        return Table(columns, index, order, "least cost first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """ℰ of each schedule, on a logarithmic scale; those outside of E_s are hollow.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.costs import draw_costs

        names, costs = zip(*((one.name, one.cost) for one in self.entries), strict=True)
        admissible = [bool(one.membership) for one in self.entries]
        return draw_costs(names, np.array(costs), admissible, ax, **options)

    def __getitem__(self, name: str) -> ComparedSchedule:
        """The entry of that name; `KeyError` where there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)


def standard_schedules(deletion: Deletion) -> dict[str, AbstractSchedule]:
    """What every schedule should be compared with, by name.

    Five ways to carry out the deletion: at once (the baseline 1_[0,s]), by the best single step,
    by a linear and by a quadratic decay from s to T, and at the horizon. And two to compare with,
    which are not in E_s: never delete, and training without the deleted points from time 0 on
    (in E_s where s = 0). Few families, so that few are compiled: a `Polynomial` for the `Ramp`,
    and steps for the constants.
    """
    start, horizon = deletion.start, deletion.horizon
    return {
        BASELINE: Step(start),
        "best single step": best_step(deletion).schedule,
        "linear decay": Polynomial(start, horizon, 1.0),
        "quadratic decay": Polynomial(start, horizon, 2.0),
        "delete at the horizon": Step(horizon),
        "never delete": BangBang([], initial=1),
        "never trained on": Step(0.0),
    }


def compare(
    deletion: Deletion, schedules: Mapping[str, AbstractSchedule] | None = None
) -> Comparison:
    """ℰ of each schedule, and when each would reach the ℰ of the best.

    Parameters
    ----------
    deletion : Deletion
    schedules : mapping of str to AbstractSchedule, optional
        `standard_schedules(deletion)` by default. At least one has to be in E_s.

    Raises
    ------
    TypeError
        For a problem without closed form.
    ValueError
        Where no schedule is in E_s, naming what is wrong with each.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion.comparison import compare
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [1.0], start=0.0, horizon=1.0)
    >>> steps = compare(deletion, {"at once": hm.Step(0.0), "late": hm.Step(0.5)})
    >>> steps.best.name, round(steps["late"].cost, 5)  # ½ (½ + ½/e)² e⁻¹
    ('at once', 0.08604)
    >>> round(steps["late"].time, 5)  # log(½ + ½/e) + ½ beyond 1
    1.12011
    """
    deletion.require_closed_form("compare")
    if schedules is None:
        schedules = standard_schedules(deletion)
    costs = {name: _cost(deletion, schedule) for name, schedule in schedules.items()}
    memberships = {name: deletion.membership(schedule) for name, schedule in schedules.items()}
    admissible = [name for name in schedules if memberships[name]]
    if not admissible:
        reasons = "; ".join(f"{name}: {memberships[name].reason}" for name in schedules)
        raise ValueError(f"schedules: expected at least one in E_s, got none ({reasons}).")
    best = min(admissible, key=costs.__getitem__)
    baseline = _cost(deletion, Step(deletion.start))
    moved = float(np.linalg.norm(displacement(deletion.problem, deletion.theta0)))
    entries = {
        name: ComparedSchedule(
            name=name,
            schedule=schedule,
            cost=costs[name],
            ratio=_ratio(costs[name], baseline),
            remainder=math.sqrt(2 * costs[name]) / moved if moved > 0 else math.nan,
            time=_time(deletion, schedule, costs[name], costs[best]),
            membership=memberships[name],
        )
        for name, schedule in schedules.items()
    }
    return Comparison(deletion, tuple(entries.values()), entries[best], baseline)


def _ratio(cost: float, baseline: float) -> float:
    if baseline > 0:
        return cost / baseline
    return 1.0 if cost == 0 else math.inf


def _cost(deletion, schedule) -> float:
    """ℰ, by the function that `time_to_reach` has compiled for the schedule anyway."""
    times = np.full(GRID, float(deletion.horizon))
    return float(costs_along(deletion, schedule, times)[0][-1])


def _time(deletion, schedule, cost, best) -> float | None:
    horizon = float(deletion.horizon)
    # The target itself is reached at T or only in the limit.
    time = time_to_reach(deletion, schedule, best, grid=GRID) if best > 0 else None
    if cost <= best:  # so at T at the latest, whatever the last digit says
        return horizon if time is None else min(time, horizon)
    return time
