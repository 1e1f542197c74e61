"""Least squares: fits, derivatives, influence and the PBRF."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.influence import predict
from homotopy.influence.estimators import Influence, ProximalBregman
from homotopy.linear import LinearRegression


def fit():
    """θ(1), and NumPy's least squares."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        return problem.full_fit(), np.linalg.lstsq(X, y, rcond=None)[0]

    return each(compare)


def estimate():
    """The fit of y = Xθ* + e less θ*, and (XᵀX)⁻¹Xᵀe."""

    def compare(problem):
        X, errors, _, _ = arrays(problem)
        truth = _somewhere(problem)
        fitted = LinearRegression(X, X @ truth + errors, deleted=1).full_fit()
        return fitted - truth, np.linalg.solve(X.T @ X, X.T @ errors)

    return each(compare)


def gradient():
    """∇ℓ_j by automatic differentiation, and −x(y − xᵀθ)."""

    def compare(problem):
        _, _, x, y = arrays(problem)
        theta = _somewhere(problem)
        slope = eqx.filter_jit(type(problem).deleted_gradient)(problem, jnp.asarray(theta))
        return slope, -x * (y - x @ theta)

    return each(compare)


def hessian():
    """The Hessian of the mean loss by automatic differentiation, and XᵀX/n."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        mean = jax.jit(jax.hessian(lambda theta: jnp.mean(problem.losses(theta))))
        return mean(jnp.asarray(_somewhere(problem))), X.T @ X / len(y)

    return each(compare)


def influence():
    """𝓘 of the toolkit, and −(XᵀX)⁻¹xê."""

    def compare(problem):
        X, _, x, y = arrays(problem)
        residual = y - x @ np.asarray(problem.full_fit())
        return predict(problem, Influence()).delta, -np.linalg.solve(X.T @ X, x * residual)

    return each(compare)


def pbrf():
    """The PBRF less θ̂ for λ = 0.3, and −(XᵀX − xxᵀ + nλ Id)⁻¹xê."""

    def compare(problem):
        X, _, x, y = arrays(problem)
        damping = 0.3 * len(X)
        residual = y - x @ np.asarray(problem.full_fit())
        matrix = X.T @ X - np.outer(x, x) + damping * np.eye(problem.dimension)
        found = predict(problem, ProximalBregman(damping)).delta
        return found, -np.linalg.solve(matrix, x * residual)

    return each(compare)


def bregman():
    """ΣDᵢ from θ̂, and R(θ) − R(θ̂)."""

    def compare(problem):
        theta, fitted = jnp.asarray(_somewhere(problem)), problem.full_fit()
        outputs = problem.predict(theta), problem.predict(fitted)
        divergences = jax.vmap(problem.loss.bregman)(*outputs, problem.y)
        return jnp.sum(divergences), problem.risk(theta) - problem.risk(fitted)

    return each(compare)


def _somewhere(problem):
    """A θ that is not a fit."""
    return np.linspace(1.0, 2.0, problem.dimension)
