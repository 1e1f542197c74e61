"""A flow of known numbers, in NumPy, is the compiled one; only its first call is quicker."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy.datasets import diabetes, standardise
from homotopy.flows.method import FlowStatus

TIMES = np.linspace(0.0, 1.4, 8)
SCHEDULES = [
    hm.Constant(0.3),
    hm.Step(0.05),
    hm.BangBang([0.05, 0.1, 0.2], initial=1),
    hm.PiecewiseConstant([0.1, 0.3], [1.0, 0.4, 0.0]),
    hm.Ramp(0.05, 1.0),
    hm.Polynomial(0.05, 1.0, 0.5),
    hm.Spline([0.05, 0.3, 0.6, 1.0], [0.9, 0.5, 0.2, 0.1]),
    hm.Ramp(0.2, 0.2),
]


@pytest.fixture(scope="module", params=[[169], [169, 3, 44]], ids=["one row", "three rows"])
def problem(request):
    data, _ = standardise(diabetes())
    return hm.LinearRegression(data.X, data.y, deleted=request.param)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_numpy_and_jax_follow_the_same_flow(problem, schedule):
    start = np.linspace(-1.0, 1.0, 10)
    known = hm.flow(problem, schedule, start, TIMES)
    # θ₀ is traced, so the program is compiled.
    compiled = jax.jit(lambda at: hm.flow(problem, schedule, at, TIMES).theta)(start)
    # Both are within 1e-12 of the norm of the state, on each varying piece.
    largest = np.abs(compiled).max()
    np.testing.assert_allclose(known.theta, compiled, rtol=0, atol=4e-12 * largest)
    assert isinstance(known.theta, jax.Array)
    assert known.successful


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_numpy_and_jax_find_the_same_cost(problem, schedule):
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    known = deletion.cost(schedule, outside="allow")
    compiled = deletion.value_and_gradient(schedule)[0]
    # An error of 1e-12 of the state's norm, in a distance that is √(2ℰ).
    distance, size = np.sqrt(2 * compiled), np.linalg.norm(problem.deleted_fit())
    assert abs(known - compiled) <= 1e-11 * compiled + 4e-12 * size * distance


def test_a_step_budget_that_is_spent_is_said(problem):
    method = hm.Exact(max_steps=2)
    times = [0.0, 1.0]
    found = hm.flow(problem, hm.Ramp(0.0, 1.0), np.zeros(10), times, method=method, throw=False)
    assert found.status == FlowStatus.step_limit
    # No state is made up for a time that was not reached.
    assert np.all(np.isfinite(found.theta[0])) and not np.any(np.isfinite(found.theta[1]))
    with pytest.raises(RuntimeError, match="max_steps"):
        hm.flow(problem, hm.Ramp(0.0, 1.0), np.zeros(10), times, method=method)


def test_a_state_beyond_the_finite_numbers_is_said(problem):
    start = np.full(10, 1e308)
    found = hm.flow(problem, hm.Ramp(0.0, 1.0), start, [0.0, 1.0], throw=False)
    assert found.status == FlowStatus.diverged


def test_nothing_is_compiled_twice_for_schedules_of_a_kind(problem):
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    deletion.cost(hm.Ramp(0.05, 1.0))
    counted = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: counted.append(name) if "compile" in name else None
    )
    try:
        deletion.cost(hm.Ramp(0.1, 0.7))
    finally:
        jax.monitoring.clear_event_listeners()
    assert not counted


def test_it_is_differentiated_as_before(problem):
    slope = jax.grad(
        lambda stop: hm.flow(problem, hm.Ramp(0.05, stop), np.zeros(10), [1.0]).theta[0, 0]
    )
    at, move = jnp.asarray(0.8), 1e-4
    ends = [
        hm.flow(problem, hm.Ramp(0.05, 0.8 + by), np.zeros(10), [1.0]).theta[0, 0]
        for by in (-move, move)
    ]
    # A central difference: to move² and 1e-12/move.
    np.testing.assert_allclose(slope(at), (ends[1] - ends[0]) / (2 * move), rtol=1e-5)


@pytest.mark.parametrize(
    "schedule", [*SCHEDULES[1:3], *SCHEDULES[4:7]], ids=lambda s: type(s).__name__
)
def test_the_switching_function_gives_the_derivative_that_the_program_gives(problem, schedule):
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    cost, gradient = deletion.value_and_gradient(schedule)
    # Traced in a number that the flow starts at, so that all of it is compiled.
    compiled = jax.jit(lambda given: deletion.value_and_gradient(given))(schedule)
    np.testing.assert_allclose(cost, compiled[0], rtol=1e-10)
    ours, theirs = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])
        for tree in (gradient, compiled[1])
    )
    # 1e-12 of the flow; 1e-9 of the nodes at the end of a root, whose times are rounded.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())
    assert jax.tree.structure(gradient) == jax.tree.structure(schedule)


def test_parameters_past_the_horizon_have_no_derivative(problem):
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    assert float(deletion.value_and_gradient(hm.Step(1.2))[1].switch) == 0.0
    inside = deletion.value_and_gradient(hm.Step(1.0))[1].switch
    move = 1e-6
    ends = [deletion.cost(hm.Step(at)) for at in (1.0 - move, 1.0)]
    # One-sided: to move² of the cost's scale.
    np.testing.assert_allclose(inside, (ends[1] - ends[0]) / move, rtol=1e-3)


def test_single_precision_stays_single():
    data, _ = standardise(diabetes())
    problem = hm.LinearRegression(data.X, data.y, deleted=169, dtype=jnp.float32)
    method, schedule = hm.Exact(tolerance=1e-5), hm.Ramp(0.25, 1.0)
    assert hm.flow(problem, schedule, np.zeros(10), [1.0], method=method).theta.dtype == jnp.float32
    deletion = hm.Deletion(problem, np.zeros(10), start=0.25, horizon=1.0, method=method)
    assert deletion.cost(schedule).dtype == jnp.float32
    assert deletion.value_and_gradient(schedule)[0].dtype == jnp.float32


def test_times_that_single_precision_rounds_are_the_same_times():
    data, _ = standardise(diabetes())
    problem = hm.LinearRegression(data.X, data.y, deleted=169, dtype=jnp.float32)
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.1)
    assert deletion.membership(hm.Ramp(0.05, 1.1)) and deletion.membership(hm.Step(0.05))
    assert not deletion.membership(hm.Ramp(0.0499, 1.1))
