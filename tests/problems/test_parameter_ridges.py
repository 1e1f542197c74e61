"""A ridge for each parameter: what is not penalised, as an intercept, and whether a fit exists."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.optimize
from sklearn.linear_model import LogisticRegression

import homotopy as hm
from homotopy.existence import decide_existence, is_near

RNG = np.random.default_rng(5)
X = np.column_stack([np.ones(20), RNG.normal(size=(20, 2))])
Y = RNG.normal(size=20)
CLASSES = (RNG.uniform(size=20) < 0.5).astype(int)
FREE = np.array([0.0, 0.7, 0.7])


def logistic(ridge, rows=slice(None), deleted=3):
    return hm.Problem(
        hm.linear_model(3), hm.Logistic(), X[rows], CLASSES[rows], deleted=deleted, ridge=ridge
    )


def test_the_penalty_and_its_derivatives():
    problem, without = logistic([0.0, 2.0, 3.0]), logistic(0.0)
    theta = jnp.array([1.0, -2.0, 0.5])
    expected = 0.5 * (2.0 * 4.0 + 3.0 * 0.25)
    assert np.isclose(problem.risk(theta) - without.risk(theta), expected, rtol=1e-13)
    moved = np.asarray(problem.gradient(theta)) - np.asarray(without.gradient(theta))
    np.testing.assert_allclose(moved, [0.0, -4.0, 1.5], atol=1e-13)
    curved = np.asarray(problem.hessian(theta)) - np.asarray(without.hessian(theta))
    np.testing.assert_allclose(curved, np.diag([0.0, 2.0, 3.0]), atol=1e-13)


RIDGES = np.array([0.4, 0.7, 1.1])


def slope_and_bend(theta, kept):
    """∇R and ∇²R of the logistic problem with `RIDGES` and some rows."""
    p = 1.0 / (1.0 + np.exp(-X[kept] @ theta))
    bend = (p * (1.0 - p) * X[kept].T) @ X[kept] + np.diag(RIDGES)
    return X[kept].T @ (p - CLASSES[kept]) + RIDGES * theta, bend


def refit(kept):
    theta = np.zeros(3)
    for _ in range(30):
        theta = theta - np.linalg.solve(*slope_and_bend(theta, kept)[::-1])
    return theta


def step(theta, kept, damping):
    """One of Newton's, from the gradient without the row, by all rows or by those kept."""
    rest = slope_and_bend(theta, kept)[0]
    bend = slope_and_bend(theta, slice(None) if damping is not None else kept)[1]
    return -np.linalg.solve(bend + (damping or 0.0) * np.eye(3), rest)


ESTIMATORS = [
    (hm.LeaveOneOut(), lambda theta, kept: refit(kept) - theta),
    (hm.Influence(), lambda theta, kept: step(theta, kept, 0.0)),
    (hm.NewtonStep(), lambda theta, kept: step(theta, kept, None)),
    *(
        (estimator, lambda theta, kept: step(theta, kept, 0.1))
        for estimator in (
            hm.Influence(damping=0.1, solver=hm.ConjugateGradient()),
            hm.Influence(damping=0.1, solver=hm.Arnoldi(3)),
            # Of a model that is linear in θ it is the Hessian.
            hm.GaussNewton(0.1),
            hm.GaussNewton(0.1, solver=hm.Nystrom(3)),
        )
    ),
]


@pytest.mark.parametrize(
    ("estimator", "by_hand"), ESTIMATORS, ids=[type(each).__name__ for each, _ in ESTIMATORS]
)
def test_estimators_take_each_ridge(estimator, by_hand):
    problem, theta = logistic(RIDGES), refit(slice(None))
    np.testing.assert_allclose(problem.full_fit(), theta, rtol=1e-9)
    found = hm.predict(problem, estimator, theta, points=[1, 2]).delta
    expected = [by_hand(theta, np.delete(np.arange(20), row)) for row in (1, 2)]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-10)


def test_equal_ridges_are_one_ridge():
    one, several = logistic(0.7), logistic([0.7, 0.7, 0.7])
    theta = one.full_fit()
    np.testing.assert_allclose(several.full_fit(), theta, rtol=1e-9)
    estimator = hm.ProximalBregman(0.1)
    deltas = [hm.predict(each, estimator, theta, points=[1, 2]).delta for each in (one, several)]
    np.testing.assert_allclose(deltas[1], deltas[0], rtol=1e-7, atol=1e-10)


