"""Leverage and deletion diagnostics against statsmodels, 50 digits and refits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import statsmodels.api as sm
from mpmath import mp
from statsmodels.genmod.families import Binomial

import homotopy as hm
from homotopy.datasets import diabetes, standardise
from homotopy.influence.diagnostics import (
    cooks_distance,
    duplicate_rows,
    jacobian_leverage,
    leverage,
    regression_diagnostics,
    ridgeless_leave_one_out,
)
from homotopy.influence.diagnostics.orthogonal import orthogonal_factor


def regression(X, y, ridge=0.0):
    """As a `Problem`, which is built faster than a `LinearRegression`."""
    model, loss = hm.linear_model(np.shape(X)[1]), hm.SquaredError()
    return hm.Problem(model, loss, X, y, deleted=0, ridge=ridge)


def random_data(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=n)


def refits(X, y, ridge=0.0):
    """θ*₋ᵢ of least norm, row by row, by NumPy."""
    rows = []
    for i in range(len(y)):
        kept = np.delete(X, i, axis=0), np.delete(y, i)
        if ridge:
            gram = kept[0].T @ kept[0] + ridge * np.eye(X.shape[1])
            rows.append(np.linalg.solve(gram, kept[0].T @ kept[1]))
        else:
            rows.append(np.linalg.lstsq(*kept, rcond=1e-12)[0])
    return np.array(rows)


def assert_close(actual, expected, rtol=1e-10):
    """To rtol of each column's largest entry (of the largest entry of a vector)."""
    expected = np.asarray(expected)
    assert np.shape(actual) == expected.shape
    error = np.abs(actual - expected).max(axis=0)
    assert np.all(error <= rtol * np.abs(expected).max(axis=0)), error


# ------------------------------------------------------------------------------- statsmodels


def table(name):
    """X with a constant, and y."""
    if name == "diabetes":
        data, _ = standardise(diabetes())
        return sm.add_constant(data.X), data.y
    frame = getattr(sm.datasets, name.removeprefix("standardised ")).load_pandas()
    X, y = frame.exog.to_numpy(float), frame.endog.to_numpy(float)
    if name.startswith("standardised"):
        X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    return sm.add_constant(X), y


@pytest.fixture(scope="module", params=["stackloss", "longley", "standardised longley", "diabetes"])
def classic(request):
    return request.param, *table(request.param)


def test_diagnostics_are_those_of_statsmodels(classic):
    name, X, y = classic
    results = sm.OLS(y, X).fit()
    influence, ours = results.get_influence(), regression_diagnostics(regression(X, y))
    # statsmodels itself is 1e-10 off on raw longley; ours are counted below, in 50 digits.
    rtol = 1e-9 if name == "longley" else 1e-10
    assert_close(ours.theta, results.params, rtol)
    assert_close(ours.fitted, results.fittedvalues, rtol)
    assert_close(ours.residuals, results.resid, rtol)
    assert ours.sigma2 == pytest.approx(results.mse_resid, rel=rtol)
    assert_close(ours.leverage, influence.hat_matrix_diag, rtol)
    assert_close(ours.leave_one_out_residuals, influence.resid_press, rtol)
    assert ours.press == pytest.approx(influence.ess_press, rel=rtol)
    assert_close(ours.studentised_internal, influence.resid_studentized_internal, rtol)
    assert_close(ours.studentised_external, influence.resid_studentized_external, rtol)
    assert_close(ours.cooks_distance, influence.cooks_distance[0], rtol)
    assert_close(ours.dffits, influence.dffits[0], rtol)
    assert_close(ours.dfbeta, influence.dfbeta, rtol)
    assert_close(ours.dfbetas, influence.dfbetas, rtol)
    assert not ours.undetermined.any() and not ours.unscaled.any()


def test_functions_are_the_attributes_of_that_name(classic):
    _, X, y = classic
    problem = regression(X, y)
    ours = regression_diagnostics(problem)
    assert_close(leverage(problem), ours.leverage, 1e-14)
    assert_close(cooks_distance(problem), ours.cooks_distance, 1e-12)


