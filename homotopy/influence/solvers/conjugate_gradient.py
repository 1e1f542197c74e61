"""Inverse-Hessian products by conjugate gradients."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import fraction, integer
from homotopy.influence.curvature import AbstractCurvature
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)
from homotopy.influence.solvers.nystrom import Nystrom
from homotopy.numerics.conjugate_gradient import Iterates, conjugate_gradient, from_zero
from homotopy.precision import reachable


class ConjugateGradient(AbstractSolver):
    """Conjugate gradients (Hestenes, Stiefel 1952), all right-hand sides at once.

    Each iteration takes one product with the whole operator, of the directions of all rows; a row
    that has converged stays as it is. In exact arithmetic a row takes as many steps as the
    operator has distinct eigenvalues, and the error falls by (√κ − 1)/(√κ + 1) a step, κ the
    condition number.

    A row that meets a direction pᵀAp ≤ 0 (to rounding) has the status `indefinite` and the
    iterate of least residual before it. An operator can be indefinite without a row meeting that.
    Where the residual of the recurrence is below the tolerance and the true one is not, the row
    starts again from its true residual, as long as that halves it.

    Parameters
    ----------
    tolerance : float
        Relative residual at which a row stops.
    max_steps : int
        Largest number of products for a row.
    preconditioner : Nystrom, optional
        Its approximation with the same damping as the preconditioner; costs `rank` products more,
        which `steps` does not count.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm, jax.numpy as jnp
    >>> from homotopy.influence.curvature import HessianCurvature
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> curvature = HessianCurvature(problem, jnp.zeros(1), jnp.ones(2), jnp.asarray(0.0))
    >>> product = ConjugateGradient().solve(curvature, jnp.ones((1, 1)))
    >>> product.solution.tolist(), product.steps.tolist()
    ([[0.5]], [1])
    """

    tolerance: float = 1e-10
    max_steps: int = eqx.field(default=1000, static=True)
    preconditioner: Nystrom | None = None

    def __check_init__(self):
        fraction("tolerance", self.tolerance)
        integer("max_steps", self.max_steps)
        if self.preconditioner is not None and not isinstance(self.preconditioner, Nystrom):
            raise ValueError(
                f"preconditioner: expected None or a Nystrom, got "
                f"{type(self.preconditioner).__name__}."
            )

    def solve(self, curvature: AbstractCurvature, vectors: Float[Array, "m d"]) -> InverseProduct:
        precondition = _identity
        if self.preconditioner is not None:
            precondition = self.preconditioner.preconditioner(curvature)
        # Rows of size one: squares of small gradients underflow, in float32 soon.
        size = jnp.max(jnp.abs(vectors), axis=1)
        size = jnp.where(size > 0.0, size, 1.0)
        right = vectors / size[:, None]
        start = from_zero(right)
        target = reachable(self.tolerance, right.dtype) * start.norm

        def again(state):
            tried = conjugate_gradient(
                curvature.products, state, target, self.max_steps, precondition
            )
            remaining = right - curvature.products(tried.solution)
            norm = jnp.linalg.norm(remaining, axis=1)
            better = norm <= state.norm
            new = better[:, None]
            # The recurrence has run ahead of the truth: that is worth a restart while it helps.
            useful = (norm > target) & (norm < 0.5 * state.norm)
            return Iterates(
                solution=jnp.where(new, tried.solution, state.solution),
                remaining=jnp.where(new, remaining, state.remaining),
                norm=jnp.where(better, norm, state.norm),
                largest=tried.largest,
                indefinite=tried.indefinite,
                steps=tried.steps,
                active=useful & ~tried.indefinite & (tried.steps < self.max_steps),
            )

        end = jax.lax.while_loop(lambda state: jnp.any(state.active), again, start)
        residual = relative_residual(curvature, end.solution, right)
        return InverseProduct(
            end.solution * size[:, None],
            residual,
            graded(residual, self.tolerance, end.indefinite),
            end.steps,
        )

    def of_dimension(self, dimension):
        if self.preconditioner is None:
            return self
        return dataclasses.replace(self, preconditioner=self.preconditioner.of_dimension(dimension))


def _identity(rows):
    return rows
