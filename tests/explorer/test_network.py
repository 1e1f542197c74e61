"""A perceptron explored: fixed steps against the adaptive solver, φ against differences of ℰ."""

import jax
import numpy as np
import pytest

import homotopy as hm
from homotopy.explorer.code_lines import (
    model_lines,
    python_lines,
    weight_argument,
    weight_lines,
)
from homotopy.explorer.examples import perceptron
from homotopy.explorer.fixed_steps import curvatures, mean_weights, step_edges
from homotopy.explorer.network import NetworkExplored
from homotopy.explorer.origin import of_arrays
from homotopy.explorer.schedules import schedule_of
from homotopy.explorer.state import CELLS, State


@pytest.fixture(scope="module")
def explored():
    problem, theta0, (start, _), origin = perceptron()
    return NetworkExplored(problem, theta0, (start, 20.0), origin)


@pytest.fixture(scope="module")
def picture(explored):
    return explored.picture(explored.initial, schedule_of(explored.initial))


def test_the_path_is_that_of_the_adaptive_solver(explored, picture):
    """Order 4, hλ ≤ 1/3 at first; θ at the switch is 1.3e-5 off, θ(T) 5e-7."""
    state = explored.initial
    problem, schedule = explored.problem(state), schedule_of(state)
    method = hm.Adaptive(rtol=1e-9, atol=1e-11)
    times = picture.times[::12]
    path = hm.flow(problem, schedule, np.array(state.theta0), times, method=method)
    # A step that holds the switch takes its mean weight.
    np.testing.assert_allclose(
        picture.path[::12], explored.plane(state).project(np.asarray(path.theta)), atol=3e-5
    )
    target = np.asarray(hm.response(problem, [0.0], np.array(state.theta0)).theta[0])
    gap = np.asarray(path.theta)[-1] - target
    assert picture.times[::12][-1] <= state.horizon
    if picture.times[::12][-1] == state.horizon:
        assert picture.cost == pytest.approx(0.5 * gap @ gap, rel=1e-4)
    np.testing.assert_allclose(
        picture.deleted_fit, explored.plane(state).project(target), atol=1e-6
    )


def test_the_switching_function_is_the_derivative_of_the_error(explored, picture):
    """Central differences of ℰ in the weight of a cell: −∫φ over it, to h²."""
    state = explored.initial.but(family="drawn", drawn=(0.5,) * CELLS)
    base = explored.picture(state, schedule_of(state))
    edges = np.linspace(state.start, state.horizon, CELLS + 1)
    widths = np.diff(step_edges(state, explored._largest(state)))
    widths = widths[widths > 0.0]
    for cell in (0, 7, CELLS - 1):

        def cost(change, cell=cell):
            drawn = list(state.drawn)
            drawn[cell] += change
            moved = state.but(drawn=tuple(drawn))
            return explored.picture(moved, schedule_of(moved)).cost

        slope = (cost(0.01) - cost(-0.01)) / 0.02
        inside = (base.switching_times > edges[cell]) & (base.switching_times < edges[cell + 1])
        assert widths[inside].sum() == pytest.approx(edges[1] - edges[0])
        integral = base.switching[inside] @ widths[inside]
        assert -integral == pytest.approx(slope, rel=2e-3, abs=1e-9)


def test_the_first_neuron_is_the_axes(explored, picture):
    assert picture.labels == ("layers[0].weight[0,0]", "layers[2].weight[0,0]")
    theta0 = np.array(explored.initial.theta0)
    np.testing.assert_allclose(picture.start, theta0[[0, 6]])
    assert set(picture.family) == {0.0, 0.25, 0.5, 0.75, 1.0}
    state = explored.moved(explored.initial, picture.start + np.array([0.2, -0.1]))
    changed = np.flatnonzero(np.array(state.theta0) != theta0)
    assert changed.tolist() == [0, 6]


def test_the_field_is_that_of_the_risk(explored):
    state = explored.initial
    problem, at = explored.problem(state), np.array([[-1.0, -1.2]])
    theta = np.array(state.theta0)
    theta[[0, 6]] = at[0]

    def risk(theta):
        w, b, v, c = theta[:3], theta[3:6], theta[6:9], theta[9]
        outputs = np.tanh(np.asarray(problem.X) * w + b) @ v + c
        losses = 0.5 * (outputs - np.asarray(problem.y)) ** 2
        losses[np.asarray(problem.deleted)] *= 0.0
        return losses.sum() + 0.5 * float(problem.ridge) * theta @ theta

    velocity = explored.velocity(state, 0.0)(at)[0]
    for place, axis in enumerate((0, 6)):
        h = np.zeros(10)
        h[axis] = 1e-5
        slope = (risk(theta + h) - risk(theta - h)) / 2e-5
        assert velocity[place] == pytest.approx(-slope, rel=1e-6)


