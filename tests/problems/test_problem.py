"""The generic Problem: sums with weights, derivatives, fits against other people's solvers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import problems
from regressions import linear_regression
from sklearn.linear_model import LogisticRegression

import homotopy as hm

SIZE, INPUTS = 20, 3
GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(SIZE, INPUTS))
CLASSES = (X @ np.array([1.0, -0.5, 0.3]) + GENERATOR.logistic(size=SIZE) > 0).astype(int)
THREE = GENERATOR.integers(0, 3, size=SIZE)
DELETED = [4, 11]


def logistic(ridge=0.0, deleted=DELETED):
    return hm.Problem(
        hm.linear_model(INPUTS), hm.Logistic(), X, CLASSES, deleted=deleted, ridge=ridge
    )


def perceptron(ridge=0.1):
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    model = hm.mlp([INPUTS, 4, 1])
    return hm.Problem(model, hm.SquaredError(), X, y, deleted=DELETED, ridge=ridge)


def softmax(ridge=0.3):
    model = hm.function_model(lambda theta, x: theta.reshape(3, INPUTS) @ x, 3 * INPUTS)
    loss = hm.SoftmaxCrossEntropy()
    return hm.Problem(model, loss, X, THREE, deleted=DELETED, ridge=ridge)


PROBLEMS = {"logistic": logistic(0.5), "perceptron": perceptron(), "softmax": softmax()}
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def parameters(problem, seed=0):
    return jnp.asarray(0.7 * np.random.default_rng(seed).normal(size=problem.dimension))


# ------------------------------------------------------------------------ risk and weights


def test_weights_are_epsilon_on_the_deleted_set_and_one_elsewhere():
    problem = PROBLEMS["logistic"]
    expected = np.ones(SIZE)
    np.testing.assert_array_equal(problem.weights(), expected)
    expected[DELETED] = 0.25
    np.testing.assert_array_equal(problem.weights(0.25), expected)
    expected[DELETED] = [0.0, 0.75]
    np.testing.assert_array_equal(problem.weights(jnp.asarray([0.0, 0.75])), expected)
    one = logistic(deleted=4)
    expected[DELETED] = [0.5, 1.0]
    np.testing.assert_array_equal(one.weights(0.5), expected)
    assert one.size == SIZE and one.dimension == INPUTS
    np.testing.assert_array_equal(one.deleted, [4])


def test_losses_against_a_loop():
    problem = PROBLEMS["logistic"]
    theta = parameters(problem)
    logits = X @ np.asarray(theta)
    expected = np.log1p(np.exp(np.where(CLASSES == 1, -logits, logits)))
    np.testing.assert_allclose(problem.losses(theta), expected, rtol=1e-14)

    perceptron = PROBLEMS["perceptron"]
    theta = np.asarray(parameters(perceptron))
    first, bias = theta[: 4 * INPUTS].reshape(4, INPUTS), theta[4 * INPUTS : 4 * INPUTS + 4]
    second, last = theta[-5:-1], theta[-1]
    outputs = np.tanh(X @ first.T + bias) @ second + last
    expected = 0.5 * (outputs - np.asarray(perceptron.y)) ** 2
    np.testing.assert_allclose(perceptron.losses(jnp.asarray(theta)), expected, rtol=1e-12)
    np.testing.assert_allclose(perceptron.predict(jnp.asarray(theta)), outputs, rtol=1e-12)


@each_problem
def test_the_risk_is_a_weighted_sum_and_the_ridge_is_never_reweighted(problem):
    theta = parameters(problem)
    losses = np.asarray(problem.losses(theta))
    penalty = 0.5 * float(problem.ridge) * np.sum(np.asarray(theta) ** 2)
    assert penalty > 0
    gone = losses[DELETED].sum()
    for epsilon in (0.0, 0.3, 1.0):
        expected = losses.sum() - (1 - epsilon) * gone + penalty
        assert float(problem.risk(theta, epsilon)) == pytest.approx(expected, rel=1e-14)
    whole = float(problem.risk(theta, 1.0))
    assert float(problem.risk(theta)) == pytest.approx(whole, rel=1e-14)
    assert float(problem.deleted_loss(theta)) == pytest.approx(gone, rel=1e-14)
    weights = np.linspace(-0.5, 2.0, SIZE)
    expected = weights @ losses + penalty
    assert float(problem.weighted_risk(theta, jnp.asarray(weights))) == pytest.approx(expected)


# --------------------------------------------------------------------------- derivatives


@each_problem
def test_derivatives_against_central_differences(problem):
    theta, epsilon, step = np.asarray(parameters(problem)), 0.3, 1e-5
    risk = jax.jit(lambda at: problem.risk(at, epsilon))
    slope = jax.jit(lambda at: problem.gradient(at, epsilon))

    def difference(function):
        rows = np.eye(problem.dimension)
        columns = [(function(theta + step * e) - function(theta - step * e)) for e in rows]
        return np.array(columns) / (2 * step)

    vector = np.linspace(-1.0, 1.0, problem.dimension)
    gradient, hessian, product = jax.jit(
        lambda at, along: (
            problem.gradient(at, epsilon),
            problem.hessian(at, epsilon),
            problem.hvp(at, along, epsilon),
        )
    )(theta, vector)
    np.testing.assert_allclose(gradient, difference(risk), rtol=0, atol=1e-8)
    np.testing.assert_allclose(hessian, difference(slope), rtol=0, atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(product, hessian @ vector, rtol=0, atol=1e-12)


@each_problem
def test_the_gradient_is_affine_in_epsilon_with_the_deleted_gradient_as_slope(problem):
    theta = parameters(problem)
    change = problem.gradient(theta, 0.75) - problem.gradient(theta, 0.25)
    np.testing.assert_allclose(change, 0.5 * problem.deleted_gradient(theta), rtol=0, atol=1e-13)
    assert np.linalg.norm(change) > 1e-3


@each_problem
def test_shapes(problem):
    theta, d = parameters(problem), problem.dimension
    shapes = jax.eval_shape(
        lambda at: (
            problem.losses(at),
            problem.risk(at),
            problem.gradient(at),
            problem.hvp(at, at),
            problem.hessian(at),
            problem.deleted_gradient(at),
        ),
        theta,
    )
    assert [part.shape for part in shapes] == [(SIZE,), (), (d,), (d,), (d, d), (d,)]


@each_problem
def test_a_problem_is_a_pytree(problem):
    # It goes through jit as an argument, and a batch of weights through vmap.
    theta, epsilons = parameters(problem), jnp.asarray([0.0, 0.3, 1.0])
    gradient = eqx.filter_jit(lambda problem, epsilon: problem.gradient(theta, epsilon))
    batch = eqx.filter_jit(eqx.filter_vmap(gradient, in_axes=(None, 0)))(problem, epsilons)
    for epsilon, row in zip(epsilons, batch, strict=True):
        np.testing.assert_allclose(row, gradient(problem, epsilon), rtol=0, atol=1e-13)


def test_predictions_at_other_inputs_and_the_users_parameters():
    problem = PROBLEMS["softmax"]
    theta = parameters(problem)
    inputs = jnp.asarray(X[:2] * 2.0)
    expected = np.asarray(inputs) @ np.asarray(theta).reshape(3, INPUTS).T
    np.testing.assert_allclose(problem.predict(theta, inputs), expected, rtol=1e-13)
    network = PROBLEMS["perceptron"].unravel(parameters(PROBLEMS["perceptron"]))
    x = jnp.asarray(X[0])
    expected = PROBLEMS["perceptron"].predict(parameters(PROBLEMS["perceptron"]))[0]
    np.testing.assert_allclose(network(x), expected, rtol=1e-13)


# --------------------------------------------------------------------------------- fits


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("name", ["well conditioned", "group of three"])
def test_fits_of_the_squared_loss_are_those_of_linear_regression(name, ridge):
    # Two code paths with nothing in common: BFGS and Newton steps, and spectra.
    data, exact = problems.ALL[name], linear_regression(name, ridge)
    generic = hm.Problem(
        hm.linear_model(exact.dimension), hm.SquaredError(), data.X, data.y,
        deleted=data.deleted, ridge=ridge,
    )  # fmt: skip
    for fit in ("full_fit", "deleted_fit"):
        for start in (None, jnp.asarray(data.theta0)):
            np.testing.assert_allclose(
                getattr(generic, fit)(start), getattr(exact, fit)(start), rtol=1e-11
            )
    np.testing.assert_allclose(generic.fit(0.3), exact.fit(0.3), rtol=1e-11)


def scikit_learn(C, rows):
    solver = LogisticRegression(
        C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )
    return solver.fit(X[rows], CLASSES[rows]).coef_[0]


@pytest.mark.parametrize(("ridge", "C"), [(0.0, 1e12), (0.5, 2.0)])
def test_logistic_fits_are_scikit_learns(ridge, C):
    # It minimises C Σ ℓ_i + ½‖θ‖²: a ridge of 1/C on the sum of losses.
    problem = logistic(ridge)
    np.testing.assert_allclose(
        problem.full_fit(), scikit_learn(C, np.arange(SIZE)), rtol=1e-8, atol=1e-9
    )
    kept = np.setdiff1d(np.arange(SIZE), DELETED)
    np.testing.assert_allclose(problem.deleted_fit(), scikit_learn(C, kept), rtol=1e-8, atol=1e-9)


@each_problem
def test_a_fit_is_stationary_to_rounding(problem):
    start = parameters(problem)
    for epsilon in (0.0, 0.3, 1.0):
        fit = problem.fit(epsilon, start)
        slope = np.linalg.norm(problem.gradient(fit, epsilon))
        assert slope <= 1e-9 * (1.0 + np.linalg.norm(problem.gradient(start, epsilon)))
        assert float(problem.risk(fit, epsilon)) <= float(problem.risk(start, epsilon))


def test_a_risk_without_a_minimiser_is_an_error_that_says_what_to_do():
    # Two classes that a line separates: the logistic risk falls for ever, its gradient vanishes.
    problem = hm.Problem(
        hm.linear_model(1), hm.Logistic(), [[-1.0], [1.0], [2.0]], [0, 1, 1], deleted=2
    )
    with pytest.raises(RuntimeError, match=r"no minimum exists: .*separated.* add a ridge"):
        problem.full_fit()


def test_a_second_fit_compiles_nothing(monkeypatch):
    first = logistic(0.5)
    first.full_fit()
    other = hm.Problem(first.model, first.loss, X[::-1], CLASSES, deleted=[0, 1], ridge=0.7)
    monkeypatch.setattr("optimistix.minimise", None)  # which a new trace would call
    other.deleted_fit()


# ------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": X[:, 0]}, r"X: expected a non-empty matrix \(n, p\), got shape \(20,\)"),
        ({"X": np.where(X > 1, np.nan, X)}, "X: expected finite numbers"),
        ({"X": np.full(X.shape, "a")}, "X: expected numbers, got text, 'a'"),
        ({"y": CLASSES[:5]}, r"y: expected 20 targets, as X has rows, got shape \(5,\)"),
        ({"y": CLASSES + 1}, "Logistic: y must hold"),
        ({"y": np.where(X[:, 0] > 1, np.inf, 0.0)}, "y: expected finite numbers"),
        ({"X": X[:, :2]}, r"X: the model does not take a row of X, of shape \(2,\)"),
        ({"deleted": [0, SIZE]}, r"deleted: expected row numbers from 0 to 19, got \[20\]"),
        ({"deleted": [0, 0]}, "deleted: a row is named twice"),
        ({"deleted": list(range(SIZE))}, "deleted: all 20 rows are deleted"),
        ({"deleted": [[0, 1]]}, "deleted: expected a row number, a sequence"),
        ({"deleted": "0"}, "deleted: expected a row number, a sequence"),
        ({"ridge": -0.1}, r"ridge: expected a finite number >= 0, got -0\.1"),
        ({"ridge": np.inf}, "ridge: expected a finite number"),
        ({"dtype": complex}, "dtype: expected a floating-point type"),
    ],
)
def test_bad_input(without_shape_checks, change, message):
    good = {"model": hm.linear_model(INPUTS), "loss": hm.Logistic(), "X": X, "y": CLASSES}
    with pytest.raises(ValueError, match=message):
        hm.Problem(**(good | {"deleted": DELETED} | change))


def test_an_output_that_does_not_match_the_targets(without_shape_checks):
    two = hm.function_model(lambda theta, x: theta.reshape(2, INPUTS) @ x, 2 * INPUTS)
    with pytest.raises(ValueError, match=r"y must have shape \(n, 2\).*got \(20,\)"):
        hm.Problem(two, hm.SquaredError(), X, X[:, 0], deleted=0)
    with pytest.raises(ValueError, match="y must have shape"):
        hm.Problem(hm.linear_model(INPUTS), hm.SquaredError(), X, X[:, :2], deleted=0)


def test_bad_starts(without_shape_checks):
    problem = PROBLEMS["logistic"]
    with pytest.raises(ValueError, match=r"theta0: .* vector of length 3, got shape \(2,\)"):
        problem.full_fit(jnp.zeros(2))
    with pytest.raises(ValueError, match="theta0: expected finite numbers"):
        problem.deleted_fit(jnp.asarray([np.inf, 0.0, 0.0]))


def test_single_precision_by_name_and_by_accident():
    problem = hm.Problem(
        hm.linear_model(INPUTS), hm.Logistic(), X, CLASSES, deleted=0, dtype=jnp.float32
    )
    assert problem.gradient(jnp.zeros(INPUTS, jnp.float32)).dtype == jnp.float32
    with jax.enable_x64(False), pytest.raises(ValueError, match=r"homotopy\.enable_x64\(\)"):
        logistic()
