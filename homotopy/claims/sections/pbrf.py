"""The proximal Bregman response function (PBRF), and what influence approximates."""

from __future__ import annotations

import sympy
from sympy import Integer, Matrix, diff, symbols

from homotopy.claims.checks import pbrf as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols import smooth_model as model
from homotopy.claims.symbols.centred_regression import CentredRegression
from homotopy.claims.symbols.regression import ONE_PARAMETER
from homotopy.claims.symbols.smooth_model import DAMPING, IDENTITY, PART
from homotopy.claims.symbols.smooth_risk import S, inverse

_OLS = CentredRegression()
_SECTION = "Response functions"


def _influence():
    """I† = (G + δ)⁻¹∇ℓ."""
    return model.damped(model.gauss_newton()) * model.own_gradient()


def _pbrf_slope():
    """dk/ds at s = 0 of arg min Σ D − sℓ + ½δ‖k‖²."""
    return model.response_slope(model.bregman_risk() - PART * model.own() + model.proximity())


def _retraining_slope():
    """dk/ds at s = 0 of arg min R − sℓ, θˢ stationary."""
    return model.response_slope(model.risk() - PART * model.own())


def _unlike_retraining():
    """The difference of the two slopes, and (∇²R)⁻¹(δ − Σℓᵢ'∇²fᵢ)I†."""
    curvature = model.gauss_newton() + model.second_part()
    excess = DAMPING * IDENTITY - model.second_part()
    return _retraining_slope() - _pbrf_slope(), inverse(curvature) * excess * _influence()


def _series():
    """PBRF of one parameter, k(s) = αs + βs² + …: (α, β) by powers of s, and their formulas.

    Outputs and losses to third order, two points.
    """
    k, s, alpha, beta = symbols("k s alpha beta", real=True)
    b, c, d, g, q, t = (symbols(f"{name}1 {name}2", real=True) for name in "bcdgqt")
    moved = [b[i] * k + c[i] * k**2 / 2 + d[i] * k**3 / 6 for i in range(2)]
    curved = [q[i] * moved[i] ** 2 / 2 + t[i] * moved[i] ** 3 / 6 for i in range(2)]
    objective = sum(curved) - s * (g[0] * moved[0] + curved[0]) + DAMPING * k**2 / 2
    stationarity = sympy.expand(diff(objective, k).subs(k, alpha * s + beta * s**2))
    first = sympy.solve(stationarity.coeff(s, 1), alpha)[0]
    second = sympy.solve(stationarity.coeff(s, 2), beta)[0].subs(alpha, first)
    curvature = sum(q[i] * b[i] ** 2 for i in range(2)) + DAMPING
    third = sum(t[i] * b[i] ** 3 + 3 * q[i] * b[i] * c[i] for i in range(2))
    own_curvature = q[0] * b[0] ** 2 + g[0] * c[0]
    v = g[0] * b[0] / curvature
    return [(first, v), (second, own_curvature * v / curvature - third * v**2 / curvature / 2)]


def _regression_pbrf():
    """arg min Σ D − sℓ less θ*, without damping, about θˢ = θ*; a quadratic is minimised."""
    k = Matrix(symbols("k1 k2", real=True))
    origin = {one: 0 for one in k}

    def slope(function):
        return Matrix([diff(function, one) for one in k]).subs(origin)

    risk = _OLS.full(_OLS.fit(0) + k)
    objective = risk - slope(risk).dot(k) - S * _OLS.own(_OLS.fit(0) + k)
    return -inverse(sympy.hessian(objective, list(k))) * slope(objective)


def _error_order():
    """m where retraining less influence is of the order sᵐ in least squares, undamped at θ*."""
    error = (_OLS.fit(S) - _OLS.fit(0) - S * _OLS.influence)[0]
    return sympy.cancel(sympy.together(S * diff(error, S) / error)).subs(S, 0)


def _self_influence():
    """dℓ/ds at s = 0 of PBRF."""
    return model.own_gradient().dot(_pbrf_slope())


def _strong_damping():
    """δ times that as δ → ∞."""
    tau = symbols("tau", positive=True)
    rational = sympy.cancel(_self_influence().subs(DAMPING, 1 / tau) / tau)
    return rational.subs(tau, 0)


