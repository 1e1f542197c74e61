"""Responses θ(ε), of least squares and of small nonlinear models."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each, regressions, starting_point
from homotopy.flows import GradientDescent, flow
from homotopy.influence.diagnostics import leverage
from homotopy.losses import Logistic, SquaredError
from homotopy.models import function_model, linear_model
from homotopy.problem import Problem
from homotopy.responses import response
from homotopy.responses.path import chord_deviation
from homotopy.schedules import Constant

_NODES, _SHARES = np.polynomial.legendre.leggauss(30)


@cache
def _paths():
    """θ(ε), θ̇ and θ̈ of the regressions at 30 nodes in [0, 1]."""
    return [response(problem, 0.5 * (_NODES + 1)) for problem in regressions()]


def integral_of_acceleration():
    """θ̇(1) − θ̇(0), and ∫₀¹ θ̈ dε."""
    for path in _paths():
        ends = np.asarray(path.end_velocities)
        yield ends[1] - ends[0], 0.5 * _SHARES @ np.asarray(path.acceleration)


def velocities():
    """θ̇(1), and (1 − P)²θ̇(0)."""
    for problem, path in zip(regressions(), _paths(), strict=True):
        ends = np.asarray(path.end_velocities)
        yield ends[1], (1 - leverage(problem)[1]) ** 2 * ends[0]


def segment():
    """θ(ε) − θ*₋, and its projection on M⁻¹x."""
    for problem, path in zip(regressions(), _paths(), strict=True):
        X, _, x, _ = arrays(problem)
        direction = np.linalg.solve(X.T @ X - np.outer(x, x), x)
        offset = np.asarray(path.theta) - np.asarray(path.ends[0])
        yield offset, np.outer(offset @ direction, direction) / (direction @ direction)


@cache
def _classification():
    """X and labels: 60 points of two features."""
    regressions()
    generator = np.random.default_rng(1)
    X = generator.standard_normal((60, 2))
    return X, (generator.random(60) < 1 / (1 + np.exp(-X @ [1.5, -1.0]))).astype(int)


def _logistic(row, epsilon):
    """A refit; the weights, and p − y, p(1 − p), p(1 − p)(1 − 2p) of every point."""
    X, labels = _classification()
    problem = Problem(linear_model(2), Logistic(), X, labels, deleted=row)
    theta = np.asarray(problem.fit(epsilon))
    p = 1 / (1 + np.exp(-X @ theta))
    w = np.where(np.arange(60) == row, epsilon, 1.0)
    return theta, w, p - labels, p * (1 - p), p * (1 - p) * (1 - 2 * p)


def _influence(row, epsilon):
    """θ̇(ε) by (0.6), and H_ε."""
    X, _ = _classification()
    _, w, first, second, _ = _logistic(row, epsilon)
    H = X.T @ ((w * second)[:, None] * X)
    return -np.linalg.solve(H, first[row] * X[row]), H


def acceleration():
    """θ̈ by differences, and −H⁻¹(2∇²ℓθ̇ + D³R[θ̇, θ̇]), of four points."""
    X, _ = _classification()
    h = 2e-3
    for row in range(4):
        a, b, c, d, e = (_logistic(row, 0.5 + k * h)[0] for k in (-2, -1, 0, 1, 2))
        _, w, _, second, third = _logistic(row, 0.5)
        v, H = _influence(row, 0.5)
        bracket = 2 * second[row] * X[row] * (X[row] @ v) + X.T @ (w * third * (X @ v) ** 2)
        yield (-a + 16 * b - 30 * c + 16 * d - e) / (12 * h**2), -np.linalg.solve(H, bracket)


def _of_any_ratio(theta, x):
    """θ for the deleted point, x₀ = 1; √(2R_j) for the other, with R_j' = (x₁θ + x₂θ²)(1 − θ)."""
    deleted, a, b = x
    retained = theta[0] * jnp.sqrt(a + 2 * (b - a) * theta[0] / 3 - b * theta[0] ** 2 / 2)
    return jnp.where(deleted > 0, theta[0], retained)


def _two_points(s, q):
    """R_j' = e(θ)(1 − θ) and ℓ_j = ½(θ − 1)², with squared loss."""
    weight = [2 * q / (s * (1 + q)), (1 - q) / (s**2 * (1 + q))]
    X, y = [[0.0, *weight], [1.0, *weight]], [0.0, 1.0]
    return Problem(function_model(_of_any_ratio, 1), SquaredError(), X, y, deleted=1)


def any_ratio():
    """θ̇(1)/θ̇(0) and q; and whether some points lie above, and some below, (1 − P)²; and 1."""
    X, _ = _classification()
    for q in (0.2, 2.0):
        problem, h = _two_points(0.1, q), 1e-4
        weights = (0.0, h, 2 * h, 1 - 2 * h, 1 - h, 1.0)
        a, b, c, d, e, f = (float(problem.fit(one, [0.05])[0]) for one in weights)
        yield (d - 4 * e + 3 * f) / (4 * b - 3 * a - c), q
    excess = []
    for row in range(60):
        (v, H), (v0, _) = _influence(row, 1.0), _influence(row, 0.0)
        share = _logistic(row, 1.0)[3][row] * X[row] @ np.linalg.solve(H, X[row])
        excess.append(np.linalg.norm(v) / np.linalg.norm(v0) - (1 - share) ** 2)
    yield [max(excess) > 0, min(excess) < 0], [1.0, 1.0]


def _wave(theta, x):
    return theta[0] * x[0] + jnp.sin(theta[1] * x[1])


def bend():
    """The bend of θ(ε) for r = 0.002, and twice that for r = 0.001; three points."""
    regressions()
    generator = np.random.default_rng(2)
    X = generator.standard_normal((12, 2))
    model = function_model(_wave, 2)
    y = X[:, 0] + np.sin(X[:, 1]) + 0.2 * generator.standard_normal(12)

    def bent(row, r):
        without = Problem(model, SquaredError(), X, y, deleted=row).fit(0.0, np.ones(2))
        targets = y.copy()
        targets[row] = _wave(without, X[row]) + r
        problem = Problem(model, SquaredError(), X, targets, deleted=row)
        path = jnp.stack([problem.fit(epsilon, without) for epsilon in (0.0, 0.25, 0.5, 0.75, 1.0)])
        return chord_deviation(path, path[jnp.array([0, -1])])

    for row in range(3):
        yield bent(row, 2e-3), 2 * bent(row, 1e-3)


def iterations():
    """The error of gradient descent after 50 steps, and (Id − ηH)⁵⁰e."""
    steps, size = 50, 0.01

    def compare(problem):
        X, _, _, _ = arrays(problem)
        path = flow(
            problem,
            Constant(1.0),
            starting_point(problem),
            [steps * size],
            method=GradientDescent(size),
        )
        fit = np.asarray(problem.full_fit())
        step = np.eye(problem.dimension) - size * X.T @ X
        error = np.linalg.matrix_power(step, steps) @ (starting_point(problem) - fit)
        return np.asarray(path.theta[0]) - fit, error

    return each(compare)
