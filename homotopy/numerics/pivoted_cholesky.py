"""The triangle of a Gram matrix in double-double: as few rows as have the same one."""

from __future__ import annotations

import numpy as np

from homotopy.numerics.double_double import DoubleDouble


def pivoted_cholesky(gram: DoubleDouble, smallest: float) -> tuple[DoubleDouble, np.ndarray]:
    """Rows R with RᵀR = G, for G positive semi-definite, and the column that each belongs to.

    Parameters
    ----------
    gram : (n, n)
    smallest : float
        Columns of which less than this share of their square is left, once others have explained
        what they can, are left out.

    Returns
    -------
    R : (r, n)
        R[i, j] = 0 for the columns of earlier rows.
    order : (r,)

    Notes
    -----
    Of two parts of a column the larger share that is left goes first, whatever the unit. RᵀR − G is
    n 2⁻¹⁰² of √(G_ii G_jj) at most, for what is not left out (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., theorem 10.3, with 2⁻¹⁰³ for u).

    Examples
    --------
    >>> rows, order = pivoted_cholesky(DoubleDouble.of(np.array([[4.0, 2.0], [2.0, 1.0]])), 1e-20)
    >>> rows.rounded().tolist(), order.tolist()
    ([[2.0, 1.0]], [0])
    """
    size = gram.shape[0]
    left = DoubleDouble(gram.high.copy(), gram.low.copy())
    whole = np.diag(gram.high).copy()
    whole[whole <= 0.0] = np.inf
    remaining = np.diag(gram.high) / whole
    rows, order = [], []
    for _ in range(size):
        pivot = int(np.argmax(remaining))
        if not remaining[pivot] > smallest:
            break
        row = left.at(pivot) / left.at((pivot, pivot)).sqrt()
        row.put(np.s_[np.array(order, int)], DoubleDouble.of(np.zeros(len(order))))
        left = left - row.at(np.s_[:, None]) * row.at(None)
        rows.append(row)
        order.append(pivot)
        remaining = np.diag(left.high) / whole
        remaining[order] = 0.0
    high = np.array([row.high for row in rows]).reshape(-1, size)
    low = np.array([row.low for row in rows]).reshape(-1, size)
    return DoubleDouble(high, low), np.array(order, int)
