"""ℰ, its gradient, the costate and the switching function, against 50-digit arithmetic."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from oracles import control, problems
from oracles import flow as flow_oracle
from oracles import response as response_oracle
from oracles.arithmetic import to_float64
from scipy.integrate import quad

import homotopy as hm

HORIZONS = ("λT = 1", "λT = 100", "slowest mode twice over")
# Of the horizon. The second schedule takes the points in again, and out once more.
BREAKPOINTS = {"λT = 1": [0.3, 0.6], "λT = 100": [0.25, 0.7], "slowest mode twice over": [0.3, 0.6]}
VALUES = {
    "λT = 1": [1.0, 0.4, 0.0],
    "λT = 100": [0.0, 1.0, 0.3],
    "slowest mode twice over": [1.0, 0.4, 0.0],
}

each_problem = pytest.mark.parametrize("name", problems.ALL)
each_horizon = pytest.mark.parametrize("horizon", HORIZONS)


def regression(data, ridge=0.0):
    """The problem with rows of zeros added, retained and deleted.

    They change nothing, and with 24 rows and one or six deleted points most problems have the same
    shapes and share a compilation. The references are computed without them.
    """
    size, count = len(data.y), len(data.deleted)
    X, y = np.zeros((24, data.X.shape[1])), np.zeros(24)
    X[:size], y[:size] = data.X, data.y
    more = np.arange(size, size + 6 - count) if count > 1 else []
    deleted = np.concatenate([data.deleted, more]).astype(int)
    return hm.LinearRegression(X, y, deleted=deleted, ridge=ridge)


def spectrum(data):
    """The largest eigenvalue of H, and the smallest of M that is not zero."""
    kept = np.linalg.svd(np.delete(data.X, data.deleted, axis=0), compute_uv=False) ** 2
    largest = np.linalg.norm(data.X, 2) ** 2
    return largest, kept[kept > 1e-13 * largest].min()


def horizon_of(data, name):
    largest, slowest = spectrum(data)
    return {"λT = 1": 1 / largest, "λT = 100": 100 / largest}.get(name, 2 / slowest)


def arguments(data, ridge=0.0):
    return data.X, data.y, data.deleted, ridge, data.theta0


def assert_close(actual, expected, tolerance=1e-12, scale=None):
    """Relative to the norm of what is expected, or entry by entry to the scale given."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    if scale is None:
        error, scale = np.linalg.norm(actual - expected), np.linalg.norm(expected)
    else:
        error = np.abs(actual - expected)
    assert np.all(error <= tolerance * scale), (np.max(error / scale), actual, expected)


def switching_terms(data, costate, theta):
    """Σ ‖x_i‖ ‖p‖ (‖x_i‖ ‖θ‖ + |y_i|) at each time: the terms whose sum φ is.

    Where a deleted point leaves the span of the others the flow comes to fit it exactly: v is then
    the rounding of a difference, and this is what that rounding is relative to.
    """
    rows = np.linalg.norm(data.X[data.deleted], axis=1)
    size = np.linalg.norm(theta, axis=1)[:, None] * rows + np.abs(data.y[data.deleted])
    return np.linalg.norm(costate, axis=1) * (size @ rows)


@eqx.filter_jit
def measured(deletion, schedule, times):
    cost, gradient = deletion.value_and_gradient(schedule)
    costate = deletion.costate(schedule)(times)
    return cost, gradient, costate, deletion.switching_function(schedule)(times)


@eqx.filter_jit
def measured_switching(deletion, schedule, times):
    cost, gradient = deletion.value_and_gradient(schedule)
    return cost, gradient, deletion.switching_function(schedule)(times)


# Against fifty digits ----------------------------------------------------------------------------


