"""What scikit-learn has fitted is the full fit here, with its predictions; and without a row."""

import warnings

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import homotopy as hm

RNG = np.random.default_rng(11)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -0.5, 0.2] + 0.7 + 0.3 * RNG.normal(size=40)
TWO = np.column_stack([Y, X[:, 0] ** 2])
BINARY = np.where(X[:, 0] + 0.8 * RNG.normal(size=40) > 0, "yes", "no")
THREE = np.array(["a", "b", "c"])[np.argmax(X + 0.9 * RNG.normal(size=(40, 3)), axis=1)]
WEIGHTS = RNG.uniform(0.5, 2.0, 40)
ROW = 5
REST = np.delete(np.arange(40), ROW)
TIGHT = {"tol": 1e-12, "max_iter": 100_000}


def probabilities(problem, theta):
    outputs = np.asarray(problem.predict(theta))
    if outputs.ndim == 1:
        outputs = np.column_stack([np.zeros_like(outputs), outputs])
    return np.asarray(jax.nn.softmax(outputs, axis=1))


LINEAR = [
    (LinearRegression(), Y),
    (LinearRegression(fit_intercept=False), Y),
    (Ridge(alpha=2.0, solver="cholesky"), Y),
    (Ridge(alpha=2.0, fit_intercept=False, solver="cholesky"), Y),
    (LinearRegression(), TWO),
    (Ridge(alpha=2.0, solver="cholesky"), TWO),
    (Ridge(alpha=2.0, fit_intercept=False, solver="cholesky"), TWO),
]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize(("estimator", "y"), LINEAR)
def test_linear_models(estimator, y, weights):
    fitted = estimator.fit(X, y, sample_weight=weights)
    problem, theta = hm.from_sklearn(fitted, X, y, deleted=ROW, weights=weights)
    np.testing.assert_allclose(problem.predict(theta), fitted.predict(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(problem.full_fit(), theta, rtol=1e-7, atol=1e-9)
    assert np.linalg.norm(problem.gradient(theta)) < 1e-10
    rest = None if weights is None else weights[REST]
    refit = estimator.fit(X[REST], y[REST], sample_weight=rest)
    without = problem.predict(problem.deleted_fit())
    np.testing.assert_allclose(without, refit.predict(X), rtol=1e-6, atol=1e-8)


LOGISTIC = [
    (LogisticRegression(C=0.5, **TIGHT), BINARY),
    (LogisticRegression(C=0.5, fit_intercept=False, **TIGHT), BINARY),
    (LogisticRegression(C=np.inf, **TIGHT), BINARY),
    (LogisticRegression(C=0.5, class_weight="balanced", **TIGHT), BINARY),
    (LogisticRegression(C=0.5, solver="liblinear", intercept_scaling=2.0, **TIGHT), BINARY),
    (LogisticRegression(C=0.5, **TIGHT), THREE),
    (LogisticRegression(C=0.5, fit_intercept=False, class_weight={"a": 2.0}, **TIGHT), THREE),
]


@pytest.mark.parametrize(("estimator", "y"), LOGISTIC)
def test_logistic_regressions(estimator, y):
    fitted = estimator.fit(X, y, sample_weight=WEIGHTS)
    problem, theta = hm.from_sklearn(fitted, X, y, deleted=ROW, weights=WEIGHTS)
    expected = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities(problem, theta), expected, rtol=1e-10, atol=1e-14)
    # As near the minimum as scikit-learn comes.
    own = problem.full_fit()
    np.testing.assert_allclose(probabilities(problem, own), expected, atol=2e-5)
    assert -1e-12 < float(problem.risk(theta) - problem.risk(own)) < 1e-7
    truth = hm.predict(problem, hm.LeaveOneOut(), own)
    balanced = estimator.class_weight == "balanced"  # whose weights another data set changes
    if not balanced:
        refit = estimator.fit(X[REST], y[REST], sample_weight=WEIGHTS[REST])
        found = probabilities(problem, own + truth.delta)
        np.testing.assert_allclose(found, refit.predict_proba(X), atol=2e-5)


def test_intercepts_and_names_of_a_data_frame():
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=[f"row {i}" for i in range(40)])
    target = pd.Series(BINARY, index=frame.index, name="answer")
    fitted = LogisticRegression(**TIGHT).fit(frame, target)
    problem, theta = hm.from_sklearn(fitted, frame, target, deleted=ROW)
    assert problem.parameter_names == ("intercept", "a", "b", "c")
    assert problem.labels.row(ROW) == "row 5" and problem.labels.target == "answer"
    np.testing.assert_allclose(theta, np.r_[fitted.intercept_, fitted.coef_[0]])
    assert problem.ridge.tolist() == [0.0, 1.0, 1.0, 1.0]
    fitted = LogisticRegression(**TIGHT).fit(frame, THREE)
    problem, theta = hm.from_sklearn(fitted, frame, THREE, deleted=ROW)
    names = problem.parameter_names
    assert names[:3] == ("a: a", "a: b", "a: c") and names[-1] == "b: intercept"
    gap = fitted.intercept_[1] - fitted.intercept_[2]
    assert np.isclose(theta[-1], gap) and theta[names.index("b: c")] == fitted.coef_[1, 2]


