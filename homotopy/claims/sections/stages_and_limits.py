"""Learning in stages [2], [10], and high dimension [5]: what the notes refer to, in equations."""

from __future__ import annotations

from sympy import Function, diff, exp, solve, sqrt, symbols

from homotopy.claims.checks import stages_and_limits as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Statement

_SECTION = "Other interesting things we might want to explore"
_T, _S, _START, _RATIO, _PULL = symbols("t s a0 epsilon c", positive=True)
_NOISE, _SIGNAL, _GAMMA, _KAPPA = symbols("sigma2 r2 gamma kappa", positive=True)


def _mode():
    """ȧ and ∂a/∂s of a = s/(1 + (s/a₀ − 1)e^{−2st})."""
    strength = _S / (1 + (_S / _START - 1) * exp(-2 * _S * _T))
    E = exp(2 * _S * _T)
    said = E * (E - 1 + 2 * _S * _T * (_S / _START - 1)) / (E - 1 + _S / _START) ** 2
    return [
        (diff(strength, _T), 2 * strength * (_S - strength)),
        (diff(strength, _S), said),
    ]


def _first_component():
    """Only degree 1, away from ρ = 0: εȧ = cs, ṡ = ca, c = φ₁σ₁; and what degree l conserves."""
    a, s = Function("a", positive=True)(_T), Function("s", positive=True)(_T)
    degree = symbols("l", positive=True)
    rates = {
        diff(a, _T): _PULL * s**degree / _RATIO,
        diff(s, _T): degree * _PULL * a * s ** (degree - 1),
    }
    outer = diff(_RATIO * a**2, _T).subs(rates)
    inner = diff(s**2 / degree, _T).subs(rates)
    start, L = symbols("a_start L", positive=True)
    rate = _PULL / sqrt(_RATIO)
    grown = sqrt(_RATIO) * start * (exp(rate * _T) - exp(-rate * _T)) / 2
    return [
        (outer, 2 * _PULL * a * s**degree),
        (inner, 2 * _PULL * a * s**degree),
        (_RATIO * diff(grown, _T, 2), _PULL**2 * grown),
        # The exponent of √ε e^{ct/√ε} by then, L = log(1/ε): s has gained ε^{−1/4}.
        (rate * sqrt(_RATIO) * L / (4 * _PULL), L / 4),
    ]


def _ridgeless():
    """γ > 1: κ of 1 = γ/(1 + κ), then bias, variance and the size of a deletion by theory §12."""
    kappa = solve(_GAMMA / (1 + _KAPPA) - 1, _KAPPA)[0]
    feedback = 1 - _GAMMA / (1 + kappa) ** 2
    bias = _SIGNAL * kappa**2 / (1 + kappa) ** 2 / feedback
    variance = _NOISE * _GAMMA / (1 + kappa) ** 2 / feedback
    size = _GAMMA / (1 + kappa) ** 2 / feedback * (_NOISE + bias + variance)
    # γ < 1: κ = 0.
    few = _NOISE * _GAMMA / (1 - _GAMMA)
    return [
        (bias + variance, _SIGNAL * (1 - 1 / _GAMMA) + _NOISE / (_GAMMA - 1)),
        (size, _NOISE * _GAMMA / (_GAMMA - 1) ** 2 + _SIGNAL / _GAMMA),
        (_GAMMA / (1 - _GAMMA) * (_NOISE + few), _NOISE * _GAMMA / (1 - _GAMMA) ** 2),
    ]


CLAIMS = (
    Claim(
        key="plateaus of two-layer networks",
        where=_SECTION,
        says=Statement(
            "Where only the component of degree l drives, εa² − s²/l is conserved; of degree 1, "
            "s = √ε a(0) sinh(ct/√ε), c = φ₁σ₁: it is learned, s ~ ε^{1/4}, at √ε log(1/ε)/(4c).",
            _first_component,
        ),
        derivation=(
            "εȧ = φσsˡ, ṡ = lφσas^{l−1} for s ≪ 1: d(εa²) = 2φσas^l = d(s²/l).",
            "l = 1: εs̈ = c²s, s(0) = 0. Learned is a s ~ 1, with s ~ √ε a: s ~ ε^{1/4}.",
            "Then the next plateau, until t_l ~ ε^{1/(2l)} (theory §11.3).",
        ),
        check=Check(
            "d(t₁/√ε)/dlog(1/ε) of `two_layer.time_scales` against 1/(4c), and t₂ ~ ε^{1/4}",
            checks.time_scales,
            1e-2,
        ),
    ),
    Claim(
        key="double descent of a deletion",
        where="Bibliography [5]",
        says=Statement(
            "Least squares of least norm, isotropic rows, p/n → γ: the risk is σ²γ/(1−γ), then "
            "r²(1−1/γ) + σ²/(γ−1), and n E‖θ(1)−θ(0)‖² is σ²γ/(1−γ)², then σ²γ/(γ−1)² + r²/γ.",
            _ridgeless,
        ),
        derivation=(
            "The effective ridge is κ = γ − 1 for γ > 1, and 0 for γ < 1.",
            "Bias r²κ²(1+κ)⁻²/D, variance σ²γ(1+κ)⁻²/D, D = 1 − γ(1+κ)⁻².",
            "The deletion moves θ by γ(1+κ)⁻²/D times the leave-one-out variance, over n.",
        ),
        check=Check(
            "`asymptotics.ridge`, and 200 rows, all deleted in turn, γ = ½ and 2",
            checks.deletions,
            0.1,
        ),
    ),
    Claim(
        key="influence peaks where a mode is learned",
        where=_SECTION,
        says=Statement(
            "A mode of a two-layer linear network depends on its singular value as "
            "∂a/∂s = E(E − 1 + 2st(s/a₀ − 1))/(E − 1 + s/a₀)², E = e^{2st}.",
            _mode,
        ),
        derivation=(
            "ȧ = 2a(s − a) gives a = s/(1 + (s/a₀ − 1)e^{−2st}).",
            "At t* = log(s/a₀ − 1)/(2s), E = s/a₀ − 1 = A: ∂a/∂s ≈ (1 + log A)/4; in the end 1.",
        ),
        check=Check(
            "strengths of `hierarchy_example` by the flow, at s ± 0.001, against the formula",
            checks.modes,
            1e-4,
        ),
    ),
)
