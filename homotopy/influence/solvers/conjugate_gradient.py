"""Inverse-Hessian products by conjugate gradients."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from homotopy._checks import fraction, integer
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)
from homotopy.influence.solvers.preconditioning import (
    checked_preconditioner,
    preconditioner_of,
)
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
    preconditioner : Nystrom or EigenvalueKronecker, optional
        Its approximation with the same damping as the preconditioner; costs `rank` products more.
        Of an `EigenvalueKronecker()` it is found out first, by a race of conjugate gradients with
        and without it on one vector, whether it helps; where it does not, it is left out. `steps`
        counts neither.

    Raises
    ------
    ValueError
        For a `tolerance` outside of (0, 1) or `max_steps` below 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.Influence(solver=hm.ConjugateGradient())).delta.round(12).tolist()
    [-0.25]
    """

    tolerance: float = 1e-10
    max_steps: int = 1000
    preconditioner: AbstractSolver | None = None

    def __check_init__(self):
        fraction("tolerance", self.tolerance)
        integer("max_steps", self.max_steps)
        checked_preconditioner(self.preconditioner)

    def _solve(self, curvature, vectors):
        operator = curvature.prepared()
        # Rows of size one: squares of small gradients underflow, in float32 soon.
        size = jnp.max(jnp.abs(vectors), axis=1)
        size = jnp.where(size > 0.0, size, 1.0)
        right = vectors / size[:, None]
        start = from_zero(right)
        tolerance = reachable(self.tolerance, right.dtype)
        target = tolerance * start.norm
        precondition = preconditioner_of(
            self.preconditioner, curvature, operator.products, right, tolerance, self.max_steps
        )

        def again(state):
            tried = conjugate_gradient(
                operator.products, state, target, self.max_steps, precondition
            )
            remaining = right - operator.products(tried.solution)
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
        residual = relative_residual(operator, end.solution, right)
        return InverseProduct(
            end.solution * size[:, None],
            residual,
            graded(residual, self.tolerance, end.indefinite),
            end.steps,
        )

    def check(self, curvature):
        if self.preconditioner is not None:
            self.preconditioner.check(curvature)

    @property
    def needs_layers(self):
        return self.preconditioner is not None and self.preconditioner.needs_layers

    def of_dimension(self, dimension):
        if self.preconditioner is None:
            return self
        return dataclasses.replace(self, preconditioner=self.preconditioner.of_dimension(dimension))