def test_least_squares_with_a_free_intercept():
    problem = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=3, ridge=FREE)
    full = np.linalg.solve(X.T @ X + np.diag(FREE), X.T @ Y)
    np.testing.assert_allclose(problem.full_fit(), full, rtol=1e-9)
    rest = np.delete(np.arange(20), 3)
    without = np.linalg.solve(X[rest].T @ X[rest] + np.diag(FREE), X[rest].T @ Y[rest])
    truth = hm.predict(problem, hm.LeaveOneOut(), full)
    np.testing.assert_allclose(truth.delta, without - full, atol=1e-10)
    slope = np.linalg.solve(X.T @ X + np.diag(FREE), X[3] * (X[3] @ full - Y[3]))
    np.testing.assert_allclose(hm.predict(problem, hm.Influence(), full).delta, slope, atol=1e-10)
    path = hm.response(problem, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(path.theta[0], without, atol=1e-9)
    assert bool(path.successful)


def test_logistic_refits_equal_scikit_learns():
    truth = hm.predict(logistic(FREE), hm.LeaveOneOut(), points=[0, 7]).delta
    full = logistic(FREE).full_fit()
    for place, row in enumerate((0, 7)):
        rest = np.delete(np.arange(20), row)
        other = LogisticRegression(C=1 / 0.7, tol=1e-12, max_iter=10_000)
        other.fit(X[rest, 1:], CLASSES[rest])
        expected = np.r_[other.intercept_, other.coef_[0]]
        np.testing.assert_allclose(full + truth[place], expected, atol=1e-6)


def test_whether_a_fit_exists_is_a_question_of_free_parameters_only():
    apart = (X[:, 1] > 0).astype(int)
    one_class = np.zeros(20, int)
    for y, ridge, exists in (
        (apart, 0.0, False),
        (apart, FREE, True),  # a slope costs, so the separated classes do no harm
        (apart, [0.0, 5.0, 5.0], True),  # what the penalty balances is large
        (apart, [0.0, 0.0, 0.7], False),  # along a slope that does not
        (one_class, FREE, False),  # the intercept falls for ever
        (one_class, [0.1, 0.7, 0.7], True),
    ):
        problem = hm.Problem(hm.linear_model(3), hm.Logistic(), X, y, deleted=3, ridge=ridge)
        found = decide_existence(problem, np.ones(20))
        assert found.denied != exists
        if exists:
            theta = problem.full_fit()
            assert is_near(problem, theta, np.ones(20))
            best = scipy.optimize.minimize(
                lambda at, p=problem: float(p.risk(jnp.asarray(at))), np.zeros(3), tol=1e-10
            )
            np.testing.assert_allclose(theta, best.x, atol=1e-4)
        else:
            assert np.all(np.asarray(problem.ridge * jnp.ones(3))[found.direction != 0.0] == 0.0)
            with pytest.raises(RuntimeError, match="no minimum"):
                problem.full_fit()


@pytest.mark.usefixtures("without_shape_checks")
def test_what_is_refused():
    for ridge in ([0.1, 0.2], [0.1, -0.2, 0.3], [0.1, np.nan, 0.3]):
        with pytest.raises(
            ValueError, match=r"^ridge: expected (a finite number >= 0, or 3 of them|finite)"
        ):
            logistic(ridge)
    with pytest.raises(ValueError, match=r"^ridge: expected one number, as closed forms need"):
        hm.LinearRegression(X, Y, deleted=1, ridge=FREE)
    least = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=3, ridge=FREE)
    with pytest.raises(ValueError, match=r"^ridge: σ̂² .* for ordinary least squares"):
        hm.cooks_distance(least)


def test_a_network_whose_biases_are_free():
    model = hm.mlp([2, 2, 1])
    ridge = np.array([0.0 if "bias" in name else 0.3 for name in model.parameter_names()])
    problem = hm.Problem(model, hm.SquaredError(), X[:, 1:], Y, deleted=3, ridge=ridge)
    trained = hm.train(problem, model.initial_parameters(jax.random.key(0)))
    assert bool(trained.successful) and trained.gradient_norm < 1e-10


