"""Sensitivities early and late in training, and refits with a smaller weight."""

from __future__ import annotations

import itertools

import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.flows import sensitivity
from homotopy.influence import predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import Influence
from homotopy.linear import LinearRegression
from homotopy.measurements import TestLoss
from homotopy.responses import response
from homotopy.valuation import Enumeration, data_values


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


def shapley():
    """The values of five points, m the loss on the others, and the mean over their 120 orders."""

    def compare(problem):
        X, y, *_ = arrays(problem)
        points, rest = np.arange(5), np.arange(5, len(y))
        valued = LinearRegression(X[:5], y[:5], deleted=0, ridge=1.0)
        found = data_values(valued, TestLoss(X[rest], y[rest]), Enumeration()).values

        def measured(rows):
            rows = list(rows)
            H = X[rows].T @ X[rows] + np.eye(X.shape[1])
            theta = np.linalg.solve(H, X[rows].T @ y[rows])
            return 0.5 * np.mean((y[rest] - X[rest] @ theta) ** 2)

        known = np.zeros(5)
        for order in itertools.permutations(points):
            for place, point in enumerate(order):
                known[point] += measured(order[:place]) - measured(order[: place + 1])
        return found, known / 120

    return each(compare)
