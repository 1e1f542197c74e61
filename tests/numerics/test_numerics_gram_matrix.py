"""Gram matrices in double-double against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from homotopy.numerics import gram_matrix as module
from homotopy.numerics.gram_matrix import block_count, error_bound, gram_matrix

UNIT = Fraction(1, 2**53)


def exact(X, y, omitted=()):
    rows = np.delete(np.column_stack([X, y]), list(omitted), axis=0)
    columns = [[Fraction(entry) for entry in column] for column in rows.T.tolist()]
    return [
        [sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0)) for right in columns]
        for left in columns
    ]


def assert_within_the_bound(X, y, omitted=()):
    """The error bound of the docstring, entry by entry, in exact arithmetic."""
    found = gram_matrix(X, y, np.array(omitted, int) if omitted else None)
    truth, sizes = exact(X, y, omitted), exact(np.abs(X), np.abs(y), omitted)
    # The roots of exact numbers, rounded upwards.
    norms = [Fraction(float(sizes[i][i]) ** 0.5 * (1.0 + 1e-12)) for i in range(len(sizes))]
    blocks = block_count(X.shape[0], X.shape[1] + 1)
    rows = module._block_rows(X.shape[1] + 1)
    for i, j in np.ndindex(found.shape):
        value = Fraction(found.high[i, j].item()) + Fraction(found.low[i, j].item())
        allowed = (2 * blocks + 20) * UNIT**2 * sizes[i][j]
        allowed += (1 + Fraction(blocks, rows)) * norms[i] * norms[j] / 2**100
        assert abs(value - truth[i][j]) <= allowed
        assert abs(found.low[i, j]) <= np.spacing(abs(found.high[i, j])) / 2
    high, low, truth = (np.vectorize(Fraction, otypes=[object])(part) for part in (
        found.high, found.low, truth
    ))  # fmt: skip
    error = np.linalg.norm((high + low - truth).astype(float), 2)
    assert error <= error_bound(X.shape[0], X.shape[1] + 1) * float(np.trace(truth))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_random_data_in_different_units(seed):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(200, 4)) * np.array([1.0, 1e-7, 1e5, 1e-30])
    y = X.sum(axis=1) + generator.normal(size=200)
    assert_within_the_bound(X, y)


def test_several_blocks_the_last_one_short(monkeypatch):
    monkeypatch.setattr(module, "_BUFFER", 1)
    monkeypatch.setattr(module, "_FEWEST", 32)
    X = np.random.default_rng(1).normal(size=(150, 3))
    assert block_count(150, 4) == 5
    assert_within_the_bound(X, X[:, 0] - X[:, 1])


def test_entries_of_all_sizes_in_one_column():
    """The slices do not reach the small ones: what they leave is as good as needed."""
    X = np.random.default_rng(2).normal(size=(64, 2)) * np.geomspace(1.0, 1e-40, 64)[:, None]
    assert_within_the_bound(X, np.ones(64))


def test_what_float64_rounds_away():
    """Columns equal but for the last bit: the difference of their Gram entries survives."""
    X = np.ones((3, 2))
    X[0, 1] = 1.0 + 2.0**-52
    found = assert_within_the_bound(X, np.zeros(3))
    difference = found.at((1, [1])) - found.at((0, [1])) * 2.0 + found.at((0, [0]))
    assert difference.rounded() == 2.0**-104


def test_omitted_rows_leave_no_trace():
    generator = np.random.default_rng(3)
    X, y = generator.normal(size=(40, 3)), generator.normal(size=40)
    X[[7, 39]] *= 1e9
    found = assert_within_the_bound(np.delete(X, [7, 39], axis=0), np.delete(y, [7, 39]))
    other = gram_matrix(X, y, np.array([39, 7]))
    np.testing.assert_allclose(other.high, found.high, rtol=4e-16)


def test_integers_columns_of_zeros_and_single_precision():
    integers = np.random.default_rng(4).integers(-1000, 1000, size=(30, 3))
    integers[:, 1] = 0
    found = assert_within_the_bound(integers.astype(float), integers[:, 0].astype(float))
    for given in (integers, integers.astype(np.float32)):
        other = gram_matrix(given, given[:, 0])
        np.testing.assert_array_equal(other.high, found.high)
        np.testing.assert_array_equal(other.low, 0.0)
