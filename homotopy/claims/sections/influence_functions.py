"""Leave-one-out and influence functions: the notes' definitions and closed forms."""

from __future__ import annotations

from sympy import Function, Integer, Matrix, diff, symbols

from homotopy.claims.checks import influence_functions as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.symbols.centred_regression import CentredRegression
from homotopy.claims.symbols.smooth_risk import (
    DELETED_FIT,
    FULL_FIT,
    ONE_PARAMETER,
    S,
    along,
    full,
    gradient,
    hessian,
    inverse,
    own,
    retained,
    velocity,
    where_stationary,
)

_OLS = CentredRegression()
_V = Matrix(symbols("v1 v2", real=True))
_SETTING, _SECTION = "Setting", "Influence functions"
_HALF = Counterexample("one parameter, R₋ = ½θ², ℓ = ½(θ − 1)²: θ* = ½, θ*₋ = 0", ONE_PARAMETER)


def _velocity(s, theta):
    """dθ(1 − s)/ds at one s."""
    return velocity(theta).subs(S, s)


def _own_rate(s, theta):
    """dℓ(θ(1 − s))/ds."""
    return along(own(theta), theta, velocity(theta)).subs(S, s)


def _influence(matrix, theta):
    """The matrix's inverse times ∇ℓ."""
    return inverse(matrix) * gradient(own, theta)


def _own_change(matrix, theta):
    """∇ℓᵀ(matrix)⁻¹∇ℓ."""
    return gradient(own, theta).dot(_influence(matrix, theta))


def _closed_form():
    """𝒬 in the notes' closed form, at θ* with the Hessian of all the data."""
    return _own_change(hessian(full, FULL_FIT), FULL_FIT)


def _objective(theta):
    """R − sℓ."""
    return full(theta) - S * own(theta)


def _rate(function, v):
    """d/ds of a function of s and θ at θ*, which moves with the velocity v."""
    return along(function(FULL_FIT), FULL_FIT, v)


def _risk_second_rate():
    """d²R/ds² at s = 0, θ with its velocity v and any acceleration."""
    v, acceleration = _velocity(0, FULL_FIT), Matrix(symbols("w1 w2", real=True))
    curved = (v.T * hessian(full, FULL_FIT) * v)[0]
    second = curved + gradient(full, FULL_FIT).dot(acceleration)
    return where_stationary(second, FULL_FIT).subs(S, 0)


def _regression_risk():
    """R(θ(1 − s)) − R(θ*) in least squares, and ½s²𝒬/(1 − sP)²."""
    own_change = _OLS.slope.dot(_OLS.influence)
    change = _OLS.full(_OLS.fit(S)) - _OLS.full(_OLS.fit(0))
    return change, S**2 * own_change / (1 - S * _OLS.leverage) ** 2 / 2


def _regression_way():
    """θ(1 − s) − θ* in least squares, and s/(1 − sP) H⁻¹∇ℓ."""
    return _OLS.fit(S) - _OLS.fit(0), S / (1 - S * _OLS.leverage) * _OLS.influence


def _acceleration():
    """d²θ(1 − s)/ds² at s = 0 for one parameter: the velocity differentiated along the way."""
    theta = symbols("theta", real=True)
    risk, loss = Function("R")(theta), Function("l")(theta)
    stationarity = diff(risk - S * loss, theta)
    velocity = -diff(stationarity, S) / diff(stationarity, theta)
    acceleration = diff(velocity, S) + velocity * diff(velocity, theta)
    v = diff(loss, theta) / diff(risk, theta, 2)
    turned = 2 * diff(loss, theta, 2) * v - diff(risk, theta, 3) * v**2
    return acceleration.subs(S, 0), turned / diff(risk, theta, 2)


def _leave_one_out():
    """L − εℓ and L − ℓ/n; the latter against the others' mean L₋, over n − 1 points."""
    n, epsilon, theta = symbols("n epsilon theta", positive=True)
    others, loss = Function("R")(theta), Function("l")(theta)
    mean, others_mean = (others + loss) / n, others / (n - 1)
    return [
        (mean - epsilon * loss, (others + (1 - n * epsilon) * loss) / n),
        (mean - loss / n, (n - 1) * others_mean / n),
    ]