@each_horizon
@each_problem
def test_piecewise_constant_schedules(name, horizon):
    data = problems.ALL[name]
    T, breakpoints, values = horizon_of(data, horizon), BREAKPOINTS[horizon], VALUES[horizon]
    breakpoints = np.array(breakpoints) * T
    times = np.array([0.0, *breakpoints, 0.8 * T, T])
    deletion = hm.Deletion(regression(data), data.theta0, 0.1 * T, T)
    schedule = hm.PiecewiseConstant(breakpoints, values)
    cost, gradient, costate, switching = measured(deletion, schedule, jnp.asarray(times))

    case = (*arguments(data), breakpoints, values, T)
    expected = control.costate(*case, times)
    assert np.linalg.norm(expected[-1]) > 1e-25  # not a rounding of the reference
    assert_close(cost, control.cost(*case))
    for ours, theirs in zip(costate, expected, strict=True):
        assert_close(ours, theirs)
    by_time, by_value, by_switch = None, None, None
    if name in problems.SINGULAR:
        theta = flow_oracle.flow(*arguments(data), breakpoints, values, times)
        by_time = switching_terms(data, expected, theta)
        by_switch = np.abs(np.diff(values)) * by_time[1:3]
        # The costate grows with time: the end of a piece has its largest terms.
        largest = np.maximum(by_time[[0, 1, 2]], by_time[[1, 2, 4]])
        by_value = np.diff([0.0, *breakpoints, T]) * largest
    assert_close(switching, control.switching_function(*case, times), scale=by_time)
    assert_close(gradient.times, control.breakpoint_gradient(*case), scale=by_switch)
    assert_close(gradient.values, control.value_gradient(*case), scale=by_value)


@pytest.mark.parametrize("name", ["well conditioned", "ill conditioned", "group of three"])
def test_a_ridge_counts_in_flow_and_target(name):
    data, ridge = problems.ALL[name], 0.7
    T = 2 / (spectrum(data)[0] + ridge)
    deletion = hm.Deletion(regression(data, ridge), data.theta0, 0.1 * T, T)
    breakpoints, values, times = np.array([0.3, 0.6]) * T, [1.0, 0.4, 0.0], np.linspace(0, T, 5)
    schedule = hm.PiecewiseConstant(breakpoints, values)
    cost, gradient, costate, switching = measured(deletion, schedule, times)
    case = (*arguments(data, ridge), breakpoints, values, T)
    assert_close(cost, control.cost(*case))
    assert_close(costate, control.costate(*case, times))
    assert_close(switching, control.switching_function(*case, times))
    assert_close(gradient.values, control.value_gradient(*case))


@each_horizon
@pytest.mark.parametrize(
    ("name", "initial"),
    [
        ("well conditioned", 0),
        ("ill conditioned", 1),
        ("repeated eigenvalues", 0),
        ("badly scaled", 1),
        ("group larger than d", 1),
    ],
)
def test_bang_bang_schedules_by_the_stored_spectra(name, initial, horizon):
    data = problems.ALL[name]
    T = horizon_of(data, horizon)
    # The second and third coincide; the last is past the horizon.
    switches, times = np.array([0.2, 0.5, 0.5, 0.9, 1.3]) * T, np.array([0.1, 0.5, 0.95]) * T
    deletion = hm.Deletion(regression(data), data.theta0, 0.1 * T, T)
    schedule = hm.BangBang(switches, initial)
    cost, gradient, switching = measured_switching(deletion, schedule, jnp.asarray(times))
    case = (*arguments(data), switches, np.asarray(schedule.piece_values), T)
    assert_close(cost, control.cost(*case))
    assert_close(switching, control.switching_function(*case, times))
    expected = control.breakpoint_gradient(*case)
    assert_close(gradient.switches, expected)
    assert gradient.switches[-1] == 0.0
    # The same of numbers that are known, by the switching function.
    known = deletion.value_and_gradient(schedule)[1].switches
    assert_close(known, expected)
    assert known[-1] == 0.0


