"""The plane of two parameters."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.plotting.plane import Plane


def coordinate_plane(fit: Float[np.ndarray, " d"], axes: tuple[int, int]) -> Plane:
    """The plane of two parameters, the others as in a fit; its coordinates are the two."""
    directions = np.zeros((2, fit.size))
    directions[[0, 1], list(axes)] = 1.0
    centre = np.array(fit, dtype=float)
    centre[list(axes)] = 0.0
    return Plane(centre, directions, np.array([np.nan, np.nan]))
