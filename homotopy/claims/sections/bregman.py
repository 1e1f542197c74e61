"""Bregman divergences, and the risk that an early-stopped θˢ minimises."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, symbols

from homotopy.claims.checks import bregman as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols import smooth_model as model
from homotopy.claims.symbols.smooth_risk import S, along

_SECTION = "Response functions"
_A, _B, _P, _Y = (Matrix(symbols(f"{name}1 {name}2", real=True)) for name in "abpy")
_MOVE = _A - _B


def _loss(outputs):
    """ℓ of two outputs: undetermined."""
    return Function("l")(*outputs)


def _squared(outputs):
    """½‖ŷ − y‖²."""
    return (outputs - _Y).dot(outputs - _Y) / 2


def _slope(loss, outputs):
    """∇ℓ in the outputs, there."""
    return Matrix([diff(loss(_P), one) for one in _P]).subs(
        list(zip(_P, outputs, strict=True)), simultaneous=True
    )


def _divergence(loss):
    """D(a, b) = ℓ(a) − ℓ(b) − ∇ℓ(b)·(a − b)."""
    return loss(_A) - loss(_B) - _slope(loss, _B).dot(_MOVE)


def _beyond_first_order():
    """ℓ(a) less the first-order Taylor polynomial in t of ℓ(b + t(a − b)), at t = 1."""
    t = symbols("t", real=True)
    way = _loss(_B + t * _MOVE)
    return _loss(_A) - way.subs(t, 0) - diff(way, t).subs(t, 0).doit()


def _tangent(outputs, s):
    """The tangent of ℓ at b + s(a − b), taken at a."""
    return _loss(outputs) + (1 - s) * _slope(_loss, outputs).dot(_MOVE)


def _integral_form():
    """What the tangent gains from s = 0 to 1, and at what rate."""
    curvature = sympy.hessian(_loss(_P), list(_P))
    return [
        (along(_tangent(_P, S), _P, _MOVE), (1 - S) * (_MOVE.T * curvature * _MOVE)[0]),
        (_tangent(_A, 1) - _tangent(_B, 0), _divergence(_loss)),
    ]


def _as_written():
    """½‖y − yᵢ‖² − ½‖y' − yᵢ‖² − ⟨y' − yᵢ, y − yᵢ⟩."""
    return _squared(_A) - _squared(_B) - (_B - _Y).dot(_A - _Y)


CLAIMS = (
    Claim(
        key="Bregman difference",
        where=_SECTION,
        says=Statement(
            "D(y, y') = ℓ(y) − ℓ(y') − ∇ℓ(y')·(y − y') is ℓ less its first-order Taylor polynomial "
            "about y', at y.",
            lambda: [(_beyond_first_order(), _divergence(_loss))],
        ),
        derivation=("d/dt ℓ(y' + t(y − y')) = ∇ℓ·(y − y') at t = 0.",),
        check=Check("D of the softmax loss against its values and gradient", checks.divergence),
    ),
    Claim(
        key="Bregman difference, sign",
        where=_SECTION,
        says=Statement(
            "For a convex loss D(a, b) = ∫₀¹(1 − s)(a − b)ᵀ∇²ℓ(b + s(a − b))(a − b)ds ≥ 0.",
            _integral_form,
        ),
        derivation=(
            "The tangent of ℓ at b + s(a − b), taken at a, grows from ℓ(a) − D(a, b) to ℓ(a).",
            "At the rate (1 − s)(a − b)ᵀ∇²ℓ(a − b), not negative where ∇²ℓ ⪰ 0.",
        ),
        check=Check("D of logistic and softmax losses against the integral", checks.integral),
    ),
    Claim(
        key="Bregman difference, squared loss",
        where=_SECTION,
        says=Statement(
            "D = ½‖y − yᵢ‖² − ½‖y' − yᵢ‖² − ⟨∇½‖y' − yᵢ‖², y − yᵢ⟩ = ½‖y − y'‖².",
            lambda: [(_divergence(_squared), _as_written())],
        ),
        disputed="D",
        counterexample=Counterexample(
            "y = 0, y' = 1, yᵢ = 0: D = ½, the expression −½",
            {"a1": 0, "a2": 0, "b1": 1, "b2": 0, "y1": 0, "y2": 0},
        ),
        correction=Statement(
            "With y − y' beside the gradient D = ½‖y − y'‖²; with y − yᵢ the expression is "
            "½‖y − y'‖² − ‖y' − yᵢ‖².",
            lambda: [
                (_divergence(_squared), _MOVE.dot(_MOVE) / 2),
                (_as_written(), _MOVE.dot(_MOVE) / 2 - (_B - _Y).dot(_B - _Y)),
            ],
        ),
        derivation=(
            "½(a − y)² − ½(b − y)² − (b − y)(a − b) = ½(a − b)².",
            "(y − yᵢ) − (y − y') = y' − yᵢ, which is the gradient.",
        ),
        check=Check("the definition of the toolkit against ½‖y − y'‖²", checks.squared),
    ),
    Claim(
        key="θˢ is optimal",
        where=_SECTION,
        says=Statement(
            "θˢ minimises Σ D(f(θ; xᵢ), f(θˢ; xᵢ)) of a convex loss, whatever θˢ: no slope there, "
            "curvature G.",
            lambda: [
                (model.gradient(model.bregman_risk()), Matrix([0, 0])),
                (model.hessian(model.bregman_risk()), model.gauss_newton()),
            ],
        ),
        derivation=(
            "Every D is 0 at θˢ and, of a convex loss, ≥ 0 elsewhere.",
            "The tangents take ℓᵢ'(∇fᵢ·k + ½kᵀ∇²fᵢ k) away: what is left is ½kᵀGk.",
            "It need not be the only minimum: any θ with the same outputs is one.",
        ),
        check=Check("its curvature at θˢ, and that it is larger elsewhere", checks.optimal, 1e-5),
    ),
)
