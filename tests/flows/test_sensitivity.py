"""∂θ(t; w)/∂w_j against 50-digit arithmetic, and against flows of re-weighted risks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import problems
from oracles import sensitivity as oracle
from scipy.integrate import solve_ivp

import homotopy as hm
from homotopy._memory import aligned
from homotopy.flows import seen_points

POINTS = [0, 1]
TIMES = np.array([0.0, 0.05, 0.2, 1.0])

each_problem = pytest.mark.parametrize("name", problems.ALL)


def regression(data, ridge=0.0):
    return hm.LinearRegression(data.X, data.y, deleted=np.asarray(data.deleted), ridge=ridge)


def times_of(data):
    """λ_max t = 1, 10², 10⁴; and the time in which the slowest mode decays twice over."""
    spectrum = np.linalg.svd(data.X, compute_uv=False) ** 2
    slowest = spectrum[spectrum > 1e-13 * spectrum[0]].min()
    return np.sort(np.array([1.0, 1e2, 1e4, 2 * spectrum[0] / slowest]) / spectrum[0])


def interpolates(data):
    """Whether the full fit meets every target, so that all sensitivities die out."""
    return np.linalg.matrix_rank(data.X) == len(data.y)


# Exact -------------------------------------------------------------------------------------------


@each_problem
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_exact_is_that_of_fifty_digit_arithmetic(name, ridge):
    data = problems.ALL[name]
    times = times_of(data)
    result = hm.sensitivity(regression(data, ridge), data.theta0, times, points=POINTS)
    expected = oracle.sensitivity(data.X, data.y, ridge, data.theta0, times, POINTS)
    assert result.derivative.shape == expected.shape == (4, 2, data.X.shape[1])
    assert result.status == hm.results.FlowStatus.successful
    np.testing.assert_array_equal(result.points, POINTS)
    error = np.linalg.norm(result.derivative - expected, axis=2)
    size = np.linalg.norm(expected, axis=2)
    # A sensitivity that dies out is a difference of residuals: relative to what it was.
    if interpolates(data):
        size = np.maximum.accumulate(size, axis=0)
    assert np.all(error <= 1e-12 * size), (error / size).max()


@each_problem
def test_all_points_at_once_are_the_points_one_by_one(name):
    data = problems.ALL[name]
    problem, times = regression(data), times_of(data)
    together = hm.sensitivity(problem, data.theta0, times)
    np.testing.assert_array_equal(together.points, np.arange(len(data.y)))
    chosen = hm.sensitivity(problem, data.theta0, times, points=POINTS[::-1])
    scale = np.abs(together.derivative).max()
    np.testing.assert_allclose(
        chosen.derivative, together.derivative[:, ::-1][:, -2:], rtol=1e-13, atol=1e-15 * scale
    )


def test_a_single_row_number_keeps_its_axis():
    data = problems.well_conditioned()
    problem = regression(data)
    one = hm.sensitivity(problem, data.theta0, TIMES, points=7)
    both = hm.sensitivity(problem, data.theta0, TIMES, points=np.array([7, 2]))
    assert one.derivative.shape == (4, 1, 4)
    np.testing.assert_allclose(one.derivative[:, 0], both.derivative[:, 0], rtol=1e-13)
    np.testing.assert_array_equal(one.derivative[0], 0)


def test_many_points_at_one_time():
    """As many numbers as are worth two threads, and one time for both."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(20_000, 8)), generator.normal(size=20_000)
    problem = hm.LinearRegression(X, y, deleted=0)
    time = 1.0 / float(problem.modal.full.eigenvalues[-1])
    every = hm.sensitivity(problem, np.ones(8), [time])
    some = hm.sensitivity(problem, np.ones(8), [0.5 * time, time], points=[3, 19_999])
    np.testing.assert_allclose(every.derivative[0, [3, 19_999]], some.derivative[1], rtol=1e-12)


