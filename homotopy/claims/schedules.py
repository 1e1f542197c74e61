"""Schedules: the best step, the example X = Id, linear decay, the greedy argument."""

from __future__ import annotations

import sympy
from sympy import Matrix, diff, exp, symbols

from homotopy.claims import checks
from homotopy.claims.claim import Claim, Identity
from homotopy.claims.regression import SymbolicRegression

_OLS = SymbolicRegression()
_TAU, _HORIZON, _T = symbols("tau T t", positive=True)
_START = Matrix(symbols("theta01 theta02"))
_FULL, _DELETED = Matrix(symbols("f1 f2")), Matrix(symbols("g1 g2"))
_STEPS, _GENERAL = "Can we do any better? Step functions", "General case"


def _w():
    """e^(−τ)θ₀ + (1 − e^(−τ))θ* − θ*₋."""
    return exp(-_TAU) * _START + (1 - exp(-_TAU)) * _FULL - _DELETED


def _g():
    """θ(T) − θ*₋ of the step 1_[0,τ], where H = H₋ = Id."""
    return exp(-(_HORIZON - _TAU)) * _w()


def _cost():
    return (_g().T * _g())[0] / 2


def _cost_written():
    inner = (_w().T * _w())[0] + ((_START - _FULL).T * _w())[0]
    return _TAU * exp(-2 * (_HORIZON - _TAU)) * inner


def _change():
    return _FULL - _DELETED


def _stationary_step(k):
    """⟨w, Δ⟩ with e^(−τ) = ‖Δ‖²/⟨θ* − θ₀, Δ⟩."""
    change = _change()
    decay = k * (change.T * change)[0] / ((_FULL - _START).T * change)[0]
    w = decay * _START + (1 - decay) * _FULL - _DELETED
    return [(w.T * change)[0]]


def _frozen(k, singular):
    """H₋ of X = Id, d = 3, without the last row, against Id, and against Id − eeᵀ."""
    kept = Matrix([[1, 0, 0], [0, 1, 0]])
    last = Matrix([0, 0, 1])
    expected = sympy.eye(3) - (last * last.T if singular else sympy.zeros(3))
    return [kept.T * kept - k * expected]


def _linear_decay(k):
    """One parameter, ε = (t₁ − t)/L: u = θ − θ*₋ in closed form, by the error function."""
    m, x, r, length, stop, constant = symbols("m x r L t1 C", positive=True)
    epsilon = (stop - _T) / length
    rate = m + epsilon * x**2
    exponent = sympy.integrate(rate, _T)
    # ∫ εx² e^A dt = e^A − m ∫ e^A dt, and A = const − (t − t_m)²/(2w²).
    width = sympy.sqrt(length) / x
    middle = stop + m * length / x**2
    peak = exponent.subs(_T, middle)
    integral = exp(peak) * width * sympy.sqrt(sympy.pi / 2) * sympy.erf(
        (_T - middle) / (sympy.sqrt(2) * width)
    )  # fmt: skip
    u = (r / x) * (1 - k * m * exp(-exponent) * integral) + constant * exp(-exponent)
    return [sympy.simplify(sympy.expand(diff(u, _T) + rate * u - epsilon * x * r))]


def _time_as_state(k, linear):
    """A Lotka–Volterra rate ṙ = r(…) vanishes at r = 0; that of time does not."""
    rate = sympy.Integer(1)
    if linear:
        # θ̇ = a(t)θ + b(t): what is left of the right side less its value at 0 is linear in θ.
        a, b, theta, factor = symbols("a b theta z")
        return [(a * factor * theta + b - b) - k * factor * (a * theta + b - b)]
    return [rate - (k - 1)]


def _derivative_at_start(k, written):
    """∂θ/∂t at t = 0 of (0.10), in the eigenbasis."""
    rates = sympy.diag(*symbols("lambda1 lambda2", positive=True))
    decay = sympy.diag(*(exp(-rate * _T) for rate in rates.diagonal()))
    theta = decay * _START + (sympy.eye(2) - decay) * _FULL
    rate = diff(theta, _T).subs(_T, 0)
    if written:
        return [rate - (-rates * _START + k * (sympy.eye(2) + rates) * _FULL)]
    return [rate + k * rates * (_START - _FULL)]


def _greedy(k, always_zero):
    """d/dt ½‖u‖² and what ε does to it."""
    u, epsilon = Matrix(symbols("u1 u2")), symbols("epsilon")
    residual = (_OLS.x.T * u)[0] - _OLS.r
    velocity = -_OLS.M * u - epsilon * residual * _OLS.x
    rate = (u.T * velocity)[0]
    effect = -((_OLS.x.T * u)[0]) * residual
    if always_zero:
        # With u = x, r = −1 and M = Id the decrease by ε is ‖x‖²(‖x‖² + 1) > 0, and not ≤ 0.
        at = {u[0]: 1, u[1]: 0, _OLS.x[0]: 1, _OLS.x[1]: 0, _OLS.r: -1}
        return [sympy.Max(0, -k * effect.subs(at))]
    return [diff(rate, epsilon) - k * effect]


