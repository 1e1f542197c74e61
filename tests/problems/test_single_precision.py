"""float32 in every verb: the answers of float64 to the digits that it has, no promotion, no advice
that does not apply."""

import subprocess
import sys
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm

SINGLE = float(np.finfo(np.float32).eps)
ROWS = np.array([3, 5, 7])


@pytest.fixture(autouse=True)
def promotions_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((60, 3)).astype(np.float32).astype(float)
    y = (X @ [1.0, -2.0, 0.5] + generator.standard_normal(60)).astype(np.float32).astype(float)
    return X, y


@pytest.fixture(scope="module")
def regression(data):
    return hm.LinearRegression(*data, deleted=3, dtype=jnp.float32)


@pytest.fixture(scope="module")
def logistic(data):
    X, y = data
    return hm.Problem(
        hm.linear_model(3),
        hm.Logistic(),
        X,
        (y > 0).astype(int),
        deleted=3,
        ridge=0.5,
        dtype=jnp.float32,
    )


def close(values, reference, roundings=100.0):
    assert values.dtype == jnp.float32
    values, reference = np.asarray(values, float), np.asarray(reference)
    assert np.max(np.abs(values - reference)) <= roundings * SINGLE * np.max(np.abs(reference))


def leave_one_out(X, y):
    full = np.linalg.lstsq(X, y, rcond=None)[0]
    fits = [np.linalg.lstsq(np.delete(X, j, 0), np.delete(y, j), rcond=None)[0] for j in ROWS]
    P = np.einsum("id,de,ie->i", X, np.linalg.inv(X.T @ X), X)[ROWS, None]
    return full, np.array(fits) - full, P


@pytest.mark.parametrize(
    ("estimator", "factor"),
    [
        (hm.LeaveOneOut(), lambda P: 1.0),
        (hm.NewtonStep(), lambda P: 1.0),
        (hm.PathIntegration(), lambda P: 1.0),
        (hm.ProximalBregman(), lambda P: 1.0),
        (hm.Taylor(2), lambda P: 1.0 - P**2),
        (hm.GaussNewton(), lambda P: 1.0 - P),
        (hm.Influence(), lambda P: 1.0 - P),
        (hm.Influence(at=0.0), lambda P: 1.0 / (1.0 - P)),
        (hm.Influence(solver=hm.ConjugateGradient()), lambda P: 1.0 - P),
        (hm.Influence(solver=hm.Arnoldi(3)), lambda P: 1.0 - P),
        (hm.Influence(solver=hm.Nystrom(3)), lambda P: 1.0 - P),
    ],
    ids=lambda value: (
        type(value).__name__ if isinstance(value, hm.estimators.AbstractEstimator) else ""
    ),
)
def test_estimators_of_a_regression(data, regression, estimator, factor):
    full, truth, P = leave_one_out(*data)
    close(regression.full_fit(), full)
    found = hm.predict(regression, estimator, points=ROWS)
    close(found.delta, truth * factor(P))


def reference(problem, weights):
    """θ(w) of the logistic problem, by Newton's method in float64."""
    X, y = np.asarray(problem.X, float), np.asarray(problem.y)
    theta = np.zeros(3)
    for _ in range(40):
        p = 1.0 / (1.0 + np.exp(-X @ theta))
        hessian = X.T @ ((weights * p * (1.0 - p))[:, None] * X) + 0.5 * np.eye(3)
        theta = theta - np.linalg.solve(hessian, X.T @ (weights * (p - y)) + 0.5 * theta)
    return theta


@pytest.mark.parametrize(
    "estimator",
    [hm.LeaveOneOut(), hm.PathIntegration(), hm.ProximalBregman()],
    ids=lambda value: type(value).__name__,
)
def test_retraining_of_another_loss(logistic, estimator):
    full = reference(logistic, np.ones(60))
    close(logistic.full_fit(), full)
    weights = 1.0 - np.eye(60)[ROWS]
    truth = np.array([reference(logistic, one) for one in weights]) - full
    found = hm.predict(logistic, estimator, points=ROWS)
    # Differences of fits that agree in their first digits.
    lost = np.max(np.abs(full)) / np.max(np.abs(truth))
    if isinstance(estimator, hm.ProximalBregman):
        # Not retraining, but near it: the response to a force that is linear in the output.
        assert np.linalg.norm(found.delta - truth) < 0.1 * np.linalg.norm(truth)
        assert found.delta.dtype == jnp.float32
    else:
        close(found.delta, truth, 100.0 * lost)


def test_training_and_paths(logistic, regression, data):
    close(hm.train(logistic, [0.0, 0.0, 0.0]).theta, reference(logistic, np.ones(60)))
    full, truth, _ = leave_one_out(*data)
    path = hm.response(regression, [0.0, 1.0])
    close(path.theta, [full + truth[0], full])


