"""Arithmetic operations of linear algebra, counted while the algorithms run."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Integer


class _Counted:
    """A number of which only the operations count."""

    def __init__(self, tally: list[int]):
        self._tally = tally

    def _one(self, other=None) -> _Counted:
        """Any operation: counted, with another such number as its result."""
        self._tally[0] += 1
        return self

    __add__ = __sub__ = __mul__ = __truediv__ = root = _one


def _counted(algorithm: Callable, n: int, d: int) -> Integer:
    """Operations of an algorithm that makes what it needs by matrix(rows, columns)."""
    tally = [0]

    def matrix(rows, columns):
        return [[_Counted(tally)] * columns for _ in range(rows)]

    algorithm(matrix, n, d)
    return Integer(tally[0])


def _inner(a, b):
    """Σ aᵢbᵢ."""
    total = a[0] * b[0]
    for left, right in zip(a[1:], b[1:], strict=True):
        total = total + left * right
    return total


def _product(A, v):
    """Av."""
    return [_inner(row, v) for row in A]


def _transposed(A):
    """Aᵀ."""
    return [list(column) for column in zip(*A, strict=True)]


def _cholesky(A):
    """The factor of a matrix, column by column."""
    d = len(A)
    factor = [[None] * d for _ in range(d)]
    for j in range(d):
        for i in range(j, d):
            entry = A[i][j]
            for k in range(j):
                entry = entry - factor[i][k] * factor[j][k]
            factor[i][j] = entry.root() if i == j else entry / factor[j][j]
    return factor


def formation_count(n: int, d: int) -> Integer:
    """Of XᵀX, X of n rows and d columns."""

    def form(matrix, n, d):
        columns = _transposed(matrix(n, d))
        return [_product(columns, column) for column in columns]

    return _counted(form, n, d)


def cholesky_count(n: int, d: int) -> Integer:
    """Of the Cholesky factor of a d × d matrix, roots included."""
    return _counted(lambda matrix, n, d: _cholesky(matrix(d, d)), n, d)


def matrix_product_count(n: int, d: int) -> Integer:
    """Of Hv, H of d rows and columns."""
    return _counted(lambda matrix, n, d: _product(matrix(d, d), matrix(1, d)[0]), n, d)


def hessian_product_count(n: int, d: int) -> Integer:
    """Of Xᵀ(Xv)."""

    def multiply(matrix, n, d):
        X = matrix(n, d)
        return _product(_transposed(X), _product(X, matrix(1, d)[0]))

    return _counted(multiply, n, d)
