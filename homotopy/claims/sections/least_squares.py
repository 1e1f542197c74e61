"""The notes' quantities in least squares: fit, gradient, Hessian, influence, PBRF."""

from __future__ import annotations

import sympy
from sympy import Matrix, diff, symbols

from homotopy.claims.checks import least_squares as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SET_UP, _EXAMPLE = "Influence Functions vs Leverage", "Example: IFs for OLS"
_THETA = Matrix(symbols("u1 u2", real=True))
_REFERENCE = Matrix(symbols("s1 s2", real=True))
_EPSILON, _LAMBDA, _N = symbols("epsilon lambda n", positive=True)


def _rows():
    """X of three points and two parameters; two independent rows are those of Id after θ → Aθ."""
    return Matrix([[1, 0], [0, 1], symbols("p q", real=True)])


def _targets():
    """y of those three points."""
    return Matrix(symbols("y1:4", real=True))


def _fit(y):
    """(XᵀX)⁻¹Xᵀy."""
    X = _rows()
    return (X.T * X).inv() * X.T * y


def _risk(theta):
    """½‖Xθ − y‖²."""
    return (_rows() * theta - _targets()).dot(_rows() * theta - _targets()) / 2


def _estimated():
    """θ̂ of data y = Xθ* + e, less θ*, and what the notes' words say of it."""
    truth, errors = Matrix(symbols("a1 a2", real=True)), Matrix(symbols("e1:4", real=True))
    return _fit(_rows() * truth + errors) - truth, _fit(errors)


def _slope(objective):
    """The gradient in θ."""
    return Matrix([diff(objective, entry) for entry in _THETA])


def _mean_hessian(n):
    """The Hessian of L = (1/n)Σ ½(yᵢ − xᵢᵀθ)² by differentiation, and X, for n points."""
    X = Matrix(n, 2, symbols(f"x1:{n + 1}(1:3)", real=True))
    y = Matrix(symbols(f"y1:{n + 1}", real=True))
    losses = [(y[i] - X.row(i).dot(_THETA)) ** 2 / 2 for i in range(n)]
    return sympy.hessian(sum(losses) / n, list(_THETA)), X


def _influence():
    """(−θ̇(1), H⁻¹∇ℓ), which the notes call 𝓘: of the response, and of its closed form."""
    velocity = diff(_OLS.response(_EPSILON), _EPSILON).subs(_EPSILON, 1)
    return -velocity, _OLS.H.inv() * _OLS.gradient(_OLS.full_fit)


def _points():
    """(x, y) of every point, the deleted one last; those retained are a square root of M."""
    roots = [symbols(name, positive=True) for name in ("m1", "m2")]
    axes = [sympy.sqrt(m) * Matrix.eye(2).col(i) for i, m in enumerate(roots)]
    return [*((axis, axis.dot(_OLS.deleted_fit)) for axis in axes), (_OLS.x, _OLS.y)]


def _divergence(theta, reference):
    """Σ Dᵢ(xᵢᵀθ, xᵢᵀθˢ), from the divergence's definition and ℓ = ½(ŷ − y)²."""
    output, target = symbols("output target", real=True)
    loss = (output - target) ** 2 / 2
    total = 0
    for x, y in _points():
        here, there = x.dot(theta), x.dot(reference)
        of = loss.subs(target, y)
        tangent = of.subs(output, there) + diff(of, output).subs(output, there) * (here - there)
        total += of.subs(output, here) - tangent
    return total


def _minimiser(objective):
    """Where the gradient of a quadratic function of θ vanishes."""
    curvature = sympy.hessian(objective, list(_THETA))
    return -curvature.inv() * _slope(objective).subs(dict.fromkeys(_THETA, 0))


def _objective(reference, strength=_LAMBDA):
    """What the PBRF at ε = 1/n minimises, by its definition."""
    away = _THETA - reference
    loss = (_OLS.y - _OLS.x.dot(_THETA)) ** 2 / 2
    return _divergence(_THETA, reference) / _N - loss / _N + strength * away.dot(away) / 2


def _notes_objective(reference):
    """The notes' three terms, without the ½."""
    away = _THETA - reference
    squares = sum(x.dot(away) ** 2 for x, _ in _points())
    own = (_OLS.y - _OLS.x.dot(_THETA)) ** 2
    return squares / _N - own / _N + _LAMBDA * away.dot(away)


