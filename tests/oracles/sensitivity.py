"""Influence in training time, S_j(t) = ∂θ(t; w)/∂w_j at w = 1 (theory §3), to fifty digits."""

import numpy as np
from mpmath import mp, mpf

from .arithmetic import (
    DIGITS,
    Matrix,
    combine,
    matrix,
    normal_equations,
    number,
    propagate,
    regression,
    spectrum,
    to_float64,
    vector,
)


def sensitivity(X, y, ridge, theta0, times, points=None) -> np.ndarray:
    """∂θ(t; w)/∂w_j at w = 1 on constant full data: (m, len(points), d).

    ``points`` (default all n) are the indices j, ``times`` (m,). Any λt, any rank.
    """
    return to_float64(sensitivity_digits(X, y, ridge, theta0, times, points))


@mp.workdps(DIGITS)
def sensitivity_digits(X, y, ridge, theta0, times, points=None) -> list[Matrix]:
    """As :func:`sensitivity`, unrounded: central differences of θ(t) in the weight, h = 1e-20.

    At w = 1 the flow varies with w_j on a scale of order one, whatever the stiffness, because
    d log λ/dw_j ≤ 1: so an error of 1e-40 is cut off and 30 digits are left.
    """
    points, start = _points(X, points), vector(theta0)
    times = vector(np.atleast_1d(times))
    step = mpf(10) ** -20
    derivative: list[Matrix] = [[] for _ in times]
    for j in points:
        problem = regression(X, y, [j], ridge)
        above, below = spectrum(problem.at(1 + step)), spectrum(problem.at(1 - step))
        for row, time in zip(derivative, times, strict=True):
            change = combine(propagate(above, start, time), -1, propagate(below, start, time))
            row.append([entry / (2 * step) for entry in change])
    return derivative


@mp.workdps(DIGITS)
def sensitivity_by_exponential_digits(X, y, ridge, theta0, times, points=None) -> list[Matrix]:
    """The same from Ṡ = −H S − ∇ℓ_j(θ): exp of the (2d+1) matrix of (S, θ, 1).

    No differences and no eigenvectors; sensible up to λt of about 1e4.
    """
    points, start = _points(X, points), vector(theta0)
    d = len(start)
    full = normal_equations(matrix(X), vector(y), [mpf(1)] * len(y), d, ridge)
    derivative = []
    for time in vector(np.atleast_1d(times)):
        row = []
        for j in points:
            x, target = vector(X[j]), number(y[j])
            augmented = mp.zeros(2 * d + 1)
            for a in range(d):
                augmented[a, 2 * d] = x[a] * target * time
                augmented[d + a, 2 * d] = full.moment[a] * time
                for b in range(d):
                    augmented[a, b] = augmented[d + a, d + b] = -full.gram[a][b] * time
                    augmented[a, d + b] = -x[a] * x[b] * time
            final = mp.expm(augmented) * mp.matrix([*[mpf(0)] * d, *start, 1])
            row.append([final[a] for a in range(d)])
        derivative.append(row)
    return derivative


def _points(X, points):
    return range(len(X)) if points is None else [int(j) for j in np.atleast_1d(points)]
