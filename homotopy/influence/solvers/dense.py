"""Inverse-Hessian products by factorising the matrix."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve

from homotopy._checks import fraction
from homotopy.influence.curvature import GaussNewtonCurvature
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    InverseStatus,
    graded,
    relative_residual,
)


class Dense(AbstractSolver):
    """Cholesky factors of the matrix; the exact sibling of the iterative solvers.

    Takes O(d²) memory and O(d³) work. A Gauss–Newton matrix of fewer outputs N = nk than
    parameters is inverted through the N × N matrix AAᵀ instead (Woodbury):
    (AᵀA + μ Id)⁻¹b = (b − Aᵀ(AAᵀ + μ Id)⁻¹Ab)/μ. One step of iterative refinement.

    Where the matrix is not positive definite the system is solved by its eigenvectors, without
    those of eigenvalue zero, and the status is `indefinite`, or `singular` where none is negative.

    Parameters
    ----------
    tolerance : float
        Largest relative residual that counts as solved.

    Raises
    ------
    ValueError
        Naming `tolerance`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.Influence(solver=hm.Dense())).delta.round(12).tolist()
    [-0.25]
    """

    tolerance: float = 1e-8

    def __check_init__(self):
        fraction("tolerance", self.tolerance)

    def _solve(self, curvature, vectors):
        if isinstance(curvature, GaussNewtonCurvature) and _outputs(curvature) < (
            curvature.dimension
        ):
            inverse, definite, singular = _dual(curvature)
        else:
            inverse, definite, singular = _primal(curvature)
        solution = inverse(vectors)
        solution = solution + inverse(vectors - curvature.products(solution))
        residual = relative_residual(curvature, solution, vectors)
        status = graded(residual, self.tolerance, ~definite, InverseStatus.inaccurate)
        status = jax.vmap(lambda one: InverseStatus.where(singular, InverseStatus.singular, one))(
            status
        )
        return InverseProduct(solution, residual, status, jnp.ones(vectors.shape[0], int))


def _outputs(curvature) -> int:
    """n k: the rows of the factor of a Gauss–Newton matrix."""
    return math.prod(jax.eval_shape(curvature.problem.predict, curvature.theta).shape)


def _primal(curvature):
    matrix = curvature.matrix()
    lower = jnp.linalg.cholesky(matrix)
    # Positive definite to rounding: a pivot below that says nothing of the sign.
    unit = matrix.shape[0] * jnp.finfo(matrix.dtype).eps
    pivots = jnp.diag(lower) ** 2
    definite = jnp.all(pivots > unit * jnp.max(jnp.abs(jnp.diag(matrix))))
    safe = jnp.where(definite, lower, jnp.eye(matrix.shape[0], dtype=matrix.dtype))
    finite = jnp.all(jnp.isfinite(matrix))

    def by_eigenvectors():
        values, vectors = jnp.linalg.eigh(jnp.where(finite, matrix, 0.0))
        zero = jnp.abs(values) <= unit * jnp.max(jnp.abs(values))
        return jnp.where(zero, jnp.inf, values), vectors

    values, vectors = jax.lax.cond(
        definite, lambda: (jnp.ones_like(pivots), jnp.zeros_like(matrix)), by_eigenvectors
    )
    indefinite = jnp.any(values < 0.0)
    singular = ~definite & ~indefinite & finite

    def inverse(right):
        return jax.lax.cond(
            definite,
            lambda rows: cho_solve((safe, True), rows.T).T,
            lambda rows: ((rows @ vectors) / values[None, :]) @ vectors.T,
            right,
        )

    return inverse, definite | singular, singular


def _dual(curvature):
    factor, given = curvature.factor(), curvature.shift
    # Without a shift the matrix is singular: said by the status, with a finite number beside it.
    least = jnp.finfo(factor.dtype).eps * jnp.sum(factor**2) + jnp.finfo(factor.dtype).tiny
    shift = jnp.where(given > 0.0, given, least)
    gram = factor @ factor.T + shift * jnp.eye(factor.shape[0], dtype=factor.dtype)
    lower = cho_factor(gram, lower=True)

    def inverse(vectors):
        inside = cho_solve(lower, factor @ vectors.T)
        return (vectors - (factor.T @ inside).T) / shift

    regular = (given > 0.0) & jnp.all(jnp.isfinite(lower[0]))
    return inverse, jnp.asarray(True), ~regular
