"""The flow of linear regression under linear decay."""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from homotopy.claims.checks.instances import arrays, regressions, with_gram_matrix
from homotopy.flows import flow
from homotopy.precision import enable_x64
from homotopy.schedules import Ramp

_START, _STOP = 0.1, 0.4


def _factors(time):
    """κ and t/(s − t₁): their sum is ε."""
    return 1 - _START / (_START - _STOP), time / (_START - _STOP)


def ramp_values():
    """ε at times on the ramp, and 1 − (s − t)/(s − t₁)."""
    enable_x64()
    times = np.linspace(_START, _STOP, 7)
    return [(
        [Ramp(_START, _STOP)(time) for time in times],
        1 - (_START - times) / (_START - _STOP),
    )]  # fmt: skip


def velocity():
    """Central differences of θ(t) at 0.2, and (0.13) as corrected."""

    def compare(problem):
        X, y, x, target = arrays(problem)
        retained, others = np.delete(X, 1, axis=0), np.delete(y, 1)
        start, h = np.arange(1.0, problem.dimension + 1.0), 3e-4
        times = [0.2 - h, 0.2, 0.2 + h]
        before, theta, after = np.asarray(flow(problem, Ramp(_START, _STOP), start, times).theta)
        constant, slope = _factors(0.2)
        said = -(retained.T @ retained + constant * np.outer(x, x)) @ theta
        said = said - slope * np.outer(x, x) @ theta + retained.T @ others
        return (after - before) / (2 * h), said + (constant + slope) * x * target

    return map(compare, regressions()[1:2])


def superposition():
    """θ of the mean of two starts, and the mean of their θ."""

    def compare(problem):
        first, second = np.ones(problem.dimension), np.arange(2.0, problem.dimension + 2.0)
        ends = [
            np.asarray(flow(problem, Ramp(_START, _STOP), start, [0.1, 0.2, 0.3]).theta)
            for start in (first, second, 0.25 * first + 0.75 * second)
        ]
        return ends[2], 0.25 * ends[0] + 0.75 * ends[1]

    return map(compare, regressions()[1:2])


def closed_form():
    """θ₁ at three times under a ramp from 0 to 1, apart from θ₂, and the formula with erf."""
    m, x, r, fit, stop, length = 1.25, 1.5, -1.1, 0.6, 1.0, 1.0
    problem = with_gram_matrix(np.diag([m, 1.0]), np.array([fit, 0.0]), [x, 0.0], r)
    middle, width = stop + m * length / x**2, np.sqrt(length) / x

    def exponent(t):
        return m * t + x**2 / length * (stop * t - t**2 / 2)

    def particular(t):
        scale = np.exp(exponent(middle)) * width * np.sqrt(np.pi / 2)
        integral = scale * erf((t - middle) / (np.sqrt(2) * width))
        return (r / x) * (1 - m * np.exp(-exponent(t)) * integral)

    start, times = 2.0, np.array([0.2, 0.5, 0.8])
    constant = start - fit - particular(0.0)
    said = fit + particular(times) + constant * np.exp(-exponent(times))
    return [(flow(problem, Ramp(0.0, stop), [start, 0.0], times).theta[:, 0], said)]
