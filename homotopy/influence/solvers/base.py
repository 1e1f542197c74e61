"""What a solver of inverse-Hessian products must provide, and what it returns."""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from homotopy.influence.curvature import AbstractCurvature


class InverseStatus(eqx.Enumeration):
    """How an inverse-Hessian product ended."""

    successful = "successful"
    indefinite = "the operator is not positive definite: add damping, or take GaussNewton"
    not_converged = "the residual is above the tolerance: more steps, more damping, or Dense()"
    diverged = "the iteration diverged: a larger scale, more damping, or another solver"


class InverseProduct(eqx.Module):
    """X ≈ (C + (ρ + δ) Id)⁻¹B, row by row, and the evidence.

    Attributes
    ----------
    solution : (m, d)
    residual : (m,)
        ‖b − (C + (ρ + δ) Id)x‖/‖b‖ of each row, computed with the whole operator: the true one.
    status : InverseStatus
        Of each row, (m,).
    steps : (m,)
        Products with the operator (or a sample of it) that each row took.
    """

    solution: Float[Array, "m d"]
    residual: Float[Array, " m"]
    status: InverseStatus
    steps: Int[Array, " m"]


class AbstractSolver(eqx.Module):
    """A way to compute inverse-Hessian products; passed to estimators as `solver`."""

    @abc.abstractmethod
    def solve(self, curvature: AbstractCurvature, vectors: Float[Array, "m d"]) -> InverseProduct:
        """The product of the curvature's inverse with each row."""


def relative_residual(
    curvature: AbstractCurvature, solution: Float[Array, "m d"], vectors: Float[Array, "m d"]
) -> Float[Array, " m"]:
    """‖b − Cx‖/‖b‖ of each row; 0 where b is zero and x too."""
    remaining = jnp.linalg.norm(vectors - curvature.products(solution), axis=1)
    size = jnp.linalg.norm(vectors, axis=1)
    return jnp.where(remaining == 0.0, 0.0, remaining / jnp.where(size > 0.0, size, 1.0))


def graded(
    residual: Float[Array, " m"], tolerance: float, indefinite: Bool[Array, ...]
) -> InverseStatus:
    """The status of each row from its residual, and from whether the operator is indefinite.

    `indefinite` is one truth for the operator, or one for each row that met negative curvature.
    """

    def one(residual, indefinite):
        status = InverseStatus.where(
            residual <= tolerance, InverseStatus.successful, InverseStatus.not_converged
        )
        status = InverseStatus.where(~jnp.isfinite(residual), InverseStatus.diverged, status)
        return InverseStatus.where(indefinite, InverseStatus.indefinite, status)

    return jax.vmap(one)(residual, jnp.broadcast_to(indefinite, residual.shape))
