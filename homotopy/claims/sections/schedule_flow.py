"""The flow of least squares under a schedule ε(t), and the cost ℰ: (0.11) and (0.12)."""

from __future__ import annotations

import sympy
from sympy import Function, Integral, KroneckerDelta, Matrix, diff, exp, symbols

from homotopy.claims.checks import schedule_flow as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.sections.gradient_flow import (
    ROWS,
    STATE,
    TARGETS,
    scalar_flux,
    weighted_gradient,
)
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Epsilon dynamic"
_BETTER = "Can we do any better?"
_TIME, _SWITCH, _TAU, _HORIZON = symbols("t s tau T", positive=True)
_START = symbols("theta0", real=True)
_WEIGHT, _FORMULA = Function("epsilon"), Function("u")

# θ(τ) − θ*₋ until τ, where ε = 1.
_W = Matrix([Function(name)(_TAU) for name in ("w1", "w2")])

# e^(−Ht), by Ė = −HE.
_E = Matrix(2, 2, lambda i, j: Function(f"E{i}{j}")(_SWITCH))

# The propagator Φ̇ = aΦ of (0.12), and ċ = Φ⁻¹b.
_PHI = Matrix(2, 2, lambda i, j: Function(f"Phi{i}{j}")(_TIME))
_GATHERED = Matrix([Function(name)(_TIME) for name in ("c1", "c2")])


def _end():
    """u = θ(T) − θ*₋ under 1_[0,τ]."""
    return _OLS.decay(_HORIZON - _TAU) * _W


def _slope_in_switch():
    """dℰ/dτ, where w obeys (GF) with ε = 1: ẇ = −H(w − Δ)."""
    known = zip(_W.diff(_TAU), -_OLS.H * (_W - _OLS.change), strict=True)
    return diff(_end().dot(_end()) / 2, _TAU).subs(list(known))


def _switching_function():
    """p(τ)ᵀ∇ℓ_j(θ(τ)), p(τ) = e^(−M(T−τ))u."""
    costate = _OLS.decay(_HORIZON - _TAU) * _end()
    return costate.dot(_OLS.gradient(_OLS.deleted_fit + _W))


def _at_request(start):
    """e^(−Hs)θ₀ + (Id − e^(−Hs))θ*."""
    return _E * start + (sympy.eye(2) - _E) * _OLS.full_fit


def _baseline():
    """d/ds and d/dT of the notes' vector in ℰ(ε_s), and what the flow says of both."""
    start = Matrix(symbols("theta01 theta02", real=True))
    state = _at_request(start)
    known = list(zip(_E.diff(_SWITCH), -_OLS.H * _E, strict=True))
    before = state.diff(_SWITCH).subs(known)
    after = _OLS.decay(_HORIZON - _SWITCH) * (state - _OLS.deleted_fit)
    return [
        plain(before, -_OLS.M * (state - _OLS.deleted_fit) - _OLS.gradient(state)),
        plain(after.diff(_HORIZON), -_OLS.M * after),
        (state.subs(list(zip(_E, sympy.eye(2), strict=True))), start),
        plain(after.subs(_HORIZON, _SWITCH), state - _OLS.deleted_fit),
    ]


def _second_start(time):
    """θ(s) of one parameter by solving (GF), and the notes' formula at a time."""
    theta = Function("theta")(_TIME)
    h, fit = symbols("h", positive=True), symbols("theta_star", real=True)
    solved = sympy.dsolve(
        theta.diff(_TIME) + h * (theta - fit), theta, ics={theta.subs(_TIME, 0): _START}
    )
    return solved.rhs.subs(_TIME, _SWITCH), exp(-h * time) * _START + (1 - exp(-h * time)) * fit


def _affine():
    """a(t)θ + b(t)."""
    kept, row = ROWS[:2, :], ROWS[2, :]
    a = -kept.T * kept - _WEIGHT(_TIME) * row.T * row
    b = kept.T * TARGETS[:2, :] + _WEIGHT(_TIME) * row.T * TARGETS[2]
    return a * STATE + b


def _variation_of_constants():
    """u(t) of one parameter for any ε(t): e^(−A)(u₀ + ∫₀ᵗ ε xr e^A), A = ∫₀ᵗ (m + εx²)."""
    m, x, r, inner = _OLS.M[0], _OLS.x[0], _OLS.r, symbols("z", positive=True)

    def exponent(end):
        time = symbols("y", positive=True)
        return Integral(m + _WEIGHT(time) * x**2, (time, 0, end))

    gathered = Integral(_WEIGHT(inner) * x * r * exp(exponent(inner)), (inner, 0, _TIME))
    return exp(-exponent(_TIME)) * (_START + gathered)


def _field(u, weight):
    """−∇R_ε of one parameter at θ*₋ + u."""
    m, x, r = _OLS.M[0], _OLS.x[0], _OLS.r
    return -m * u - weight * x * (x * u - r)


