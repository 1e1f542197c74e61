"""Linear decay: (0.13), and its solution."""

from __future__ import annotations

import sympy
from sympy import Integer, Matrix, diff, exp, symbols

from homotopy.claims.checks import ramps as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Linear functions"
_T, _S, _STOP = symbols("t s stop", positive=True)
_THETA = Matrix(symbols("theta1 theta2", real=True))
_MOMENT = _OLS.M * _OLS.deleted_fit  # Σᵢ≠ⱼ xᵢyᵢ


def _epsilon(time):
    """1 − (s − t)/(s − t₁)."""
    return 1 - (_S - time) / (_S - _STOP)


def _velocity(theta, time):
    """θ̇ = −∇R_ε(t)(θ) under the ramp, from the residuals of the rows."""
    retained = _MOMENT - _OLS.M * theta
    return retained - _epsilon(time) * _OLS.gradient(theta)


def _as_written():
    outer = _OLS.x * _OLS.x.T
    fixed = _MOMENT + (1 - _S / (_S - _STOP)) * _OLS.x * _OLS.y
    return -_OLS.M * _THETA + outer * _THETA * _T / (_S - _STOP) + fixed


def _corrected():
    outer, constant = _OLS.x * _OLS.x.T, 1 - _S / (_S - _STOP)
    matrix = -(_OLS.M + constant * outer) - outer * _T / (_S - _STOP)
    return matrix * _THETA + _MOMENT + (constant + _T / (_S - _STOP)) * _OLS.x * _OLS.y


def _rate_without_itself():
    """By how much the rate of θ₁ at θ₁ = 0 changes with time, d = 1."""
    at_zero = _velocity(_THETA, _T)[0].subs(_THETA[0], 0)
    return diff(at_zero, _T)


def _affine():
    """(rate less its value at θ = 0, the Jacobian, which holds no θ, times θ)."""
    rate = _velocity(_THETA, _T)
    jacobian = rate.jacobian(list(_THETA))
    jacobian = jacobian.subs(list(zip(_THETA, symbols("a b", real=True), strict=True)))
    return rate - rate.subs(list(zip(_THETA, (0, 0), strict=True))), jacobian * _THETA


def _scalar_solution():
    """u = θ − θ*₋ of one parameter under ε = (t₁ − t)/L, with ∫e^A dt by the error function."""
    m, x, r, length, constant = symbols("m x r L C", positive=True)
    rate = m + (_STOP - _T) / length * x**2
    exponent = sympy.integrate(rate, _T)
    # ∫ εx² e^A dt = e^A − m ∫ e^A dt, and A = const − (t − t_m)²/(2w²).
    width, middle = sympy.sqrt(length) / x, _STOP + m * length / x**2
    bell = width * sympy.sqrt(sympy.pi / 2) * sympy.erf((_T - middle) / (sympy.sqrt(2) * width))
    integral = exp(exponent.subs(_T, middle)) * bell
    u = (r / x) * (1 - m * exp(-exponent) * integral) + constant * exp(-exponent)
    return u, -rate * u, (_STOP - _T) / length * x * r


def _solves():
    u, homogeneous, forcing = _scalar_solution()
    residual = sympy.expand(diff(u, _T) - homogeneous - forcing)
    return Integer(sympy.simplify(residual) == 0)


def _solution_equation():
    u, homogeneous, forcing = _scalar_solution()
    return [(sympy.simplify(sympy.expand(diff(u, _T) - homogeneous)), forcing)]