CLAIMS = (
    Claim(
        "dg/dτ",
        _STEPS,
        Identity(
            "g'(τ) = τe^(−(T−τ))w(τ) − τe^(−T)(θ₀ − θ*), H = Id.",
            lambda k: [
                diff(_g(), _TAU)
                - _TAU * (exp(-(_HORIZON - _TAU)) * _w() - k * exp(-_HORIZON) * (_START - _FULL))
            ],
        ),
        (
            "d/dτ e^(−(T−τ)) = e^(−(T−τ)): no factor τ appears.",
            "w' = −e^(−τ)(θ₀ − θ*), and w + w' = θ* − θ*₋ = Δ.",
        ),
        checks.step_derivative,
        correct=Identity(
            "g'(τ) = e^(−(T−τ))(θ* − θ*₋).",
            lambda k: [diff(_g(), _TAU) - k * exp(-(_HORIZON - _TAU)) * _change()],
        ),
    ),
    Claim(
        "dℰ/dτ",
        _STEPS,
        Identity(
            "dℰ/dτ = τe^(−2(T−τ))(‖w‖² + ⟨θ₀ − θ*, w⟩).",
            lambda k: [diff(_cost(), _TAU) - k * _cost_written()],
        ),
        ("⟨g, g'⟩ with the derivative above.",),
        checks.step_derivative,
        correct=Identity(
            "dℰ/dτ = e^(−2(T−τ))⟨w, θ* − θ*₋⟩.",
            lambda k: [
                diff(_cost(), _TAU)
                - k * exp(-2 * (_HORIZON - _TAU)) * (_w().T * _change())[0]
            ],
        ),
    ),
    Claim(
        "stationary step",
        _STEPS,
        Identity(
            "dℰ/dτ = 0 at τ = 0.", lambda k: [k * diff(_cost(), _TAU).subs(_TAU, 0)]
        ),
        (
            "⟨w, Δ⟩ = e^(−τ)⟨θ₀ − θ*, Δ⟩ + ‖Δ‖² is linear in e^(−τ).",
            "Its zero is a minimum: ℰ falls before it and rises after it.",
        ),
        checks.best_step,
        correct=Identity(
            "dℰ/dτ = 0 exactly at τ* = log(⟨θ* − θ₀, Δ⟩/‖Δ‖²): there ⟨w, Δ⟩ = 0.",
            _stationary_step,
        ),
    ),
    Claim(
        "θ₀ = θ*: no solution",
        _STEPS,
        Identity(
            "With θ₀ = θ* ℰ rises with τ: dℰ/dτ = e^(−2(T−τ))‖Δ‖² > 0.",
            lambda k: [
                diff(_cost(), _TAU).subs(list(zip(_START, _FULL, strict=True)))
                - k * exp(-2 * (_HORIZON - _TAU)) * (_change().T * _change())[0]
            ],
        ),
        ("Then w = Δ for every τ.",),
        checks.best_step,
    ),
    Claim(
        "example X = Id",
        f"{_STEPS}, Example",
        Identity("H₋ = Id, so that the formula above applies.", lambda k: _frozen(k, False)),
        (
            "Without row j nothing moves coordinate j: H₋ = Id − eⱼeⱼᵀ is singular.",
            "Deleting later only moves it further from 0: the best step is 1_[0,s].",
        ),
        checks.frozen_kernel,
        correct=Identity("H₋ = Id − eⱼeⱼᵀ.", lambda k: _frozen(k, True)),
        saved=False,
    ),
    Claim(
        "0.13, Lotka–Volterra",
        "Linear functions",
        Identity(
            "The system is of Lotka–Volterra type: every rate vanishes with its variable.",
            lambda k: _time_as_state(k, False),
        ),
        (
            "ṙ = 1 does not vanish at r = 0; and r is time: θ̇ = a(t)θ + b(t) is linear.",
        ),
        checks.ramp_closed_form,
        correct=Identity(
            "It is linear with coefficients that depend on time.",
            lambda k: _time_as_state(k, True),
        ),
        saved=False,
    ),
    Claim(
        "0.14, derivative",
        _GENERAL,
        Identity(
            "θ̇(0) = −H_ε θ₀ + (Id + H_ε)θ̂(ε).", lambda k: _derivative_at_start(k, True)
        ),
        ("d/dt of e^(−Ht)θ₀ + (Id − e^(−Ht))θ̂ at 0 is −H(θ₀ − θ̂).",),
        checks.flow_formula,
        correct=Identity(
            "θ̇(0) = −H_ε(θ₀ − θ̂(ε)).", lambda k: _derivative_at_start(k, False)
        ),
    ),
    Claim(
        "greedy: ε = 0 is optimal",
        _GENERAL,
        Identity(
            "No ε > 0 makes the distance fall faster than ε = 0.", lambda k: _greedy(k, True)
        ),
        (
            "d/dt ½‖u‖² = −uᵀMu − ε(xᵀu)(xᵀu − r): ε = 1 is better where the product is positive.",
            "And what is best at each instant need not be best at T.",
        ),
        checks.greedy_not_zero,
        correct=Identity(
            "The rate changes with ε by −(xᵀu)(xᵀu − r), of either sign.",
            lambda k: _greedy(k, False),
        ),
        saved=False,
    ),
    Claim(
        "linear decay has no closed form",
        "Linear functions",
        None,
        (
            "A = ∫(m + εx²)dt is quadratic in t, and ∫e^A dt an error function.",
            "For d > 1 there is no elementary one: solved to rounding numerically.",
        ),
        checks.ramp_closed_form,
        correct=Identity(
            "With one parameter u = (r/x)(1 − m e^(−A)∫e^A dt) + Ce^(−A), ∫e^A dt by erf.",
            _linear_decay,
        ),
        saved=False,
    ),
    Claim(
        "Figure 4: H ≠ Id is to blame",
        "Numerical experiments",
        None,
        (
            "With H = H₋ = Id too a later step is better, wherever ⟨θ* − θ₀, Δ⟩ > eˢ‖Δ‖².",
            "The cause is the greedy argument, not the assumption.",
        ),
        checks.best_step,
        correct=Identity(
            "With H = H₋ = Id the best step is at τ*, which may be later than s.", _stationary_step
        ),
        saved=False,
    ),
)
