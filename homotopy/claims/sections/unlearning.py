"""Descend-to-delete and rewind-to-delete."""

from __future__ import annotations

import itertools

import sympy
from sympy import Abs, Function, Integer, Matrix, Max, Rational, diff, exp, sqrt, symbols

from homotopy.claims.checks import unlearning as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Algorithm implementations: D2D vs R2D"
_TRAINED, _WORK, _REQUEST, _TIME = symbols("T0 K s t", positive=True)
_EPSILON = symbols("epsilon", positive=True)
_Q, _STEPS, _RATIO = symbols("q T r", positive=True)


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


def _descent_of_two():
    """e = u − v of descents with ℓ_G = gθ and without, R₋ = hθ²/2, q = 1 − ηh: its recursion."""
    size, slope = symbols("eta g", positive=True)

    def apart(steps):
        return -size * slope * (1 - _Q**steps) / (1 - _Q)

    steps = symbols("N", positive=True)
    return [
        (_Q * apart(steps) - size * slope, apart(steps + 1)),
        (apart(Integer(0)), Integer(0)),
        # And K steps without it: ηg (q^T − q^K)/(q − 1).
        (
            -(_Q**_WORK) * apart(_STEPS - _WORK),
            size * slope * (_Q**_STEPS - _Q**_WORK) / (_Q - 1),
        ),
    ]


def _bound_ratio():
    """Δ(K, T)/Δ(K, T + K), of ηmL (q^T − q^K)/(q − 1)."""

    def bound(steps):
        return (_Q**steps - _Q**_WORK) / (_Q - 1)

    return sympy.simplify(bound(_STEPS) / bound(_STEPS + _WORK))


def _share_that_halves():
    """lim K/T with q^K = (q^T + 1)/2, q = e^a."""
    rate, steps = symbols("a T", positive=True)
    return sympy.limit(sympy.log((exp(rate * steps) + 1) / 2) / (rate * steps), steps, sympy.oo)


def _advantage():
    """P(x > r/2) under N(r, 1) less that under N(0, 1), by their density."""
    x = symbols("x", real=True)
    density = exp(-(x**2) / 2) / sqrt(2 * sympy.pi)
    return sympy.integrate(density, (x, -_RATIO / 2, _RATIO / 2))


def _gaussian_equations():
    """The advantage and its ends, and where one density is e^ε of the other."""
    x = _RATIO / 2 + _EPSILON / _RATIO
    return [
        (_advantage(), sympy.erf(_RATIO / (2 * sqrt(2)))),
        (sympy.limit(_advantage(), _RATIO, sympy.oo), Integer(1)),
        (sympy.expand(x**2 / 2 - (x - _RATIO) ** 2 / 2), _EPSILON),
    ]


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
            "Rewinding is indistinguishable from retraining also in the non-convex case, by much "
            "less steps than T: a vanishing share of T halves the distance to be hidden.",
            lambda: [(_share_that_halves(), Integer(0))],
        ),
        disputed="the share of T that halves the bound, as T → ∞",
        counterexample=Counterexample("q = e^a, any a > 0", {}),
        correction=Statement(
            "With the same noise on both outputs it holds for every K, for a distance of "
            "Δ(K, T) = ηmL(q^T − q^K)/(q − 1), attained by ℓ linear and R₋ quadratic. Where q > 1, "
            "halving it takes a share of T that tends to 1. Without noise it cannot hold: with the "
            "two wells, rewinding to θ(s) < 0 ends at −1, and retraining at 1.",
            lambda: [
                (_share_that_halves(), Integer(1)),
                *_descent_of_two(),
                _side_of_the_ridge(1),
                _side_of_the_ridge(-1),
            ],
        ),
        derivation=(
            "‖u − v‖ grows by q a step, and by η‖Σ_G ∇ℓ‖ while the points take part.",
            "Δ(K, T)/Δ(0, T) = (q^T − q^K)/(q^T − 1) = ½ at q^K = (q^T + 1)/2.",
            "From a checkpoint c the flow without the point is ±|c|/√(c² + (1 − c²)e^(−4t)), with "
            "the sign of c.",
        ),
        check=Check(
            "ends of rewinding, and the point that halves the bound", checks.both_sides, 1e-6
        ),
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
            "At equal work K the bound of R2D, of its distance to retraining, is no less than that "
            "of D2D, where the risk is strongly convex.",
            lambda: [(_bound_ratio(), Max(Integer(1), _bound_ratio()))],
        ),
        disputed="the bound of R2D over that of D2D",
        counterexample=Counterexample(
            "q = 1/2, T = 2 steps of training, K = 1 after the request",
            {"q": Rational(1, 2), "T": 2, "K": 1},
        ),
        correction=Statement(
            "Compared each with its own retraining, by T and by T + K steps, the sharp bounds are "
            "ηmL q^K (1 − q^(T−K))/(1 − q) and ηmL q^K (1 − q^T)/(1 − q): that of R2D is smaller, "
            "by (1 − q^(T−K))/(1 − q^T) < 1. To θ*₋ neither is always nearer: with one parameter, "
            "H = m + x², the errors differ by e^(−mK−HT₀)(e^(HK) − 1)(θ₀ − θ*).",
            lambda: [
                *_descent_of_two(),
                (
                    _bound_ratio(),
                    (1 - _Q ** (_STEPS - _WORK)) / (1 - _Q**_STEPS),
                ),
                _equal_work(),
            ],
        ),
        stands=False,
        derivation=(
            "Descending by K is rewinding by K on the horizon T + K.",
            "Of a convex risk D2D's bound, ηmLT, does not fall with K at all.",
            "To θ*₋ D2D has made K steps more; where training passes θ*₋, rewinding is nearer.",
        ),
        check=Check("ratio of both bounds, and difference of both errors", checks.equal_work),
    ),
    Claim(
        key="D2D is indistinguishable",
        where=_SECTION,
        says=Statement(
            "The final parameters of enough descent cannot be told from those of retraining.",
            lambda: [(sympy.limit(_advantage(), _RATIO, sympy.oo), Integer(0))],
        ),
        disputed="the advantage of the best attack without noise",
        counterexample=Counterexample("two points, however near: σ → 0, r → ∞", {}),
        correction=Statement(
            "With noise N(0, σ²I) on both the advantage of the best attack is 2Φ(r/2) − 1, r = "
            "‖θ_U − θ_R‖/σ, and (ε, δ) holds with δ = Φ(r/2 − ε/r) − e^ε Φ(−r/2 − ε/r): the "
            "densities are as e^ε at r/2 + ε/r. Without noise the advantage is 1.",
            _gaussian_equations,
        ),
        derivation=(
            "Full-batch descent is deterministic: there is no distribution but by noise.",
            "Neyman and Pearson: the best test is a threshold of the likelihood ratio.",
            "δ(ε) = ∫(p − e^ε q)₊, over x > r/2 + ε/r.",
        ),
        check=Check("δ(ε) of two Gaussians against quadrature", checks.indistinguishable, 1e-8),
    ),
)
