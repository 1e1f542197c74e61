"""Responses with and without damping, and the Gauss–Newton matrix."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each, regressions
from homotopy.claims.checks.perceptron import (
    DAMPING,
    curvature,
    outputs,
    own_slope,
    perceptron,
    proximal_refit,
    refit,
    stopped,
)
from homotopy.claims.checks.perceptron import gauss_newton as gauss_newton_matrix
from homotopy.influence import predict
from homotopy.influence.curvature import GaussNewtonCurvature
from homotopy.influence.estimators import GaussNewton
from homotopy.losses import Logistic
from homotopy.models import linear_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem


def linearised():
    """(θ(1 − s) − θ*)/s for a small s, and (1/n)(∇²L)⁻¹∇ℓ of the mean risk L."""

    def compare(problem):
        X, y, x, target = arrays(problem)
        full, part = np.asarray(problem.fit(1.0)), 1e-7
        found = (np.asarray(problem.fit(1.0 - part)) - full) / part
        mean_hessian = X.T @ X / len(y)
        return found, np.linalg.solve(mean_hessian, -x * (target - x @ full)) / len(y)

    return each(compare)


def below():
    """R(θ) − R(θ*), and ½JᵀH⁻¹J with J and H of θ."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        theta = np.arange(1.0, problem.dimension + 1.0)
        J = X.T @ (X @ theta - y)
        best = np.asarray(problem.fit(1.0))
        found = (np.sum((X @ theta - y) ** 2) - np.sum((X @ best - y) ** 2)) / 2
        return found, J @ np.linalg.solve(X.T @ X, J) / 2

    return each(compare)


def logistic():
    """The Gauss–Newton matrix of logistic regression, and Σ σ(1 − σ) xᵢxᵢᵀ."""
    enable_x64()
    generator = np.random.default_rng(5)
    X, theta = generator.standard_normal((8, 3)), generator.standard_normal(3)
    labels = generator.integers(2, size=8).astype(float)
    problem = Problem(linear_model(3), Logistic(), X, labels, deleted=0)
    likely = 1 / (1 + np.exp(-X @ theta))
    ones, zero = jnp.ones(len(X)), jnp.zeros(())
    matrix = GaussNewtonCurvature(problem, jnp.asarray(theta), ones, zero).matrix()
    return [(matrix, (X.T * likely * (1 - likely)) @ X)]


def gauss_newton():
    """That of a perceptron with squared loss, and JᵀJ + ρ by differences of its outputs."""
    theta, step = stopped(), 1e-6
    moves = step * np.eye(theta.size)
    J = np.array([outputs(theta + k) - outputs(theta - k) for k in moves]).T / (2 * step)
    ridge = float(perceptron().ridge)
    return [(gauss_newton_matrix(theta), J.T @ J + ridge * np.eye(theta.size))]


def definite():
    """The part of random θ where λ_min(G + δ) ≥ δ + ρ, of those where ∇²R is indefinite; and 1."""
    generator = np.random.default_rng(6)
    drawn = generator.standard_normal((20, perceptron().dimension))
    indefinite = [one for one in drawn if np.linalg.eigvalsh(curvature(one))[0] < 0]
    least = [np.linalg.eigvalsh(gauss_newton_matrix(one, DAMPING))[0] for one in indefinite]
    return [(np.mean(np.array(least) >= DAMPING + float(perceptron().ridge) - 1e-12), 1.0)]


def damped():
    """Its slope at s = 0, and (∇²R + δ)⁻¹∇ℓ."""
    full, step = refit(), 1e-4
    found = (proximal_refit(1 - step) - proximal_refit(1 + step)) / (2 * step)
    matrix = curvature(full) + DAMPING * np.eye(full.size)
    return [(found, np.linalg.solve(matrix, own_slope(full)))]


def mean_damped():
    """`GaussNewton(nλ)`, and (1/n)(G/n + λ)⁻¹∇ℓ."""
    problem = regressions()[2]
    X, y, x, target = arrays(problem)
    size = len(y)
    damping = DAMPING / size
    slope_ = -x * (target - x @ np.asarray(problem.fit(1.0)))
    mean = X.T @ X / size + damping * np.eye(problem.dimension)
    found = predict(problem, GaussNewton(DAMPING)).delta
    return [(found, np.linalg.solve(mean, slope_) / size)]