@pytest.mark.parametrize("name", problems.REGULAR)
def test_late_sensitivity_is_the_influence_function(name):
    data = problems.ALL[name]
    problem = regression(data)
    late = 60.0 / np.linalg.svd(data.X, compute_uv=False)[-1] ** 2
    derivative = hm.sensitivity(problem, data.theta0, [late], points=data.deleted).derivative[0]
    # All weights of the group together are the weight ε.
    expected = hm.response(problem, [1.0]).velocity[0]
    np.testing.assert_allclose(
        np.sum(derivative, axis=0), expected, rtol=0, atol=1e-12 * np.linalg.norm(expected)
    )


def test_central_differences_of_the_flow_with_other_weights():
    data, j, step = problems.well_conditioned(), 3, 1e-3

    def theta(weight):
        """The flow when row j counts `weight`: a row times √w is a row of weight w."""
        X, y = data.X.copy(), data.y.copy()
        X[j], y[j] = np.sqrt(weight) * X[j], np.sqrt(weight) * y[j]
        problem = hm.LinearRegression(X, y, deleted=0)
        return np.asarray(hm.flow(problem, hm.Constant(1.0), data.theta0, TIMES).theta)

    near, far = (theta(1 + k * step) - theta(1 - k * step) for k in (1, 2))
    differences = (8 * near - far) / (12 * step)
    derivative = hm.sensitivity(regression(data), data.theta0, TIMES, points=j).derivative[:, 0]
    np.testing.assert_allclose(derivative, differences, rtol=0, atol=1e-11)


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_rotating_the_parameters_rotates_the_sensitivities_and_time_scales_with_the_data(seed):
    generator = np.random.default_rng(seed)
    data = problems.well_conditioned(seed=seed % 1000)
    turn = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    order, stretch = generator.permutation(20), 2.0 ** generator.integers(-3, 4)
    moved = regression(data._replace(X=stretch * (data.X @ turn)[order], y=stretch * data.y[order]))
    ours = hm.sensitivity(moved, turn.T @ data.theta0, TIMES / stretch**2).derivative @ turn.T
    theirs = hm.sensitivity(regression(data), data.theta0, TIMES).derivative[:, order]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())


def test_works_under_jit_and_vmap():
    data = problems.well_conditioned()
    problem = regression(data)

    def derivative(theta0, times):
        return hm.sensitivity(problem, theta0, times, points=POINTS).derivative

    starts = jnp.stack([data.theta0, -data.theta0])
    both = jax.jit(jax.vmap(derivative, (0, None)))(starts, TIMES)
    for start, ours in zip(starts, both, strict=True):
        # By JAX and by NumPy.
        np.testing.assert_allclose(ours, derivative(start, TIMES), rtol=1e-12, atol=1e-15)


# Adaptive ----------------------------------------------------------------------------------------


def test_variational_equation_agrees_to_its_tolerance():
    data = problems.well_conditioned()
    problem = regression(data)
    exact = hm.sensitivity(problem, data.theta0, TIMES).derivative
    errors = []
    for tolerance in (1e-5, 1e-8, 1e-11):
        method = hm.Adaptive(rtol=tolerance, atol=tolerance)
        result = hm.sensitivity(problem, data.theta0, TIMES, method=method)
        assert result.status == hm.results.FlowStatus.successful
        errors.append(np.abs(result.derivative - exact).max() / np.abs(exact).max())
        assert errors[-1] <= 100 * tolerance
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def reweighted_flow(gradient, theta0, weights):
    """θ at TIMES[1:] of the flow of Σ wᵢℓᵢ + (ρ/2)‖θ‖², by SciPy."""
    solution = solve_ivp(
        lambda t, theta: -gradient(theta, weights),
        (0.0, TIMES[-1]),
        theta0,
        method="DOP853",
        t_eval=TIMES[1:],
        rtol=1e-12,
        atol=1e-13,
    )
    assert solution.success
    return solution.y.T


def assert_derivative_of_reweighted_flows(problem, gradient, theta0, points):
    method = hm.Adaptive(rtol=1e-10, atol=1e-12)
    result = hm.sensitivity(problem, theta0, TIMES, points=points, method=method)
    np.testing.assert_array_equal(result.derivative[0], 0)
    step = 1e-3
    for index, j in enumerate(points):

        def theta(k, j=j):
            weights = np.ones(problem.size)
            weights[j] += k * step
            return reweighted_flow(gradient, np.asarray(theta0), weights)

        differences = (8 * (theta(1) - theta(-1)) - (theta(2) - theta(-2))) / (12 * step)
        assert np.abs(differences).max() > 1e-3
        np.testing.assert_allclose(result.derivative[1:, index], differences, rtol=0, atol=2e-8)


