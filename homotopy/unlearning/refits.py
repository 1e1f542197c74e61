"""Refits without the deleted points, step by step: Newton's method and conjugate gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.linear import LinearRegression
from homotopy.models import LinearModel
from homotopy.problem import Problem

_HALVINGS = 40


def newton_steps(
    problem: Problem, theta: Float[Array, " d"], weights: Float[np.ndarray, " n"]
) -> Iterator[tuple[Float[Array, " d"], int, Float[np.ndarray, " d"] | None]]:
    """θ after each step, what it took in gradients of all retained losses, and the step if whole.

    The Hessian counts as d gradients. A step is halved until the risk falls.
    """
    weights = jnp.asarray(weights, theta.dtype)
    while True:
        step = _newton(problem, theta, weights)
        whole = theta + step
        theta = _falling(problem, theta, whole, weights)
        yield theta, problem.dimension + 1, np.asarray(step) if theta is whole else None


def _falling(problem, start, theta, weights):
    """θ, or nearer to the start where the risk is lower there: the model was quadratic."""
    before = float(_risk(problem, start, weights))
    for _ in range(_HALVINGS):
        # At the minimum what is left of a fall is rounding.
        if float(_risk(problem, theta, weights)) <= before + 1e-14 * abs(before):
            break
        theta = start + 0.5 * (theta - start)
    return theta


@eqx.filter_jit
def _newton(problem, theta, weights):
    gradient = jax.grad(problem.weighted_risk)(theta, weights)
    hessian = jax.hessian(problem.weighted_risk)(theta, weights)
    return -jnp.linalg.lstsq(hessian, gradient)[0]


@eqx.filter_jit
def _risk(problem, theta, weights):
    return problem.weighted_risk(theta, weights)


def conjugate_gradient_steps(
    problem: Problem, theta: Float[Array, " d"], weights: Float[np.ndarray, " n"]
) -> Iterator[tuple[Float[Array, " d"], int, float]]:
    """θ after each step, what it took in gradients, and ‖∇R₋‖ there by the recurrence.

    Of least squares one run to the end; of other risks it starts again at the minimum of each
    quadratic model, where that is found to a tenth, or where the Hessian is met indefinite.
    """
    weights = jnp.asarray(weights, theta.dtype)
    quadratic = isinstance(problem, LinearRegression)
    products = 1 if isinstance(problem.model, LinearModel) else 2
    while True:
        residual = -np.asarray(_gradient(problem, theta, weights))
        begun, direction, square = theta, residual.copy(), float(residual @ residual)
        goal, taken = 0.01 * square, 1
        while square > 0.0:
            image = np.asarray(_product(problem, begun, jnp.asarray(direction), weights))
            bend = float(direction @ image)
            if not bend > 0.0:
                break
            length = square / bend
            theta = theta + length * direction
            residual = residual - length * image
            before, square = square, float(residual @ residual)
            direction = residual + square / before * direction
            yield theta, products + taken, math.sqrt(square)
            taken = 0
            if not quadratic and square <= goal:
                theta = _falling(problem, begun, theta, weights)
                break
        else:
            yield theta, taken, 0.0
            continue
        if not bend > 0.0:
            raise RuntimeError(
                "the Hessian without the points has a direction of negative or no curvature: add "
                "a ridge, or unlearn by Retrain() or RewindToDelete(steps)."
            )


@eqx.filter_jit
def _gradient(problem, theta, weights):
    return jax.grad(problem.weighted_risk)(theta, weights)


@eqx.filter_jit
def _product(problem, theta, vector, weights):
    def gradient(at):
        return jax.grad(problem.weighted_risk)(at, weights)

    return jax.jvp(gradient, (theta,), (vector,))[1]
