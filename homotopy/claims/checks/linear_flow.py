"""Flows of linear regressions at constant weights."""

from __future__ import annotations

import numpy as np

from homotopy.claims.checks.gradient_flow import solution, surface, weighted
from homotopy.claims.checks.instances import arrays, each, regressions, starting_point
from homotopy.flows import flow
from homotopy.linear import LinearRegression
from homotopy.schedules import Step


def one_schedule():
    """θ(0.3) under 1_[0,0.1], and with ε = 1 for 0.1, then ε = 0 for 0.2."""

    def compare(problem):
        found = flow(problem, Step(0.1), starting_point(problem), [0.3]).theta[0]
        return found, surface(problem, [0.2], theta0=surface(problem, [0.1])[2, 0])[0, 0]

    return each(compare)


def full_data():
    """θ(0.1, 1), and the formula."""

    def compare(problem):
        found = surface(problem, [0.1])[2, 0]
        return found, solution(*weighted(problem, 1.0), starting_point(problem), 0.1)

    return each(compare)


def late():
    """θ(t, 1) after 60 decay times, and NumPy's least squares."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        time = 60 / np.linalg.eigvalsh(X.T @ X)[0]
        return surface(problem, [time])[2, 0], np.linalg.lstsq(X, y)[0]

    return each(compare)


def _singular():
    """The regression with d = 2, all rows parallel; and one where row 1 alone is not."""
    X, y, _, _ = arrays(regressions()[1])
    parallel = np.outer(X[:, 0], [1.0, 2.0])
    one_other = parallel.copy()
    one_other[1] = X[1]
    return [LinearRegression(rows, y, deleted=1) for rows in (parallel, one_other)]


def singular():
    """θ(0.1, 1) with H singular, and the formula with H⁺."""
    problem, _ = _singular()
    found = surface(problem, [0.1])[2, 0]
    return [(found, solution(*weighted(problem, 1.0), starting_point(problem), 0.1))]


def singular_late():
    """θ(∞, 1) with H singular, and H⁺c + (Id − H⁺H)θ₀."""
    problem, _ = _singular()
    H, moment = weighted(problem, 1.0)
    inverse = np.linalg.pinv(H)
    fit = inverse @ moment + starting_point(problem) - inverse @ H @ starting_point(problem)
    return [(surface(problem, [60.0])[2, 0], fit)]


def singular_deleted():
    """θ(0.1, 0) with H₀ singular, H not, and the formula of the other rows with H⁺."""
    _, problem = _singular()
    found = surface(problem, [0.1])[0, 0]
    return [(found, solution(*weighted(problem, 0.0), starting_point(problem), 0.1))]


def scaled_rows():
    """θ(0.1, 1) of the data with row 1 times √½, and θ(0.1, ½)."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        scale = np.where(np.arange(len(y)) == 1, np.sqrt(0.5), 1.0)
        scaled = LinearRegression(scale[:, None] * X, scale * y, deleted=1)
        return surface(scaled, [0.1])[2, 0], surface(problem, [0.1])[1, 0]

    return each(compare)


def three_weights():
    """θ(t, ε) for ε = 0, ½ and 1, and the formula."""
    time = 0.2

    def compare(problem):
        said = [
            solution(*weighted(problem, epsilon), starting_point(problem), time)
            for epsilon in (0.0, 0.5, 1.0)
        ]
        return surface(problem, [time])[:, 0], said

    return each(compare)
