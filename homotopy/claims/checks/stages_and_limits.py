"""Time-scales of a hierarchy, deletions in high dimension, and modes with other singular values."""

from __future__ import annotations

import numpy as np

from homotopy.asymptotics import Population, ridge
from homotopy.flows import flow
from homotopy.influence import predict
from homotopy.influence.estimators import LeaveOneOut
from homotopy.linear import LinearRegression
from homotopy.linear_networks import hierarchy_example
from homotopy.schedules import Constant
from homotopy.two_layer import single_index
from homotopy.two_layer import time_scales as measured_time_scales


def time_scales():
    """The slope of t₁/√ε, and the exponent of t₂."""
    found = measured_time_scales(single_index([1.0, 1.0, 0.8], [1.0, 0.9, 0.7]), [1e-8, 1e-14])
    yield [found.measured_constants[1]], [1.0 / (4.0 * 0.9)]
    yield [found.measured_exponents[2]], [0.25]


def deletions():
    """Limits against the formulas; and n mean ‖θ(1) − θ(0)‖² over the mean square left out.

    σ² = ½ and r² = 2. The ratio is γ/(1 − γ), then 1/(γ − 1): 1 at both γ.
    """
    noise, signal, n = 0.5, 2.0, 200
    gammas = np.array([0.5, 2.0])
    limits = ridge(gammas, noise_variance=noise, signal=signal)
    yield limits.risk, [noise, signal / 2.0 + noise]
    yield limits.deletion_size, [noise * 0.5 / 0.25, noise * 2.0 + signal / 2.0]
    for gamma, moved in zip(gammas, (_moved, _moved_by_least_norm), strict=True):
        ratios = []
        for seed in range(4):
            options = {"noise_variance": noise, "signal": signal, "seed": seed}
            data = Population().draw(n, round(gamma * n), **options)
            change = moved(data.X, data.y)
            theta = np.linalg.lstsq(data.X, data.y, rcond=None)[0]
            left_out = data.y - data.X @ theta - np.sum(data.X * change, axis=1)
            ratios.append(n * np.sum(change**2) / np.sum(left_out**2))
        yield [np.mean(ratios)], [1.0]


def _moved(X, y):
    problem = LinearRegression(X, y, deleted=0)
    return np.asarray(predict(problem, LeaveOneOut(), points=range(len(y))).delta)


def _moved_by_least_norm(X, y):
    """By refits to the other rows."""
    found = []
    for row in range(len(y)):
        keep = np.arange(len(y)) != row
        found.append(X[keep].T @ np.linalg.solve(X[keep] @ X[keep].T, y[keep]))
    return np.array(found) - X.T @ np.linalg.solve(X @ X.T, y)


def modes():
    """(a(t; s + h) − a(t; s − h))/2h of the strongest mode, and the formula."""
    times, s, start, h = np.array([0.5, 1.0, 1.5, 4.0]), 3.0, 1e-2, 1e-3
    ends = []
    for singular_value in (s + h, s - h):
        example = hierarchy_example(singular_values=(singular_value, 1.0))
        problem, theta0 = example.problem(), example.aligned_start(start)
        path = flow(problem, Constant(1.0), theta0, times)
        ends.append(np.asarray(example.strengths(path.theta))[:, 0])
    E, excess = np.exp(2 * s * times), s / start - 1
    said = E * (E - 1 + 2 * s * times * excess) / (E + excess) ** 2
    yield (ends[0] - ends[1]) / (2 * h), said
