"""What a solver of inverse-Hessian products must provide, and what it returns."""

from __future__ import annotations

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from homotopy._jit import Numbers, filter_jit_numbers, is_traced
from homotopy._module import Module
from homotopy._status import Reported, Status
from homotopy.influence.curvature import AbstractCurvature
from homotopy.influence.layered_products import LayeredProducts
from homotopy.precision import reachable


class InverseStatus(Status):
    """How an inverse-Hessian product ended."""

    indefinite = "the operator is not positive definite: add damping, or take GaussNewton"
    singular = (
        "the change is not unique, or infinite: the operator is singular, as where no point sees "
        "some parameters (leverage 1, dead units, dependent columns); take a damped estimator, "
        "such as GaussNewton(damping), or for errors of fits of least norm ridgeless_leave_one_out"
    )
    not_converged = "the residual is above the tolerance: more steps, more damping, or Dense()"
    inaccurate = "the residual of Dense() is above the tolerance: the operator is nearly singular"
    inexact = (
        "the residual of EigenvalueKronecker() is above its tolerance: its blocks are not the "
        "whole matrix; take it as the preconditioner of BlockConjugateGradient, more damping, or a "
        "tolerance that accepts it"
    )
    diverged = "the iteration diverged: a larger scale, more damping, or another solver"


class InverseProduct(Reported, Module):
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


class AbstractSolver(Numbers):
    """A way to compute inverse-Hessian products; passed to estimators as `solver`.

    Fields that are not static are numbers: other seeds, steps and tolerances compile nothing.

    Tolerances below 64 units in the last place of the dtype count as those: 8e-6 in float32.
    """

    @property
    def needs_layers(self) -> bool:
        """Whether it asks for the model's layers, which coordinates of what is seen have not."""
        return False

    def solve(self, curvature: AbstractCurvature, vectors: Float[Array, "m d"]) -> InverseProduct:
        """The product of the curvature's inverse with each row.

        As one program where numbers are known, in place where they are traced.
        """
        self.check(curvature)
        if is_traced((self, curvature, vectors)):
            return self._solve(curvature, vectors)
        return _as_one(self, curvature, vectors)

    def check(self, curvature: AbstractCurvature) -> None:
        """An error where the numbers of a curvature are known, and not such as can be taken."""

    @abc.abstractmethod
    def _solve(self, curvature: AbstractCurvature, vectors: Float[Array, "m d"]) -> InverseProduct:
        """As `solve`, traced."""

    def of_dimension(self, dimension: int) -> AbstractSolver:
        """The solver for the same operator without `d − dimension` directions it does not see."""
        return self


@filter_jit_numbers
def _as_one(solver, curvature, vectors):
    return solver._solve(curvature, vectors)


def relative_residual(
    curvature: AbstractCurvature | LayeredProducts,
    solution: Float[Array, "m d"],
    vectors: Float[Array, "m d"],
) -> Float[Array, " m"]:
    """‖b − Cx‖/‖b‖ of each row; 0 where b is zero and x too."""
    remaining = jnp.linalg.norm(vectors - curvature.products(solution), axis=1)
    size = jnp.linalg.norm(vectors, axis=1)
    return jnp.where(remaining == 0.0, 0.0, remaining / jnp.where(size > 0.0, size, 1.0))


def graded(
    residual: Float[Array, " m"],
    tolerance: float | Float[Array, ""],
    indefinite: Bool[Array, ...],
    failure: InverseStatus = InverseStatus.not_converged,
) -> InverseStatus:
    """The status of each row from its residual, and from whether the operator is indefinite.

    `indefinite` is one truth for the operator, or one for each row that met negative curvature;
    `failure` that of a residual above the tolerance.
    """
    tolerance = reachable(tolerance, residual.dtype)

    def one(residual, indefinite):
        status = InverseStatus.where(residual <= tolerance, InverseStatus.successful, failure)
        status = InverseStatus.where(~jnp.isfinite(residual), InverseStatus.diverged, status)
        return InverseStatus.where(indefinite, InverseStatus.indefinite, status)

    return jax.vmap(one)(residual, jnp.broadcast_to(indefinite, residual.shape))
