"""The numbers of a phase portrait: paths, fields and fits, in the coordinates of its plane."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import instance
from homotopy.deletion import Deletion
from homotopy.plotting.plane import (
    Plane,
    checked_schedules,
    portrait_plane,
    response_segment,
    sampled_path,
)
from homotopy.schedules import AbstractSchedule


@dataclasses.dataclass(frozen=True, eq=False)
class PlanarField:
    """−∇R_ε in a plane, projected onto it: q ↦ offset − matrix q.

    Attributes
    ----------
    epsilon : float
    matrix : (2, 2)
    offset : (2,)
    """

    epsilon: float
    matrix: Float[np.ndarray, "2 2"]
    offset: Float[np.ndarray, " 2"]

    def velocity(self, points: Float[np.ndarray, "*m 2"]) -> Float[np.ndarray, "*m 2"]:
        """The projected velocity of the gradient flow at points of the plane."""
        return self.offset - points @ self.matrix.T


@dataclasses.dataclass(frozen=True, eq=False)
class Path:
    """θ(t) from θ₀ to θ(T), projected.

    Attributes
    ----------
    points : (m, 2)
    weights : (m - 1,)
        ε(t) in the middle of each step between two points.
    switches : (k, 2)
        Where the schedule switches, strictly between time 0 and T.
    """

    points: Float[np.ndarray, "m 2"]
    weights: Float[np.ndarray, " m-1"]
    switches: Float[np.ndarray, "k 2"]


@dataclasses.dataclass(frozen=True, eq=False)
class Portrait:
    """All that a phase portrait shows, in the coordinates of its plane.

    Attributes
    ----------
    labels : (str, str)
        Of the two axes.
    projected : bool
        Whether the plane leaves something out.
    against_time : bool
        Whether the first coordinate is time (for one parameter).
    fields : (PlanarField, PlanarField)
        Of ε = 1 and of ε = 0.
    paths : dict of str to Path
    segment : (k, 2)
        θ(ε) from ε = 0 to 1.
    start, full_fit, deleted_fit : (2,)
        θ₀, θ*, θ*₋.
    """

    labels: tuple[str, str]
    projected: bool
    against_time: bool
    fields: tuple[PlanarField, PlanarField]
    paths: dict[str, Path]
    segment: Float[np.ndarray, "k 2"]
    start: Float[np.ndarray, " 2"]
    full_fit: Float[np.ndarray, " 2"]
    deleted_fit: Float[np.ndarray, " 2"]

    @property
    def extent(self) -> Float[np.ndarray, "m 2"]:
        """Every point that the limits of the axes must hold."""
        paths = (path.points for path in self.paths.values())
        return np.concatenate([self.segment, self.start[None, :], *paths])

    def numbers(self) -> dict:
        """As lists, for a JSON file; `from_numbers` reads them back."""
        return _as_lists(dataclasses.asdict(self))

    @classmethod
    def from_numbers(cls, numbers: Mapping) -> Portrait:
        """A portrait from what `numbers` gave."""
        arrays = {
            name: np.asarray(numbers[name], dtype=float)
            for name in ("segment", "start", "full_fit", "deleted_fit")
        }
        fields = tuple(
            PlanarField(
                float(field["epsilon"]), np.asarray(field["matrix"]), np.asarray(field["offset"])
            )
            for field in numbers["fields"]
        )
        paths = {
            name: Path(
                np.asarray(path["points"], dtype=float),
                np.asarray(path["weights"], dtype=float),
                np.asarray(path["switches"], dtype=float).reshape(-1, 2),
            )
            for name, path in numbers["paths"].items()
        }
        return cls(
            labels=tuple(numbers["labels"]),
            projected=numbers["projected"],
            against_time=numbers["against_time"],
            fields=fields,
            paths=paths,
            **arrays,
        )


def _as_lists(value):
    if isinstance(value, dict):
        return {key: _as_lists(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_lists(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def sample_portrait(
    deletion: Deletion, schedules: Mapping[str, AbstractSchedule], plane: Plane | None = None
) -> Portrait:
    """The numbers of a phase portrait.

    Parameters
    ----------
    deletion : Deletion
    schedules : mapping of str to AbstractSchedule
        By the names that the legend gives them.
    plane : Plane, optional
        `portrait_plane(deletion, schedules)` by default. Not used for one parameter, which is
        drawn against time.

    Raises
    ------
    ValueError
        For no schedule.
    """
    checked_schedules(deletion, schedules)
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


def _planar_field(problem, plane, epsilon):
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
