"""Logistic and Poisson regressions against statsmodels, and when a risk of counts has a minimum."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import statsmodels.api as sm

import homotopy as hm
from homotopy.existence import decide_existence, is_near

RNG = np.random.default_rng(3)
X = np.column_stack([np.ones(30), RNG.normal(size=(30, 2))])
RATES = np.exp(X @ [0.5, 0.8, -0.4])
COUNTS = RNG.poisson(RATES)
CLASSES = (RNG.uniform(size=30) < 1 / (1 + np.exp(-X @ [0.2, 1.0, -1.0]))).astype(int)
KINDS = {
    "logistic": (hm.Logistic(), CLASSES, sm.families.Binomial()),
    "poisson": (hm.losses.Poisson(), COUNTS, sm.families.Poisson()),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def problem(kind, **options):
    loss, y, _ = KINDS[kind]
    return hm.Problem(hm.linear_model(3), loss, X, y, deleted=4, **options)


def statsmodels(kind, rows=slice(None), **options):
    _, y, family = KINDS[kind]
    model = sm.GLM(y[rows], X[rows], family=family, **options)
    fitted = model.fit(tol=1e-15, maxiter=200)
    # Its covariance is that of the step before the last: from the fit itself it is that of the fit.
    return model.fit(start_params=fitted.params, tol=1e-15, maxiter=200)


def same(one, other, tolerance=1e-10):
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@kinds
@pytest.mark.parametrize("weights", [None, RNG.uniform(0.3, 2.0, 30)], ids=["", "weighted"])
def test_all_equal_statsmodels(kind, weights):
    weighted = problem(kind, weights=weights)
    found, fit = hm.diagnostics.glm_diagnostics(weighted), statsmodels(kind, var_weights=weights)
    influence = fit.get_influence()
    same(found.theta, fit.params)
    same(found.fitted, fit.fittedvalues)
    same(found.pearson_residuals, fit.resid_pearson)
    same(found.deviance_residuals, fit.resid_deviance)
    same(found.leverage, influence.hat_matrix_diag)
    same(found.studentised, influence.resid_studentized)
    same(found.cooks_distance, influence.cooks_distance[0])
    same(found.dfbeta, influence.d_params)
    same(found.dfbetas, influence.dfbetas)
    same(hm.cooks_distance(weighted), influence.cooks_distance[0])


@kinds
def test_weighted_points_equal_statsmodels_with_frequencies(kind):
    weights = RNG.integers(1, 4, 30)
    found = hm.diagnostics.glm_diagnostics(problem(kind, weights=weights))
    fit = statsmodels(kind, freq_weights=weights)
    same(found.theta, fit.params)
    same(found.leverage, fit.get_influence().hat_matrix_diag)
    same(found.fitted, fit.fittedvalues)


@kinds
def test_one_newton_step_is_that_of_the_estimator(kind):
    step = hm.predict(problem(kind), hm.NewtonStep(), points=range(30)).delta
    same(hm.diagnostics.glm_diagnostics(problem(kind)).dfbeta, -np.asarray(step), 1e-8)


def test_leaving_counts_out_by_refitting():
    truth = hm.predict(problem("poisson"), hm.LeaveOneOut(), points=range(30)).delta
    full = statsmodels("poisson").params
    for row in range(0, 30, 5):
        refit = statsmodels("poisson", np.delete(np.arange(30), row)).params
        same(truth[row], refit - full, 1e-8)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"^ridge: standard errors"):
        _ = hm.diagnostics.glm_diagnostics(problem("logistic", ridge=0.1)).dfbetas
    linear = hm.LinearRegression(X, X[:, 1], deleted=0)
    with pytest.raises(ValueError, match=r"^problem: glm_diagnostics needs"):
        hm.diagnostics.glm_diagnostics(linear)
    network = hm.Problem(hm.mlp([3, 2, 1]), hm.Logistic(), X, CLASSES, deleted=0)
    with pytest.raises(ValueError, match="got Logistic with MultilayerPerceptron"):
        hm.diagnostics.glm_diagnostics(network, np.zeros(network.dimension))


# Does a risk of counts have a minimum -----------------------------------------------------------


def counts(X, y, **options):
    X = np.asarray(X, float)
    return hm.Problem(hm.linear_model(X.shape[1]), hm.losses.Poisson(), X, y, deleted=0, **options)


@pytest.mark.parametrize(
    ("inputs", "y", "exists"),
    [
        ([[1, 0], [1, 0], [1, 1], [1, 1]], [1, 2, 0, 3], True),
        # A group without any count: its rate falls to zero for ever.
        ([[1, 0], [1, 0], [1, 1], [1, 1]], [1, 2, 0, 0], False),
        ([[1], [1], [1]], [0, 0, 0], False),
        ([[1], [1], [-1]], [0, 0, 0], True),  # one rate falls while another rises
        ([[1, 2], [1, 3], [1, 4]], [0, 1, 0], True),
        ([[1, 2], [1, 3], [1, 4]], [1, 0, 0], False),
    ],
)
def test_whether_a_minimum_of_counts_exists(inputs, y, exists):
    asked = counts(inputs, y)
    found = decide_existence(asked, np.ones(len(y)))
    assert found.denied != exists
    if exists:
        theta = asked.full_fit()
        assert is_near(asked, theta, np.ones(len(y)))
        objective = lambda at: np.sum(np.exp(asked.X @ at) - np.asarray(y) * (asked.X @ at))  # noqa: E731
        best = scipy.optimize.minimize(objective, np.zeros(len(inputs[0])), tol=1e-12)
        same(theta, best.x, 1e-4)
    else:
        direction = found.direction
        moves = np.asarray(inputs, float) @ direction
        assert np.all(moves <= 1e-9) and np.allclose(moves[np.asarray(y) > 0], 0.0)
        assert moves.min() < -1e-3
        with pytest.raises(
            RuntimeError, match=r"no minimum exists: the rates of points with y = 0"
        ):
            asked.full_fit()
        assert bool(np.isfinite(counts(inputs, y, ridge=0.1).full_fit()).all())


def test_a_proof_near_the_fit_is_not_given_where_there_is_none():
    without = counts([[1, 0], [1, 0], [1, 1], [1, 1]], [1, 2, 0, 0])
    far = jnp.array([np.log(1.5), -30.0])  # the gradient is 1e-13 there
    assert np.linalg.norm(without.gradient(far)) < 1e-12
    assert not is_near(without, far, np.ones(4))
    perceptron = hm.Problem(hm.mlp([2, 1]), hm.losses.Poisson(), X[:, 1:], COUNTS, deleted=3)
    trained = hm.train(perceptron, np.zeros(3))
    same(trained.theta[jnp.array([2, 0, 1])], statsmodels("poisson").params, 1e-8)
