"""Any smooth model and losses in symbols, to second order at θ̂: two parameters, two points.

θ = θ̂ + k, or θˢ + k: all that gradients and Hessians at k = 0 depend on. Point 1 is the one that
is deleted.
"""

from __future__ import annotations

import sympy
from sympy import Matrix, diff, symbols

POINTS = (1, 2)
K = Matrix(symbols("k1 k2", real=True))
PART, DAMPING = symbols("s", real=True), symbols("delta", positive=True)
IDENTITY = sympy.eye(2)


def jacobian(i):
    """∇fᵢ at θ̂."""
    return Matrix(symbols(f"j{i}1 j{i}2", real=True))


def output_curvature(i):
    """∇²fᵢ at θ̂."""
    a, b, c = symbols(f"f{i}11 f{i}12 f{i}22", real=True)
    return Matrix([[a, b], [b, c]])


def output_slope(i):
    """ℓᵢ' in the output, at θ̂."""
    return symbols(f"g{i}", real=True)


def output_hessian(i):
    """ℓᵢ'' in the output, at θ̂."""
    return symbols(f"q{i}", real=True)


def moved(i):
    """fᵢ(θ̂ + k) − fᵢ(θ̂), to second order."""
    return jacobian(i).dot(K) + (K.T * output_curvature(i) * K)[0] / 2


def loss(i, change):
    """ℓᵢ of an output that has changed, less ℓᵢ at θ̂, to second order."""
    return output_slope(i) * change + output_hessian(i) * change**2 / 2


def own():
    """ℓ₁(θ̂ + k) − ℓ₁(θ̂)."""
    return loss(1, moved(1))


def risk():
    """R(θ̂ + k) − R(θ̂)."""
    return sum(loss(i, moved(i)) for i in POINTS)


def bregman_risk():
    """Σ D(fᵢ(θˢ + k), fᵢ(θˢ)): the losses less their tangents."""
    return risk() - sum(output_slope(i) * moved(i) for i in POINTS)


def proximity():
    """½δ‖k‖²."""
    return DAMPING * K.dot(K) / 2


def gradient(function):
    """∇ at k = 0."""
    return Matrix([diff(function, one) for one in K]).subs(_ORIGIN)


def hessian(function):
    """∇² at k = 0."""
    return sympy.hessian(function, list(K)).subs(_ORIGIN)


def response_slope(objective):
    """dk/ds at s = 0 of the stationary point k of an objective, where that is k = 0 at s = 0."""
    forced = gradient(objective).diff(PART)
    matrix = hessian(objective).subs(PART, 0)
    return -matrix.adjugate() * forced / matrix.det()


def own_gradient():
    """∇ℓ₁ = ℓ₁'∇f₁."""
    return output_slope(1) * jacobian(1)


def gauss_newton():
    """G = Σ ℓᵢ''∇fᵢ∇fᵢᵀ."""
    terms = (output_hessian(i) * jacobian(i) * jacobian(i).T for i in POINTS)
    return sum(terms, sympy.zeros(2))


def second_part():
    """Σ ℓᵢ'∇²fᵢ: what G lacks of ∇²R."""
    return sum((output_slope(i) * output_curvature(i) for i in POINTS), sympy.zeros(2))


def damped(matrix):
    """The inverse of a matrix plus δ."""
    matrix = matrix + DAMPING * IDENTITY
    return matrix.adjugate() / matrix.det()


def one_parameter(**values):
    """Values of a counterexample with one parameter: the second is idle, what is not given 0."""
    names = ("g{}", "q{}", "j{}1", "j{}2", "f{}11", "f{}12", "f{}22")
    return {name.format(i): 0 for i in POINTS for name in names} | values


_ORIGIN = {one: 0 for one in K}
