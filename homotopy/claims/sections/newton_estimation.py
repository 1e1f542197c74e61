"""The Newton estimation of Definition 6, how near it is to I(j), and what a regulariser does."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, oo, symbols

from homotopy.claims.checks import newton_estimation as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Reformulation of influence functions"
_EPSILON, _LAMBDA = symbols("epsilon lambda", positive=True)
_V = Matrix(symbols("v1 v2", real=True))
_U = Matrix(symbols("u1 u2", real=True))


def _taylor_model():
    """R_j(θ + v) to second order in v, for any smooth R_j; and ∇R_j and ∇²R_j at θ."""
    curve = Matrix([Function(name)(_EPSILON) for name in ("t1", "t2")])
    R = Function("R")(*curve)
    straight = {
        **dict(zip(diff(curve, _EPSILON, 2), (0, 0), strict=True)),
        **dict(zip(diff(curve, _EPSILON), _V, strict=True)),
    }
    terms = (R, diff(R, _EPSILON), diff(R, _EPSILON, 2) / 2)
    slope = Matrix([diff(R, entry) for entry in curve])
    return sum(terms).xreplace(straight), slope, slope.jacobian(curve)


def _slope_of_model():
    """The gradient of that model in v, and H(v − I_Nt) with I_Nt = −H⁻¹∇R_j."""
    model, slope, H = _taylor_model()
    return Matrix([diff(model, v) for v in _V]), H * (_V + H.cramer_solve(slope))


def _newton():
    """I_Nt(j) of least squares, from ∇R_j and ∇²R_j at θ* by differentiation."""
    away = _U - _OLS.deleted_fit
    risk = away.dot(_OLS.M * away) / 2
    slope = Matrix([diff(risk, u) for u in _U]).subs(dict(zip(_U, _OLS.full_fit, strict=True)))
    return -sympy.hessian(risk, list(_U)).inv() * slope


def _influence(at=0):
    """θ̇ of least squares, I(j) at ε = 0."""
    return diff(_OLS.response(_EPSILON), _EPSILON).subs(_EPSILON, at)


def _ratio_for_large_hessian():
    """The limit of xᵀI_Nt/xᵀI for sM, s → ∞."""
    s = symbols("s", positive=True)
    ratio = sympy.cancel(_OLS.x.dot(_newton()) / _OLS.x.dot(_influence()))
    larger = {m: s * m for m in _OLS.M.diagonal()}
    return sympy.limit(sympy.cancel(ratio.subs(larger)), s, oo)


def _first_orders():
    """For any smooth risk of one parameter: d/dε of −R_j'/R_j'' at θ(ε), ε = 0; and −I(j)."""
    theta = Function("t")(_EPSILON)
    R, loss = Function("R")(theta), Function("l")(theta)
    influence = -diff(loss, theta) / diff(R, theta, 2)
    newton = diff(-diff(R, theta) / diff(R, theta, 2), _EPSILON)
    return newton.xreplace({diff(R, theta): 0, diff(theta, _EPSILON): influence}), -influence


def _room():
    """‖x‖²/λ_min − h, λ_min = m1 and m2 = m1 + g; and x2²g/(m1(m1 + g)) ≥ 0."""
    m1, m2 = _OLS.M.diagonal()
    g = symbols("g", positive=True)
    room = (_OLS.x.dot(_OLS.x) / m1 - _OLS.h).subs(m2, m1 + g)
    return room, _OLS.x[1] ** 2 * g / (m1 * (m1 + g))


def _norm():
    """‖θ‖."""
    return sympy.sqrt(_U.dot(_U))


def _curvature_of_norm():
    """∇²(λ‖θ‖)."""
    return sympy.hessian(_LAMBDA * _norm(), list(_U))


def _ridged():
    """M + 2λ Id: ∇²R_j with λ‖θ‖² in the risk."""
    return _OLS.M + 2 * _LAMBDA * sympy.eye(2)


def _ridged_leverage():
    """h_λ = xᵀ(M + 2λ Id)⁻¹x."""
    return _OLS.x.dot(_ridged().inv() * _OLS.x)


def _ridged_change():
    """θ* − θ*₋ with λ‖θ‖² in the risk, from both normal equations."""
    moment = _OLS.M * _OLS.deleted_fit
    full = (_ridged() + _OLS.x * _OLS.x.T).inv() * (moment + _OLS.x * _OLS.y)
    return full - _ridged().inv() * moment


def _for_large(expression):
    """The limit of 2λ times it for λ → ∞."""
    return sympy.limit(sympy.cancel(2 * _LAMBDA * expression), _LAMBDA, oo)