CLAIMS = (
    Claim(
        key="linearised PBRF",
        where=_SECTION,
        says=Statement(
            "Linearised at θˢ, stationary or not, arg min Σ D − sℓ + ½δ‖θ − θˢ‖² is "
            "θˢ + s(G + δ)⁻¹∇ℓ.",
            lambda: [(_pbrf_slope(), _influence())],
        ),
        derivation=(
            "At s = 0 the minimum is θˢ, with Hessian G + δ; d/ds of the slope is −∇ℓ.",
            "What ∇²R has beside G belongs to the tangents.",
        ),
        check=Check(
            "PBRF of a perceptron for 1e-6 of a point's weight", checks.small_part, tolerance=1e-5
        ),
    ),
    Claim(
        key="influence approximates PBRF",
        where=_SECTION,
        says=Statement(
            "Influence approximates it: θ(s) = θˢ + sv + s²(ℓ''v − ½B'''v²)/(G + δ) + …, v = I†, "
            "B = Σ D. The error is of second order in the part s that is deleted.",
            _series,
        ),
        derivation=(
            "Stationarity of Σ D − sℓ + ½δk² in powers of s, one parameter.",
            "First order: (G + δ)α = ℓ'. Second: (G + δ)β + ½B'''α² = ℓ''α.",
        ),
        check=Check("error of influence for 2s against 4 times that for s", checks.order, 0.05),
    ),
    Claim(
        key="influence is not leave-one-out",
        where=f"Influence functions, Solution 2, and {_SECTION}",
        says=Statement(
            "Influence does not approximate retraining under L: it errs at first order in s.",
            lambda: [(_error_order(), Integer(1))],
        ),
        disputed="the order of the error in s",
        counterexample=Counterexample(
            "least squares at its fit, no damping, m = 1, x = 1, r = 1", ONE_PARAMETER
        ),
        correction=Statement(
            "At a minimum θˢ retraining has the slope I† + (∇²R)⁻¹(δ − Σℓᵢ'∇²fᵢ)I†: that of "
            "influence where f is linear in θ and δ = 0. In least squares PBRF is then retraining "
            "itself.",
            lambda: [
                _unlike_retraining(),
                (_regression_pbrf(), _OLS.fit(S) - _OLS.fit(0)),
            ],
        ),
        derivation=(
            "(∇²R)⁻¹ − (G + δ)⁻¹ = (∇²R)⁻¹(G + δ − ∇²R)(G + δ)⁻¹.",
            "With f linear Σ D = R(θ) − R(θˢ) − ∇R(θˢ)·(θ − θˢ), and ∇R(θˢ) = 0 at a minimum.",
            "Where θˢ is no minimum, retraining differs from θˢ even at s = 0.",
        ),
        check=Check(
            "slope of refits of a perceptron less I† against the formula",
            checks.unlike_retraining,
            tolerance=1e-5,
        ),
    ),
    Claim(
        key="mislabelled examples",
        where=_SECTION,
        says=Statement(
            "To first order PBRF scores a point, by the change of its own loss, by its gradient in "
            "the metric (G + δ)⁻¹: ∇ℓᵀ(G + δ)⁻¹∇ℓ; for strong damping by ‖∇ℓ‖²/δ.",
            lambda: [
                (
                    _self_influence(),
                    (
                        model.own_gradient().T
                        * model.damped(model.gauss_newton())
                        * model.own_gradient()
                    )[0],
                ),
                (_strong_damping(), model.own_gradient().dot(model.own_gradient())),
            ],
        ),
        derivation=(
            "dℓ/ds = ∇ℓ·I†, and I† = (G + δ)⁻¹∇ℓ.",
            "δ(G + δ)⁻¹ → Id: a strongly damped PBRF ranks as the gradient's length does.",
        ),
        check=Check(
            "slope of the own loss along PBRF of a perceptron", checks.self_influence, 1e-5
        ),
        unanswered="How well PBRF finds mislabelled points is a matter of experiment. In that of "
        "Figure 19 it does, but worse than its linearisation, than the gradient's length and than "
        "the training loss itself.",
    ),
)