@mp.workdps(50)
def exact_diagnostics(X, y):
    """By normal equations, in 50 digits: θ*, ê, P, and the changes θ* − θ*₋ᵢ with their scale."""
    A, b = mp.matrix(X.tolist()), mp.matrix(y.tolist())
    inverse = (A.T * A) ** -1
    theta = inverse * (A.T * b)
    e = b - A * theta
    n, d = X.shape
    P = [(A[i, :] * inverse * A[i, :].T)[0] for i in range(n)]
    rss = mp.fsum(value**2 for value in e)
    without = [(rss - e[i] ** 2 / (1 - P[i])) / (n - d - 1) for i in range(n)]
    moved = [inverse * A[i, :].T * (e[i] / (1 - P[i])) for i in range(n)]
    as_array = lambda values: np.array([float(value) for value in values])  # noqa: E731
    return {
        "theta": as_array(theta),
        "residuals": as_array(e),
        "leverage": as_array(P),
        "leave_one_out_residuals": as_array(e[i] / (1 - P[i]) for i in range(n)),
        "studentised_external": as_array(e[i] / mp.sqrt(without[i] * (1 - P[i])) for i in range(n)),
        "cooks_distance": as_array(
            e[i] ** 2 * P[i] / ((1 - P[i]) ** 2 * d * rss / (n - d)) for i in range(n)
        ),
        "dffits": as_array(e[i] * mp.sqrt(P[i] / without[i]) / (1 - P[i]) for i in range(n)),
        "dfbeta": np.array([as_array(row) for row in moved]),
        "dfbetas": np.array(
            [
                as_array(row[a] / mp.sqrt(without[i] * inverse[a, a]) for a in range(d))
                for i, row in enumerate(moved)
            ]
        ),
    }


@pytest.mark.parametrize("name", ["stackloss", "longley"])
def test_ten_digits_in_raw_units(name):
    X, y = table(name)
    ours = regression_diagnostics(regression(X, y))
    for attribute, expected in exact_diagnostics(X, y).items():
        assert_close(getattr(ours, attribute), expected)


def test_units_cost_no_digits():
    X, y = table("stackloss")
    units = np.array([1.0, 1e150, 1e-140, 3e9])
    ours, scaled = (regression_diagnostics(regression(A, y)) for A in (X, X * units))
    assert_close(scaled.leverage, ours.leverage, 1e-13)
    assert_close(scaled.dfbeta * units, ours.dfbeta, 1e-11)


# ------------------------------------------------------------------------------------ refits


@pytest.mark.parametrize(("shape", "ridge"), [((9, 3), 0.0), ((9, 3), 0.7), ((6, 11), 0.7)])
def test_leaving_out_is_refitting(shape, ridge):
    X, y = random_data(*shape)
    ours, expected = regression_diagnostics(regression(X, y, ridge)), refits(X, y, ridge)
    hat = X @ np.linalg.solve(X.T @ X + ridge * np.eye(shape[1]), X.T)
    assert_close(ours.leverage, np.diag(hat))
    assert_close(ours.residuals, y - hat @ y)
    assert_close(ours.leave_one_out_fits, expected)
    assert_close(ours.theta[None, :] - ours.dfbeta, expected)
    assert_close(ours.leave_one_out_residuals, y - np.sum(X * expected, axis=1))
    assert ours.press == pytest.approx(np.sum((y - np.sum(X * expected, axis=1)) ** 2))
    if ridge == 0.0:
        each = [np.sum(np.delete(y - X @ theta, i) ** 2) for i, theta in enumerate(expected)]
        assert_close(ours.sigma2_without, np.array(each) / (shape[0] - shape[1] - 1))
        shift = np.sum((X @ (ours.theta[:, None] - expected.T)) ** 2, axis=0)
        assert_close(ours.cooks_distance, shift / (shape[1] * ours.sigma2))


def test_dependent_columns_give_fits_of_least_norm():
    X, y = random_data(9, 3)
    X = np.column_stack([X, 1e3 * (X[:, 0] - X[:, 1]), np.zeros(9)])
    ours = regression_diagnostics(regression(X, y))
    assert ours.leverage.sum() == pytest.approx(3.0, rel=1e-13)
    assert_close(ours.theta, np.linalg.pinv(X, rcond=1e-12) @ y)
    assert np.abs(ours.leave_one_out_fits - refits(X, y)).max() < 1e-10
    assert ours.degrees_of_freedom == 6
    np.testing.assert_array_equal(ours.dfbetas[:, 4], 0.0)


