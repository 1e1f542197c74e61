"""How θ(ε) bends: θ̈, the change of velocity from ε = 0 to ε = 1, and Figure 3."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, symbols

from homotopy.claims.checks import response_bend as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Gradient Descent case"
_FIGURE = f"{_SECTION}, Figure 3"
_EPSILON, _H = symbols("epsilon h", positive=True)
_U = Matrix(symbols("u1 u2", real=True))

# Any smooth R_j and ℓ_j of two parameters, along θ(ε).
_THETA = Matrix([Function(name)(_EPSILON) for name in ("theta1", "theta2")])
_OWN = Function("l")(*_THETA)
_RISK = Function("R")(*_THETA) + _EPSILON * _OWN

# To the orders that θ̈(0) sees, at θ*₋ = 0: any R_j, and the deleted point's f.
_CURVATURES = Matrix(2, 2, lambda i, j: symbols(f"b{min(i, j)}{max(i, j)}", real=True))
_THIRDS = symbols("k0 k1 k2 k3", real=True)
_SLOPE = _OLS.x


def _gradient(risk, at):
    return Matrix([diff(risk, one) for one in at])


def _hessian(risk, at):
    return Matrix(2, 2, lambda i, j: diff(risk, at[i], at[j]))


def _third(risk, at, v):
    """D³R[v, v]."""
    along = sum(
        (diff(_hessian(risk, at), one) * part for one, part in zip(at, v, strict=True)),
        sympy.zeros(2),
    )
    return along * v


def _pull():
    """∇²R_ε θ̈ less d²∇R_ε(θ(ε))/dε², which is zero; one component, as they are alike."""
    hessian, slope = _hessian(_RISK, _THETA), diff(_RISK, _THETA[0])
    return hessian[0, :].dot(_THETA.diff(_EPSILON, 2)) - slope.diff(_EPSILON, 2)


def _pull_written():
    v = _THETA.diff(_EPSILON)
    return -2 * _hessian(_OWN, _THETA)[0, :].dot(v) - _third(_RISK, _THETA, v)[0]


def _velocity(epsilon):
    """θ̇ of least squares."""
    return diff(_OLS.response(_EPSILON), _EPSILON).subs(_EPSILON, epsilon)


def _change_of_speed():
    """∫₀¹ of θ̈'s factor −2h/(1 + εh)³."""
    return sympy.integrate(-2 * _H / (1 + _EPSILON * _H) ** 3, (_EPSILON, 0, 1))


class _AnyRatio:
    """ℓ = ½(θ − 1)² and R_j' = e(θ)(1 − θ): θ(ε) is the inverse of e, with e(0) = 0, e(s) = 1."""

    def __init__(self):
        theta = symbols("theta", real=True)
        self.s, self.q = symbols("s q", positive=True)
        part = theta / self.s
        weight = part * (2 * self.q + (1 - self.q) * part) / (1 + self.q)
        self._gradient, self._own = weight * (1 - theta), theta - 1
        self._theta = theta

    def stationarity(self, epsilon, theta):
        """∇R_ε."""
        return (self._gradient + epsilon * self._own).subs(self._theta, theta)

    def velocity(self, epsilon, theta):
        """(0.6)."""
        hessian = diff(self._gradient + epsilon * self._own, self._theta)
        return (-self._own / hessian).subs(self._theta, theta)

    def leverage(self):
        """∇fᵀ(∇²R)⁻¹∇f at θ*."""
        return 1 / diff(self._gradient + self._own, self._theta).subs(self._theta, self.s)


def _risks(r):
    """R_j to third order and ℓ_j of f to second order, about θ*₋."""
    u1, u2 = _U
    k0, k1, k2, k3 = _THIRDS
    cubic = (k0 * u1**3 + 3 * k1 * u1**2 * u2 + 3 * k2 * u1 * u2**2 + k3 * u2**3) / 6
    prediction = _SLOPE.dot(_U) + (_U.T * _CURVATURES * _U)[0] / 2
    return (_U.T * _OLS.M * _U)[0] / 2 + cubic, (prediction - r) ** 2 / 2


def _start(r):
    """θ̇(0) and θ̈(0) for the residual r."""
    risk, own = _risks(r)
    at_fit = {one: 0 for one in _U}
    inverse = _hessian(risk, _U).subs(at_fit).inv()
    v = -inverse * _gradient(own, _U).subs(at_fit)
    bracket = 2 * _hessian(own, _U) * v + _third(risk, _U, v)
    return v, -inverse * bracket.subs(at_fit)


def _bend(r):
    """det(θ̇, θ̈)/‖θ̇‖² at ε = 0: how fast the path leaves its tangent, over its length."""
    v, a = _start(r)
    return Matrix.hstack(v, a).det() / v.dot(v)


