"""The response path θ(ε): what training converges to, as a function of the weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import instance
from homotopy._display import Entries, largest, number, span
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.flows._train import Training
from homotopy.numerics.namespace import AnyArray, AnyNumber, namespace
from homotopy.problem import Problem
from homotopy.responses.arclength import Point, at_weights
from homotopy.responses.branch import Branch, Event, EventKind
from homotopy.responses.comparison import PathComparison, compared
from homotopy.responses.drawn import labelled, with_breaks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ResponseStatus(Status):
    """How θ(ε) was found, or why it was not.

    `successful` means one branch of local minima from ε = 1 to ε = 0, without a fold; after
    `jump`, `jumped` and `separate` there is a θ(ε) at every ε too.
    """

    __successes__ = ("successful", "jump", "jumped", "separate")

    jump = "θ(ε) jumps at ε = 0: no retained point sees a direction that a deleted one sees"
    jumped = "the branch of local minima ends on the way, and training goes to another: see events"
    separate = "a local minimum at every ε, each trained on its own: compare with a continuation"
    diverges = (
        "θ(ε) diverges as ε → 0: without the deleted points no minimum exists, as the classes can "
        "be separated; ask for ε > 0, or add a ridge"
    )
    unresolved = "at some ε no local minimum was reached to rounding: see minimum"
    training_failed = "training from theta0 reached no minimum: its status says why"
    landing_failed = "past the end of a branch training reached no minimum: see the last event"
    stalled = "the step became too small, as where the Hessian turns singular and no branch goes on"
    step_limit = "the step budget was spent before ε = 0: raise max_steps or max_jumps"


class ResponsePath(Result, Reported, Module):
    """θ(ε) and its derivatives, with the evidence for them.

    What a method did not reach is NaN, where `minimum` is False, and `status` says why.

    Attributes
    ----------
    epsilons : (k,)
    theta, velocity, acceleration : (k, d)
        θ(ε), θ̇(ε), θ̈(ε), derivatives in ε: influence functions are θ̇(0) and θ̇(1) (theory §2).
        In the closed form at ε = 0 they are limits from the right.
    ends : (2, d)
        θ(0), in the closed form its limit from the right, and θ(1). NaN for a θ(0) that does not
        exist, where θ(ε) diverges.
    end_velocities : (2, d)
        θ̇(0) and θ̇(1).
    bend : ()
        Largest distance of the path from its chord θ(0)θ(1), over the length of the chord; taken
        over `epsilons`. Zero for one deleted point in linear regression.
    status : ResponseStatus
        Of the closed form `jump` where θ is not continuous at ε = 0: then `theta` at ε = 0
        is the limit of the gradient flow from θ₀ without the deleted points, and `ends` has the
        other value. Of the other methods a `ResponseStatus`.
    gradient_norm, smallest_eigenvalue : (k,)
        ‖∇R_ε(θ)‖ and the smallest eigenvalue of ∇²R_ε(θ).
    minimum : (k,)
        Whether θ(ε) is a local minimum: the gradient zero to rounding, the Hessian positive
        definite.
    branches : tuple of Branch
        The curves that continuation followed; empty for the other methods.
    events : tuple of Event
        Where branches of minima end, in the order met from ε = 1 down; empty for the others.
    training : Training, optional
        Of continuation: that at ε = 1. Of `FlowLimits`: of every ε, its fields (k, …).
    """

    epsilons: Float[Array, " k"]
    theta: Float[Array, "k d"]
    velocity: Float[Array, "k d"]
    acceleration: Float[Array, "k d"]
    ends: Float[Array, "2 d"]
    end_velocities: Float[Array, "2 d"]
    bend: Float[Array, ""]
    status: ResponseStatus
    gradient_norm: Float[Array, " k"]
    smallest_eigenvalue: Float[Array, " k"]
    minimum: Bool[Array, " k"]
    branches: tuple[Branch, ...] = ()
    events: tuple[Event, ...] = ()
    training: Training | None = None

    _axes = (("theta", 2), ("epsilons", 1), ("bend", 0))

    def _entries(self) -> Entries:
        names = self._names.parameter_names(self.theta.shape[1])
        ends, slopes = np.asarray(self.ends), np.asarray(self.end_velocities)
        yield "epsilons", span(self.epsilons)
        yield "θ(1)", largest(ends[1], names)
        yield "θ(0)", largest(ends[0], names)
        yield "‖θ(0) − θ(1)‖", number(np.linalg.norm(ends[0] - ends[1]), 4)
        yield "‖θ̇(1) − θ̇(0)‖", number(np.linalg.norm(slopes[1] - slopes[0]), 4)
        minima = int(np.sum(np.asarray(self.minimum)))
        events = f", {len(self.events)} events" if self.events else ""
        yield "minima", f"at {minima} of {self.epsilons.size} epsilons{events}"
        yield "status", self.status

    def _table(self) -> Table:
        theta = np.asarray(self.theta)
        names = self._names.parameter_names(theta.shape[1])
        evidence = [
            (name, np.asarray(getattr(self, name)))
            for name in ("minimum", "gradient_norm", "smallest_eigenvalue")
        ]
        columns = [*zip(names, theta.T, strict=True), *evidence]
        return Table(columns, [("epsilon", np.asarray(self.epsilons))], about="θ(ε)", spread=True)

    @property
    def folds(self) -> tuple[Event, ...]:
        """The events where a branch turns back in ε."""
        return tuple(event for event in self.events if event.kind == EventKind.fold)

    @property
    def jumps(self) -> tuple[Event, ...]:
        """The events from which training went on to another minimum, event.landing.theta."""
        return tuple(event for event in self.events if event.landing is not None)

    @property
    def velocity_change(self) -> Float[Array, ""]:
        """‖θ̇(1) − θ̇(0)‖: how much it matters where an influence function is taken."""
        return jnp.linalg.norm(self.end_velocities[1] - self.end_velocities[0])

    @property
    def velocity_change_bound(self) -> Float[Array, ""]:
        """max ‖θ̈(ε)‖ over `epsilons`; at least `velocity_change` on a fine grid, without jumps."""
        return jnp.max(jnp.linalg.norm(self.acceleration, axis=1))

    def compare(self, other: ResponsePath, tolerance: float = 1e-6) -> PathComparison:
        """How far another path over the same ε is from this one, and where they part.

        In the parameters: minima alike by symmetry, as perceptrons with their neurons in another
        order, are different.

        Parameters
        ----------
        other : ResponsePath
        tolerance : float
            Distance that counts as parted, over the largest ‖θ‖ of this path.

        Raises
        ------
        ValueError
            Naming `other`, where it was computed at other ε, or `tolerance`.
        """
        instance("other", other, ResponsePath, "the path of another response")
        return compared(self.epsilons, self.theta, other.epsilons, other.theta, tolerance)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The path in the parameter plane (d = 2), or the moves θ(ε) − θ(1) against ε.

        In the plane, stars mark the full fit θ* = θ(1) and the deleted fit θ*₋ = θ(0), and dots
        the ε asked for: unevenly spaced where the velocity θ̇(ε) changes. The line breaks where
        the path goes from one branch of minima to another; crosses (against ε, dotted lines) mark
        those events. Saddles, where a continuation recorded them, are dashed. Of more parameters
        than there are colours, those that move farthest are named.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.response import draw_response

        epsilons, theta = with_breaks(self.epsilons, self.theta, self.events)
        saddles = [np.asarray(branch.theta)[branch.minima - 1 :] for branch in self.branches]
        ends, events = np.asarray(self.ends), labelled(self.events)
        names = self._names.own_parameters
        return draw_response(epsilons, theta, ends, events, saddles, ax, names, **options)


def path_of_points(
    problem: Problem,
    epsilons: Float[Array, " k"],
    theta: Float[Array | np.ndarray, "m d"],
    status: ResponseStatus,
    devices: list | None = None,
    client=None,
    **record,
) -> ResponsePath:
    """The path through stationary points at `epsilons` and then at 0 and 1, m = k + 2.

    What is known there is shared out as of `sharing.in_parts`.
    """
    size = float(largest_norm(theta)) or 1.0
    points = at_weights(problem, theta, with_ends(epsilons), size, 0, devices, client)
    return path_through(epsilons, theta, points, status, **record)


def path_through(
    epsilons: Float[Array, " k"],
    theta: Float[Array | np.ndarray, "m d"],
    points: Sequence[Point],
    status: ResponseStatus,
    **record,
) -> ResponsePath:
    """As `path_of_points`, of θ and what is known there."""
    known, size = np.asarray(theta), float(largest_norm(theta)) or 1.0
    evidence = [point.evidence(size) for point in points]
    missing = np.isnan(known).any(axis=1)

    def each(values):
        values = np.array(values)
        return np.where(missing.reshape(-1, *(1,) * (values.ndim - 1)), np.nan, values)

    velocity = each([point.velocity for point in points])
    acceleration = each([point.acceleration for point in points])
    gradient_norm = each([point.gradient_norm for point in points])
    smallest = each([point.eigenvalue for point in points])
    minimum = np.array([bool(one.minimum) for one in evidence]) & ~missing
    bend = chord_deviation(known[:-2], known[-2:])
    arrays = {
        "theta": known[:-2],
        "velocity": velocity[:-2],
        "acceleration": acceleration[:-2],
        "ends": known[-2:],
        "end_velocities": velocity[-2:],
        "bend": bend,
        "gradient_norm": gradient_norm[:-2],
        "smallest_eigenvalue": smallest[:-2],
        "minimum": minimum[:-2],
    }
    fields = {name: jnp.asarray(value) for name, value in arrays.items()}
    return ResponsePath(epsilons=epsilons, status=status, **fields, **record)


def with_ends(epsilons: Float[Array, " k"]) -> Float[Array, " m"]:
    """The weights asked for, and then 0 and 1."""
    return jnp.concatenate([epsilons, jnp.asarray([0.0, 1.0], epsilons.dtype)])


def largest_norm(theta: Float[AnyArray, "k d"]) -> AnyNumber:
    """The largest ‖θ‖ of those known."""
    xp = namespace(theta)
    return xp.nanmax(xp.linalg.norm(theta, axis=1), initial=0.0)


def chord_deviation(theta: Float[AnyArray, "k d"], ends: Float[AnyArray, "2 d"]) -> AnyNumber:
    """Largest distance of points from the segment's line, over its length; 0 for no segment."""
    xp = namespace(theta, ends)
    chord = ends[1] - ends[0]
    length = xp.linalg.norm(chord)
    # Not `length > 0`: where an end is unknown the deviation is unknown too, not zero.
    moved = length != 0
    direction = chord / xp.where(moved, length, 1.0)
    offset = theta - ends[0][None, :]
    across = offset - (offset @ direction)[:, None] * direction[None, :]
    farthest = xp.max(xp.linalg.norm(across, axis=1))
    return xp.where(moved, farthest / xp.where(moved, length, 1.0), 0.0)
