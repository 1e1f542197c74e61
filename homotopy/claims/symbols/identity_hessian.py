"""The notes' simplification H = H₋ = Id in symbols: two parameters, steps 1_[0,τ].

It is the limit of regressions whose retained rows are orthonormal and whose deleted row is short,
with a target so far off that θ* − θ*₋ stays.
"""

from __future__ import annotations

from sympy import Integer, Matrix, exp, symbols

TAU, HORIZON, TIME = symbols("tau T t", positive=True)
START = Matrix(symbols("theta01 theta02", real=True))
FULL, DELETED = Matrix(symbols("f1 f2", real=True)), Matrix(symbols("g1 g2", real=True))
CHANGE = FULL - DELETED
# e^τ*: where ⟨w(τ), Δ⟩ = 0.
BEST = (FULL - START).dot(CHANGE) / CHANGE.dot(CHANGE)

# One parameter for which waiting pays: θ₀ = 0, θ*₋ = 1, θ* = 2. Training passes θ*₋ at log 2.
PASSES_THE_TARGET = {
    "theta01": 0, "theta02": 0, "f1": 2, "f2": 0, "g1": 1, "g2": 0,
}  # fmt: skip


def at_switch(tau):
    """w(τ) = e^(−τ)θ₀ + (1 − e^(−τ))θ* − θ*₋."""
    return exp(-tau) * START + (1 - exp(-tau)) * FULL - DELETED


def at_horizon(tau):
    """g(τ) = θ(T) − θ*₋ of the step 1_[0,τ]."""
    return exp(-(HORIZON - tau)) * at_switch(tau)


def cost(tau):
    """ℰ(1_[0,τ])."""
    return at_horizon(tau).dot(at_horizon(tau)) / Integer(2)
