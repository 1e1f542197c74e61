"""Step functions: the derivative of ℰ(1_[0,τ]), the best step, the example X = Id."""

from __future__ import annotations

import sympy
from sympy import Integer, Matrix, Rational, diff, exp, log

from homotopy.claims.checks import steps as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.identity_hessian import (
    BEST,
    CHANGE,
    FULL,
    HORIZON,
    PASSES_THE_TARGET,
    START,
    TAU,
    at_horizon,
    at_switch,
    cost,
)

_SECTION = "Can we do any better? Step functions"
_EXAMPLE = f"{_SECTION}, Example"
_LATE = Counterexample(
    "one parameter, θ₀ = 0, θ*₋ = 1, θ* = 2, τ = log 3, T = log 4",
    {**PASSES_THE_TARGET, "tau": log(3), "T": log(4)},
)


def _slope_as_written():
    inner = at_switch(TAU).dot(at_switch(TAU)) + (START - FULL).dot(at_switch(TAU))
    return TAU * exp(-2 * (HORIZON - TAU)) * inner


def _derivative_as_written():
    decay = exp(-(HORIZON - TAU))
    return TAU * decay * at_switch(TAU) - TAU * exp(-HORIZON) * (START - FULL)


def _from_full_fit():
    """dℰ/dτ with θ₀ = θ*."""
    return diff(cost(TAU), TAU).subs(list(zip(START, FULL, strict=True)))


def _without_last_row(dimension):
    """H₋ of X = Id without its last row."""
    X = sympy.eye(dimension)[:-1, :]
    return X.T * X if dimension > 1 else sympy.zeros(1)


def _example_cost(dimension):
    """ℰ(1_[0,τ]) of X = Id, y = 1, θ₀ = 0, the last row deleted; θ*₋ = 1 − e_d."""
    trained = (1 - exp(-TAU)) * Matrix([1] * dimension)
    target = Matrix([1] * (dimension - 1) + [0])
    rates = _without_last_row(dimension).diagonal()
    decay = sympy.diag(*(exp(-rate * (HORIZON - TAU)) for rate in rates))
    u = decay * (trained - target)
    return u.dot(u) / Integer(2)


def _example_slope_as_written(dimension):
    """τe^(−2(T−τ))(‖w‖² + ⟨θ₀ − θ*, w⟩) with w = (1 − e^(−τ))1 − (1 − e_d)."""
    w = (1 - exp(-TAU)) * Matrix([1] * dimension) - Matrix([1] * (dimension - 1) + [0])
    inner = w.dot(w) - Matrix([1] * dimension).dot(w)
    return TAU * exp(-2 * (HORIZON - TAU)) * inner


