"""Cubics on many steps of time at once, given by values and slopes at the ends of the steps.

On each step they are polynomials in x ∈ [−1, 1], whose norms are at most the sums of those of their
coefficients, and lie between their four control points of Bézier.
"""

from __future__ import annotations

import numpy as np

# From (y₀, y₁, m₀, m₁), values and slopes at −1 and 1, to the coefficients of 1, x, x², x³.
_POWERS = 0.25 * np.array([[2, 2, 1, -1], [-3, 3, -1, -1], [0, 0, -1, 1], [1, -1, 1, 1]])


def coefficients(values: np.ndarray, rates: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(n+1, ...) values and slopes in time to (4, n, ...) coefficients."""
    return np.tensordot(_POWERS, _data(values, rates, steps), axes=1)


def sizes_of(values: np.ndarray, rates: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The same sums of absolute values."""
    return np.tensordot(np.abs(_POWERS), np.abs(_data(values, rates, steps)), axes=1)


def _data(values, rates, steps):
    half = 0.5 * _along(steps, values)
    return np.stack([values[:-1], values[1:], half * rates[:-1], half * rates[1:]])


def slopes(cubic: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Coefficients (3, n, ...) of the derivatives in time."""
    powers = np.arange(1.0, 4.0).reshape(3, *[1] * (cubic.ndim - 1))
    return powers * cubic[1:] * (2.0 / _along(steps, cubic[0]))


def products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Coefficients (7, n, ...) of matrix products of cubics (4, n, ...)."""
    total = np.zeros((7, *(first[0, :1] @ second[0, :1]).shape))
    total = np.repeat(total, first.shape[1], axis=1)
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            total[i + j] += left @ right
    return total


def bezier(
    values: np.ndarray, rates: np.ndarray, steps: np.ndarray, size: bool = False
) -> np.ndarray:
    """Control points (4, n, ...), the first and the last the values; or of absolute values."""
    third = _along(steps, values) / 3.0
    sign = 1.0 if size else -1.0
    inner = values[:-1] + third * rates[:-1], values[1:] + sign * third * rates[1:]
    return np.stack([values[:-1], *inner, values[1:]])


def _along(steps, like):
    return steps.reshape(-1, *[1] * (like.ndim - 1))