def test_a_point_of_leverage_almost_one_keeps_its_digits():
    """1 − P = 4e-14: by subtraction three digits would be left."""
    X, y = random_data(8, 2)
    X[0] = [3e6, 5e6]
    ours = regression_diagnostics(regression(X, y))
    expected = exact_diagnostics(X, y)
    assert 0 < 1 - ours.leverage[0] < 1e-12
    assert not ours.undetermined.any()
    loo = expected["leave_one_out_residuals"]
    np.testing.assert_allclose(ours.leave_one_out_residuals, loo, rtol=1e-8)


def test_a_variance_without_the_one_outlier_keeps_its_digits():
    """The outlier is all of the sum of squares but a part in 1e18."""
    X, noise = random_data(12, 2)
    y = X @ [1.0, -2.0] + 1e-9 * noise
    y[4] += 1.0
    ours = regression_diagnostics(regression(X, y))
    expected = exact_diagnostics(X, y)["studentised_external"]
    assert abs(ours.studentised_external[4]) > 1e8
    np.testing.assert_allclose(ours.studentised_external, expected, rtol=1e-5)


# -------------------------------------------------------------------------- not determined


def test_a_point_that_alone_sees_a_column_is_undetermined():
    X, y = random_data(8, 3)
    X[:, 2] = 0.0
    X[5, 2] = 7.0
    X[:, 0] += 1e3  # far from orthogonal, so that nothing is exact
    ours = regression_diagnostics(regression(X, y))
    assert ours.undetermined.tolist() == [i == 5 for i in range(8)]
    assert ours.leverage[5] == 1.0
    expected = refits(X, y)
    for attribute in (
        "leave_one_out_residuals",
        "leave_one_out_fits",
        "dfbeta",
        "dfbetas",
        "dffits",
        "cooks_distance",
        "studentised_internal",
        "studentised_external",
    ):
        values = getattr(ours, attribute)
        rows = np.isnan(values).reshape(8, -1)
        assert rows[5].all() and not np.delete(rows, 5, axis=0).any(), attribute
    assert np.isnan(ours.press)
    np.testing.assert_array_equal(ours.unscaled, ours.undetermined)
    others = np.arange(8) != 5
    assert_close(ours.leave_one_out_fits[others], expected[others])


@pytest.mark.parametrize("shape", [(4, 4), (4, 7)])
def test_as_many_parameters_as_points_leave_nothing_determined(shape):
    ours = regression_diagnostics(regression(*random_data(*shape)))
    np.testing.assert_array_equal(ours.leverage, 1.0)
    assert ours.undetermined.all() and ours.unscaled.all()
    assert np.isnan(ours.sigma2) and np.isnan(ours.cooks_distance).all()


def test_one_degree_of_freedom_has_no_variance_without_a_point():
    X, y = random_data(4, 3)
    ours = regression_diagnostics(regression(X, y))
    assert ours.unscaled.all() and not ours.undetermined.any()
    assert np.isnan(ours.dffits).all() and np.isfinite(ours.cooks_distance).all()


def test_others_on_a_line_leave_no_scale():
    X = np.column_stack([np.ones(6), np.arange(6.0)])
    y = X @ [1.0, 1 / 3]
    exact = regression_diagnostics(regression(X, y))
    assert exact.unscaled.all() and np.isnan(exact.cooks_distance).all()
    assert np.abs(exact.dfbeta).max() < 1e-14
    y[2] += 1.0
    one = regression_diagnostics(regression(X, y))
    assert one.unscaled.tolist() == [i == 2 for i in range(6)]
    assert np.isnan(one.studentised_external[2]) and np.isfinite(one.cooks_distance).all()


# --------------------------------------------------------------------------------- ridgeless