def test_derivative_in_switch_times_without_a_costate():
    """The sign of (ε' − ε) φ, from differences of ℰ in 70 digits."""
    data = problems.well_conditioned()
    breakpoints, values = np.array([0.02, 0.05]), np.array([0.9, 0.2, 0.6])
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, 0.08)
    times = jnp.array([*breakpoints, 0.06, 0.07, 0.08])
    schedule = hm.PiecewiseConstant(breakpoints, values)
    _, gradient, _, switching = measured(deletion, schedule, times)
    differences = control.breakpoint_gradient_by_difference_digits(
        *arguments(data), breakpoints, values, 0.08
    )
    assert_close(gradient.times, to_float64(differences))
    assert_close(gradient.times, np.diff(values) * switching[:2])


def test_raising_the_weight_for_an_instant_lowers_the_cost_by_the_switching_function():
    data = problems.well_conditioned()
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, 0.08)
    at, width = 0.035, 1e-5
    instant = hm.PiecewiseConstant([at - width / 2, at + width / 2], [0.3, 0.3, 0.3])
    _, gradient, _, switching = measured(deletion, instant, np.full(5, at))
    np.testing.assert_allclose(gradient.values[1] / width, -switching[0], rtol=1e-8)


def test_costate_is_the_derivative_of_the_cost_in_the_state():
    """Of what is left of the flow from a time t on, by differences in 50 digits."""
    data = problems.well_conditioned()
    breakpoints, values, T, t = [0.02, 0.05], [0.9, 0.2, 0.6], 0.08, 0.03
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, T)
    schedule = hm.PiecewiseConstant(breakpoints, values)
    costate = measured(deletion, schedule, np.full(5, t))[2][0]
    target = response_oracle.deleted_fit(data.X, data.y, data.deleted)
    case, step = (data.X, data.y, data.deleted, 0.0), mpf(10) ** -15
    with mp.workdps(50):
        here = flow_oracle.flow_digits(*arguments(data), breakpoints, values, [t])[0]
        remaining = ([mpf(0.05) - mpf(t)], values[1:], mpf(T) - mpf(t), target)
        slopes = []
        for i in range(4):
            above, below = (
                control.cost_digits(
                    *case, [x + s * (i == k) for k, x in enumerate(here)], *remaining
                )
                for s in (step, -step)
            )
            slopes.append((above - below) / (2 * step))
        assert_close(costate, to_float64(slopes))


def test_switching_function_is_costate_times_residual_of_the_deleted_points():
    data = problems.group(size=3)
    problem = hm.LinearRegression(data.X, data.y, deleted=data.deleted)
    deletion = hm.Deletion(problem, data.theta0, 0.01, 0.08)
    schedule, times = hm.Step(0.03), np.linspace(0, 0.08, 7)
    switching, rows = deletion.switching_function(schedule), data.X[data.deleted]
    sigma = np.asarray(deletion.costate(schedule)(times)) @ rows.T
    theta = np.asarray(hm.flow(problem, schedule, data.theta0, times).theta)
    residual = theta @ rows.T - data.y[data.deleted]
    assert sigma.shape == residual.shape == (7, 3)
    assert_close(switching.sigma(times), sigma)
    assert_close(switching.residual(times), residual)
    # Both at once, at times of any shape and order.
    first, second = switching.factors(times[::-1].reshape(7, 1))
    assert first.shape == second.shape == (7, 1, 3)
    assert_close(first[::-1, 0], residual)
    assert_close(second[::-1, 0], sigma)
    assert_close(switching(times), np.sum(sigma * residual, axis=1))


# Ramps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("well conditioned", 0.3),
        ("well conditioned", 1.0),
        ("well conditioned", 2.0),
        ("badly scaled", 2.5),
        ("repeated eigenvalues", 1.0),
    ],
)
def test_polynomial_schedules(name, power):
    data = problems.ALL[name]
    T = 20 / spectrum(data)[0]
    start, stop = 0.2 * T, 0.85 * T
    deletion = hm.Deletion(regression(data), data.theta0, 0.1 * T, T)
    cost, gradient = deletion.value_and_gradient(hm.Polynomial(start, stop, power))
    case = (*arguments(data), start, stop, power, T)
    expected = control.ramp_gradient(*case)
    assert_close(cost, control.ramp_cost(*case), tolerance=1e-11)
    ours = np.array([gradient.start, gradient.stop, gradient.power])
    assert_close(ours, expected, tolerance=1e-11, scale=np.abs(expected))


