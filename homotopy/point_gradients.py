"""The gradients of a problem's losses, point by point, and their sizes."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.problem import Problem

_BATCH = 2**20  # numbers in the gradients that are worked on together


def point_gradients(
    problem: Problem, theta: Float[Array, " d"], rows: Array | None = None
) -> Float[Array, "m d"]:
    """∇ℓ_i(θ) of every data point, or of some."""
    X, y = problem.X, problem.targets
    if rows is not None:
        X, y = X[rows], y[rows]

    def gradient(x, target):
        return jax.grad(lambda at: problem.point_loss.value(problem.model(at, x), target))(theta)

    return jax.vmap(gradient)(X, y)


def gradient_norms(problem: Problem, theta: Float[Array, " d"]) -> Float[Array, " n"]:
    """‖∇ℓ_i(θ)‖ of every point."""
    return of_every_point(
        problem, lambda row: jnp.linalg.norm(point_gradients(problem, theta, row[None])[0])
    )


def of_every_point(problem: Problem, function: Callable) -> Array:
    """`function(row)` of each row number, in blocks of a bounded number of parameters."""
    batch = max(1, _BATCH // problem.dimension)
    if batch >= problem.size:
        return jax.vmap(function)(jnp.arange(problem.size))
    return jax.lax.map(function, jnp.arange(problem.size), batch_size=batch)