@pytest.mark.parametrize("shape", [(6, 15), (7, 7), (12, 5)])
def test_ridgeless_is_refitting_with_the_least_norm(shape):
    X, y = random_data(*shape, seed=1)
    ours = ridgeless_leave_one_out(regression(X, y))
    expected = y - np.sum(X * refits(X, y), axis=1)
    assert_close(ours.residuals, expected)
    assert ours.mean_squared == pytest.approx(np.mean(expected**2), rel=1e-10)
    assert ours.interpolated.all() == (shape[1] >= shape[0])
    if shape[1] > shape[0]:
        kernel = np.linalg.inv(X @ X.T)
        assert_close(ours.residuals, kernel @ y / np.diag(kernel))
        limit = regression_diagnostics(regression(X, y, 1e-7)).leave_one_out_residuals
        assert_close(limit, ours.residuals, 1e-5)
    elif shape[1] < shape[0]:
        ordinary = regression_diagnostics(regression(X, y)).leave_one_out_residuals
        assert_close(ours.residuals, ordinary, 1e-12)


def test_ridgeless_with_twins():
    X, y = random_data(6, 15)
    X[4], X[5] = X[1], X[0] - X[2]  # a twin, and a row in the span of others
    ours = ridgeless_leave_one_out(regression(X, y))
    assert ours.interpolated.tolist() == [False, False, False, True, False, False]
    assert_close(ours.residuals, y - np.sum(X * refits(X, y), axis=1))
    assert ours.residuals[1] == pytest.approx(y[1] - y[4], rel=1e-12)


# ---------------------------------------------------------------------- generalised leverage


def logistic(X, y, ridge=0.0):
    return hm.Problem(hm.linear_model(X.shape[1]), hm.Logistic(), X, y, deleted=0, ridge=ridge)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_logistic_leverage_is_that_of_the_weighted_hat_matrix(ridge):
    X, noise = random_data(30, 4)
    theta = np.array([1.0, -2.0, 0.5, 3.0])
    p = 1 / (1 + np.exp(-X @ theta))
    A = np.sqrt(p * (1 - p))[:, None] * X
    expected = np.diag(A @ np.linalg.inv(A.T @ A + ridge * np.eye(4)) @ A.T)
    assert_close(leverage(logistic(X, (noise > 0).astype(int), ridge), theta), expected)


def test_logistic_leverage_is_that_of_statsmodels():
    frame = sm.datasets.spector.load_pandas()
    X, y = sm.add_constant(frame.exog).to_numpy(float), frame.endog.to_numpy(float)
    results = sm.GLM(y, X, family=Binomial()).fit(tol=1e-15, maxiter=100)
    problem = logistic(X, y)
    actual = leverage(problem, problem.full_fit(results.params))
    assert_close(actual, results.get_influence().hat_matrix_diag, 1e-9)
    assert actual.sum() == pytest.approx(4.0, rel=1e-13)


def test_softmax_leverage_is_a_trace_of_blocks():
    X, _ = random_data(10, 2)
    model = hm.mlp([2, 3])
    theta = np.random.default_rng(3).normal(size=model.dimension)
    labels = np.arange(10) % 3
    problem = hm.Problem(model, hm.SoftmaxCrossEntropy(), X, labels, deleted=0, ridge=0.1)
    jacobians = np.asarray(jax.jit(jax.jacobian(problem.predict))(jnp.asarray(theta)))
    p = np.array(jax.nn.softmax(problem.predict(jnp.asarray(theta)), axis=1))
    W = np.array([np.diag(row) - np.outer(row, row) for row in p])
    curvature = np.einsum("nka,nkl,nlb->ab", jacobians, W, jacobians)
    inverse = np.linalg.inv(curvature + 0.1 * np.eye(model.dimension))
    expected = np.einsum("nkl,nla,ab,nkb->n", W, jacobians, inverse, jacobians)
    assert_close(leverage(problem, theta), expected)
    # Without a ridge the logits' common shift is a kernel, and the leverages sum to the rank.
    free = hm.Problem(model, hm.SoftmaxCrossEntropy(), X, labels, deleted=0)
    assert leverage(free, theta).sum() == pytest.approx(6.0, rel=1e-12)


