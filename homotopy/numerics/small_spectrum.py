"""The spectrum of a few data in one call of loops: as `data_spectrum`, for small problems.

For those NumPy takes longer to begin its operations than to do them. Jacobi's rotations in float64,
and then those of first order of `symmetric_eigen`, in double-double.
"""

from __future__ import annotations

import numpy as np

from homotopy.numerics.double_double_loops import (
    added,
    divided,
    filled_product,
    multiplied,
    two_product,
)
from homotopy.numerics.loops_of_python import Loops, within

_UNIT_ROUNDOFF = 2.0**-104
_SWEEPS = 30  # of Jacobi's rotations in float64: six to ten are what it takes
_STEPS = 4  # of first order: 1e-4 → 1e-8 → 1e-16 → 1e-32
_SMALL = 1e-4  # norm of a rotation that is made of first order
_TINY = 1e-9  # norm of a rotation whose fourth power is a rounding


@within
def _jacobi(matrix, vectors):
    """Make a symmetric matrix diagonal, in place, and put the rotations into `vectors`."""
    size = matrix.shape[0]
    for i in range(size):
        for j in range(size):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(_SWEEPS):
        rest, whole = 0.0, 0.0
        for i in range(size):
            whole = max(whole, abs(matrix[i, i]))
            for j in range(i):
                rest = max(rest, abs(matrix[i, j]))
        if not rest > 1e-17 * whole:
            break
        for p in range(size):
            for q in range(p + 1, size):
                coupling = matrix[p, q]
                if coupling == 0.0:
                    continue
                ratio = (matrix[q, q] - matrix[p, p]) / (2.0 * coupling)
                tangent = 1.0 / (abs(ratio) + np.sqrt(1.0 + ratio * ratio))
                if ratio < 0.0:
                    tangent = -tangent
                cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
                sine = cosine * tangent
                for k in range(size):
                    a, b = matrix[k, p], matrix[k, q]
                    matrix[k, p], matrix[k, q] = cosine * a - sine * b, sine * a + cosine * b
                for k in range(size):
                    a, b = matrix[p, k], matrix[q, k]
                    matrix[p, k], matrix[q, k] = cosine * a - sine * b, sine * a + cosine * b
                matrix[p, q] = matrix[q, p] = 0.0
                for k in range(size):
                    a, b = vectors[k, p], vectors[k, q]
                    vectors[k, p], vectors[k, q] = cosine * a - sine * b, sine * a + cosine * b


@within
def _orthonormalise(high, low, work):
    """Make vectors, in columns, orthonormal in place: a Newton–Schulz step squares their defect."""
    size = high.shape[0]
    filled_product(high, low, True, high, low, work[0], work[1])
    for i in range(size):
        for j in range(size):
            one = 1.0 if i == j else 0.0
            a, b = added(one, 0.0, -work[0, i, j], -work[1, i, j])
            work[0, i, j], work[1, i, j] = added(one, 0.0, 0.5 * a, 0.5 * b)
    filled_product(high, low, False, work[0], work[1], work[2], work[3])
    for i in range(size):
        for j in range(size):
            high[i, j], low[i, j] = work[2, i, j], work[3, i, j]


@within
def _first_order(high, low, turn):
    """Fill in the rotation of first order that what is beside the diagonal asks for; its norm."""
    size, square = high.shape[0], 0.0
    for i in range(size):
        turn[i, i] = 0.0
        for j in range(i):
            gap, _low = added(high[j, j], low[j, j], -high[i, i], -low[i, i])
            beside = 0.5 * (high[i, j] + high[j, i])
            turn[i, j] = 0.0 if beside == 0.0 else beside / gap
            turn[j, i] = -turn[i, j]
            square = square + 2.0 * (turn[i, j] * turn[i, j])
    return np.sqrt(square)