def test_a_small_power_of_the_time_left():
    """Where the slope is infinite steps become as short as rounding allows; θ̇ = −θ − ε(θ − 1)."""
    start, stop, T, power = 0.2, 15.0, 20.0, 0.125
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    deletion = hm.Deletion(problem, [2.0], 0.0, T)
    cost, gradient = deletion.value_and_gradient(hm.Polynomial(start, stop, power))

    def expected(start, stop, power):
        width = stop - start

        def left(t):
            """∫ ε from t on."""
            u = min(max((stop - t) / width, 0.0), 1.0)
            return max(start - t, 0.0) + width * u ** (power + 1.0) / (power + 1.0)

        def felt(t):
            epsilon = 1.0 if t < start else max((stop - t) / width, 0.0) ** power
            return np.exp(t - T - left(t)) * epsilon

        # Towards the end, where the slope is infinite, in the eighth root of the time left.
        near = quad(
            lambda r: felt(stop - r**8) * 8.0 * r**7, 0.0, width**0.125, epsabs=0.0, epsrel=1e-13
        )
        ends = 2.0 * np.exp(-T - left(0.0)) + quad(felt, 0.0, start, epsrel=1e-13)[0] + near[0]
        return 0.5 * ends**2

    case = np.array([start, stop, power])
    assert_close(cost, expected(*case), tolerance=1e-11)
    steps = 1e-4 * np.eye(3)
    differences = [
        (
            8.0 * (expected(*(case + step)) - expected(*(case - step)))
            - (expected(*(case + 2.0 * step)) - expected(*(case - 2.0 * step)))
        )
        / 12e-4
        for step in steps
    ]
    assert_close([gradient.start, gradient.stop, gradient.power], differences, tolerance=1e-9)


@eqx.filter_jit
def traced_switching(deletion, schedule, times):
    return deletion.switching_function(schedule)(times)


def test_a_ramp_and_its_switching_function():
    data = problems.well_conditioned()
    start, stop, T = 0.1, 0.4, 0.5
    problem, ramp = regression(data), hm.Ramp(start, stop)
    deletion = hm.Deletion(problem, data.theta0, 0.05, T)
    # dℰ/da = −∫φ ∂ε/∂a dt for a = start, stop: (1 − z)/2 and (1 + z)/2 over the length.
    nodes, weights = np.polynomial.legendre.leggauss(24)
    times = start + (stop - start) * (1 + nodes) / 2
    cost, gradient = deletion.value_and_gradient(ramp)
    case = (*arguments(data), start, stop, 1.0, T)
    expected = control.ramp_gradient(*case)[:2]
    assert_close(cost, control.ramp_cost(*case), tolerance=1e-11)
    assert_close([gradient.start, gradient.stop], expected, tolerance=1e-11)
    # Where everything is traced, by a program; of numbers that are known, by NumPy.
    for switching in (
        traced_switching(deletion, ramp, jnp.asarray(times)),
        deletion.switching_function(ramp)(times),
    ):
        integrals = [-0.25 * np.sum(weights * (1 + s * nodes) * switching) for s in (-1, 1)]
        assert_close(integrals, expected, tolerance=1e-11)
    # The flow is affine in θ₀: what p sees of a difference of two states is the same at all times.
    # Of a large one, to the tolerance of the flows, which is relative to their size.
    path, *others = (
        np.asarray(hm.flow(problem, ramp, data.theta0 + shift, np.append(times, T)).theta)
        for shift in 1e3 * np.vstack([np.zeros(4), np.eye(4)])
    )
    apart = np.stack(others, axis=1) - path[:, None]  # (time, shift, d)
    final = path[-1] - np.asarray(deletion.target)
    costate = np.vstack([deletion.costate(ramp)(times), final])
    sizes = np.linalg.norm(apart, axis=2) * np.linalg.norm(costate, axis=1)[:, None]
    seen = np.einsum("tsd,td->ts", apart, costate)
    assert_close(seen[:-1], seen[[-1] * 24], tolerance=1e-11, scale=sizes[:-1] + sizes[-1])


