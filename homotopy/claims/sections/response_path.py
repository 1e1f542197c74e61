"""The risk of Definition 4 and its minimum θ(ε), before any derivative is taken."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, symbols

from homotopy.claims.checks import response_path as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Reformulation of influence functions"
_THETA, _EPSILON, _N = symbols("theta", real=True), symbols("epsilon", positive=True), 3
_U = symbols("u1 u2", real=True)


def _losses():
    """ℓ₁, ℓ₂, ℓ₃: any losses, as functions of two parameters."""
    return [Function(f"l{i + 1}")(*_U) for i in range(_N)]


def _without(j):
    """R_j, summed over the other points."""
    return sum(loss for i, loss in enumerate(_losses()) if i != j)


def _mean_risk(j):
    """L − εℓ_j."""
    return sum(_losses()) / _N - _EPSILON * _losses()[j]


def _composite():
    """ℓ(f(θ)) of any f of two parameters, f, and ℓ' and ℓ'' at f."""
    f, output = Function("f")(*_U), symbols("output", real=True)
    loss = Function("l")(output)
    return (
        loss.subs(output, f),
        f,
        *(diff(loss, output, order).subs(output, f) for order in (1, 2)),
    )


def _one_sided_slopes():
    """The slopes of ℓ(f(θ)) right and left of θ = 0, where f has the slopes a and b there."""
    c, a, b = symbols("c a b", real=True)
    return [
        diff(Function("l")(c + slope * _THETA), _THETA).doit().subs(_THETA, 0).doit()
        for slope in (a, b)
    ]


def _chain_rule():
    """∇²ℓ(f(θ)) by differentiation, and ℓ''∇f∇fᵀ + ℓ'∇²f."""
    loss, f, first, second = _composite()
    slope = Matrix([diff(f, u) for u in _U])
    return sympy.hessian(loss, _U), second * slope * slope.T + first * sympy.hessian(f, _U)


def _full_fit_of_data():
    """argmin R from the rows of X; those retained are a square root of M."""
    roots = sympy.diag(*(sympy.sqrt(m) for m in _OLS.M.diagonal()))
    X = roots.col_join(_OLS.x.T)
    y = (roots * _OLS.deleted_fit).col_join(Matrix([_OLS.y]))
    return (X.T * X).inv() * X.T * y


def _straight_path():
    """θ*₋ + εrM⁻¹x/(1 + εh)."""
    away = _EPSILON * _OLS.r * _OLS.M.inv() * _OLS.x / (1 + _EPSILON * _OLS.h)
    return _OLS.deleted_fit + away


def _velocity():
    """θ̇(ε) of the solved normal equations."""
    return diff(_OLS.response(_EPSILON), _EPSILON)


def _path_equations():
    """θ(ε), θ̇(ε) and θ̇(0) against their formulas."""
    speed = _OLS.r * _OLS.M.inv() * _OLS.x
    return [
        (_OLS.response(_EPSILON), _straight_path()),
        (_velocity(), speed / (1 + _EPSILON * _OLS.h) ** 2),
        (_velocity().subs(_EPSILON, 0), speed),
    ]


def _general():
    """R_j and ℓ_j, any functions of one parameter."""
    return Function("R")(_THETA), Function("l")(_THETA)


def _differentiable_at_zero():
    """What θ̇(0) = I has to satisfy if θ(ε) is C¹ up to ε = 0: R_j''I = −ℓ_j'."""
    R, loss = _general()
    return diff(R, _THETA, 2) * symbols("I", real=True), -diff(loss, _THETA)


def _inverse_function():
    """θ̇ as the inverse of ε'(θ), where ε(θ) = −R_j'/ℓ_j', and −ℓ_j'/(R_j'' + εℓ_j'')."""
    R, loss = _general()
    weight = -diff(R, _THETA) / diff(loss, _THETA)
    hessian = diff(R, _THETA, 2) + weight * diff(loss, _THETA, 2)
    return 1 / diff(weight, _THETA), -diff(loss, _THETA) / hessian


