"""The plane in which curves of many parameters are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from homotopy._display import Displayed, Entries


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Plane(Displayed):
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

    def _entries(self) -> Entries:
        yield "d", self.centre.size
        yield "directions", "; ".join(self.labels)
        yield "shows", f"{_percentage(self.captured)} of the motion"

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


def _equally_spaced(curve, count=128):
    """Points equally spaced along a polygon, (count, d)."""
    lengths = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(wanted, along, column) for column in curve.T], axis=1)