def test_flows_and_their_derivatives(data):
    X, y = data
    start, times = [0.0, 0.5, 1.0], [0.0, 0.1, 0.3]
    problems = [hm.LinearRegression(X, y, deleted=3, dtype=t) for t in (jnp.float32, None)]
    general = hm.Problem(hm.linear_model(3), hm.SquaredError(), X, y, deleted=3, dtype=jnp.float32)
    single, double = problems
    for schedule in (hm.Constant(0.5), hm.Ramp(0.05, 0.15)):
        expected = hm.flow(double, schedule, start, times).theta
        close(hm.flow(single, schedule, start, times).theta, expected)
        close(hm.flow(general, schedule, start, times).theta, expected)
    steps = hm.GradientDescent(0.01)
    close(
        hm.flow(single, hm.Constant(0.5), start, times, method=steps).theta,
        hm.flow(double, hm.Constant(0.5), start, times, method=steps).theta,
    )
    expected = hm.sensitivity(double, start, [0.1]).derivative
    close(hm.sensitivity(single, start, [0.1]).derivative, expected)
    close(hm.sensitivity(general, start, [0.1]).derivative, expected)


def test_costs_of_deletion(data):
    X, y = data
    costs, slopes = [], []
    for kind in (jnp.float32, None):
        problem = hm.LinearRegression(X, y, deleted=3, dtype=kind)
        deletion = hm.Deletion(problem, [0.0, 0.5, 1.0], start=0.02, horizon=0.2)
        value, gradient = deletion.value_and_gradient(hm.Step(0.1))
        costs.append(value)
        slopes.append(gradient.switch)
    close(costs[0], costs[1])
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=100 * SINGLE)


def test_tolerances_below_the_dtype_count_as_what_it_reaches(regression):
    found = hm.predict(regression, hm.NewtonStep(solver=hm.ConjugateGradient(1e-15)), points=ROWS)
    assert np.max(found.residual) <= 64 * SINGLE


def test_a_certificate_says_that_it_needs_float64(regression):
    deletion = hm.Deletion(regression, [0.0, 0.5, 1.0], start=0.02, horizon=0.2)
    with pytest.raises(ValueError, match="a certificate needs float64, got float32"):
        hm.optimise(deletion, over=hm.Everything())


def test_dense_does_not_advise_itself():
    # A design whose Gram matrix float32 cannot hold.
    generator = np.random.default_rng(1)
    X = generator.standard_normal((40, 2))
    X[:, 1] = X[:, 0] + 1e-3 * X[:, 1]
    y = (X[:, 0] > 0.3 * generator.standard_normal(40)).astype(int)
    problem = hm.Problem(
        hm.linear_model(2), hm.Logistic(), X, y, deleted=0, ridge=1e-6, dtype=jnp.float32
    )
    found = hm.predict(problem, hm.GaussNewton(), np.ones(2), points=ROWS, throw=False)
    advice = hm.results.ChangeStatus.not_converged  # "… or Dense()"
    assert not np.any(np.asarray(found.status == advice))


WITHOUT_DOUBLES = """
import warnings
warnings.simplefilter("error")
import jax.numpy as jnp, numpy as np
import homotopy as hm

generator = np.random.default_rng(0)
X = generator.standard_normal((60, 3))
y = X @ [1.0, -2.0, 0.5] + generator.standard_normal(60)
problem = hm.LinearRegression(X, y, deleted=3, dtype=jnp.float32)
logistic = hm.Problem(
    hm.linear_model(3), hm.Logistic(), X, (y > 0).astype(np.int32), deleted=3, ridge=0.5,
    dtype=jnp.float32,
)
for estimator in (hm.LeaveOneOut(), hm.PathIntegration()):
    for each in (problem, logistic):
        print(*hm.predict(each, estimator).delta.tolist())
"""


def test_where_jax_has_no_doubles():
    """As users of float32 mostly are: with JAX's 64-bit mode off."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DOUBLES], capture_output=True, text=True, check=True
    )
    rows = np.array([line.split() for line in done.stdout.splitlines()], float)
    generator = np.random.default_rng(0)
    X = generator.standard_normal((60, 3))
    y = X @ [1.0, -2.0, 0.5] + generator.standard_normal(60)
    full, truth, _ = leave_one_out(X, y)
    # θ itself is rounded, and retraining tells.
    np.testing.assert_allclose(rows[0], truth[0], rtol=0, atol=2 * SINGLE * np.abs(full).max())
    np.testing.assert_allclose(rows[2], truth[0], rtol=0, atol=100 * SINGLE * np.abs(truth).max())
    np.testing.assert_allclose(rows[1], rows[3], rtol=0, atol=20 * SINGLE)
