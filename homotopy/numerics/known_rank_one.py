"""Spectra of D + ρzzᵀ for many known weights ρ, root by root: as `rank_one`, compiled by Numba.

A root takes as many sweeps as it needs, not as many as the slowest of all; the sums are vectorised
over the poles. No derivative is taken and nothing is traced here: that is what `rank_one` is for.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from jaxtyping import Float

from homotopy._threads import side_by_side
from homotopy.numerics.compiled import compiled, inner, summing
from homotopy.numerics.small_downdates import two_pole_root

_SWEEPS = 60  # a safeguard: four to eight are what it takes
_NEGLIGIBLE = 1e-250  # of ρ‖z‖², below which the product underflows: the identity is exact there
_UNIT = float(np.finfo(float).eps)
_SHORT = 1e-10  # relative size of a step after which none is needed
_SHARE = 8  # weights, at least, that a thread is worth
_two_pole_root = inner(two_pole_root)


def rank_one_spectra(
    poles: Float[np.ndarray, " d"],
    vector: Float[np.ndarray, " d"],
    count: int,
    weights: Float[np.ndarray, " k"],
) -> tuple[Float[np.ndarray, "k d"], Float[np.ndarray, "k d d"]]:
    """Eigenvalues and eigenvectors of diag(poles) + w · vector vectorᵀ for each weight w ≥ 0.

    Parameters
    ----------
    poles : (d,)
        The first `count` strictly ascend.
    vector : (d,)
        z; non-zero in the first `count` coordinates, zero in the others.
    count : int
    weights : (k,)

    Returns
    -------
    eigenvalues : (k, d)
        In the order of the poles.
    rows : (k, d, d)
        Eigenvectors, in **rows**.

    Examples
    --------
    >>> import numpy as np
    >>> values, _ = rank_one_spectra(np.array([0.0, 1.0]), np.ones(2), 2, np.array([2.0]))
    >>> bool(np.allclose(values[0], 2.5 + np.array([-0.5, 0.5]) * 17**0.5))
    True
    """
    size, total = poles.size, weights.size
    values, rows = np.empty((total, size)), np.empty((total, size, size))
    parts = max(1, min(2, total // _SHARE))
    edges = np.linspace(0, total, parts + 1).astype(int).tolist()

    def part(which):
        own = slice(edges[which], edges[which + 1])
        set_spectra(poles, vector, count, weights[own], values[own], rows[own])

    list(side_by_side(part, range(parts)))
    return values, rows


@compiled
@no_type_check
def set_spectra(poles, vector, count, weights, values, rows):
    """`rank_one_spectra`, written into `values` and `rows`."""
    size = poles.size
    squares = np.empty(size)
    offsets, origins, product = np.empty(size), np.empty(size, np.int64), np.empty(size)
    for index in range(weights.size):
        total = 0.0
        for k in range(count):
            squares[k] = weights[index] * vector[k] ** 2
            total += squares[k]
        rows[index] = 0.0
        for k in range(size):
            values[index, k] = poles[k]
            rows[index, k, k] = 1.0
        if total <= _NEGLIGIBLE:
            continue
        for i in range(count):
            origin, offset = _root(poles, squares, count, total, i, product)
            origins[i], offsets[i] = origin, offset
            values[index, i] = poles[origin] + offset
        _set_vectors(poles, vector, count, origins, offsets, product, rows[index])


@inner
@no_type_check
def _root(poles, squares, count, total, i, distances):
    """The pole that the root is counted from, and its distance from there."""
    following = i + 1 < count
    gap = poles[i + 1] - poles[i] if following else total
    offset = 0.5 * gap
    for k in range(count):
        distances[k] = poles[k] - poles[i]
    below, below_slope = _half(distances, squares, offset, 0, i + 1)
    above, above_slope = _half(distances, squares, offset, i + 1, count)
    left = 1.0 + below + above > 0.0 or not following
    origin = i if left else i + 1
    if not left:
        offset = -0.5 * gap
        for k in range(count):
            distances[k] = poles[k] - poles[origin]
    pole_below = poles[i] - poles[origin]
    # Past the last root there is no pole; one put at its bound would meet the root, and make the
    # quadratic of the interpolation lose half its digits there.
    pole_above = (gap if following else 2.0 * gap) if left else 0.0
    low = 0.0 if left else -0.5 * gap
    high = (0.5 * gap if following else gap) if left else 0.0
    for _ in range(_SWEEPS):
        value = 1.0 + below + above
        if abs(value) <= 2.0 * _UNIT * (1.0 + abs(below) + abs(above)):
            break
        if value < 0.0:
            low = offset
        else:
            high = offset
        to_below, to_above = pole_below - offset, pole_above - offset
        # Interpolate each half by one pole, matching value and slope (Bunch, Nielsen, Sorensen).
        constant = value - below_slope * to_below - above_slope * to_above
        candidate = _two_pole_root(
            constant, below_slope * to_below**2, above_slope * to_above**2, pole_below,
            pole_above, left,
        )  # fmt: skip
        inside = low < candidate < high
        if not inside:
            candidate = 0.5 * (low + high)
        moved = abs(candidate - offset)
        offset = candidate
        # Steps shrink at least quadratically: after one so short the next is below rounding.
        if moved <= _SHORT * abs(offset) if inside else moved <= _UNIT * abs(offset):
            break
        below, below_slope = _half(distances, squares, offset, 0, i + 1)
        above, above_slope = _half(distances, squares, offset, i + 1, count)
    return origin, offset


@summing
@no_type_check
def _half(distances, squares, offset, first, last):
    """Σ z_k²/(d_k − λ) over a range of poles, and its derivative in λ.

    The poles come as their distances from the one that the root is counted from: the compiler is
    free to reorder the sums, and must not reorder these.
    """
    total = slope = 0.0
    for k in range(first, last):
        inverse = 1.0 / (distances[k] - offset)
        term = squares[k] * inverse
        total += term
        slope += term * inverse
    return total, slope


@inner
@no_type_check
def _set_vectors(poles, vector, count, origins, offsets, product, rows):
    """Löwner's z for the roots as they are, then unit rows z_k/(d_k − λ_i)."""
    for k in range(count):
        product[k] = 1.0
    for i in range(count):
        origin, offset, last = poles[origins[i]], offsets[i], i == count - 1
        for k in range(count):
            # λ_i − d_k, exactly as the root has it.
            distance = offset - (poles[k] - origin)
            rows[i, k] = distance
            partner = 1.0 if last else (poles[i] if i < k else poles[i + 1]) - poles[k]
            product[k] *= distance / partner
    for k in range(count):
        product[k] = math.copysign(math.sqrt(product[k]), vector[k])
    for i in range(count):
        total = 0.0
        for k in range(count):
            rows[i, k] = -product[k] / rows[i, k]
            total += rows[i, k] ** 2
        size = 1.0 / math.sqrt(total)
        for k in range(count):
            rows[i, k] *= size
