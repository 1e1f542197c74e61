"""Covariances under local posteriors: against differences, quadrature, and damped influence."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy import integrate, special

from homotopy.bayesian import GaussianMoments, LocalPosterior, bayesian_influence
from homotopy.claims.checks.instances import arrays, each, starting_point
from homotopy.losses import SquaredError
from homotopy.models import function_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem

_BETA, _GAMMA, _STEP = 2.0, 3.0, 1e-5
_EDGE, _CELLS = 9.0, 1200


def _moments(problem, weights):
    """Mean and covariance of the normal posterior around θ₀, by NumPy."""
    X, y, *_ = arrays(problem)
    identity = np.eye(problem.dimension)
    precision = _BETA * (X.T * weights) @ X + _GAMMA * identity
    pulled = _BETA * X.T @ (weights * y) + _GAMMA * starting_point(problem)
    return np.linalg.solve(precision, pulled), np.linalg.inv(precision)


def _first_and_square(theta):
    return jnp.stack([theta[0], theta[0] ** 2])


def derivatives():
    """β Cov(ℓ₁, φ) of θ₁ and θ₁², and −dE φ/dw₁ by central differences."""

    def compare(problem):
        posterior = LocalPosterior(_BETA, _GAMMA)
        found = bayesian_influence(
            problem, starting_point(problem), _first_and_square, posterior,
            sampler=GaussianMoments(),
        ).change[1]  # fmt: skip
        ends = []
        for sign in (1.0, -1.0):
            weights = np.ones(problem.size)
            weights[1] += sign * _STEP
            mean, covariance = _moments(problem, weights)
            ends.append(np.array([mean[0], mean[0] ** 2 + covariance[0, 0]]))
        return np.asarray(found), -(ends[0] - ends[1]) / (2.0 * _STEP)

    return each(compare)


def _product(theta, x):
    return theta[0] * theta[1] * x[0]


def singular():
    """β Cov(ℓⱼ, θ₁θ₂) of every point, and −βxⱼyⱼ Var(p) by the density with K₀."""
    enable_x64()
    x, y = np.random.default_rng(0).standard_normal((2, 8))
    y -= x * (x @ y) / (x @ x)
    problem = Problem(function_model(_product, 2), SquaredError(), x[:, None], y, deleted=0)
    line = np.linspace(-_EDGE, _EDGE, _CELLS + 1)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    losses = np.asarray(jax.jit(jax.vmap(problem.losses))(grid))
    density = np.exp(-losses.sum(axis=1) - 0.5 * np.sum(grid**2, axis=1))
    density /= density.sum()
    p = grid[:, 0] * grid[:, 1]
    found = (density * (p - density @ p)) @ (losses - density @ losses)
    H = x @ x

    def weighted(p):
        return special.k0(p) * np.exp(-0.5 * H * p**2)

    above = integrate.quad(lambda p: p**2 * weighted(p), 0.0, 20.0, limit=200)[0]
    below = integrate.quad(weighted, 0.0, 20.0, limit=200)[0]
    yield found, -x * y * above / below


def shifted():
    """β Cov(ℓ₁, θ) at θ₀, and −(H + δ)⁻¹x(y − xᵀθ) at the posterior's mean."""

    def compare(problem):
        X, _, x, target = arrays(problem)
        found = bayesian_influence(
            problem, starting_point(problem), _whole, LocalPosterior(_BETA, _GAMMA),
            sampler=GaussianMoments(),
        ).change[1]  # fmt: skip
        mean, _ = _moments(problem, np.ones(problem.size))
        damped = X.T @ X + _GAMMA / _BETA * np.eye(problem.dimension)
        return np.asarray(found), -np.linalg.solve(damped, x) * (target - x @ mean)

    return each(compare)


def _whole(theta):
    return theta
