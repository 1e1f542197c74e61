"""The surface θ(t, ε) against 50-digit arithmetic, the flow, and adaptive integration."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import flow as oracle
from oracles import problems

import homotopy as hm
from homotopy.flows.method import FlowStatus, first_failure, statuses_of
from homotopy.teacher import teacher_example

EPSILONS = np.array([0.0, 1e-9, 0.3, 1.0])


@pytest.mark.parametrize("name", ["well conditioned", "ill conditioned", "duplicated columns"])
@pytest.mark.parametrize("few", [False, True])
def test_against_50_digits(name, few):
    """The products of more times than parameters are taken in another order than those of fewer."""
    data = problems.ALL[name]
    deleted = list(data.deleted)  # one point
    problem = hm.LinearRegression(data.X, data.y, deleted=deleted)
    rates = np.asarray(problem.modal.full.eigenvalues)
    times = np.array([0.0, 1.0, 1e2, 1e4]) / rates.max()
    asked = times[1:] if few else np.repeat(times, problem.dimension)
    surface = hm.homotopy(problem, data.theta0, asked, EPSILONS)
    assert surface.theta.shape == (4, asked.size, problem.dimension)
    each = surface.theta if few else surface.theta[:, :: problem.dimension]
    for theta, epsilon in zip(each, EPSILONS, strict=True):
        expected = oracle.flow(data.X, data.y, deleted, 0.0, data.theta0, [], [epsilon], times)
        expected = expected[-len(theta) :]
        error = np.linalg.norm(theta - expected, axis=1) / np.linalg.norm(expected, axis=1)
        assert np.all(error < 1e-12)


@pytest.fixture(scope="module")
def regression():
    rng = np.random.default_rng(0)
    return hm.LinearRegression(rng.normal(size=(20, 4)), rng.normal(size=20), deleted=[1, 3])


def test_agrees_with_adaptive_integration(regression):
    times, theta0 = np.linspace(0.0, 0.4, 5), np.ones(4)
    exact = hm.homotopy(regression, theta0, times, EPSILONS)
    adaptive = hm.homotopy(regression, theta0, times, EPSILONS, method=hm.Adaptive(rtol=1e-11))
    np.testing.assert_allclose(adaptive.theta, exact.theta, rtol=0, atol=1e-9)


def test_derivative_in_the_weight(regression):
    times, theta0, h = np.linspace(0.0, 0.4, 5), np.ones(4), 1e-5

    def theta(epsilon):
        return hm.homotopy(regression, theta0, times, epsilon[None]).theta[0]

    at = jnp.asarray(0.4)
    difference = (theta(at + h) - theta(at - h)) / (2 * h)
    np.testing.assert_allclose(jax.jacfwd(theta)(at), difference, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(jax.jacrev(theta)(at), difference, rtol=1e-7, atol=1e-9)


def test_a_perceptron_over_weights_starts_and_deleted_points():
    example, times, weights = teacher_example(1, size=8, neurons=2), [0.5, 2.0], [0.0, 0.6]
    starts = jnp.stack([example.theta0, -0.5 * example.theta0])
    rows = jnp.array([2, 5])

    def surface(row, theta0):
        problem = eqx.tree_at(lambda p: p.deleted, example.problem(0), row[None])
        return hm.homotopy(problem, theta0, times, weights).theta

    theta = jax.vmap(lambda row: jax.vmap(lambda start: surface(row, start))(starts))(rows)
    assert theta.shape == (2, 2, 2, 2, example.model.dimension)
    for row, start in np.ndindex(2, 2):
        problem = example.problem(int(rows[row]))
        for index, weight in enumerate(weights):
            alone = hm.flow(problem, hm.Constant(weight), starts[start], times).theta
            np.testing.assert_allclose(theta[row, start, index], alone, rtol=0, atol=1e-7)


def test_many_weights_in_several_threads_are_those_of_one_call():
    example, times = teacher_example(1, size=8, neurons=2), [0.5, 2.0]
    problem, weights = example.problem(3), np.linspace(0.0, 1.0, 37)
    first, again = (hm.homotopy(problem, example.theta0, times, weights) for _ in range(2))
    assert first.theta.shape == (37, 2, problem.dimension)
    np.testing.assert_array_equal(first.theta, again.theta)
    few = hm.homotopy(problem, example.theta0, times, weights[[0, 17, 36]])
    np.testing.assert_allclose(first.theta[jnp.array([0, 17, 36])], few.theta, rtol=0, atol=1e-9)
    limited = hm.homotopy(
        problem, example.theta0, times, weights, method=hm.Adaptive(max_steps=1), throw=False
    )
    assert bool(jnp.all(limited.status == hm.results.FlowStatus.step_limit))


def test_each_failure_has_its_status(regression):
    surface = hm.homotopy(
        regression, np.ones(4), [1.0], EPSILONS, method=hm.Adaptive(max_steps=1), throw=False
    )
    assert all(
        jax.tree.map(lambda part, k=k: part[k], surface.status) == hm.results.FlowStatus.step_limit
        for k in range(EPSILONS.size)
    )
    with pytest.raises(RuntimeError, match="max_steps"):
        hm.homotopy(regression, np.ones(4), [1.0], EPSILONS, method=hm.Adaptive(max_steps=1))
    for problem in (regression, hm.LinearRegression(regression.X, regression.y, deleted=0)):
        # Its coordinate along a mode overflows.
        far = 1.7e308 * np.sign(problem.modal.basis[:, 0])
        surface = hm.homotopy(problem, far, [0.0, 1.0], EPSILONS, throw=False)
        assert not np.any(surface.successful)
        with pytest.raises(RuntimeError, match="finite"):
            hm.homotopy(problem, far, [0.0, 1.0], EPSILONS)


@pytest.mark.parametrize(
    ("times", "epsilons", "name"),
    [
        ([-1.0], [0.5], "times"),
        ([1.0, 0.5], [0.5], "times"),
        ([], [0.5], "times"),
        ([1.0], [1.5], "epsilons"),
        ([1.0], [-0.1], "epsilons"),
        ([1.0], [np.nan], "epsilons"),
        ([1.0], [], "epsilons"),
    ],
)
def test_bad_input_is_named(regression, times, epsilons, name):
    with pytest.raises(ValueError, match=name):
        hm.homotopy(regression, np.ones(4), times, epsilons)


@pytest.mark.parametrize("failed", [[], [2], [1, 3]])
def test_statuses_of_known_numbers_are_those_of_traced_ones(failed):
    finite = np.array([place not in failed for place in range(4)])
    statuses = statuses_of(finite)
    assert np.asarray(statuses == FlowStatus.successful).tolist() == finite.tolist()
    assert np.asarray(statuses == FlowStatus.diverged).tolist() == (~finite).tolist()
    expected = FlowStatus.diverged if failed else FlowStatus.successful
    assert first_failure(statuses) == expected
    assert jax.jit(lambda each: first_failure(each) == expected)(statuses)