CLAIMS = (
    Claim(
        key="dg/dτ",
        where=_SECTION,
        says=Statement(
            "g'(τ) = τe^(−(T−τ))w(τ) − τe^(−T)(θ₀ − θ*), where g = e^(−(T−τ))w and "
            "w = e^(−τ)θ₀ + (1 − e^(−τ))θ* − θ*₋ (H = H₋ = Id).",
            lambda: [(diff(at_horizon(TAU), TAU), _derivative_as_written())],
        ),
        disputed="g'",
        counterexample=_LATE,
        correction=Statement(
            "g'(τ) = e^(−(T−τ))(θ* − θ*₋).",
            lambda: [(diff(at_horizon(TAU), TAU), exp(-(HORIZON - TAU)) * CHANGE)],
        ),
        derivation=(
            "d/dτ e^(−(T−τ)) = e^(−(T−τ)): no factor τ appears.",
            "w' = −e^(−τ)(θ₀ − θ*).",
            "w + w' = θ* − θ*₋ = Δ, whatever τ: the notes have τ times that.",
        ),
        check=Check("differences of θ(T) over τ against e^(−(T−τ))Δ", checks.final_state, 1e-5),
    ),
    Claim(
        key="dℰ/dτ",
        where=_SECTION,
        says=Statement(
            "dℰ/dτ = τe^(−2(T−τ))(‖w‖² + ⟨θ₀ − θ*, w⟩).",
            lambda: [(diff(cost(TAU), TAU), _slope_as_written())],
        ),
        disputed="dℰ/dτ",
        counterexample=_LATE,
        correction=Statement(
            "dℰ/dτ = e^(−2(T−τ))⟨w, θ* − θ*₋⟩.",
            lambda: [
                (diff(cost(TAU), TAU), exp(-2 * (HORIZON - TAU)) * at_switch(TAU).dot(CHANGE))
            ],
        ),
        derivation=(
            "dℰ/dτ = ⟨g, g'⟩, with g' = e^(−(T−τ))Δ, and Δ = w − e^(−τ)(θ₀ − θ*).",
            "The notes keep their factor τ, and write +⟨θ₀ − θ*, w⟩ for −e^(−τ)⟨θ₀ − θ*, w⟩.",
        ),
        check=Check(
            "the toolkit's gradient in the switch time against the formula", checks.slope, 1e-6
        ),
    ),
    Claim(
        key="stationary step",
        where=_SECTION,
        says=Statement(
            "dℰ/dτ = 0 at τ = 0, or where ‖w‖² = −⟨θ₀ − θ*, w⟩.",
            lambda: [(diff(cost(TAU), TAU).subs(TAU, 0), Integer(0))],
        ),
        disputed="dℰ/dτ at τ = 0",
        counterexample=Counterexample(
            "one parameter, θ₀ = 0, θ*₋ = 1, θ* = 2, T = log 2",
            {**PASSES_THE_TARGET, "T": log(2)},
        ),
        correction=Statement(
            "dℰ/dτ = e^(τ−2T)‖Δ‖²(e^τ − B), B = ⟨θ* − θ₀, Δ⟩/‖Δ‖²: where B > 0 zero at "
            "τ* = log B alone, the minimum of ℰ; where B ≤ 0 nowhere.",
            lambda: [
                (
                    diff(cost(TAU), TAU),
                    exp(TAU - 2 * HORIZON) * CHANGE.dot(CHANGE) * (exp(TAU) - BEST),
                )
            ],
        ),
        derivation=(
            "⟨w, Δ⟩ = ‖Δ‖² − e^(−τ)⟨θ* − θ₀, Δ⟩, since w = Δ − e^(−τ)(θ* − θ₀).",
            "It vanishes at e^τ = ⟨θ* − θ₀, Δ⟩/‖Δ‖² = e^τ*, and rises with τ.",
            "So ℰ falls before τ* and rises after it: waiting pays as soon as "
            "⟨θ* − θ₀, Δ⟩ > e^s‖Δ‖².",
        ),
        check=Check("the best step by search against τ*", checks.best, 1e-6),
    ),
    Claim(
        key="θ₀ = θ*",
        where=_SECTION,
        says=Statement(
            "With θ₀ = θ* there is no stationary step: dℰ/dτ = e^(−2(T−τ))‖Δ‖² > 0.",
            lambda: [(_from_full_fit(), exp(-2 * (HORIZON - TAU)) * CHANGE.dot(CHANGE))],
        ),
        derivation=("Then w = Δ for every τ.",),
        check=Check(
            "gradient in the switch time from θ* against the formula",
            checks.slope_from_full_fit,
            1e-6,
        ),
    ),
    Claim(
        key="no stationary step",
        where=_SECTION,
        says=Statement(
            "If no τ in [0, ∞) is stationary, ℰ(1_[0,τ]) is monotone and 1_[0,s] is the best: it "
            "rises, since e^(2(T−τ))dℰ/dτ → ‖Δ‖² > 0 as τ → ∞.",
            lambda: [
                (
                    sympy.expand(exp(2 * (HORIZON - TAU)) * diff(cost(TAU), TAU)).limit(
                        TAU, sympy.oo
                    ),
                    sympy.expand(CHANGE.dot(CHANGE)),
                )
            ],
        ),
        derivation=(
            "A continuous dℰ/dτ without a zero keeps its sign.",
            "The sign for late τ is that of ‖Δ‖²: ℰ rises, and the earliest step is the best; of "
            "all of E_s too, as every schedule does as well as a step (steps beat polynomial "
            "decay).",
            "That none in [s, T] is stationary would not do: with τ* > T ℰ falls on all of it.",
        ),
        check=Check(
            "gain of the best step over 1_[0,s] where ⟨θ* − θ₀, Δ⟩ < 0",
            checks.earliest_is_best,
            1e-9,
        ),
    ),
    Claim(
        key="example X = Id",
        where=_EXAMPLE,
        says=Statement(
            "H₋ = Id, so that the formulas above apply.",
            lambda: [(_without_last_row(1), sympy.eye(1)), (_without_last_row(3), sympy.eye(3))],
        ),
        disputed="H₋",
        counterexample=Counterexample("d = 1: the only point is deleted", {}),
        correction=Statement(
            "H₋ = Id − eⱼeⱼᵀ is singular: coordinate j stands still once the point is deleted.",
            lambda: [
                (_without_last_row(3), sympy.eye(3) - sympy.diag(0, 0, 1)),
                (_without_last_row(2), sympy.eye(2) - sympy.diag(0, 1)),
            ],
        ),
        derivation=("No other row has a j-th entry.",),
        check=Check("θ(∞) after 1_[0,s] against (1, …, 1, 1 − e^(−s))", checks.frozen_coordinate),
        stands=False,
    ),
    Claim(
        key="example X = Id, best step",
        where=_EXAMPLE,
        says=Statement(
            "dℰ/dτ is proportional to d(e^(−τ) + 1) − 2: stationary only for d = 1, τ = 0.",
            lambda: [
                (diff(_example_cost(d), TAU), _example_slope_as_written(d)) for d in (1, 2, 3)
            ],
        ),
        disputed="dℰ/dτ",
        counterexample=Counterexample("d = 1, τ = T = log 2", {"tau": log(2), "T": log(2)}),
        correction=Statement(
            "ℰ = ½((d − 1)e^(−2T) + (1 − e^(−τ))²), dℰ/dτ = e^(−τ) − e^(−2τ) > 0: for every d the "
            "step 1_[0,s] is the best, as the notes conclude.",
            lambda: [
                pair
                for d in (1, 2, 3)
                for pair in (
                    (
                        _example_cost(d),
                        Rational(d - 1, 2) * exp(-2 * HORIZON) + (1 - exp(-TAU)) ** 2 / 2,
                    ),
                    (diff(_example_cost(d), TAU), exp(-TAU) - exp(-2 * TAU)),
                )
            ],
        ),
        derivation=(
            "The other coordinates train to 1 with or without the point: (1 − θᵢ)² = e^(−2T).",
            "Coordinate j has reached 1 − e^(−τ), its target is 0, and it stays.",
        ),
        check=Check("ℰ of steps in that example against the formula", checks.example_cost),
    ),
)