def _pbrf(strength=_LAMBDA):
    """The PBRF from θˢ = θ̂."""
    return _minimiser(_objective(_OLS.full_fit, strength))


def _damped():
    """XᵀX − xxᵀ + nλ Id."""
    return _OLS.H - _OLS.x * _OLS.x.T + _N * _LAMBDA * sympy.eye(2)


def _risk_of_points(theta):
    """R(θ) = Σ ½(yᵢ − xᵢᵀθ)²."""
    return sum((y - x.dot(theta)) ** 2 for x, y in _points()) / 2


def _slope_at(theta):
    """∇R there."""
    slope = _slope(_risk_of_points(_THETA))
    return slope.subs(list(zip(_THETA, theta, strict=True)), simultaneous=True)


CLAIMS = (
    Claim(
        key="least squares fit",
        where=_SET_UP,
        says=Statement(
            "θ̂ = (XᵀX)⁻¹Xᵀy is the fit: R(θ) = R(θ̂) + ½‖X(θ − θ̂)‖².",
            lambda: [
                (
                    _risk(_THETA),
                    _risk(_fit(_targets()))
                    + (_rows() * (_THETA - _fit(_targets()))).norm() ** 2 / 2,
                )
            ],
        ),
        derivation=(
            "R(θ) − R(θ̂) = ∇R(θ̂)ᵀ(θ − θ̂) + ½‖X(θ − θ̂)‖², as R is quadratic.",
            "∇R(θ̂) = XᵀXθ̂ − Xᵀy = 0; the minimum is unique where X has full column rank.",
        ),
        check=Check("full fits against NumPy's least squares", checks.fit),
    ),
    Claim(
        key="θ̂ estimates θ*",
        where=_SET_UP,
        says=Statement(
            "For y = Xθ* + e, θ̂ estimates θ*: θ̂ − θ* = (XᵀX)⁻¹Xᵀe.",
            lambda: [_estimated()],
        ),
        derivation=(
            "θ̂ = (XᵀX)⁻¹Xᵀ(Xθ* + e) = θ* + (XᵀX)⁻¹Xᵀe: unbiased where the errors have mean 0.",
            "θ* is the truth here; from Definition 4 on it is the fit of all the data, θ̂.",
        ),
        check=Check("fits of Xθ* + e less θ*, against (XᵀX)⁻¹Xᵀe", checks.estimate),
    ),
    Claim(
        key="OLS gradient",
        where=_EXAMPLE,
        says=Statement(
            "∇ℓ(θ) = −x(y − xᵀθ).",
            lambda: [(_OLS.gradient(_THETA), -_OLS.x * (_OLS.y - _OLS.x.dot(_THETA)))],
        ),
        derivation=("The derivative of ½(y − xᵀθ)²; the residual's is −x.",),
        check=Check("gradients by automatic differentiation against the formula", checks.gradient),
    ),
    Claim(
        key="OLS Hessian",
        where=_EXAMPLE,
        says=Statement(
            "H, the Hessian of L, is Σxᵢxᵢᵀ = XᵀX.",
            lambda: [(hessian, X.T * X) for hessian, X in map(_mean_hessian, (1, 2, 3))],
        ),
        disputed="∇²L",
        counterexample=Counterexample(
            "one parameter, two points x = 1: L'' = 1, and XᵀX = 2",
            {"x11": 1, "x12": 0, "x21": 1, "x22": 0},
        ),
        correction=Statement(
            "The Hessian of L is XᵀX/n; XᵀX is that of the sum R = nL.",
            lambda: [(hessian, X.T * X / X.rows) for hessian, X in map(_mean_hessian, (1, 2, 3))],
        ),
        derivation=(
            "L is the mean of the losses in this part of the notes, and ∇²ℓᵢ = xᵢxᵢᵀ.",
            "From (0.1) on the risk is the sum: with XᵀX, 𝓘 is the change itself to first "
            "order, not n times that.",
        ),
        check=Check("Hessian of the mean of the losses against XᵀX/n", checks.hessian),
    ),
    Claim(
        key="OLS influence function",
        where=_EXAMPLE,
        says=Statement(
            "𝓘 = +(XᵀX)⁻¹x(y − xᵀθ̂).",
            lambda: [(side, _OLS.H.inv() * _OLS.x * _OLS.residual) for side in _influence()],
        ),
        disputed="𝓘",
        counterexample=Counterexample(
            "one parameter, one other point m = 1, x = 1, r = 1: θ(ε) = ε/(1 + ε)", ONE_PARAMETER
        ),
        correction=Statement(
            "𝓘 = H⁻¹∇ℓ = −θ̇(1) = −(XᵀX)⁻¹x(y − xᵀθ̂).",
            lambda: [(side, -_OLS.H.inv() * _OLS.x * _OLS.residual) for side in _influence()],
        ),
        derivation=(
            "𝓘 = H⁻¹∇ℓ and ∇ℓ = −xê, the line above it in the notes: the sign is lost.",
            "Deletion moves θ against the point: with ê > 0 it lowers xᵀθ.",
        ),
        check=Check("influence at ε = 1 against −(XᵀX)⁻¹xê", checks.influence),
    ),
    Claim(
        key="OLS PBRF",
        where=_EXAMPLE,
        says=Statement(
            "The PBRF is ½ argmin[(1/n)Σ(xᵢᵀ(θ − θ̂))² − (1/n)(y − xᵀθ)² + λ‖θ − θ̂‖²].",
            lambda: [(_pbrf(), _minimiser(_notes_objective(_OLS.full_fit)) / 2)],
        ),
        disputed="the PBRF",
        counterexample=Counterexample(
            "one parameter, one other point m = 1, x = 1, r = 1, λ = ½",
            {**ONE_PARAMETER, "n": 2, "lambda": sympy.Rational(1, 2)},
        ),
        correction=Statement(
            "The ½ stands before each term, inside: the PBRF is the argmin without it, "
            "θ̂ − (XᵀX − xxᵀ + nλ Id)⁻¹xê; with λ = 0 it is the refit θ*₋.",
            lambda: [
                (_objective(_REFERENCE), _notes_objective(_REFERENCE) / 2),
                (_pbrf(), _OLS.full_fit - _damped().inv() * _OLS.x * _OLS.residual),
                (_pbrf(strength=sympy.Integer(0)), _OLS.deleted_fit),
            ],
        ),
        derivation=(
            "Dᵢ = ½(xᵢᵀ(θ − θ̂))², ℓ = ½(y − xᵀθ)² and the proximity term have their ½ each; "
            "outside it halves the minimiser.",
            "n times the gradient: XᵀX(θ − θ̂) + x(y − xᵀθ) + nλ(θ − θ̂) = 0.",
            "y − xᵀθ = ê − xᵀ(θ − θ̂), so that (XᵀX − xxᵀ + nλ Id)(θ − θ̂) = −xê.",
            "A minimum: XᵀX − xxᵀ = M is positive semidefinite. The notes' i is both the sum's "
            "index and the deleted point's.",
        ),
        check=Check("the toolkit's PBRF with damping nλ against the closed form", checks.pbrf),
    ),
    Claim(
        key="θˢ = θ̂",
        where=_EXAMPLE,
        says=Statement(
            "θˢ = θ̂ in least squares: the Bregman risk from θ̂ is the risk itself, less R(θ̂).",
            lambda: [
                (
                    _divergence(_THETA, _REFERENCE),
                    _risk_of_points(_THETA)
                    - _risk_of_points(_REFERENCE)
                    - _slope_at(_REFERENCE).dot(_THETA - _REFERENCE),
                ),
                (_OLS.H * _OLS.full_fit, sum((x * y for x, y in _points()), sympy.zeros(2, 1))),
            ],
        ),
        derivation=(
            "ΣDᵢ = R(θ) − R(θˢ) − ∇R(θˢ)ᵀ(θ − θˢ), as the model is linear (first equation).",
            "∇R(θ̂) = XᵀXθ̂ − Xᵀy = 0 (second).",
            "So the non-convergence gap is zero, and without damping the PBRF is the refit.",
        ),
        check=Check("the toolkit's Bregman divergences against risks", checks.bregman),
    ),
)
