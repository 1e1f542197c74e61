"""A flow of known numbers, in NumPy, is the compiled one; only its first call is quicker."""

import itertools

import diffrax
import equinox as eqx
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


ROWS = [[169], [169, 3, 44]]


def of_diabetes(deleted, dtype=jnp.float64):
    data, _ = standardise(diabetes())
    return hm.LinearRegression(data.X, data.y, deleted=deleted, dtype=dtype)


@pytest.fixture(scope="module", params=ROWS, ids=["one row", "three rows"])
def problem(request):
    return of_diabetes(request.param)


@eqx.filter_jit
def compiled_flow(problem, schedule, start):
    return hm.flow(problem, schedule, start, TIMES).theta


@pytest.fixture(scope="module", params=ROWS, ids=["one row", "three rows"])
def padded_problem(request):
    """With rows of zeros among those that remain and those that go, which change nothing.

    So both are of one shape and share their programs.
    """
    data, _ = standardise(diabetes())
    missing = 3 - len(request.param)
    X, y = np.pad(data.X, [(0, 2), (0, 0)]), np.pad(data.y, (0, 2))
    return hm.LinearRegression(X, y, deleted=[*request.param, *range(len(y) - missing, len(y))])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_numpy_and_jax_follow_the_same_flow(padded_problem, schedule):
    problem = padded_problem
    start = np.linspace(-1.0, 1.0, 10)
    known = hm.flow(problem, schedule, start, TIMES)
    # θ₀ is traced, so the program is compiled.
    compiled = compiled_flow(problem, schedule, start)
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

    def count(name, *_, **__):
        if "compile" in name:
            counted.append(name)

    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        deletion.cost(hm.Ramp(0.1, 0.7))
    finally:
        jax.monitoring.unregister_event_duration_listener(count)
    assert not counted


def test_it_is_differentiated_as_before():
    problem = of_diabetes(169)

    # Only the schedule is traced. In reverse, where all is, see the gradients in test_flow_ramp.py.
    method = hm.Exact(adjoint=diffrax.ForwardMode())

    @jax.jit
    @jax.jacfwd
    def slope(stop):
        ramp = hm.Ramp(0.05, stop)
        return hm.flow(problem, ramp, np.zeros(10), [1.0], method=method).theta[0, 0]

    at, move = jnp.asarray(0.8), 1e-4
    ends = [
        hm.flow(problem, hm.Ramp(0.05, 0.8 + by), np.zeros(10), [1.0]).theta[0, 0]
        for by in (-move, move)
    ]
    # A central difference: to move² and 1e-12/move.
    np.testing.assert_allclose(slope(at), (ends[1] - ends[0]) / (2 * move), rtol=1e-5)


