"""The five gaps between retraining and influence, in least squares and in general."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import sympy
from sympy import Function, Integer, Matrix, diff, symbols

from homotopy.claims.checks import error_decomposition as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.centred_regression import CentredRegression
from homotopy.claims.symbols.regression import ONE_PARAMETER
from homotopy.claims.symbols.smooth_risk import inverse

_OLS = CentredRegression()
_SECTION = "Error decomposition"
_DAMPING, _STEP = symbols("delta", nonnegative=True), symbols("eta", positive=True)
# θˢ and θ, both measured from θ*₋, so that y = r.
_STOPPED, _THETA = (Matrix(symbols(f"{name}1 {name}2", real=True)) for name in ("s", "u"))
_IDENTITY = sympy.eye(2)


def _slope(function):
    """∇ at θˢ."""
    return Matrix([diff(function(_THETA), one) for one in _THETA]).subs(_at_stopped())


def _at_stopped():
    """θ = θˢ, to substitute."""
    return list(zip(_THETA, _STOPPED, strict=True))


def _proximal(theta):
    """R₋ + ½δ‖θ − θˢ‖²."""
    return _OLS.retained(theta) + _near(theta)


def _near(theta):
    """½δ‖θ − θˢ‖²."""
    return _DAMPING * (theta - _STOPPED).dot(theta - _STOPPED) / 2


def _bregman(theta):
    """Σ D − ℓ + ½δ‖θ − θˢ‖², D = ℓᵢ less its tangent at θˢ: the model is linear."""
    tangent = _slope(_OLS.full).dot(theta - _STOPPED)
    return _OLS.full(theta) - tangent - _OLS.own(theta) + _near(theta)


def _linearised(theta):
    """The same with −ℓ linearised at θˢ: its minimum is linear in ℓ."""
    return _bregman(theta) + _OLS.own(theta) - _slope(_OLS.own).dot(theta - _STOPPED)


def _minimum(objective):
    """arg min less θˢ, of a quadratic."""
    matrix = sympy.hessian(objective(_THETA), list(_THETA))
    return -inverse(matrix) * _slope(objective)


@cache
def _links():
    """θ − θˢ at each of the six models; the solver takes one step of length η from 0."""
    retrained = _minimum(_OLS.retained)
    return (
        retrained,
        retrained,
        _minimum(_proximal),
        _minimum(_bregman),
        _minimum(_linearised),
        _STEP * _slope(_OLS.own),
    )


def _gaps():
    """What is lost from each link to the next."""
    links = _links()
    return [one - other for one, other in pairwise(links)]


def _damped(matrix):
    """The inverse of a matrix plus δ."""
    return inverse(matrix + _DAMPING * _IDENTITY)


def _formulas():
    """Of the gaps after the first, each by what causes it."""
    own = _slope(_OLS.own)
    leverage = _OLS.x.dot(_damped(_OLS.H) * _OLS.x)
    left = own - _STEP * (_OLS.H + _DAMPING * _IDENTITY) * own
    return [
        -_DAMPING * _damped(_OLS.M) * _STOPPED,
        -_damped(_OLS.M) * _slope(_OLS.full),
        leverage / (1 - leverage) * _damped(_OLS.H) * own,
        _damped(_OLS.H) * left,
    ]


def _decomposition():
    """Each gap against its formula, and the sum of the formulas."""
    total = sum(_formulas(), sympy.zeros(2, 1))
    return [
        *zip(_gaps()[1:], _formulas(), strict=True),
        (total, -_STOPPED - _STEP * _slope(_OLS.own)),
    ]


def _fewer():
    """PBRF less influence as computed, and the last two gaps."""
    return _links()[3] - _links()[5], _formulas()[2] + _formulas()[3]


def _two_minima():
    """The slope of ¼(θ² − 1)² in factors, and its curvature where that is zero."""
    theta = symbols("theta", real=True)
    risk = (theta**2 - 1) ** 2 / 4
    curvatures = [diff(risk, theta, 2).subs(theta, at) for at in (-1, 1, 0)]
    slopes = [(diff(risk, theta), theta * (theta - 1) * (theta + 1))]
    return slopes + list(zip(curvatures, map(Integer, (2, 2, -1)), strict=True))


def _nearer():
    """d/dδ ½‖θ − θˢ‖² of arg min F + ½δ‖θ − θˢ‖², any F, one parameter."""
    c = symbols("c", real=True)
    F = Function("F")(c)
    stationarity = diff(F, c) + _DAMPING * c
    moved = -diff(stationarity, _DAMPING) / diff(stationarity, c)
    return c * moved, -(c**2) / (diff(F, c, 2) + _DAMPING)


def _at_the_fit(expression):
    """Undamped at θˢ = θ*."""
    return expression.subs(list(zip(_STOPPED, _OLS.fit(0), strict=True))).subs(_DAMPING, 0)


def _first_dominate():
    """The sign of the largest of the first three gaps less the fourth, undamped at θ*."""
    sizes = [sympy.sqrt(gap.dot(gap)) for gap in map(_at_the_fit, _gaps()[:4])]
    return sympy.sign(sympy.Max(*sizes[:3]) - sizes[3])


def _only_linearisation():
    """The gaps after the first, undamped at θ*."""
    proximity, convergence, linearisation = map(_at_the_fit, _gaps()[1:4])
    none = Matrix([0, 0])
    influence = _at_the_fit(_links()[4])
    factor = _OLS.leverage / (1 - _OLS.leverage)
    return [(proximity, none), (convergence, none), (linearisation, factor * influence)]


CLAIMS = (
    Claim(
        key="error decomposition",
        where=_SECTION,
        says=Statement(
            "Five gaps add up to retraining less influence. In least squares: warm start 0, "
            "proximity −δ(H₋ + δ)⁻¹(θˢ − θ*₋), non-convergence −(H₋ + δ)⁻¹∇R(θˢ), linearisation "
            "P_δ/(1 − P_δ) I†, solver (H + δ)⁻¹ times its residual.",
            _decomposition,
        ),
        derivation=(
            "Retraining from anywhere, with ½δ‖θ − θˢ‖², with Σ D for R, its linearisation, one "
            "step of gradient descent for the inverse: each model is solved for.",
            "The gaps are the differences of neighbours: the sum telescopes.",
            "P_δ = xᵀ(H + δ)⁻¹x. With one minimum there is no warm-start gap.",
        ),
        check=Check("each gap of `gaps` against its formula", checks.formulas, 1e-7),
    ),
    Claim(
        key="warm-start gap",
        where=_SECTION,
        says=Statement(
            "From another start retraining can end at another minimum: the risk ¼(θ² − 1)² has the "
            "slope θ(θ − 1)(θ + 1), and the minima −1 and 1 on either side of 0.",
            _two_minima,
        ),
        derivation=(
            "The flow −θ(θ − 1)(θ + 1) goes to 1 from θ > 0, to −1 from θ < 0.",
            "A perceptron has such minima by symmetry, with the same outputs: of tanh neurons the "
            "sign is free. These count in θ, not in what is predicted.",
        ),
        check=Check(
            "refits of a perceptron from a neuron of the other sign", checks.mirrored, 1e-7
        ),
    ),
    Claim(
        key="proximity gap",
        where=_SECTION,
        says=Statement(
            "Proximity keeps retraining near θˢ: d/dδ ½‖θ − θˢ‖² = −c²/(F'' + δ) < 0 at a minimum "
            "θˢ + c of F + ½δ‖θ − θˢ‖², any F.",
            lambda: [_nearer()],
        ),
        derivation=(
            "d/dδ of F'(c) + δc = 0: (F'' + δ)c' = −c, and F'' + δ > 0 at a minimum.",
            "The notes' ‖θ − θˢ‖ stands for (λ/2)‖θ − θˢ‖².",
        ),
        check=Check("slope in δ of proximal refits", checks.nearer, tolerance=1e-5),
    ),
    Claim(
        key="PBRF eliminates the first three gaps",
        where=f"{_SECTION}, Remark",
        says=Statement(
            "PBRF less influence as computed is the linearisation and the solver's error alone.",
            lambda: [_fewer()],
        ),
        derivation=("PBRF is the fourth of the six models: two gaps are left.",),
        check=Check(
            "`ProximalBregman` less `GaussNewton` against P_δ/(1 − P_δ) I†", checks.linearisation
        ),
    ),
    Claim(
        key="Figure 1",
        where=f"{_SECTION}, Figure 1",
        says=Statement(
            "The largest of the five is among the first three.",
            lambda: [(_first_dominate(), Integer(1))],
        ),
        disputed="the sign of the largest of the first three less the linearisation",
        counterexample=Counterexample(
            "least squares at its fit without damping, m = 1, x = 1, r = 1", ONE_PARAMETER
        ),
        correction=Statement(
            "In least squares at its fit, δ = 0, the first three are 0, and the linearisation is "
            "P/(1 − P) I: which gaps are large depends on δ, ∇R(θˢ) and the leverage.",
            _only_linearisation,
        ),
        derivation=(
            "The formulas of the decomposition with θˢ = θ*: ∇R = 0.",
            "With one minimum the first gap is 0 in any case.",
            "In the toolkit's Figure 1 the largest is among the first three in all four settings, "
            "and the three largest are the first three in one.",
        ),
        check=Check("θ*₋ − θ* less influence against P/(1 − P) I", checks.at_the_fit),
        stands=False,
    ),
)
