"""Newton steps, singular regressions, and what Hessians and their products cost."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each, regressions
from homotopy.claims.checks.perceptron import curvature, perceptron, slope, stopped
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence, NewtonStep
from homotopy.linear import LinearRegression
from homotopy.models import linear_model

_SIZES = ((200, 40), (400, 40), (200, 80))


def remainder():
    """R(θ + h) less its Taylor polynomial, and ½∫₀¹(1 − s)²D³R[h, h, h]ds, of a perceptron.

    By parts the integral is ∫₀¹(1 − s)(q(s) − q(0))ds, q(s) = hᵀ∇²R(θ + sh)h.
    """
    problem, theta = perceptron(), stopped()
    h = 0.3 * np.cos(np.arange(theta.size))
    polynomial = problem.risk(jnp.asarray(theta)) + slope(theta) @ h + h @ curvature(theta) @ h / 2
    nodes, weights = np.polynomial.legendre.leggauss(16)
    parts = (1 + nodes) / 2
    curved = np.array([h @ (curvature(theta + s * h) - curvature(theta)) @ h for s in parts])
    integral = weights @ ((1 - parts) * curved) / 2
    return [(problem.risk(jnp.asarray(theta + h)) - polynomial, integral)]


def newton():
    """`NewtonStep` from a point that is no minimum, and −(∇²R₋)⁻¹∇R₋ there."""

    def compare(problem):
        theta = np.arange(1.0, problem.dimension + 1.0)
        without, rows = np.delete(np.asarray(problem.y), 1), np.delete(problem.X, 1, axis=0)
        gradient = rows.T @ (rows @ theta - without)
        expected = -np.linalg.solve(rows.T @ rows, gradient)
        return predict(problem, NewtonStep(), theta).delta, expected

    return each(compare)


def chord():
    """Influence, and (1 − P) times one Newton step."""

    def compare(problem):
        step = np.asarray(predict(problem, NewtonStep()).delta)
        return predict(problem, Influence()).delta, (1 - leverage(problem)[1]) * step

    return each(compare)


def pseudo_inverse():
    """−θ̇(1) of least-norm fits to rows on a line, two parameters, and H⁺∇ℓ."""
    generator = np.random.default_rng(4)
    X = np.outer(generator.standard_normal(9), generator.standard_normal(2))
    problem = LinearRegression(X, generator.standard_normal(9), deleted=1)
    step = 1e-4
    fits = [np.asarray(problem.fit(epsilon)) for epsilon in (1 - step, 1 + step)]
    _, y, x, target = arrays(problem)
    full = np.linalg.pinv(X) @ y
    influence = np.linalg.pinv(X.T @ X) @ (-x * (target - x @ full))
    return [((fits[0] - fits[1]) / (2 * step), influence)]


def _operations(method, n: int, d: int) -> float:
    """Operations that XLA counts in a method of a regression of that size, of one vector."""
    problem = eqx.tree_at(
        lambda one: (one.X, one.y, one.model),
        regressions()[0],
        (jnp.ones((n, d)), jnp.ones(n), linear_model(d)),
    )
    numbers, rest = eqx.partition(problem, eqx.is_array)

    def run(numbers, vector):
        return method(eqx.combine(numbers, rest), vector)

    return jax.jit(run).lower(numbers, jnp.ones(d)).cost_analysis()["flops"]


def formation():
    """XLA's operations for ∇²R, and d²(2n − 1)."""
    return [
        (_operations(lambda problem, theta: problem.hessian(theta), n, d), d**2 * (2 * n - 1))
        for n, d in _SIZES
    ]


def product():
    """XLA's operations for ∇²R v, and 4nd − n − d."""
    return [
        (_operations(lambda problem, v: problem.hvp(v, v), n, d), 4 * n * d - n - d)
        for n, d in _SIZES
    ]
