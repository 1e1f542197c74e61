"""Conjugate gradients (Hestenes, Stiefel 1952), which tell where an operator is not definite.

Those of JAX, SciPy and lineax take it for granted that it is.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module


class Iterates(Module):
    """The best iterates so far, row by row, and how they were come by.

    Attributes
    ----------
    solution, remaining : (m, d)
        x, and b − Ax where the iteration began.
    norm : (m,)
        ‖b − Ax‖ of the best x, by the recurrence.
    largest : ()
        The largest pᵀAp/pᵀp that any row met.
    indefinite : (m,)
        Whether the row met pᵀAp ≤ 0, to rounding.
    steps : (m,)
        Products with A.
    active : (m,)
        Whether the row goes on.
    """

    solution: Float[Array, "m d"]
    remaining: Float[Array, "m d"]
    norm: Float[Array, " m"]
    largest: Float[Array, ""]
    indefinite: Bool[Array, " m"]
    steps: Int[Array, " m"]
    active: Bool[Array, " m"]


def from_zero(right: Float[Array, "m d"]) -> Iterates:
    """x = 0 for each row b; rows of zeros are solved."""
    return Iterates(
        solution=jnp.zeros_like(right),
        remaining=right,
        norm=jnp.linalg.norm(right, axis=1),
        largest=jnp.zeros((), right.dtype),
        indefinite=jnp.zeros(right.shape[0], bool),
        steps=jnp.zeros(right.shape[0], int),
        active=jnp.any(right != 0.0, axis=1),
    )


def conjugate_gradient(
    products: Callable[[Float[Array, "m d"]], Float[Array, "m d"]],
    start: Iterates,
    target: Float[Array, " m"],
    max_steps: int | Int[Array, ""],
    precondition: Callable[[Float[Array, "m d"]], Float[Array, "m d"]] = lambda rows: rows,
) -> Iterates:
    """Conjugate gradients from the start's residuals, all rows at once.

    A row stops where its residual, by the recurrence, is at most its target, where it met a
    direction pᵀAp ≤ 0 (to rounding), or at the number of steps; it keeps the iterate of least
    residual. A row that has stopped stays as it is.

    Parameters
    ----------
    products : callable
        A p of each row p, A symmetric.
    start : Iterates
    target : (m,)
    max_steps : int
    precondition : callable, optional
        An approximation of A⁻¹r of each row r, symmetric and positive definite.

    Examples
    --------
    >>> import jax.numpy as jnp, numpy as np
    >>> right = jnp.array([[2.0, 3.0]])
    >>> found = conjugate_gradient(
    ...     lambda rows: rows * jnp.array([[2.0, 1.0]]), from_zero(right), jnp.array([1e-6]), 9
    ... )
    >>> np.asarray(found.solution).round(5).tolist(), found.steps.tolist()
    ([[1.0, 3.0]], [2])
    """
    eps = jnp.finfo(start.norm.dtype).eps

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
        best = Iterates(
            solution=jnp.where(better[:, None], x, best.solution),
            remaining=best.remaining,
            norm=jnp.where(better, norm, best.norm),
            largest=largest,
            indefinite=indefinite,
            steps=steps,
            active=moving & (norm > target) & (steps < max_steps),
        )
        return x, r, p, jnp.where(moving, rz_new, rz), best

    z = precondition(start.remaining)
    rz = jnp.sum(start.remaining * z, axis=1)
    carry = (start.solution, start.remaining, z, rz, start)
    return jax.lax.while_loop(lambda carry: jnp.any(carry[-1].active), step, carry)[-1]
