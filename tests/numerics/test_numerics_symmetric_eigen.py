"""Symmetric eigenproblems in double-double against mpmath's, at eighty digits."""

from itertools import combinations

import numpy as np
import pytest
from mpmath import mp, mpf

from homotopy.numerics.double_double import DoubleDouble, matmul
from homotopy.numerics.symmetric_eigen import symmetric_eigen, tournament

DIGITS = 80


def orthogonal(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def graded(size, condition):
    """XᵀX in double-double, its eigenvalues 1 … 1/condition."""
    factor = (orthogonal(size, 1) * np.geomspace(1.0, condition**-0.5, size)) @ orthogonal(size, 2)
    return matmul(factor.T, factor)


def clustered(size, spread):
    values = 1.0 + spread * np.arange(size)
    values[-1] = 3.0
    rotation = DoubleDouble.of(orthogonal(size, 3))
    matrix = rotation @ (DoubleDouble.of(values[:, None]) * rotation.T)
    return (matrix + matrix.T) * 0.5


def random_symmetric(size):
    matrix = np.random.default_rng(size).normal(size=(size, size))
    return DoubleDouble.of(matrix + matrix.T)


MATRICES = {
    "size 1": DoubleDouble.of(np.array([[-2.5]])),
    "size 2": random_symmetric(2),
    "odd": random_symmetric(7),
    "even": random_symmetric(8),
    "graded 1e10": graded(6, 1e10),
    "graded 1e14": graded(5, 1e14),
    "graded 1e20": graded(5, 1e20),
    "clustered 1e-9": clustered(6, 1e-9),
    "clustered 1e-15": clustered(5, 1e-15),
    "repeated": DoubleDouble.of(np.array([[2.0, 0, 1], [0, 3.0, 0], [1, 0, 2.0]])),
    "two blocks": DoubleDouble.of(np.kron(np.eye(2), [[1.0, 0.5], [0.5, 1.0]])),
    "zero": DoubleDouble.of(np.zeros((3, 3))),
    "diagonal, out of order": DoubleDouble.of(np.diag([3.0, -1.0, 2.0, 1e-25])),
    "tiny entries": DoubleDouble.of(1e-140 * random_symmetric(4).high),
}


def exact(matrix):
    """A DoubleDouble array, entry by entry, as an mpmath matrix."""
    return mp.matrix(np.vectorize(mpf)(matrix.high).tolist()) + mp.matrix(
        np.vectorize(mpf)(matrix.low).tolist()
    )


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@mp.workdps(DIGITS)
def test_against_eighty_digits(matrix):
    size = matrix.shape[0]
    values, vectors = symmetric_eigen(matrix)
    reference = exact(matrix)
    scale = max(abs(entry) for entry in reference)
    expected = sorted(mp.eigsy(reference, eigvals_only=True)) if size > 1 else [reference[0]]
    error = max(abs(mpf(values.high[k]) + mpf(values.low[k]) - expected[k]) for k in range(size))
    assert error <= mpf("3e-30") * scale
    assert np.all(np.diff(values.high) >= 0)

    # LAPACK's vectors are orthonormal to a few 1e-16, and one Newton–Schulz step squares that.
    basis = exact(vectors)
    assert mp.mnorm(basis.T * basis - mp.eye(size), 1) <= mpf("1e-29")
    diagonal = mp.diag([mpf(v) for v in values.high]) + mp.diag([mpf(v) for v in values.low])
    assert mp.mnorm(reference * basis - basis * diagonal, 1) <= mpf("1e-29") * scale


@pytest.mark.parametrize(("condition", "allowed"), [(1e10, 1e-20), (1e12, 1e-18), (1e14, 1e-16)])
def test_every_eigenvalue_of_a_graded_gram_matrix_is_relatively_accurate(condition, allowed):
    matrix = graded(5, condition)
    values, _ = symmetric_eigen(matrix)
    with mp.workdps(DIGITS):
        expected = sorted(mp.eigsy(exact(matrix), eigvals_only=True))
        for high, low, truth in zip(values.high, values.low, expected, strict=True):
            assert abs(mpf(high) + mpf(low) - truth) <= allowed * truth


@pytest.mark.parametrize("size", [2, 4, 6, 10])
def test_a_tournament_plays_every_pair_once_and_nobody_twice_in_a_round(size):
    rounds = tournament(size)
    assert rounds.shape == (size - 1, size // 2, 2)
    for pairs in rounds:
        assert sorted(pairs.ravel().tolist()) == list(range(size))
    played = [tuple(pair) for pairs in rounds.tolist() for pair in pairs]
    assert sorted(played) == list(combinations(range(size), 2))
