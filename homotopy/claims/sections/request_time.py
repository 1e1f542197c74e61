"""θ(t, s): all the data until s, then without the point (0.9)."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, exp, log, symbols

from homotopy.claims.checks import request_time as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.sections.gradient_flow import STATE, scalar_flux, scalar_gradient
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Gradient Descent case, Question"
_TIME, _SWITCH, _HORIZON = symbols("t s T", positive=True)
_EPSILON = symbols("epsilon", positive=True)
_START = symbols("theta0", real=True)


def _kink():
    """Velocity after s less that before it."""
    at_request = scalar_flux(_SWITCH, 1, _START)
    after = diff(scalar_flux(_TIME, 0, at_request), _TIME).subs(_TIME, 0)
    return after - diff(scalar_flux(_TIME, 1, _START), _TIME).subs(_TIME, _SWITCH)


def _any_rank():
    """lim θ(T, s) of one parameter, H₋ = m of that rank; and θ*₋."""
    m, end = _OLS.M[0, 0], scalar_flux(_HORIZON - _SWITCH, 0, scalar_flux(_SWITCH, 1, _START))
    rank = symbols("rank", integer=True)
    limit = sympy.limit(end, _HORIZON, sympy.oo)
    return sympy.Piecewise((end.subs(m, 0), sympy.Eq(rank, 0)), (limit, True)), _OLS.deleted_fit[0]


def _end(state):
    """θ(T, s) from the state at s."""
    return _OLS.deleted_fit + _OLS.decay(_HORIZON - _SWITCH) * (state - _OLS.deleted_fit)


def _velocity_of_regression():
    """∂θ(T, s)/∂s, the state at s a function that obeys (GF) with ε = 1; and what it should be."""
    state = Matrix([Function(name)(_SWITCH) for name in ("q1", "q2")])
    rate = -_OLS.M * (state - _OLS.deleted_fit) - _OLS.gradient(state)
    moved = _end(state).diff(_SWITCH).subs(list(zip(state.diff(_SWITCH), rate, strict=True)))
    return plain(moved, -_OLS.decay(_HORIZON - _SWITCH) * _OLS.gradient(state))


def _velocity_in_general():
    """The same for any risk, F(τ, q) the flow without the point: θ(T, s) = F(T − s, q(s))."""
    tau, q = symbols("tau"), STATE
    F = Matrix([Function(name)(tau, *q) for name in ("F1", "F2")])
    gradients = [Matrix([diff(Function(name)(*q), one) for one in q]) for name in ("R", "l")]
    propagator = F.jacobian(q)
    # F(τ, F(h, q)) = F(τ + h, q), differentiated in h at 0.
    in_time = -propagator * gradients[0]
    state_moves = -propagator * sum(gradients, sympy.zeros(2, 1))
    return plain(state_moves - in_time, -propagator * gradients[1])


def exponential(H, duration):
    """e^(−Ht) of a symmetric 2 × 2 matrix, by Cayley and Hamilton."""
    mean = H.trace() / 2
    spread = sympy.sqrt(sympy.expand(mean**2 - H.det()))
    odd = sympy.sinh(spread * duration) / spread * (H - mean * sympy.eye(2))
    return exp(-mean * duration) * (sympy.cosh(spread * duration) * sympy.eye(2) - odd)


def _miss(switch):
    """½‖θ(T, s) − θ*₋‖² of M = diag(2, 5), x = (2, 1), r = 16, θ₀ − θ*₋ = (15, 71), T = 2."""
    end = sympy.diag(*(exp(-rate * (2 - switch)) for rate in (2, 5))) * _displacement(switch)
    return end.dot(end) / 2


def _displacement(switch):
    """θ(s) − θ*₋ of that regression."""
    M, x = sympy.diag(2, 5), Matrix([2, 1])
    H, r, start = M + x * x.T, 16, Matrix([15, 71])
    change = H.inv() * x * r
    at_request = exponential(H, switch) * (start - change) + change
    return at_request.applyfunc(lambda one: sympy.expand(one.rewrite(exp)))


def _excess_between(k):
    """Sign of the miss at s = log(3)/4 less that at log(k)/4."""
    return sympy.sign((_miss(log(3) / 4) - _miss(log(k) / 4)).evalf(30))


def _alike():
    """M = m Id: e^(−Hs), and d/ds of ½‖θ(T, s) − θ*₋‖²."""
    m, x = _OLS.M[0, 0], _OLS.x
    k = x.dot(x)
    forget = exp(-m * _SWITCH) * (sympy.eye(2) + (exp(-k * _SWITCH) - 1) / k * x * x.T)
    change = _OLS.r / (m + k) * x
    end = exp(-m * (_HORIZON - _SWITCH)) * (forget * (STATE - change) + change)
    return forget, diff(end.dot(end) / 2, _SWITCH)


def _alike_written():
    m, x = _OLS.M[0, 0], _OLS.x
    k = x.dot(x)
    a, b = x.dot(STATE) - _OLS.r * k / (m + k), _OLS.r * k / (m + k)
    z = exp((m + k) * _SWITCH)
    return exp(-2 * m * _HORIZON - 2 * k * _SWITCH) * (a + b * z) * (m * b * z - k * a) / k


_TWO_MINIMA = {
    "miss": _miss,
    "s1": "log(2)/4",
    "s2": "log(3)/4",
    "s3": "log(4)/4",
}

CLAIMS = (
    Claim(
        key="0.9",
        where=_SECTION,
        says=Statement(
            "ξ is a flow, ξ(s, t, ε; ξ(0, s, ε; θ₀)) = ξ(0, t, ε; θ₀); (0.9) joins two of them "
            "continuously, and its velocity jumps by ∇ℓ_j(θ(s)) at s.",
            lambda: [
                (
                    scalar_flux(_TIME, _EPSILON, scalar_flux(_SWITCH, _EPSILON, _START)),
                    scalar_flux(_TIME + _SWITCH, _EPSILON, _START),
                ),
                (_kink(), scalar_gradient(scalar_flux(_SWITCH, 1, _START))),
            ],
        ),
        derivation=(
            "(GF) is autonomous: only t − s matters.",
            "−∇R_j − (−∇R_j − ∇ℓ_j) = ∇ℓ_j at θ(s).",
        ),
        check=Check("the flow in two parts against the flow in one", checks.two_parts),
    ),
    Claim(
        key="0.9, T = ∞",
        where=_SECTION,
        says=Statement("θ(∞, s) = θ*₋ for any s < ∞.", lambda: [_any_rank()]),
        disputed="θ(∞, s)",
        counterexample=Counterexample(
            "the deleted point x = y = 1 is the only one (the notes' X = Id, d = 1): θ*₋ = 0 the "
            "minimum of least norm, θ₀ = 0, s = log 2, and θ(s) = ½ stays",
            ONE_PARAMETER | {"m1": 0, "rank": 0, "theta0": 0, "s": "log(2)"},
        ),
        correction=Statement(
            "θ(∞, s) = θ*₋ where H₋ has full rank: with u = θ(T, s) − θ*₋ and m₁ ≤ m₂ the "
            "eigenvalues of M, d/dT ½‖u‖² = −m₁‖u‖² − (m₂ − m₁)u₂².",
            lambda: [
                (
                    _end(STATE).applyfunc(lambda one: sympy.limit(one, _HORIZON, sympy.oo)),
                    _OLS.deleted_fit,
                ),
                (
                    diff((away := _end(STATE) - _OLS.deleted_fit).dot(away) / 2, _HORIZON),
                    -_OLS.M[0, 0] * away.dot(away) - (_OLS.M[1, 1] - _OLS.M[0, 0]) * away[1] ** 2,
                ),
            ],
        ),
        derivation=(
            "After s u̇ = −Mu: ‖θ(T, s) − θ*₋‖ ≤ e^(−m₁(T−s))‖θ(s) − θ*₋‖.",
            "Along the kernel of H₋ the flow without the point stands still: θ(s) is kept there.",
            "For other risks R_j strongly convex will do; a unique minimum will not: see θ(∞, ε).",
        ),
        check=Check("θ(T, s) of two s after 60 decay times against θ*₋", checks.late_end),
    ),
    Claim(
        key="θ(T, s), T finite",
        where=_SECTION,
        says=Statement(
            "What can we say about θ(T, s)? ∂θ(T, s)/∂s = −Φ∇ℓ_j(θ(s)), Φ the derivative of the "
            "flow without the point from s to T; e^(−M(T−s)) in least squares.",
            lambda: [_velocity_in_general(), _velocity_of_regression()],
        ),
        derivation=(
            "θ(T, s) = F(T − s, θ(s)), F the flow of R_j; F_τ = −Φ∇R_j(q), as F is a flow.",
            "d/ds: Φ∇R_j + Φ(−∇R_j − ∇ℓ_j) = −Φ∇ℓ_j.",
            "Deleting later by ds is one more step −∇ℓ_j ds, carried on to T by Φ, Φ̇ = −∇²R_j Φ.",
        ),
        check=Check("differences of θ(T, s) in s against −Φ∇ℓ_j", checks.velocity, 1e-5),
    ),
    Claim(
        key="θ(T, s), best s",
        where=_SECTION,
        says=Statement(
            "What can we say about θ(T, s)? There may be several best s: for M = diag(2, 5), "
            "x = (2, 1), r = 16, θ₀ − θ*₋ = (15, 71), T = 2 the slow coordinate of θ(s) − θ*₋ is "
            "40z² − 30z + 5, z = e^(−4s), twice zero, and ‖θ(T, s) − θ*₋‖ is larger at log(3)/4 "
            "than at log(2)/4 and log(4)/4. With M = m Id there is one: with k = ‖x‖², "
            "z = e^((m+k)s), b = xᵀΔ, a = xᵀ(θ₀ − θ*), the derivative of ½‖θ(T, s) − θ*₋‖² is "
            "e^(−2mT−2ks)(a + bz)(mbz − ka)/k.",
            lambda: [
                (_displacement(_SWITCH)[0], 40 * exp(-8 * _SWITCH) - 30 * exp(-4 * _SWITCH) + 5),
                *((_excess_between(k), sympy.Integer(1)) for k in (2, 4)),
                (
                    (alike := _alike())[0].diff(_SWITCH),
                    -(_OLS.M[0, 0] * sympy.eye(2) + _OLS.x * _OLS.x.T) * alike[0],
                ),
                (alike[1], _alike_written()),
            ],
        ),
        derivation=(
            "(a + bz)(mbz − ka) has the roots z = −a/b and ka/(mb), of which one is positive, and "
            "the leading coefficient mb² > 0: one stationary s, a minimum.",
            "In general the derivative is −(xᵀp)(xᵀ(θ(s) − θ*₋) − r), p = Φᵀ(θ(T, s) − θ*₋).",
            "For large T the slowest coordinate w of θ(s) − θ*₋ decides. It is a constant and d "
            "exponentials, and where all of them occur it has d zeros for some θ₀: d minima.",
        ),
        check=Check(
            "minima in s of regressions, θ₀ chosen so that the slowest coordinate vanishes d times",
            checks.minima,
        ),
    ),
)