CLAIMS = (
    Claim(
        key="leave-one-out at ε = 1/n",
        where=_SETTING,
        says=Statement(
            "At ε = 1/n, arg min (L − εℓ) is the fit without the point: L − ℓ/n is (n − 1)/n times "
            "the mean risk of the others, and n(L − εℓ) = R₋ + (1 − nε)ℓ.",
            _leave_one_out,
        ),
        derivation=(
            "L = (R₋ + ℓ)/n; a positive factor does not move the minimum.",
            "A ridge (ρ/2)‖θ‖² beside the mean L would be taken n/(n − 1) times as strong: beside "
            "the sum risk, where it is not re-weighted, it is the same in both fits.",
        ),
        check=Check("fit of weight 0 against least squares of the other rows", checks.deleted),
    ),
    Claim(
        key="influence and perceptrons",
        where=_SETTING,
        says=Statement(
            "θ(0) − θ* = v + ½w + …, v = H⁻¹∇ℓ the influence function and w = H⁻¹(2∇²ℓ v − "
            "D³R[v, v]) its error to leading order; D³R = 0 where the risk is quadratic.",
            lambda: [_acceleration()],
        ),
        derivation=(
            "d/ds of (∇²R − s∇²ℓ)θ' = ∇ℓ at s = 0: Hw + D³R[v, v] − ∇²ℓ v = ∇²ℓ v.",
            "In least squares w = 2Pv: the error is known from the leverage.",
        ),
        check=Check(
            "second differences of refits of a perceptron", checks.second_order, tolerance=1e-5
        ),
        unanswered="Whether influence falls off drastically for perceptrons, and from what on, is "
        "a matter of experiment; Figures 14, 16 and 18 show instances.",
    ),
    Claim(
        key="Definition 1",
        where=_SECTION,
        says=Statement(
            "𝒬 = dℓ/dε at ε = 1/n (s = 1) is ∇ℓᵀH⁻¹∇ℓ at θ*, H the Hessian of all the data.",
            lambda: [(_own_rate(1, DELETED_FIT), _closed_form())],
        ),
        disputed="𝒬",
        counterexample=_HALF,
        correction=Statement(
            "At ε = 1/n it is ∇ℓᵀ(∇²R₋)⁻¹∇ℓ at θ*₋; the closed form is 𝒬 at ε = 0.",
            lambda: [
                plain(
                    _own_rate(1, DELETED_FIT),
                    _own_change(hessian(retained, DELETED_FIT), DELETED_FIT),
                ),
                plain(_own_rate(0, FULL_FIT), _closed_form()),
            ],
        ),
        derivation=(
            "d/ds of ∇R₋ + (1 − s)∇ℓ = 0: (∇²R₋ + (1 − s)∇²ℓ)θ' = ∇ℓ, and dℓ/ds = ∇ℓᵀθ'.",
            "At s = 1 the point has no weight: the Hessian is that of R₋, θ the fit without it.",
        ),
        check=Check(
            "slope of the own loss at s = 1, of refits", checks.own_loss_rate, tolerance=1e-5
        ),
    ),
    Claim(
        key="Definition 1 (000)",
        where=f"000, {_SECTION}",
        says=Statement(
            "𝒬 = d/dε [L − εℓ] is ∇ℓᵀH⁻¹∇ℓ.",
            lambda: [(_rate(_objective, velocity(FULL_FIT)).subs(S, 0), _closed_form())],
        ),
        disputed="the derivative",
        counterexample=_HALF,
        correction=Statement(
            "d/ds [R − sℓ] = −ℓ, of a fixed θ and along θ(1 − s) alike.",
            lambda: [
                (_rate(_objective, [0, 0]), -own(FULL_FIT)),
                (where_stationary(_rate(_objective, _V), FULL_FIT), *plain(-own(FULL_FIT))),
            ],
        ),
        derivation=(
            "As written θ̂ does not depend on ε; the derivative is −ℓ(θ̂).",
            "Along θ(1 − s) too: ∇(R − sℓ) = 0 there, the envelope theorem.",
            "It is the loss of the point, of the other sign, and no change on deletion.",
        ),
        check=Check("slope of the least value, of refits", checks.objective, tolerance=1e-5),
        stands=False,
    ),
    Claim(
        key="Definition 1, interpretation",
        where=_SECTION,
        says=Statement(
            "𝒬 is how much the training error changes: dR(θ(1 − s))/ds = 𝒬 at s = 0.",
            lambda: [(_rate(full, _velocity(0, FULL_FIT)), _closed_form())],
        ),
        disputed="dR/ds",
        counterexample=_HALF,
        correction=Statement(
            "𝒬 is how much the point's own loss changes, to first order. The training error "
            "changes by ½s²𝒬, to second order; in least squares by ½s²𝒬/(1 − sP)².",
            lambda: [
                plain(_own_rate(0, FULL_FIT), _closed_form()),
                plain(_risk_second_rate() / 2, _closed_form() / 2),
                (where_stationary(_rate(full, _V), FULL_FIT).subs(S, 0), Integer(0)),
                _regression_risk(),
            ],
        ),
        derivation=(
            "∇R(θ*) = 0: the training error has no first order.",
            "Its second is θ'ᵀ∇²R θ' = ∇ℓᵀH⁻¹∇ℓ.",
            "In least squares R(θ) − R(θ*) = ½(θ − θ*)ᵀH(θ − θ*), θ − θ* = sH⁻¹∇ℓ/(1 − sP).",
        ),
        check=Check("R(θ*₋) − R(θ*) against ½𝒬/(1 − P)²", checks.training_error),
    ),
    Claim(
        key="Definition 2",
        where=_SECTION,
        says=Statement(
            "The limit at ε = 1/n (s = 1) is H⁻¹∇ℓ at θ*, H the Hessian of all the data.",
            lambda: [(_velocity(1, DELETED_FIT), _influence(hessian(full, FULL_FIT), FULL_FIT))],
        ),
        disputed="the limit",
        counterexample=_HALF,
        correction=Statement(
            "It is (∇²R₋)⁻¹∇ℓ at θ*₋.",
            lambda: [
                plain(
                    _velocity(1, DELETED_FIT),
                    _influence(hessian(retained, DELETED_FIT), DELETED_FIT),
                )
            ],
        ),
        derivation=(
            "(∇²R₋ + (1 − s)∇²ℓ)θ' = ∇ℓ at s = 1, where θ is the fit without the point.",
            "It needs the fit that influence is to replace; in least squares it is 1/(1 − P)² of "
            "the closed form.",
        ),
        check=Check("dθ/ds at s = 1, of refits", checks.velocity_without, tolerance=1e-5),
    ),
    Claim(
        key="Definition 2, interpretation",
        where=_SECTION,
        says=Statement(
            "H⁻¹∇ℓ is the direction in which θ moves as the point is taken away; in least squares "
            "of all of the way: θ(1 − s) − θ* = s/(1 − sP) H⁻¹∇ℓ.",
            lambda: [_regression_way()],
        ),
        derivation=(
            "H_s = H − sxxᵀ, and H_s(θ − θ*) = s∇ℓ(θ*): H_s⁻¹x = H⁻¹x/(1 − sP).",
            "Of any risk it is the tangent at s = 0 (closed forms).",
        ),
        check=Check("θ(ε) − θ* of refits against s/(1 − sP) H⁻¹∇ℓ", checks.way),
    ),
    Claim(
        key="closed forms",
        where=_SECTION,
        says=Statement(
            "With L − εℓ the sign is plus: dθ/ds = H⁻¹∇ℓ and dℓ/ds = ∇ℓᵀH⁻¹∇ℓ (at s = 0).",
            lambda: [
                plain(_velocity(0, FULL_FIT), _influence(hessian(full, FULL_FIT), FULL_FIT)),
                plain(_own_rate(0, FULL_FIT), _closed_form()),
            ],
        ),
        derivation=(
            "d/ds of ∇R − s∇ℓ = 0 at s = 0: Hθ' = ∇ℓ.",
            "With H definite 𝒬 > 0: the loss of a point grows as it is taken away.",
            "s = 1 − ε: H⁻¹∇ℓ = −θ̇(1), what (0.2) has with the other sign.",
        ),
        check=Check(
            "slopes at s = 0 of refits of a perceptron", checks.slopes_with, tolerance=1e-5
        ),
    ),
    Claim(
        key="strong convexity",
        where=_SECTION,
        says=Statement(
            "L strongly convex is enough for the derivatives at ε = 1/n: the Hessian there has "
            "det ∇²R (> 0).",
            lambda: [(_OLS.hessian(0).det(), _OLS.H.det())],
        ),
        disputed="det ∇²R₋",
        counterexample=Counterexample(
            "two points, two parameters, X = Id: without the second row H₋ = diag(1, 0)",
            {"m1": 1, "m2": 0, "x1": 0, "x2": 1},
        ),
        correction=Statement(
            "In least squares it has (1 − P) det ∇²R: R₋ has to be strongly convex, P < 1.",
            lambda: [(_OLS.hessian(0).det(), (1 - _OLS.leverage) * _OLS.H.det())],
        ),
        derivation=(
            "At ε = 1/n the Hessian is that of R₋: det(H − xxᵀ) = (1 − xᵀH⁻¹x) det H.",
            "At ε = 0 strong convexity of L is enough.",
        ),
        check=Check("det ∇²R₋ against (1 − P) det ∇²R", checks.determinant),
    ),
)
