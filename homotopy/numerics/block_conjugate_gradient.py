"""Block conjugate gradients (O'Leary 1980): one Krylov space for all right-hand sides.

Where they share what the operator does, as the gradients of many losses of one model do, a block of
m of them takes far fewer products than m rows on their own. The directions are orthonormalised, and
those that depend on others are left out (Ji, Li, "A breakdown-free block conjugate gradient
method", BIT 2017).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module

_PATIENCE = 30  # steps without a new least residual
_SOFTER = 8.0  # units in the last place of the largest eigenvalue: what counts as a zero one


class BlockIterates(Module):
    """Where block conjugate gradients came to.

    Attributes
    ----------
    solution : (m, d)
    norm : (m,)
        ‖b − Ax‖ by the recurrence.
    indefinite : ()
        Whether the operator has a negative eigenvalue in the space of the directions.
    steps : ()
        Products of a block with A.
    """

    solution: Float[Array, "m d"]
    norm: Float[Array, " m"]
    indefinite: Bool[Array, ""]
    steps: Int[Array, ""]


def block_conjugate_gradient(
    products: Callable[[Float[Array, "m d"]], Float[Array, "m d"]],
    right: Float[Array, "m d"],
    target: Float[Array, " m"],
    max_steps: int | Int[Array, ""],
    precondition: Callable[[Float[Array, "m d"]], Float[Array, "m d"]] = lambda rows: rows,
) -> BlockIterates:
    """X with AX ≈ B, row by row, from X = 0.

    It ends where every residual, by the recurrence, is at most its target, after `max_steps`, where
    no direction is left, where the operator is not positive semidefinite, or where the largest
    ratio of a residual to its target has had no new minimum for 30 steps.

    Parameters
    ----------
    products : callable
        A p of each row p, A symmetric.
    right : (m, d)
    target : (m,)
    max_steps : int
    precondition : callable, optional
        An approximation of A⁻¹r of each row r, symmetric and positive definite.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np
    >>> found = block_conjugate_gradient(
    ...     lambda rows: rows * jnp.array([[2.0, 1.0]]), jnp.eye(2), jnp.full(2, 1e-6), 9
    ... )
    >>> np.asarray(found.solution).round(5).tolist(), found.steps.tolist()
    ([[0.5, 0.0], [0.0, 1.0]], 1)
    """
    limits = jnp.finfo(right.dtype)

    def excess(norm):
        return jnp.max(jnp.where(norm > target, norm / jnp.maximum(target, limits.tiny), 0.0))

    def unfinished(state):
        _, _, p, norm, indefinite, steps, _, since = state
        left = jnp.any(norm > target) & jnp.all(jnp.isfinite(norm)) & jnp.any(p != 0.0)
        return left & ~indefinite & (steps < max_steps) & (since < _PATIENCE)

    def step(state):
        x, r, p, _, indefinite, steps, best, since = state
        image = products(p)
        curved = p @ image.T
        values, vectors = jnp.linalg.eigh(0.5 * (curved + curved.T))
        least = _SOFTER * limits.eps * jnp.max(jnp.abs(values))
        indefinite = indefinite | jnp.any(values < -least)
        inverse = jnp.where(values > least, 1.0 / jnp.where(values > least, values, 1.0), 0.0)

        def solve(matrix):
            return vectors @ (inverse[:, None] * (vectors.T @ matrix))

        length = solve(p @ r.T)
        x = x + length.T @ p
        r = r - length.T @ image
        z = precondition(r)
        p = orthonormal(z - solve(image @ z.T).T @ p)
        norm = jnp.linalg.norm(r, axis=1)
        now = excess(norm)
        since = jnp.where(now < best, 0, since + 1)
        return x, r, p, norm, indefinite, steps + 1, jnp.minimum(now, best), since

    norm = jnp.linalg.norm(right, axis=1)
    zero = jnp.zeros((), int)
    state = (
        *(jnp.zeros_like(right), right, orthonormal(precondition(right)), norm),
        *(jnp.zeros((), bool), zero, excess(norm), zero),
    )
    x, _, _, norm, indefinite, steps, _, _ = jax.lax.while_loop(unfinished, step, state)
    return BlockIterates(x, norm, indefinite, steps)


def orthonormal(rows: Float[Array, "m d"]) -> Float[Array, "m d"]:
    """Orthonormal rows of the same span, with rows of zeros for those that depend on others.

    By the eigenvectors of the Gram matrix of the rows at length one: dependent is what it shows as
    an eigenvalue of rounding.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> q = orthonormal(jnp.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 1.0, 1.0]]))
    >>> jnp.abs(q @ q.T).round(6).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    # In two steps, as squares of small numbers underflow.
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    rows = rows / jnp.where(largest > 0.0, largest, 1.0)
    length = jnp.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / jnp.where(length > 0.0, length, 1.0)
    values, vectors = jnp.linalg.eigh(rows @ rows.T)
    least = rows.shape[0] * jnp.finfo(rows.dtype).eps * jnp.max(values)
    kept = values > least
    scale = jnp.where(kept, 1.0 / jnp.sqrt(jnp.where(kept, values, 1.0)), 0.0)
    return (scale[:, None] * vectors.T) @ rows
