"""Sensitivities early and late in training, and refits with a smaller weight."""

from __future__ import annotations

import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.flows import sensitivity
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence
from homotopy.responses import response


def importance():
    """S_j at t = 1e-7 and t = 40, and t x(y − xᵀθ₀) and H⁻¹xê."""

    def compare(problem):
        X, y, x, target = arrays(problem)
        start, early = np.arange(1.0, problem.dimension + 1.0), 1e-7
        moved = sensitivity(problem, start, [early, 40.0], points=[1]).derivative[:, 0]
        full = np.linalg.solve(X.T @ X, X.T @ y)
        late = np.linalg.solve(X.T @ X, x) * (target - x @ full)
        return (
            [np.asarray(moved[0]) / early, np.asarray(moved[1])],
            [x * (target - x @ start), late],
        )

    return each(compare)


def soft_weight():
    """θ(0.7) − θ* + 0.3 θ̇(1), and −θ̇(1)(0.3)²P/(1 − 0.3 P)."""

    def compare(problem):
        velocity = -np.asarray(predict(problem, Influence()).delta)
        refit = np.asarray(response(problem, [0.7]).theta[0])
        P = float(leverage(problem)[1])
        error = refit - np.asarray(problem.full_fit()) + 0.3 * velocity
        return error, -velocity * 0.3**2 * P / (1 - 0.3 * P)

    return each(compare)
