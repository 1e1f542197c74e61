"""Expectations under weights that differ from those of the draws: tilted by exp(β a), a = −ΣΔwᵢℓᵢ.

Two ways from one run of chains (theory §10.5): reweighting, E[φe^{βa}]/E[e^{βa}] − Eφ, whose
variance may be infinite; and its expansion in joint cumulants, Σ_k βᵏκ(a, …, a, φ)/k!. Errors are
jackknife ones, over batches of draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from homotopy.bayesian.estimates import batch_count
from homotopy.bayesian.pareto import pareto_shape


class Tilted(NamedTuple):
    """Of one tilt and m outputs.

    change, error : (m,)
    sizes : effective draws of the weights, or NaN
    shape : k̂ of the weights' tail, or NaN
    terms : (order, m) of an expansion
    """

    change: Float[np.ndarray, " m"]
    error: Float[np.ndarray, " m"]
    size: float
    shape: float
    terms: Float[np.ndarray, "k m"] | None


def reweighted(tilt: Float[np.ndarray, "c t"], outputs: Float[np.ndarray, "c t m"]) -> Tilted:
    """The change of expectations, by weights e^{tilt} of the draws."""
    weights = np.exp(tilt - tilt.max())
    flat = weights.ravel()
    sums = _batch_sums(np.stack([np.ones_like(weights), weights], axis=2))
    weighted = _batch_sums(weights[:, :, None] * outputs)
    plain = _batch_sums(outputs)

    def estimate(count, total, above, below):
        return above / total - below / count

    def of(index):
        return sums[:, index, None]

    change, error = _jackknifed(estimate, of(0), of(1), weighted, plain)
    size = float(flat.sum() ** 2 / np.sum(flat**2))
    return Tilted(change, error, size, pareto_shape(flat), None)


def expanded(
    tilt: Float[np.ndarray, "c t"], outputs: Float[np.ndarray, "c t m"], order: int
) -> Tilted:
    """The change of expectations, by joint cumulants up to an order."""
    x = tilt - tilt.mean()
    away = outputs - outputs.mean(axis=(0, 1))
    powers = np.stack([x**power for power in range(order + 1)], axis=2)
    alone = _batch_sums(powers)
    joint = np.stack(
        [_batch_sums(powers[:, :, power, None] * away) for power in range(order + 1)], axis=1
    )

    def terms(alone, joint):
        return cumulant_terms(alone / alone[..., :1], joint / alone[..., :1, None])

    def estimate(alone, joint):
        return np.sum(terms(alone, joint)[..., 1:, :], axis=-2)

    change, error = _jackknifed(estimate, alone, joint)
    known = terms(alone.sum(axis=0), joint.sum(axis=0))[1:]
    return Tilted(change, error, math.nan, math.nan, known)


def cumulant_terms(
    alone: Float[np.ndarray, "... k"], joint: Float[np.ndarray, "... k m"]
) -> Float[np.ndarray, "... k m"]:
    """The series of E[φe^{sx}]/E[e^{sx}] at s = 1, from E xᵏ and E xᵏφ: a quotient of series."""
    orders = alone.shape[-1]
    factorials = np.array([math.factorial(power) for power in range(orders)], float)
    below, above = alone / factorials, joint / factorials[:, None]
    terms = np.zeros_like(above)
    for power in range(orders):
        known = sum(
            below[..., power - earlier, None] * terms[..., earlier, :] for earlier in range(power)
        )
        terms[..., power, :] = above[..., power, :] - known
    return terms


def _batch_sums(series: Float[np.ndarray, "c t k"]) -> Float[np.ndarray, "b k"]:
    """Over batches of each chain."""
    edges = np.linspace(0, series.shape[1], batch_count(series.shape[1]) + 1).round().astype(int)
    sums = np.add.reduceat(series, edges[:-1], axis=1)
    return sums.reshape(-1, series.shape[2])


def _jackknifed(estimate, *sums) -> tuple[np.ndarray, np.ndarray]:
    """What sums over all batches give, and its error from sums without each."""
    whole = [part.sum(axis=0) for part in sums]
    without = [total[None] - part for total, part in zip(whole, sums, strict=True)]
    each = estimate(*without)
    count = len(each)
    error = np.sqrt((count - 1) / count * np.sum((each - each.mean(axis=0)) ** 2, axis=0))
    return estimate(*whole), error
