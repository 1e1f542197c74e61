"""How a picture follows θ₀ while it is dragged, as sums that the page itself computes.

With θ₀ at (a, b) from where it is at rest, in the coordinates of the plane, what is drawn is affine
in a and b, φ is quadratic, and an ℰ is half a sum of squares (theory §3, `closed_form`). So the
page needs the coefficients once, and no answer of a server while a pointer moves.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True, eq=False)
class Drag:
    """The coefficients of everything that moves, first.

    Three stand beside 1, a, b; six beside 1, a, b, a², ab, b². Of an ℰ there are three numbers,
    each with three coefficients, half of whose sum of squares it is.

    Attributes
    ----------
    at : (2,)
        Where θ₀ is at rest.
    path : (3, m, 2)
    constant : (3, c, 2)
    response : (3, k, 2)
    switches : (3, s, 2)
    end, equilibrium, full_fit, deleted_fit : (3, 2)
    costs, costs_at_once : (3, 3, m)
    switching : (6, m)
    compared : dict of str to (3, 3)
        Of ℰ of other schedules.
    """

    at: Float[np.ndarray, " 2"]
    path: Float[np.ndarray, "3 m 2"]
    constant: Float[np.ndarray, "3 c 2"]
    response: Float[np.ndarray, "3 k 2"]
    switches: Float[np.ndarray, "3 s 2"]
    end: Float[np.ndarray, "3 2"]
    equilibrium: Float[np.ndarray, "3 2"]
    full_fit: Float[np.ndarray, "3 2"]
    deleted_fit: Float[np.ndarray, "3 2"]
    costs: Float[np.ndarray, "3 3 m"]
    costs_at_once: Float[np.ndarray, "3 3 m"]
    switching: Float[np.ndarray, "6 m"]
    compared: dict[str, Float[np.ndarray, "3 3"]]
