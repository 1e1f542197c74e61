"""A schedule for each deleted point: the global optimum of a group, certified."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput
from homotopy._deadline import Deadline
from homotopy._display import Entries, number
from homotopy._progress import Monitor
from homotopy._result import Names, Result, names_of
from homotopy._status import Reported
from homotopy.control.certificate import Certificate, ResidualSystem
from homotopy.control.certificate.switching import states
from homotopy.deletion.bridges.bang_bang_schedules import control_of, schedule_of
from homotopy.deletion.bridges.residual_system import separate_schedules
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import OptimumStatus
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.deletion.searches.everything import (
    Certified,
    certificate_status,
    check_limits,
    run_certificate,
)
from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.schedules.structure import structure_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 3  # schedules in a few lines


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SeparateOptimum(Certified, Result, Reported):
    """Schedules ε_i(t), one for each deleted point, and a bound that no others can beat.

    Attributes
    ----------
    schedules : tuple of BangBang
        In the order of `deletion.problem.deleted`, each in E_s.
    deletion : Deletion
    certificate : Certificate
        Of branch and bound, whose numbers can also be read here.
    """

    schedules: tuple[BangBang, ...]
    deletion: Deletion
    certificate: Certificate
    _system: ResidualSystem = dataclasses.field(repr=False)

    @property
    def cost(self) -> float:
        """ℰ = ½‖θ(T) − target‖²."""
        return self.certificate.cost

    @property
    def lower_bound(self) -> float:
        """No measurable ε_i(t) in E_s cost less."""
        return self.certificate.lower_bound

    @property
    def evaluations(self) -> int:
        """Of the dual."""
        return self.certificate.evaluations

    @property
    def status(self) -> OptimumStatus:
        """What the certificate proves."""
        return certificate_status(self.certificate)

    def theta(self, times: ArrayInput) -> np.ndarray:
        """θ(t) under the schedules, at times in [s, T]: (m,) to (m, d)."""
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        times = np.asarray(times, dtype=float)
        if times.ndim != 1 or not np.all((times >= start) & (times <= horizon)):
            raise ValueError(f"times: expected a vector of times in [{start:g}, {horizon:g}].")
        controls = tuple(control_of(self.deletion, schedule) for schedule in self.schedules)
        centred = states(self._system, controls, times - start)
        modal = self.deletion.problem.modal
        return np.asarray(modal.parameters(jnp.asarray(centred) + modal.equilibrium[None, :]))

    @property
    def _names(self) -> Names:
        return names_of(self.deletion.problem)

    @property
    def structures(self) -> tuple[str, ...]:
        """Each schedule between s and T in words."""
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        return tuple(structure_in_words(one, start, horizon) for one in self.schedules)

    def _structure_in_short(self) -> str:
        return "; ".join(self.structures)

    def _deleted(self) -> list[str]:
        return [self._names.row(row) for row in np.asarray(self.deletion.problem.deleted)]

    def _entries(self) -> Entries:
        shown = zip(self._deleted(), self.structures, strict=True)
        yield "schedules", len(self.schedules)
        yield from list(shown)[:_SHOWN]
        yield "cost", self.cost
        yield "lower bound", f"{number(self.lower_bound)}, gap {self.gap:.1e}"
        yield "status", self.status

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The schedule of each deleted point as a strip in the colours of ε.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the strips, for `Axes.broken_barh`.
        """
        from homotopy.plotting.strips import draw_strips

        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        strips = []
        for schedule in self.schedules:
            inside = np.clip(np.asarray(schedule.breakpoints), 0.0, horizon)
            edges = np.union1d([0.0, horizon], inside)
            strips.append((edges, np.asarray(schedule((edges[1:] + edges[:-1]) / 2))))
        return draw_strips(strips, self._deleted(), start, ax, **options)


class Separately(AbstractSearch):
    """Every measurable choice of a schedule ε_i(t) in E_s for each deleted point.

    The dual of theory §4 extends: its convex heart has one w_i = ε_i v_i for each point, and
    branch and bound on the signs of all the residuals closes the gap as for a single point. The
    optimum is at most that of `Everything`, whose points share one schedule.

    Parameters
    ----------
    gap, max_nodes
        As of `Everything`.
    time_limit : float
        Seconds of computing after which the gap so far is returned, 60 by default, counted as by
        `Everything`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, -1.0], deleted=[1, 2])
    >>> deletion = hm.Deletion(problem, [-0.5], start=0.0, horizon=1.0)
    >>> best = hm.optimise(deletion, over=hm.Separately())
    >>> best.gap < 1e-6, len(best.schedules)
    (True, 2)
    """

    gap: float = eqx.field(default=1e-6, static=True)
    time_limit: float = eqx.field(default=60.0, static=True)
    max_nodes: int = eqx.field(default=20_000, static=True)

    def __check_init__(self):
        check_limits(self.gap, self.time_limit, self.max_nodes)

    def search(
        self,
        deletion: Deletion,
        warm_start: AbstractSchedule | SeparateOptimum | None,
        monitor: Monitor,
    ) -> SeparateOptimum:
        deletion.require_closed_form("over: Separately()")
        deadline = Deadline(self.time_limit)
        system = separate_schedules(deletion)
        starts = ()
        if isinstance(warm_start, SeparateOptimum):
            if len(warm_start.schedules) != system.controls:
                raise ValueError(
                    f"warm_start: expected {system.controls} schedules, one for each deleted "
                    f"point, got {len(warm_start.schedules)}."
                )
            starts = (tuple(control_of(deletion, each) for each in warm_start.schedules),)
        elif warm_start is not None:
            starts = ((control_of(deletion, warm_start),) * system.controls,)
        found = run_certificate(system, self, deadline, starts, monitor)
        return SeparateOptimum(
            schedules=tuple(schedule_of(deletion, control) for control in found.controls),
            deletion=deletion,
            certificate=found,
            _system=system,
        )
