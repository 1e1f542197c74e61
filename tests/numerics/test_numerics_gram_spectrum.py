"""Spectra of FᵀF by rotations of F, against mpmath at a hundred digits."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from rounding import assert_same_number

from homotopy.numerics.gram_spectrum import gram_spectrum

DIGITS = 100
HEIGHT, SIZE = 7, 5

spectrum = jax.jit(gram_spectrum)


@mp.workdps(DIGITS)
def reference(factor):
    """Eigenvalues of factorᵀ factor, ascending."""
    exact = mp.matrix(np.vectorize(mpf)(factor).tolist())
    gram = exact.T * exact
    if factor.shape[1] == 1:
        return [gram[0, 0]]
    return sorted(mp.eigsy(gram, eigvals_only=True))


def orthogonality(size):
    """Rotations of one sweep leave at most a few roundings each."""
    return 4e-15 * max(size, 2)


def assert_spectrum(factor, rtol=1e-14):
    factor = np.asarray(factor, float)
    values, vectors = (np.asarray(part) for part in spectrum(factor))
    size = factor.shape[1]
    with mp.workdps(DIGITS):
        for value, truth in zip(np.sort(values), reference(factor), strict=True):
            # What vanishes in the reference is there up to a hundred digits only.
            allowed = rtol * abs(truth) + mpf(10) ** -90
            assert abs(mpf(float(value)) - truth) <= allowed, (value, mp.nstr(truth, 20))
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), rtol=0, atol=orthogonality(size))
    gram = factor.T @ factor
    np.testing.assert_allclose(
        (vectors * values) @ vectors.T, gram, rtol=0, atol=1e-14 * np.max(np.abs(gram), initial=0.0)
    )
    return values, vectors


def well_conditioned(height=HEIGHT, size=SIZE):
    return np.random.default_rng([height, size]).normal(size=(height, size))


def stacked(eigenvalues, group=2, scale=1.0):
    """√Λ over rows of a deleted group: the factor of H_ε in modal coordinates."""
    eigenvalues = np.asarray(eigenvalues, float)
    rows = np.random.default_rng(group).normal(size=(group, SIZE))
    # A direction of curvature λ is seen by the points with about √λ.
    return np.vstack([np.diag(np.sqrt(eigenvalues)), scale * rows * np.sqrt(eigenvalues)])


FACTORS = {
    "ordinary": well_conditioned(),
    # FᵀF = S AᵀA S with A well conditioned and S a scaling: small eigenvalues are determined.
    "columns graded 1e5": well_conditioned() * np.geomspace(1.0, 1e-5, SIZE),
    "columns graded 1e10": well_conditioned() * np.geomspace(1.0, 1e-10, SIZE),
    "columns graded 1e10, upwards": well_conditioned() * np.geomspace(1e-10, 1.0, SIZE),
    "columns in no order": well_conditioned() * np.array([1e-3, 1.0, 1e-10, 1e4, 1e-6]),
    "a group on a graded spectrum": stacked(np.geomspace(1e-20, 1.0, SIZE)),
    "a weak group": stacked(np.geomspace(1e-10, 1.0, SIZE), scale=1e-9),
    "a group on a repeated spectrum": stacked([4.0, 4.0, 1.0, 1.0, 1.0]),
    "a group on a cluster": stacked(1.0 + 1e-14 * np.arange(SIZE)),
    "tiny units": 1e-100 * well_conditioned(),
    "huge units": 1e100 * well_conditioned(),
    "already diagonal": np.vstack([np.diag([3.0, 1.0, 2.0, 1e-9, 5.0]), np.zeros((2, SIZE))]),
    "a zero column": well_conditioned() * np.array([1.0, 1.0, 0.0, 1.0, 1.0]),
    "nothing": np.zeros((HEIGHT, SIZE)),
}


@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
def test_every_eigenvalue_has_full_relative_accuracy(factor):
    assert_spectrum(factor)


@pytest.mark.parametrize(("height", "size"), [(1, 1), (3, 1), (2, 2), (4, 3), (9, 4)])
def test_sizes(height, size):
    assert_spectrum(well_conditioned(height, size))


def test_fewer_rows_than_columns():
    # A factor of rank 2: three eigenvalues are zero, up to the square of a rounding of the rest.
    factor = well_conditioned(2, SIZE)
    values, vectors = (np.asarray(part) for part in spectrum(factor))
    expected = np.array([float(value) for value in reference(factor)])
    np.testing.assert_allclose(np.sort(values)[3:], expected[3:], rtol=1e-14)
    assert np.all(np.sort(values)[:3] <= 1e-30 * expected[-1])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), rtol=0, atol=2e-14)


def test_a_zero_column_stays_a_unit_eigenvector():
    values, vectors = assert_spectrum(FACTORS["a zero column"])
    assert values[2] == 0.0
    np.testing.assert_array_equal(vectors[:, 2], np.eye(SIZE)[2])
    np.testing.assert_array_equal(vectors[2], np.eye(SIZE)[2])


def test_columns_that_are_orthogonal_keep_their_place():
    values, vectors = assert_spectrum(FACTORS["already diagonal"])
    assert_same_number(values, np.array([3.0, 1.0, 2.0, 1e-9, 5.0]) ** 2, operations=2)
    np.testing.assert_array_equal(vectors, np.eye(SIZE))


@given(
    st.lists(st.floats(-10.0, 10.0), min_size=SIZE, max_size=SIZE),
    st.integers(0, 2**16),
)
def test_random_column_scalings(column_digits, seed):
    factor = np.random.default_rng(seed).normal(size=(HEIGHT, SIZE))
    # The accuracy promised is relative to the condition of the unscaled columns.
    condition = np.linalg.cond(factor / np.linalg.norm(factor, axis=0))
    assert_spectrum(factor * 10.0 ** np.array(column_digits), rtol=4e-15 * condition)
