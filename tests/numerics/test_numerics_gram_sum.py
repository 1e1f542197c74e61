"""Gram matrices of parts put together, against exact rational arithmetic; and their triangles."""

from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp

from homotopy.numerics.double_double import DoubleDouble
from homotopy.numerics.gram_matrix import error_bound
from homotopy.numerics.gram_sum import GramSum, PairwiseSum
from homotopy.numerics.pivoted_cholesky import pivoted_cholesky

fractions = np.vectorize(Fraction, otypes=[object])


def exact(matrix):
    return fractions(matrix.high) + fractions(matrix.low)


def summed(X, y, rows):
    total = PairwiseSum()
    for begin in range(0, len(X), rows):
        total.add(GramSum.of(X[begin : begin + rows], y[begin : begin + rows]))
    return total.total()


@pytest.mark.parametrize("rows", [1, 3, 7, 40])
def test_parts_are_within_the_bound_that_they_state(rows):
    generator = np.random.default_rng(rows)
    X = generator.normal(size=(90, 3)) * np.array([1.0, 1e-9, 1e7])
    y = X @ np.array([1.0, 1e9, 1e-7]) + 1e-12 * generator.normal(size=90)
    found = summed(X, y, rows)
    A = fractions(np.column_stack([X, y]))
    truth = A.T @ A
    error = np.linalg.norm((exact(found.gram) - truth).astype(float), 2)
    assert error <= found.error * float(np.trace(truth))
    parts = -(-90 // rows)
    assert found.error <= error_bound(rows, 4) + (np.ceil(np.log2(parts)) + 1) * 2.0**-104


def test_the_sum_depends_on_the_parts_order_alone_and_not_on_when_they_come():
    """What float64 would lose, 2⁻¹⁰⁰ beside 1, survives in any pairing."""
    rows = [np.array([[1.0]]), np.array([[2.0**-50]])] * 4
    total = PairwiseSum()
    for row in rows:
        total.add(GramSum.of(row, np.zeros(1)))
    assert exact(total.total().gram)[0, 0] == 4 + Fraction(4, 2**100)


def test_the_rows_of_the_triangle_have_the_same_sums():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(30, 5)) * np.geomspace(1.0, 1e-9, 5)
    X[:, 3] = X[:, 0] + 1e-5 * X[:, 3]  # dependent to 1e-12
    gram = GramSum.of(X, X[:, 1]).gram
    rows, order = pivoted_cholesky(gram, 1e-28)
    assert len(order) == 5  # y is column 1: of 6 columns one depends on others
    with mp.workdps(50):
        high, low = mp.matrix(rows.high.tolist()), mp.matrix(rows.low.tolist())
        truth = mp.matrix(gram.high.tolist()) + mp.matrix(gram.low.tolist())
        again = (high + low).T * (high + low)
        for i, j in np.ndindex(6, 6):
            scale = mp.sqrt(truth[i, i] * truth[j, j])
            assert abs(again[i, j] - truth[i, j]) <= 6 * 2.0**-102 * scale + 1e-28 * scale
    for place, column in enumerate(order):
        assert np.all(rows.high[place + 1 :, column] == 0.0)


def test_a_matrix_of_zeros_has_no_rows():
    rows, order = pivoted_cholesky(DoubleDouble.of(np.zeros((2, 2))), 1e-20)
    assert rows.shape == (0, 2) and order.size == 0
