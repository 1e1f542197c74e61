"""Descend-to-delete and rewind-to-delete."""

from __future__ import annotations

import itertools

import sympy
from sympy import Abs, Function, Integer, Matrix, Max, diff, exp, sqrt, symbols

from homotopy.claims.checks import unlearning as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Algorithm implementations: D2D vs R2D"
_TRAINED, _WORK, _REQUEST, _TIME = symbols("T0 K s t", positive=True)
_EPSILON = symbols("epsilon", positive=True)


def _trained(time):
    """u = θ − θ*₋ after training with the point for that time: undetermined functions."""
    return Matrix([Function(f"u{i}")(time) for i in (1, 2)])


def _without_the_point(u, time):
    """u after that time of the flow without the point: solves u̇ = −Mu."""
    return _OLS.decay(time) * u


def _rates_without():
    """(d/dK of what is left, −M times it) for descend-to-delete and rewind-to-delete."""
    descend = _without_the_point(_trained(_TRAINED), _WORK)
    rewind = _without_the_point(_trained(_TRAINED - _WORK), _WORK)
    fixed = symbols("v1 v2", real=True)
    start = list(zip(_trained(_TRAINED), fixed, strict=True))
    return [
        (diff(descend, _WORK), -_OLS.M * descend),
        (descend.subs(_WORK, 0).subs(start), Matrix(fixed)),
        (rewind.subs(_WORK, 0).subs(start), Matrix(fixed)),
        (rewind.subs(_WORK, _TRAINED), _OLS.decay(_TRAINED) * _trained(0)),
    ]


def _limit_without(rates):
    """lim of what descend-to-delete leaves of u, for the rates of M."""
    v = symbols("v1 v2", real=True)
    return Matrix([
        sympy.limit(exp(-rate * _WORK) * one, _WORK, sympy.oo)
        for rate, one in zip(rates, v, strict=True)
    ])  # fmt: skip


def _trained_norm():
    """½‖e^(−MK)v‖²."""
    left = _OLS.decay(_WORK) * Matrix(symbols("v1 v2", real=True))
    return left.dot(left) / Integer(2)


def _two_wells():
    """θ(t) of θ̇ = −2θ(θ² − 1), the flow of ½(θ² − 1)², from θ₀ > 0."""
    start = symbols("theta0", positive=True)
    return start / sqrt(start**2 + (1 - start**2) * exp(-4 * _TIME)), start


def _side_of_the_ridge(sign):
    """(limit of the flow without the point from ±θ₀, the well of that side)."""
    theta, _ = _two_wells()
    return sympy.limit(sign * theta, _TIME, sympy.oo), Integer(sign)


def _well_equations():
    """The flow in the wells, its ends, and the slope of the risk with the point."""
    theta, start = _two_wells()
    risk = Function("R")  # ½(θ² − 1)²
    u = symbols("u", real=True)
    slope = diff(risk(u), u).subs(risk(u), (u**2 - 1) ** 2 / 2).doit()
    # With the point, ½(θ² − 1)² + ½·2(θ + 2)², the only minimum is at −2^(1/3).
    full = diff((u**2 - 1) ** 2 / 2 + (u + 2) ** 2, u)
    return [
        (diff(theta, _TIME), -slope.subs(u, theta)),
        (theta.subs(_TIME, 0), start),
        (sympy.limit(theta, _TIME, sympy.oo), Integer(1)),
        (sympy.expand(full), 2 * u**3 + 4),
    ]


def _relu_gaps():
    """Chord less ReLU in the middle, for every sign of a, b and a + b."""
    p, q = symbols("p q", positive=True)
    for a, b in itertools.product((p, -p), (q, -q)):
        yield (Max(0, a) + Max(0, b)) / 2 - Max(0, (a + b) / 2), a, b


def _violations():
    """Number of such gaps that are negative at p, q = 1, 2 or 2, 1."""
    values = [{"p": 1, "q": 2}, {"p": 2, "q": 1}]
    return sum(
        bool(gap.subs({symbol: at[symbol.name] for symbol in gap.free_symbols}) < 0)
        for gap, *_ in _relu_gaps()
        for at in values
    )


