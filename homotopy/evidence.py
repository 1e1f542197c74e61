"""The evidence that θ is a stationary point of R_ε, and a minimum: what rounding leaves of zero.

A gradient that should vanish is a sum of terms that cancel. Two bounds say what rounding makes of
it: `gradient_rounding` takes the terms ∇ℓ_i for what they are, and adds what the rounding of θ
does; `gradient_roundings` bounds the rounding within each term, which is all there is where a model
interpolates and the terms themselves are zero.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy._module import Module
from homotopy.minima.result import SINGULAR
from homotopy.point_gradients import gradient_norms, jacobian_norms
from homotopy.problem import Problem

ROUNDINGS = 32.0  # units in the last place of its terms that a sum of zero may have


class Stationarity(Module):
    """What tells a local minimum of R_ε.

    Attributes
    ----------
    gradient_norm : ()
        ‖∇R_ε(θ)‖.
    rounding : ()
        What it may be from rounding alone: of its terms, and of θ.
    smallest_eigenvalue, largest_eigenvalue : ()
        Of ∇²R_ε(θ); the largest in absolute value.
    """

    gradient_norm: Float[Array, ...]
    rounding: Float[Array, ...]
    smallest_eigenvalue: Float[Array, ...]
    largest_eigenvalue: Float[Array, ...]

    @property
    def stationary(self) -> Bool[Array, ...]:
        """Whether the gradient vanishes to rounding."""
        return self.gradient_norm <= self.rounding

    @property
    def definite(self) -> Bool[Array, ...]:
        """Whether the Hessian is positive definite, to rounding."""
        return self.smallest_eigenvalue > SINGULAR * self.largest_eigenvalue

    @property
    def indefinite(self) -> Bool[Array, ...]:
        """Whether an eigenvalue of the Hessian is negative, to rounding."""
        return self.smallest_eigenvalue < -SINGULAR * self.largest_eigenvalue

    @property
    def minimum(self) -> Bool[Array, ...]:
        """Whether the gradient vanishes to rounding and the Hessian is positive definite."""
        return self.stationary & self.definite


def stationarity(
    problem: Problem,
    theta: Float[Array, " d"],
    epsilon: Float[Array, ""],
    size: Float[Array, ""],
) -> Stationarity:
    """The evidence at θ; `size` is how large parameters are around there."""
    eigenvalues = jnp.linalg.eigvalsh(problem.hessian(theta, epsilon))
    largest = jnp.max(jnp.abs(eigenvalues))
    slope = jnp.linalg.norm(problem.gradient(theta, epsilon))
    return Stationarity(
        slope, gradient_rounding(problem, theta, epsilon, largest * size), eigenvalues[0], largest
    )


def gradient_rounding(
    problem: Problem,
    theta: Float[Array, " d"],
    epsilon: Float[Array, ""],
    of_theta: float | Float[Array, ""],
) -> Float[Array, ""]:
    """What rounding makes of ∇R_ε where it is zero: of its terms, and of θ.

    32 units in the last place of Σ wᵢ‖∇ℓ_i‖ + ρ‖θ‖, and of `of_theta`, the Hessian's largest
    eigenvalue times the size of θ.
    """
    return rounding_of(gradient_terms(problem, theta, epsilon) + of_theta, theta.dtype)


def gradient_terms(
    problem: Problem, theta: Float[Array, " d"], epsilon: Float[Array, ""]
) -> Float[Array, ""]:
    """Σ wᵢ‖∇ℓ_i‖ + ρ‖θ‖: the sizes of the terms of ∇R_ε."""
    each = problem.weights(epsilon) * gradient_norms(problem, theta)
    return jnp.sum(each) + problem.ridge_force(theta)


def rounding_of(terms, dtype):
    """32 units in the last place of the sizes of terms."""
    return ROUNDINGS * jnp.finfo(dtype).eps * terms


def gradient_roundings(problem: Problem, theta: Float[Array, " d"]) -> Float[Array, " n"]:
    """What rounding may leave of ∇ℓ_i(θ) = Jᵢᵀ∂ℓᵢ/∂ŷ where it is zero, of every point.

    Of a point that is fitted exactly ∂ℓᵢ/∂ŷ is the difference of numbers that cancel: of the size
    of Wᵢŷᵢ and of ∂ℓᵢ/∂ŷ at ŷ = 0, W = ∂²ℓ/∂ŷ², which for the squared loss are ŷ and y. And ŷ
    carries the rounding of ‖Jᵢ‖‖θ‖. 32 units in the last place of those, times ‖Jᵢ‖.
    """
    size = jnp.linalg.norm(theta)

    def of(x, y, slope):
        output = problem.model(theta, x)
        curvature = jnp.linalg.norm(problem.point_loss.hessian(output, y))
        target = jnp.linalg.norm(problem.point_loss.gradient(jnp.zeros_like(output), y))
        return slope * (curvature * (jnp.linalg.norm(output) + slope * size) + target)

    sizes = jax.vmap(of)(problem.X, problem.targets, jacobian_norms(problem, theta))
    return ROUNDINGS * jnp.finfo(theta.dtype).eps * sizes
