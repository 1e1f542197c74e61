"""A small perceptron that the checks share: at a minimum, and where training was stopped early."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy.influence.curvature import GaussNewtonCurvature
from homotopy.losses import SquaredError
from homotopy.models import function_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem

DAMPING = 1.0


@cache
def perceptron() -> Problem:
    """Two neurons (d = 9), 8 points, squared loss, ridge 0.1; point 0 deleted."""
    enable_x64()
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((8, 2)), generator.standard_normal(8)
    model = function_model(_network, 9)
    return Problem(model, SquaredError(), X, y, deleted=0, ridge=0.1)


def _network(theta, x):
    """Two neurons with tanh: inner weights, inner biases, outer weights, outer bias."""
    return theta[6:8] @ jnp.tanh(theta[:4].reshape(2, 2) @ x + theta[4:6]) + theta[8]


@cache
def stopped() -> np.ndarray:
    """θˢ: parameters far from a minimum, where ∇²R is indefinite."""
    return np.array([1.1, -0.6, -0.5, 0.9, 0.0, 0.0, 0.7, -1.0, 0.0])


@cache
def refit(epsilon: float = 1.0) -> np.ndarray:
    """θ(ε), from θˢ at ε = 1 and from there at others."""
    start = stopped() if epsilon == 1.0 else refit()
    return np.asarray(perceptron().fit(epsilon, start))


def proximal_refit(epsilon: float, damping: float = DAMPING) -> np.ndarray:
    """arg min R_ε + ½δ‖θ − θ*‖², by Newton's method from θ* = θ(1)."""
    full = refit()
    theta = full.copy()
    for _ in range(10):
        matrix = curvature(theta, epsilon) + damping * np.eye(full.size)
        theta -= np.linalg.solve(matrix, slope(theta, epsilon) + damping * (theta - full))
    return theta


def slope(theta, epsilon: float = 1.0) -> np.ndarray:
    """∇R_ε(θ)."""
    return np.asarray(_gradient(perceptron(), theta, jnp.asarray(epsilon)))


def own_slope(theta) -> np.ndarray:
    """∇ℓ(θ) of the deleted point."""
    return slope(theta, 1.0) - slope(theta, 0.0)


def curvature(theta, epsilon: float = 1.0) -> np.ndarray:
    """∇²R_ε(θ)."""
    return np.asarray(_hessian(perceptron(), theta, jnp.asarray(epsilon)))


def own_loss(theta) -> float:
    """ℓ(θ) of the deleted point."""
    problem = perceptron()
    return float(problem.loss.value(jnp.asarray(outputs(theta)[0]), problem.y[0]))


def outputs(theta) -> np.ndarray:
    """f(θ; x) of all points."""
    return np.asarray(_outputs(perceptron(), theta))


def gauss_newton(theta, damping: float = 0.0) -> np.ndarray:
    """The toolkit's G + (ρ + δ) Id."""
    return np.asarray(_matrix(perceptron(), theta, jnp.asarray(damping)))


@eqx.filter_jit
def _outputs(problem, theta):
    """Compiled once for all θ."""
    return problem.predict(theta)


@eqx.filter_jit
def _matrix(problem, theta, damping):
    """Compiled once for all θ and δ."""
    ones = jnp.ones(problem.size)
    return GaussNewtonCurvature(problem, theta, ones, damping).matrix()


@eqx.filter_jit
def _gradient(problem, theta, epsilon):
    """Compiled once for all θ and ε."""
    return problem.gradient(theta, epsilon)


@eqx.filter_jit
def _hessian(problem, theta, epsilon):
    """Compiled once for all θ and ε."""
    return problem.hessian(theta, epsilon)
