"""Response functions, the Gauss–Newton Hessian and damping."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, Rational, diff, symbols

from homotopy.claims.checks import response_functions as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.symbols import smooth_model as model
from homotopy.claims.symbols.smooth_model import DAMPING, IDENTITY, PART, POINTS, K, one_parameter
from homotopy.claims.symbols.smooth_risk import (
    FULL_FIT,
    full,
    gradient,
    hessian,
    inverse,
    own,
    solved,
)

_SECTION = "Response functions"
_N, _LAMBDA = symbols("n lambda", positive=True)
_EPSILON, _U = symbols("epsilon u", real=True)


def _mean_slope():
    """(1/n)dr/dε at ε = 0 of r(ε) = arg min (1/n)(R₋ + ℓ) − εℓ."""
    stationarity = gradient(full, FULL_FIT) / _N - _EPSILON * gradient(own, FULL_FIT)
    return solved(stationarity, _EPSILON, FULL_FIT).subs(_EPSILON, 0) / _N


def _first_order():
    """(1/n)(∇²L)⁻¹∇ℓ with the mean risk, and (∇²R)⁻¹∇ℓ with the sum."""
    slope, curved = gradient(own, FULL_FIT), hessian(full, FULL_FIT)
    return [
        plain(_mean_slope(), inverse(curved / _N) * slope / _N),
        plain(_mean_slope(), inverse(curved) * slope),
    ]


def _local_model():
    """J·k + ½kᵀHk of any risk about θ̂, and its square completed."""
    k = K
    J, H = gradient(full, FULL_FIT), hessian(full, FULL_FIT)
    least = inverse(H) * J
    moved = k + least
    model = J.dot(k) + (k.T * H * k)[0] / 2
    return plain(model, (moved.T * H * moved)[0] / 2 - J.dot(least) / 2)


def _linearised_model_hessian():
    """The Hessian in θ of ℓ(f(θ̂) + Jk) at k = 0, two outputs, and JᵀBJ, B = ∂²ℓ/∂ŷ²."""
    J = Matrix(2, 2, symbols("j1:3(1:3)", real=True))
    g, (a, b, c) = Matrix(symbols("g1 g2", real=True)), symbols("b11 b12 b22", real=True)
    B, outputs = Matrix([[a, b], [b, c]]), J * K
    return model.hessian(g.dot(outputs) + (outputs.T * B * outputs)[0] / 2), J.T * B * J


def _linearised(points):
    """Σ ℓᵢ(f(θ̂) + ∇fᵢ·k): the losses of the linearised model."""
    return sum(model.loss(i, model.jacobian(i).dot(K)) for i in points)


def _as_written(points):
    """In one parameter: that of the linearised model, and JᵀHJ with H the Hessian in θ."""
    H = model.hessian(sum(model.loss(i, model.moved(i)) for i in points))[0, 0]
    squares = sum(model.jacobian(i)[0] ** 2 for i in points)
    return model.hessian(_linearised(points))[0, 0], squares * H


def _convex_form():
    """vᵀ(JᵀBJ + δ)v with B = AAᵀ, and ‖AᵀJv‖² + δ‖v‖²."""
    J, A = (Matrix(2, 2, symbols(f"{name}1:3(1:3)", real=True)) for name in "ja")
    v = Matrix(symbols("v1 v2", real=True))
    form = (v.T * (J.T * A * A.T * J + DAMPING * IDENTITY) * v)[0]
    moved = A.T * J * v
    return form, moved.dot(moved) + DAMPING * v.dot(v)


def _signs():
    """Of G + δ and of ∇²R, in one parameter."""
    damped = model.gauss_newton()[0, 0] + DAMPING
    return sympy.sign(damped), sympy.sign(model.hessian(model.risk())[0, 0])


def _damped_slope():
    """dk/ds at s = 0 of arg min R − sℓ + ½δ‖k‖², θ̂ stationary."""
    return model.response_slope(model.risk() - PART * model.own() + model.proximity())


def _mean_damped():
    """(1/n)(G/n + λ)⁻¹∇ℓ of the mean risk, and (G + δ)⁻¹∇ℓ, δ = nλ."""
    a, b, c = symbols("a b c", positive=True)
    G, slope = Matrix([[a, c], [c, b]]), Matrix(symbols("g1 g2", real=True))
    mean = inverse(G / _N + _LAMBDA * IDENTITY) * slope / _N
    return mean, inverse(G + _N * _LAMBDA * IDENTITY) * slope


CLAIMS = (
    Claim(
        key="linearised response",
        where=_SECTION,
        says=Statement(
            "r(0) = θ̂, and r(1/n) ≈ θ̂ + (1/n)(∇²L)⁻¹∇ℓ to first order; with the sum risk that is "
            "θ* + (∇²R)⁻¹∇ℓ.",
            _first_order,
        ),
        derivation=(
            "L − 0·ℓ = L. d/dε of ∇L − ε∇ℓ = 0 at ε = 0: ∇²L r' = ∇ℓ.",
            "r is differentiable where ∇²L is regular, by the implicit function theorem.",
            "∇²L = ∇²R/n: n cancels.",
        ),
        check=Check("slope of refits at s = 0 against (1/n)(∇²L)⁻¹∇ℓ", checks.linearised, 1e-5),
    ),
    Claim(
        key="H definite",
        where=_SECTION,
        says=Statement(
            "H positive definite at θ̂ makes θ̂ a minimiser: ∇L(θ̂) = 0.",
            lambda: [(diff(Function("L")(_U), _U), sympy.Integer(0))],
        ),
        disputed="∇L(θ̂)",
        counterexample=Counterexample(
            "L = ½(θ − 1)² at θ̂ = 0: H = 1", {"L": lambda u: (u - 1) ** 2 / 2, "u": 0}
        ),
        correction=Statement(
            "About any θ̂ with H ≻ 0, J·k + ½kᵀHk = ½(k + H⁻¹J)ᵀH(k + H⁻¹J) − ½JᵀH⁻¹J: θ̂ is a "
            "(local) minimiser where J = ∇L(θ̂) = 0 as well.",
            lambda: [_local_model()],
        ),
        derivation=(
            "The square completed: the model is least at k = −H⁻¹J, by ½JᵀH⁻¹J below θ̂.",
            "To invert H it is enough that it is regular.",
        ),
        check=Check("R(θ) − R(θ*) far from the fit against ½JᵀH⁻¹J", checks.below),
    ),
    Claim(
        key="Gauss–Newton Hessian",
        where=_SECTION,
        says=Statement(
            "The Gauss–Newton Hessian is JᵀH_ℓJ, H_ℓ the Hessian of ℓ(f(θ)) in θ.",
            lambda: [_as_written((1,))],
        ),
        disputed="the Gauss–Newton Hessian",
        counterexample=Counterexample(
            "f = 2θ, ℓ = ½f²: H = 4, and JᵀHJ = 16", one_parameter(j11=2, q1=1)
        ),
        correction=Statement(
            "It is JᵀBJ, B = ∂²ℓ/∂ŷ² in the model's output, a block for each point.",
            lambda: [_linearised_model_hessian()],
        ),
        derivation=(
            "Gauss–Newton is the Hessian of ℓ(f(θ̂) + J(θ − θ̂)): J has passed to both sides.",
            "H_ℓ in θ already has J in it, and is of the wrong size, d × d.",
        ),
        check=Check("that of logistic regression against Σ σ(1 − σ)xᵢxᵢᵀ", checks.logistic),
    ),
    Claim(
        key="Gauss–Newton Hessian (000)",
        where=f"000, {_SECTION}",
        says=Statement(
            "The Gauss–Newton Hessian is JᵀHJ, H the Hessian of L in θ.",
            lambda: [_as_written(POINTS)],
        ),
        disputed="the Gauss–Newton Hessian",
        counterexample=Counterexample(
            "f₁ = f₂ = 2θ, ℓ = ½f²: G = 8, and JᵀHJ = 64",
            one_parameter(j11=2, j21=2, q1=1, q2=1),
        ),
        correction=Statement(
            "It is Σ Jᵢᵀ(∂²ℓᵢ/∂ŷ²)Jᵢ, with the Hessian of each loss in its output.",
            lambda: [(model.hessian(_linearised(POINTS)), model.gauss_newton())],
        ),
        derivation=("As in 002, with the Hessian of the whole risk in place of one point's.",),
        check=Check("that of a perceptron against JᵀJ by differences", checks.gauss_newton, 1e-7),
    ),
    Claim(
        key="damped Gauss–Newton is definite",
        where=_SECTION,
        says=Statement(
            "G + δ is positive definite as long as H, the Hessian of the risk, is.",
            lambda: [_signs()],
        ),
        disputed="the sign of G + δ",
        counterexample=Counterexample(
            "ℓ = log(1 + (p + 2)²), f = θ² ± θ, the minimum θ̂ = 0: H = 68/25, G = −12/25; δ = 0.1",
            one_parameter(
                **{"j11": 1, "j21": -1, "f111": 2, "f211": 2, "delta": Rational(1, 10)},
                **{"g1": Rational(4, 5), "g2": Rational(4, 5)},
                **{"q1": -Rational(6, 25), "q2": -Rational(6, 25)},
            ),
        ),
        correction=Statement(
            "As long as B = ∂²ℓ/∂ŷ² ⪰ 0, and δ > 0, whatever H: vᵀ(JᵀBJ + δ)v = ‖AᵀJv‖² + δ‖v‖², "
            "B = AAᵀ.",
            lambda: [_convex_form()],
        ),
        derivation=(
            "A convex loss has B ⪰ 0 at every output: no condition on θ̂ is needed.",
            "H = G + Σℓᵢ'∇²fᵢ can be definite by its second part alone.",
        ),
        check=Check(
            "part of random θ with λ_min(G + δ) ≥ δ + ρ where H is indefinite", checks.definite
        ),
    ),
    Claim(
        key="linearised damped response",
        where=_SECTION,
        says=Statement(
            "Linearising arg min R − sℓ + ½δ‖θ − θ̂‖² gives (G + δ)⁻¹∇ℓ.",
            lambda: [(_damped_slope(), model.damped(model.gauss_newton()) * model.own_gradient())],
        ),
        disputed="the slope",
        counterexample=Counterexample(
            "squared loss, f₁ = θ, y₁ = 1, f₂ = θ + ½θ², y₂ = −1 at θ̂ = 0: H = 3, G = 2; δ = 1",
            one_parameter(
                **{"j11": 1, "j21": 1, "f211": 1, "g1": -1, "g2": 1, "q1": 1, "q2": 1, "delta": 1}
            ),
        ),
        correction=Statement(
            "It gives (∇²R + δ)⁻¹∇ℓ, ∇²R = G + Σ ℓᵢ'∇²fᵢ.",
            lambda: [
                (
                    _damped_slope(),
                    model.damped(model.gauss_newton() + model.second_part()) * model.own_gradient(),
                )
            ],
        ),
        derivation=(
            "d²/dθ² ℓ(f(θ)) = ℓ''f'² + ℓ'f'': at a minimum Σℓ'f' vanishes, Σℓ'f'' need not.",
            "The two agree where f is linear in θ, or all ℓᵢ' vanish.",
        ),
        check=Check(
            "slope of refits of a perceptron with a proximity term", checks.damped, tolerance=1e-5
        ),
    ),
    Claim(
        key="mean and sum",
        where=_SECTION,
        says=Statement(
            "(1/n)(G/n + λ)⁻¹∇ℓ of the mean risk is (G + δ)⁻¹∇ℓ of the sum risk, δ = nλ.",
            lambda: [_mean_damped()],
        ),
        derivation=("G/n + λ = (G + nλ)/n.",),
        check=Check("`GaussNewton(nλ)` against the formula of the mean risk", checks.mean_damped),
    ),
)