# Where the switch meets the ends -----------------------------------------------------------------


@pytest.mark.parametrize("switch", [0.0, 0.1, 0.5, 0.7])
def test_steps_that_switch_at_zero_start_horizon_and_later(switch):
    data = problems.well_conditioned()
    deletion = hm.Deletion(regression(data), data.theta0, 0.1, 0.5)
    cost, gradient = deletion.value_and_gradient(hm.Step(switch))
    case = (*arguments(data), [switch], [1.0, 0.0], 0.5)
    assert_close(cost, control.cost(*case))
    assert_close(gradient.switch, control.breakpoint_gradient(*case)[0])
    assert bool(deletion.membership(hm.Step(switch))) == (0.1 <= switch <= 0.5)
    if switch > 0.5:
        assert gradient.switch == 0.0
    if switch >= 0.5:
        never = hm.Deletion(regression(data), data.theta0, 0.1, 0.5).cost(hm.Step(0.5))
        assert_close(cost, never)


def test_final_state_is_the_end_of_the_flow_under_a_step():
    data = problems.well_conditioned()
    problem = regression(data)
    deletion = hm.Deletion(problem, data.theta0, 0.1, 0.5)
    switches = np.array([[0.0, 0.1, 0.25], [0.4, 0.5, 3.0]])
    states = deletion.final_state(switches)
    assert states.shape == (2, 3, 4)
    for index in np.ndindex(2, 3):
        expected = flow_oracle.flow(*arguments(data), [switches[index]], [1.0, 0.0], [0.5])[0]
        assert_close(states[index], expected)
    by_flow = hm.flow(problem, hm.Step(0.25), data.theta0, [0.5]).theta[0]
    assert_close(deletion.final_state(0.25), by_flow)
    assert_close(deletion.cost(hm.Step(0.25)), 0.5 * np.sum((by_flow - problem.deleted_fit()) ** 2))


def test_another_target():
    data = problems.well_conditioned()
    target = np.array([1.0, -2.0, 0.5, 3.0])
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, 0.08, target=target)
    np.testing.assert_array_equal(deletion.target, target)
    breakpoints, values, times = [0.02, 0.05], [0.9, 0.2, 0.6], np.linspace(0, 0.08, 5)
    schedule = hm.PiecewiseConstant(breakpoints, values)
    cost, gradient, costate, switching = measured(deletion, schedule, times)
    case = (*arguments(data), breakpoints, values, 0.08)
    assert_close(cost, control.cost(*case, target=target))
    assert_close(costate, control.costate(*case, times, target=target))
    assert_close(switching, control.switching_function(*case, times, target=target))
    assert_close(gradient.values, control.value_gradient(*case, target=target))
    same = hm.Deletion(
        regression(data), data.theta0, 0.01, 0.08, target=regression(data).deleted_fit()
    )
    default = hm.Deletion(regression(data), data.theta0, 0.01, 0.08)
    assert_close(*(each.cost(schedule, outside="allow") for each in (same, default)))


# The notes' examples -----------------------------------------------------------------------------


