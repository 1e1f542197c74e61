"""The exact flow under piecewise-constant weights, and its derivatives, against 50 digits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from oracles import control, problems
from oracles import flow as oracle
from regressions import linear_regression, oracle_arguments, rates, relative_error

import homotopy as hm

TOLERANCE = 1e-12
# Multiples of 1/λ_max; the last one stands for 2/λ_min, where slow directions are on their way.
DURATIONS = (1.0, 1e2, 1e4, None)
each_problem = pytest.mark.parametrize("name", problems.ALL)
each_duration = pytest.mark.parametrize(
    "duration", DURATIONS, ids=["λt = 1", "λt = 1e2", "λt = 1e4", "slow"]
)
# With arrays of the same shapes, so that they share what is compiled.
SAME_SHAPE = (
    "well conditioned",
    "ill conditioned",
    "badly scaled",
    "duplicated columns",
)
LEAVES = "duplicated columns, point leaves the span"


def horizon(name, duration, ridge=0.0):
    largest, smallest = rates(name, ridge)
    return 2.0 / smallest if duration is None else duration / largest


# -------------------------------------------------------------------------------- states


@each_problem
@each_duration
def test_piecewise_constant_weights(name, duration):
    problem, T = linear_regression(name), horizon(name, duration)
    breakpoints, values = [0.3 * T, 0.6 * T], [1.0, 0.4, 0.0]
    times = np.array([0.0, 0.2, 0.3, 0.5, 0.6, 1.0]) * T  # also at the switches
    trajectory = hm.flow(
        problem, hm.PiecewiseConstant(breakpoints, values), problems.ALL[name].theta0, times
    )
    expected = oracle.flow(*oracle_arguments(name), breakpoints, values, times)
    assert relative_error(trajectory.theta, expected) <= TOLERANCE
    assert trajectory.status == hm.results.FlowStatus.successful


@each_problem
@each_duration
def test_bang_bang(name, duration):
    problem, T = linear_regression(name), horizon(name, duration)
    breakpoints, times = [0.3 * T, 0.6 * T], np.array([0.0, 0.1, 0.3, 0.5, 0.6, 1.0]) * T
    schedule = hm.BangBang(breakpoints, 1)
    theta = hm.flow(problem, schedule, problems.ALL[name].theta0, times).theta
    expected = oracle.flow(*oracle_arguments(name), breakpoints, [1.0, 0.0, 1.0], times)
    assert relative_error(theta, expected) <= TOLERANCE


@pytest.mark.parametrize("name", [*SAME_SHAPE, LEAVES, "group of three"])
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_constants_and_steps(name, ridge):
    problem, T = linear_regression(name, ridge), horizon(name, 1e2, ridge)
    arguments, times = oracle_arguments(name, ridge), np.array([0.0, 0.3, 1.0]) * T
    for schedule, breakpoints, values in (
        (hm.Constant(1.0), [], [1.0]),
        (hm.Constant(0.35), [], [0.35]),
        (hm.Step(0.3 * T), [0.3 * T], [1.0, 0.0]),
        (hm.Step(2.0 * T), [], [1.0]),
    ):
        theta = hm.flow(problem, schedule, arguments[-1], times).theta
        expected = oracle.flow(*arguments, breakpoints, values, times)
        assert relative_error(theta, expected) <= TOLERANCE


@pytest.mark.parametrize("name", [*SAME_SHAPE, LEAVES, "group of three"])
def test_a_late_time_is_the_fit(name):
    problem, theta0 = linear_regression(name), problems.ALL[name].theta0
    for epsilon in (0.0, 0.4, 1.0):
        late = hm.flow(problem, hm.Constant(epsilon), theta0, [0.0, 1e100, 1e250]).theta
        fit = problem.fit(epsilon, theta0)
        assert relative_error(late[1:], np.stack([fit, fit])) <= 1e-14


def test_an_ill_conditioned_spectrum_at_every_scale_of_time():
    # From before the fastest direction moves until after the slowest has come to rest.
    name, data = "ill conditioned", problems.ALL["ill conditioned"]
    largest, smallest = rates(name)
    times = np.geomspace(1e-3 / largest, 1e2 / smallest, 40)
    for epsilon in (0.0, 0.4, 1.0):
        theta = hm.flow(linear_regression(name), hm.Constant(epsilon), data.theta0, times).theta
        expected = oracle.flow(*oracle_arguments(name), [], [epsilon], times)
        assert relative_error(theta, expected) <= TOLERANCE


def test_a_trajectory_says_what_was_asked_and_evaluates_elsewhere():
    problem, schedule = linear_regression("well conditioned"), hm.Step(0.05)
    theta0 = problems.ALL["well conditioned"].theta0
    trajectory = hm.flow(problem, schedule, theta0, [0.0, 0.1])
    np.testing.assert_allclose(trajectory.theta[0], theta0, rtol=1e-14)
    np.testing.assert_array_equal(trajectory.theta0, theta0)
    np.testing.assert_array_equal(trajectory.times, [0.0, 0.1])
    assert trajectory.schedule is schedule and isinstance(trajectory.method, hm.Exact)
    times = np.array([0.02, 0.05, 0.3])
    expected = oracle.flow(*oracle_arguments("well conditioned"), [0.05], [1.0, 0.0], times)
    assert relative_error(trajectory.evaluate(times), expected) <= TOLERANCE


# ---------------------------------------------------------- switches in degenerate places

DATA = problems.well_conditioned()
T = 0.2
DEGENERATE = {
    "at zero": [0.0, 0.1],
    "all at zero": [0.0, 0.0],
    "at the horizon": [0.05, T],
    "coinciding": [0.1, 0.1],
    "beyond the horizon": [0.1, 3.0],
    "all beyond": [1.0, 3.0],
    "coinciding at the horizon": [T, T],
    "next to each other": [0.1, np.nextafter(0.1, 1.0)],
}


@pytest.mark.parametrize("switches", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.9, 0.2, 0.6]])
def test_switches_in_degenerate_places(switches, values):
    name, times = "well conditioned", [0.0, 0.05, 0.1, T]
    known = set(values) <= {0.0, 1.0}
    schedule = (
        hm.BangBang(switches, int(values[0])) if known else hm.PiecewiseConstant(switches, values)
    )
    arguments = oracle_arguments(name)
    theta = hm.flow(linear_regression(name), schedule, arguments[-1], times).theta
    assert relative_error(theta, oracle.flow(*arguments, switches, values, times)) <= TOLERANCE


@eqx.filter_jit
def final_cost_gradient(problem, schedule, theta0, target, horizon):
    def cost(schedule):
        final = hm.flow(problem, schedule, theta0, horizon[None]).theta[0]
        return 0.5 * jnp.sum((final - target) ** 2)

    return eqx.filter_grad(cost)(schedule)


@pytest.mark.parametrize("switches", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("known", [True, False])
def test_derivatives_at_degenerate_switches(switches, known):
    # −φ(b)(ε before − ε after): zero beyond the horizon, from the left at the horizon itself.
    name, values = "well conditioned", [1.0, 0.0, 1.0] if known else [0.9, 0.2, 0.6]
    schedule = hm.BangBang(switches, 1) if known else hm.PiecewiseConstant(switches, values)
    arguments, target = oracle_arguments(name), np.array([1.0, -1.0, 0.5, 2.0])
    gradient = final_cost_gradient(
        linear_regression(name), schedule, *map(jnp.asarray, (arguments[-1], target, T))
    )
    slopes = gradient.switches if known else gradient.times
    expected = control.breakpoint_gradient(*arguments, switches, values, T, target)
    assert relative_error(slopes, expected) <= TOLERANCE
    assert np.any(expected != 0.0) == (switches[0] <= T)


# -------------------------------------------------------------------------- derivatives


def final_states(problem, breakpoints, values, theta0, times):
    return hm.flow(problem, hm.PiecewiseConstant(breakpoints, values), theta0, times).theta


@eqx.filter_jit
def reverse(problem, *arguments):
    return jax.jacrev(lambda *at: final_states(problem, *at), argnums=(0, 1, 2, 3))(*arguments)


@eqx.filter_jit
def forward(problem, *arguments):
    return jax.jacfwd(lambda *at: final_states(problem, *at), argnums=(0, 1, 2, 3))(*arguments)


@mp.workdps(50)
def difference(function, vector, step):
    """Central differences of nested lists of mpmath numbers; entry k of the vector last."""
    columns = []
    for k in range(len(vector)):
        above, below = (
            [mpf(float(entry)) + sign * step * (i == k) for i, entry in enumerate(vector)]
            for sign in (1, -1)
        )
        columns.append(
            [
                [float((a - b) / (2 * step)) for a, b in zip(up, down, strict=True)]
                for up, down in zip(function(above), function(below), strict=True)
            ]
        )
    return np.moveaxis(np.array(columns), 0, -1)


@pytest.mark.parametrize("name", [*SAME_SHAPE, LEAVES, "group of three"])
@pytest.mark.parametrize("duration", [1.0, 1e2, None], ids=["λt = 1", "λt = 1e2", "slow"])
def test_jacobians_against_differences_of_50_digits(name, duration):
    arguments, T = oracle_arguments(name), horizon(name, duration)
    data, theta0 = arguments[:-1], arguments[-1]
    breakpoints, values = np.array([0.3, 0.6]) * T, np.array([1.0, 0.4, 0.1])
    times = np.array([0.2, 0.5, 1.0]) * T

    def states(*at):
        return oracle.flow_digits(*data, *at)

    # Central differences: cut off at (λh)², and 50 digits leave noise of 1e-50/h.
    step = mpf(10) ** -20
    in_time = step / mpf(rates(name)[0])
    expected = (
        difference(lambda b: states(theta0, b, values, times), breakpoints, in_time),
        difference(lambda v: states(theta0, breakpoints, v, times), values, step),
        difference(lambda x: states(x, breakpoints, values, times), theta0, step),
        difference(lambda t: states(theta0, breakpoints, values, t), times, in_time),
    )
    # A velocity has decayed from that at the last switch, which holds a rounding of the state.
    noise = np.array([1e-28 * rates(name)[0], 1e-28, 1e-28, 1e-18 * rates(name)[0]])
    noise *= np.linalg.norm(theta0)
    inputs = [jnp.asarray(part) for part in (breakpoints, values, theta0, times)]
    for mode in (reverse, forward) if name in SAME_SHAPE else (reverse,):
        for actual, truth, floor in zip(
            mode(linear_regression(name), *inputs), expected, noise, strict=True
        ):
            # Column by column: the derivative of one state in one argument is a vector.
            error = np.linalg.norm(np.asarray(actual) - truth, axis=1)
            assert np.all(error <= TOLERANCE * np.linalg.norm(truth, axis=1) + floor)
            assert np.any(truth != 0.0)


def test_a_switch_and_a_time_that_meet_have_derivatives_that_belong_together():
    # The time from the right and the switch from the left: moved together, they give the
    # velocity before the switch, as they must.
    problem, theta0 = linear_regression("well conditioned"), jnp.asarray(DATA.theta0)
    at = 0.1

    def state(switch, time):
        return hm.flow(problem, hm.Step(switch), theta0, [time, T]).theta[0]

    in_switch, in_time = jax.jacrev(state, argnums=(0, 1))(at, at)
    theta = state(at, at)
    before, after = -problem.gradient(theta, 1.0), -problem.gradient(theta, 0.0)
    np.testing.assert_allclose(in_time, after, rtol=1e-12)
    np.testing.assert_allclose(in_switch, before - after, rtol=1e-12)
    # A switch that is never met plays no part in the derivative at the last time.
    last = jax.jacrev(lambda time: hm.flow(problem, hm.Step(9.0), theta0, [time]).theta[0])(at)
    np.testing.assert_allclose(last, before, rtol=1e-12)


def test_a_hessian_in_the_switch_times():
    name, T = "well conditioned", horizon("well conditioned", 2.0)
    arguments, problem = oracle_arguments(name), linear_regression("well conditioned")
    target = np.array([1.0, -1.0, 0.5, 2.0])
    switches = np.array([0.2, 0.45, 0.8]) * T

    @jax.jit
    @jax.hessian
    def hessian(switches):
        final = hm.flow(problem, hm.BangBang(switches, 1), arguments[-1], [T]).theta[0]
        return 0.5 * jnp.sum((final - target) ** 2)

    with mp.workdps(50):
        step = mpf(10) ** -15 / mpf(rates(name)[0])
        expected = difference(
            lambda at: [
                control.breakpoint_gradient_digits(*arguments, at, [1, 0, 1, 0], T, target)
            ],
            switches,
            step,
        )[0]
    actual = np.asarray(hessian(jnp.asarray(switches)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11 * np.max(np.abs(expected)))
    np.testing.assert_allclose(actual, actual.T, rtol=0, atol=1e-13 * np.max(np.abs(expected)))


def test_jit_vmap_and_jvp_agree_with_one_call_at_a_time():
    name, T = "well conditioned", 0.2
    problem, theta0 = linear_regression(name), problems.ALL[name].theta0
    batch = jnp.asarray([[0.0, 0.1], [0.05, 0.3], [0.1, 0.1]])

    def final(switches):
        return hm.flow(problem, hm.BangBang(switches, 1), theta0, [T]).theta[0]

    one_by_one = np.stack([final(switches) for switches in batch])
    np.testing.assert_allclose(jax.jit(jax.vmap(final))(batch), one_by_one, rtol=1e-14)
    inside = batch[1] * 0.5
    direction = jnp.asarray([1.0, -2.0])
    _, tangent = jax.jvp(jax.jit(final), (inside,), (direction,))
    np.testing.assert_allclose(tangent, jax.jacrev(final)(inside) @ direction, rtol=1e-12)
    starts = jnp.stack([jnp.asarray(theta0), jnp.zeros(4)])
    many = jax.vmap(lambda start: hm.flow(problem, hm.Step(0.1), start, [T]).theta[0])(starts)
    expected = [hm.flow(problem, hm.Step(0.1), start, [T]).theta[0] for start in starts]
    np.testing.assert_allclose(many, np.stack(expected), rtol=1e-13)


def test_a_stack_of_problems_through_vmap():
    names = ("well conditioned", "ill conditioned", "duplicated columns")
    each = [linear_regression(name) for name in names]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    schedule, theta0 = hm.PiecewiseConstant([0.05, 0.1], [1.0, 0.4, 0.0]), jnp.ones(4)

    def final(problem):
        return hm.flow(problem, schedule, theta0, [0.2]).theta[0]

    together = eqx.filter_jit(eqx.filter_vmap(final))(stack)
    for theta, problem in zip(together, each, strict=True):
        assert relative_error(theta, final(problem)) <= 1e-13


def test_a_derivative_in_the_data_is_refused_not_wrong():
    problem = linear_regression("well conditioned")

    def cost(modal):
        other = eqx.tree_at(lambda p: p.modal, problem, modal)
        return jnp.sum(hm.flow(other, hm.Step(0.1), jnp.ones(4), [0.2]).theta)

    with pytest.raises(TypeError, match="not in the data"):
        eqx.filter_grad(cost)(problem.modal)


# -------------------------------------------------------------------------- invariances

weights = st.floats(0.0, 1.0)
instants = st.lists(st.floats(0.0, 0.3), min_size=2, max_size=2).map(sorted)
seeds = st.integers(0, 2**16)
TIMES = np.array([0.0, 0.1, 0.25])


def run(X, y, schedule, theta0, times=TIMES, deleted=DATA.deleted):
    problem = hm.LinearRegression(X, y, deleted=deleted)
    return np.asarray(hm.flow(problem, schedule, theta0, times).theta)


@settings(max_examples=15)
@given(seeds, instants, st.tuples(weights, weights, weights))
def test_rotating_the_parameters_rotates_the_flow(seed, times, values):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    schedule = hm.PiecewiseConstant(times, list(values))
    theta = run(DATA.X, DATA.y, schedule, DATA.theta0)
    rotated = run(DATA.X @ rotation, DATA.y, schedule, rotation.T @ DATA.theta0)
    assert relative_error(rotated, theta @ rotation) <= TOLERANCE


@settings(max_examples=15)
@given(seeds, instants, st.tuples(weights, weights, weights))
def test_the_order_of_the_data_does_not_matter(seed, times, values):
    order = np.random.default_rng(seed).permutation(len(DATA.y))
    schedule = hm.PiecewiseConstant(times, list(values))
    moved = run(DATA.X[order], DATA.y[order], schedule, DATA.theta0, deleted=int(np.argmin(order)))
    assert relative_error(moved, run(DATA.X, DATA.y, schedule, DATA.theta0)) <= TOLERANCE


@settings(max_examples=15)
@given(st.floats(-6.0, 6.0), instants, st.tuples(weights, weights, weights))
def test_scaled_data_rescale_time(digits, times, values):
    # X → aX, y → ay multiplies the velocity by a².
    a = 10.0**digits
    theta = run(DATA.X, DATA.y, hm.PiecewiseConstant(times, list(values)), DATA.theta0)
    schedule = hm.PiecewiseConstant(np.array(times) / a**2, list(values))
    scaled = run(a * DATA.X, a * DATA.y, schedule, DATA.theta0, TIMES / a**2)
    assert relative_error(scaled, theta) <= TOLERANCE


@settings(max_examples=25)
@given(st.floats(0.0, 0.3), instants, st.tuples(weights, weights, weights))
def test_an_extra_breakpoint_changes_nothing(extra, times, values):
    problem = linear_regression("well conditioned")
    index = int(np.searchsorted(times, extra))
    split = hm.PiecewiseConstant(
        np.insert(times, index, extra), np.insert(values, index, values[index])
    )
    theta, again = (
        hm.flow(problem, schedule, DATA.theta0, TIMES).theta
        for schedule in (hm.PiecewiseConstant(times, list(values)), split)
    )
    assert relative_error(again, theta) <= TOLERANCE


@settings(max_examples=25)
@given(instants, st.integers(0, 1))
def test_bang_bang_is_the_piecewise_constant_schedule_it_says(times, initial):
    problem = linear_regression("well conditioned")
    values = [initial, 1 - initial, initial]
    theta, again = (
        hm.flow(problem, schedule, DATA.theta0, TIMES).theta
        for schedule in (hm.BangBang(times, initial), hm.PiecewiseConstant(times, values))
    )
    assert relative_error(again, theta) <= TOLERANCE


# ------------------------------------------------------------------- failure and bad input


def test_other_problems_are_refused():
    problem = hm.Problem(hm.linear_model(1), hm.SquaredError(), [[1.0], [2.0]], [0.0, 1.0],
                         deleted=0)  # fmt: skip
    with pytest.raises(TypeError, match=r"Exact\(\) needs a LinearRegression.*Adaptive\(\)"):
        hm.flow(problem, hm.Step(1.0), [0.0], [1.0], method=hm.Exact())


def test_overflow_is_a_status():
    problem = linear_regression("well conditioned")
    huge = np.full(4, 1.7e308)
    ended = hm.flow(problem, hm.Step(0.1), huge, [0.0, 0.2], throw=False)
    assert ended.status == hm.results.FlowStatus.diverged
    with pytest.raises(RuntimeError, match="left the finite numbers"):
        hm.flow(problem, hm.Step(0.1), huge, [0.0, 0.2])


@pytest.mark.parametrize(
    ("theta0", "times", "message"),
    [
        ([0.0, 0.0], [1.0], r"theta0: expected a vector of length 4, got shape \(2,\)"),
        (np.zeros((4, 1)), [1.0], r"theta0: .* got shape \(4, 1\)"),
        ([0.0, 0.0, np.nan, 0.0], [1.0], "theta0: expected finite numbers"),
        (np.zeros(4), [], "times: expected a non-empty vector"),
        (np.zeros(4), 1.0, r"times: expected a non-empty vector, got shape \(\)"),
        (np.zeros(4), [-1.0, 1.0], "times: expected times >= 0, got -1"),
        (np.zeros(4), [1.0, 0.5], "times: expected ascending times"),
        (np.zeros(4), [0.0, np.inf], "times: expected finite numbers"),
        (np.zeros(4), [0.0, np.nan], "times: expected finite numbers"),
    ],
)
def test_bad_input(without_shape_checks, theta0, times, message):
    with pytest.raises(ValueError, match=message):
        hm.flow(linear_regression("well conditioned"), hm.Step(1.0), theta0, times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0.0}, r"tolerance: expected a number in \(0, 1\), got 0\.0"),
        ({"tolerance": 1.0}, "tolerance: expected a number"),
        ({"max_steps": 0}, "max_steps: expected an integer >= 1, got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        hm.Exact(**options)
