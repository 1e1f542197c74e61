"""The plane in which a deletion is drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from homotopy._checks import instance
from homotopy.deletion import Deletion
from homotopy.deletion.deletion import a_deletion
from homotopy.flows import flow
from homotopy.responses import response
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule

# Fractions of a piece of a schedule at which a path is sampled: equally spaced, and geometrically
# after its beginning, where the fast modes move.
_FRACTIONS = np.unique(np.concatenate([np.linspace(0, 1, 65), np.geomspace(1e-5, 1, 81)]))


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane in parameter space, with orthonormal coordinates.

    For one parameter, which has no plane, the second direction is zero.

    Attributes
    ----------
    centre : (d,)
        The parameter at the origin of the plane.
    directions : (2, d)
        Orthonormal rows.
    fractions : (2,)
        The part of the variance of what is drawn along each direction.
    """

    centre: Float[np.ndarray, " d"]
    directions: Float[np.ndarray, "2 d"]
    fractions: Float[np.ndarray, " 2"]

    @property
    def captured(self) -> float:
        """The part of the variance that the plane shows: 1 where nothing is projected."""
        return float(self.fractions.sum())

    @property
    def is_identity(self) -> bool:
        """Whether the coordinates are θ₁ and θ₂ themselves."""
        return bool(np.array_equal(self.directions, np.eye(2)) and not self.centre.any())

    @property
    def labels(self) -> tuple[str, str]:
        """Labels for the two axes."""
        if self.is_identity:
            return "θ₁", "θ₂"
        first, second = (_percentage(part) for part in self.fractions)
        return f"direction 1 ({first} of the motion)", f"direction 2 ({second} of the motion)"

    def project(self, theta: Float[np.ndarray, "*m d"]) -> Float[np.ndarray, "*m 2"]:
        """Coordinates in the plane of parameters, projected orthogonally."""
        return (np.asarray(theta) - self.centre) @ self.directions.T

    def lift(self, points: Float[np.ndarray, "*m 2"]) -> Float[np.ndarray, "*m d"]:
        """The parameters at points of the plane."""
        return self.centre + np.asarray(points) @ self.directions


def _percentage(part):
    return f"{100 * part:.3g} %" if part >= 1e-4 else "< 0.01 %"


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
    checked_schedules(deletion, schedules)
    if deletion.problem.dimension == 1:
        return Plane(np.zeros(1), np.array([[1.0], [0.0]]), np.array([1.0, 0.0]))
    curves = [sampled_path(deletion, schedule)[1] for schedule in schedules.values()]
    return principal_plane([*curves, response_segment(deletion)])


def checked_schedules(deletion: Deletion, schedules: Mapping[str, AbstractSchedule]) -> None:
    """Refuse what is no deletion, no mapping of names to schedules, or empty."""
    a_deletion(deletion)
    instance("schedules", schedules, Mapping, "a mapping of names to schedules")
    if not schedules:
        raise ValueError("schedules: expected at least one schedule to draw.")
    for name, schedule in schedules.items():
        a_schedule(schedule, f"schedules[{name!r}]")


def principal_plane(curves: Sequence[Float[np.ndarray, "_ d"]]) -> Plane:
    """The plane of largest variance of curves, each weighing the same, by their arc length."""
    dimension = curves[0].shape[1]
    points = np.concatenate([_equally_spaced(curve) for curve in curves])
    centre = points.mean(axis=0)
    _, singular, rows = np.linalg.svd(points - centre, full_matrices=dimension > len(points))
    total = np.sum(singular**2)
    if dimension == 2:
        variances = np.sum((points - centre) ** 2, axis=0)
        return Plane(np.zeros(2), np.eye(2), variances / total if total > 0 else np.full(2, 0.5))
    directions = rows[:2]
    # A principal direction has no sign of its own: its largest entry is made positive.
    largest = directions[np.arange(2), np.argmax(np.abs(directions), axis=1)]
    directions = directions * np.where(largest < 0, -1.0, 1.0)[:, None]
    fractions = singular[:2] ** 2 / total if total > 0 else np.array([1.0, 0.0])
    return Plane(centre, directions, fractions)


def sampled_path(
    deletion: Deletion, schedule: AbstractSchedule
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m d"]]:
    """Times in [0, T] and θ at them."""
    times = sampling_times(schedule, float(deletion.horizon))
    path = flow(deletion.problem, schedule, deletion.theta0, times, deletion.method)
    return times, np.asarray(path.theta)


def sampling_times(schedule: AbstractSchedule, horizon: float) -> Float[np.ndarray, " m"]:
    """Times from 0 to the horizon, dense after switches; the switch times are among them."""
    switches = np.clip(np.asarray(schedule.breakpoints, dtype=float), 0.0, horizon)
    edges = np.unique(np.concatenate([[0.0], switches, [horizon]]))
    pieces = edges[:-1, None] + np.diff(edges)[:, None] * _FRACTIONS[None, :]
    return np.unique(np.concatenate([pieces.ravel(), edges]))


def response_segment(deletion: Deletion, count: int = 33) -> Float[np.ndarray, "count d"]:
    """θ(ε) at equally spaced ε from 0 to 1: a segment where one point is deleted."""
    epsilons = np.linspace(0.0, 1.0, count)
    return np.asarray(response(deletion.problem, epsilons, deletion.theta0).theta)


def _equally_spaced(curve, count=128):
    """Points equally spaced along a polygon, (count, d)."""
    lengths = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(wanted, along, column) for column in curve.T], axis=1)
