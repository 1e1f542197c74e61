"""The gradient flow: its solution, its limits, its regularity in ε, and rows scaled by ε."""

from __future__ import annotations

import sympy
from sympy import Matrix, diff, exp, symbols

from homotopy.claims import checks
from homotopy.claims.claim import Claim, Identity
from homotopy.claims.regression import SymbolicRegression

_OLS = SymbolicRegression()
_T, _S, _EPSILON = symbols("t s epsilon", positive=True)
_GRADIENT, _DYNAMIC = "Gradient Descent case", "Epsilon dynamic"
_RATES = sympy.diag(*symbols("lambda1 lambda2", positive=True))
_START, _MOMENT = Matrix(symbols("theta01 theta02")), Matrix(symbols("c1 c2"))


def _decay(rates, time):
    return sympy.diag(*(exp(-rate * time) for rate in rates.diagonal()))


def _solution(time, start=_START):
    """e^(−Ht)θ₀ + (Id − e^(−Ht))H⁻¹c in the eigenbasis of H."""
    decay = _decay(_RATES, time)
    return decay * start + (sympy.eye(2) - decay) * _RATES.inv() * _MOMENT


def _flow_equation(k):
    theta = _solution(_T)
    return [diff(theta, _T) + k * _RATES * theta - _MOMENT, theta.subs(_T, 0) - _START]


def _scaled_rows(k, power):
    """X_ε with the deleted row times ε^power: its Gram matrix against M + εxxᵀ."""
    row = _EPSILON**power * _OLS.x
    return [_OLS.M + row * row.T - (_OLS.M + k * _EPSILON * _OLS.x * _OLS.x.T)]


def _scalar(time, epsilon):
    """θ(t, ε) with one parameter: H = m + εx², c = mt₋ + εxy."""
    m, x, y, deleted, start = symbols("m x y t_deleted theta0", positive=True)
    H, c = m + epsilon * x**2, m * deleted + epsilon * x * y
    return exp(-H * time) * start + (1 - exp(-H * time)) * c / H, H, x, y


def _sensitivity(k):
    """∂θ/∂ε obeys the variational equation: it exists, and is continuous."""
    theta, H, x, y = _scalar(_T, _EPSILON)
    moved = diff(theta, _EPSILON)
    return [diff(moved, _T) + H * moved + k * x * (x * theta - y)]


def _singular_limit(k, full_rank):
    """The flow from θ(s) without the point, for t → ∞: M of rank one, or of full rank."""
    m, kept, target = symbols("m theta_s2 t2", positive=True)
    rate = m if full_rank else sympy.Integer(0)
    second = target + exp(-rate * _T) * (kept - target)
    return [sympy.limit(second, _T, sympy.oo) - k * target]




def _pieces(k):
    """The flow with ε = 1 to s, then ε = 0: u = θ − θ*₋ obeys u̇ = −Mu from u(s)."""
    m, full, deleted, horizon = symbols("m theta_full theta_deleted T", positive=True)
    rate, start = symbols("lambda theta0", positive=True)
    at_request = exp(-rate * _S) * start + (1 - exp(-rate * _S)) * full
    u = exp(-m * (horizon - _S)) * (at_request - deleted)
    return [diff(u, horizon) + k * m * u, u.subs(horizon, _S) - (at_request - deleted)]


CLAIMS = (
    Claim(
        "GF regularity",
        _GRADIENT,
        Identity(
            "The flow has no derivative in ε: ξ is C⁰ in ε and no more.",
            lambda k: [diff(_scalar(_T, _EPSILON)[0], _EPSILON) * k],
        ),
        (
            "The right side is affine in ε and C¹ in θ, so that ξ is C¹ in ε.",
            "Its derivative solves Ṡ = −∇²R_ε S − ∇ℓ, S(0) = 0.",
        ),
        checks.sensitivity_of_flow,
        correct=Identity(
            "∂θ/∂ε exists and solves Ṡ = −H_ε S − ∇ℓ_j(θ(t)).", _sensitivity
        ),
    ),
    Claim(
        "LRGF",
        _DYNAMIC,
        Identity(
            "θ(t, 1) = e^(−Ht)θ₀ + (Id − e^(−Ht))H⁻¹Xᵀy solves the flow.", _flow_equation
        ),
        ("In the eigenbasis of H: θ̇ᵢ = −λᵢθᵢ + cᵢ.",),
        checks.flow_formula,
    ),
    Claim(
        "limit of LRGF",
        f"{_DYNAMIC}, Remark",
        Identity(
            "lim θ(t) = (XᵀX)⁻¹Xᵀy.",
            lambda k: [
                _solution(_T).applyfunc(lambda entry: sympy.limit(entry, _T, sympy.oo))
                - k * _RATES.inv() * _MOMENT
            ],
        ),
        ("Every e^(−λt) vanishes for λ > 0.",),
        checks.flow_formula,
    ),
    Claim(
        "rows scaled by ε",
        f"{_DYNAMIC}, before (0.10)",
        Identity(
            "With row j of X and y times ε, H_ε = M + εxxᵀ.", lambda k: _scaled_rows(k, 1)
        ),
        ("Rows enter twice: the weight becomes ε².",),
        checks.flow_formula,
        correct=Identity(
            "With row j of X and y times √ε, H_ε = M + εxxᵀ.",
            lambda k: _scaled_rows(k, sympy.Rational(1, 2)),
        ),
    ),
    Claim(
        "0.10",
        _DYNAMIC,
        Identity(
            "θ(t, ε) = e^(−H_ε t)θ₀ + (Id − e^(−H_ε t))θ̂(ε) solves the flow of weight ε.",
            _flow_equation,
        ),
        ("(LRGF) with H_ε and c_ε = Σᵢ≠ⱼ xᵢyᵢ + εxy (rows scaled by √ε).",),
        checks.flow_formula,
    ),
    Claim(
        "0.9, T = ∞",
        f"{_GRADIENT}, (0.9)",
        Identity(
            "θ(∞, s) = θ*₋ for every s, also where H₋ is singular.",
            lambda k: _singular_limit(k, False),
        ),
        (
            "Along the kernel of H₋ the flow without the point stands still: θ(s) is kept there.",
            "Smallest counterexample: d = 1, the deleted point the only one.",
        ),
        checks.frozen_kernel,
        correct=Identity(
            "θ(∞, s) = θ*₋ where H₋ has full rank.", lambda k: _singular_limit(k, True)
        ),
    ),
    Claim(
        "ℰ(ε_s)",
        _DYNAMIC,
        Identity(
            "ℰ(1_[0,s]) = ½‖e^(−H₋(T−s))(e^(−Hs)θ₀ + (Id − e^(−Hs))θ* − θ*₋)‖².", _pieces
        ),
        ("(0.10) with ε = 1 up to s, then u = θ − θ*₋ obeys u̇ = −H₋u.",),
        checks.step_cost,
    ),
    Claim(
        "Wronskian footnote",
        f"{_DYNAMIC}, footnote 3",
        None,
        (
            "Variation of constants needs the propagator, not a second derivative: piecewise "
            "continuity of ε is enough.",
            "1_[0,s] is not even continuous, and its flow is in closed form.",
        ),
        checks.step_cost,
        correct=Identity("The formula for 1_[0,s] solves the flow on both sides of s.", _pieces),
        saved=False,
    ),
)