def test_curvatures_are_largest_eigenvalues(explored):
    state = explored.initial
    problem, theta = explored.problem(state), np.array(state.theta0)
    largest = np.abs(
        np.linalg.eigvalsh(np.asarray(problem.hessian(problem.parameters(theta))))
    ).max()
    # Thirty turns from any start come near enough to choose steps by.
    assert float(curvatures(problem, theta[None, :])[0]) == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize("family", ["step", "ramp", "drawn"])
def test_steps_meet_where_the_weight_jumps_and_are_padded(family):
    state = State(theta0=(0.0,), deleted=(0,), start=0.5, switch=1.0, horizon=3.0, family=family)
    largest = 300.0
    edges = step_edges(state, largest)
    assert len(edges) in (257, 1025, 4097) and edges[0] == 0.0 and edges[-1] == 3.0
    widths = np.diff(edges)
    moving = widths > 0
    count = moving.sum()
    assert moving[:count].all() and np.isclose(edges[count], 3.0)
    marks = np.linspace(0.5, 3.0, CELLS + 1) if family == "drawn" else np.array([0.5, 1.0, 3.0])
    assert all(np.abs(edges - mark).min() < 1e-12 for mark in marks)
    # Stable to 19.7, and no longer than 3 % of the time since a jump but for the first ones.
    assert widths.max() * largest <= 0.75 * 19.7
    marks = np.append(0.0, marks)
    since = edges[:count] - marks[np.searchsorted(marks, edges[:count] + 1e-12) - 1]
    first = np.where(edges[:count] < 0.5, 1 / 3, 1.0) / largest
    assert np.all(widths[:count] <= np.maximum(first, 0.031 * since) + 1e-12)
    if family == "ramp":
        inside = (edges[:count] >= 0.5) & (edges[:count] < 1.0)
        assert inside.sum() >= 100


def test_mean_weights_are_those_of_the_schedule():
    edges = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 3.0, 3.0])
    means = mean_weights(hm.Ramp(0.5, 3.0), edges)
    np.testing.assert_allclose(means, [1.0, 1.0, 0.9, 0.6, 0.2, 0.0, 0.0], atol=1e-12)


def test_more_steps_than_anybody_waits_for_are_refused():
    state = State(theta0=(0.0,), deleted=(0,), start=0.5, switch=1.0, horizon=3.0)
    for largest in (1e6, 1e12):
        with pytest.raises(ValueError, match="choose a shorter one"):
            step_edges(state, largest)


def test_a_drag_keeps_the_minima_of_where_it_began(explored, picture):
    """θ(t) and φ follow θ₀; θ*₋ and θ(ε) are not traced anew, and in one basin are the same."""
    schedule = schedule_of(explored.initial)
    explored.picture(explored.initial, schedule)
    state = explored.moved(explored.initial, picture.start + np.array([0.05, -0.02]))
    traced = len(explored._kept["response"])
    held = explored.picture(state, schedule, quick=True)
    assert len(explored._kept["response"]) == traced
    rest = explored.picture(state, schedule)
    assert len(explored._kept["response"]) == traced + 1
    np.testing.assert_allclose(held.deleted_fit, rest.deleted_fit, atol=1e-6)
    for name in ("cost", "theta_end", "start"):
        np.testing.assert_allclose(getattr(held, name), getattr(rest, name), atol=1e-5)
    assert np.abs(held.theta_end - picture.theta_end).max() > 1e-3


def test_the_python_lines_give_the_error_again(explored, picture):
    import matplotlib.pyplot as plt

    state = explored.initial
    left = {}
    lines = python_lines(explored, state, schedule_of(state))
    exec(compile(lines, "lines", "exec"), left)
    assert left["cost"] == pytest.approx(picture.cost, rel=1e-4)
    np.testing.assert_allclose(left["path"].theta[-1], picture.theta_end, atol=1e-4)
    plt.close("all")


@pytest.mark.parametrize("activation", [jax.nn.tanh, jax.nn.softplus])
def test_lines_of_a_network_of_ones_own_make_its_problem_again(activation):
    """Model, loss, weights and ridge: the same risk at a point."""
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(12, 2)), draw.integers(0, 2, 12)
    problem = hm.Problem(
        hm.mlp([2, 3, 1], activation), hm.Logistic(), X, y, deleted=[1], ridge=0.25,
        weights=np.arange(1.0, 13.0),
    )  # fmt: skip
    theta = problem.parameters(draw.normal(size=problem.dimension))
    left = {"hm": hm, "np": np}
    origin = of_arrays(X, y)
    lines = [*origin.lines, *model_lines(problem.model), *weight_lines(problem)]
    lines.append(
        f"again = hm.Problem(model, hm.losses.{problem.loss!r}, X, y, deleted=[1], "
        f"ridge=0.25{weight_argument(problem)})"
    )
    exec(compile("\n".join(lines), "lines", "exec"), left)
    known, again = (float(each.risk(theta, 0.5)) for each in (problem, left["again"]))
    assert again == pytest.approx(known, rel=1e-14)
    assert model_lines(hm.function_model(lambda theta, x: theta[0] * x[0], 1))[0].startswith("#")