def test_logistic_regression_against_reweighted_flows():
    generator = np.random.default_rng(0)
    X, ridge = generator.normal(size=(12, 3)), 0.3
    y = (generator.random(12) < 0.5).astype(float)
    problem = hm.Problem(hm.linear_model(3), hm.Logistic(), X, y, deleted=0, ridge=ridge)

    def gradient(theta, weights):
        return X.T @ (weights * (1 / (1 + np.exp(-X @ theta)) - y)) + ridge * theta

    assert_derivative_of_reweighted_flows(problem, gradient, np.array([1.0, -2.0, 0.5]), [0, 4])


def test_perceptron_against_reweighted_flows():
    generator = np.random.default_rng(1)
    X = generator.normal(size=(8, 2))
    y = np.sin(X[:, 0]) + 0.3 * generator.normal(size=8)
    model = hm.mlp([2, 3, 1])
    problem = hm.Problem(model, hm.SquaredError(), X, y, deleted=0, ridge=0.1)
    theta0 = model.initial_parameters(jax.random.key(0))

    @jax.jit
    def gradient(theta, weights):
        def risk(theta):
            outputs = jax.vmap(lambda x: model(theta, x))(X)
            return 0.5 * weights @ (outputs - y) ** 2 + 0.05 * theta @ theta

        return jax.grad(risk)(theta)

    assert_derivative_of_reweighted_flows(problem, gradient, theta0, [0, 5])


def test_an_exhausted_step_budget_is_said():
    data = problems.well_conditioned()
    problem, method = regression(data), hm.Adaptive(rtol=1e-10, max_steps=3)
    result = hm.sensitivity(problem, data.theta0, TIMES, points=[0], method=method, throw=False)
    assert result.status == hm.results.FlowStatus.step_limit
    with pytest.raises(RuntimeError, match="raise max_steps"):
        hm.sensitivity(problem, data.theta0, TIMES, points=[0], method=method)


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 20}, r"points: expected row numbers from 0 to 19, got \[20\]"),
        ({"points": [0, -1]}, r"points: expected row numbers from 0 to 19, got \[-1\]"),
        ({"points": 0.5}, "points: expected a row number, .* a mask of 20 booleans, got 0.5"),
        ({"points": []}, "points: expected a row number, a sequence of them"),
        ({"points": [[0, 1]]}, "points: expected a row number, a sequence of them"),
        ({"times": [-1.0, 1.0]}, "times: expected times >= 0, got -1"),
        ({"times": [1.0, 0.5]}, "times: expected ascending times"),
        ({"times": [0.0, np.inf]}, "times: expected finite numbers"),
        ({"times": []}, "times: expected a non-empty vector"),
        ({"theta0": np.zeros(5)}, r"theta0: expected a vector of length 4, got shape \(5,\)"),
        ({"theta0": [0.0, 0.0, np.nan, 0.0]}, "theta0: expected finite numbers"),
    ],
)
def test_bad_input_is_named(change, message):
    problem = regression(problems.well_conditioned())
    arguments = {"theta0": np.zeros(4), "times": TIMES} | change
    with pytest.raises(ValueError, match=message):
        hm.sensitivity(problem, **arguments)


@pytest.mark.parametrize(
    "method", [hm.GradientDescent(0.01), hm.StochasticGradientDescent(0.01, batch_size=5)]
)
def test_discrete_time_has_no_sensitivity(method):
    problem = regression(problems.well_conditioned())
    with pytest.raises(TypeError, match="expected Exact\\(\\) or Adaptive\\(\\), got "):
        hm.sensitivity(problem, np.zeros(4), TIMES, method=method)


def test_exact_needs_a_linear_regression():
    data = problems.well_conditioned()
    problem = hm.Problem(hm.linear_model(4), hm.SquaredError(), data.X, data.y, deleted=0)
    with pytest.raises(TypeError, match="needs a LinearRegression, got Problem"):
        hm.sensitivity(problem, np.zeros(4), TIMES, method=hm.Exact())