def _neuron_determinant():
    """Of the Hessian of ½(v ReLU(w) − y)², w > 0."""
    v, w, y = symbols("v w y", positive=True)
    hessian = sympy.hessian((v * w - y) ** 2 / 2, (v, w))
    return hessian.det(), (v * w) ** 2 - (2 * v * w - y) ** 2


def _retraining_equations():
    """Rewinding less retraining, at T₀: both follow the flow without the point from s on."""
    with_point, without = _trained(_REQUEST), Matrix([Function(f"q{i}")(_REQUEST) for i in (1, 2)])
    left = _TRAINED - _REQUEST
    return _without_the_point(with_point, left) - _without_the_point(without, left), _OLS.decay(
        left
    ) * (with_point - without)


def _parting():
    """d/ds (θ(s, 1) − θ(s, 0)) at s = 0, from the right sides of both flows."""
    start = Matrix(symbols("theta01 theta02", real=True))
    retained = -_OLS.M * (start - _OLS.deleted_fit)
    both = retained - _OLS.gradient(start)
    return both - retained, _OLS.x * (_OLS.y - _OLS.x.dot(start))


def _equal_work():
    """(errors of rewinding less descending at equal work K), one parameter, d = 1."""
    rate, fit, full, start = symbols("m theta_deleted theta_full theta0", real=True)
    h = symbols("h", positive=True)
    trained = lambda time: full + exp(-h * time) * (start - full)  # noqa: E731
    descend = exp(-rate * _WORK) * (trained(_TRAINED) - fit)
    rewind = exp(-rate * _WORK) * (trained(_TRAINED - _WORK) - fit)
    difference = exp(-rate * _WORK - h * _TRAINED) * (exp(h * _WORK) - 1) * (start - full)
    return rewind - descend, difference


