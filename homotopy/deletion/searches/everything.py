"""All of E_s, with a lower bound: the global optimum of linear regression, certified."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import equinox as eqx
import numpy as np

from homotopy._checks import integer, number, seconds
from homotopy._deadline import Deadline
from homotopy._progress import Monitor
from homotopy._tables import Table
from homotopy.control.certificate import Certificate, certified_optimum
from homotopy.deletion.bridges.bang_bang_schedules import control_of, schedule_of
from homotopy.deletion.bridges.residual_system import closed_certificate, common_schedule
from homotopy.deletion.controllability import Controllability, controllability
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import Optimum, OptimumStatus
from homotopy.deletion.request import has_closed_form
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.schedules import AbstractSchedule

_BEST_FINITE_GAP = 1e-12


class Certified:
    """What an optimum with a `certificate` tells of it."""

    certificate: Certificate

    @property
    def gap(self) -> float:
        """By how much of itself ℰ can at most be lowered: (cost − lower bound)/cost, where for the
        cost stands the most that it may be; 0 where the target is reached."""
        return self.certificate.gap

    @property
    def nodes(self) -> int:
        """Of branch and bound; 1 where the bound at the root was enough."""
        return self.certificate.nodes

    @property
    def root_bound(self) -> float:
        """The lower bound before branching."""
        return self.certificate.root_bound

    @property
    def history(self) -> tuple[tuple[int, float, float], ...]:
        """(evaluations, cost, lower bound), as the search went on."""
        return self.certificate.history

    @property
    def resolution(self) -> float:
        """ℰ below which the target is reached to rounding: the gap is then 0."""
        return self.certificate.resolution

    @property
    def cost_error(self) -> float:
        """ℰ of the schedules differs from `cost` by no more, as the data and θ₀ stand.

        It is the rounding of all that was computed from them. It counts in `gap`, and the lower
        bound holds with it.
        """
        return self.certificate.cost_error

    def _table(self) -> Table:
        evaluations, costs, bounds = zip(*self.history, strict=True)
        columns = [("cost", list(costs)), ("lower bound", list(bounds))]
        order = np.arange(len(costs))[::-1]
        about = "cost and lower bound as the search went on, the last first"
        return Table(columns, [("evaluations", list(evaluations))], order, about)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CertifiedOptimum(Certified, Optimum):
    """A schedule with a bound that no measurable ε in E_s can beat.

    Attributes
    ----------
    certificate : Certificate
        Of branch and bound, whose numbers can also be read here.
    """

    certificate: Certificate = dataclasses.field(kw_only=True)

    @cached_property
    def controllability(self) -> Controllability:
        """Whether the theorem "no singular arcs" applies."""
        return controllability(self.deletion, self.certificate.reached)


class Everything(AbstractSearch):
    """Every measurable ε in E_s: branch and bound with the concave dual of theory §4.

    The result holds for linear regression, of any size and rank, and says by how much any other
    schedule could at most be better: no measurable ε(t) has an ℰ below `lower_bound`, in exact
    arithmetic on any data within their rounding of those given
    (`homotopy.control.certificate.rounding` says of which processors).

    For one deleted point, or several that are multiples of one, the search begins with the exact
    range of the residual (`hm.reachable`; docs/certificate.md), and the gap closes for influential
    points as for others; it closes slowly where the residual may change sign many times. For
    several points with one ε(t) the lower bound is proved too, from ellipsoids that hold all
    residuals, but it may stay below the optimum, or 0: signs of the residuals no longer decide by
    themselves, there is nothing to branch on, and the search ends with the bound at the root. For
    other models than linear regression nothing is claimed.

    Parameters
    ----------
    gap : float
        (cost − lower bound)/cost to reach. Where rounding leaves the cost less certain than that,
        which happens very near the target, the status is `bounded`, and the gap says so.
    time_limit : float
        Seconds of computing, 60 by default, after which the gap so far is returned, with the status
        `bounded`. Loops are compiled once on a machine, which may take a minute: that is not
        counted, and the line of progress says so. What sets the problem up in a new process is
        waited for, about a second: longer limits are kept to within a tenth.
    max_nodes : int
        Of branch and bound.

    Raises
    ------
    ValueError
        For a `gap`, `time_limit` or `max_nodes` out of its range.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [0.5], start=0.0, horizon=1.0)
    >>> best = hm.optimise(deletion, over=hm.Everything())
    >>> best.structure, best.gap < 1e-6
    ('0 throughout', True)
    """

    gap: float = eqx.field(default=1e-6, static=True)
    time_limit: float = eqx.field(default=60.0, static=True)
    max_nodes: int = eqx.field(default=20_000, static=True)

    def __check_init__(self):
        check_limits(self.gap, self.time_limit, self.max_nodes)

    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> CertifiedOptimum:
        if not has_closed_form(deletion):
            deletion.require_closed_form("over: Everything()")  # says so
        deadline, found = Deadline(self.time_limit), None
        if warm_start is None:
            report = reporting(self, monitor)
            found = closed_certificate(deletion, self.gap, deadline, report)
        if found is None:
            starts = () if warm_start is None else ((control_of(deletion, warm_start),),)
            found = run_certificate(common_schedule(deletion), self, deadline, starts, monitor)
        return CertifiedOptimum(
            schedule=schedule_of(deletion, found.controls[0]),
            cost=found.cost,
            deletion=deletion,
            status=certificate_status(found),
            lower_bound=found.lower_bound,
            evaluations=found.evaluations,
            certificate=found,
        )


def check_limits(gap, time_limit, max_nodes) -> None:
    """Refuse limits that make no sense, by name."""
    number(
        "gap",
        gap,
        f"a number in [{_BEST_FINITE_GAP:g}, 1)",
        lambda x: _BEST_FINITE_GAP <= x < 1.0,
    )
    seconds("time_limit", time_limit)
    integer("max_nodes", max_nodes)


def run_certificate(system, search, deadline: Deadline, starts, monitor: Monitor) -> Certificate:
    """Certify under the limits of a search, with progress."""
    report = reporting(search, monitor)
    return certified_optimum(system, search.gap, deadline, search.max_nodes, starts, report)


def reporting(search, monitor: Monitor) -> Callable[[int, float, float], None]:
    """What passes on how far a search under its limits is."""

    def report(nodes: int, cost: float, bound: float) -> None:
        monitor.report(min(nodes, search.max_nodes), search.max_nodes, cost)

    return report


def certificate_status(found: Certificate) -> OptimumStatus:
    """What a certificate proves."""
    if found.reached:
        return OptimumStatus.reached
    if found.finished:
        return OptimumStatus.certified
    return OptimumStatus.interrupted if found.interrupted else OptimumStatus.bounded
