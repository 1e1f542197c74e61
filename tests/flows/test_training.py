"""Training to stationarity against closed forms, SciPy's flow and minimiser, and known saddles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import homotopy as hm

Status = hm.results.TrainingStatus
PERCEPTRON = hm.mlp([1, 3, 1])


def perceptron_problem(seed=0, ridge=1e-2, rows=slice(None)):
    """20 points from a perceptron of three neurons, plus noise."""
    rng = np.random.default_rng(seed)
    x, truth = rng.uniform(-2, 2, 20), jnp.asarray(1.5 * rng.normal(size=PERCEPTRON.dimension))
    y = np.array([PERCEPTRON(truth, jnp.array([at])).item() for at in x])
    y = y + 0.1 * rng.normal(size=20)
    problem = hm.Problem(
        PERCEPTRON, hm.SquaredError(), x[rows, None], y[rows], deleted=3, ridge=ridge
    )
    return problem, rng.normal(size=PERCEPTRON.dimension)


def product_problem(targets=(1.0, 1.0)):
    """½(θ₁θ₂ − 1)² twice: a saddle at 0 between two valleys of minima."""
    model = hm.function_model(lambda theta, x: theta[0] * theta[1] * x[0], dimension=2)
    return hm.Problem(model, hm.SquaredError(), [[1.0], [1.0]], targets, deleted=0)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_linear_regression_is_trained_to_the_least_squares_fit(epsilon):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    trained = hm.train(hm.LinearRegression(X, y, deleted=2), rng.normal(size=4), epsilon)
    root = np.sqrt(np.where(np.arange(20) == 2, epsilon, 1.0))
    expected = np.linalg.lstsq(root[:, None] * X, root * y, rcond=None)[0]
    np.testing.assert_allclose(trained.theta, expected, rtol=1e-12)
    spectrum = np.linalg.eigvalsh((root[:, None] * X).T @ (root[:, None] * X))
    assert float(trained.smallest_eigenvalue) == pytest.approx(spectrum[0], rel=1e-12)
    assert float(trained.largest_eigenvalue) == pytest.approx(spectrum[-1], rel=1e-12)
    assert trained.basin_kept and trained.status == Status.successful
    assert trained.gradient_norm <= trained.rounding < 1e-12


@pytest.mark.parametrize("seed", [0, 1])
def test_the_limit_is_where_scipys_flow_goes_and_a_minimum_for_scipy(seed):
    problem, theta0 = perceptron_problem(seed)
    trained = hm.train(problem, theta0)
    gradient = jax.jit(lambda theta: problem.gradient(theta))
    horizon = 12.0 / float(trained.smallest_eigenvalue)
    flow = solve_ivp(
        lambda t, theta: -np.asarray(gradient(jnp.asarray(theta))),
        (0.0, horizon),
        theta0,
        method="BDF",
        jac=lambda t, theta: -np.asarray(problem.hessian(jnp.asarray(theta))),
        rtol=1e-7,
        atol=1e-9,
    )
    assert np.linalg.norm(flow.y[:, -1] - trained.theta) <= 1e-3 * np.linalg.norm(trained.theta)
    risk = jax.jit(lambda theta: problem.risk(theta))
    found = minimize(
        lambda theta: float(risk(jnp.asarray(theta))),
        trained.theta + 1e-3,
        jac=lambda theta: np.asarray(gradient(jnp.asarray(theta))),
        method="BFGS",
        options={"gtol": 1e-9},
    )
    np.testing.assert_allclose(found.x, trained.theta, atol=1e-6)
    assert float(trained.risk) <= found.fun * (1 + 1e-14)


def test_deleting_is_training_without_the_point():
    problem, theta0 = perceptron_problem()
    without, _ = perceptron_problem(rows=np.arange(20) != 3)
    one, other = hm.train(problem, theta0, 0.0), hm.train(without, theta0, 1.0)
    np.testing.assert_allclose(one.theta, other.theta, rtol=1e-9, atol=1e-9)


def test_many_at_once():
    problem, theta0 = perceptron_problem()
    epsilons = jnp.linspace(0.0, 1.0, 4)
    many = jax.vmap(lambda epsilon: hm.train(problem, theta0, epsilon, throw=False))(epsilons)
    assert jnp.all(many.status == Status.successful)
    for index in (0, 3):
        one = hm.train(problem, theta0, epsilons[index])
        np.testing.assert_allclose(many.theta[index], one.theta, rtol=1e-9, atol=1e-9)


# --- what is not a minimum


def test_a_symmetric_start_stays_on_the_saddle():
    trained = hm.train(product_problem(), [1.0, -1.0], throw=False)
    assert trained.status == Status.saddle
    np.testing.assert_allclose(trained.theta, 0.0, atol=1e-9)
    assert float(trained.smallest_eigenvalue) == pytest.approx(-2.0, rel=1e-9)


def test_a_start_beside_it_passes_the_saddle():
    trained = hm.train(product_problem(), [1.0, -1.0 + 1e-7], throw=False)
    assert trained.status == Status.degenerate  # a valley: θ₁θ₂ = 1
    assert float(jnp.prod(trained.theta)) == pytest.approx(1.0, rel=1e-12)
    # θ₁² − θ₂² does not change along the flow.
    assert float(trained.theta[0] ** 2 - trained.theta[1] ** 2) == pytest.approx(2e-7, abs=1e-5)


def test_classes_that_can_be_separated_have_no_minimum():
    problem = hm.Problem(
        hm.linear_model(1), hm.Logistic(), [[-1.0], [1.0], [2.0]], [0, 1, 1], deleted=0
    )
    trained = hm.train(problem, [0.0], throw=False)
    assert trained.status == Status.separated
    with pytest.raises(RuntimeError, match=r"no minimum exists.*ridge"):
        hm.train(problem, [0.0])


def test_a_spent_budget_and_numbers_that_are_none():
    problem, theta0 = perceptron_problem()
    assert hm.train(problem, theta0, max_steps=3, throw=False).status != Status.successful
    model = hm.function_model(lambda theta, x: jnp.log(theta[0]) * x[0], dimension=1)
    undefined = hm.Problem(model, hm.SquaredError(), [[1.0], [1.0]], [0.0, 0.0], deleted=0)
    trained = hm.train(undefined, [-1.0], throw=False)
    assert trained.status == Status.diverged
    with pytest.raises(RuntimeError, match="left the finite numbers"):
        hm.train(undefined, [-1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"theta0": [1.0]}, "theta0: expected a vector of length 2"),
        ({"theta0": [1.0, np.nan]}, "theta0: expected finite numbers"),
        ({"epsilon": 1.5}, r"epsilon: expected a weight in \[0, 1\], got 1.5"),
        ({"tolerance": 0.0}, r"tolerance: expected a number in \(0, 1\), got 0.0"),
        ({"max_steps": 0}, "max_steps: expected an integer >= 1, got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message, without_shape_checks):
    given = {"theta0": [1.0, 1.0], **arguments}
    with pytest.raises(ValueError, match=message):
        hm.train(product_problem(), **given)


def test_what_no_point_sees_stays_and_does_not_count_for_the_minimum():
    group = np.array([0.0, 1, 0, 1, 1, 0, 1, 0])
    X, start = np.column_stack([np.ones(8), group, 1 - group]), np.array([0.5, 0.0, 1.0])
    y = np.array([1.0, 3, 2, 5, 4, 1, 3, 0])
    trained = hm.train(hm.Problem(hm.linear_model(3), hm.SquaredError(), X, y, deleted=3), start)
    assert trained.status == Status.successful
    # The flow's limit: nearest to θ₀ among the least-squares fits.
    nearest = start + np.linalg.pinv(X) @ (y - X @ start)
    np.testing.assert_allclose(trained.theta, nearest, atol=1e-12)
    # Both groups are balanced: zero is the fit, and the gradient there is rounding along the basis.
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    logistic = hm.Problem(hm.linear_model(3), hm.Logistic(), X, labels, deleted=3)
    trained = hm.train(logistic, np.zeros(3))
    assert trained.status == Status.successful
    np.testing.assert_allclose(trained.theta, 0.0, atol=1e-14)