def test_flows_and_descents_are_drawn_by_each_ridge():
    problem = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=3, ridge=FREE)
    H, start = X.T @ X + np.diag(FREE), np.array([1.0, -2.0, 3.0])
    fit = np.linalg.solve(H, X.T @ Y)
    flow = hm.flow(
        problem, hm.Constant(1.0), start, [0.05, 0.3], method=hm.Adaptive(rtol=1e-10, atol=1e-12)
    )
    for time, theta in zip((0.05, 0.3), flow.theta, strict=True):
        exact = fit + scipy.linalg.expm(-time * H) @ (start - fit)
        np.testing.assert_allclose(theta, exact, atol=1e-8)
    for method in (hm.GradientDescent(0.01), hm.StochasticGradientDescent(0.01, batch_size=20)):
        steps = hm.flow(problem, hm.Constant(1.0), start, [0.05], method=method)
        exact = fit + np.linalg.matrix_power(np.eye(3) - 0.01 * H, 5) @ (start - fit)
        np.testing.assert_allclose(steps.theta[0], exact, atol=1e-12)


# What no point sees of the parameters without a ridge stays ---------------------------------------

TWINS = np.column_stack([np.ones(20), np.ones(20), X[:, 1]])


def twin_intercepts(rows):
    """The sum of both intercepts, and the slope, which alone is penalised."""
    A = np.column_stack([np.ones(len(rows)), X[rows, 1]])
    return np.linalg.solve(A.T @ A + np.diag([0.0, 0.7]), A.T @ Y[rows])


def test_of_two_free_intercepts_the_difference_stays():
    ridge = [0.0, 0.0, 0.7]
    problem = hm.Problem(hm.linear_model(3), hm.SquaredError(), TWINS, Y, deleted=3, ridge=ridge)
    total, slope = twin_intercepts(np.arange(20))
    full = problem.full_fit([1.0, 0.0, 5.0])
    np.testing.assert_allclose(full, [(total + 1) / 2, (total - 1) / 2, slope], atol=1e-9)
    total, slope = twin_intercepts(np.delete(np.arange(20), 3))
    without = np.array([(total + 1) / 2, (total - 1) / 2, slope])
    for estimator in (hm.LeaveOneOut(), hm.NewtonStep()):
        delta = hm.predict(problem, estimator, full).delta
        np.testing.assert_allclose(full + delta, without, atol=1e-9)
    path = hm.response(problem, [0.0, 1.0], full)
    np.testing.assert_allclose(path.theta[0], without, atol=1e-9)


def test_free_intercepts_of_a_softmax_are_scikit_learns_up_to_a_constant():
    model, y = hm.mlp([2, 3]), np.arange(20) % 3
    problem = hm.Problem(
        model, hm.SoftmaxCrossEntropy(), X[:, 1:], y, deleted=3, ridge=[0.7] * 6 + [0.0] * 3
    )
    full = problem.full_fit()
    delta = hm.predict(problem, hm.LeaveOneOut(), full).delta
    for theta, rows in ((full, np.arange(20)), (full + delta, np.delete(np.arange(20), 3))):
        other = LogisticRegression(C=1 / 0.7, tol=1e-12, max_iter=10_000)
        other.fit(X[rows, 1:], y[rows])
        biases = other.intercept_ - other.intercept_.mean()
        np.testing.assert_allclose(theta, np.r_[other.coef_.ravel(), biases], atol=1e-6)


def test_what_a_deleted_group_alone_saw_stays_where_it_has_no_ridge():
    group, rest = [17, 18, 19], np.arange(17)
    inputs = np.column_stack([X[:, :2], np.isin(np.arange(20), group)])
    ridge = np.array([0.0, 0.7, 0.0])
    problem = hm.Problem(
        hm.linear_model(3), hm.SquaredError(), inputs, Y, deleted=group, ridge=ridge
    )
    full = problem.full_fit()
    expected = np.linalg.solve(inputs.T @ inputs + np.diag(ridge), inputs.T @ Y)
    np.testing.assert_allclose(full, expected, atol=1e-9)
    delta = hm.predict(problem, hm.LeaveOneOut(), full).delta
    A = inputs[rest, :2]
    without = np.linalg.solve(A.T @ A + np.diag(ridge[:2]), A.T @ Y[rest])
    np.testing.assert_allclose(full + delta, [*without, full[2]], atol=1e-9)