def test_delaying_pays_under_the_identity_hessian():
    """H = H₋ = Id: ℰ(1_[0,τ]) is least at τ* = log(⟨θ* − θ₀, Δ⟩/‖Δ‖²) (theory §4).

    A deleted row of length 1e-7 with a target of 1e7 changes H by 1e-14 only.
    """
    generator = np.random.default_rng(0)
    direction = np.array([3.0, 1.0, -2.0, 0.5]) / 4
    X = np.vstack([1e-7 * direction, np.eye(4)])
    y = np.concatenate([[1e7], generator.normal(size=4)])
    full, displacement = y[1:] + direction, direction
    sideways = np.array([1.0, -3.0, 0.0, 0.0])  # orthogonal to the displacement
    data = problems.Data(X, y, [0], full - 3.0 * displacement + sideways)
    optimum = np.log((full - data.theta0) @ displacement / (displacement @ displacement))
    np.testing.assert_allclose(optimum, np.log(3.0), rtol=1e-12)
    deletion = hm.Deletion(regression(data), data.theta0, 0.2, 2.0)
    best = hm.best_step(deletion)
    np.testing.assert_allclose(best.schedule.switch, optimum, rtol=1e-8)
    # u̇ = −u + Δ up to τ, and −u from there on.
    start = data.theta0 - y[1:]
    final = np.exp(-2.0) * (start + (np.exp(optimum) - 1) * displacement)
    np.testing.assert_allclose(best.cost, 0.5 * final @ final, rtol=1e-7)
    for other in (0.2, 0.8 * optimum, 1.2 * optimum, 2.0):
        assert deletion.cost(hm.Step(other)) > best.cost


def test_identity_design_freezes_the_coordinate_of_the_deleted_point():
    """X = Id, y = 1: M is singular, and ε = 0 leaves θ_j where it is (theory §7)."""
    data, start, T = problems.identity_design(theta0=-0.5), 0.3, 1.2
    problem = regression(data)
    deletion = hm.Deletion(problem, data.theta0, start, T)
    gap, switch = 1.5, 0.4
    expected = 1 - gap * np.exp(-np.array([switch, T, T, T]))
    assert_close(deletion.final_state(switch), expected)
    np.testing.assert_allclose(deletion.target, [-0.5, 1, 1, 1], rtol=1e-15)
    cost, gradient = deletion.value_and_gradient(hm.Step(switch))
    moved = gap * (1 - np.exp(-switch))
    assert_close(cost, 0.5 * (3 * gap**2 * np.exp(-2 * T) + moved**2))
    assert_close(gradient.switch, moved * gap * np.exp(-switch))
    # So it is best to stop at once.
    assert hm.best_step(deletion).schedule.switch == start


# Long horizons -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["well conditioned", "group larger than d"])
def test_every_schedule_reaches_the_deleted_fit_in_the_end(name):
    data = problems.ALL[name]
    slowest, problem = spectrum(data)[1], regression(data)
    breakpoints, costs = np.array([0.2, 0.4]) / slowest, []
    for decays in (1.0, 30.0, 200.0):
        T = decays / slowest
        deletion = hm.Deletion(problem, data.theta0, 0.0, T)
        costs.append(float(deletion.cost(hm.PiecewiseConstant(breakpoints, [1.0, 0.5, 0.0]))))
    assert costs[1] < 1e-24 * costs[0]
    assert costs[2] < 1e-160 * costs[0]


def test_without_full_rank_the_part_in_the_kernel_stays():
    data = problems.duplicated_columns_leaving_span()
    slowest, switch = spectrum(data)[1], 1.0
    deletion = hm.Deletion(regression(data), data.theta0, 0.0, 60 / slowest)
    kept = np.delete(data.X, data.deleted, axis=0)
    kernel = np.linalg.svd(kept)[2][-1]
    np.testing.assert_allclose(kept @ kernel, 0, atol=1e-14)
    theta = flow_oracle.flow(*arguments(data), [], [1.0], [switch])[0]
    moved = kernel @ (theta - data.theta0)
    assert abs(moved) > 1e-3
    assert_close(deletion.cost(hm.Step(switch)), 0.5 * moved**2)
    assert_close(kernel @ deletion.target, kernel @ data.theta0)


# Transformations ---------------------------------------------------------------------------------