@within
def _diagonalise(matrix, vectors, product, work):
    """Fill in orthonormal V and VᵀAV, and tell whether it is diagonal to rounding.

    All but `work` (6, d, d) are pairs, high and low: (2, d, d).
    """
    size = matrix.shape[1]
    for i in range(size):
        for j in range(size):
            product[0, i, j], vectors[1, i, j] = matrix[0, i, j], 0.0
    _jacobi(product[0], vectors[0])
    _orthonormalise(vectors[0], vectors[1], work)
    for step in range(_STEPS + 1):
        filled_product(matrix[0], matrix[1], False, vectors[0], vectors[1], work[0], work[1])
        filled_product(vectors[0], vectors[1], True, work[0], work[1], product[0], product[1])
        scale, rest = 0.0, 0.0
        for i in range(size):
            for j in range(size):
                scale = max(scale, abs(product[0, i, j]))
                if i != j:
                    rest = max(rest, abs(product[0, i, j]))
        if rest <= 4.0 * (size + size % 2) * _UNIT_ROUNDOFF * scale:
            return True
        turn = work[4]
        norm = _first_order(product[0], product[1], turn)
        if step == _STEPS or not norm <= _SMALL:
            return False
        # exp(turn) − 1, but for terms of fourth order: turn + turn²(½ + turn/6).
        for i in range(size):
            for j in range(size):
                total = 0.0
                for k in range(size):
                    total = total + turn[i, k] * turn[k, j]
                work[0, i, j] = total
        for i in range(size):
            for j in range(size):
                total = 0.5 * work[0, i, j]
                for k in range(size):
                    total = total + work[0, i, k] * turn[k, j] / 6.0
                work[1, i, j], work[2, i, j] = turn[i, j] + total, 0.0
        filled_product(vectors[0], vectors[1], False, work[1], work[2], work[3], work[5])
        for i in range(size):
            for j in range(size):
                vectors[0, i, j], vectors[1, i, j] = added(
                    vectors[0, i, j], vectors[1, i, j], work[3, i, j], work[5, i, j]
                )
        if not norm <= _TINY:
            _orthonormalise(vectors[0], vectors[1], work)
    return False


@Loops
def spectrum_of_rows(X, y, ridge, resolution):
    """The spectrum of [X, y] and its fit, in double-double: as of `data_spectrum`.

    An entry of the Gram matrix errs by less than 4nu² of the sum of the absolute values of its
    products, and so the matrix, in norm, by that part of its trace.

    Parameters
    ----------
    X : (n, d), y : (n,)
    ridge : float
    resolution : float
        Singular values below this share of the largest count as zero.

    Returns
    -------
    settled : bool
        Whether all converged; else nothing of the rest is to be used.
    values, moment, fit, parameters : (2, d)
        Λ, Xᵀy, the fit of least norm in the eigenbasis and as parameters; high and low.
    basis : (2, d, d)
    unseen : (d,)
    """
    count, size = X.shape
    gram, vectors = np.empty((2, size, size)), np.empty((2, size, size))
    product, work = np.empty((2, size, size)), np.empty((6, size, size))
    moment, values = np.empty((2, size)), np.empty((2, size))
    fit, parameters = np.zeros((2, size)), np.zeros((2, size))
    basis, unseen = np.empty((2, size, size)), np.zeros(size, np.bool_)
    for p in range(size):
        for q in range(p + 1):
            total, rest = 0.0, 0.0
            for i in range(count):
                a, b = two_product(X[i, p], X[i, q])
                total, rest = added(total, rest, a, b)
            gram[0, p, q], gram[1, p, q] = total, rest
            gram[0, q, p], gram[1, q, p] = total, rest
        total, rest = 0.0, 0.0
        for i in range(count):
            a, b = two_product(X[i, p], y[i])
            total, rest = added(total, rest, a, b)
        moment[0, p], moment[1, p] = total, rest
    settled = _diagonalise(gram, vectors, product, work)
    order = np.arange(size)
    for i in range(1, size):
        place = i
        while place > 0 and (
            product[0, order[place], order[place]] < product[0, order[place - 1], order[place - 1]]
        ):
            order[place], order[place - 1] = order[place - 1], order[place]
            place -= 1
    largest = max(product[0, order[size - 1], order[size - 1]], 0.0)
    for i in range(size):
        at = order[i]
        for k in range(size):
            basis[0, k, i], basis[1, k, i] = vectors[0, k, at], vectors[1, k, at]
        high, low = product[0, at, at], product[1, at, at]
        unseen[i] = high <= resolution * resolution * largest
        if unseen[i]:
            high, low = 0.0, 0.0
        values[0, i], values[1, i] = added(high, low, ridge, 0.0)
        if not unseen[i]:
            high, low = 0.0, 0.0
            for k in range(size):
                a, b = multiplied(basis[0, k, i], basis[1, k, i], moment[0, k], moment[1, k])
                high, low = added(high, low, a, b)
            fit[0, i], fit[1, i] = divided(high, low, values[0, i], values[1, i])
    for k in range(size):
        high, low = 0.0, 0.0
        for i in range(size):
            a, b = multiplied(basis[0, k, i], basis[1, k, i], fit[0, i], fit[1, i])
            high, low = added(high, low, a, b)
        parameters[0, k], parameters[1, k] = high, low
    return settled, values, moment, fit, parameters, basis, unseen
