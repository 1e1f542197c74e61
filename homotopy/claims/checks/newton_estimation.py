"""Newton steps, influence at ε = 0 and regularisers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each, regressions
from homotopy.claims.checks.response_derivatives import (
    hessian,
    logistic,
    refit,
    slope_of_others,
)
from homotopy.claims.checks.response_path import slope
from homotopy.influence import predict
from homotopy.influence.estimators import Influence, NewtonStep
from homotopy.linear import LinearRegression


def newton_step():
    """I_Nt of the toolkit, and −(∇²R_j)⁻¹∇R_j at θ*; in linear regression θ*₋ − θ*."""
    yield predict(logistic(), NewtonStep()).delta, _logistic_step(1.0)
    yield from each(
        lambda problem: (
            predict(problem, NewtonStep()).delta,
            problem.deleted_fit() - problem.full_fit(),
        )
    )


def sum_of_both():
    """N'(0) of the logistic regression by refits, and −θ̇(0); I(j) + I_Nt(j), and h(θ* − θ*₋)."""
    yield slope(_logistic_step, 0.0), -slope(refit, 0.0)
    yield from each(_sum_of_both)


def regularisers():
    """∇²R with a ridge 2λ less ∇²R, and 2λ Id; ∇²(λ‖θ‖), and its formula."""
    strength = 0.35
    for problem in regressions():
        d = problem.dimension
        theta = jnp.linspace(1.0, 2.0, d)
        added = _ridged(problem, 2 * strength).hessian(theta) - problem.hessian(theta)
        yield added, 2 * strength * np.eye(d)
        if d > 1:
            norm = np.linalg.norm(theta)
            found = jax.jit(jax.hessian(lambda at: strength * jnp.linalg.norm(at)))(theta)
            yield found, strength / norm * (np.eye(d) - np.outer(theta, theta) / norm**2)


def with_ridge():
    """I(j) + I_Nt(j), and h_λ(θ* − θ*₋), for λ = ½ and 5."""
    for strength in (0.5, 5.0):
        yield from each(lambda problem, ridge=2 * strength: _sum_of_both(_ridged(problem, ridge)))


def _logistic_step(epsilon):
    """−(∇²R_j)⁻¹∇R_j of the logistic regression, at θ(ε)."""
    theta = refit(epsilon)
    return -np.linalg.solve(hessian(theta, 0.0), slope_of_others(theta))


def _sum_of_both(problem):
    """I(j) + I_Nt(j), and h(θ* − θ*₋), with the problem's ridge in M."""
    X, _, x, _ = arrays(problem)
    M = X.T @ X - np.outer(x, x) + float(problem.ridge) * np.eye(problem.dimension)
    influence = -np.asarray(predict(problem, Influence(at=0.0)).delta)
    newton = np.asarray(predict(problem, NewtonStep()).delta)
    change = np.asarray(problem.full_fit() - problem.deleted_fit())
    return influence + newton, x @ np.linalg.solve(M, x) * change


def _ridged(problem, ridge):
    """The regression with (ρ/2)‖θ‖² in its risk."""
    return LinearRegression(problem.X, problem.y, deleted=1, ridge=ridge)
