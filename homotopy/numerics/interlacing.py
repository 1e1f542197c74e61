"""Spectra of diagonal matrices minus a rank-one term, Λ − zzᵀ > 0, many z at once; in NumPy.

Where the term is a large part of the matrix, its smallest eigenvalue μ is what is left of a
difference, and 1 − Σ z_k²/(λ_k − μ) = 0 (Golub, SIAM Review 15, 1973) loses its digits. With
q_k = z_k²/λ_k and P = Σ q_k the same equation, divided by μ, is

    (1 − P)/(0 − μ) + Σ q_k/(λ_k − μ) = 0:

a sum of poles at 0, λ_1, …, λ_d with positive weights that add up to one, between any two of which
there is one root. All roots come to full relative accuracy from gaps and weights that have it; so
1 − P must be computed as such, in extended precision where P is near one. Roots are kept as
offsets from the nearer pole, and z is recomputed from them for the vectors (Gu and Eisenstat, SIAM
J. Matrix Anal. Appl. 15, 1994).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from homotopy.numerics.two_poles import two_pole_root

_UNIT = np.finfo(np.float64).eps
_SWEEPS = 60  # a safeguard: four to eight are what it takes


class Downdate(NamedTuple):
    """Λ − zzᵀ = W diag(μ) Wᵀ, for k vectors z.

    Attributes
    ----------
    eigenvalues : (k, d)
        μ_i, between λ_{i−1} (or zero) and λ_i.
    vectors : (k, d, d)
        W, eigenvectors in columns.
    pulls : (k, d)
        Wᵀz ≥ 0.
    """

    eigenvalues: np.ndarray
    vectors: np.ndarray
    pulls: np.ndarray


def downdated(
    poles: np.ndarray, gaps: np.ndarray, vectors: np.ndarray, remainder: np.ndarray, count
) -> Downdate:
    """Eigenvalues and eigenvectors of diag(poles) − z zᵀ for each row z of `vectors`.

    Parameters
    ----------
    poles : (k, d)
        λ > 0, the first `count` of a row strictly ascending.
    gaps : (k, d, d)
        λ_l − λ_i at (i, l), to full relative accuracy among the first `count`.
    vectors : (k, d)
        z; non-zero in the first `count`, and zero after them.
    remainder : (k,)
        1 − Σ z_k²/λ_k > 0, to full relative accuracy.
    count : (k,)
        How many coordinates take part; the others keep their pole and their unit vector.

    Raises
    ------
    ArithmeticError
        Where the roots do not converge, which no such matrix should cause.

    Examples
    --------
    >>> poles = np.array([[1.0, 2.0]])
    >>> gaps = poles[:, None, :] - poles[:, :, None]
    >>> found = downdated(poles, gaps, np.array([[0.6, 0.8]]), np.array([0.32]), np.array([2]))
    >>> bool(np.isclose(found.eigenvalues.prod(), 2.0 * 0.32))  # the determinant
    True
    """
    number, size = poles.shape
    active = np.arange(size) < count[:, None]
    # Poles that take no part stand in line after the others, with no weight.
    line = np.where(active, 0.0, np.max(poles, axis=1, keepdims=True) * np.arange(2, size + 2))
    line = line + np.where(active, poles, 0.0)
    pairs = active[:, :, None] & active[:, None, :]
    gaps = np.where(pairs, gaps, line[:, None, :] - line[:, :, None])
    with_zero = np.zeros((number, size + 1, size + 1))
    with_zero[:, 0, 1:], with_zero[:, 1:, 0] = line, -line
    with_zero[:, 1:, 1:] = gaps
    weights = np.concatenate([remainder[:, None], np.where(active, vectors**2 / line, 0.0)], axis=1)
    origin, offset = _roots(with_zero, weights, active)

    from_origin = np.take_along_axis(with_zero, origin[:, :, None], axis=1)
    distance = from_origin[:, :, 1:] - offset[:, :, None]  # λ_l − μ_i at (i, l)
    # Löwner: z_l² = Π_i (λ_l − μ_i) / Π_{i≠l} (λ_l − λ_i), in ratios none of which is extreme.
    own = np.eye(size, dtype=bool)
    ratios = np.abs(distance) / np.where(own | ~pairs, 1.0, np.abs(gaps))
    adjusted = np.sqrt(np.prod(np.where(pairs, ratios, 1.0), axis=1))
    adjusted = np.copysign(np.where(active, adjusted, 0.0), vectors)
    rows = np.where(pairs, adjusted[:, None, :] / distance, 0.0)
    scale = np.sqrt(np.sum(rows**2, axis=2))
    rows /= np.where(active, scale, 1.0)[:, :, None]
    rows = np.where(active[:, :, None], rows, own)
    # Σ z_l²/(λ_l − μ_i) = 1, so that zᵀw_i is one over the norm.
    pulls = np.where(active, 1.0 / np.where(active, scale, 1.0), 0.0)
    at_origin = np.take_along_axis(with_zero[:, 0], origin, axis=1)
    eigenvalues = np.where(active, at_origin + offset, poles)
    return Downdate(eigenvalues, np.swapaxes(rows, 1, 2), pulls)


def _roots(gaps, weights, active) -> tuple[np.ndarray, np.ndarray]:
    """The root of Σ w_l/(p_l − x) between each pole and the next: its nearer pole, and the offset.

    `gaps` (k, m + 1, m + 1) are p_l − p_i at (i, l), `weights` (k, m + 1); only the intervals that
    `active` (k, m) names have a root.
    """
    here = np.arange(active.shape[1])
    left = (here[:, None] >= np.arange(weights.shape[1])).astype(float)
    width = gaps[:, here, here + 1]
    below, above = weights[:, :-1], weights[:, 1:]

    def split(origin_gaps, offset):
        """The sums over the poles to the left and to the right, and their derivatives."""
        inverse = 1.0 / (origin_gaps - offset[:, :, None])
        terms = weights[:, None, :] * inverse
        slopes = terms * inverse
        return tuple(
            np.einsum("kil,il->ki", part, side)
            for part in (terms, slopes)
            for side in (left, 1.0 - left)
        )

    to_below, to_above, _, _ = split(gaps[:, :-1], 0.5 * width)
    middle = to_below + to_above
    in_left_half = middle > 0.0
    origin = np.where(in_left_half, here, here + 1)
    from_origin = np.take_along_axis(gaps, origin[:, :, None], axis=1)
    pole_below = np.where(in_left_half, 0.0, -width)
    pole_above = np.where(in_left_half, width, 0.0)
    low = np.where(in_left_half, 0.0, -0.5 * width)
    high = np.where(in_left_half, 0.5 * width, 0.0)

    # First guess: the two nearest poles exactly, the rest of the sum frozen at the midpoint.
    rest = middle - (above - below) / (0.5 * width)
    offset = two_pole_root(np, rest, below, above, pole_below, pole_above, in_left_half)
    offset = np.where((offset > low) & (offset < high), offset, 0.5 * (low + high))
    done = ~active
    for _ in range(_SWEEPS):
        from_below, from_above, below_slope, above_slope = split(from_origin, offset)
        value = from_below + from_above
        low, high = np.where(value < 0.0, offset, low), np.where(value > 0.0, offset, high)
        to_below, to_above = pole_below - offset, pole_above - offset
        # Interpolate each half by one pole, matching value and slope (Bunch, Nielsen, Sorensen).
        candidate = two_pole_root(
            np,
            value - below_slope * to_below - above_slope * to_above,
            below_slope * to_below**2,
            above_slope * to_above**2,
            pole_below,
            pole_above,
            in_left_half,
        )
        inside = (candidate > low) & (candidate < high)
        candidate = np.where(inside, candidate, 0.5 * (low + high))
        rounding = _UNIT * (np.abs(from_below) + np.abs(from_above))
        done |= (np.abs(value) <= 2.0 * rounding) | (
            np.abs(candidate - offset) <= _UNIT * np.abs(offset)
        )
        if done.all():
            return origin, offset
        offset = np.where(done, offset, candidate)
    raise ArithmeticError(f"The secular equation was not solved in {_SWEEPS} sweeps.")