def _commutator():
    """[a(t), ∫₀ᵗ a], and what it should be."""
    inner, row = symbols("z", positive=True), _OLS.x * _OLS.x.T
    total = Integral(_WEIGHT(inner), (inner, 0, _TIME))
    a, whole = -_OLS.M - _WEIGHT(_TIME) * row, -_OLS.M * _TIME - total * row
    said = (_TIME * _WEIGHT(_TIME) - total) * (row * _OLS.M - _OLS.M * row)
    return a * whole - whole * a, said


def _denied(residual):
    """1 where the residual of a solution is zero: 0 by a statement that there is none."""
    return KroneckerDelta(residual, 0), sympy.Integer(0)


def _rate_by_propagator():
    """θ̇ of Φ(θ₀ + c) with Φ̇ = aΦ and ċ = Φ⁻¹b, any a and b; and aθ + b."""
    a = Matrix(2, 2, symbols("a11 a12 a21 a22", real=True))
    b = Matrix(symbols("b1 b2", real=True))
    theta = _PHI * (STATE + _GATHERED)
    known = list(zip(_PHI.diff(_TIME), a * _PHI, strict=True))
    known += zip(_GATHERED.diff(_TIME), _PHI.inv() * b, strict=True)
    return plain(theta.diff(_TIME).subs(known), a * theta + b)


def _late_part():
    """u(t) for t > s under 1_[0,s], one parameter, by ∫₀ˢ."""
    end = scalar_flux(_TIME - _SWITCH, 0, scalar_flux(_SWITCH, 1, _START + _OLS.deleted_fit[0]))
    return end - _OLS.deleted_fit[0]


def _early_part():
    """u(t) for t ≤ s."""
    return scalar_flux(_TIME, 1, _START + _OLS.deleted_fit[0]) - _OLS.deleted_fit[0]