def test_vmap_over_starts_and_horizons_and_jit():
    data = problems.well_conditioned()
    problem, breakpoints, values = regression(data), [0.02, 0.05], [0.9, 0.2, 0.6]
    schedule = hm.PiecewiseConstant(breakpoints, values)

    @jax.jit
    def costs(starts, horizons):
        def cost(theta0, horizon):
            return hm.Deletion(problem, theta0, 0.01, horizon).cost(schedule)

        return jax.vmap(jax.vmap(cost, (None, 0)), (0, None))(starts, horizons)

    starts = jnp.stack([jnp.asarray(data.theta0), jnp.zeros(4)])
    horizons = jnp.array([0.03, 0.08, 0.5])
    actual = costs(starts, horizons)
    for index in np.ndindex(2, 3):
        case = (*arguments(data)[:4], starts[index[0]], breakpoints, values, horizons[index[1]])
        assert_close(actual[index], control.cost(*case))


@pytest.mark.parametrize("name", ["well conditioned", "duplicated columns, point leaves the span"])
def test_derivative_in_the_start_and_the_horizon(name):
    data = problems.ALL[name]
    problem, breakpoints, values, T = regression(data), [0.02, 0.05], [0.9, 0.2, 0.6], 0.08
    schedule = hm.PiecewiseConstant(breakpoints, values)

    @jax.jit
    def slopes(theta0, horizon):
        def cost(theta0, horizon):
            return hm.Deletion(problem, theta0, 0.01, horizon).cost(schedule)

        return jax.grad(cost, (0, 1))(theta0, horizon)

    in_start, in_horizon = slopes(jnp.asarray(data.theta0), T)
    # With the target θ*₋ moving as well where M is singular.
    step, case = mpf(10) ** -15, arguments(data)[:4]
    with mp.workdps(50):

        def difference(shift_start, shift_horizon):
            above, below = (
                control.cost_digits(
                    *case,
                    [mpf(x) + s * e for x, e in zip(data.theta0, shift_start, strict=True)],
                    breakpoints,
                    values,
                    mpf(T) + s * shift_horizon,
                )
                for s in (step, -step)
            )
            return (above - below) / (2 * step)

        expected = to_float64([difference(list(map(int, e)), 0) for e in np.eye(4)])
        assert_close(in_start, expected)
        assert_close(in_horizon, to_float64(difference([0] * 4, 1)))


def test_costate_and_switching_function_take_times_of_any_shape_and_order():
    data = problems.well_conditioned()
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, 0.08)
    schedule = hm.PiecewiseConstant([0.02, 0.05], [0.9, 0.2, 0.6])
    costate, switching = deletion.costate(schedule), deletion.switching_function(schedule)
    times = np.array([[0.07, 0.0], [0.02, 0.08], [0.05, 0.03]])
    case = (*arguments(data), [0.02, 0.05], [0.9, 0.2, 0.6], 0.08)
    expected = control.costate(*case, times.ravel()).reshape(3, 2, 4)
    assert costate(times).shape == (3, 2, 4)
    assert_close(costate(times), expected)
    for function in (costate, switching, switching.sigma, switching.residual):
        for wrong in (0.09, -0.01, [0.01, 0.09]):
            with pytest.raises(ValueError, match=r"t: expected times in \[0, 0.08\], got"):
                function(wrong)
        with pytest.raises(ValueError, match=r"t: expected finite numbers, got NaN"):
            function(np.nan)


# Invariances -------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_rotated_parameters_permuted_data_rescaled_time(seed):
    generator = np.random.default_rng(seed)
    data = problems.well_conditioned(seed=seed % 1000)
    turn = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    order, unit = generator.permutation(20), 2.0 ** generator.integers(-3, 4)
    moved = problems.Data(
        unit * (data.X @ turn)[order],
        unit * data.y[order],
        [int(np.flatnonzero(order == 0)[0])],
        turn.T @ data.theta0,
    )
    times = np.array([0.0, 0.02, 0.04, 0.05, 0.08])
    results = []
    for case, clock in ((data, 1.0), (moved, unit**-2)):
        deletion = hm.Deletion(regression(case), case.theta0, 0.01 * clock, 0.08 * clock)
        schedule = hm.PiecewiseConstant(np.array([0.02, 0.05]) * clock, [0.9, 0.2, 0.6])
        cost, gradient, costate, switching = measured(deletion, schedule, times * clock)
        results.append((cost, gradient.times * clock, gradient.values, costate, switching * clock))
    results[1] = (*results[1][:3], results[1][3] @ turn.T, results[1][4])
    for ours, theirs in zip(*results, strict=True):
        assert_close(ours, theirs, tolerance=1e-10)


