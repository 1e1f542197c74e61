"""Any smooth risk in symbols: two parameters, one deleted point, by implicit differentiation.

The notes minimise L − εℓ, L the mean risk. That is (R − sℓ)/n with s = nε, the part of the point
that is taken away: their ε = 0 is s = 0, our weight 1; their ε = 1/n is s = 1, our weight 0.
θ(1 − s) minimises R₋ + (1 − s)ℓ.
"""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, Rational, diff, symbols

from homotopy.claims.machinery.statement import plain

S = symbols("s", real=True)
FULL_FIT, DELETED_FIT = (Matrix(symbols(f"{one}1 {one}2", real=True)) for one in "ab")

# d = 1, R₋ = ½θ² and ℓ = ½(θ − 1)²: θ* = ½, θ*₋ = 0. The second parameter is idle.
ONE_PARAMETER = {
    "R": lambda u, idle: (u**2 + idle**2) / 2,
    "l": lambda u, idle: (u - 1) ** 2 / 2,
    "a1": Rational(1, 2), "a2": 0, "b1": 0, "b2": 0,
}  # fmt: skip


def retained(theta):
    """R₋, the risk of the other points: undetermined."""
    return Function("R")(*theta)


def own(theta):
    """ℓ, the loss of the deleted point as a function of θ: undetermined."""
    return Function("l")(*theta)


def full(theta):
    """R = R₋ + ℓ."""
    return retained(theta) + own(theta)


def gradient(function, theta):
    """∇ of a function of θ, there."""
    return Matrix([diff(function(theta), one) for one in theta])


def hessian(function, theta):
    """∇² of a function of θ, there."""
    return sympy.hessian(function(theta), list(theta))


def weighted_gradient(theta):
    """∇R₋ + (1 − s)∇ℓ, which vanishes along θ(1 − s)."""
    return gradient(retained, theta) + (1 - S) * gradient(own, theta)


def velocity(theta):
    """dθ/ds, from d/ds of the stationarity: two linear equations."""
    return solved(weighted_gradient(theta), S, theta)


def solved(stationarity, parameter, theta):
    """How θ moves with a parameter where a gradient stays zero, by Cramer's rule."""
    matrix = stationarity.jacobian(list(theta))
    force = -stationarity.diff(parameter)
    swapped = [matrix.copy(), matrix.copy()]
    for column, one in enumerate(swapped):
        one[:, column] = force
    return Matrix([one.det() / matrix.det() for one in swapped])


def along(function, theta, v):
    """d/ds of a function of s and θ along θ(1 − s), whose velocity is v."""
    return diff(function, S) + sum(diff(function, u) * w for u, w in zip(theta, v, strict=True))


def inverse(matrix):
    """The inverse of a 2 × 2 matrix."""
    return matrix.adjugate() / matrix.det()


def where_stationary(expression, theta):
    """As symbols, with ∇R₋ = −(1 − s)∇ℓ as it is along θ(1 − s)."""
    zero = [plain(diff(retained(theta), one), -(1 - S) * diff(own(theta), one)) for one in theta]
    return plain(expression)[0].subs(zero)
