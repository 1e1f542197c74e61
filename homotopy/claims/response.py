"""θ(ε): Definition 5, Proposition 0.0.1 and Corollary 0.0.1, and what is asked about them."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, symbols

from homotopy.claims import checks
from homotopy.claims.claim import Claim, Identity
from homotopy.claims.regression import SymbolicRegression

_OLS = SymbolicRegression()
_REFORMULATION = "Reformulation of influence functions"
_EPSILON = symbols("epsilon", positive=True)


def _general(k, at):
    """∇R_j + ε∇ℓ = 0 differentiated, two parameters and any smooth R_j and ℓ; solved for θ̇."""
    u = symbols("u1 u2")
    R, loss = Function("R")(*u), Function("l")(*u)
    epsilon = symbols("epsilon")
    velocity = Matrix(symbols("v1 v2"))
    stationary = Matrix([diff(R + epsilon * loss, one) for one in u])
    total = stationary.jacobian(list(u)) * velocity + stationary.diff(epsilon)
    hessian = sympy.hessian(R, u) + epsilon * sympy.hessian(loss, u)
    slope = Matrix([diff(loss, one) for one in u])
    # Derivatives as plain symbols, second ones first: the rest is linear algebra.
    second = [diff(f, *pair) for f in (R, loss) for pair in ((u[0], 2), (u[0], u[1]), (u[1], 2))]
    first = [diff(f, one) for f in (R, loss) for one in u]
    plain = [(term, symbols(f"d{i}")) for i, term in enumerate(second + first)]
    total, hessian, slope = (part.subs(plain) for part in (total, hessian, slope))
    solution = -k * hessian.inv() * slope
    return [total.subs(list(zip(velocity, solution, strict=True))).subs(epsilon, at)]


def _stationary(k):
    theta = _OLS.deleted_fit + _away()
    gradient = _OLS.M * (theta - _OLS.deleted_fit) + k * _EPSILON * _OLS.gradient(theta)
    return [gradient]


def _velocity(at):
    return diff(_OLS.response(_EPSILON), _EPSILON).subs(_EPSILON, at)


def _away():
    """θ(ε) − θ*₋ = εrM⁻¹x/(1 + εh), which (0.2) proves."""
    return _EPSILON * _OLS.r * _OLS.M.inv() * _OLS.x / (1 + _EPSILON * _OLS.h)


def _risk():
    """R_j(θ(ε)), but a constant."""
    return (_away().T * _OLS.M * _away())[0] / 2


def _own_loss():
    return (_OLS.r - (_OLS.x.T * _away())[0]) ** 2 / 2


def _bound(k):
    """∫₀¹ θ̈ dε against θ̇(1) − θ̇(0), along M⁻¹x r/(1 + εh)²."""
    h, epsilon = symbols("h epsilon", positive=True)
    velocity = 1 / (1 + epsilon * h) ** 2
    integral = sympy.integrate(diff(velocity, epsilon), (epsilon, 0, 1))
    return [integral - k * (velocity.subs(epsilon, 1) - velocity.subs(epsilon, 0))]


CLAIMS = (
    Claim(
        "0.2",
        f"{_REFORMULATION}, Definition 5",
        Identity(
            "θ(ε) = θ*₋ + εrM⁻¹x/(1 + εh) is stationary: ∇R_j(θ(ε)) + ε∇ℓ_j(θ(ε)) = 0.",
            _stationary,
        ),
        ("θ(ε) = (M + εxxᵀ)⁻¹(Mθ*₋ + εxy), by Sherman and Morrison.",),
        checks.response_derivative,
    ),
    Claim(
        "0.3",
        f"{_REFORMULATION}, Proposition 0.0.1",
        Identity("θ̇(0) = −(∇²R_j)⁻¹∇ℓ_j(θ*₋).", lambda k: _general(k, 0)),
        ("(0.6) at ε = 0.",),
        checks.response_derivative,
    ),
    Claim(
        "0.6",
        _REFORMULATION,
        Identity(
            "θ̇(ε) = −(∇²R_j + ε∇²ℓ_j)⁻¹∇ℓ_j (with (0.4) and (0.5)), for any smooth risk.",
            lambda k: _general(k, symbols("epsilon")),
        ),
        (
            "d/dε of ∇R_j(θ(ε)) + ε∇ℓ_j(θ(ε)) = 0: ∇²R_j θ̇ + ∇ℓ_j + ε∇²ℓ_j θ̇ = 0.",
            "Solved for θ̇.",
        ),
        checks.response_derivative,
    ),
    Claim(
        "θ̇(1)",
        f"{_REFORMULATION}, Remark",
        Identity("θ̇(1) = −H_R⁻¹∇ℓ_j(θ*).", lambda k: _general(k, 1)),
        ("(0.6) at ε = 1.",),
        checks.influence_over_truth,
    ),
    Claim(
        "0.7",
        f"{_REFORMULATION}, Corollary 0.0.1",
        Identity(
            "d/dε [R_j(θ(ε)) + εℓ_j(θ(ε))] = ℓ_j(θ(ε)).",
            lambda k: [diff(_risk() + _EPSILON * _own_loss(), _EPSILON) - k * _own_loss()],
        ),
        ("The envelope theorem: the derivative through θ(ε) meets a zero gradient.",),
        checks.envelope,
    ),
    Claim(
        "0.8",
        f"{_REFORMULATION}, Corollary 0.0.1",
        Identity(
            "dℓ_j/dε at 0 = −∇ℓ_jᵀ(∇²R_j)⁻¹∇ℓ_j at θ*₋.",
            lambda k: [
                diff(_own_loss(), _EPSILON).subs(_EPSILON, 0)
                + k
                * (
                    _OLS.gradient(_OLS.deleted_fit).T
                    * _OLS.M.inv()
                    * _OLS.gradient(_OLS.deleted_fit)
                )[0]
            ],
        ),
        ("∇ℓ_jᵀθ̇(0) with (0.3).",),
        checks.envelope,
    ),
    Claim(
        "θ̇ʲ and Jθ",
        f"{_REFORMULATION}, Question",
        Identity(
            "θ̇ʲ(ε) is column j of the Jacobian of θ(w) at w = (1, …, ε, …, 1).",
            lambda k: _general(k, symbols("epsilon")),
        ),
        (
            "Column j of ∂θ/∂w is −(∇²R(w))⁻¹∇ℓ_j, by the same differentiation in w_j.",
            "So the link is an identity; a group's derivative is the sum of its columns at ε = 1.",
        ),
        checks.weight_column,
    ),
    Claim(
        "θ̇(1) − θ̇(0)",
        "Gradient Descent case, Question",
        Identity("θ̇(1) − θ̇(0) = ∫₀¹ θ̈ dε, and so ‖θ̇(1) − θ̇(0)‖ ≤ max‖θ̈‖.", _bound),
        ("The fundamental theorem of calculus, component by component (least squares).",),
        checks.velocity_ratio,
    ),
    Claim(
        "how different θ̇(1) is from θ̇(0)",
        "Gradient Descent case, Question",
        Identity(
            "In least squares θ̇(1) = (1 − P)² θ̇(0).",
            lambda k: [_velocity(1) - k * (1 - _OLS.leverage) ** 2 * _velocity(0)],
        ),
        ("θ̇(ε) = rM⁻¹x/(1 + εh)² and 1/(1 + h) = 1 − P.",),
        checks.velocity_ratio,
    ),
)