CLAIMS = (
    Claim(
        key="Definition 6",
        where=_SECTION,
        says=Statement(
            "θ_Nt = θ(1) + I_Nt(j), I_Nt(j) = −(∇²R_j)⁻¹∇R_j at θ(1), minimises the Taylor model "
            "of R_j of second order at θ(1). In least squares it is θ*₋.",
            lambda: [_slope_of_model(), (_OLS.full_fit + _newton(), _OLS.deleted_fit)],
        ),
        derivation=(
            "The model R_j + ∇R_jᵀv + ½vᵀHv has the slope H(v − I_Nt): it is least at v = I_Nt "
            "where H is positive definite, and only stationary elsewhere.",
            "It is Newton's method for ∇R_j = 0 (the notes: “minimizing ∇R_j”).",
            "A quadratic R_j is its own Taylor model: the step is exact.",
        ),
        check=Check(
            "the toolkit's Newton step against the formula (logistic) and refits (linear)",
            checks.newton_step,
        ),
    ),
    Claim(
        key="Definition 6, I and I_Nt",
        where=_SECTION,
        says=Statement(
            "I(j) and I_Nt(j) are close where the smallest eigenvalue of the Hessian is big (both "
            "vanish, so that close is said of the ratio): their ratio tends to 1.",
            lambda: [(_ratio_for_large_hessian(), sympy.Integer(1))],
        ),
        disputed="I_Nt/I",
        counterexample=Counterexample(
            "one parameter, one other point m → ∞, x = 1, r = 1: I_Nt/I → −1", ONE_PARAMETER
        ),
        correction=Statement(
            "I(j) and −I_Nt(j) are: in least squares I_Nt = −Δ, Δ = θ* − θ*₋, and I + I_Nt = hΔ "
            "with h = xᵀM⁻¹x ≤ ‖x‖²/λ_min. For any smooth risk they agree to first order in the "
            "point's weight ε, I_Nt taken from θ(ε) (one parameter).",
            lambda: [
                (_newton(), -_OLS.change),
                (_influence() + _newton(), _OLS.h * _OLS.change),
                _room(),
                _first_orders(),
                (-_influence(at=1), (1 - _OLS.leverage) * _newton()),
            ],
        ),
        derivation=(
            "I(j) = θ̇(0) points to more weight, from θ*₋; I_Nt to less, from θ*. Both are small "
            "where λ_min is big, and so is their difference, about 2‖Δ‖; their sum is h‖Δ‖.",
            "I = rM⁻¹x = (1 + h)Δ, and I_Nt = −Δ.",
            "With m1 the smallest eigenvalue, ‖x‖²/m1 − h = x2²(m2 − m1)/(m1m2) ≥ 0.",
            "One parameter, any risk: N(ε) = −R_j'/R_j'' at θ(ε) has N(0) = 0, N'(0) = −I(j).",
            "−θ̇(1), which [7] compares, has the sign of I_Nt: −θ̇(1) = (1 − P)I_Nt.",
        ),
        check=Check(
            "I(j) + I_Nt(j) of the toolkit against hΔ by refits; N'(0) of a logistic regression "
            "against −I(j)",
            checks.sum_of_both,
        ),
    ),
    Claim(
        key="Definition 6, regulariser",
        where=_SECTION,
        says=Statement(
            "Adding λ‖θ‖ to the risk raises the smallest eigenvalue of the Hessian: it curves "
            "along every v.",
            lambda: [(sympy.sign(_V.dot(_curvature_of_norm() * _V)), sympy.Integer(1))],
        ),
        disputed="the curvature along v",
        counterexample=Counterexample(
            "λ = 1, v = θ = (1, 0): ‖θ‖ is linear along θ",
            {"lambda": 1, "u1": 1, "u2": 0, "v1": 1, "v2": 0},
        ),
        correction=Statement(
            "λ‖θ‖² does, ∇²(λ‖θ‖²) = 2λ Id; ∇²(λ‖θ‖) = (λ/‖θ‖)(Id − θθᵀ/‖θ‖²) is 0 along θ.",
            lambda: [
                (sympy.hessian(_LAMBDA * _U.dot(_U), list(_U)), 2 * _LAMBDA * sympy.eye(2)),
                (
                    _curvature_of_norm(),
                    _LAMBDA / _norm() * (sympy.eye(2) - _U * _U.T / _U.dot(_U)),
                ),
            ],
        ),
        derivation=(
            "∇‖θ‖ = θ/‖θ‖, differentiated once more; at θ = 0 it is not even differentiable.",
            "[7] has (λ/2)‖θ‖². The toolkit's ridge ρ is 2λ, and keeps its weight on deletion.",
        ),
        check=Check("Hessians with and without a regulariser", checks.regularisers),
    ),
    Claim(
        key="Definition 6, large λ",
        where=_SECTION,
        says=Statement(
            "A large λ (of λ‖θ‖²) decreases the error: in I + I_Nt = h_λΔ, h_λ = xᵀ(M + 2λ Id)⁻¹x "
            "falls to 0, as ‖x‖²/(2λ); and Δ itself as xy/(2λ).",
            lambda: [
                (
                    diff(_ridged_leverage(), _LAMBDA),
                    -2 * (_ridged().inv() * _OLS.x).dot(_ridged().inv() * _OLS.x),
                ),
                (_for_large(_ridged_leverage()), _OLS.x.dot(_OLS.x)),
                *(
                    (_for_large(change), entry * _OLS.y)
                    for change, entry in zip(_ridged_change(), _OLS.x, strict=True)
                ),
            ],
        ),
        derivation=(
            "λ‖θ‖² puts M + 2λ Id in the place of M: dh_λ/dλ = −2‖(M + 2λ Id)⁻¹x‖² < 0.",
            "The price: 2λΔ → xy. Every change goes to zero with the model itself, and a small "
            "error in it says little of the risk without the regulariser.",
        ),
        check=Check("I(j) + I_Nt(j) with two ridges against h_λΔ", checks.with_ridge),
    ),
)