@mp.workdps(60)
def exact_softmax_leverage(X, coefficients):
    """Of logits with fixed first class, by the definition."""
    p = X.shape[1]
    blocks = []
    for x in X:
        powers = [mp.exp(mp.fdot(row, x)) for row in coefficients]
        share = [power / mp.fsum(powers) for power in powers][1:]
        W = mp.matrix(len(share))
        for a, b in np.ndindex(W.rows, W.cols):
            W[a, b] = share[a] * ((a == b) - share[b])
        blocks.append((W, mp.matrix(x.tolist()) * mp.matrix(x.tolist()).T))
    kron = [
        mp.matrix(
            [
                [W[a // p, b // p] * xx[a % p, b % p] for b in range(W.rows * p)]
                for a in range(W.rows * p)
            ]
        )
        for W, xx in blocks
    ]
    inverse = sum(kron[1:], kron[0]) ** -1
    products = [inverse * one for one in kron]
    return np.array([float(mp.fsum(one[a, a] for a in range(one.rows))) for one in products])


def test_a_class_that_is_never_likely_keeps_its_leverage():
    """Its probability is 1e-18 everywhere, and what sees its coefficients is that alone."""
    X = np.column_stack([np.ones(7), random_data(7, 1)[0]])
    coefficients = np.array([[0.0, 0.0], [0.5, 1.0], [-41.0, 0.7]])
    model = hm.function_model(lambda theta, x: theta.reshape(3, 2) @ x, dimension=6)
    problem = hm.Problem(model, hm.SoftmaxCrossEntropy(), X, np.arange(7) % 3, deleted=0)
    actual = leverage(problem, coefficients.reshape(-1))
    assert_close(actual, exact_softmax_leverage(X, coefficients), 1e-12)
    assert actual.sum() == pytest.approx(4.0, rel=1e-13)


def test_linear_regression_as_a_general_problem():
    """The Jacobian of a linear model is X, wherever it is taken."""
    X, y = random_data(9, 3)
    model = hm.function_model(lambda theta, x: theta @ x, dimension=3)
    problem = hm.Problem(model, hm.SquaredError(), X, y, deleted=0, ridge=0.2)
    expected = leverage(regression(X, y, 0.2))
    assert_close(leverage(problem, [1.0, 2.0, 3.0]), expected, 1e-14)
    same = hm.LinearRegression(X, y, deleted=4, ridge=0.2)
    assert_close(leverage(same), expected, 1e-14)
    ours = regression_diagnostics(same)
    assert_close(ours.theta, same.full_fit(), 1e-13)
    assert_close(ours.leave_one_out_fits[4], same.deleted_fit(), 1e-13)


# --------------------------------------------------------------------- the dropped second term

CURVE = hm.function_model(lambda theta, x: theta[0] * jnp.exp(theta[1] * x[0]), dimension=2)


def curve_problem(noise, ridge=0.0, shift=0.0):
    X = np.linspace(-1, 1, 9)[:, None]
    y = 1.5 * np.exp(0.8 * X[:, 0]) + noise * np.cos(7 * np.arange(9.0)) + shift
    return hm.Problem(CURVE, hm.SquaredError(), X, y, deleted=0, ridge=ridge)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_jacobian_leverage_is_what_a_target_does_to_its_fitted_value(ridge):
    problem = curve_problem(0.9, ridge)
    start = [1.5, 0.8]
    trained = hm.train(problem, start)
    result = jacobian_leverage(problem, trained.theta)
    step = 1e-4
    expected = []
    for i in range(9):
        ends = []
        for sign in (1.0, -1.0):
            moved = curve_problem(0.9, ridge, sign * step * np.eye(9)[i])
            ends.append(moved.predict(hm.train(moved, trained.theta).theta)[i])
        expected.append((ends[0] - ends[1]) / (2 * step))
    assert_close(result.jacobian, np.array(expected), 1e-7)
    assert result.positive_definite and result.gradient_norm < 1e-13
    # Stationary, and yet the term is there: the notes' footnote does not hold.
    assert result.relative_second_order > 0.05
    assert np.abs(result.difference).max() > 0.01
    assert_close(result.tangent_plane, leverage(problem, trained.theta), 1e-13)


def test_the_second_term_vanishes_with_the_residuals():
    exact = jacobian_leverage(curve_problem(0.0), [1.5, 0.8])
    assert exact.relative_second_order < 1e-15
    assert np.abs(exact.difference).max() < 1e-14
    sizes = [1e-4, 1e-3, 1e-2]
    terms = []
    for size in sizes:
        problem = curve_problem(size)
        result = jacobian_leverage(problem, problem.full_fit([1.5, 0.8]))
        terms.append((result.relative_second_order, np.abs(result.difference).max()))
    rates = np.diff(np.log(terms), axis=0) / np.log(10)
    np.testing.assert_allclose(rates, 1.0, atol=0.02)  # in proportion to them


def test_second_term_and_both_leverages_by_their_definition():
    model = hm.mlp([2, 3, 1])
    X, y = random_data(25, 2)
    problem = hm.Problem(model, hm.SquaredError(), X, y, deleted=0, ridge=2.0)
    theta = model.initial_parameters(jax.random.key(1))
    J = np.asarray(jax.jit(jax.jacobian(problem.predict))(theta))
    hessian = np.asarray(eqx.filter_jit(problem.hessian)(theta))
    gauss_newton = J.T @ J
    second = hessian - gauss_newton - 2.0 * np.eye(model.dimension)
    result = jacobian_leverage(problem, theta)
    assert_close(result.jacobian, np.diag(J @ np.linalg.inv(hessian) @ J.T))
    ridged = gauss_newton + 2.0 * np.eye(model.dimension)
    assert_close(result.tangent_plane, np.diag(J @ np.linalg.inv(ridged) @ J.T))
    assert result.second_order_norm == pytest.approx(np.linalg.norm(second, 2), rel=1e-10)
    assert result.gauss_newton_norm == pytest.approx(np.linalg.norm(gauss_newton, 2), rel=1e-10)
    assert result.positive_definite == bool(np.linalg.eigvalsh(hessian)[0] > 0)


def test_superleverage_and_a_stationary_point_that_is_no_minimum():
    model = hm.function_model(lambda theta, x: jnp.exp(theta[0] * x[0]), dimension=1)

    def at_zero(target):
        data = [[1.0], [-1.0]], [target, target]
        return jacobian_leverage(hm.Problem(model, hm.SquaredError(), *data, deleted=0), [0.0])

    # ∇²R = 2 − 2(target − 1), and the Jacobian is (1, −1).
    low, high = at_zero(1.75), at_zero(3.0)
    assert low.gradient_norm == high.gradient_norm == 0.0
    np.testing.assert_allclose(low.jacobian, 2.0, rtol=1e-14)
    np.testing.assert_allclose(high.jacobian, -0.5, rtol=1e-14)
    assert low.positive_definite and not high.positive_definite
    with pytest.raises(ValueError, match="theta: the Hessian is singular"):
        at_zero(2.0)


def test_models_linear_in_their_parameters_have_no_second_term():
    X, noise = random_data(30, 4)
    result = jacobian_leverage(logistic(X, (noise > 0).astype(int)), np.ones(4))
    assert result.second_order_norm == 0.0 and result.gradient_norm > 1.0
    assert np.abs(result.difference).max() < 1e-14


# ------------------------------------------------------------------------------- duplicates


def test_duplicate_rows():
    X = [[1.0, 0.0], [2.0, 3.0], [1.0, -0.0], [2.0, 3.0], [2.0, 3.0], [1.0, np.nextafter(0, 1)]]
    problem = regression(X, [1.0, 2.0, 1.0, 2.0, 5.0, 1.0])
    groups = duplicate_rows(problem)
    assert groups.identical == ((0, 2), (1, 3))
    assert groups.same_inputs == ((1, 3, 4),)
    none = duplicate_rows(regression(*random_data(5, 2)))
    assert none.identical == none.same_inputs == ()


def test_duplicate_rows_whatever_the_ridge():
    X, y = [[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]], [1.0, 1.0, 1.0]
    problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, y, deleted=0, ridge=[0.0, 1.0])
    assert duplicate_rows(problem).identical == ((0, 1),)


def test_duplicate_rows_of_vector_targets():
    problem = hm.Problem(
        hm.mlp([1, 2]),
        hm.SquaredError(),
        [[1.0], [1.0], [1.0]],
        [[0.0, 1.0], [0.0, 2.0], [0.0, 1.0]],
        deleted=0,
    )
    groups = duplicate_rows(problem)
    assert groups.identical == ((0, 2),) and groups.same_inputs == ((0, 1, 2),)


# -------------------------------------------------------------------------------- bad input


def test_messages_name_what_is_wrong(without_shape_checks):
    X, noise = random_data(6, 2)
    classes = logistic(X, (noise > 0).astype(int))
    ridged = regression(X, noise, 0.5)
    with pytest.raises(ValueError, match="theta: leverage depends on the parameters"):
        leverage(classes)
    for wrong in ([1.0], [[1.0, 2.0]], [1.0, np.nan]):
        with pytest.raises(ValueError, match="theta: expected"):
            leverage(classes, wrong)
        with pytest.raises(ValueError, match="theta: expected"):
            jacobian_leverage(classes, wrong)
    for function in (regression_diagnostics, ridgeless_leave_one_out):
        with pytest.raises(ValueError, match=r"problem: .* needs a linear model with squared loss"):
            function(classes)
    network = hm.Problem(hm.mlp([X.shape[1], 2, 1]), hm.SquaredError(), X, noise, deleted=0)
    with pytest.raises(ValueError, match=r"problem: .* needs a linear model with squared loss"):
        cooks_distance(network)
    for function in (cooks_distance, ridgeless_leave_one_out):
        with pytest.raises(ValueError, match="ridge: "):
            function(ridged)
    for attribute in (
        "dffits",
        "dfbetas",
        "sigma2",
        "unscaled",
        "studentised_internal",
        "studentised_external",
    ):
        with pytest.raises(ValueError, match="ridge: "):
            getattr(regression_diagnostics(ridged), attribute)
    with pytest.raises(ValueError, match="theta: JᵀWJ"):
        jacobian_leverage(regression(*random_data(2, 3)), np.zeros(3))
    with pytest.raises(TypeError, match="problem: diagnostics are computed from concrete"):
        jax.jit(leverage)(ridged)
    with pytest.raises(TypeError, match="theta: expected a concrete array"):
        jax.jit(lambda theta: leverage(classes, theta))(jnp.zeros(2))


class Concave(hm.SquaredError):
    def hessian(self, prediction, target):
        return -jnp.ones_like(prediction)


def test_a_loss_that_is_not_convex_is_refused():
    model = hm.function_model(lambda theta, x: theta @ x, dimension=2)
    problem = hm.Problem(model, Concave(), *random_data(5, 2), deleted=0)
    with pytest.raises(ValueError, match="Concave is not convex"):
        leverage(problem, np.zeros(2))


def test_extreme_designs():
    """All zeros; more parameters than points with a ridge; a ridge below rounding."""
    assert leverage(regression(np.zeros((3, 2)), np.ones(3))).tolist() == [0.0, 0.0, 0.0]
    zero = orthogonal_factor(np.zeros((3, 2)))
    assert zero.rank == 0 and not zero.saturated.any()
    X, y = random_data(5, 40)
    hat = X @ np.linalg.inv(X.T @ X + 0.3 * np.eye(40)) @ X.T
    assert_close(leverage(regression(X, y, 0.3)), np.diag(hat))
    np.testing.assert_allclose(leverage(regression(X, y)), 1.0, rtol=1e-14)
    X, y = random_data(9, 3)
    X[:, 2] = X[:, 0]
    tiny = regression_diagnostics(regression(X, y, 1e-40))
    assert_close(tiny.leave_one_out_fits, refits(X, y))


class OneDirection(hm.SquaredError):
    """Sees a·ŷ of three outputs only."""

    def hessian(self, prediction, target):
        a = jnp.array([1.0, 0.3, -0.7])
        return jnp.outer(a, a)


def test_what_a_loss_does_not_see_adds_no_rank():
    """The kernel of ∂²ℓ/∂ŷ², the root of whose rounding would be 1e-8."""
    X, _ = random_data(10, 2)
    problem = hm.Problem(hm.mlp([2, 3]), OneDirection(), X, np.ones((10, 3)), deleted=0)
    affine = leverage(regression(np.column_stack([X, np.ones(10)]), np.ones(10)))
    assert_close(leverage(problem, np.zeros(9)), affine, 1e-13)
