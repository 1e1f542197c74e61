"""Is a step the best schedule? Steps against decay, the captions of Figure 4, and what is best."""

from __future__ import annotations

import sympy
from sympy import (
    Function,
    Integer,
    Integral,
    Matrix,
    Max,
    Poly,
    Rational,
    diff,
    exp,
    gcd,
    log,
    symbols,
)

from homotopy.claims.checks import best_schedule as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.identity_hessian import (
    BEST,
    CHANGE,
    FULL,
    HORIZON,
    PASSES_THE_TARGET,
    START,
    TAU,
    cost,
)
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_QUESTION, _FIGURE = "Epsilon dynamic, Question", "General case, Figure 4"
_EXPERIMENTS = "General case, Numerical experiments"
_U, _P = Matrix(symbols("u1 u2", real=True)), Matrix(symbols("p1 p2", real=True))
_EPSILON, _S, _T, _TIME = symbols("epsilon s T t", positive=True)
_LATER = symbols("tau2", positive=True)


def backward_with_the_point(z):
    """u a time 2 log z before ε = 1 takes it to 0, for M = diag(5/2, 1), x = (1, 1), r = 1.

    H = M + xxᵀ has the eigenvalues 4 and 3/2: every number here is rational in z.
    """
    M, x = sympy.diag(Rational(5, 2), 1), Matrix([1, 1])
    H = M + x * x.T
    u = sympy.zeros(2, 1)
    for vector, rate, power in ((Matrix([2, 1]), 4, 8), (Matrix([1, -2]), Rational(3, 2), 3)):
        if H * vector != rate * vector:
            raise AssertionError(f"{vector} is no eigenvector of {H}.")
        part = vector * vector.dot(x) / vector.dot(vector)
        u -= part * (z**power - 1) / rate
    return u


def delete_then_include():
    """u(s) from which 0 → 1 ends at θ*₋: ε = 0 for 2 log(3/2), then ε = 1 as long."""
    w = Rational(3, 2)
    return sympy.diag(w**5, w**2) * backward_with_the_point(w)


def _steps_that_arrive():
    """Number of steps 1_[0,τ] that end at θ*₋ from that u(s): common roots of two polynomials."""
    z = symbols("z")
    misses = backward_with_the_point(z) - delete_then_include()
    common = gcd(*(Poly(sympy.together(miss).as_numer_denom()[0], z) for miss in misses))
    return Integer(common.degree())


def _hamiltonian():
    """pᵀu̇."""
    velocity = -_OLS.M * _U - _EPSILON * _OLS.gradient(_U + _OLS.deleted_fit)
    return _P.dot(velocity)


def _weak_point(weights):
    """u(T) of u̇ = −Mu + εc from u(0), M = diag(1, 2), c = (1, 1), T = 1."""
    rates = (1, 2)
    return Matrix([
        exp(-rate) * (_U[i] + sympy.integrate(weights * exp(rate * _TIME), (_TIME, 0, 1)))
        for i, rate in enumerate(rates)
    ])  # fmt: skip


def _steps_as_good_as_the_ramp():
    """Steps that end at θ*₋ from the u(0) from which ε = 1 − t does, for a weak point."""
    start = sympy.solve(list(_weak_point(1 - _TIME)), list(_U))
    y = symbols("y", positive=True)  # e^τ
    # u(τ) of a step is 0 for u(0) = −∫₀^τ e^(rate·t)dt.
    arrival = {(y - 1): start[_U[0]], (y**2 - 1) / 2: start[_U[1]]}
    roots = [set(sympy.solve(-slope - value, y)) for slope, value in arrival.items()]
    (first,) = roots[0]
    return Integer(sum(bool(sympy.simplify(first - other) == 0) for other in roots[1]))


def _any_schedule():
    """u(t) = e^(−t)(u(0) + Δ∫₀^t ε e^q dq) of H = H₋ = Id, any ε(t), one parameter."""
    q, u0, change = symbols("q u0 Delta", real=True)
    epsilon = Function("epsilon_")
    total = Integral(epsilon(q) * exp(q), (q, 0, _TIME))
    return exp(-_TIME) * (u0 + change * total), epsilon(_TIME), change, total, u0


def _schedule_equation():
    u, epsilon, change, _, _ = _any_schedule()
    return [(diff(u, _TIME), -u + epsilon * change)]


def _equal_step():
    """(u(T) of any schedule, u(T) of the step with e^τ = 1 + ∫ε e^q dq)."""
    u, _, change, total, u0 = _any_schedule()
    tau = log(1 + total)
    step = exp(-(_TIME - tau)) * (exp(-tau) * u0 + (1 - exp(-tau)) * change)
    return [(u, sympy.expand(step))]


