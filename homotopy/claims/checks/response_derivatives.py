"""Derivatives along θ(ε), by refits of a logistic regression and closed forms of linear ones."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.claims.checks.response_path import slope
from homotopy.influence import predict, weight_jacobian
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence
from homotopy.linear import LinearRegression
from homotopy.losses import Logistic
from homotopy.models import linear_model
from homotopy.precision import enable_x64
from homotopy.problem import Problem
from homotopy.responses import response


@cache
def logistic() -> Problem:
    """Logistic regression with d = 2, n = 12, a ridge, and point 1 deleted."""
    enable_x64()
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((12, 2)), generator.integers(0, 2, 12)
    return Problem(linear_model(2), Logistic(), X, y, deleted=1, ridge=0.1)


@cache
def refit(epsilon):
    """θ(ε) of the logistic regression."""
    return np.asarray(logistic().fit(epsilon))


def own_slope(theta):
    """∇ℓ_j of the logistic regression: x(σ(xᵀθ) − y)."""
    _, _, x, y = arrays(logistic())
    return x * (_sigmoid(x @ theta) - y)


def slope_of_others(theta):
    """∇R_j of the logistic regression."""
    X, y, _, _ = arrays(logistic())
    return X.T @ (_sigmoid(X @ theta) - y) + 0.1 * theta - own_slope(theta)


def hessian(theta, epsilon):
    """∇²R_ε of the logistic regression."""
    X, _, _, _ = arrays(logistic())
    chance = _sigmoid(X @ theta)
    weights = np.where(np.arange(len(X)) == 1, epsilon, 1.0) * chance * (1 - chance)
    return (X.T * weights) @ X + 0.1 * np.eye(2)


def at_zero():
    """θ̇(0) by refits and closed forms, and −H⁻¹∇ℓ_j at θ*₋."""
    return _velocities(0.0)


def within():
    """θ̇(0.3), and −H⁻¹∇ℓ_j there."""
    return _velocities(0.3)


def opposite_changes():
    """d/dε ∇R_j(θ(ε)), and −d/dε ε∇ℓ_j(θ(ε)), at ε = ½."""
    others = slope(lambda epsilon: slope_of_others(refit(epsilon)), 0.5)
    return [(others, -slope(lambda epsilon: epsilon * own_slope(refit(epsilon)), 0.5))]


def linear_equation():
    """∇²R_ε θ̇ with θ̇ by refits, and −∇ℓ_j, at three weights."""
    for epsilon in (0.0, 0.5, 1.0):
        theta = refit(epsilon)
        yield hessian(theta, epsilon) @ slope(refit, epsilon), -own_slope(theta)


def at_one():
    """−Δ of the toolkit's influence, and θ̇(1) by refits and closed forms."""
    yield -np.asarray(predict(logistic(), Influence()).delta), slope(refit, 1.0)
    yield from each(
        lambda problem: (
            -np.asarray(predict(problem, Influence()).delta),
            response(problem, [0.0, 0.3, 1.0]).velocity[2],
        )
    )


def left_over():
    """θ* − θ̇(1) − θ*₋, and P(θ* − θ*₋)."""

    def compare(problem):
        change = problem.full_fit() - problem.deleted_fit()
        return change + predict(problem, Influence()).delta, leverage(problem)[1] * change

    return each(compare)


def any_curve():
    """d/dε R_ε(θ* + εv) by differences, and ∇R_jᵀv + ℓ_j + ε∇ℓ_jᵀv."""

    def compare(problem):
        X, Y, x, y = arrays(problem)
        start, v = np.asarray(problem.full_fit()), np.ones(problem.dimension)
        theta = start + 0.3 * v
        own = x * (x @ theta - y)
        others = X.T @ (X @ theta - Y) - own
        found = slope(lambda at: problem.risk(jnp.asarray(start + at * v), at), 0.3)
        return found, others @ v + (x @ theta - y) ** 2 / 2 + 0.3 * own @ v

    return each(compare)


def envelope():
    """d/dε R_ε(θ(ε)) by refits, and ℓ_j(θ(ε)), at three weights."""
    problem = logistic()
    for epsilon in (0.0, 0.5, 1.0):
        found = slope(lambda at: problem.risk(jnp.asarray(refit(at)), at), epsilon)
        yield found, problem.deleted_loss(jnp.asarray(refit(epsilon)))


def own_loss():
    """dℓ_j(θ(ε))/dε by refits, and −∇ℓ_jᵀH⁻¹∇ℓ_j, at three weights."""
    problem = logistic()
    for epsilon in (0.0, 0.5, 1.0):
        found = slope(lambda at: problem.deleted_loss(jnp.asarray(refit(at))), epsilon)
        own = own_slope(refit(epsilon))
        yield found, -own @ np.linalg.solve(hessian(refit(epsilon), epsilon), own)


def pair_at_one():
    """θ̇(1) where points 1 and 2 are deleted, and the sum of their columns of Jθ."""

    def compare(problem):
        velocity = response(_pair(problem), [0.0, 0.3, 1.0]).velocity[2]
        return velocity, weight_jacobian(problem, problem.full_fit()).columns[1:3].sum(axis=0)

    return each(compare)


def columns():
    """θ̇ʲ(0.3), and column j there; of a deleted pair, and the sum of its columns there."""
    problem = logistic()
    found = weight_jacobian(problem, refit(0.3), problem.weights(0.3)).columns[1]
    yield slope(refit, 0.3), found

    def compare(problem):
        pair = _pair(problem)
        path = response(pair, [0.0, 0.3, 1.0])
        there = weight_jacobian(problem, path.theta[1], pair.weights(0.3))
        return path.velocity[1], there.columns[1:3].sum(axis=0)

    yield from each(compare)


def _velocities(epsilon):
    """θ̇(ε) by refits and closed forms, and −(∇²R_ε)⁻¹∇ℓ_j."""
    theta = refit(epsilon)
    yield slope(refit, epsilon), -np.linalg.solve(hessian(theta, epsilon), own_slope(theta))

    def compare(problem):
        X, _, x, y = arrays(problem)
        path = response(problem, [0.0, epsilon, 1.0])
        weighted = X.T @ X - (1 - epsilon) * np.outer(x, x)
        own = x * (x @ np.asarray(path.theta[1]) - y)
        return path.velocity[1], -np.linalg.solve(weighted, own)

    yield from each(compare)


def _pair(problem):
    """The regression with points 1 and 2 deleted together."""
    return LinearRegression(problem.X, problem.y, deleted=[1, 2])


def _sigmoid(logit):
    """1/(1 + e^(−a))."""
    return 1 / (1 + np.exp(-logit))
