"""θ̇(ε) and θ̈(ε) at a stationary point, by the implicit function theorem (theory §2)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array, Float

from homotopy.problem import Problem


def path_derivatives(
    problem: Problem, theta: Float[Array, " d"], epsilon: Float[Array, ""]
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """θ̇ = −H⁻¹∇ℓ_G and θ̈ = −H⁻¹(2∇²ℓ_G θ̇ + D³R_ε[θ̇, θ̇]), where ∇R_ε(θ) = 0."""
    factors = lu_factor(problem.hessian(theta, epsilon))
    velocity = -lu_solve(factors, problem.deleted_gradient(theta))

    def curvature_along(at):
        return problem.hvp(at, velocity, epsilon)

    third = jax.jvp(curvature_along, (theta,), (velocity,))[1]
    mixed = jax.jvp(problem.deleted_gradient, (theta,), (velocity,))[1]
    return velocity, -lu_solve(factors, 2.0 * mixed + third)


def eigenvalue_slope(
    problem: Problem,
    theta: Float[Array, " d"],
    epsilon: Float[Array, ""],
    vector: Float[Array, " d"],
    theta_slope: Float[Array, " d"],
    epsilon_slope: Float[Array, ""],
) -> Float[Array, ""]:
    """vᵀ(dH)v along a direction of (θ, ε): the derivative of a simple eigenvalue of H."""

    def quotient(at, weight):
        return jnp.dot(vector, problem.hvp(at, vector, weight))

    return jax.jvp(quotient, (theta, epsilon), (theta_slope, epsilon_slope))[1]