def _cube_over_weight():
    """The limit of θ³/ε at ε = 0 on the path of R_j = θ⁴/4 and ℓ_j = ½(θ + 1)²."""
    weight = -diff(_THETA**4 / 4, _THETA) / diff((_THETA + 1) ** 2 / 2, _THETA)
    return sympy.limit(_THETA**3 / weight, _THETA, 0)


def _slope_of_others():
    """∇R_j at θ*."""
    return _OLS.M * (_OLS.full_fit - _OLS.deleted_fit)


def _slope_of_all():
    """∇R at θ*."""
    return _slope_of_others() + _OLS.gradient(_OLS.full_fit)


CLAIMS = (
    Claim(
        key="0.1",
        where=f"{_SECTION}, Definition 4",
        says=Statement(
            "R = Σℓᵢ is n times L, and θ(ε) much as r̂: r̂_z(ε) = argmin L − εℓ_j = θ(1 − nε).",
            lambda: [
                (_N * _mean_risk(j), _without(j) + (1 - _N * _EPSILON) * _losses()[j])
                for j in range(_N)
            ],
        ),
        derivation=(
            "n(L − εℓ_j) = Σℓᵢ − nεℓ_j = R_j + (1 − nε)ℓ_j, and n > 0 leaves the minimum alone.",
            "So r̂'(0) = −nθ̇(1): (1/n)𝓘 of the mean risk is −θ̇(1) of the sum.",
        ),
        check=Check("minima of L − εℓ_j against θ(1 − nε)", checks.mean_and_sum),
    ),
    Claim(
        key="R is C²",
        where=f"{_SECTION}, Definition 4",
        says=Statement(
            "ℓ ∈ C² makes R smooth enough for the implicit function theorem, applied to it below: "
            "R has no kinks.",
            lambda: [tuple(_one_sided_slopes())],
        ),
        disputed="R' right of 0",
        counterexample=Counterexample(
            "f = |θ|, ℓ = ½(ŷ + 1)²: R has the slopes −1 and 1 at its only minimum θ = 0",
            {"a": 1, "b": -1, "c": 0, "l": lambda output: (output + 1) ** 2 / 2},
        ),
        correction=Statement(
            "R is C² where f(·; x) is C² as well: ∇²ℓᵢ = ℓ''∇f∇fᵀ + ℓ'∇²f.",
            lambda: [_chain_rule()],
        ),
        derivation=(
            "The slope of ℓ(f) is ℓ'(f)f': where f' jumps, that of R does, unless ℓ' = 0.",
            "Differentiated twice, ∇²ℓ(f) has ∇²f in it: for ReLU networks there is none.",
        ),
        check=Check("Hessian of a risk with f = sin(xᵀθ) against the formula", checks.chain_rule),
    ),
    Claim(
        key="weight of one point",
        where=_SECTION,
        says=Statement(
            "Σℓᵢ + (ε − 1)ℓ_j = R_j + εℓ_j, so that θ(1) = θ* and θ(0) = θ*₋.",
            lambda: [
                *(
                    (
                        sum(_losses()) + (_EPSILON - 1) * _losses()[j],
                        _without(j) + _EPSILON * _losses()[j],
                    )
                    for j in range(_N)
                ),
                (_full_fit_of_data(), _OLS.response(1)),
                (_OLS.response(0), _OLS.deleted_fit),
            ],
        ),
        derivation=(
            "Σℓᵢ = R_j + ℓ_j; the objective is R at ε = 1 and R_j at ε = 0.",
            "In least squares by the normal equations: θ(1) from all rows of X, θ(0) from M alone.",
        ),
        check=Check("θ(1) and θ(0) against NumPy with and without the row", checks.ends),
    ),
    Claim(
        key="0.2",
        where=f"{_SECTION}, Definition 5",
        says=Statement(
            "I(j) = θ̇(0). In least squares θ(ε) = θ*₋ + εrM⁻¹x/(1 + εh), so that I(j) = rM⁻¹x.",
            _path_equations,
        ),
        derivation=(
            "θ(ε) = (M + εxxᵀ)⁻¹(Mθ*₋ + εxy), and (M + εxxᵀ)⁻¹x = M⁻¹x/(1 + εh).",
            "θ̇(ε) = rM⁻¹x/(1 + εh)²: always along M⁻¹x, slower the more the point weighs.",
        ),
        check=Check("θ and θ̇ of the toolkit's response against the formulas", checks.straight),
    ),
    Claim(
        key="θ(ε) is C¹",
        where=f"{_SECTION}, Remark on Definition 5",
        says=Statement(
            "Where the minimum is unique for every ε, θ(ε) is C¹, so that I(j) = θ̇(0) is well "
            "defined, a solution of R_j''I = −ℓ_j'.",
            lambda: [_differentiable_at_zero()],
        ),
        disputed="R_j''(0) I(j)",
        counterexample=Counterexample(
            "R_j = θ⁴/4, ℓ_j = ½(θ + 1)²: strictly convex for ε > 0, θ(0) = 0 unique, and 0·I = −1",
            {
                "R": lambda theta: theta**4 / 4,
                "l": lambda theta: (theta + 1) ** 2 / 2,
                "theta": 0,
            },
        ),
        correction=Statement(
            "Where, besides, θ(ε) stays bounded and ∇²R_ε is nonsingular at it for every ε in "
            "[0, 1], θ(ε) is C¹ there: with one parameter θ̇ = 1/ε'(θ) = −ℓ_j'/(R_j'' + εℓ_j''). In "
            "the counterexample θ³/ε → −1 for ε → 0, and θ̇(0) is infinite.",
            lambda: [_inverse_function(), (_cube_over_weight(), sympy.Integer(-1))],
        ),
        derivation=(
            "In the counterexample θ³ + ε(θ + 1) = 0, so that θ(ε) ≈ −ε^(1/3).",
            "The theorem needs ∇²R_ε nonsingular. Near ε = 1, where the notes apply it, I(j) is "
            "not taken: it is needed on all of [0, 1].",
            "One parameter, ℓ_j' ≠ 0: on the path ε = −R_j'/ℓ_j', ε'(θ) = −(R_j'' + εℓ_j'')/ℓ_j' "
            "is not zero, and θ(ε) is the inverse function. More parameters: (0.6).",
            "Minima that are unique and bounded do not jump: a limit of θ(εₖ) minimises R_ε too "
            "(in ℝᵈ; the notes' Θ is a Banach space).",
        ),
        check=Check(
            "θ̇ of that counterexample at ε = ½ and 1 by refits against the formula",
            checks.quartic,
        ),
    ),
    Claim(
        key="∇ℒ",
        where=f"{_SECTION}, Remark on Definition 5",
        says=Statement(
            "The function to which the theorem is applied, the gradient of L + εℓ_j with all the "
            "data in L, vanishes at (θ*, 1).",
            lambda: [
                (_slope_of_all() + _OLS.gradient(_OLS.full_fit), sympy.zeros(2, 1)),
            ],
        ),
        disputed="∇ℒ at (θ*, 1)",
        counterexample=Counterexample(
            "one parameter, one other point m = 1, x = 1, r = 1: the gradient is −½", ONE_PARAMETER
        ),
        correction=Statement(
            "∇ℒ(θ, ε) = ∇R_j + ε∇ℓ_j does: ∇R_j(θ*) = −∇ℓ_j(θ*) = xê.",
            lambda: [
                (_slope_of_others(), -_OLS.gradient(_OLS.full_fit)),
                (_slope_of_others(), _OLS.x * _OLS.residual),
            ],
        ),
        derivation=(
            "L + εℓ_j at ε = 1 counts the point twice: its gradient at θ* is ∇ℓ_j(θ*) = −xê.",
            "R_j + εℓ_j is R at ε = 1, and ∇R(θ*) = 0. The notes leave the gradients out, too.",
        ),
        check=Check("∇R_j(θ*) of the toolkit against xê", checks.other_slope),
    ),
)
