"""Spectra of D + ρzzᵀ against mpmath at 250 digits: every eigenvalue, however graded."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from homotopy.numerics.known_rank_one import rank_one_spectra
from homotopy.numerics.rank_one import rank_one_spectrum

DIGITS = 250
SIZE = 5
ROUNDING = 2e-15  # relative, of an eigenvalue: nine units in the last place

spectrum = jax.jit(rank_one_spectrum)


def by_roots(poles, vector, weight):
    """Of known numbers, root by root."""
    poles, vector = np.asarray(poles, float), np.asarray(vector, float)
    values, rows = rank_one_spectra(
        poles, vector, int(np.count_nonzero(vector)), np.array([float(weight)])
    )
    return values[0], rows[0].T


def all_at_once(poles, vector, weight):
    """By JAX."""
    poles, vector = jnp.asarray(poles, float), jnp.asarray(vector, float)
    values, vectors = spectrum(poles, vector, vector != 0.0, jnp.asarray(float(weight)))
    return np.asarray(values), np.asarray(vectors)


KERNELS = {"all at once": all_at_once, "by roots": by_roots}
chosen = ["all at once"]


@pytest.fixture(scope="module", autouse=True, params=KERNELS)
def kernel(request):
    chosen[0] = request.param


def run(poles, vector, weight):
    """The kernel under test, on coordinates of which the zeros in z come last."""
    return KERNELS[chosen[0]](poles, vector, weight)


def matrix_of(poles, vector, weight):
    z = [mpf(entry) for entry in vector]
    matrix = mp.matrix([[mpf(weight) * a * b for b in z] for a in z])
    for k, pole in enumerate(poles):
        matrix[k, k] += mpf(pole)
    return matrix


def reference_values(poles, vector, weight):
    """Eigenvalues in ascending order, as mpmath numbers; the same ones for both kernels."""
    return _values(tuple(map(float, poles)), tuple(map(float, vector)), float(weight))


@cache
@mp.workdps(DIGITS)
def _values(*given):
    return sorted(mp.eigsy(matrix_of(*given), eigvals_only=True))


@mp.workdps(DIGITS)
def reference(poles, vector, weight):
    """Eigenvalues in ascending order and their eigenvectors (rows), as mpmath numbers."""
    z = [float(entry) for entry in vector]
    values, columns = mp.eigsy(matrix_of(map(float, poles), z, float(weight)))
    rows = [[columns[i, k] for i in range(len(z))] for k in range(len(z))]
    order = sorted(range(len(z)), key=values.__getitem__)
    return [values[k] for k in order], [rows[k] for k in order]


def assert_spectrum(poles, vector, weight):
    """Eigenvalues relatively accurate one by one, eigenvectors orthonormal and consistent."""
    values, vectors = run(poles, vector, weight)
    expected = reference_values(poles, vector, weight)
    order = np.argsort(values, kind="stable")
    with mp.workdps(DIGITS):
        for value, truth in zip(values[order], expected, strict=True):
            # A zero pole that is inactive stays zero; the reference has it up to its rounding.
            error = abs(mpf(float(value)) - truth)
            assert error <= ROUNDING * truth + mpf(10) ** -120, (value, mp.nstr(truth, 20))
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(values)), rtol=0, atol=2e-15)
    # Together they give the matrix back, relative to its norm.
    z = np.asarray(vector, float)
    matrix = np.diag(np.asarray(poles, float)) + weight * z[:, None] * z[None, :]
    scale = max(np.max(np.abs(matrix)), np.finfo(float).tiny)
    np.testing.assert_allclose(
        (vectors * (values / scale)) @ vectors.T, matrix / scale, rtol=0, atol=5e-15
    )
    return values, vectors


GENERIC = np.array([0.3, -1.2, 0.7, 2.0, -0.4])
POLES = {
    "ordinary": [0.5, 1.0, 2.0, 3.5, 5.0],
    "from zero": [0.0, 1.0, 2.0, 3.5, 5.0],
    "graded 1e10": np.geomspace(1e-10, 1.0, SIZE),
    "graded 1e20": np.geomspace(1e-20, 1.0, SIZE),
    "graded 1e20 from zero": np.append(0.0, np.geomspace(1e-20, 1.0, SIZE - 1)),
    "a cluster 1e-8 wide": 1.0 + 1e-8 * np.arange(SIZE),
    "a cluster of neighbours": 1.0 + np.finfo(float).eps * 4.0 * np.arange(SIZE),
    "a pair and far ones": [1e-12, 1e-12 * (1 + 1e-14), 1.0, 1.0 + 1e-13, 1e6],
    "geometric to 1e6": np.geomspace(1e-6, 1e6, SIZE),
}
VECTORS = {
    "generic": GENERIC,
    "equal": np.ones(SIZE),
    "graded down": GENERIC * np.geomspace(1.0, 1e-12, SIZE),
    "graded up": GENERIC * np.geomspace(1e-12, 1.0, SIZE),
    "tiny couplings among large": GENERIC * np.array([1.0, 1e-9, 1.0, 1e-30, 1e-9]),
    "one far below the rounding": GENERIC * np.array([1.0, 1.0, 1e-120, 1.0, 1.0]),
    "two inactive": np.array([0.3, -1.2, 0.7, 0.0, 0.0]),
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
@pytest.mark.parametrize("poles", POLES.values(), ids=POLES)
def test_every_eigenvalue_has_full_relative_accuracy(poles, vector):
    for weight in (1.0, 1e-3, 1e-16):
        assert_spectrum(poles, vector, weight)


@pytest.mark.parametrize("weight", [1e-300, 1e-200, 1e-100, 1e-30, 1e10, 1e100])
@pytest.mark.parametrize("poles", ["ordinary", "from zero", "graded 1e20 from zero"])
def test_extreme_weights(poles, weight):
    assert_spectrum(POLES[poles], GENERIC, weight)


@pytest.mark.parametrize("poles", POLES.values(), ids=POLES)
def test_no_weight_changes_nothing(poles):
    values, vectors = run(poles, GENERIC, 0.0)
    np.testing.assert_array_equal(values, poles)
    np.testing.assert_array_equal(vectors, np.eye(SIZE))


def test_a_subnormal_update_changes_nothing_and_makes_no_nan():
    poles = POLES["from zero"]
    for scale in (1e-155, 1e-160, 1e-300, 5e-324):
        values, vectors = run(poles, np.full(SIZE, scale), 1.0)
        np.testing.assert_allclose(values, poles, rtol=ROUNDING, atol=1e-300)
        np.testing.assert_allclose(vectors, np.eye(SIZE), rtol=0, atol=1e-15)


def test_the_roots_interlace_the_poles_and_keep_their_order():
    poles = np.array(POLES["ordinary"])
    for weight in np.geomspace(1e-14, 1e6, 30):
        values, _ = assert_spectrum(poles, GENERIC, weight)
        assert np.all(values >= poles)
        assert np.all(values[:-1] <= poles[1:])
        assert values[-1] <= poles[-1] + weight * np.sum(GENERIC**2) * (1 + 1e-15)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_sizes(size):
    generator = np.random.default_rng(size)
    poles = np.sort(generator.uniform(0.0, 3.0, size))
    for weight in (1.0, 0.01):
        assert_spectrum(poles, generator.normal(size=size), weight)
    values, vectors = run(poles, np.zeros(size), 1.0)  # no active coordinate at all
    np.testing.assert_array_equal(values, poles)
    np.testing.assert_array_equal(vectors, np.eye(size))


def test_inactive_coordinates_may_repeat_poles_of_active_ones():
    poles, vector = [1.0, 4.0, 4.0, 1.0, 0.0], [0.5, -2.0, 0.0, 0.0, 0.0]
    values, vectors = assert_spectrum(poles, vector, 0.7)
    np.testing.assert_array_equal(values[2:], [4.0, 1.0, 0.0])
    np.testing.assert_array_equal(vectors[:, 2:], np.eye(SIZE)[:, 2:])


@pytest.mark.parametrize("poles", ["ordinary", "graded 1e20", "geometric to 1e6"])
@pytest.mark.parametrize("vector", ["generic", "graded down", "graded up"])
def test_eigenvectors_where_they_are_well_determined(poles, vector):
    # Relative gaps are large here, so that the vectors too have a relative accuracy.
    _, vectors = assert_spectrum(POLES[poles], VECTORS[vector], 1.0)
    values, _ = run(POLES[poles], VECTORS[vector], 1.0)
    _, expected = reference(POLES[poles], VECTORS[vector], 1.0)
    for column, truth in zip(vectors[:, np.argsort(values)].T, expected, strict=True):
        truth = np.array([float(entry) for entry in truth])
        truth *= np.sign(truth @ column)
        np.testing.assert_allclose(column, truth, rtol=0, atol=1e-13)
        # Small components too: this is what float64 `eigh` does not give.
        seen = np.abs(truth) > 1e-250
        np.testing.assert_allclose(column[seen], truth[seen], rtol=1e-10)


def test_a_batch_over_the_weight_is_the_same_as_one_by_one():
    poles, vector = jnp.asarray(POLES["graded 1e10"]), jnp.asarray(GENERIC)
    weights = jnp.asarray([0.0, 1e-12, 0.3, 1.0])
    batch = jax.jit(jax.vmap(lambda rho: rank_one_spectrum(poles, vector, vector != 0.0, rho)))
    values, vectors = batch(weights)
    for k, weight in enumerate(weights):
        one_values, one_vectors = all_at_once(poles, vector, weight)
        np.testing.assert_allclose(values[k], one_values, rtol=ROUNDING)
        np.testing.assert_allclose(vectors[k], one_vectors, rtol=0, atol=1e-14)


@settings(max_examples=30)
@given(
    st.lists(st.floats(-8.0, 8.0), min_size=SIZE, max_size=SIZE),
    st.lists(st.floats(-8.0, 8.0), min_size=SIZE, max_size=SIZE),
    st.floats(-12.0, 3.0),
)
def test_random_graded_problems(pole_digits, vector_digits, weight_digits):
    poles = np.unique(10.0 ** np.array(pole_digits))
    poles = np.sort(np.append(poles, 1e9 * (1 + np.arange(SIZE - len(poles)))))
    vector = 10.0 ** np.array(vector_digits) * np.array([1, -1, 1, 1, -1])
    assert_spectrum(poles, vector, 10.0**weight_digits)


def test_many_weights_in_threads_are_the_same_as_one_by_one():
    generator = np.random.default_rng(0)
    poles, vector = np.sort(generator.uniform(0.0, 3.0, 40)), generator.normal(size=40)
    weights = np.concatenate([[0.0], np.geomspace(1e-8, 1.0, 39)])
    values, rows = rank_one_spectra(poles, vector, 40, weights)
    for k, weight in enumerate(weights):
        one_values, one_vectors = by_roots(poles, vector, weight)
        np.testing.assert_array_equal(values[k], one_values)  # the same program
        np.testing.assert_array_equal(rows[k].T, one_vectors)
