"""θ(ε) and its derivatives against 50-digit arithmetic, textbook diagnostics and dense algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from oracles import arithmetic, problems
from oracles import response as oracle

import homotopy as hm

EPSILONS = np.array([0.0, 0.3, 1.0])
FINE = np.linspace(0.0, 1.0, 201)

each_problem = pytest.mark.parametrize("name", problems.ALL)
ONE_POINT = [name for name, data in problems.REGULAR.items() if len(data.deleted) == 1]
seeds = st.integers(0, 10**6)


def regression(data, ridge=0.0):
    return hm.LinearRegression(data.X, data.y, deleted=np.asarray(data.deleted), ridge=ridge)


def leaves_the_span(data):
    """Whether a deleted row is no combination of the retained ones."""
    kept = np.delete(data.X, data.deleted, axis=0)
    return np.linalg.matrix_rank(data.X) > np.linalg.matrix_rank(kept)


def assert_close(actual, expected, scale, tolerance=1e-12):
    """Row by row, relative to the row; a reference below 1e-30 of `scale` is its own rounding."""
    actual, expected = np.atleast_2d(actual), np.atleast_2d(expected)
    assert actual.shape == expected.shape
    error = np.linalg.norm(actual - expected, axis=1)
    allowed = tolerance * np.linalg.norm(expected, axis=1) + 1e-30 * scale
    assert np.all(error <= allowed), (error / allowed * tolerance).max()


def from_the_right(data, ridge):
    """The references just above ε = 0, where the derivatives are those at 0⁺ to 20 digits."""
    with mp.workdps(150):
        digits = oracle.response_digits.__wrapped__(
            data.X, data.y, data.deleted, ridge, [1e-25], data.theta0
        )
        return oracle.Response(*map(arithmetic.to_float64, digits))


# Closed form -------------------------------------------------------------------------------------


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_path_and_derivatives_are_those_of_fifty_digit_arithmetic(name, ridge):
    data = problems.ALL[name]
    path = hm.response(regression(data, ridge), EPSILONS, data.theta0)
    expected = oracle.response(data.X, data.y, data.deleted, ridge, EPSILONS, data.theta0)
    right = from_the_right(data, ridge)
    velocity = np.concatenate([right.velocity, expected.velocity[1:]])
    acceleration = np.concatenate([right.acceleration, expected.acceleration[1:]])
    scale = np.linalg.norm(expected.theta)
    assert_close(path.theta, expected.theta, scale)
    assert_close(path.velocity, velocity, scale)
    assert_close(path.acceleration, acceleration, scale)
    assert_close(path.ends, np.stack([right.theta[0], expected.theta[2]]), scale)
    assert_close(path.end_velocities, velocity[[0, 2]], scale)


@each_problem
def test_status_tells_where_the_path_jumps(name):
    data = problems.ALL[name]
    path = hm.response(regression(data), EPSILONS, data.theta0)
    jumps = leaves_the_span(data)
    assert (path.status == hm.results.ResponseStatus.jump) == jumps
    assert (path.status == hm.results.ResponseStatus.successful) == (not jumps)
    moved = np.linalg.norm(path.ends[0] - path.theta[0])
    if jumps:
        deleted_fit = oracle.deleted_fit(data.X, data.y, data.deleted, 0.0, data.theta0)
        assert_close(path.theta[0], deleted_fit, 1.0)
        assert moved > 1e-3
    else:
        assert moved <= 1e-12 * np.linalg.norm(path.theta[0])


def test_default_start_gives_the_fits_of_least_norm():
    data = problems.underdetermined()
    path = hm.response(regression(data), [0.0, 1.0])
    kept = np.delete(np.arange(len(data.y)), data.deleted)
    expected = [np.linalg.pinv(data.X[kept]) @ data.y[kept], np.linalg.pinv(data.X) @ data.y]
    np.testing.assert_allclose(path.theta, expected, rtol=0, atol=1e-12)


def test_derivatives_are_those_of_the_path_by_automatic_differentiation():
    data = problems.group(size=3)
    problem = regression(data)

    def part(name):
        return lambda epsilons: getattr(hm.response(problem, epsilons), name)

    epsilons = jnp.asarray([0.2, 0.9])
    for primitive, derivative in (("theta", "velocity"), ("velocity", "acceleration")):
        jacobian = jax.jit(jax.jacfwd(part(primitive)))(epsilons)
        expected = part(derivative)(epsilons)
        np.testing.assert_allclose(np.einsum("kdk->kd", jacobian), expected, rtol=1e-12, atol=1e-14)


# One point ---------------------------------------------------------------------------------------


def leverage(data):
    """P = xᵀH⁻¹x by elimination in 50 digits."""
    with mp.workdps(50):
        gram = arithmetic.regression(data.X, data.y, data.deleted).at(1).gram
        x = mp.matrix(arithmetic.vector(data.X[data.deleted[0]]))
        return float(arithmetic.dot(list(x), list(mp.lu_solve(mp.matrix(gram), x))))


@pytest.mark.parametrize("name", ONE_POINT)
def test_speeds_at_the_ends_differ_by_the_square_of_one_minus_the_leverage(name):
    data = problems.ALL[name]
    path = hm.response(regression(data), EPSILONS)
    expected = (1 - leverage(data)) ** 2 * path.end_velocities[0]
    assert_close(path.end_velocities[1], expected, 1.0)


@pytest.mark.parametrize("name", [*ONE_POINT, "duplicated columns"])
def test_path_of_one_point_is_a_straight_segment(name):
    data = problems.ALL[name]
    path = hm.response(regression(data), FINE, data.theta0)
    theta, ends = np.asarray(path.theta), np.asarray(path.ends)
    # Rounding of θ across a chord that may be short beside it.
    chord = ends[1] - ends[0]
    length = np.linalg.norm(chord)
    assert path.bend <= 1e-14 * np.linalg.norm(theta, axis=1).max() / length
    # Travelled from one end to the other, without turning back.
    along = (theta - ends[0]) @ chord / length**2
    assert np.all(np.diff(along) > 0)
    np.testing.assert_allclose(along[[0, -1]], [0, 1], atol=1e-11)


def test_fits_differ_by_the_textbook_formula():
    data = problems.well_conditioned()
    problem, j = regression(data), data.deleted[0]
    hessian = data.X.T @ data.X
    residual = data.y[j] - data.X[j] @ np.linalg.solve(hessian, data.X.T @ data.y)
    moved = np.linalg.solve(hessian, data.X[j]) * residual / (1 - leverage(data))
    np.testing.assert_allclose(problem.full_fit() - problem.deleted_fit(), moved, rtol=1e-11)


# Bend and bound ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["group of three", "group larger than d"])
def test_bend_of_a_group_is_that_of_dense_solutions(name):
    data = problems.ALL[name]
    path = hm.response(regression(data), FINE)
    weights = np.ones((FINE.size, len(data.y)))
    weights[:, data.deleted] = FINE[:, None]
    weighted = weights[:, None, :] * data.X.T
    theta = np.linalg.solve(weighted @ data.X, (weighted @ data.y)[..., None])[..., 0]
    chord = theta[-1] - theta[0]
    offset = theta - theta[0]
    across = offset - np.outer(offset @ chord, chord) / (chord @ chord)
    expected = np.linalg.norm(across, axis=1).max() / np.linalg.norm(chord)
    assert expected > 1e-2
    np.testing.assert_allclose(path.bend, expected, rtol=1e-11)


def test_bend_is_zero_where_nothing_moves():
    # The deleted target lies on the fit without it.
    X = np.array([[1.0], [1.0], [1.0]])
    path = hm.response(hm.LinearRegression(X, [1.0, 3.0, 2.0], deleted=2), FINE)
    np.testing.assert_array_equal(path.theta, np.full((FINE.size, 1), 2.0))
    assert path.bend == 0 and path.velocity_change == 0


@each_problem
def test_change_of_velocity_is_below_its_bound(name):
    data = problems.ALL[name]
    path = hm.response(regression(data), FINE, data.theta0)
    start, end = path.end_velocities
    np.testing.assert_allclose(path.velocity_change, np.linalg.norm(end - start), rtol=1e-13)
    largest = max(np.linalg.norm(a) for a in np.asarray(path.acceleration))
    np.testing.assert_allclose(path.velocity_change_bound, largest, rtol=1e-13)
    assert path.velocity_change <= path.velocity_change_bound * (1 + 1e-12)


# statsmodels -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["stackloss", "longley"])
def diagnostics(request):
    """A classic data set, columns in units of their size, with its diagnostics and problems."""
    table = getattr(sm.datasets, request.param).load_pandas()
    X = sm.add_constant(table.exog).to_numpy(dtype=float)
    X = X / np.linalg.norm(X, axis=0)  # longley's columns differ by 1e6: statsmodels would lose it
    y = table.endog.to_numpy(dtype=float) / 1000
    influence = sm.OLS(y, X).fit().get_influence()
    return influence, [hm.LinearRegression(X, y, deleted=j) for j in range(len(y))]


def test_leverage_is_that_of_statsmodels(diagnostics):
    influence, rows = diagnostics
    ends = np.stack([hm.response(problem, [0.0, 1.0]).end_velocities for problem in rows])
    ratio = np.einsum("jd,jd->j", ends[:, 1], ends[:, 0]) / np.sum(ends[:, 0] ** 2, axis=1)
    np.testing.assert_allclose(1 - np.sqrt(ratio), influence.hat_matrix_diag, rtol=1e-9)


def test_leave_one_out_parameters_are_those_of_statsmodels(diagnostics):
    influence, rows = diagnostics
    full = np.stack([problem.full_fit() for problem in rows])
    deleted = np.stack([problem.deleted_fit() for problem in rows])
    # statsmodels' own error, the condition number of X times a rounding, is what limits this.
    size = np.abs(full).max()
    np.testing.assert_allclose(full, np.tile(influence.results.params, (len(rows), 1)), rtol=1e-9)
    np.testing.assert_allclose(full - deleted, influence.dfbeta, rtol=1e-8, atol=1e-10 * size)
    np.testing.assert_allclose(
        deleted, influence.results.params - influence.dfbeta, rtol=1e-8, atol=1e-10 * size
    )


def test_influence_is_one_minus_the_leverage_times_the_change(diagnostics):
    influence, rows = diagnostics
    speeds = np.stack([hm.response(problem, [1.0]).velocity[0] for problem in rows])
    expected = influence.dfbeta * (1 - influence.hat_matrix_diag)[:, None]
    size = np.abs(influence.results.params).max()
    np.testing.assert_allclose(speeds, expected, rtol=1e-8, atol=1e-10 * size)


# Invariances -------------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=10)
def test_rotating_the_parameters_rotates_the_path(seed):
    data = problems.group(seed=seed % 1000, size=3)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    path = hm.response(regression(data), EPSILONS)
    turned = hm.response(regression(data._replace(X=data.X @ turn)), EPSILONS)
    for part in ("theta", "velocity", "acceleration"):
        ours, theirs = getattr(turned, part) @ turn.T, getattr(path, part)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())
    np.testing.assert_allclose(turned.bend, path.bend, rtol=1e-9)


@given(seeds, st.floats(0.01, 100.0))
@settings(max_examples=10)
def test_order_of_the_data_and_unit_of_the_target(seed, unit):
    data = problems.group(seed=seed % 1000, size=3)
    order = np.random.default_rng(seed).permutation(len(data.y))
    moved = problems.Data(
        data.X[order], unit * data.y[order], np.argsort(order)[data.deleted], data.theta0
    )
    path, permuted = (hm.response(regression(d), EPSILONS) for d in (data, moved))
    for part in ("theta", "velocity", "acceleration"):
        ours, theirs = getattr(permuted, part), unit * getattr(path, part)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())
    np.testing.assert_allclose(permuted.bend, path.bend, rtol=1e-9)


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([-0.1, 0.5],), r"epsilons: expected weights in \[0, 1\], got -0.1"),
        (([0.5, 1.5],), r"epsilons: expected weights in \[0, 1\], got 0.5…1.5"),
        (([0.5, np.nan],), "epsilons: expected finite numbers, got NaN in entry 1"),
        (([],), r"epsilons: expected a non-empty vector, got shape \(0,\)"),
        ((0.5,), r"epsilons: expected a non-empty vector, got shape \(\)"),
        ((np.zeros((2, 2)),), r"epsilons: expected a non-empty vector, got shape \(2, 2\)"),
        (([0.5], np.zeros(3)), r"theta0: expected a vector of length 4, got shape \(3,\)"),
        (([0.5], np.full(4, np.nan)), "theta0: expected finite numbers"),
    ],
)
def test_bad_input_is_named(arguments, message):
    problem = regression(problems.well_conditioned())
    with pytest.raises(ValueError, match=message):
        hm.response(problem, *arguments)


def test_only_linear_regression_has_the_closed_form(without_shape_checks):
    data = problems.well_conditioned()
    problem = hm.Problem(hm.linear_model(4), hm.SquaredError(), data.X, data.y, deleted=0)
    with pytest.raises(TypeError, match="needs a LinearRegression, got Problem"):
        hm.response(problem, [0.5], method=hm.responses.ClosedForm())
