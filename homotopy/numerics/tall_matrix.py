"""Tall matrices, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.linalg
from jaxtyping import Float

_WELL_CONDITIONED = 1e6  # far below where a Cholesky factor of AᵀA loses half of its digits
_NUMBERS = 2**20  # in a block: a few megabytes, however many rows there are


def row_blocks(size: int, width: int) -> Iterator[slice]:
    """Slices that cover `size` rows of `width` numbers, each of a bounded number of numbers."""
    step = max(1, _NUMBERS // max(1, width))
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def compressed(
    matrix: Float[np.ndarray, "n d"],
    vector: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, " m"]]:
    """A few rows QᵀA and Qᵀb for many, with one orthogonal Q: every least-squares fit is the same.

    To rounding: where the columns, brought to one length, are well conditioned, by Cholesky's
    decomposition twice [1]_, and otherwise by QR decompositions of blocks of rows.

    Parameters
    ----------
    matrix : (n, d), vector : (n,)
        A and b.
    weights : (n,), optional
        Of the rows' squares, ≥ 0.

    References
    ----------
    .. [1] Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, "Roundoff error analysis of the CholeskyQR2
       algorithm", ETNA 44 (2015).

    Examples
    --------
    >>> import numpy as np
    >>> A, b = compressed(np.ones((10**6, 1)), np.arange(1e6))
    >>> A.shape[0] < 10, round((A.T @ A).item()), round((A.T @ b).item())
    (True, 1000000, 499999500000)
    """
    size, width = matrix.shape
    together = width + 1
    blocks = list(row_blocks(size, together))
    # A block that is not much taller than wide would be no shorter afterwards.
    if len(blocks) == 1 or 2 * together > blocks[0].stop:
        if weights is None:
            return matrix, vector
        return np.sqrt(weights)[:, None] * matrix, np.sqrt(weights) * vector

    def block(rows):
        both = np.column_stack([matrix[rows], vector[rows]])
        return both if weights is None else both * np.sqrt(weights[rows])[:, None]

    triangle = _twice_by_cholesky(block, blocks)
    if triangle is None:
        triangle = np.vstack([np.linalg.qr(block(rows), mode="r") for rows in blocks])
    return triangle[:, :width], triangle[:, width]


def _twice_by_cholesky(block: Callable, blocks: list[slice]) -> Float[np.ndarray, "m m"] | None:
    """R of a QR decomposition, or None where the matrix is not well conditioned."""
    gram = sum(part.T @ part for part in map(block, blocks))
    lengths = np.sqrt(np.diag(gram))
    if not np.all(lengths > 0.0):
        return None
    try:
        first = np.linalg.cholesky(gram / lengths[:, None] / lengths[None, :]).T
    except np.linalg.LinAlgError:
        return None
    if not np.linalg.cond(first) <= _WELL_CONDITIONED:
        return None
    # Its error is that of AᵀA; AR⁻¹ is orthogonal but for that, and its own has a small error.
    upper = first * lengths[None, :]
    second = np.zeros_like(gram)
    for rows in blocks:
        nearly = scipy.linalg.blas.dtrsm(1.0, upper, block(rows), side=1)
        second += nearly.T @ nearly
    return np.linalg.cholesky(second).T @ upper
