"""Covariances from chains, and their errors: batch means, effective sample sizes, R̂ (theory §10.3).

Of n losses and m outputs all n·m covariances come from one record, by products of matrices: the
product series (ℓⱼ − ℓ̄ⱼ)(φ − φ̄) are never stored.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

_LEAST = 1e-300


class Covariances(NamedTuple):
    """Of n losses and m outputs.

    within : (n, m)
        The mean over chains of the covariance in each: the estimate.
    between : (n, m)
        The covariance of the chains' means, which pooled draws would have added.
    standard_error : (n, m)
        Of `within`, from the means of its product series over batches of draws.
    effective_sample_size : (n, m)
        Independent draws with the same error of that mean, by Geyer's initial sequence.
    batches : int
        Over which the error was taken.
    """

    within: Float[np.ndarray, "n m"]
    between: Float[np.ndarray, "n m"]
    standard_error: Float[np.ndarray, "n m"]
    effective_sample_size: Float[np.ndarray, "n m"]
    batches: int


def covariances(losses: Float[np.ndarray, "c t n"], outputs: Float[np.ndarray, "c t m"]):
    """All covariances of losses with outputs, as `Covariances`."""
    chains, draws, _ = losses.shape
    a = losses - losses.mean(axis=1, keepdims=True)
    b = outputs - outputs.mean(axis=1, keepdims=True)
    within = np.einsum("ctn,ctm->nm", a, b, optimize=True) / (chains * (draws - 1))
    far, off = losses.mean(axis=1), outputs.mean(axis=1)
    far, off = far - far.mean(axis=0), off - off.mean(axis=0)
    between = far.T @ off / chains
    error, batches = batch_error(a, b, within)
    sizes = effective_sizes(a, b)
    return Covariances(within, between, error, sizes, batches)


def batch_count(draws: int) -> int:
    """Batches of a chain: their length grows as draws^(2/3), their number as draws^(1/3)."""
    return max(4, round(draws ** (1.0 / 3.0)))


def batch_error(a, b, mean) -> tuple[Float[np.ndarray, "n m"], int]:
    """The standard error of a mean of products, and the number of batches."""
    chains, draws, _ = a.shape
    count = batch_count(draws)
    edges = np.linspace(0, draws, count + 1).round().astype(int)
    squares = np.zeros_like(mean)
    for chain in range(chains):
        for first, last in itertools.pairwise(edges):
            found = a[chain, first:last].T @ b[chain, first:last] / (last - first)
            squares += (found - mean) ** 2
    batches = chains * count
    return np.sqrt(squares / (batches * (batches - 1))), batches


def effective_sizes(a, b) -> Float[np.ndarray, "n m"]:
    """Of the means of all product series: c·t over 1 + 2Σρ_k, summed while pairs are positive.

    The autocovariances of all product series at a lag are one product of matrices,
    Σ_t (a_t a_{t+k})(b_t b_{t+k}).
    """
    chains, draws, _ = a.shape
    most = max(2, min(draws // 2, 4 * max(1, draws // batch_count(draws))))
    total = np.einsum("ctn,ctm->nm", a, b, optimize=True)
    mean = total / (chains * draws)
    head, tail = total.copy(), total.copy()  # sums without the last, and without the first, k

    def autocovariance(lag):
        nonlocal head, tail
        if lag:
            head -= a[:, draws - lag].T @ b[:, draws - lag]
            tail -= a[:, lag - 1].T @ b[:, lag - 1]
        size = chains * (draws - lag)
        left = a[:, : draws - lag] * a[:, lag:]
        right = b[:, : draws - lag] * b[:, lag:]
        products = np.einsum("ctn,ctm->nm", left, right, optimize=True)
        return (products - mean * (head + tail) + size * mean**2) / (chains * draws)

    variance = autocovariance(0)
    summed, least = np.zeros_like(mean), np.full_like(mean, np.inf)
    going = variance > 0.0
    safe = np.where(going, variance, 1.0)
    for lag in range(0, most - 1, 2):
        first = variance if lag == 0 else autocovariance(lag)
        pair = (first + autocovariance(lag + 1)) / safe
        going &= pair > 0.0
        least = np.minimum(least, np.where(going, pair, least))  # the monotone sequence
        summed += np.where(going, least, 0.0)
        if not going.any():
            break
    count = chains * draws
    # Antithetic chains have more than their draws; the cap is for pairs that are so by chance.
    time = np.maximum(2.0 * summed - 1.0, 1.0 / np.log10(max(count, 10)))
    return np.where(variance > 0.0, count / time, count)


def split_r_hat(series: Float[np.ndarray, "c t n"]) -> Float[np.ndarray, " n"]:
    """R̂ of halves of the chains (Gelman et al.): √(variance of all over that within)."""
    half = series.shape[1] // 2
    halves = np.concatenate([series[:, :half], series[:, -half:]])
    means, variances = halves.mean(axis=1), halves.var(axis=1, ddof=1)
    within = variances.mean(axis=0)
    ratio = means.var(axis=0, ddof=1) / np.where(within > 0.0, within, 1.0)
    stuck = (within <= _LEAST) & (means.var(axis=0) > 0.0)
    return np.where(stuck, np.inf, np.sqrt((half - 1) / half + ratio))


def mean_error(series: Float[np.ndarray, "c t"]) -> float:
    """The standard error of the mean of a series, by batches."""
    away = series - series.mean()
    ones = np.ones((*series.shape, 1))
    return float(batch_error(away[:, :, None], ones, np.zeros((1, 1)))[0][0, 0])
