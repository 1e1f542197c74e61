"""Where a descent ended, and what counts as zero there."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module
from homotopy.minima.objective import AbstractObjective
from homotopy.numerics.namespace import in_numpy

SINGULAR = 1e-10  # of the largest eigenvalue of the Hessian: what counts as zero
SHORT = 1e-4  # of the size of θ: Newton's step at a minimum, by rounding
NOT_BEGUN = -1  # steps of a descent that an interruption left out
DENSE = 600  # dimension up to which Hessians are factorised


class Minimum(Module):
    """Where a descent ended.

    Attributes
    ----------
    theta : (d,)
    residual : ()
        ‖∇‖ over the sum of its terms' norms.
    stationary : ()
        Whether that is within the tolerance, or ‖∇‖ within its own rounding.
    definite : ()
        Whether the Hessian is positive definite there, and Newton's step short against θ: it is
        not where the objective falls on for ever, though its gradient vanishes too. Past dimension
        600, whether no conjugate gradient met a direction of negative curvature.
    steps : ()
        `NOT_BEGUN` where it was interrupted before.
    """

    theta: Float[Array | np.ndarray, "*k d"]
    residual: Float[Array | np.ndarray, "*k"]
    stationary: Bool[Array | np.ndarray, "*k"]
    definite: Bool[Array | np.ndarray, "*k"]
    steps: Int[Array | np.ndarray, "*k"]

    @property
    def reached(self) -> Bool[Array | np.ndarray, "*k"]:
        """Whether it is a minimum, to the tolerance."""
        both = self.stationary, self.definite
        stationary, definite = in_numpy(both) or both
        return stationary & definite


def ended(
    objective: AbstractObjective,
    theta: Float[Array, " d"],
    gradient: Float[Array, " d"],
    definite: Bool[Array, ""],
    steps: Int[Array, ""],
    tolerance: Float[Array, ""],
) -> Minimum:
    """The result of a descent that stopped at θ."""
    scale, norm = objective.gradient_scale(theta), jnp.linalg.norm(gradient)
    residual = jnp.where(norm > 0.0, norm / jnp.where(scale > 0.0, scale, 1.0), 0.0)
    stationary = (residual <= tolerance) | (norm <= objective.rounding(theta))
    return Minimum(theta, residual, stationary, definite, steps)
