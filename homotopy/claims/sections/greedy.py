"""The general case: the greedy argument, and what it concludes."""

from __future__ import annotations

import sympy
from sympy import Integer, Matrix, Max, Rational, diff, exp, log, symbols

from homotopy.claims.checks import greedy as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.identity_hessian import (
    BEST,
    CHANGE,
    HORIZON,
    PASSES_THE_TARGET,
    TAU,
    TIME,
    cost,
)
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "General case"
_EPSILON = symbols("epsilon", positive=True)
_U = Matrix(symbols("u1 u2", real=True))
_START, _FIT = Matrix(symbols("theta01 theta02", real=True)), Matrix(symbols("a1 a2", real=True))
_DELETED = Matrix(symbols("g1 g2", real=True))
_RATES = sympy.diag(*symbols("lambda1 lambda2", positive=True))
_S = symbols("s", positive=True)


def _solution(time):
    """(0.10) in the eigenbasis of H_ε: e^(−Λt)θ₀ + (Id − e^(−Λt))θ̂(ε)."""
    decay = sympy.diag(*(exp(-rate * time) for rate in _RATES.diagonal()))
    return decay * _START + (sympy.eye(2) - decay) * _FIT


def _derivative_as_written():
    return -_RATES * _START + (sympy.eye(2) + _RATES) * _FIT


def _speed(velocity):
    """The component of a velocity towards θ*₋."""
    way = _DELETED - _START
    return velocity.dot(way) / sympy.sqrt(way.dot(way))


def _identity_speed(fit):
    """That of the flow with H_ε = Id towards a fit, by differentiating its solution."""
    theta = exp(-TIME) * _START + (1 - exp(-TIME)) * fit
    return _speed(diff(theta, TIME).subs(TIME, 0))


def _velocity():
    """u̇ of u = θ − θ*₋ under the weight ε, from the residuals."""
    theta = _U + _OLS.deleted_fit
    return -_OLS.M * _U - _EPSILON * _OLS.gradient(theta)


def _rate():
    """d/dt ½‖u‖²."""
    return _U.dot(_velocity())


def _gain():
    """By how much ε = 1 makes ½‖u‖² fall faster than ε = 0."""
    rate = _rate()
    return rate.subs(_EPSILON, 0) - rate.subs(_EPSILON, 1)


def _excess():
    """By how much 1_[0,s] is worse than the step 1_[0,τ], H = H₋ = Id."""
    return Max(0, cost(_S) - cost(TAU))


def _weak_point(tau):
    """ℰ of ε = 1 up to τ for a weak point: u̇ = −Mu + εc, M = diag(1, 2), c = (1, 1), T = log 2."""
    u = []
    for rate, start in ((1, -1), (2, 2)):
        moved = start + sympy.integrate(exp(rate * TIME), (TIME, 0, tau))
        u.append(sympy.simplify(exp(-rate * log(2)) * moved))
    return sum(one**2 for one in u) / 2


def _needle():
    """What ε = 1 for a moment at t, and 0 from then on, adds to ½‖u(T)‖² per unit of time."""
    decay = _OLS.decay(HORIZON - TIME)
    moment = symbols("eta", positive=True)
    end = decay * (_U - moment * _OLS.gradient(_U + _OLS.deleted_fit))
    return diff(end.dot(end) / 2, moment).subs(moment, 0), decay**2


_LATER = Counterexample(
    "H = H₋ = Id, one parameter, θ₀ = 0, θ*₋ = 1, θ* = 2: 1_[0,τ] with τ = log 2 ends at θ*₋, "
    "1_[0,s] with s = log(3/2) does not (T = log 4)",
    {**PASSES_THE_TARGET, "s": log(Rational(3, 2)), "tau": log(2), "T": log(4)},
)


