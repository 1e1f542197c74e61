"""LinearRegression: spectra and fits against 50 digits, formulas against autodiff."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp, mpf
from oracles import arithmetic, problems, response
from regressions import linear_regression, oracle_arguments, relative_error

import homotopy as hm
from homotopy.modal import ModalForm

each_problem = pytest.mark.parametrize("name", problems.ALL)
each_regular = pytest.mark.parametrize("name", problems.REGULAR)
each_singular = pytest.mark.parametrize("name", problems.SINGULAR)
EPSILONS = (0.0, 1e-9, 0.3, 1.0)

spectrum = jax.jit(ModalForm.spectrum)
seen_by = jax.jit(ModalForm.seen_by)


@mp.workdps(50)
def exact_eigenvalues(name, ridge, epsilon):
    """Of H_ε, ascending; the kernel exactly zero."""
    X, y, deleted, ridge, _ = oracle_arguments(name, ridge)
    basis = arithmetic.spectrum(arithmetic.regression(X, y, deleted, ridge).at(epsilon))
    return np.array(sorted(float(value) for value in basis.values))


def assert_eigenvalues(actual, expected, rtol=4e-15):
    """One by one; what is zero in theory may be the square of a rounding, beside the largest."""
    actual = np.sort(actual)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-30 * expected[-1])


# ------------------------------------------------------------------------------- modal form


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_every_eigenvalue_of_every_weight(name, ridge):
    problem = linear_regression(name, ridge)
    assert_eigenvalues(problem.modal.eigenvalues, exact_eigenvalues(name, ridge, 0.0))
    assert_eigenvalues(problem.modal.full.eigenvalues, exact_eigenvalues(name, ridge, 1.0))
    for epsilon in EPSILONS:
        values = spectrum(problem.modal, jnp.asarray(epsilon)).eigenvalues
        assert_eigenvalues(values, exact_eigenvalues(name, ridge, epsilon))


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_bases_are_orthonormal_and_diagonalise(name, ridge):
    data, problem = problems.ALL[name], linear_regression(name, ridge)
    modal, identity = problem.modal, np.eye(problem.dimension)
    kept = np.delete(data.X, data.deleted, axis=0)
    for matrix in (modal.basis, modal.full.rotation, spectrum(modal, jnp.asarray(0.3)).rotation):
        np.testing.assert_allclose(matrix.T @ matrix, identity, rtol=0, atol=1e-14)
    scale = np.linalg.norm(data.X, 2) ** 2 + ridge
    for inputs, basis, values in (
        (kept, modal.basis, modal.eigenvalues),
        (data.X, modal.basis @ modal.full.rotation, modal.full.eigenvalues),
    ):
        hessian = inputs.T @ inputs + ridge * identity
        np.testing.assert_allclose(
            hessian @ basis, basis * np.asarray(values)[None, :], rtol=0, atol=1e-14 * scale
        )


@each_problem
@mp.workdps(50)
def test_what_the_data_see_of_the_eigenbasis_and_residuals(name):
    data, problem = problems.ALL[name], linear_regression(name)
    modal, unit = problem.modal, 2.0**-53
    basis = np.asarray(modal.data_basis)
    np.testing.assert_allclose(basis[0], modal.basis @ modal.full.rotation, rtol=0, atol=1e-14)
    rows, residuals = map(np.asarray, seen_by(modal, problem.X, problem.y))
    columns = np.vectorize(mpf)(basis[0]) + np.vectorize(mpf)(basis[1])
    expected = np.vectorize(mpf)(data.X) @ columns
    kernel = np.asarray(modal.full.eigenvalues == 0.0)
    assert not np.any(rows[:, kernel])
    d = problem.dimension
    # Half a unit in the last place, and what `accurate_product` states beside it.
    least = 2.0**-95 * d**2 * np.max(np.abs(data.X), axis=1, keepdims=True)
    error = np.abs((rows - expected).astype(float))[:, ~kernel]
    assert np.all(error <= unit * np.abs(rows)[:, ~kernel] + least)
    fit = response.fit_digits(data.X, data.y, data.deleted, 0.0, 1.0)
    expected = np.vectorize(mpf)(data.y) - np.vectorize(mpf)(data.X) @ np.array(fit)
    error = np.abs((residuals - expected).astype(float))
    size = np.abs(data.X) @ np.abs(np.array(fit, float)) + np.abs(data.y)
    assert np.all(error <= unit * np.abs(residuals) + 1e-18 * size)


@each_regular
def test_leverages(name):
    X, y, deleted, ridge, _ = oracle_arguments(name)
    with mp.workdps(50):
        gram = mp.matrix(arithmetic.regression(X, y, deleted, ridge).kept.gram)
        rows = mp.matrix(arithmetic.matrix(X[deleted]))
        update = rows * mp.inverse(gram) * rows.T
        values = mp.eigsy(update, eigvals_only=True) if len(deleted) > 1 else [update[0, 0]]
        expected = np.array(sorted(float(value) for value in values))
    actual = np.sort(linear_regression(name).modal.leverages)
    # A group of more points than parameters has eigenvalues that vanish in theory.
    np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=1e-25 * expected[-1])


@each_singular
def test_directions_that_no_retained_point_sees_are_exact_zeros(name):
    problem, data = linear_regression(name), problems.ALL[name]
    kept = np.delete(data.X, data.deleted, axis=0)
    rank = np.linalg.matrix_rank(kept)
    modal = problem.modal
    assert np.sum(modal.eigenvalues == 0.0) == problem.dimension - rank > 0
    np.testing.assert_array_equal(modal.kernel, modal.eigenvalues == 0.0)
    np.testing.assert_array_equal(np.asarray(modal.equilibrium)[modal.kernel], 0.0)
    # No kernel where there is a ridge.
    assert not np.any(linear_regression(name, 0.5).modal.kernel)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("well conditioned", 4),
        ("ill conditioned", 4),
        ("repeated eigenvalues", 2),  # one direction in each eigenspace
        ("repeated eigenvalues, rotated", 2),
        ("point in one eigenspace", 1),
        ("identity design", 1),
        ("duplicated columns", 3),
        ("duplicated columns, point leaves the span", 4),
        ("underdetermined", 3),
        ("underdetermined, point in the span", 2),
    ],
)
def test_the_modes_that_a_point_reaches(name, count):
    modal = linear_regression(name).modal
    assert np.sum(modal.active) == count
    assert np.all(np.asarray(modal.active)[:count]), "active modes come first"
    np.testing.assert_array_equal(modal.active, modal.rows[0] != 0.0)
    assert np.all(np.diff(modal.eigenvalues[:count]) > 0)


def test_a_large_dimension_goes_by_lapack():
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(310, 301)), generator.normal(size=310)
    problem = hm.LinearRegression(X, y, deleted=7)
    expected = np.linalg.eigvalsh(np.delete(X, 7, axis=0).T @ np.delete(X, 7, axis=0))
    np.testing.assert_allclose(
        np.sort(problem.modal.eigenvalues), expected, rtol=0, atol=1e-12 * expected[-1]
    )
    gradient = problem.gradient(problem.full_fit())
    assert np.linalg.norm(gradient) <= 1e-8 * np.linalg.norm(X.T @ y)


# ---------------------------------------------------------------------------------- fits


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_fits_are_limits_of_the_flow(name, ridge):
    problem = linear_regression(name, ridge)
    X, y, deleted, _, theta0 = oracle_arguments(name, ridge)
    for start in (None, theta0):
        full, deleted_fit = (
            oracle(X, y, deleted, ridge, start)
            for oracle in (response.full_fit, response.deleted_fit)
        )
        assert relative_error(problem.full_fit(start), full) <= 1e-14
        assert relative_error(problem.deleted_fit(start), deleted_fit) <= 1e-14
    between = response.response(X, y, deleted, ridge, [0.3], theta0).theta[0]
    assert relative_error(problem.fit(0.3, theta0), between) <= 1e-14


@each_singular
def test_the_kernel_part_of_the_start_is_kept(name):
    data, problem = problems.ALL[name], linear_regression(name)
    for inputs, fit in (
        (np.delete(data.X, data.deleted, axis=0), problem.deleted_fit),
        (data.X, problem.full_fit),
    ):
        rank = np.linalg.matrix_rank(inputs)
        kernel = np.linalg.svd(inputs)[2][rank:]
        at_rest, kept = fit(), fit(jnp.asarray(data.theta0))
        np.testing.assert_allclose(kernel @ at_rest, 0.0, rtol=0, atol=1e-14)
        np.testing.assert_allclose(kernel @ kept, kernel @ data.theta0, rtol=0, atol=1e-14)
        np.testing.assert_allclose(inputs @ kept, inputs @ at_rest, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["well conditioned", "underdetermined", "duplicated columns"])
def test_from_zeros_it_is_numpys_least_squares_solution(name):
    data, problem = problems.ALL[name], linear_regression(name)
    expected = np.linalg.lstsq(data.X, data.y)[0]
    np.testing.assert_allclose(problem.full_fit(), expected, rtol=1e-12, atol=1e-13)


@each_problem
def test_the_order_of_the_rows_does_not_matter(name):
    data, problem = problems.ALL[name], linear_regression(name)
    order = np.random.default_rng(0).permutation(problem.size)
    moved = [int(np.flatnonzero(order == row)[0]) for row in data.deleted]
    other = hm.LinearRegression(data.X[order], data.y[order], deleted=moved[::-1])
    for fit in ("full_fit", "deleted_fit"):
        expected = getattr(problem, fit)(data.theta0)
        assert relative_error(getattr(other, fit)(data.theta0), expected) <= 1e-14


# ------------------------------------------------- risk and derivatives, against autodiff


@pytest.mark.parametrize("name", ["ill conditioned", "group of three", "underdetermined"])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_formulas_against_automatic_differentiation(name, ridge):
    data, problem = problems.ALL[name], linear_regression(name, ridge)
    generic = hm.Problem(
        hm.linear_model(problem.dimension),
        hm.SquaredError(),
        data.X,
        data.y,
        deleted=data.deleted,
        ridge=ridge,
    )
    generator = np.random.default_rng(1)
    theta = jnp.asarray(generator.normal(size=problem.dimension))
    vector = jnp.asarray(generator.normal(size=problem.dimension))
    weights = [0.0, 0.4, 1.0, jnp.asarray(generator.uniform(size=len(data.deleted)))]
    for epsilon in weights:
        kept = np.ones(problem.size)
        kept[data.deleted] = epsilon
        residual = data.X @ np.asarray(theta) - data.y
        risk = 0.5 * np.sum(kept * residual**2) + 0.5 * ridge * np.sum(np.asarray(theta) ** 2)
        assert float(problem.risk(theta, epsilon)) == pytest.approx(risk, rel=1e-14)
        for method, arguments in (("gradient", ()), ("hessian", ()), ("hvp", (vector,))):
            actual = getattr(problem, method)(theta, *arguments, epsilon)
            expected = getattr(generic, method)(theta, *arguments, epsilon)
            scale = np.max(np.abs(expected))
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-14 * scale)
    for method in ("deleted_loss", "deleted_gradient", "losses"):
        np.testing.assert_allclose(
            getattr(problem, method)(theta), getattr(generic, method)(theta), rtol=1e-14
        )


# ------------------------------------------------------------------------------ precision


def test_single_precision_by_name():
    data = problems.ALL["well conditioned"]
    problem = hm.LinearRegression(data.X, data.y, deleted=data.deleted, dtype=jnp.float32)
    floats = [
        leaf.dtype
        for leaf in jax.tree.leaves(problem)
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    assert set(floats) == {jnp.dtype(jnp.float32)}
    double = linear_regression("well conditioned")
    fit = problem.deleted_fit()
    assert fit.dtype == jnp.float32
    np.testing.assert_allclose(fit, double.deleted_fit(), rtol=1e-5)
    schedule, times = hm.PiecewiseConstant([0.05, 0.1], [1.0, 0.4, 0.0]), [0.07, 0.2]
    theta = hm.flow(problem, schedule, data.theta0, times).theta
    assert theta.dtype == jnp.float32
    expected = hm.flow(double, schedule, data.theta0, times).theta
    np.testing.assert_allclose(theta, expected, rtol=1e-4, atol=1e-5)


def test_single_precision_by_accident_is_refused():
    data = problems.ALL["well conditioned"]
    with jax.enable_x64(False):
        with pytest.raises(ValueError, match=r"homotopy\.enable_x64\(\)"):
            hm.LinearRegression(data.X, data.y, deleted=0)
        with pytest.raises(ValueError, match="dtype: float64 was asked for"):
            hm.LinearRegression(data.X, data.y, deleted=0, dtype=np.float64)


def test_float32_data_are_taken_as_exact_numbers():
    data = problems.ALL["well conditioned"]
    X, y = data.X.astype(np.float32), data.y.astype(np.float32)
    problem = hm.LinearRegression(X, y, deleted=0)
    expected = response.deleted_fit(X.astype(float), y.astype(float), [0])
    assert problem.X.dtype == jnp.float64
    assert relative_error(problem.deleted_fit(), expected) <= 1e-14


# ---------------------------------------------------------------------------------- memory


def test_building_takes_one_copy_of_the_data_and_little_more():
    X = np.random.default_rng(0).normal(size=(40_000, 20))
    y = X.sum(axis=1)
    hm.LinearRegression(X[:50], y[:50], deleted=0)
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        try:
            problem = hm.LinearRegression(X, y, deleted=0)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # NumPy's memory is traced and JAX's is not: the copy is NumPy's, and JAX has no other. The
    # least of three, as what other threads allocate meanwhile is traced as well.
    assert X.nbytes <= min(peaks) <= 1.5 * X.nbytes
    owner = np.asarray(problem.X)
    assert owner.ctypes.data == problem.X.unsafe_buffer_pointer()
    assert not np.shares_memory(owner, X)


# ------------------------------------------------------------------------------- bad input

GOOD = {"X": [[1.0, 2.0], [0.5, 1.0], [3.0, -1.0]], "y": [1.0, 2.0, 3.0], "deleted": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [1.0, 2.0, 3.0]}, r"X: expected a non-empty matrix \(n, p\), got shape \(3,\)"),
        ({"X": np.zeros((3, 0))}, r"X: expected a non-empty matrix .* \(3, 0\)"),
        ({"X": [[1.0, np.nan], [0.0, 1.0], [1.0, 1.0]]}, "X: expected finite numbers"),
        ({"X": [["a", "b"], ["c", "d"], ["e", "f"]]}, "X: expected numbers, got text, 'a'"),
        ({"y": [1.0, 2.0]}, r"y: expected 3 targets, as X has rows, got shape \(2,\)"),
        ({"y": [1.0, np.inf, 0.0]}, "y: expected finite numbers"),
        ({"y": [[1.0], [2.0], [3.0]]}, r"y: expected a vector of 3 targets, got shape \(3, 1\)"),
        ({"deleted": 3}, r"deleted: expected row numbers from 0 to 2, got \[3\]"),
        ({"deleted": -1}, r"deleted: expected row numbers from 0 to 2, got \[-1\]"),
        ({"deleted": [1, 1]}, r"deleted: a row is named twice in \[1, 1\]"),
        ({"deleted": []}, "deleted: expected a row number"),
        ({"deleted": 0.5}, "deleted: expected a row number"),
        ({"deleted": True}, "deleted: expected a row number"),
        ({"deleted": [0, 1, 2]}, "deleted: all 3 rows are deleted; at least one must stay"),
        ({"ridge": -1.0}, r"ridge: expected a finite number >= 0, got -1\.0"),
        ({"ridge": np.nan}, "ridge: expected a finite number"),
        ({"ridge": [1.0, 2.0]}, "ridge: expected one number, as closed forms need"),
        ({"ridge": [1.0, 2.0, 3.0]}, "ridge: expected a finite number"),
        ({"dtype": int}, "dtype: expected a floating-point type, got int64"),
    ],
)
def test_bad_input(without_shape_checks, change, message):
    with pytest.raises(ValueError, match=message):
        hm.LinearRegression(**(GOOD | change))


def test_bad_starts(without_shape_checks):
    problem = hm.LinearRegression(**GOOD)
    with pytest.raises(ValueError, match=r"theta0: .* vector of length 2, got shape \(3,\)"):
        problem.full_fit(jnp.zeros(3))
    with pytest.raises(ValueError, match="theta0: expected finite numbers, got NaN"):
        problem.deleted_fit(jnp.asarray([1.0, np.nan]))


def test_data_that_are_being_traced_are_refused():
    with pytest.raises(TypeError, match="X, y, deleted: a problem is built from concrete arrays"):
        jax.jit(lambda X: hm.LinearRegression(X, GOOD["y"], deleted=0).full_fit())(
            jnp.asarray(GOOD["X"])
        )
