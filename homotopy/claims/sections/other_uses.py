"""Weights of a point during training, and weights between 0 and 1."""

from __future__ import annotations

import sympy
from sympy import diff, exp, symbols

from homotopy.claims.checks import other_uses as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Statement
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Other interesting things we might want to explore"
_TIME, _EPSILON = symbols("t epsilon", positive=True)


def _sensitivity():
    """∂θ(t, ε)/∂ε at ε = 1 of one parameter, H = m + εx², by differentiating (0.10)."""
    m, x, r, start = symbols("m x r theta0", positive=True)  # θ*₋ = 0, y = r
    H = m + _EPSILON * x**2
    theta = exp(-H * _TIME) * start + (1 - exp(-H * _TIME)) * _EPSILON * x * r / H
    moved = diff(theta, _EPSILON).subs(_EPSILON, 1)
    residual = r - x * (x * r / (m + x**2))
    return moved, m, x, r, start, residual


def _importance():
    """dS/dt at first, and S in the end."""
    moved, m, x, r, start, residual = _sensitivity()
    return [
        (diff(moved, _TIME).subs(_TIME, 0), x * (r - x * start)),
        (sympy.limit(sympy.expand(moved), _TIME, sympy.oo), x * residual / (m + x**2)),
    ]


def _soft_weight():
    """θ(ε) − θ* − (ε − 1)θ̇(1), and θ̇(1)(1 − ε)²P/(… ) of least squares."""
    theta = _OLS.response(_EPSILON)
    velocity = diff(theta, _EPSILON).subs(_EPSILON, 1)
    lost = 1 - _EPSILON
    return theta - _OLS.full_fit + lost * velocity, -velocity * lost**2 * _OLS.leverage / (
        1 - lost * _OLS.leverage
    )


def _axioms():
    """The value of the first of two points: linear in m, efficient, symmetric, 0 for a null point.

    By what m(∅) gives away on 1, 2 and both: φ₁ = a u₁ + b u₂ + c u₁₂, φ₂ with 1 and 2 exchanged.
    """
    a, b, c, alone, other, both = symbols("a b c u1 u2 u12")
    first = a * alone + b * other + c * both
    second = a * other + b * alone + c * both
    efficient = sympy.Poly(first + second - both, alone, other, both).coeffs()
    null = sympy.Poly(first.subs({alone: 0, both: other}), other).coeffs()
    value = first.subs(sympy.solve([*efficient, *null], [a, b, c], dict=True)[0])
    none, one, two, pair = symbols("m m1 m2 m12")
    value = value.subs({alone: none - one, other: none - two, both: none - pair})
    return value, none / 2 - one / 2 + two / 2 - pair / 2


CLAIMS = (
    Claim(
        key="Data Shapley is proved better",
        where=_SECTION,
        says=Statement(
            "Of the values that are linear in m, efficient, symmetric and 0 for points that change "
            "nothing there is one: for two points ½[m(∅) − m(1)] + ½[m(2) − m(12)].",
            lambda: [_axioms()],
        ),
        derivation=(
            "Linearity and symmetry leave φ₁ = a u₁ + b u₂ + c u₁₂, u_S = m(∅) − m(S).",
            "Efficiency: a + b = 0, 2c = 1. A null point, u₁ = 0 and u₁₂ = u₂: b + c = 0.",
            "For n points the same axioms leave the mean over all orders (Shapley 1953).",
        ),
        check=Check(
            "`data_values` of five points against the mean over all orders of refits",
            checks.shapley,
        ),
        unanswered="That Shapley values find informative points better than influence functions do "
        "is proved nowhere in [4], whose theorem is that its axioms leave one value. Its "
        "experiments compare with leave-one-out and leverage, not with influence functions. Figure "
        "25 has removal curves of all of them on one scale. And they are one homotopy: influence "
        "is the derivative in a weight at weight 1, Aumann–Shapley its mean over ε·1.",
    ),
    Claim(
        key="importance changes in training",
        where=_SECTION,
        says=Statement(
            "A point's influence S = ∂θ(t, ε)/∂ε may change its sign: at first S = t x(y − xᵀθ₀), "
            "in the end S = H⁻¹xê, and the residuals at θ₀ and θ* are of any signs.",
            _importance,
        ),
        derivation=(
            "Ṡ = −HS − x(xᵀθ − y), S(0) = 0.",
            "One parameter, m = x = 1, y = 1, θ*₋ = 0, θ₀ = 2: S begins at −t and ends at ¼.",
        ),
        check=Check("`sensitivity` early and late against both formulas", checks.importance, 1e-5),
    ),
    Claim(
        key="soft weights",
        where=_SECTION,
        says=Statement(
            "Influence functions correct the usual training for a changed weight, to first order: "
            "in least squares the error is −θ̇(1)(1 − ε)²P/(1 − (1 − ε)P).",
            lambda: [_soft_weight()],
        ),
        derivation=(
            "θ(ε) = θ* + (ε − 1)θ̇(1) + O((1 − ε)²) for any smooth risk.",
            "In least squares θ(ε) − θ* = −(1 − ε)θ̇(1)/(1 − (1 − ε)P).",
        ),
        check=Check(
            "refits with the weight 0.7 less the prediction, against the formula",
            checks.soft_weight,
        ),
    ),
)
