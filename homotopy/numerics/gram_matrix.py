"""The Gram matrix of a tall data matrix in double-double, by BLAS, in one pass over the rows.

The columns of a block of rows are split into slices of so few bits that the products of slices are
sums of integers below 2⁵³, hence exact in float64 whatever the order in which BLAS adds (Ozaki,
Ogita, Oishi and Rump, Numer. Algorithms 59, 2012). Three slices take all but the last bits of an
entry; what they leave is 2⁻⁶⁰ of the column's largest entry at most, so that its product in plain
float64 is good enough. Blocks are of a size that stays in the processor's cache: beside the data
there is nothing whose size grows with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from homotopy.numerics.double_double import DoubleDouble

_SLICES = 3
_BUFFER = 2**17  # numbers in the buffers of a block
_FEWEST, _MOST = 128, 1024  # rows of a block; powers of two


def block_count(rows: int, columns: int) -> int:
    """K, the number of blocks: of it depends the error."""
    return -(-rows // _block_rows(columns))


def error_bound(rows: int, columns: int) -> float:
    """Of the matrix in norm, as a part of the trace of AᵀA."""
    blocks = block_count(rows, columns)
    return (blocks + 10) * 2.0**-105 + (1 + blocks / _block_rows(columns)) * 2.0**-100


def _block_rows(columns: int) -> int:
    fitting = _BUFFER // ((_SLICES + 2) * columns)
    return int(np.clip(2 ** int(np.log2(max(fitting, 1))), _FEWEST, _MOST))


def gram_matrix(X: np.ndarray, y: np.ndarray, omitted: np.ndarray | None = None) -> DoubleDouble:
    """AᵀA of A = [X, y], the rows `omitted` left out.

    Parameters
    ----------
    X : (n, d), y : (n,)
        Real numbers, taken as exact.
    omitted : (g,), optional
        Row numbers.

    Returns
    -------
    DoubleDouble
        (d + 1, d + 1), symmetric.

    Notes
    -----
    With u = 2⁻⁵³ and K blocks of b rows, b ≤ 1024, the error of the entry of columns p and q is at
    most

        (2K + 20) u² Σᵢ|pᵢ||qᵢ|  +  (1 + K/b) 2⁻¹⁰⁰ ‖p‖‖q‖  (`error_bound`).

    (a) Slices on a grid of 2⁻ˢᵝ of the column's largest entry, s = 1, 2, 3, have integer entries of
    at most β = ⌊(53 − log₂ b)/2⌋ bits, and b products of two add up to 2⁵³ at most: exact. (b) A
    sum of such products over the blocks is kept in two parts, by an exact two-sum whose error joins
    the lower part: |lower| ≤ u|upper|, so that each block adds a rounding of 2u²|upper|. (c) Nine
    such sums are added in double-double, small ones first. (d) What is left of an entry is 2⁻³ᵝ of
    the largest of its column in the block at most, so that Σ|rest||q| ≤ 2⁻³ᵝ √b ‖p‖‖q‖; its product
    in float64 and the sum of K of them err by (b + K)u times that, twice. b^1.5 2⁻³ᵝ ≤ 2⁻⁴⁸.

    Examples
    --------
    >>> gram_matrix(np.array([[1.0], [2.0**-40]]), np.array([1.0, 1.0])).rounded().tolist()
    [[1.0, 1.0000000000009095], [1.0000000000009095, 2.0]]
    """
    width = X.shape[1] + 1
    upper = np.zeros((_SLICES * width, _SLICES * width))
    lower, remainder = np.zeros_like(upper), np.zeros((width, width))
    for block in _blocks(X, y, omitted):
        slices, rest = _sliced(block)
        product = slices @ slices.T
        # Two-sum, with the error in the lower part; then normalised.
        total = upper + product
        shadow = total - upper
        lower += (upper - (total - shadow)) + (product - shadow)
        upper = total + lower
        lower -= upper - total
        if rest.any():
            remainder += rest @ block.T
    return _total(upper, lower, remainder, width)


def _blocks(X, y, omitted) -> Iterator[np.ndarray]:
    """Some rows of [X, y] at a time, transposed (d + 1, b): NumPy is fast along the last axis."""
    (size, dimension), rows = X.shape, _block_rows(X.shape[1] + 1)
    for begin in range(0, size, rows):
        end = min(begin + rows, size)
        block = np.empty((dimension + 1, end - begin))
        block[:dimension] = X[begin:end].T
        block[dimension] = y[begin:end]
        if omitted is not None:
            block[:, omitted[(omitted >= begin) & (omitted < end)] - begin] = 0.0
        yield block


def _sliced(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slices, one below the other (3(d + 1), b), and what they leave."""
    width, rows = block.shape
    bits = (53 - int(np.ceil(np.log2(max(rows, 2))))) // 2
    largest = np.maximum(block.max(axis=1), -block.min(axis=1))
    exponent = np.frexp(largest)[1][:, None]
    slices, rest = np.empty((_SLICES, width, rows)), block.copy()
    for position, part in enumerate(slices, 1):
        # Adding 3·2^k rounds away everything below 2^(k-51); the sum needs no more than 53 bits.
        anchor = np.ldexp(3.0, exponent + 51 - position * bits)
        np.add(rest, anchor, out=part)
        part -= anchor
        rest -= part
    return slices.reshape(_SLICES * width, rows), rest


def _total(upper, lower, remainder, width) -> DoubleDouble:
    total = DoubleDouble.of(remainder + remainder.T)
    for order in range(2 * _SLICES - 2, -1, -1):  # the small products first
        for first in range(max(0, order - _SLICES + 1), min(order, _SLICES - 1) + 1):
            second = order - first
            part = np.s_[first * width :, second * width :]
            total = total + DoubleDouble(upper[part][:width, :width], lower[part][:width, :width])
    return total
