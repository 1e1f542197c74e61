"""Λ − zzᵀ against fifty-digit arithmetic: every eigenvalue to rounding, whatever is left of it."""

import numpy as np
import pytest
from mpmath import mp, mpf

from homotopy.numerics.interlacing import downdated


def gaps_of(poles):
    return poles[:, None, :] - poles[:, :, None]


@mp.workdps(60)
def remainder_of(poles, vectors):
    return np.array(
        [
            float(1 - sum(mpf(z) ** 2 / mpf(p) for z, p in zip(*pair, strict=True)))
            for pair in zip(vectors.tolist(), poles.tolist(), strict=True)
        ]
    )


@mp.workdps(60)
def exact_eigenvalues(poles, vector):
    matrix = mp.diag([mpf(p) for p in poles.tolist()])
    z = mp.matrix([mpf(entry) for entry in vector.tolist()])
    return sorted(mp.eigsy(matrix - z * z.T, eigvals_only=True))


def assert_downdated(poles, vectors, count=None):
    count = np.count_nonzero(vectors, axis=1) if count is None else count
    found = downdated(poles, gaps_of(poles), vectors, remainder_of(poles, vectors), count)
    for row in range(len(poles)):
        expected = exact_eigenvalues(poles[row], vectors[row])
        for value, truth in zip(np.sort(found.eigenvalues[row]), expected, strict=True):
            assert abs(mpf(value) - truth) <= 4 * np.finfo(float).eps * abs(truth)
        W = found.vectors[row]
        size = len(W)
        np.testing.assert_allclose(W.T @ W, np.eye(size), rtol=0, atol=size * 1e-15)
        matrix = np.diag(poles[row]) - np.outer(vectors[row], vectors[row])
        scale = poles[row].max()
        np.testing.assert_allclose(
            matrix @ W, W * found.eigenvalues[row], rtol=0, atol=size * 1e-15 * scale
        )
        np.testing.assert_allclose(
            found.pulls[row], W.T @ vectors[row], rtol=0, atol=1e-15 * size * np.sqrt(scale)
        )
    return found


@pytest.mark.parametrize("condition", [1.0, 1e5, 1e12])
@pytest.mark.parametrize("remainder", [0.9, 1e-2, 1e-9])
def test_whatever_is_left_of_the_smallest(condition, remainder):
    generator = np.random.default_rng([int(np.log10(condition)), int(-np.log10(remainder))])
    poles = np.geomspace(1.0, condition, 6) * np.sort(generator.uniform(1.0, 1.5, (3, 6)))
    unit = generator.normal(size=(3, 6))
    unit *= np.sqrt(1.0 - remainder) / np.linalg.norm(unit, axis=1, keepdims=True)
    assert_downdated(poles, unit * np.sqrt(poles))


def test_coordinates_that_hardly_or_do_not_take_part():
    poles = np.array([[1.0, 2.0, 3.0, 4.0, 0.5], [1.0, 2.0, 2.5, 3.0, 7.0]])
    vectors = np.array([[0.3, 1e-40, 0.4, 0.2, 0.0], [0.5, 0.0, 0.0, 0.0, 0.0]])
    found = assert_downdated(poles, vectors)
    np.testing.assert_array_equal(found.eigenvalues[0, 4:], poles[0, 4:])
    np.testing.assert_array_equal(found.vectors[1, :, 1:], np.eye(5)[:, 1:])


def test_gaps_decide_where_eigenvalues_agree_in_float64():
    """Poles apart by less than a unit in the last place: gaps come in double-double."""
    apart = 2.0**-60
    poles = np.array([[1.0, 1.0]])
    gaps = np.array([[[0.0, apart], [-apart, 0.0]]])
    vector = np.array([[0.5, 0.5]])
    found = downdated(poles, gaps, vector, np.array([0.5]), np.array([2]))
    # To first order in the gap the upper root lies in its middle, between z and its rotation.
    np.testing.assert_allclose(found.eigenvalues, [[0.5, 1.0]], rtol=1e-15)
    np.testing.assert_allclose(np.abs(found.vectors[0]), np.full((2, 2), np.sqrt(0.5)), rtol=1e-15)


def test_one_coordinate():
    assert_downdated(np.array([[3.0]]), np.array([[1.5]]))
