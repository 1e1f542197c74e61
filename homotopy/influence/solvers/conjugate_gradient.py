"""Inverse-Hessian products by conjugate gradients."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import fraction, integer
from homotopy.influence._arguments import reachable
from homotopy.influence.curvature import AbstractCurvature
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)
from homotopy.influence.solvers.nystrom import Nystrom


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

    tolerance: float = eqx.field(default=1e-10, static=True)
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
        start = _State(
            solution=jnp.zeros_like(right),
            remaining=right,
            norm=jnp.linalg.norm(right, axis=1),
            largest=jnp.zeros((), right.dtype),
            indefinite=jnp.zeros(right.shape[0], bool),
            steps=jnp.zeros(right.shape[0], int),
            active=jnp.any(right != 0.0, axis=1),
        )
        target = reachable(self.tolerance, right.dtype) * start.norm

        def again(state):
            tried = self._iterate(curvature.products, precondition, target, state)
            remaining = right - curvature.products(tried.solution)
            norm = jnp.linalg.norm(remaining, axis=1)
            better = norm <= state.norm
            new = better[:, None]
            # The recurrence has run ahead of the truth: that is worth a restart while it helps.
            useful = (norm > target) & (norm < 0.5 * state.norm)
            return _State(
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

    def _iterate(self, products, precondition, target, state):
        """Conjugate gradients from the state's residual: its best iterates by the recurrence."""
        eps = jnp.finfo(state.norm.dtype).eps

        def step(carry):
            x, r, p, rz, best = carry
            image = products(p)
            bend, length = jnp.sum(p * image, axis=1), jnp.sum(p * p, axis=1)
            quotient = jnp.where(best.active, bend / jnp.where(length > 0.0, length, 1.0), 0.0)
            largest = jnp.maximum(best.largest, jnp.max(jnp.nan_to_num(quotient)))
            # What rounding makes of a zero eigenvalue has either sign.
            least = eps * largest * length
            indefinite = best.indefinite | (best.active & (bend <= least))
            moving = best.active & (bend > least)

            length = jnp.where(moving, rz / jnp.where(moving, bend, 1.0), 0.0)
            at = moving[:, None]
            x = jnp.where(at, x + length[:, None] * p, x)
            r = jnp.where(at, r - length[:, None] * image, r)
            z = precondition(r)
            rz_new = jnp.sum(r * z, axis=1)
            turn = jnp.where(moving, rz_new / jnp.where(rz > 0.0, rz, 1.0), 0.0)
            p = jnp.where(at, z + turn[:, None] * p, p)
            norm = jnp.linalg.norm(r, axis=1)
            better = moving & (norm < best.norm)
            steps = best.steps + best.active
            best = _State(
                solution=jnp.where(better[:, None], x, best.solution),
                remaining=best.remaining,
                norm=jnp.where(better, norm, best.norm),
                largest=largest,
                indefinite=indefinite,
                steps=steps,
                active=moving & (norm > target) & (steps < self.max_steps),
            )
            return x, r, p, jnp.where(moving, rz_new, rz), best

        z = precondition(state.remaining)
        rz = jnp.sum(state.remaining * z, axis=1)
        carry = (state.solution, state.remaining, z, rz, state)
        return jax.lax.while_loop(lambda carry: jnp.any(carry[-1].active), step, carry)[-1]


def _identity(rows):
    return rows


class _State(eqx.Module):
    """What a restart keeps: the best iterates (m, d), their residuals and norms, and counts."""

    solution: Array
    remaining: Array
    norm: Array
    largest: Array  # the largest pᵀAp/pᵀp that any row met
    indefinite: Array
    steps: Array
    active: Array
