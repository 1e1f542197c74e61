"""Stationary points of R_ε: Newton's method at a given ε, and the evidence that they are minima."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array, Bool, Float

from homotopy.problem import Problem

_SINGULAR = 1e-10  # of the largest eigenvalue of the Hessian: what counts as zero
_ROUNDINGS = 32.0  # units in the last place of Σ w_i‖∇ℓ_i‖ that a gradient of zero may have


class Stationarity(eqx.Module):
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
    def minimum(self) -> Bool[Array, ...]:
        """Whether the gradient vanishes to rounding and the Hessian is positive definite."""
        definite = self.smallest_eigenvalue > _SINGULAR * self.largest_eigenvalue
        return (self.gradient_norm <= self.rounding) & definite


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
    of_theta: Float[Array, ""],
) -> Float[Array, ""]:
    """What rounding makes of a sum of gradients that cancel, and of θ: H times the size of θ."""
    each = jnp.linalg.norm(jax.jacobian(problem.losses)(theta).reshape(problem.size, -1), axis=1)
    terms = jnp.sum(problem.weights(epsilon) * each) + problem.ridge * jnp.linalg.norm(theta)
    return _ROUNDINGS * jnp.finfo(theta.dtype).eps * (terms + of_theta)


def newton(
    problem: Problem,
    theta: Float[Array, " d"],
    epsilon: Float[Array, ""],
    max_steps: int = 30,
) -> Float[Array, " d"]:
    """The stationary point of R_ε next to θ, by Newton's method until it gets no nearer.

    Undamped: from far away it may end anywhere, and the caller has to look.
    """

    def improve(state):
        theta, _, steps = state
        factors = lu_factor(problem.hessian(theta, epsilon))
        gradient = problem.gradient(theta, epsilon)
        step = lu_solve(factors, gradient)
        after = problem.gradient(theta - step, epsilon)
        # Along a flat valley that bends the gradient may grow on the way, and the next step not.
        flatter = jnp.linalg.norm(after) < jnp.linalg.norm(gradient)
        nearer = jnp.linalg.norm(lu_solve(factors, after)) < jnp.linalg.norm(step)
        better = flatter | nearer
        return jnp.where(better, theta - step, theta), better, steps + 1

    state = (theta, jnp.asarray(True), jnp.zeros((), int))
    theta, _, _ = jax.lax.while_loop(lambda s: s[1] & (s[2] < max_steps), improve, state)
    return theta
