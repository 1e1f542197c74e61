"""The verb: the phase portrait of a deletion, paths over the vector fields with and without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import instance
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.flows import flow
from homotopy.responses import response
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule
from homotopy.schedules.sampling import sampling_times

if TYPE_CHECKING:
    from homotopy.plotting.plane import Plane
    from homotopy.plotting.portrait import Portrait


def portrait(
    deletion: Deletion, schedules: Mapping[str, AbstractSchedule], *, plane: Plane | None = None
) -> Portrait:
    """The phase portrait of a deletion: where schedules lead, over the fields they switch between.

    Parameters
    ----------
    deletion : Deletion
    schedules : mapping of str to AbstractSchedule
        By the names that the legend gives them.
    plane : Plane, optional
        Where it is drawn; `portrait_plane(deletion, schedules)` by default. Not used for one
        parameter, which is drawn against time.

    Returns
    -------
    homotopy.plotting.Portrait
        `portrait.plot()` draws it.

    Raises
    ------
    TypeError
        Naming `deletion`, `schedules` or `plane`.
    ValueError
        For no schedule.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1, 0], [0, 1], [1, 1]], [0, 1, 3], deleted=2)
    >>> deletion = hm.Deletion(problem, [2.0, 2.0], start=0.5, horizon=2.0)
    >>> portrait = hm.portrait(deletion, {"at once": hm.Step(0.5), "later": hm.Step(1.0)})
    >>> ax = portrait.plot()
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('θ₁', 'θ₂')
    """
    from homotopy.plotting.plane import Plane
    from homotopy.plotting.portrait import Portrait
    from homotopy.plotting.portrait_data import Path

    _check(deletion, schedules)
    if plane is not None:
        instance("plane", plane, Plane, "a Plane, as of portrait_plane(deletion, schedules)")
    problem, horizon = deletion.problem, float(deletion.horizon)
    against_time = problem.dimension == 1
    if plane is None:
        plane = portrait_plane(deletion, schedules)

    def place(times, theta):
        """Parameters (m, d) at times (m,), in the plane."""
        theta = np.asarray(theta)
        if against_time:
            return np.stack([np.broadcast_to(times, theta.shape[:1]), theta[:, 0]], axis=1)
        return plane.project(theta)

    paths = {}
    for name, schedule in schedules.items():
        times, theta = sampled_path(deletion, schedule)
        points = place(times, theta)
        breakpoints = np.unique(np.asarray(schedule.breakpoints, dtype=float))
        inside = breakpoints[(breakpoints > 0) & (breakpoints < horizon)]
        middle = (times[1:] + times[:-1]) / 2
        paths[name] = Path(
            points, np.asarray(schedule(middle)), points[np.searchsorted(times, inside)]
        )
    fits = [problem.full_fit(deletion.theta0), problem.deleted_fit(deletion.theta0)]
    full_fit, deleted_fit = place(horizon, jnp.stack(fits))
    return Portrait(
        labels=("time t", "θ₁") if against_time else plane.labels,
        projected=problem.dimension > 2,
        against_time=against_time,
        fields=tuple(_planar_field(problem, plane, epsilon) for epsilon in (1.0, 0.0)),
        paths=paths,
        segment=place(horizon, response_segment(deletion)),
        start=place(0.0, deletion.theta0[None, :])[0],
        full_fit=full_fit,
        deleted_fit=deleted_fit,
    )


def portrait_plane(deletion: Deletion, schedules: Mapping[str, AbstractSchedule]) -> Plane:
    """The plane that shows most of the paths θ(t), with θ₀, θ*, θ*₋ and the segment θ(ε).

    For d = 2 the parameter plane itself. For d > 2 the two principal directions of all these
    curves, each taken at points equally spaced along it: what counts is how far θ travels, not
    for how long it lingers.

    Parameters
    ----------
    deletion : Deletion
    schedules : mapping of str to AbstractSchedule
        Each is followed from θ₀ to the horizon.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 1]],
    ...                               [0, 1, 2, 4], deleted=3)
    >>> deletion = hm.Deletion(problem, [2.0, 2.0, 2.0], start=0.5, horizon=2.0)
    >>> plane = portrait_plane(deletion, {"at once": hm.Step(0.5)})
    >>> plane.directions.shape, 0.5 < plane.captured < 1.0
    ((2, 3), True)
    """
    from homotopy.plotting.plane import Plane, principal_plane

    _check(deletion, schedules)
    if deletion.problem.dimension == 1:
        return Plane(np.zeros(1), np.array([[1.0], [0.0]]), np.array([1.0, 0.0]))
    curves = [sampled_path(deletion, schedule)[1] for schedule in schedules.values()]
    return principal_plane([*curves, response_segment(deletion)])


def sampled_path(
    deletion: Deletion, schedule: AbstractSchedule
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m d"]]:
    """Times in [0, T] and θ at them."""
    times = sampling_times(schedule, float(deletion.horizon))
    path = flow(deletion.problem, schedule, deletion.theta0, times, deletion.method)
    return times, np.asarray(path.theta)


def response_segment(deletion: Deletion, count: int = 33) -> Float[np.ndarray, "count d"]:
    """θ(ε) at equally spaced ε from 0 to 1: a segment where one point is deleted."""
    epsilons = np.linspace(0.0, 1.0, count)
    return np.asarray(response(deletion.problem, epsilons, deletion.theta0).theta)


def _check(deletion, schedules) -> None:
    """Refuse what is no deletion, no mapping of names to schedules, or empty."""
    a_deletion(deletion)
    instance("schedules", schedules, Mapping, "a mapping of names to schedules")
    if not schedules:
        raise ValueError("schedules: expected at least one schedule to draw.")
    for name, schedule in schedules.items():
        a_schedule(schedule, f"schedules[{name!r}]")


def _planar_field(problem, plane, epsilon):
    from homotopy.plotting.portrait_data import PlanarField

    centre = problem.parameters(plane.centre)
    velocity = -np.asarray(problem.gradient(centre, epsilon))
    hessian = np.asarray(problem.hessian(centre, epsilon))
    if problem.dimension == 1:  # in (t, θ), with the centre at θ = 0
        return PlanarField(
            epsilon, np.array([[0.0, 0.0], [0.0, hessian[0, 0]]]), np.array([1.0, velocity[0]])
        )
    return PlanarField(
        epsilon, plane.directions @ hessian @ plane.directions.T, plane.directions @ velocity
    )
