"""Paths and fields of a phase portrait, in the coordinates of its plane."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy._display import Displayed, Entries


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


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Path(Displayed):
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

    def _entries(self) -> Entries:
        yield "points", len(self.points)
        yield "from", self.points[0]
        yield "to", self.points[-1]
        yield "switches", len(self.switches)
