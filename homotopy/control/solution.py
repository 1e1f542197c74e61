"""What a search for an optimal control returns, with its evidence."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput
from homotopy._display import Entries, number
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.control.arcs import Arc
from homotopy.control.mesh import local_errors
from homotopy.control.pontryagin import PontryaginResidual, pontryagin_residual
from homotopy.control.singular import SingularArc
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class SolutionStatus(Status):
    """How a search for an optimal control ended. Optimality is claimed locally only.

    `successful` means an extremal of known structure, a local minimum within that structure.
    """

    flat = (
        "an extremal of known structure, but the cost is not strictly convex in its junctions: it "
        "may not be a local minimum"
    )
    chattering = (
        "the optimal control switches without end where it comes to a singular arc of order two "
        "(Fuller's phenomenon): the control is the best found with finitely many switches"
    )
    restricted = (
        "a local minimum in its switch times, with as many switches as are allowed or lead on: "
        "Pontryagin's conditions ask for more, or for a singular arc"
    )
    degenerate = (
        "the switching function vanishes everywhere: the final state is stationary for the cost "
        "itself, or out of the control's reach; the control satisfies the conditions, as others do"
    )
    unresolved = (
        "no sequence of arcs satisfied Pontryagin's conditions to the tolerance; the control is "
        "the best found: raise cells"
    )
    time_limit = "the time limit came first: the control is the best found until then"
    interrupted = "interrupted: the control is the best found until then"


@dataclasses.dataclass(frozen=True, repr=False)
class Solution(Result, Reported):
    """An optimal control, as far as it was found.

    Attributes
    ----------
    system : ControlAffine
    control
        A `PiecewisePolynomialControl` on the arcs, or a `PiecewiseConstantControl` on cells where
        no structure was resolved.
    arcs : tuple of Arc
    cost : float
        Of `control`, by exact propagation: an upper bound of the optimum whatever the status.
    trajectory : Trajectory
        State, costate and switching function.
    status : SolutionStatus
    stationarity : float
        The last Newton step of the junctions, over the duration, and of singular controls, over
        the distance of the bounds.
    curvature : float
        The least eigenvalue of the scaled Hessian in junctions and singular controls (their terms
        up to degree 8, where they follow the feedback) over its largest; NaN where there is nothing
        to vary.
    singular_arcs : tuple of SingularArc
    counts : dict
        `cells`, `evaluations` (cost and gradient on cells, or costs of sampled controls), `newton`
        (iterations), `rounds` (structures looked at).
    """

    system: ControlAffine
    control: eqx.Module
    arcs: tuple[Arc, ...]
    cost: float
    trajectory: Trajectory
    status: SolutionStatus
    stationarity: float
    curvature: float
    singular_arcs: tuple[SingularArc, ...]
    counts: dict

    def _entries(self) -> Entries:
        junctions = ", ".join(number(time) for time in self.junctions[:6])
        yield "arcs", self.structure or "none resolved"
        yield "junctions", junctions or None
        yield "cost", self.cost
        yield "PMP residual", number(self.pmp_residual, 2)
        yield "counts", ", ".join(f"{count} {name}" for name, count in self.counts.items())
        yield "status", self.status

    def _sampled(self) -> tuple[np.ndarray, ...]:
        """Times, the control in the middle of each step, and the switching function."""
        start, horizon = float(self.system.start), float(self.system.horizon)
        breakpoints = np.clip(np.asarray(self.control.breakpoints, float), start, horizon)
        times = np.union1d(np.linspace(start, horizon, 257), breakpoints)
        middles = (times[1:] + times[:-1]) / 2
        return times, np.asarray(self.control(middles)), np.asarray(self.switching_function(times))

    def _table(self) -> Table:
        times, controls, values = self._sampled()
        states, costates = np.asarray(self.state(times)), np.asarray(self.costate(times))
        columns = [("u", np.append(controls, controls[-1])), ("switching function", values)]
        columns += [(f"x{place}", part) for place, part in enumerate(states.T)]
        columns += [(f"p{place}", part) for place, part in enumerate(costates.T)]
        return Table(
            columns, [("time", times)], about="u from each time on; state and costate", spread=True
        )

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """u(t) on the colours of the switching function's sign.

        Where the background is orange (H₁ < 0), raising u lowers the cost; where it is blue,
        lowering u does.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.control import draw_control

        bounds = float(self.system.lower), float(self.system.upper)
        return draw_control(*self._sampled(), bounds, ax, **options)

    @cached_property
    def residual(self) -> PontryaginResidual:
        """Of Pontryagin's condition: relative, in units of the cost, and the scale."""
        return pontryagin_residual(self.trajectory)

    @cached_property
    def integration_error(self) -> float:
        """The sum of the local relative errors of the steps."""
        mesh = self.trajectory.mesh
        return float(np.sum(local_errors(self.system, self.control, mesh)))

    @property
    def finished(self) -> bool:
        """Whether the status says something about the control: the search came to an end."""
        status = SolutionStatus
        open_ones = (status.unresolved, status.time_limit, status.interrupted)
        return not any(bool(self.status == each) for each in open_ones)

    @property
    def pmp_residual(self) -> float:
        """∫ |u − v| |H₁| dt over (upper − lower) ∫ ‖p‖ ‖f₁‖ dt, v minimising H₁; zero is best."""
        return float(self.residual.relative)

    @property
    def junctions(self) -> np.ndarray:
        """The times between arcs, (k,)."""
        return np.array([arc.stop for arc in self.arcs[:-1]])

    @property
    def structure(self) -> str:
        """The kinds of the arcs in order: "upper – singular – lower"."""
        return " – ".join(arc.kind.value for arc in self.arcs)

    def state(self, t: ArrayInput) -> Float[Array, "*m d"]:
        """x at times of any shape."""
        return self.trajectory.state(t)

    def costate(self, t: ArrayInput) -> Float[Array, "*m d"]:
        """p at times of any shape."""
        return self.trajectory.costate(t)

    def switching_function(self, t: ArrayInput) -> Float[Array, "*m"]:
        """H₁ = δJ/δu at times of any shape."""
        return self.trajectory.switching_function(t)
