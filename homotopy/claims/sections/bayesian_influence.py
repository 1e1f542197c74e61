"""Influence functions of a posterior, [9] of the notes: no Hessian, singular points, no minimum."""

from __future__ import annotations

from sympy import Integer, diff, expand, symbols

from homotopy.claims.checks import bayesian_influence as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement

_SECTION = "Other interesting things we might want to explore"
_BETA, _GAMMA, _W, _M = symbols("beta gamma w m", positive=True)
_X, _Y, _B, _CENTRE = symbols("x y b theta_ref")


def _posterior(weight):
    """Mean and variance of exp(−β[½mθ² − bθ + ½w(y − xθ)²] − ½γ(θ − θ_ref)²)."""
    precision = _BETA * (_M + weight * _X**2) + _GAMMA
    mean = (_BETA * (_B + weight * _X * _Y) + _GAMMA * _CENTRE) / precision
    return mean, 1 / precision


def _covariances():
    """Cov(ℓ, θ) and Cov(ℓ, θ²), by the moments of a normal law: odd ones 0, the fourth 3v²."""
    mean, variance = _posterior(Integer(1))
    z = symbols("z")
    moments = {0: 1, 1: 0, 2: variance, 3: 0, 4: 3 * variance**2}

    def expected(expression):
        polynomial = expand(expression)
        return sum(polynomial.coeff(z, power) * moments[power] for power in moments)

    theta = mean + z
    loss = (_Y - _X * theta) ** 2 / 2
    return [
        expected(loss * power) - expected(loss) * expected(power) for power in (theta, theta**2)
    ]


def _derivatives():
    """dE θ/dw and dE θ²/dw at w = 1, and −β Cov, by moments and by formulas."""
    mean, variance = _posterior(_W)
    moved = [diff(part, _W).subs(_W, 1) for part in (mean, mean**2 + variance)]
    first, second = _covariances()
    return [(moved[0], -_BETA * first), (moved[1], -_BETA * second)]


def _at_a_singular_point():
    """∇ℓ of θ₁θ₂x at 0, and Cov(ℓ, p) where the law of p = θ₁θ₂ is symmetric."""
    p, square, one, two = symbols("p Ep2 theta1 theta2")
    loss = (_Y - _X * p) ** 2 / 2
    product = expand(loss * p)
    moments = {1: 0, 2: square, 3: 0}
    covariance = sum(product.coeff(p, power) * moments[power] for power in moments)
    slope = diff(loss.subs(p, one * two), one).subs({one: 0, two: 0})
    return [(slope, Integer(0)), (_BETA * covariance, -_BETA * _X * _Y * square)]


def _influence_at(place):
    """β Cov(ℓ, θ), and −(H + δ)⁻¹x(y − xθ) with θ at a place."""
    precision = _BETA * (_M + _X**2) + _GAMMA
    return _BETA * _covariances()[0], -_BETA * _X * (_Y - _X * place) / precision


def _shift():
    """The posterior's mean, and θ_ref − (βH + γ)⁻¹β∇R(θ_ref)."""
    mean, variance = _posterior(Integer(1))
    slope = (_M + _X**2) * _CENTRE - _B - _X * _Y
    return mean, _CENTRE - _BETA * slope * variance


CLAIMS = (
    Claim(
        key="Bayesian influence needs no Hessian",
        where=_SECTION,
        says=Statement(
            "The derivative of a posterior expectation in a point's weight is −β Cov(ℓ, φ), of "
            "which no Hessian, inverse or product with one is a part.",
            _derivatives,
        ),
        derivation=(
            "∂ log p_w/∂w_j = −βℓ_j + β E ℓ_j, so dE φ/dw_j = −β(E φℓ_j − E φ E ℓ_j), for any "
            "losses and measurements whose integrals exist.",
            "Least squares: the mean and the variance of the normal posterior, differentiated.",
            "[9] is a method of attribution: it predicts what retraining without a point does. "
            "Nothing is unlearned by it. Its cost is that of the chain, per effective draw; all "
            "n × n covariances come from one.",
        ),
        check=Check(
            "`bayesian_influence` of θ and θ² against differences of the posterior in the weight",
            checks.derivatives,
            1e-6,
        ),
    ),
    Claim(
        key="Bayesian influence at singular points",
        where=_SECTION,
        says=Statement(
            "It works on singular landscapes: for θ₁θ₂x at θ = 0 all gradients are 0, and with "
            "them every damped influence, but β Cov(ℓ_j, p) = −βx_jy_j E p², p = θ₁θ₂.",
            _at_a_singular_point,
        ),
        derivation=(
            "∇ℓ_j = −(y_j − x_jp)x_j∇p, and ∇p = 0 at 0.",
            "(θ₁, θ₂) → (−θ₁, θ₂) leaves the posterior as it is where Σx_iy_i = 0, so p is "
            "symmetric. Retraining moves p by −x_jy_j/(H − x_j²).",
            "p has the density K₀(γ|p|)e^(−βHp²/2), and βH E p² → 1 as β → ∞, but only as "
            "1 − 2/(ln(8βH/γ²) − γ_E): at β = 10⁶ it is still 0.89. Figure 29.",
        ),
        check=Check(
            "β Cov by a grid over θ of the toolkit's losses, against Bessel's K₀",
            checks.singular,
            1e-3,
        ),
    ),
    Claim(
        key="Bayesian influence away from minima",
        where=_SECTION,
        says=Statement(
            "It need not be evaluated at a local minimum: at any θ_ref it is the (damped) "
            "influence there.",
            lambda: [_influence_at(_CENTRE)],
        ),
        disputed="β Cov(ℓ, θ)",
        counterexample=Counterexample(
            "x = y = m = β = γ = 1, b = 0, θ_ref = 1, where ∇R = 1",
            {"x": 1, "y": 1, "m": 1, "beta": 1, "gamma": 1, "b": 0, "theta_ref": 1},
        ),
        correction=Statement(
            "It is defined at any θ_ref. But it is the influence at the posterior's mean, "
            "θ_ref − (βH + γ)⁻¹β∇R(θ_ref), which moves to the minimum as β grows.",
            lambda: [_influence_at(_posterior(Integer(1))[0]), _shift()],
        ),
        derivation=(
            "−log p = β R(θ) + ½γ(θ − θ_ref)² is stationary at the mean, where β∇R + γ(θ − θ_ref) "
            "= 0, and Cov(ℓ, θ) = C∇ℓ there.",
            "With γ = βδ the mean is the minimum of R + ½δ‖θ − θ_ref‖², whatever β: the damped "
            "response from θ_ref, and this is the influence that is linearised there.",
        ),
        check=Check(
            "`bayesian_influence` at a θ that is not stationary against damped influence at the "
            "mean",
            checks.shifted,
        ),
    ),
)
