"""The largest eigenvalue of a symmetric operator, by magnitude, from a few products with it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

STEPS = 5


def lanczos(
    product: Callable, size: int, dtype, steps: int = STEPS
) -> tuple[Float[Array, ""], Float[Array, " d"]]:
    """A Ritz value with its residual, |θ| + ‖Av − θv‖, and its vector v.

    An eigenvalue lies within the residual of θ; the largest may be missed only where the start,
    which has no symmetry, is almost orthogonal to its vector.
    """
    steps = min(steps, size)
    start = jnp.cos(jnp.arange(1, size + 1, dtype=dtype))
    start = start / jnp.linalg.norm(start)

    def step(index, state):
        basis, diagonal, beside = state
        vector = basis[index]
        moved = product(vector)
        diagonal = diagonal.at[index].set(vector @ moved)
        # Twice against all: a few vectors, so that rounding makes no copies.
        for _ in range(2):
            moved = moved - (basis @ moved) @ basis
        norm = jnp.linalg.norm(moved)
        usable = jnp.isfinite(norm) & (norm > 0.0)
        next_vector = jnp.where(usable, moved / jnp.where(usable, norm, 1.0), 0.0)
        beside = beside.at[index].set(jnp.where(usable, norm, 0.0))
        return basis.at[index + 1].set(next_vector), diagonal, beside

    basis = jnp.zeros((steps + 1, size), dtype).at[0].set(start)
    zeros = jnp.zeros(steps, dtype)
    basis, diagonal, beside = lax.fori_loop(0, steps, step, (basis, zeros, zeros))
    tridiagonal = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    tridiagonal = jnp.where(jnp.isfinite(tridiagonal), tridiagonal, 0.0)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    largest = jnp.argmax(jnp.abs(values))
    vector = vectors[:, largest]
    residual = beside[-1] * jnp.abs(vector[-1])
    return jnp.abs(values[largest]) + residual, vector @ basis[:-1]


def power_step(
    product: Callable, vector: Float[Array, " d"]
) -> tuple[Float[Array, ""], Float[Array, " d"]]:
    """‖Av‖ of a unit vector v, at most the largest magnitude, and Av/‖Av‖."""
    moved = product(vector)
    rate = jnp.linalg.norm(moved)
    usable = jnp.isfinite(rate) & (rate > 0.0)
    return jnp.where(usable, rate, 0.0), jnp.where(
        usable, moved / jnp.where(usable, rate, 1.0), vector
    )


def jacobian_product(field: Callable, at: Float[Array, " d"]) -> Callable:
    """v ↦ ∂field(at) v, with what `field` computes at the point found once."""
    _, product = jax.linearize(field, at)
    return product
