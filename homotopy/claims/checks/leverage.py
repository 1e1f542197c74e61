"""Leverage, influence and refits of least squares."""

from __future__ import annotations

import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence, LeaveOneOut
from homotopy.linear import LinearRegression
from homotopy.measurements import OwnLoss


def trace():
    """Σ P_ii and d."""
    return each(lambda problem: (np.sum(leverage(problem)), problem.dimension))


def own_effect():
    """xᵀ(θ* of y_j + 1) − xᵀθ*, and P_jj."""

    def compare(problem):
        X, y, x, _ = arrays(problem)
        moved = LinearRegression(X, y + (np.arange(len(y)) == 1), deleted=1)
        return x @ np.asarray(moved.full_fit() - problem.full_fit()), leverage(problem)[1]

    return each(compare)


def hidden_residual():
    """The deleted point's residual in the full fit, and (1 − P) times that in the deleted fit."""

    def compare(problem):
        _, _, x, y = arrays(problem)
        r = y - x @ np.asarray(problem.deleted_fit())
        return y - x @ np.asarray(problem.full_fit()), (1 - leverage(problem)[1]) * r

    return each(compare)


def own_loss():
    """The linearised change of the deleted point's loss, and ê²P."""

    def compare(problem):
        _, _, x, y = arrays(problem)
        residual = y - x @ np.asarray(problem.full_fit())
        found = predict(problem, Influence()).linearised(OwnLoss())
        return found, residual**2 * leverage(problem)[1]

    return each(compare)


def footnote():
    """Hessian, 1 + gradient of twice ½(θ² + 1)² at θ = 0, where J = 0; 2(f − y)f'' = 4 and 1."""
    import jax.numpy as jnp

    from homotopy.losses import SquaredError
    from homotopy.models import function_model
    from homotopy.problem import Problem

    model = function_model(lambda theta, x: theta[0] ** 2, 1)
    problem = Problem(model, SquaredError(), [[1.0], [1.0]], [-1.0, -1.0], deleted=0)
    origin = jnp.zeros(1)
    return [([problem.hessian(origin)[0, 0], 1 + problem.gradient(origin)[0]], [2 * 2.0, 1.0])]


def leave_one_out():
    """θ* − θ*₋ by refits, and (XᵀX)⁻¹xê/(1 − P)."""

    def compare(problem):
        X, _, x, y = arrays(problem)
        full = np.asarray(problem.full_fit())
        formula = np.linalg.solve(X.T @ X, x) * (y - x @ full) / (1 - leverage(problem)[1])
        return -np.asarray(predict(problem, LeaveOneOut()).delta), formula

    return each(compare)


def own_prediction():
    """xᵀ(θ* − θ*₋) by refits, and Pr."""

    def compare(problem):
        _, _, x, y = arrays(problem)
        r = y - x @ np.asarray(problem.deleted_fit())
        return -x @ np.asarray(predict(problem, LeaveOneOut()).delta), leverage(problem)[1] * r

    return each(compare)


def influence():
    """−θ̇(1), and (1 − P) times the change by refits."""

    def compare(problem):
        truth = np.asarray(predict(problem, LeaveOneOut()).delta)
        return predict(problem, Influence()).delta, (1 - leverage(problem)[1]) * truth

    return each(compare)