def numbers_of(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def compare_with_the_program(problem, schedule):
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    cost, gradient = deletion.value_and_gradient(schedule)
    # Traced in a number that the flow starts at, so that all of it is compiled.
    compiled = jax.jit(lambda given: deletion.value_and_gradient(given))(schedule)
    np.testing.assert_allclose(cost, compiled[0], rtol=1e-10)
    ours, theirs = numbers_of(gradient), numbers_of(compiled[1])
    # 1e-12 of the flow; 1e-9 of the nodes at the end of a root, whose times are rounded.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())
    assert jax.tree.structure(gradient) == jax.tree.structure(schedule)


@pytest.mark.parametrize("schedule", SCHEDULES[1:3], ids=lambda s: type(s).__name__)
def test_the_switching_function_gives_the_derivative_that_the_program_gives(problem, schedule):
    compare_with_the_program(problem, schedule)


def test_so_it_does_where_the_weight_of_several_rows_varies():
    compare_with_the_program(of_diabetes(ROWS[1]), hm.Ramp(0.05, 1.0))


# Varying weights by collocation of order 16 in complex numbers: the derivative of what is analytic
# is the imaginary part at a shift so small that nothing of it is cut off or cancels.

_SHIFT = 1e-30


def sigmoid_of_a_spline(knots, logits):
    """Times where its cubics end, and the weight at fractions of each."""
    widths, inner = np.diff(knots), slice(1, -1)
    system = np.diag(2 * (widths[:-1] + widths[1:])) + 0 * knots[0]
    system += np.diag(widths[inner], 1) + np.diag(widths[inner], -1)
    bend = np.zeros_like(logits)
    bend[inner] = 6 * np.linalg.solve(system, np.diff(np.diff(logits) / widths))

    def weight(index, u):
        a, b = 1 - u, u
        straight = a * logits[index] + b * logits[index + 1]
        bent = (a**3 - a) * bend[index] + (b**3 - b) * bend[index + 1]
        return 1 / (1 + np.exp(-straight - widths[index] ** 2 / 6 * bent))

    return knots, weight


VARYING = {
    "Ramp": (SCHEDULES[4], lambda start, stop: (np.array([start, stop]), lambda _, u: 1 - u)),
    "Polynomial": (
        SCHEDULES[5],
        lambda start, stop, power: (np.array([start, stop]), lambda _, u: (1 - u) ** power),
    ),
    "Spline": (SCHEDULES[6], lambda *numbers: sigmoid_of_a_spline(*np.reshape(numbers, (2, -1)))),
}


def gauss(count):
    """Nodes and weights on [0, 1], and integrals up to each node of polynomials through them."""
    x, w = np.polynomial.legendre.leggauss(count)
    powers = np.arange(count)
    nodes = (x + 1) / 2
    integrals = nodes[:, None] ** (powers + 1) / (powers + 1)
    return nodes, w / 2, np.linalg.solve(np.vander(nodes, increasing=True).T, integrals.T).T


def distance(problem, numbers, described):
    """½‖θ(1) − θ*₋‖², from θ₀ = 0, of the numbers of a schedule; they may be complex."""
    X, y, gone = np.asarray(problem.X), np.asarray(problem.y), np.asarray(problem.deleted)
    kept = np.setdiff1d(np.arange(y.size), gone)
    kept, gone = (X[kept], y[kept]), (X[gone], y[gone])
    (H, pull), (D, deleted_pull) = ((A.T @ A, A.T @ b) for A, b in (kept, gone))
    nodes, weights, integrals = gauss(8)
    edges, weight = described(*numbers)
    # Halves of halves towards the end, where a root has no slope.
    fractions = np.concatenate([np.arange(60.0), 60.0 - 0.5 ** np.arange(1.0, 60.0), [60.0]]) / 60
    pieces = [(edges[0], np.linspace(0, 1, 6), lambda u: np.ones_like(u))]
    pieces += [
        (edges[index + 1] - edges[index], fractions, lambda u, index=index: weight(index, u))
        for index in range(edges.size - 1)
    ]
    pieces.append((1.0 - edges[-1], np.array([0.0, 1.0]), lambda u: np.zeros_like(u)))
    theta = np.zeros(10, complex)
    for length, ends, follow in pieces:
        for begin, close in itertools.pairwise(ends):
            step = (close - begin) * length
            epsilon = follow(begin + (close - begin) * nodes)
            rates = H + epsilon[:, None, None] * D
            system = np.einsum("ij,iab->iajb", step * integrals, rates).reshape(80, 80)
            right = pull + epsilon[:, None] * deleted_pull - rates @ theta
            slopes = np.linalg.solve(np.eye(80) + system, right.ravel()).reshape(8, 10)
            theta = theta + step * weights @ slopes
    left = theta - np.linalg.solve(H, pull)
    return left @ left / 2


@pytest.mark.parametrize("kind", VARYING)
def test_the_cost_and_its_derivative_where_the_weight_varies(problem, kind):
    schedule, described = VARYING[kind]
    numbers = numbers_of(schedule)
    shifts = 1j * _SHIFT * np.eye(numbers.size)
    moved = np.array([distance(problem, numbers + shift, described) for shift in shifts])
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.0)
    cost, gradient = deletion.value_and_gradient(schedule)
    np.testing.assert_allclose(cost, moved[0].real, rtol=1e-10)
    slopes = moved.imag / _SHIFT
    np.testing.assert_allclose(
        numbers_of(gradient), slopes, rtol=0, atol=1e-9 * np.abs(slopes).max()
    )
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
    problem = of_diabetes(169, jnp.float32)
    method, schedule = hm.Exact(tolerance=1e-5), hm.Ramp(0.25, 1.0)
    assert hm.flow(problem, schedule, np.zeros(10), [1.0], method=method).theta.dtype == jnp.float32
    deletion = hm.Deletion(problem, np.zeros(10), start=0.25, horizon=1.0, method=method)
    assert deletion.cost(schedule).dtype == jnp.float32
    assert deletion.value_and_gradient(schedule)[0].dtype == jnp.float32


def test_times_that_single_precision_rounds_are_the_same_times():
    problem = of_diabetes(169, jnp.float32)
    deletion = hm.Deletion(problem, np.zeros(10), start=0.05, horizon=1.1)
    assert deletion.membership(hm.Ramp(0.05, 1.1)) and deletion.membership(hm.Step(0.05))
    assert not deletion.membership(hm.Ramp(0.0499, 1.1))