CLAIMS = (
    Claim(
        key="fastest route",
        where=f"{_SECTION}, (0.11)",
        says=Statement(
            "The fastest route to θ*₋ is, in other words, the least ℰ: with M ≻ 0, going on with "
            "ε = 0, dℰ/dT = −uᵀMu < 0, so that the least ℰ falls strictly with T as long as it is "
            "not zero.",
            lambda: [
                (diff(_end().dot(_end()) / 2, _HORIZON), -(_end().T * _OLS.M * _end())[0]),
            ],
        ),
        derivation=(
            "Let V(T) be the least ℰ. A schedule for T, with ε = 0 from T on, is one for T + δ: "
            "V(T + δ) ≤ e^(−2m₁δ)V(T), m₁ the smallest eigenvalue of M ≻ 0.",
            "So T is the least time in which ‖u‖² = 2V(T) can be reached, while V(T) > 0.",
            "Once θ*₋ itself can be reached before T, V(T) = 0, and the least ℰ does not tell the "
            "fastest route.",
        ),
        check=Check("differences of ℰ in T against −uᵀMu", checks.slope_in_horizon, 1e-5),
    ),
    Claim(
        key="0.11",
        where=_SECTION,
        says=Statement(
            "(0.11) minimises ℰ over E_s; of its steps, dℰ(1_[0,τ])/dτ = −p(τ)ᵀ∇ℓ_j(θ(τ)), p the "
            "costate, ṗ = Mp after τ and p(T) = θ(T) − θ*₋.",
            lambda: [plain(_slope_in_switch(), -_switching_function())],
        ),
        derivation=(
            "ε is then 1 for dτ longer: θ moves by −∇ℓ_j dτ, ‖u‖²/2 by p times that.",
            "For all of E_s: dℰ = −∫ pᵀ∇ℓ_j dε dt. E_s has to be measurable functions, or (GF) "
            "means nothing; then a minimum exists, ε entering linearly with values in [0, 1].",
        ),
        check=Check("differences of ℰ in τ against −pᵀ∇ℓ_j", checks.slope_in_switch, 1e-5),
    ),
    Claim(
        key="ℰ(ε_s)",
        where=_SECTION,
        says=Statement(
            "ℰ(ε_s) = ½‖e^(−H₋(T−s))(e^(−Hs)θ₀ + (Id − e^(−Hs))θ* − θ*₋)‖².",
            _baseline,
        ),
        derivation=(
            "Until s (0.10) with ε = 1: the inner vector obeys θ̇ = −∇R, and starts at θ₀.",
            "Then u = θ − θ*₋ obeys u̇ = −H₋u, from u(s).",
            "H and H₋ need not commute: the product of exponentials is not one exponential.",
        ),
        check=Check("ℰ of steps against the formula", checks.step_cost),
    ),
    Claim(
        key="IVP of ε = 0",
        where=f"{_SECTION}, after (0.11)",
        says=Statement(
            "The second part, ε = 0, starts from e^(−Ht)θ₀ + (Id − e^(−Ht))θ*, t its time.",
            lambda: [_second_start(_TIME)],
        ),
        disputed="θ at the start",
        counterexample=Counterexample(
            "H = 1, θ* = 0, θ₀ = 1, s = log 2: the second part starts from ½; at t = log 4",
            {"h": 1, "theta_star": 0, "theta0": 1, "s": "log(2)", "t": "log(4)"},
        ),
        correction=Statement(
            "It starts at t = s from e^(−Hs)θ₀ + (Id − e^(−Hs))θ*.",
            lambda: [_second_start(_SWITCH)],
        ),
        derivation=("(0.10) with ε = 1 at t = s, as the notes' sentence before it says.",),
        check=Check("θ(T) of steps against the flow from there", checks.second_start),
    ),
    Claim(
        key="0.12",
        where=_BETTER,
        says=Statement(
            "θ̇ = −∇R_ε(t) = a(t)θ + b(t), a = −Σᵢ≠ⱼ xᵢxᵢᵀ − ε(t)x_j x_jᵀ, "
            "b = Σᵢ≠ⱼ xᵢyᵢ + ε(t)x_j y_j.",
            lambda: [(-weighted_gradient(_WEIGHT(_TIME)), _affine())],
        ),
        derivation=("Each xᵢ(xᵢᵀθ − yᵢ), sorted by powers of θ.",),
        check=Check("differences of a flow with ε = 0.3 against aθ + b", checks.affine, 1e-5),
    ),
    Claim(
        key="0.12, closed form",
        where=_BETTER,
        says=Statement(
            "As soon as ε depends on time there is no closed form: no formula for u = θ − θ*₋ "
            "leaves u̇ + ∇R_ε = 0.",
            lambda: [_denied(diff(u := _FORMULA(_TIME), _TIME) - _field(u, _WEIGHT(_TIME)))],
        ),
        disputed="the number of formulas found",
        counterexample=Counterexample(
            "one parameter, m = x = r = 1, ε = 1/(1 + t): u = (eᵗ + C)e^(−t)/(1 + t), C = 1 here",
            ONE_PARAMETER
            | {
                "epsilon": lambda t: 1 / (1 + t),
                "u": lambda t: (exp(t) + 1) * exp(-t) / (1 + t),
                "t": 1,
            },
        ),
        correction=Statement(
            "Not as soon as ε depends on time: piecewise constant weights have one, and one "
            "parameter has a formula by quadrature, u = e^(−A)(u₀ + ∫₀ᵗ εxr e^A), "
            "A = ∫₀ᵗ (m + εx²), u = θ − θ*₋. In general none is known: with several, e^(∫a) "
            "propagates where a(t) commutes with ∫a: [a(t), ∫₀ᵗ a] = (tε − ∫₀ᵗ ε)(xxᵀM − Mxxᵀ).",
            lambda: [
                (
                    diff(u := _variation_of_constants(), _TIME),
                    _field(u, _WEIGHT(_TIME)),
                ),
                _commutator(),
            ],
        ),
        derivation=(
            "u̇ = −(m + εx²)u + εxr, by variation of constants.",
            "Piecewise constant ε: products of exponentials, any d, as ℰ(ε_s).",
            "Otherwise, for d > 1, the propagator is a time-ordered exponential. No elementary "
            "form is known, not even for ramps; it is computed to rounding all the same.",
        ),
        check=Check("a flow with three weights against the integrals", checks.closed_form),
    ),
    Claim(
        key="Wronskian",
        where=f"{_BETTER}, footnote 3",
        says=Statement(
            "Variation of constants requires ε ∈ C¹: it gives no solution for 1_[0,s].",
            lambda: [_denied(diff(u := _late_part(), _TIME) - _field(u, 0))],
        ),
        disputed="the number of solutions found",
        counterexample=Counterexample(
            "one parameter, m = x = r = 1, u₀ = 1, s = 1, t = 2",
            ONE_PARAMETER | {"theta0": 1, "s": 1, "t": 2},
        ),
        correction=Statement(
            "It requires Φ̇ = aΦ alone: θ = Φ(θ₀ + ∫Φ⁻¹b) has θ̇ = aθ + b wherever ε is continuous. "
            "For 1_[0,s], one parameter, it is the flow on both sides of s, and continuous there.",
            lambda: [
                _rate_by_propagator(),
                (diff(u := _early_part(), _TIME), _field(u, 1)),
                (diff(u := _late_part(), _TIME), _field(u, 0)),
                (_late_part().subs(_TIME, _SWITCH), _early_part().subs(_TIME, _SWITCH)),
            ],
        ),
        derivation=(
            "Φ̇(θ₀ + c) + Φċ = aθ + ΦΦ⁻¹b.",
            "No derivative of a is taken: θ̈ − aθ̇ − ȧθ is not needed for a system of first order.",
            "Φ exists for every integrable ε: piecewise continuity is more than enough.",
        ),
        check=Check("a step's flow against variation of constants", checks.step_flow),
        stands=False,
    ),
)