CLAIMS = (
    Claim(
        key="0.14",
        where=_SECTION,
        says=Statement(
            "(θ(t + δ) − θ(t))/δ → θ̇(t): gradient descent's displacement becomes (0.14).",
            lambda: [
                (
                    (_solution(TIME) - _START).applyfunc(
                        lambda entry: sympy.limit(entry / TIME, TIME, 0)
                    ),
                    _RATES * _FIT - _RATES * _START,
                )
            ],
        ),
        derivation=(
            "The definition of the derivative; with H_ε fixed it is −H_ε(θ₀ − θ̂(ε)).",
            "(0.14) is the rate −d/dt ‖θ − θ*₋‖: greedy makes the distance fall the fastest.",
        ),
        check=Check(
            "displacement of the flow over a short time against −H_ε(θ₀ − θ̂)",
            checks.displacement,
            1e-4,
        ),
    ),
    Claim(
        key="0.14, derivative",
        where=_SECTION,
        says=Statement(
            "θ̇(0) = −H_ε θ₀ + (Id + H_ε)θ̂(ε).",
            lambda: [(diff(_solution(TIME), TIME).subs(TIME, 0), _derivative_as_written())],
        ),
        disputed="θ̇(0)",
        counterexample=Counterexample(
            "one parameter, H_ε = 1, θ₀ = 0, θ̂ = 1",
            {"theta01": 0, "theta02": 0, "a1": 1, "a2": 0, "lambda1": 1, "lambda2": 1},
        ),
        correction=Statement(
            "θ̇(0) = −H_ε(θ₀ − θ̂(ε)).",
            lambda: [(diff(_solution(TIME), TIME).subs(TIME, 0), _RATES * _FIT - _RATES * _START)],
        ),
        derivation=(
            "d/dt e^(−Ht)θ₀ = −He^(−Ht)θ₀, and d/dt (Id − e^(−Ht))θ̂ = He^(−Ht)θ̂, without Id.",
            "The notes' second term ⟨θ(0), θ*₋ − θ(0)⟩, free of ε, disappears with it.",
        ),
        check=Check(
            "displacement of the flow over a short time against −H_ε(θ₀ − θ̂)",
            checks.displacement,
            1e-4,
        ),
    ),
    Claim(
        key="0.14, H = Id and ε = 0",
        where=_SECTION,
        says=Statement(
            "With H = Id and ε = 0, (0.14) is 2‖θ*₋ − θ₀‖ + ⟨θ₀, θ*₋ − θ₀⟩/‖θ*₋ − θ₀‖.",
            lambda: [
                (
                    _identity_speed(_DELETED),
                    2 * sympy.sqrt((_DELETED - _START).dot(_DELETED - _START)) + _speed(_START),
                )
            ],
        ),
        disputed="(0.14)",
        counterexample=Counterexample(
            "one parameter, θ₀ = 0, θ*₋ = 1",
            {"theta01": 0, "theta02": 0, "g1": 1, "g2": 0},
        ),
        correction=Statement(
            "With H = Id and ε = 0, (0.14) is ‖θ*₋ − θ₀‖.",
            lambda: [
                (
                    _identity_speed(_DELETED),
                    sympy.sqrt((_DELETED - _START).dot(_DELETED - _START)),
                )
            ],
        ),
        derivation=("θ̇ = θ*₋ − θ₀ points at θ*₋; its length is the distance.",),
        check=Check(
            "rate at which the distance falls, H₋ = Id and ε = 0, against the distance",
            checks.speed_without_the_point,
            1e-4,
        ),
    ),
    Claim(
        key="aligned is fastest",
        where=_SECTION,
        says=Statement(
            "With H = Id no θ̂(ε) gives more than θ̂ = θ*₋: the product is largest when aligned.",
            lambda: [(Max(0, _identity_speed(_FIT) - _identity_speed(_DELETED)), Integer(0))],
        ),
        disputed="the gain over the aligned one",
        counterexample=Counterexample(
            "one parameter, θ₀ = 0, θ*₋ = 1, θ̂(ε) = 2",
            {"theta01": 0, "theta02": 0, "g1": 1, "g2": 0, "a1": 2, "a2": 0},
        ),
        correction=Statement(
            "Towards θ̂(ε) the speed differs from that towards θ*₋ by the component of "
            "θ̂(ε) − θ*₋ along the way, of either sign.",
            lambda: [(_identity_speed(_FIT), _identity_speed(_DELETED) + _speed(_FIT - _DELETED))],
        ),
        derivation=(
            "Alignment is best among vectors of one length; θ̂(ε) − θ₀ has a length of its own.",
        ),
        check=Check(
            "rates at which the distance falls, H near Id, ε = 1 against ε = 0",
            checks.speed_with_the_point,
            1e-4,
        ),
        stands=False,
    ),
    Claim(
        key="greedy: ε = 0 is optimal",
        where=_SECTION,
        says=Statement(
            "At every time ε = 0 brings θ closer the fastest: the gain of ε = 1 is never positive.",
            lambda: [(Max(0, _gain()), Integer(0))],
        ),
        disputed="the gain of ε = 1",
        counterexample=Counterexample(
            "one parameter, u = x = 1, r = −1: the deleted point pulls beyond θ*₋",
            {"u1": 1, "u2": 0, "x1": 1, "x2": 0, "r": -1, "t1": 0, "t2": 0},
        ),
        correction=Statement(
            "d/dt ½‖u‖² = −uᵀMu − ε(xᵀu)(xᵀu − r): ε = 1 is faster exactly where "
            "(xᵀu)(xᵀu − r) > 0.",
            lambda: [
                (
                    _rate(),
                    -(_U.T * _OLS.M * _U)[0]
                    - _EPSILON * _OLS.x.dot(_U) * (_OLS.x.dot(_U) - _OLS.r),
                )
            ],
        ),
        derivation=(
            "u̇ = −Mu − ε(xᵀu − r)x.",
            "It is affine in ε: the best ε is 0 or 1, by the sign of the product.",
        ),
        check=Check(
            "difference of d/dt ½‖u‖² between ε = 1 and 0 against the product",
            checks.greedy_rate,
            1e-4,
        ),
        stands=False,
    ),
    Claim(
        key="1_[0,s] is the solution",
        where=_SECTION,
        says=Statement(
            "1_[0,s] minimises ℰ: no later step is better.", lambda: [(_excess(), Integer(0))]
        ),
        disputed="the excess of ℰ(1_[0,s])",
        counterexample=_LATER,
        correction=Statement(
            "With H = H₋ = Id, ℰ(1_[0,τ]) = ½e^(−2T)‖Δ‖²(e^τ − B)² + a constant, "
            "B = ⟨θ* − θ₀, Δ⟩/‖Δ‖²: 1_[0,s] is the best exactly where B ≤ e^s.",
            lambda: [
                (
                    cost(TAU) - cost(_S),
                    exp(-2 * HORIZON)
                    * CHANGE.dot(CHANGE)
                    / 2
                    * ((exp(TAU) - BEST) ** 2 - (exp(_S) - BEST) ** 2),
                )
            ],
        ),
        derivation=(
            "The best ε at an instant is not always 0 (greedy: ε = 0 is optimal).",
            "dℰ/dτ = e^(τ−2T)‖Δ‖²(e^τ − B), integrated.",
        ),
        check=Check("ℰ of two steps near H = H₋ = Id against the formula", checks.two_steps, 1e-6),
        stands=False,
    ),
    Claim(
        key="greedy is optimal",
        where=_SECTION,
        says=Statement(
            "Optimality of ε(t) can be checked instant by instant: where ε = 0 is the faster one "
            "all along, no step ends nearer.",
            lambda: [
                (Max(0, _weak_point(Integer(0)) - _weak_point(log(Rational(5, 4)))), Integer(0))
            ],
        ),
        disputed="the excess of greedy over 1_[0,log(5/4)]",
        counterexample=Counterexample(
            "M = diag(1, 2), a weak point (x → 0 with rx = c = (1, 1)), u(0) = (−1, 2), s = 0, "
            "T = log 2: uᵀc = e^(−t)(2e^(−t) − 1) > 0, so that greedy keeps ε = 0 and ends with "
            "ℰ = ¼",
            {},
        ),
        correction=Statement(
            "What ε at t is worth at T is −φ = −(xᵀp)(xᵀu − r) with the costate p, without the "
            "point from then on p = e^(−2M(T−t))u; greedy has u in its place.",
            lambda: [
                (needle, -_OLS.x.dot(forgotten * _U) * (_OLS.x.dot(_U) - _OLS.r))
                for needle, forgotten in [_needle()]
            ],
        ),
        derivation=(
            "The coordinates of u are forgotten at different rates: what brings u nearer now may "
            "do so in a coordinate that would be forgotten anyway.",
            "p = u at t = T, and where M = m Id p is u times a number: there greedy is optimal.",
        ),
        check=Check(
            "the toolkit's switching function of 1_[0,s] against (xᵀe^(−2M(T−t))u)(xᵀu − r)",
            checks.worth_at_the_horizon,
        ),
        stands=False,
    ),
)