@given(st.floats(0.021, 0.049), st.integers(0, 10**6))
@settings(max_examples=10)
def test_splitting_a_piece_changes_nothing(at, seed):
    data = problems.well_conditioned(seed=seed % 1000)
    # The same up to the horizon.
    deletion = hm.Deletion(regression(data), data.theta0, 0.01, 0.07)
    whole = hm.PiecewiseConstant([0.02, 0.05, 0.07], [0.9, 0.2, 0.6, 0.0])
    split = hm.PiecewiseConstant([0.02, at, 0.05], [0.9, 0.2, 0.2, 0.6])
    (cost, gradient), (same, by_parts) = map(deletion.value_and_gradient, (whole, split))
    assert_close(same, cost, tolerance=1e-13)
    assert by_parts.times[1] == 0.0
    assert_close(by_parts.times[::2], gradient.times[:2], tolerance=1e-11)
    together = np.array([by_parts.values[0], by_parts.values[1:3].sum(), by_parts.values[3]])
    assert_close(together, gradient.values[:3], tolerance=1e-11)


# Membership and bad input ------------------------------------------------------------------------


def test_membership_is_that_of_start_and_horizon():
    data = problems.well_conditioned()
    deletion = hm.Deletion(regression(data), data.theta0, 0.1, 0.5)
    assert deletion.membership(hm.Step(0.1)) and deletion.membership(hm.Step(0.5))
    early, late = deletion.membership(hm.Step(0.05)), deletion.membership(hm.Step(0.6))
    assert "must be 1 on [0, 0.1]" in early.reason
    assert "must be 0 after 0.5" in late.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0.1}, "horizon: expected a time after start = 0.1, got 0.1"),
        ({"horizon": 0.05}, "horizon: expected a time after start = 0.1, got 0.05"),
        ({"horizon": -1.0}, "horizon: expected a finite time >= 0, got -1"),
        ({"horizon": np.inf}, "horizon: expected a finite time >= 0, got inf"),
        ({"horizon": np.nan}, "horizon: expected a finite time >= 0, got nan"),
        ({"horizon": np.array([0.5])}, "horizon: expected a finite time >= 0, got"),
        ({"start": -0.1}, "start: expected a finite time >= 0, got -0.1"),
        ({"start": np.nan}, "start: expected a finite time >= 0, got nan"),
        ({"theta0": np.zeros(3)}, r"theta0: expected a vector of length 4, got shape \(3,\)"),
        ({"theta0": [0.0, np.inf, 0.0, 0.0]}, "theta0: expected finite numbers"),
        ({"target": np.zeros(5)}, r"target: expected a vector of length 4, got shape \(5,\)"),
        ({"target": [0.0, np.nan, 0.0, 0.0]}, "target: expected finite numbers"),
    ],
)
def test_bad_input_is_named(change, message):
    problem = regression(problems.well_conditioned())
    arguments = {"theta0": np.zeros(4), "start": 0.1, "horizon": 0.5} | change
    with pytest.raises(ValueError, match=message):
        hm.Deletion(problem, **arguments)


def test_a_linear_model_without_the_closed_form_agrees():
    data = problems.well_conditioned()
    general = hm.Problem(hm.linear_model(4), hm.SquaredError(), data.X, data.y, deleted=0)
    linear = hm.LinearRegression(data.X, data.y, deleted=0)
    costs = [
        float(hm.Deletion(problem, np.ones(4), 0.1, 0.5).cost(hm.Step(0.3)))
        for problem in (general, linear)
    ]
    assert np.isclose(*costs, rtol=1e-7)