def _by_weight(total):
    """ℰ of any schedule with 1 + ∫₀ᵀ ε e^t dt = total, H = H₋ = Id: that of the step log(total)."""
    return cost(log(total))


def _excess_of_the_first_step():
    """ℰ(1_[0,s]) − ℰ(1_[0,τ*]) from θ₀ = θ* − BΔ + aside: then e^τ* = B."""
    best, aside = symbols("B aside", positive=True)
    start = FULL - best * CHANGE + aside * Matrix([-CHANGE[1], CHANGE[0]])
    there = list(zip(START, start, strict=True))
    excess = cost(_S).subs(there) - _by_weight(best).subs(there)
    square = CHANGE.dot(CHANGE)
    return [
        (sympy.simplify(BEST.subs(there)), best),
        (excess, exp(-2 * HORIZON) * square * (exp(_S) - best) ** 2 / 2),
    ]


def _difference_of_steps():
    return (
        cost(_LATER) - cost(TAU),
        exp(-2 * HORIZON)
        * CHANGE.dot(CHANGE)
        * (exp(_LATER) - exp(TAU))
        * (exp(_LATER) + exp(TAU) - 2 * BEST)
        / 2,
    )


_WEIGHT = symbols("K", positive=True)
_U0 = tuple(delete_then_include())

