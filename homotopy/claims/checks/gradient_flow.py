"""Gradient flows at constant weights."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from homotopy.claims.checks.instances import arrays, each, starting_point
from homotopy.flows import homotopy, sensitivity

_WEIGHTS = (0.0, 0.5, 1.0)


def surface(problem, times, weights=_WEIGHTS, theta0=None):
    """θ(t, ε) (3, 16, d): three weights and 16 times always, so that one compilation serves all."""
    times = np.concatenate([np.asarray(times), np.full(16 - len(times), times[-1])])
    theta0 = starting_point(problem) if theta0 is None else theta0
    return np.asarray(homotopy(problem, theta0, times, weights).theta)


def weighted(problem, epsilon):
    """H_ε and Σ wᵢxᵢyᵢ."""
    X, y, _, _ = arrays(problem)
    w = np.where(np.arange(len(y)) == 1, epsilon, 1.0)
    return X.T @ (w[:, None] * X), X.T @ (w * y)


def solution(H, moment, theta0, time):
    """e^(−Ht)θ₀ + (Id − e^(−Ht))H⁺c."""
    fit = np.linalg.pinv(H) @ moment
    return fit + expm(-time * H) @ (theta0 - fit)


def descent():
    """The fall of R_½ until t = 0.05, and ∫‖∇R_½‖² by Gauss and Legendre's rule."""
    nodes, shares = np.polynomial.legendre.leggauss(15)
    end = 0.05

    def compare(problem):
        H, moment = weighted(problem, 0.5)
        path = surface(problem, [*(0.5 * end * (nodes + 1)), end])[1]
        slopes = path[:15] @ H - moment

        def risk(theta):
            return 0.5 * theta @ H @ theta - moment @ theta

        integral = 0.5 * end * shares @ np.sum(slopes**2, axis=1)
        return risk(starting_point(problem)) - risk(path[15]), integral

    return each(compare)


def sensitivity_in_weight():
    """Differences of θ(t, ε) in ε at ε = 1, and the toolkit's ∂θ/∂w_j."""
    h, time = 1e-4, 0.2

    def compare(problem):
        far, near, here = surface(problem, [time], (1 - 2 * h, 1 - h, 1.0))[:, 0]
        moved = sensitivity(problem, starting_point(problem), [time], points=[1]).derivative[0, 0]
        return (far - 4 * near + 3 * here) / (2 * h), moved

    return each(compare)


def both_ends():
    """θ(0.1, ε) for ε = 0 and 1, and the solutions for the data without and with the row."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        kept = np.arange(len(y)) != 1
        found = surface(problem, [0.1])[[0, 2], 0]
        said = [
            solution(rows.T @ rows, rows.T @ targets, starting_point(problem), 0.1)
            for rows, targets in ((X[kept], y[kept]), (X, y))
        ]
        return found, said

    return each(compare)


def uniform_decay():
    """The share of times and weights at which ‖u(t)‖ ≤ e^(−m₁t)‖u(0)‖, and 1."""
    times = np.linspace(0.0, 1.5, 16)

    def compare(problem):
        fits = np.array([np.linalg.solve(*weighted(problem, epsilon)) for epsilon in _WEIGHTS])
        distance = np.linalg.norm(surface(problem, times) - fits[:, None], axis=2)
        slowest = np.linalg.eigvalsh(weighted(problem, 0.0)[0])[0]
        allowed = np.exp(-slowest * times) * distance[:, :1]
        return np.mean(distance <= allowed * (1 + 1e-9)), 1.0

    return each(compare)