CLAIMS = (
    Claim(
        key="D2D and R2D are steps",
        where=_SECTION,
        says=Statement(
            "In least squares, descending for K from θ(T₀) is 1_[0,T₀] on the horizon T₀ + K; "
            "rewinding to "
            "s = T₀ − K is 1_[0,s] on T₀. With the work K both leave e^(−MK) of u at the switch.",
            _rates_without,
        ),
        derivation=(
            "u = θ − θ*₋ obeys u̇ = −Mu without the point: e^(−MK)u at the switch.",
            "K = 0: the trained model. Rewinding by K = T₀: retraining from θ₀.",
        ),
        check=Check("flows of both from their checkpoints against e^(−MK)u", checks.as_steps),
    ),
    Claim(
        key="D2D in the convex case",
        where=_SECTION,
        says=Statement(
            "Where the risk is convex, descend-to-delete ends at the retrained model.",
            lambda: [(_limit_without((Integer(0), Integer(0))), sympy.zeros(2, 1))],
        ),
        disputed="the limit of u",
        counterexample=Counterexample(
            "the deleted point is the only one, so that M = 0, and u = 1", {"v1": 1, "v2": 0}
        ),
        correction=Statement(
            "Where the minimum is not unique it ends at one that depends on θ(T₀). In least "
            "squares it ends at θ*₋ where M ≻ 0: u = e^(−MK)u(T₀) → 0, d/dK ½‖u‖² = −uᵀMu.",
            lambda: [
                (_limit_without(symbols("m1 m2", positive=True)), sympy.zeros(2, 1)),
                (
                    diff(_trained_norm(), _WORK),
                    -sum(
                        rate * (one * exp(-rate * _WORK)) ** 2
                        for rate, one in zip(
                            _OLS.M.diagonal(), symbols("v1 v2", real=True), strict=True
                        )
                    ),
                ),
            ],
        ),
        derivation=(
            "Along the kernel of M nothing moves. Convex with a unique minimum is enough for the "
            "limit, not for a rate.",
            "Strongly convex is: every mode decays at least as e^(−λK), λ the least eigenvalue.",
        ),
        check=Check("‖θ(T₀ + K) − θ*₋‖² falling as −2uᵀMu", checks.descent_rate, 1e-4),
    ),
    Claim(
        key="D2D in the non-convex case",
        where=_SECTION,
        says=Statement(
            "The guarantee does not extend: retained risk ½(θ² − 1)², deleted (θ + 2)². Trained "
            "with the point θ ends at −2^(1/3); descent keeps the sign and ends at −1, retraining "
            "from θ₀ > 0 at θ₀/√(θ₀² + (1 − θ₀²)e^(−4t)) → 1.",
            _well_equations,
        ),
        derivation=(
            "θ = 0 is stationary without the point: no flow crosses it.",
            "With the point, 2θ³ + 4 = 0 has one root.",
            "Rewinding to a time when θ > 0 still ends at 1, as retraining does.",
        ),
        check=Check("descent and retraining of that risk by the toolkit", checks.two_wells, 1e-6),
    ),
    Claim(
        key="R2D in the non-convex case",
        where=_SECTION,
        says=Statement(
            "With the same risks, θ₀ > 0: rewinding to s ends at 1, as retraining does, while "
            "θ(s) > 0, and at −1, as descending does, once θ(s) < 0.",
            lambda: [_side_of_the_ridge(1), _side_of_the_ridge(-1)],
        ),
        unanswered=(
            "The papers' guarantee, which is for noisy outputs, is not examined here; it cannot "
            "hold for every s without noise."
        ),
        derivation=(
            "From a checkpoint c the flow without the point is ±|c|/√(c² + (1 − c²)e^(−4t)), with "
            "the sign of c.",
            "Training with the point crosses θ = 0 on its way to −2^(1/3).",
        ),
        check=Check("rewinding to both sides of the ridge by the toolkit", checks.both_sides, 1e-6),
    ),
    Claim(
        key="ReLU is not convex",
        where=_SECTION,
        says=Statement(
            "ReLU is not convex: some chord lies below it.",
            lambda: [(Integer(min(_violations(), 1)), Integer(1))],
        ),
        disputed="whether a chord lies below (1 for yes)",
        counterexample=Counterexample("all signs of a and b", {}),
        correction=Statement(
            "ReLU is convex: chord less middle is ¼(|a| + |b| − |a + b|) ≥ 0. A risk of it is not: "
            "½(v ReLU(w) − y)² has det ∇² = (vw)² − (2vw − y)², negative at vw → 0.",
            lambda: [
                *(
                    (gap.rewrite(Abs), (Abs(a) + Abs(b) - Abs(a + b)) / 4)
                    for gap, a, b in _relu_gaps()
                    if not gap.is_zero
                ),
                _neuron_determinant(),
            ],
        ),
        derivation=(
            "ReLU(a) = (a + |a|)/2, and the triangle inequality. Of tanh it is true: tanh'' "
            "changes its sign.",
            "What counts is the risk as a function of the weights; the conclusion stands.",
        ),
        check=Check("determinant of the Hessian of such a risk by the toolkit", checks.neuron),
    ),
    Claim(
        key="R2D needs less work",
        where=_SECTION,
        says=Statement(
            "Rewinding takes T₀ − s instead of T₀ (the notes' K and T are s and T₀), much less "
            "only for s near T₀. In least squares it differs from retraining for T₀ by "
            "e^(−M(T₀−s))(θ(s, 1) − θ(s, 0)), and θ(s, 1) − θ(s, 0) grows from 0 at the rate "
            "x(y − xᵀθ₀).",
            lambda: [_retraining_equations(), _parting()],
        ),
        derivation=(
            "From s on both follow the flow without the point: their difference decays.",
            "An early checkpoint costs work, a late one closeness: s is the choice.",
        ),
        check=Check(
            "θ after rewinding less θ after retraining, against the formula",
            checks.rewinding_and_retraining,
        ),
    ),
    Claim(
        key="D2D is tighter than R2D",
        where=_SECTION,
        says=Statement(
            "In least squares, at equal work K, the error of D2D is e^(−MK)u(T₀) and that of R2D "
            "e^(−MK)u(T₀ − K); with one parameter, H = m + x², the latter less the former is "
            "e^(−mK−HT₀)(e^(HK) − 1)(θ₀ − θ*).",
            lambda: [_equal_work()],
        ),
        unanswered=(
            "Whether the papers' bounds are ordered as said, since they are worst cases; the "
            "errors themselves are in neither order: training may pass θ*₋."
        ),
        derivation=(
            "Rewinding is nearer wherever the checkpoint is nearer to θ*₋ than the trained model.",
            "With θ₀ = 0, θ*₋ = 1, θ* = 2 and T₀ − K = log(2)/H rewinding is exact.",
        ),
        check=Check("difference of both errors, d = 1, against the formula", checks.equal_work),
    ),
)
