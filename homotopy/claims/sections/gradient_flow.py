"""The gradient flow (GF), its regularity, and θ(t, ε) as a homotopy."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, exp, symbols

from homotopy.claims.checks import gradient_flow as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Gradient Descent case"
_TIME, _EPSILON = symbols("t epsilon", positive=True)

# Any smooth R_j and ℓ_j of two parameters, at θ(t, ε).
_THETA = Matrix([Function(name)(_TIME, _EPSILON) for name in ("theta1", "theta2")])
_RETAINED, _OWN = Function("R")(*_THETA), Function("l")(*_THETA)
_RISK = _RETAINED + _EPSILON * _OWN

# The data of a regression, the last row the deleted point.
ROWS = Matrix(3, 2, symbols("x11 x12 x21 x22 x31 x32", real=True))
TARGETS = Matrix(symbols("y1:4", real=True))
STATE = Matrix(symbols("u1 u2", real=True))


def scalar_flux(duration, epsilon, state):
    """ξ of one parameter: where the flow of R_ε comes to from a state, a duration later."""
    rate, fit = _OLS.M[0] + epsilon * _OLS.x[0] ** 2, scalar_fit(epsilon)
    return fit + exp(-rate * duration) * (state - fit)


def scalar_fit(epsilon):
    """θ(ε) of one parameter."""
    m, x, r = _OLS.M[0], _OLS.x[0], _OLS.r
    return _OLS.deleted_fit[0] + epsilon * x * r / (m + epsilon * x**2)


def scalar_gradient(theta):
    """∇ℓ_j of one parameter."""
    x = _OLS.x[0]
    return x * (x * (theta - _OLS.deleted_fit[0]) - _OLS.r)


def weighted_gradient(epsilon):
    """∇R_ε of the regression of TARGETS on ROWS, by differentiation."""
    residuals = ROWS * STATE - TARGETS
    risk = (residuals.T * sympy.diag(1, 1, epsilon) * residuals)[0] / 2
    return Matrix([diff(risk, one) for one in STATE])


def _gradient(risk):
    return Matrix([diff(risk, one) for one in _THETA])


def _hessian(risk):
    return Matrix(2, 2, lambda i, j: diff(risk, _THETA[i], _THETA[j]))


def _along_flow(expression):
    """The expression with ∂θ/∂t as (GF) has it."""
    velocity = -_gradient(_RETAINED) - _EPSILON * _gradient(_OWN)
    return expression.subs(list(zip(_THETA.diff(_TIME), velocity, strict=True)))


def _acceleration_in_time():
    """∂²θ/∂t²."""
    return _along_flow(_along_flow(_THETA.diff(_TIME)).diff(_TIME))


def _variation():
    """∂S/∂t, S = ∂θ/∂ε: (GF) differentiated in ε."""
    return _along_flow(_THETA.diff(_TIME)).diff(_EPSILON)


def _scalar_variation():
    """∂S/∂t of one parameter, from the closed form; and −H_ε S − ∇ℓ_j."""
    theta = scalar_flux(_TIME, _EPSILON, symbols("theta0", real=True))
    S, H = diff(theta, _EPSILON), _OLS.M[0] + _EPSILON * _OLS.x[0] ** 2
    return diff(S, _TIME), -H * S - scalar_gradient(theta)


def _rests_and_fit():
    """(where the flow of two equal points with f = θ³ stands still, θ(ε)), for every such place."""
    theta, y = symbols("theta", real=True), symbols("y", positive=True)
    risk = (theta**3 - y) ** 2 * (1 + _EPSILON) / 2
    return [(rest, sympy.cbrt(y)) for rest in sympy.solve(diff(risk, theta), theta)]


def _approach():
    """d/dt ½‖u‖², u = θ(t, ε) − θ(ε)."""
    theta = _OLS.response(_EPSILON) + STATE
    return -STATE.dot(_OLS.M * (theta - _OLS.deleted_fit) + _EPSILON * _OLS.gradient(theta))


CLAIMS = (
    Claim(
        key="GF",
        where=_SECTION,
        says=Statement(
            "(GF) minimises R_ε: dR_ε(θ(t, ε))/dt = −‖∇R_ε‖².",
            lambda: [(_along_flow(diff(_RISK, _TIME)), -sum(g**2 for g in _gradient(_RISK)))],
        ),
        derivation=(
            "dR_ε(θ)/dt = ∇R_εᵀθ̇, and θ̇ = −∇R_j − ε∇ℓ_j = −∇R_ε.",
            "As ℓ ≥ 0, ‖θ(t) − θ₀‖² ≤ t∫‖θ̇‖² ≤ tR_ε(θ₀): the flow does not blow up, and θ is "
            "defined for all t < ∞.",
        ),
        check=Check("the fall of R_ε along the flow against ∫‖∇R_ε‖²", checks.descent),
    ),
    Claim(
        key="GF regularity",
        where=_SECTION,
        says=Statement(
            "ξ is at least C² in t, and C⁰ in ε, even Lipschitz: θ̈ = ∇²R_ε∇R_ε in t; and "
            "S = ∂θ/∂ε exists, Ṡ = −∇²R_ε S − ∇ℓ_j, S = 0 at t = 0.",
            lambda: [
                plain(_acceleration_in_time(), _hessian(_RISK) * _gradient(_RISK)),
                plain(_variation(), -_hessian(_RISK) * _THETA.diff(_EPSILON) - _gradient(_OWN)),
                _scalar_variation(),
            ],
        ),
        derivation=(
            "For ℓ and f of class C² the right side of (GF) is C¹ in θ: θ is C² in t.",
            "It is affine in ε, so that ξ is C¹ in ε: more than the notes say, and with S bounded "
            "on [0, t] Lipschitz.",
            "S solves the linear equation that (GF) becomes when differentiated in ε; θ₀ does not "
            "depend on ε.",
        ),
        check=Check("∂θ/∂ε at ε = 1 against differences", checks.sensitivity_in_weight, 1e-5),
    ),
    Claim(
        key="Figure 2",
        where=_SECTION,
        says=Statement(
            "θ(t, ε) joins two trajectories of learning: ε = 1 trains on all the data, ε = 0 on "
            "the data without the point.",
            lambda: [
                (weighted_gradient(1), ROWS.T * (ROWS * STATE - TARGETS)),
                (
                    weighted_gradient(0),
                    ROWS[:2, :].T * (ROWS[:2, :] * STATE - TARGETS[:2, :]),
                ),
            ],
        ),
        derivation=(
            "R₁ is the risk of all rows, R₀ that of the rows but j.",
            "θ(·, ε) is continuous on [0, ∞) × [0, 1]: a homotopy between the two.",
        ),
        check=Check("both ends against matrix exponentials of those data", checks.both_ends),
    ),
    Claim(
        key="θ(∞, ε)",
        where=_SECTION,
        says=Statement(
            "θ(∞, ε) := θ(ε) extends the homotopy to t = ∞: the flow comes to rest at θ(ε) alone.",
            _rests_and_fit,
        ),
        disputed="the flow's limit",
        counterexample=Counterexample(
            "two points with f = θ³, y = 1: θ(ε) = 1 is the one minimum for every ε, and from "
            "θ₀ ≤ 0 the flow ends at 0, where f' = 0",
            {"y": 1},
        ),
        correction=Statement(
            "It does where the flow converges to θ(ε) uniformly in ε; for linear regression with "
            "M ≻ 0 at the rate of its smallest eigenvalue m₁: "
            "d/dt ½‖u‖² = −m₁‖u‖² − (m₂ − m₁)u₂² − ε(xᵀu)² for u = θ(t, ε) − θ(ε).",
            lambda: [
                (
                    _approach(),
                    -_OLS.M[0, 0] * STATE.dot(STATE)
                    - (_OLS.M[1, 1] - _OLS.M[0, 0]) * STATE[1] ** 2
                    - _EPSILON * _OLS.x.dot(STATE) ** 2,
                )
            ],
        ),
        derivation=(
            "A unique minimum for every ε does not keep the flow from saddles, local minima and "
            "infinity.",
            "u̇ = −H_ε u: ‖u(t)‖ ≤ e^(−m₁t)‖u(0)‖ for all ε, with m₁ ≤ m₂ the eigenvalues of M.",
            "So for every R_ε that is strongly convex with one constant for all ε.",
            "With M singular the limits do not commute. One point, d = 1: θ(∞, ε) = y/x for ε > 0, "
            "and θ(t, 0) = θ₀.",
        ),
        check=Check("how often ‖u(t)‖ ≤ e^(−m₁t)‖u(0)‖; 1 is always", checks.uniform_decay),
    ),
)