CLAIMS = (
    Claim(
        key="is a step function the best choice",
        where=_QUESTION,
        says=Statement(
            "The best schedule is a step 1_[0,τ]: wherever a schedule reaches θ*₋, a step does.",
            lambda: [(_steps_that_arrive(), Integer(1))],
        ),
        disputed="the number of steps that end there",
        counterexample=Counterexample(
            f"M = diag(5/2, 1), x = (1, 1), r = 1, s = 0, T = 4 log(3/2), u(0) = {_U0}: "
            "ε = 0 up to T/2, then ε = 1, ends at θ*₋",
            {},
        ),
        correction=Statement(
            "ℰ depends on ε(t) at each t by −φ, φ = (xᵀp)(xᵀu − r), p the costate: where φ ≠ 0 the "
            "best ε is 0 or 1, in either order, as 0 → 1 in the counterexample.",
            lambda: [
                (diff(_hamiltonian(), _EPSILON), -_OLS.x.dot(_P) * (_OLS.x.dot(_U) - _OLS.r)),
                (
                    _hamiltonian(),
                    -(_P.T * _OLS.M * _U)[0]
                    - _EPSILON * _OLS.x.dot(_P) * (_OLS.x.dot(_U) - _OLS.r),
                ),
            ],
        ),
        derivation=(
            "Backwards from u = 0 under ε = 1 for 2 log(3/2), then under ε = 0 as long: "
            "u(0); for s > 0 go back further under ε = 1.",
            "A step that ends at θ*₋ is there at τ: u(0) = b(z), the state 2 log z before u = 0 "
            "under ε = 1, z = e^(τ/2); both coordinates are polynomials in z.",
            "They have no common root: no step arrives, and 0 → 1 does.",
            "With H = H₋ = Id a step is among the best, and with one parameter: u moves on a line, "
            "and what any schedule passes on it a step stops at.",
        ),
        check=Check(
            "ℰ of the best step there against a search over matrix exponentials; 0 → 1 adds less "
            "than rounding",
            checks.best_step_misses,
            1e-6,
        ),
        stands=False,
    ),
    Claim(
        key="steps beat polynomial decay",
        where=_EXPERIMENTS,
        says=Statement(
            "Step functions are better than polynomial decay: wherever a ramp reaches θ*₋, a step "
            "does.",
            lambda: [(_steps_as_good_as_the_ramp(), Integer(1))],
        ),
        disputed="the number of steps that end there",
        counterexample=Counterexample(
            "M = diag(1, 2), a weak point (x → 0 with rx = (1, 1)), ε = 1 − t on [0, 1], "
            "u(0) = −(e − 2, (e² − 3)/4): the ramp ends at θ*₋",
            {},
        ),
        correction=Statement(
            "With H = H₋ = Id every schedule does as well as the step with "
            "e^τ = 1 + ∫₀ᵀ ε e^t dt, and so the best step is the best of all; in general a "
            "ramp can be better than every step.",
            lambda: [*_schedule_equation(), *_equal_step()],
        ),
        derivation=(
            "With H = H₋ = Id, u̇ = −u + εΔ: u(t) = e^(−t)(u(0) + Δ∫ε e^q dq).",
            "A step has ∫ε e^q dq = e^τ − 1: every value that a schedule takes.",
            "With rates 1 and 2 a ramp's two integrals, e − 2 and (e² − 3)/4, are those of no "
            "step: e^τ would be e − 1, and √((e² − 1)/2).",
        ),
        check=Check(
            "ℰ of the best step from where a ramp ends at θ*₋ (d = 2), against a search "
            "over matrix exponentials; the ramp adds less than rounding",
            checks.ramp_beats_steps,
            1e-5,
        ),
        stands=False,
    ),
    Claim(
        key="Figure 4 (a)",
        where=_FIGURE,
        says=Statement(
            "Linear decay is slower than the step from which it starts: no decay from s on is "
            "better than 1_[0,s].",
            lambda: [(Max(0, cost(_S) - _by_weight(_WEIGHT)), Integer(0))],
        ),
        disputed="the excess of ℰ(1_[0,s])",
        counterexample=Counterexample(
            "H = H₋ = Id, one parameter, θ₀ = 0, θ*₋ = 1, θ* = 2, s = log(3/2), a "
            "decay with 1 + ∫ε e^t dt = 2 (linear to 0 at t₁ ≈ 0.94), T = log 4",
            {**PASSES_THE_TARGET, "s": log(Rational(3, 2)), "K": 2, "T": log(4)},
        ),
        correction=Statement(
            "With H = H₋ = Id: ℰ(ε) − ℰ(1_[0,s]) = ½e^(−2T)‖Δ‖²(K − e^s)(K + e^s − 2e^τ*), "
            "K = 1 + ∫₀ᵀ ε e^t dt ≥ e^s: slower wherever τ* ≤ s.",
            lambda: [
                (
                    _by_weight(_WEIGHT) - cost(_S),
                    exp(-2 * HORIZON)
                    * CHANGE.dot(CHANGE)
                    * (_WEIGHT - exp(_S))
                    * (_WEIGHT + exp(_S) - 2 * BEST)
                    / 2,
                )
            ],
        ),
        derivation=(
            "Any schedule does as well as the step of its K (steps beat polynomial decay).",
            "ℰ of steps is a parabola in e^τ with its least value at e^τ*.",
        ),
        check=Check(
            "ℰ of a ramp less that of 1_[0,s], near H = H₋ = Id, against the formula",
            checks.ramp_against_step,
            1e-6,
        ),
    ),
    Claim(
        key="Figure 4 (b)–(f)",
        where=_FIGURE,
        says=Statement(
            "Of two steps the later may be better or worse, depending on θ₀, and too late is "
            "worse. With H = H₋ = Id: ℰ(1_[0,τ₂]) − ℰ(1_[0,τ₁]) = "
            "½e^(−2T)‖Δ‖²(e^τ₂ − e^τ₁)(e^τ₂ + e^τ₁ − 2e^τ*).",
            lambda: [_difference_of_steps()],
        ),
        derivation=(
            "The sign is that of e^τ₁ + e^τ₂ − 2e^τ*, and e^τ* = ⟨θ* − θ₀, Δ⟩/‖Δ‖² is any number.",
            "For τ₁ ≥ τ* the later step is the worse one.",
        ),
        check=Check("ℰ of two steps near H = H₋ = Id against the formula", checks.two_steps, 1e-6),
    ),
    Claim(
        key="Figure 4: H ≠ Id is to blame",
        where=_EXPERIMENTS,
        says=Statement(
            "Under H = Id, 1_[0,s] is the minimiser; the exception comes from H ≠ Id.",
            lambda: [(Max(0, cost(_S) - cost(TAU)), Integer(0))],
        ),
        disputed="the excess of ℰ(1_[0,s])",
        counterexample=Counterexample(
            "H = H₋ = Id, one parameter, θ₀ = 0, θ*₋ = 1, θ* = 2, s = log(3/2), τ = log 2, "
            "T = log 4",
            {**PASSES_THE_TARGET, "s": log(Rational(3, 2)), "tau": log(2), "T": log(4)},
        ),
        correction=Statement(
            "With H = H₋ = Id too a later step is better wherever e^τ* > e^s: "
            "ℰ(1_[0,s]) = ℰ(1_[0,τ*]) + ½e^(−2T)‖Δ‖²(e^s − e^τ*)².",
            _excess_of_the_first_step,
        ),
        derivation=(
            "The cause is the argument: ε = 0 is not always the faster one, and the fastest at "
            "each instant need not end the nearest.",
        ),
        check=Check(
            "ℰ(1_[0,s]) less that of the best step near H = H₋ = Id, against the formula",
            checks.excess_of_the_first_step,
            1e-6,
        ),
        stands=False,
    ),
)