# What is kept beside a problem --------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2.0, 20)], ids=["plain", "weighted"])
def test_points_kept_beside_a_problem_are_those_of_its_own_data(weights):
    """Another θ₀, other points, other targets in the same structure: each as of a new problem."""
    data = problems.well_conditioned()
    problem = hm.LinearRegression(data.X, data.y, deleted=0, weights=weights)
    for start in (data.theta0, -2.0 * data.theta0):
        for points in (None, [7, 2]):
            again = hm.sensitivity(problem, start, TIMES, points=points)
            new = hm.LinearRegression(data.X, data.y, deleted=0, weights=weights)
            fresh = hm.sensitivity(new, start, TIMES, points=points)
            np.testing.assert_array_equal(again.derivative, fresh.derivative)


def test_points_kept_beside_a_modal_form_are_not_those_of_other_data():
    data = problems.well_conditioned()
    problem = regression(data)
    one, other = problem, eqx.tree_at(lambda own: own.y, problem, problem.y + 1.0)
    rows = [seen_points.seen_points(own, problem.modal).rows for own in (one, other, one)]
    np.testing.assert_allclose(rows[1][-1] - rows[0][-1], 1.0, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(rows[0], rows[2])


def test_points_of_large_data_are_looked_at_alone():
    """Too many numbers to look at for a point, in a part of the data."""
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(20_000, 4)), generator.normal(size=20_000)
    problem, time = hm.LinearRegression(X, y, deleted=0), [1e-4]
    alone = hm.sensitivity(problem, np.ones(4), time, points=[19_999]).derivative
    assert seen_points_kept(problem) is None
    every = hm.sensitivity(problem, np.ones(4), time).derivative
    assert seen_points_kept(problem).rows.shape == (5, 20_000)
    again = hm.sensitivity(problem, np.ones(4), time, points=[19_999]).derivative
    np.testing.assert_allclose(alone[:, 0], every[:, -1], rtol=1e-12)
    np.testing.assert_allclose(again[:, 0], every[:, -1], rtol=1e-12)


def seen_points_kept(problem):
    kept = seen_points._KEPT.get(problem.modal)
    return None if kept is None else kept[1]


def test_a_result_does_not_change_with_the_users_array():
    """JAX would take aligned memory over as it is."""
    problem = regression(problems.well_conditioned())
    times, start = aligned((3,)), aligned((4,))
    times[:], start[:] = [0.1, 0.2, 0.3], 1.0
    found = hm.sensitivity(problem, start, times, points=[0])
    path = hm.flow(problem, hm.Constant(1.0), start, times)
    times[:], start[:] = 9.0, 9.0
    np.testing.assert_array_equal(found.times, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(path.times, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(path.theta0, 1.0)


@pytest.mark.parametrize(
    "part",
    [
        lambda form: form.full.eigenvalues,
        lambda form: form.full.rotation,
        lambda form: form.data_basis,
        lambda form: form.data_fit,
        lambda form: form.equilibrium,
    ],
    ids=["rates", "rotation", "basis", "fit", "equilibrium"],
)
def test_numbers_that_are_not_finite_are_said(part):
    """Wherever they come from, though the numbers of a result are looked at only in doubt."""
    problem = regression(problems.well_conditioned())
    form = eqx.tree_at(part, problem.modal, replace_fn=lambda array: array.at[-1].set(np.nan))
    spoilt = eqx.tree_at(lambda own: own.modal, problem, form)
    with pytest.raises(RuntimeError, match="left the finite numbers"):
        hm.sensitivity(spoilt, np.ones(4), TIMES)
    said = hm.sensitivity(spoilt, np.ones(4), TIMES, throw=False)
    assert said.status == hm.results.FlowStatus.diverged
    assert not np.isfinite(said.derivative).all()


def test_large_numbers_are_looked_at_one_by_one():
    """Finite, though what bounds them is not."""
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    found = hm.sensitivity(problem, [1e300], [1.0, 1e5])
    assert found.successful
    # −tθ₀e^{−2t} and what the fit leaves, far below.
    np.testing.assert_allclose(found.derivative[0, :, 0], -1e300 * np.exp(-2.0), rtol=1e-14)
