"""Gradient descent and its stochastic sibling, against loops in NumPy and the gradient flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm

SIZE, DELETED = 12, (2, 7)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(SIZE, 3)), rng.normal(size=SIZE), rng.normal(size=3)


@pytest.fixture(scope="module")
def problem(data):
    return hm.LinearRegression(data[0], data[1], deleted=list(DELETED), ridge=0.3)


def descend(data, weights_of_step, step_size, steps):
    """θ after each step, by the definition."""
    X, y, theta = data
    states = [theta]
    for k in range(steps):
        weights = np.ones(SIZE)
        weights[list(DELETED)] = weights_of_step(k)
        theta = theta - step_size * (X.T @ (weights * (X @ theta - y)) + 0.3 * theta)
        states.append(theta)
    return np.array(states)


def test_gradient_descent_is_the_loop(problem, data):
    step = 0.01
    expected = descend(data, lambda k: 1.0 if k < 5 else 0.0, step, 12)
    times = step * np.arange(13)
    path = hm.flow(problem, hm.Step(5 * step), data[2], times, method=hm.GradientDescent(step))
    np.testing.assert_allclose(path.theta, expected, rtol=1e-13, atol=1e-14)
    assert int(path.stats["steps"]) == 12


def test_weight_of_a_step_is_the_mean_over_it(problem, data):
    step = 0.01
    # The switch falls a quarter into step 3.
    expected = descend(data, lambda k: (1.0, 0.25, 0.0)[(k >= 3) + (k > 3)], step, 6)
    path = hm.flow(
        problem, hm.Step(3.25 * step), data[2], [6 * step], method=hm.GradientDescent(step)
    )
    np.testing.assert_allclose(path.theta[0], expected[-1], rtol=1e-13)


def test_parameters_stay_between_steps(problem, data):
    step = 0.01
    times = np.array([0.0, 0.4, 1.0, 2.9, 3.0]) * step
    path = hm.flow(problem, hm.Constant(1.0), data[2], times, method=hm.GradientDescent(step))
    expected = descend(data, lambda k: 1.0, step, 3)[[0, 0, 1, 2, 3]]
    np.testing.assert_allclose(path.theta, expected, rtol=1e-13)


def test_tends_to_the_flow_at_first_order(problem, data):
    schedule = hm.Ramp(0.05, 0.15)
    exact = hm.flow(problem, schedule, data[2], [0.2]).theta
    steps = 0.2 / 2.0 ** np.arange(6, 11)
    errors = [
        float(
            jnp.linalg.norm(
                hm.flow(problem, schedule, data[2], [0.2], method=hm.GradientDescent(step)).theta
                - exact
            )
        )
        for step in steps
    ]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.2)


def test_gradient_in_a_switch_time(problem, data):
    method = hm.GradientDescent(0.01)

    def final(switch):
        return hm.flow(problem, hm.Step(switch), data[2], [0.2], method=method).theta[0, 0]

    h = 1e-6  # inside one step, where the end is a quadratic at most in the switch
    difference = (final(0.053 + h) - final(0.053 - h)) / (2 * h)
    assert abs(difference) > 1e-3
    assert jax.grad(final)(0.053) == pytest.approx(float(difference), rel=1e-7)


def test_divergence_is_a_status_and_an_error(problem, data):
    method = hm.GradientDescent(10.0)
    path = hm.flow(problem, hm.Constant(1.0), data[2], [10_000.0], method=method, throw=False)
    assert path.status == hm.results.FlowStatus.diverged
    with pytest.raises(RuntimeError, match="step size"):
        hm.flow(problem, hm.Constant(1.0), data[2], [10_000.0], method=method)


def test_step_budget(problem, data):
    path = hm.flow(
        problem,
        hm.Constant(1.0),
        data[2],
        [1.0],
        method=hm.GradientDescent(0.01, max_steps=7),
        throw=False,
    )
    assert path.status == hm.results.FlowStatus.step_limit


def test_a_batch_of_all_points_is_gradient_descent(problem, data):
    times = [0.05, 0.1]
    full = hm.flow(problem, hm.Step(0.05), data[2], times, method=hm.GradientDescent(0.01))
    batch = hm.flow(
        problem,
        hm.Step(0.05),
        data[2],
        times,
        method=hm.StochasticGradientDescent(0.01, SIZE, seed=5),
    )
    np.testing.assert_allclose(batch.theta, full.theta, rtol=1e-12)


def test_batches_are_seeded(problem, data):
    def final(seed):
        method = hm.StochasticGradientDescent(0.01, 3, seed=seed)
        return np.asarray(hm.flow(problem, hm.Step(0.05), data[2], [0.1], method=method).theta)

    np.testing.assert_array_equal(final(1), final(1))
    assert np.max(np.abs(final(1) - final(2))) > 1e-3


def test_the_estimate_is_unbiased(problem, data):
    method = hm.StochasticGradientDescent(0.01, 4, seed=0)
    theta = jnp.asarray(data[2])
    estimates = jax.vmap(lambda k: method.estimate(problem, theta, jnp.asarray(0.5), k))(
        jnp.arange(40_000)
    )
    mean, spread = jnp.mean(estimates, axis=0), jnp.std(estimates, axis=0) / 200.0
    assert np.all(np.abs(mean - problem.gradient(theta, 0.5)) < 5.0 * spread)
    assert np.all(spread > 0)


@pytest.mark.parametrize("step_size", [0.0, -1.0, np.nan, np.inf])
def test_bad_step_size(step_size):
    with pytest.raises(ValueError, match="step_size"):
        hm.GradientDescent(step_size)


def test_bad_batch_size(problem, data):
    with pytest.raises(ValueError, match="batch_size"):
        hm.StochasticGradientDescent(0.1, 0)
    with pytest.raises(ValueError, match="batch_size"):
        hm.flow(
            problem, hm.Constant(1.0), data[2], [1.0], method=hm.StochasticGradientDescent(0.1, 13)
        )