CLAIMS = (
    Claim(
        key="ε_lin",
        where=_SECTION,
        says=Statement(
            "ε(t) = 1 − (s − t)/(s − t₁) falls linearly from 1 at s to 0 at t₁: it is "
            "(t₁ − t)/(t₁ − s).",
            lambda: [
                (_epsilon(_T), _STOP / (_STOP - _S) - _T / (_STOP - _S)),
                (_epsilon(_S), Integer(1)),
                (_epsilon(_STOP), Integer(0)),
            ],
        ),
        derivation=("In E_s for t₁ ≤ T.",),
        check=Check("`Ramp(s, t₁)` against the formula", checks.ramp_values),
    ),
    Claim(
        key="0.13",
        where=_SECTION,
        says=Statement(
            "θ̇ = −Mθ + xxᵀθ t/(s − t₁) + Σᵢ≠ⱼ xᵢyᵢ + (1 − s/(s − t₁))xy.",
            lambda: [(_velocity(_THETA, _T), _as_written())],
        ),
        disputed="θ̇",
        counterexample=Counterexample(
            "one parameter, m = x = 1, y = 1, θ = 1, s = 1, t₁ = 2, t = 1",
            {**ONE_PARAMETER, "theta1": 1, "theta2": 0, "s": 1, "stop": 2, "t": 1},
        ),
        correction=Statement(
            "θ̇ = −(M + κxxᵀ)θ − xxᵀθ t/(s − t₁) + Σᵢ≠ⱼ xᵢyᵢ + (κ + t/(s − t₁))xy, "
            "κ = 1 − s/(s − t₁).",
            lambda: [(_velocity(_THETA, _T), _corrected())],
        ),
        derivation=(
            "ε = κ + t/(s − t₁) multiplies −x(xᵀθ − y): both its parts, in both terms.",
            "The notes lose κxxᵀθ and xy t/(s − t₁), and flip the sign of xxᵀθ t.",
        ),
        check=Check(
            "differences of the flow under a ramp against the formula", checks.velocity, 1e-5
        ),
    ),
    Claim(
        key="0.13, Lotka–Volterra",
        where=_SECTION,
        says=Statement(
            "The system in (θ, r), ṙ = 1, is of Lotka–Volterra type with constants: what enters "
            "the rate of θ without a factor θ does not change with r.",
            lambda: [(_rate_without_itself(), Integer(0))],
        ),
        disputed="the change of the rate at θ = 0 with r",
        counterexample=Counterexample(
            "one parameter, x = 1, y = 1, t₁ − s = 1",
            {**ONE_PARAMETER, "theta1": 0, "theta2": 0, "s": 1, "stop": 2, "t": 1},
        ),
        correction=Statement(
            "r is time, and θ̇ = a(t)θ + b(t) is linear: its right side less its value at θ = 0 is "
            "the Jacobian, a function of t alone, times θ.",
            lambda: [_affine()],
        ),
        derivation=(
            "b(t) = Σᵢ≠ⱼ xᵢyᵢ + ε(t)xy grows with r by itself: no Lotka–Volterra term.",
            "For d = 1 the shift θ − y/x removes that term; for d > 1 θ₂ in the rate of θ₁ is no "
            "Lotka–Volterra term either. What refutes the conclusion is linearity:",
            "with r = t known beforehand nothing is quadratic, and superposition holds.",
        ),
        check=Check("superposition of flows under one ramp", checks.superposition),
        stands=False,
    ),
    Claim(
        key="linear decay has no closed form",
        where=_SECTION,
        says=Statement(
            "There is no closed form: none of the known functions solves it.",
            lambda: [(_solves(), Integer(0))],
        ),
        disputed="the number of solutions found",
        counterexample=Counterexample(
            "one parameter: the formula by the error function solves it", {}
        ),
        correction=Statement(
            "With one parameter u = θ − θ*₋ = (r/x)(1 − m e^(−A)∫e^A dt) + Ce^(−A), "
            "A = ∫(m + εx²)dt, and ∫e^A dt is an error function: u̇ + (m + εx²)u = εxr.",
            _solution_equation,
        ),
        derivation=(
            "Variation of constants: u = e^(−A)(C + ∫εxr e^A dt).",
            "A is quadratic in t, so that ∫e^A dt is an error function, and "
            "∫εx²e^A dt = e^A − m∫e^A dt.",
            "With more parameters Laplace's method gives integrals along paths in the complex "
            "plane; "
            "no elementary form is known, save where x is an eigenvector of M. Numerically it is "
            "routine, to rounding.",
        ),
        check=Check(
            "the toolkit's flow under a ramp, a parameter apart, against the error function",
            checks.closed_form,
        ),
        stands=False,
    ),
)
