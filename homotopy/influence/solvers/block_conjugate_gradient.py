"""Inverse-curvature products by block conjugate gradients."""

from __future__ import annotations

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from homotopy._checks import fraction, integer
from homotopy.influence.solvers.base import AbstractSolver, InverseProduct, graded
from homotopy.influence.solvers.preconditioning import (
    checked_preconditioner,
    preconditioner_of,
)
from homotopy.numerics.block_conjugate_gradient import block_conjugate_gradient
from homotopy.precision import floating_dtype, in_precision, reachable

_NUMBERS = 2**26  # in each of the handful of arrays that a block takes
_LARGEST = 512  # rows of a block: past it what is done to directions costs more than products


class BlockConjugateGradient(AbstractSolver):
    """Block conjugate gradients (O'Leary 1980; Ji, Li 2017): one Krylov space for all rows.

    Each step takes one product of the operator with a block of directions, and every row draws on
    all of them: of the gradients of hundreds of losses a handful of steps is enough, where
    `ConjugateGradient`, each row on its own, takes tens (theory §13). For large networks.

    Residuals are the true ones, ‖b − Cx‖/‖b‖ by a product at the end; where rounding has let the
    recurrence run ahead of it, the rows start again from there, as long as that helps. Rows go in
    blocks of `block_size`, one after the other. `steps` counts a block's products.

    Parameters
    ----------
    tolerance : float
        Relative residual at which a row counts as solved.
    max_steps : int
        Largest number of products of a block.
    block_size : int, optional
        Rows of a block; by default as many as 2²⁶ numbers hold, at most 512.
    preconditioner : EigenvalueKronecker or Nystrom, optional
        Of an `EigenvalueKronecker()` it is found out first, by a race of conjugate gradients with
        and without it on one vector, whether it helps; where it does not, it is left out.
    working_dtype : optional
        As jnp.float32: products and iterates in it, and right-hand sides, the sum of what was found
        and true residuals in the problem's own float64. Twice as fast, as accurate.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> estimator = hm.GaussNewton(solver=hm.BlockConjugateGradient())
    >>> hm.predict(problem, estimator).delta.round(12).tolist()
    [-0.25]
    """

    tolerance: float = 1e-6
    max_steps: int = 200
    block_size: int | None = eqx.field(default=None, static=True)
    preconditioner: AbstractSolver | None = None
    working_dtype: DTypeLike | None = eqx.field(default=None, static=True)

    def __check_init__(self):
        fraction("tolerance", self.tolerance)
        integer("max_steps", self.max_steps)
        if self.block_size is not None:
            integer("block_size", self.block_size)
        checked_preconditioner(self.preconditioner)
        self._working(None)

    def _working(self, dtype):
        """The dtype of products, where vectors are of the one given."""
        if self.working_dtype is None:
            return dtype
        try:
            return floating_dtype(self.working_dtype)
        except ValueError as error:
            raise ValueError(str(error).replace("dtype:", "working_dtype:", 1)) from None

    def _solve(self, curvature, vectors):
        count, dimension = vectors.shape
        dtype = vectors.dtype
        working = self._working(dtype)
        exact = curvature.prepared()
        cast = curvature if working == dtype else in_precision(curvature, working)
        rough = exact if working == dtype else cast.prepared()
        tolerance = reachable(self.tolerance, working)
        precondition = preconditioner_of(
            self.preconditioner, cast, rough.products, vectors, tolerance, self.max_steps
        )
        size = self.rows_together(count, dimension)
        blocks = math.ceil(count / size)
        # Rows of zeros are solved, and direct nothing.
        padded = jnp.pad(vectors, ((0, blocks * size - count), (0, 0)))
        parts = padded.reshape(blocks, size, dimension)

        def one(block):
            return self._block(exact, rough, precondition, block, working)

        found = jax.lax.map(one, parts) if blocks > 1 else jax.tree.map(_one_more, one(parts[0]))
        solution, residual, indefinite, steps = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found
        )
        return InverseProduct(
            solution, residual, graded(residual, self.tolerance, indefinite), steps
        )

    def rows_together(self, count: int, dimension: int) -> int:
        """How many rows go into a block."""
        size = self.block_size
        if size is None:
            size = min(_LARGEST, max(8, _NUMBERS // dimension))
        return min(count, size)

    def _block(self, exact, rough, precondition, vectors, working):
        largest = jnp.max(jnp.abs(vectors), axis=1)
        largest = jnp.where(largest > 0.0, largest, 1.0)
        right = vectors / largest[:, None]
        size = jnp.linalg.norm(right, axis=1)
        target = reachable(self.tolerance, right.dtype) * size

        def unfinished(state):
            return state[-1]

        def again(state):
            x, remaining, norm, indefinite, steps, _ = state
            unit = jnp.where(norm > 0.0, norm, 1.0)
            # What is solved by now is left alone.
            open_rows = norm > target
            scaled = jnp.where(open_rows[:, None], remaining / unit[:, None], 0.0)
            aim = jnp.maximum((0.9 * target / unit).astype(working), reachable(0.0, working))
            found = block_conjugate_gradient(
                rough.products, scaled.astype(working), aim, self.max_steps - steps, precondition
            )
            tried = x + unit[:, None] * found.solution.astype(x.dtype)
            left = right - exact.products(tried)
            new_norm = jnp.linalg.norm(left, axis=1)
            better = new_norm <= norm
            useful = jnp.any(better & (new_norm > target) & (new_norm < 0.5 * norm))
            indefinite = indefinite | found.indefinite
            steps = steps + found.steps
            keep = better[:, None]
            return (
                jnp.where(keep, tried, x),
                jnp.where(keep, left, remaining),
                jnp.where(better, new_norm, norm),
                indefinite,
                steps,
                useful & ~indefinite & (steps < self.max_steps),
            )

        start = (
            *(jnp.zeros_like(right), right, size),
            *(jnp.zeros((), bool), jnp.zeros((), int), jnp.any(size > 0.0)),
        )
        x, _, norm, indefinite, steps, _ = jax.lax.while_loop(unfinished, again, start)
        residual = jnp.where(norm == 0.0, 0.0, norm / jnp.where(size > 0.0, size, 1.0))
        rows = np.shape(residual)
        return (
            x * largest[:, None],
            residual,
            jnp.broadcast_to(indefinite, rows),
            jnp.broadcast_to(steps, rows),
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


def _one_more(leaf):
    return leaf[None]
