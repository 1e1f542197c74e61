"""The gradients of a problem's losses, point by point, and their sizes."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.layers import affine_layers
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
    """‖∇ℓ_i(θ)‖ of every point; of a perceptron from its layers, without the gradients."""
    layers = affine_layers(problem.model, theta)
    if layers is not None:
        return _of_layers(
            problem,
            layers,
            lambda factors, y: factors.gradient_norms(
                output_slopes(problem.point_loss, factors.outputs, y)
            ),
        )
    return of_every_point(
        problem, lambda row: jnp.linalg.norm(point_gradients(problem, theta, row[None])[0])
    )


def jacobian_norms(problem: Problem, theta: Float[Array, " d"]) -> Float[Array, " n"]:
    """‖∂f(θ; x_i)/∂θ‖, Frobenius, of every point; of a perceptron from its layers."""
    layers = affine_layers(problem.model, theta)
    if layers is not None:
        return _of_layers(problem, layers, lambda factors, _: factors.jacobian_norms())

    def of(row):
        x = problem.X[row]
        return jnp.linalg.norm(jax.jacrev(lambda at: problem.model(at, x))(theta))

    return of_every_point(problem, of)


def output_slopes(loss, outputs: Float[Array, "n k"], y: Array) -> Float[Array, "n k"]:
    """∂ℓ/∂ŷ of each point; a scalar output is one of one entry."""
    if outputs.shape[1] == 1:
        return jax.vmap(loss.gradient)(outputs[:, 0], y)[:, None]
    return jax.vmap(loss.gradient)(outputs, y)


def _of_layers(problem, layers, function):
    """`function(factors, targets)` of all points, in blocks of a bounded number of factors."""
    widths = [block.shape[0] for block in layers.weights]
    size = min(problem.size, max(1, _BATCH // (widths[-1] * sum(widths))))
    count = -(-problem.size // size)
    rows = jnp.minimum(jnp.arange(count * size), problem.size - 1).reshape(count, size)

    def one(some):
        return function(layers.factors(problem.X[some]), problem.targets[some])

    found = one(rows[0])[None] if count == 1 else jax.lax.map(one, rows)
    return found.reshape(-1)[: problem.size]


def of_every_point(problem: Problem, function: Callable) -> Array:
    """`function(row)` of each row number, in blocks of a bounded number of parameters."""
    batch = max(1, _BATCH // problem.dimension)
    if batch >= problem.size:
        return jax.vmap(function)(jnp.arange(problem.size))
    return jax.lax.map(function, jnp.arange(problem.size), batch_size=batch)