def _bend_of_unit_residual():
    """c: det(p, M⁻¹(2Bp − K[p, p]))/‖p‖², p = M⁻¹∇f."""
    p = _OLS.M.inv() * _SLOPE
    k0, k1, k2, k3 = _THIRDS
    cubic = Matrix(
        [
            k0 * p[0] ** 2 + 2 * k1 * p[0] * p[1] + k2 * p[1] ** 2,
            k1 * p[0] ** 2 + 2 * k2 * p[0] * p[1] + k3 * p[1] ** 2,
        ]
    )
    across = _OLS.M.inv() * (2 * _CURVATURES * p - cubic)
    return Matrix.hstack(p, across).det() / p.dot(p)


def _descent():
    """The error of gradient descent on R = ½λ(θ − θ*)² after k + 1 steps, (1 − ηλ)ᵏe after k."""
    k, rate, step, fit, error = symbols("k lambda eta theta_star e", positive=True)
    theta = symbols("theta", real=True)
    risk = rate * (theta - fit) ** 2 / 2
    update = theta - step * diff(risk, theta)
    return update.subs(theta, fit + (1 - step * rate) ** k * error) - fit, k, rate, step, error


_RATIO = _AnyRatio()

CLAIMS = (
    Claim(
        key="θ̈",
        where=f"{_SECTION}, Question",
        says=Statement(
            "θ̈ takes a third derivative: ∇²R_ε θ̈ = −2∇²ℓ_j θ̇ − D³R_ε[θ̇, θ̇]; in least squares "
            "D³R_ε = 0 and H_ε θ̈ = −2xxᵀθ̇.",
            lambda: [
                plain(_pull(), _pull_written()),
                (
                    _OLS.hessian(_EPSILON) * diff(_velocity(_EPSILON), _EPSILON),
                    -2 * _OLS.x * _OLS.x.dot(_velocity(_EPSILON)),
                ),
            ],
        ),
        derivation=(
            "∇R_ε(θ(ε)) = 0 once differentiated: ∇²R_ε θ̇ + ∇ℓ_j = 0.",
            "Twice: ∇²R_ε θ̈ + 2∇²ℓ_j θ̇ + D³R_ε[θ̇, θ̇] = 0, for R_ε of class C³.",
            "D³R_ε = D³R_j + εD³ℓ_j, along one direction: no more work than a Hessian's product.",
        ),
        check=Check(
            "θ̈ of a logistic regression, by differences of refits", checks.acceleration, 1e-5
        ),
    ),
    Claim(
        key="θ̇(1) − θ̇(0)",
        where=f"{_SECTION}, Question",
        says=Statement(
            "θ̇(1) − θ̇(0) = ∫₀¹ θ̈ dε ≤ max‖θ̈‖. In least squares both sides over ‖rM⁻¹x‖: "
            "1 − (1 + h)⁻² = 2h − h²(3 + 2h)/(1 + h)², the last term the slack.",
            lambda: [
                (
                    _velocity(1) - _velocity(0),
                    _change_of_speed().subs(_H, _OLS.h) * _OLS.r * _OLS.M.inv() * _OLS.x,
                ),
                (-_change_of_speed(), 2 * _H - _H**2 * (3 + 2 * _H) / (1 + _H) ** 2),
            ],
        ),
        derivation=(
            "The fundamental theorem of calculus, for θ of class C²; on the left of ≤ stands a "
            "norm: ‖∫θ̈‖ ≤ ∫‖θ̈‖ ≤ max‖θ̈‖.",
            "In least squares θ̈ = −2hrM⁻¹x/(1 + εh)³, longest at ε = 0.",
        ),
        check=Check("∫θ̈ dε by Gauss and Legendre's rule", checks.integral_of_acceleration),
    ),
    Claim(
        key="θ̇(1) and θ̇(0), least squares",
        where=f"{_SECTION}, Question",
        says=Statement(
            "How different is θ̇(1) from θ̇(0)? In least squares θ̇(1) = (1 − P)²θ̇(0).",
            lambda: [(_velocity(1), (1 - _OLS.leverage) ** 2 * _velocity(0))],
        ),
        derivation=(
            "θ̇(ε) = rM⁻¹x/(1 + εh)², by Sherman and Morrison, and 1/(1 + h) = 1 − P.",
            "Same direction; the length of the one is known from the other and the leverage.",
        ),
        check=Check("θ̇(1) against (1 − P)²θ̇(0)", checks.velocities),
    ),
    Claim(
        key="θ̇(1) and θ̇(0), in general",
        where=f"{_SECTION}, Question",
        says=Statement(
            "No bound by leverage alone: for R_j' = e(θ)(1 − θ), e = (θ/s)(2q + (1 − q)θ/s)/(1 + q)"
            ", ℓ_j = ½(θ − 1)², 0 < s < 1, q > 0 any numbers, θ*₋ = 0, θ* = s, "
            "θ̇(1) = q θ̇(0), and P = s(1 + q)/(2(1 − s)) → 0 with s.",
            lambda: [
                (_RATIO.stationarity(1, _RATIO.s), sympy.Integer(0)),
                (_RATIO.stationarity(0, 0), sympy.Integer(0)),
                (_RATIO.velocity(1, _RATIO.s), _RATIO.q * _RATIO.velocity(0, 0)),
                (_RATIO.leverage(), _RATIO.s * (1 + _RATIO.q) / (2 * (1 - _RATIO.s))),
            ],
        ),
        derivation=(
            "∇R_ε = (e(θ) − ε)(1 − θ) vanishes where e(θ) = ε; there ∇²R_ε = e'(1 − θ) > 0.",
            "For small s R_j is strictly convex on [0, s], and may be continued so outside.",
            "θ̇ = 1/e': q = e'(0)/e'(s) is a matter of R_j'''; P sees e'(s) alone.",
            "R_j = ½f² with f = √(2R_j), smooth: squared loss and two points are enough.",
            "Nor is (1 − P)² a bound from either side: logistic regression has points above and "
            "points below it.",
        ),
        check=Check(
            "θ̇(1)/θ̇(0) of two points and squared loss against q; logistic points on both sides of "
            "(1 − P)², 1 if there are",
            checks.any_ratio,
            1e-5,
        ),
        unanswered="Which bounds on θ̇(1) − θ̇(0) follow, for the models that one trains, from what "
        "is known at θ*, and where in between the third derivative has to be known.",
    ),
    Claim(
        key="Figure 3, least squares",
        where=_FIGURE,
        says=Statement(
            "The distance of the point does not affect the linearity of θ(ε): in least squares "
            "θ(ε) = θ*₋ + εr/(1 + εh) M⁻¹x is a segment for every r.",
            lambda: [
                (
                    _OLS.response(_EPSILON) - _OLS.deleted_fit,
                    _EPSILON * _OLS.r / (1 + _EPSILON * _OLS.h) * _OLS.M.inv() * _OLS.x,
                )
            ],
        ),
        derivation=("θ(ε) − θ*₋ is a multiple of M⁻¹x, by Sherman and Morrison.",),
        check=Check("θ(ε) − θ*₋ against its part along M⁻¹x", checks.segment),
    ),
    Claim(
        key="Figure 3",
        where=_FIGURE,
        says=Statement(
            "The distance of the point (here r, from the deleted fit; in the notes from the target "
            "function) does not affect the linearity of θ(ε) of a nonlinear model: the path of a "
            "point at 2r is as straight as at r.",
            lambda: [(_bend(2 * _OLS.r), _bend(_OLS.r))],
        ),
        disputed="the bend at 2r",
        counterexample=Counterexample(
            "R_j = ½‖θ‖², f = θ₁ + θ₁θ₂, r = 1",
            {"m1": 1, "m2": 1, "x1": 1, "x2": 0, "r": 1, "b00": 0, "b01": 1, "b11": 0}
            | {f"k{i}": 0 for i in range(4)},
        ),
        correction=Statement(
            "For one point the bend is proportional to r: det(θ̇, θ̈)/‖θ̇‖² = c r at ε = 0, with "
            "c = det(p, M⁻¹(2Bp − K[p, p]))/‖p‖², p = M⁻¹∇f, M = ∇²R_j, B = ∇²f, K = D³R_j at "
            "θ*₋ (two parameters).",
            lambda: [(_bend(_OLS.r), _bend_of_unit_residual() * _OLS.r)],
        ),
        derivation=(
            "θ̇(0) = rp; θ̈(0) = −2r(∇fᵀp)p + r²M⁻¹(2Bp − K[p, p]): only the second term turns.",
            "With θ = θ*₋ + rw, ∇R_ε/r is that of least squares but for O(r): the whole path is a "
            "segment for r → 0, and its bend O(r).",
            "c differs from point to point: a near point may bend its path more than a distant "
            "one. So much the figure shows, and no more.",
        ),
        check=Check("bend of refits for the residual r and for r/2", checks.bend, 1e-2),
        stands=False,
    ),
    Claim(
        key="Figure 3, 1000 iterations",
        where=f"{_FIGURE}, caption",
        says=Statement(
            "1000 iterations should be enough, whatever the problem: nothing is left of the "
            "error e of the start.",
            lambda: [(after.subs(k, 999), sympy.Integer(0)) for after, k, *_ in [_descent()]],
        ),
        disputed="the error after 1000 steps",
        counterexample=Counterexample(
            "one parameter, step size times curvature ηλ = 1 − 2^(−1/1000) = 0.0007: half is left",
            {"lambda": "1 - 2**(-Rational(1, 1000))", "eta": 1, "e": 1, "theta_star": 0},
        ),
        correction=Statement(
            "Gradient descent leaves (1 − ηλ)ᵏ of the error after k steps along an eigenvector of "
            "curvature λ: enough where kηλ is large for the smallest λ.",
            lambda: [
                (after, (1 - step * rate) ** (k + 1) * error)
                for after, k, rate, step, error in [_descent()]
            ],
        ),
        derivation=(
            "e_{k+1} = e_k − ηλe_k.",
            "A perceptron's curvatures spread over many orders of magnitude, and without a ridge "
            "its risk may have no minimum at all.",
        ),
        check=Check("errors of gradient descent against (Id − ηH)ᵏe", checks.iterations),
    ),
)
