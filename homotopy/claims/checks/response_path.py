"""The weighted risk and its minimum θ(ε), by refits."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.losses import SquaredError
from homotopy.models import function_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem
from homotopy.responses import response


def slope(f, at, step=1e-3):
    """f'(at) by central differences of fourth order; f may be a vector."""
    near = np.asarray(f(at + step)) - np.asarray(f(at - step))
    far = np.asarray(f(at + 2 * step)) - np.asarray(f(at - 2 * step))
    return (8 * near - far) / (12 * step)


def mean_and_sum():
    """argmin L − εℓ_j by NumPy for nε = 0.3, and θ(0.7)."""

    def compare(problem):
        X, Y, x, y = arrays(problem)
        n, epsilon = len(Y), 0.3 / len(Y)
        hessian = X.T @ X / n - epsilon * np.outer(x, x)
        return np.linalg.solve(hessian, X.T @ Y / n - epsilon * x * y), problem.fit(0.7)

    return each(compare)


def chain_rule():
    """∇²R of ½(sin(xᵀθ) − y)² by automatic differentiation, and Σ(ℓ''∇f∇fᵀ + ℓ'∇²f)."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        model = function_model(lambda theta, x: jnp.sin(x @ theta), problem.dimension)
        theta = np.linspace(0.5, 1.0, problem.dimension)
        smooth = Problem(model, SquaredError(), X, y, deleted=1)
        found = eqx.filter_jit(type(smooth).hessian)(smooth, jnp.asarray(theta))
        sine, cosine = np.sin(X @ theta), np.cos(X @ theta)
        return found, (X.T * (cosine**2 - (sine - y) * sine)) @ X

    return each(compare)


def ends():
    """θ(1) and θ(0), and NumPy's least squares with and without row j."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        rest = np.delete(X, 1, axis=0), np.delete(y, 1)
        fits = [np.linalg.lstsq(*data, rcond=None)[0] for data in ((X, y), rest)]
        return np.hstack([problem.fit(1.0), problem.fit(0.0)]), np.hstack(fits)

    return each(compare)


def straight():
    """θ(ε) and θ̇(ε) at three weights, and θ*₋ + εrM⁻¹x/(1 + εh) with its derivative."""

    def compare(problem):
        X, _, x, y = arrays(problem)
        deleted = np.asarray(problem.deleted_fit())
        direction = np.linalg.solve(X.T @ X - np.outer(x, x), x) * (y - x @ deleted)
        epsilons = np.array([[0.0], [0.3], [1.0]])
        slower = 1 + epsilons * (x @ direction) / (y - x @ deleted)
        said = [deleted + epsilons * direction / slower, direction / slower**2]
        path = response(problem, epsilons[:, 0])
        return np.hstack([path.theta, path.velocity]), np.hstack(said)

    return each(compare)


def quartic():
    """θ̇ of R_j = θ⁴/4 and ℓ_j = ½(θ + 1)² by refits, and −(θ + 1)/(3θ² + ε)."""
    problem = _quartic()
    for epsilon in (0.5, 1.0):
        theta = float(problem.fit(epsilon, [-0.5])[0])
        found = slope(lambda at: problem.fit(at, [-0.5]), epsilon)
        yield found, -(theta + 1) / (3 * theta**2 + epsilon)


@cache
def _quartic():
    """f(θ; 0) = θ²/√2 with target 0, f(θ; 1) = θ with target −1 and deleted."""
    enable_x64()
    model = function_model(
        lambda theta, x: (1 - x[0]) * theta[0] ** 2 / jnp.sqrt(2.0) + x[0] * theta[0], 1
    )
    return Problem(model, SquaredError(), [[0.0], [1.0]], [0.0, -1.0], deleted=1)


def other_slope():
    """∇R_j(θ*), and xê."""

    def compare(problem):
        _, _, x, y = arrays(problem)
        full = problem.full_fit()
        return problem.gradient(full, 0.0), x * (y - x @ np.asarray(full))

    return each(compare)