def perceptron(kind, **options):
    options = {"hidden_layer_sizes": (4,), "activation": "tanh", "random_state": 0} | options
    return kind(**options)


PERCEPTRONS = [
    (perceptron(MLPRegressor), Y),
    (perceptron(MLPRegressor, activation="relu", hidden_layer_sizes=(4, 3)), TWO),
    (perceptron(MLPRegressor, activation="identity"), Y[:, None]),
    (perceptron(MLPClassifier, activation="logistic"), BINARY),
    (perceptron(MLPClassifier), THREE),
]


@pytest.mark.parametrize(("estimator", "y"), PERCEPTRONS)
def test_perceptrons_as_they_are(estimator, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = estimator.set_params(max_iter=30).fit(X, y)
    problem, theta = hm.from_sklearn(fitted, X, y, deleted=ROW)
    if hasattr(fitted, "classes_"):
        found, expected = probabilities(problem, theta), fitted.predict_proba(X)
    else:
        found, expected = problem.predict(theta), fitted.predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("kind", "y"), [(MLPRegressor, Y), (MLPClassifier, THREE), (MLPClassifier, BINARY)]
)
def test_a_perceptron_at_its_minimum_is_at_one_here(kind, y):
    options = {"hidden_layer_sizes": (2,), "solver": "lbfgs", "alpha": 0.5, "max_fun": 10**6}
    estimator = perceptron(kind, **options, tol=1e-14, max_iter=100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = estimator.fit(X, y)
    problem, theta = hm.from_sklearn(fitted, X, y, deleted=ROW)
    terms = np.linalg.norm(problem.ridge * theta)
    assert np.linalg.norm(problem.gradient(theta)) < 1e-3 * terms
    trained = hm.train(problem, theta)
    assert bool(trained.successful)
    np.testing.assert_allclose(trained.theta, theta, atol=1e-3)


def test_a_perceptron_of_several_outputs():
    # By Adam in one batch: with lbfgs scikit-learn's risk and gradient are of different scales.
    options = {"hidden_layer_sizes": (2,), "alpha": 0.5, "batch_size": 40, "tol": 0.0}
    estimator = perceptron(MLPRegressor, **options, max_iter=4000, n_iter_no_change=4000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = estimator.set_params(learning_rate_init=0.01).fit(X, TWO)
    problem, theta = hm.from_sklearn(fitted, X, TWO, deleted=ROW)
    assert np.linalg.norm(problem.gradient(theta)) < 1e-3 * np.linalg.norm(problem.ridge * theta)


def test_alpha_in_batches():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = perceptron(MLPRegressor, batch_size=10, alpha=0.1, max_iter=3).fit(X, Y)
    problem, _ = hm.from_sklearn(fitted, X, Y, deleted=ROW)
    assert sorted(set(np.asarray(problem.ridge).tolist())) == pytest.approx([0.0, 0.4])


def test_what_is_refused():
    pipeline = make_pipeline(StandardScaler(), Ridge()).fit(X, Y)
    for wrong, words in [
        (Lasso(), "got a Lasso"),
        (pipeline, "take its last step"),
        (None, "got None"),
    ]:
        with pytest.raises(TypeError, match=r"^fitted: expected LinearRegression") as caught:
            hm.from_sklearn(wrong, X, Y, deleted=0)
        assert words in str(caught.value)
    with pytest.raises(ValueError, match=r"^fitted: expected a fitted Ridge"):
        hm.from_sklearn(Ridge(), X, Y, deleted=0)
    with pytest.raises(ValueError, match=r"^X: expected the 3 columns"):
        hm.from_sklearn(Ridge().fit(X, Y), X[:, :2], Y, deleted=0)
    sparse = LogisticRegression(l1_ratio=1.0, solver="saga", max_iter=5000).fit(X, BINARY)
    with pytest.raises(ValueError, match=r"^fitted: expected an ℓ₂ penalty"):
        hm.from_sklearn(sparse, X, BINARY, deleted=0)
    fitted = LogisticRegression().fit(X, BINARY)
    with pytest.raises(ValueError, match=r"^y: expected the classes \['no', 'yes'\]"):
        hm.from_sklearn(fitted, X, THREE, deleted=0)
    stopped = MLPRegressor(
        hidden_layer_sizes=(3,), early_stopping=True, max_iter=2, tol=1e9, n_iter_no_change=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stopped.fit(X, Y)
    with pytest.raises(ValueError, match=r"^fitted: expected a perceptron .* early_stopping=True"):
        hm.from_sklearn(stopped, X, Y, deleted=0)
    with pytest.raises(ValueError, match=r"^fitted: expected coefficients without bounds"):
        hm.from_sklearn(LinearRegression(positive=True).fit(X, Y), X, Y, deleted=0)