@pytest.mark.parametrize("ridge", [FREE, np.array([2.0, 0.0, 0.1])])
def test_diagnostics_of_a_ridge_for_each_parameter(ridge):
    """Leverage, residuals of leaving one out and DFBETA against refits by normal equations."""
    problem = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, Y, deleted=0, ridge=ridge)
    found = hm.diagnostics.regression_diagnostics(problem)
    hessian = X.T @ X + np.diag(ridge)
    np.testing.assert_allclose(found.theta, np.linalg.solve(hessian, X.T @ Y), rtol=1e-11)
    leverage = np.einsum("ij,ij->i", X, np.linalg.solve(hessian, X.T).T)
    np.testing.assert_allclose(found.leverage, leverage, rtol=1e-11)
    np.testing.assert_allclose(hm.leverage(problem), leverage, rtol=1e-11)
    for row in (0, 7):
        kept = np.arange(20) != row
        refit = np.linalg.solve(X[kept].T @ X[kept] + np.diag(ridge), X[kept].T @ Y[kept])
        error = Y[row] - X[row] @ refit
        np.testing.assert_allclose(found.leave_one_out_residuals[row], error, rtol=1e-10)
        np.testing.assert_allclose(found.leave_one_out_fits[row], refit, rtol=1e-10)
    with pytest.raises(ValueError, match=r"^ridge: σ̂² .* got ridge = 3 from 0"):
        _ = found.cooks_distance
    assert "ridge" in repr(found) and "ridge" in str(found.summary())
    assert found.plot() is not None


def test_diagnostics_of_more_parameters_than_rows_with_some_penalised():
    """Where what has no ridge is seen by the rows, the fit is unique."""
    wide = np.column_stack([np.ones(6), RNG.normal(size=(6, 9))])
    ridge = np.r_[0.0, np.full(9, 0.3)]
    problem = hm.Problem(
        hm.linear_model(10), hm.SquaredError(), wide, Y[:6], deleted=0, ridge=ridge
    )
    hessian = wide.T @ wide + np.diag(ridge)
    expected = np.einsum("ij,ij->i", wide, np.linalg.solve(hessian, wide.T).T)
    np.testing.assert_allclose(hm.leverage(problem), expected, rtol=1e-10)


def test_diagnostics_of_classes_with_a_free_intercept():
    """Pregibon's leverage and one step of Newton's method, by normal equations."""
    problem = logistic(FREE)
    found = hm.diagnostics.glm_diagnostics(problem)
    theta = np.asarray(problem.full_fit())
    rates = 1.0 / (1.0 + np.exp(-X @ theta))
    weights = rates * (1.0 - rates)
    hessian = X.T @ (weights[:, None] * X) + np.diag(FREE)
    expected = weights * np.einsum("ij,ij->i", X, np.linalg.solve(hessian, X.T).T)
    np.testing.assert_allclose(found.leverage, expected, rtol=1e-9)
    step = np.linalg.solve(hessian, X.T).T * ((CLASSES - rates) / (1.0 - expected))[:, None]
    np.testing.assert_allclose(found.dfbeta, step, rtol=1e-8, atol=1e-12)


def test_other_points_of_a_problem_are_deleted():
    """The same data, shared, with their names; risks are those of a problem made anew."""
    frame = pd.DataFrame(X, index=[f"r{i}" for i in range(20)], columns=["one", "a", "b"])
    options = {"ridge": 0.1, "weights": np.linspace(0.5, 2.0, 20)}
    make = lambda deleted: hm.Problem(  # noqa: E731
        hm.mlp([3, 2, 1]), hm.SquaredError(), frame, Y, deleted=deleted, **options
    )
    problem, theta = make(3), jnp.linspace(-1.0, 1.0, 11)
    for deleted in (5, [1, 7], ["r2", "r9"], "r4"):
        other = problem.deleting(deleted)
        assert other.X is problem.X and other.labels.rows == problem.labels.rows
        assert other.deleted.tolist() == make(deleted).deleted.tolist()
        assert float(other.risk(theta, 0.3)) == pytest.approx(
            float(make(deleted).risk(theta, 0.3)), rel=1e-13
        )
    assert problem.deleted.tolist() == [3]
    with pytest.raises(ValueError, match=r"^deleted: "):
        problem.deleting(20)
    with pytest.raises(ValueError, match=r"^deleted: all 20 rows"):
        problem.deleting(range(20))
