"""Deletion for models without closed form: against scipy, finite differences, and linear regression
followed by the same solver."""

import itertools

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import homotopy as hm
from homotopy.control import polish, solve
from homotopy.control.trajectory import sweep
from homotopy.flows.stable_steps import stable_reach
from homotopy.teacher import teacher_example

START, HORIZON = 0.5, 2.5
MODEL = hm.mlp([1, 3, 1])
CELLS = hm.Cells(5)
BANG_BANG = hm.BangBang([0.9, 1.6, HORIZON], initial=1)


def data():
    x = np.linspace(-2.0, 2.0, 9)
    noise = 0.2 * np.random.default_rng(3).normal(size=9)
    return x, np.tanh(2.0 * x - 1.0) - 0.5 * x + noise


DATA = data()


@pytest.fixture(scope="module")
def problem():
    x, y = DATA
    return hm.Problem(MODEL, hm.SquaredError(), x[:, None], y, deleted=[6], ridge=0.05)


@pytest.fixture(scope="module")
def theta0():
    return np.random.default_rng(5).normal(size=MODEL.dimension)


@pytest.fixture(scope="module")
def deletion(problem, theta0):
    return hm.Deletion(problem, theta0, START, HORIZON)


def regression(**options):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    problem = hm.LinearRegression(X, y, deleted=2)
    theta0 = 3.0 * rng.normal(size=3)
    span = 1.0 / float(np.linalg.eigvalsh(problem.hessian(problem.X[0], 0.0))[0])
    return hm.Deletion(problem, theta0, 0.1 * span, span, **options)


def gradient(theta, weight):
    """Of the squared errors of tanh(x w + b)·v + c, and of the ridge, by hand in NumPy."""
    x, y, (w, b, v, c) = *DATA, np.split(theta, [3, 6, 9])
    hidden = np.tanh(x[:, None] * w + b)
    error = hidden @ v + c - y
    error[6] *= weight
    back = error[:, None] * v * (1.0 - hidden**2)
    parts = [x @ back, back.sum(0), error @ hidden, [error.sum()]]
    return np.concatenate(parts) + 0.05 * theta


def by_scipy(theta0, schedule, times=(HORIZON,)):
    """θ at ascending times, piece by piece with scipy's method of order eight."""
    edges = np.concatenate([[0.0], np.clip(schedule.breakpoints, 0.0, HORIZON), [HORIZON]])
    state, out = np.asarray(theta0), {}
    for left, right in itertools.pairwise(edges):
        if not right > left:
            continue
        inside = [t for t in times if left <= t <= right]
        ends = np.asarray(schedule(np.array([left + 1e-9 * (right - left), right])))

        def falling(t, theta, left=left, right=right, ends=ends):  # no weight here bends in a piece
            return -gradient(theta, np.interp(t, (left, right), ends))

        run = solve_ivp(
            falling,
            (left, right),
            state,
            method="DOP853",
            rtol=1e-12,
            atol=1e-13,
            t_eval=[*inside, right] if not inside or inside[-1] < right else inside,
        )
        out |= dict(zip(run.t.tolist(), run.y.T, strict=True))
        state = run.y[:, -1]
    return np.array([out[t] for t in times])


def central(function, point, step=1e-5):
    point = np.asarray(point, float)
    return np.array(
        [
            (function(point + step * unit) - function(point - step * unit)) / (2 * step)
            for unit in np.eye(point.size)
        ]
    )


def test_the_target_is_where_training_without_the_point_ends(deletion, problem):
    assert np.linalg.norm(problem.gradient(deletion.target, 0.0)) < 1e-12
    late = hm.flow(problem, hm.Constant(0.0), deletion.theta0, [2000.0]).theta[0]
    assert np.allclose(late, deletion.target, atol=1e-6)


@pytest.mark.parametrize("schedule", [BANG_BANG, hm.Ramp(0.8, 2.0)], ids=["bang-bang", "ramp"])
def test_cost_against_scipy(deletion, problem, schedule):
    end = by_scipy(deletion.theta0, schedule)[0]
    expected = 0.5 * np.sum((end - np.asarray(deletion.target)) ** 2)
    assert np.isclose(deletion.cost(schedule), expected, rtol=1e-8)


def test_gradient_by_every_mode_and_by_differences(deletion, problem):
    values = jnp.array([0.9, 0.2, 0.6, 0.3, 0.1])

    def by(adjoint):
        method = hm.Adaptive(rtol=1e-12, atol=1e-13, adjoint=adjoint)
        given = hm.Deletion(
            problem, deletion.theta0, START, HORIZON, target=deletion.target, method=method
        )
        return lambda values: given.outcome(CELLS.schedule(values, given.start, given.horizon))[0]

    both = jax.jit(jax.value_and_grad(by(diffrax.RecursiveCheckpointAdjoint())))
    cost, reverse = map(np.asarray, both(values))
    schedule = CELLS.schedule(values, deletion.start, deletion.horizon)
    assert np.isclose(cost, deletion.cost(schedule))
    differences = central(lambda at: float(both(jnp.asarray(at))[0]), values, 1e-4)
    assert np.allclose(reverse, differences, rtol=1e-6, atol=1e-8 * np.abs(reverse).max())
    forward = jax.jit(jax.jacfwd(by(diffrax.ForwardMode())))(values)
    assert np.allclose(reverse, forward, rtol=1e-9, atol=1e-9 * np.abs(reverse).max())


def test_backsolve_serves_short_flows_and_refuses_long_ones(problem, theta0, deletion):
    target = deletion.target
    fastest = float(np.linalg.norm(problem.hessian(deletion.theta0, 1.0), 2))
    backwards = hm.Adaptive(adjoint=diffrax.BacksolveAdjoint())
    short = {"start": 0.5 / fastest, "horizon": 5.0 / fastest, "target": target}
    switched = hm.BangBang(np.array([1.5, 2.0, 4.0]) / fastest, initial=1)
    gradients = [
        hm.Deletion(problem, theta0, **short, method=method)
        .value_and_gradient(switched)[1]
        .switches
        for method in (hm.Adaptive(), backwards)
    ]
    assert np.allclose(*gradients, rtol=1e-5)
    with pytest.raises(ValueError, match="method: BacksolveAdjoint"):
        hm.Deletion(problem, theta0, 0.5, 40.0 / fastest + 1.0, target=target, method=backwards)
    with pytest.raises(ValueError, match="adjoint: BacksolveAdjoint"):
        hm.flow(problem, hm.Step(1.0), theta0, [0.5, 1.0], method=backwards)


def test_costate_is_the_adjoint_equations(deletion, problem):
    times = np.array([0.0, 0.3, 0.7, 1.2, 2.0, 2.5])
    switches = np.asarray(BANG_BANG.switches)

    @jax.jit
    def backwards(t, joined, weight):
        theta, p = jnp.split(joined, 2)
        slope = problem.gradient(theta, weight)
        return jnp.concatenate([-slope, problem.hvp(theta, p, weight)])

    ends = by_scipy(deletion.theta0, BANG_BANG, times)
    p = ends[-1] - np.asarray(deletion.target)
    costate = deletion.costate(BANG_BANG)
    phi = deletion.switching_function(BANG_BANG)
    # Of a model that is not linear φ is no sum of products.
    assert [factor.shape for factor in phi.factors(times)] == [(times.size, 0)] * 2
    known = [p]
    # θ is taken afresh at every time: backwards it is unstable.
    cuts = np.union1d(times, switches)
    states = by_scipy(deletion.theta0, BANG_BANG, tuple(cuts))
    for left, right, state in zip(cuts[-2::-1], cuts[:0:-1], states[:0:-1], strict=True):
        middle = (left + right) / 2
        weight = float(np.sum(switches < middle) % 2 == 0)

        joined = np.concatenate([state, p])
        run = solve_ivp(
            lambda *at, weight=weight: np.asarray(backwards(*at, weight)),
            (right, left),
            joined,
            method="DOP853",
            rtol=1e-12,
            atol=1e-14,
        )
        p = run.y[p.size :, -1]
        if left in times:
            known.append(p)
    expected = np.array(known[::-1])
    assert np.allclose(costate(times), expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())
    direct = [
        float(p @ problem.deleted_gradient(jnp.asarray(theta)))
        for p, theta in zip(expected, states[np.isin(cuts, times)], strict=True)
    ]
    assert np.allclose(phi(times), direct, rtol=1e-6, atol=1e-8 * np.abs(direct).max())


def test_what_was_followed_is_of_its_schedule_and_its_problem(deletion, problem, theta0):
    """Of one schedule for several problems, asked for by turns, each gets its own costate."""
    other = hm.Deletion(problem, theta0, START, HORIZON, target=deletion.target + 1.0)
    schedule = hm.Step(1.2)
    found = [each.costate(schedule)(HORIZON) for each in (deletion, other, deletion)]
    end = by_scipy(theta0, schedule)[0]
    for p, each in zip(found, (deletion, other, deletion), strict=True):
        assert np.allclose(p, end - np.asarray(each.target), rtol=1e-7, atol=1e-9)
    apart = deletion.costate(hm.Step(2.0))(HORIZON) - found[0]
    assert np.allclose(apart, by_scipy(theta0, hm.Step(2.0))[0] - end, atol=1e-8)


def test_gradient_in_a_switch_time_is_the_switching_function(deletion):
    _, gradient = deletion.value_and_gradient(BANG_BANG)
    rises = np.array([-1.0, 1.0, -1.0])  # ε after less ε before
    phi = np.asarray(deletion.switching_function(BANG_BANG)(BANG_BANG.switches))
    assert np.allclose(gradient.switches, rises * phi, rtol=1e-6)


def test_linear_regression_by_the_solver_is_that_in_closed_form():
    exact, adaptive = regression(), regression(method=hm.Adaptive(rtol=1e-11, atol=1e-13))
    start, horizon = float(exact.start), float(exact.horizon)
    schedule = hm.BangBang([start, 0.4 * horizon, 0.7 * horizon], initial=1)
    assert np.isclose(exact.cost(schedule), adaptive.cost(schedule), rtol=1e-9)
    slopes = [deletion.value_and_gradient(schedule)[1].switches for deletion in (exact, adaptive)]
    assert np.allclose(*slopes, rtol=1e-8, atol=1e-10 * np.abs(slopes[0]).max())
    times = np.linspace(0.0, horizon, 7)
    for name in ("costate", "switching_function"):
        one, other = (np.asarray(getattr(d, name)(schedule)(times)) for d in (exact, adaptive))
        assert np.allclose(one, other, rtol=1e-8, atol=1e-9 * np.abs(one).max())
    assert np.isclose(exact.pmp_residual(schedule), adaptive.pmp_residual(schedule), rtol=1e-3)
    taus = np.array([0.3, 0.6]) * horizon
    assert np.allclose(exact.final_state(taus), adaptive.final_state(taus), rtol=1e-9)
    best = [hm.optimise(deletion, over=hm.BangBangs(1)) for deletion in (exact, adaptive)]
    assert np.isclose(best[0].cost, best[1].cost, rtol=1e-7)
    assert np.allclose(best[0].schedule.switches, best[1].schedule.switches, atol=1e-6 * horizon)


def test_distance_in_predictions_and_any_other_cost(problem, theta0, deletion):
    inputs = np.array([[0.3], [-1.1]])
    end = by_scipy(theta0, BANG_BANG)[0]

    def outputs(theta):
        network = MODEL.unravel(jnp.asarray(theta))
        return np.array([float(network(jnp.asarray(x))) for x in inputs])

    near = hm.Deletion(
        problem, theta0, START, HORIZON, terminal_cost=hm.deletion.PredictionDistance(inputs)
    )
    expected = 0.5 * np.sum((outputs(end) - outputs(deletion.target)) ** 2)
    assert np.isclose(near.cost(BANG_BANG), expected, rtol=1e-7)
    free = hm.Deletion(
        problem, theta0, START, HORIZON, terminal_cost=lambda theta: jnp.sum(theta**4)
    )
    assert free.target is None
    assert np.isclose(free.cost(BANG_BANG), np.sum(end**4), rtol=1e-7)
    assert np.allclose(free.costate(BANG_BANG)(HORIZON), 4 * end**3, rtol=1e-7)


def test_other_costs_in_closed_form_and_by_the_solver():
    cost = hm.deletion.PredictionDistance()
    exact = regression(terminal_cost=cost)
    adaptive = regression(terminal_cost=cost, method=hm.Adaptive(rtol=1e-11, atol=1e-13))
    schedule = hm.Step(0.5 * float(exact.horizon))
    X, apart = exact.problem.X, exact.final_state(schedule.switch) - exact.target
    assert np.isclose(exact.cost(schedule), 0.5 * np.sum((X @ apart) ** 2), rtol=1e-12)
    times = np.linspace(0.0, float(exact.horizon), 5)
    for name in ("costate", "switching_function"):
        one, other = (np.asarray(getattr(d, name)(schedule)(times)) for d in (exact, adaptive))
        assert np.allclose(one, other, rtol=1e-8, atol=1e-9 * np.abs(one).max())


def test_the_size_of_the_program_does_not_grow_with_the_number_of_cells(deletion):
    def length(count):
        family = hm.Cells(count)

        def cost(values):
            return deletion.outcome(family.schedule(values, deletion.start, deletion.horizon))[0]

        return len(str(jax.make_jaxpr(jax.grad(cost))(jnp.full(count, 0.5))).splitlines())

    assert length(8) == length(64)


def test_best_steps_and_bang_bangs_satisfy_their_conditions(deletion, monkeypatch):
    step = hm.optimise(deletion, over=hm.Steps(33))
    taus = np.linspace(START, HORIZON, 41)
    # The same schedules, as those of a program that there is.
    brute = [deletion.cost(hm.BangBang([tau, HORIZON, HORIZON], initial=1)) for tau in taus]
    assert step.cost <= float(np.min(brute)) * (1 + 1e-9)
    best = hm.optimise(deletion, over=hm.BangBangs(2))
    assert best.cost <= step.cost * (1 + 1e-9)
    assert hm.results.OptimumStatus.local_optimum == best.status
    inside = np.asarray(best.schedule.switches)
    inside = inside[(inside > START) & (inside < HORIZON)]
    phi = best.switching_function
    scale = np.max(np.abs(phi(np.linspace(START, HORIZON, 101))))
    assert np.all(np.abs(phi(inside)) <= 1e-7 * scale)
    local = solve(deletion.control_system, cells=8, starts=[0.5])  # as from any other
    assert best.cost <= local.cost * (1 + 1e-6)
    looked_at = []

    def noted(system, control, mesh):
        looked_at.append(tuple(np.asarray(control.edges).tolist()))
        return sweep(system, control, mesh)

    monkeypatch.setattr(polish, "sweep", noted)
    warm = hm.optimise(deletion, over=hm.BangBangs(2), warm_start=best)
    assert np.isclose(warm.cost, best.cost, rtol=1e-8)
    # Newton's method ends where steps are lost in rounding, rather than go the last ones again.
    assert looked_at and len(set(looked_at)) == len(looked_at)
    assert [ax.get_ylabel() for ax in best.plot()] == ["weight ε(t)", "φ(t) = p·∇ℓ"]


def test_what_needs_the_closed_form_says_so(deletion):
    for search in (hm.Everything(), hm.Separately()):
        with pytest.raises(TypeError, match=r"over: .*expected a LinearRegression"):
            hm.optimise(deletion, over=search)
    for verb in (hm.greedy, lambda d: hm.least_time(d, 1e-3)):
        with pytest.raises(TypeError, match="expected a LinearRegression"):
            verb(deletion)
    with pytest.raises(TypeError, match="time_to_reach"):
        hm.deletion.time_to_reach(deletion, hm.Step(1.0), 0.1)


def test_bad_arguments(problem, theta0, deletion, without_shape_checks):
    target = deletion.target
    with pytest.raises(TypeError, match="method: Exact"):
        hm.Deletion(problem, theta0, START, HORIZON, target=target, method=hm.Exact())
    with pytest.raises(TypeError, match="method: expected"):
        hm.Deletion(problem, theta0, START, HORIZON, target=target, method=hm.GradientDescent(0.1))
    with pytest.raises(TypeError, match="terminal_cost: expected"):
        hm.Deletion(problem, theta0, START, HORIZON, target=target, terminal_cost=3.0)
    with pytest.raises(ValueError, match="terminal_cost: expected a scalar"):
        hm.Deletion(problem, theta0, START, HORIZON, terminal_cost=lambda theta: theta)
    with pytest.raises(ValueError, match="terminal_cost: expected inputs of length 1"):
        hm.Deletion(
            problem,
            theta0,
            START,
            HORIZON,
            terminal_cost=hm.deletion.PredictionDistance([[1.0, 2.0]]),
        )
    with pytest.raises(ValueError, match="X: expected a non-empty matrix"):
        hm.deletion.PredictionDistance([1.0, 2.0])
    with pytest.raises(TypeError, match="problem: expected a Problem"):
        hm.Deletion(MODEL, theta0, START, HORIZON)


def test_a_symmetric_start_ends_on_a_saddle_and_says_so(problem):
    with pytest.raises(RuntimeError, match="saddle"):
        hm.Deletion(problem, np.zeros(MODEL.dimension), START, HORIZON)


def test_sensitivity_of_a_measurement_by_the_adjoint(problem, theta0):
    def measurement(theta):
        return problem.model(theta, jnp.array([0.4])) ** 2

    found = hm.flows.measurement_sensitivity(problem, theta0, measurement, 1.5)
    forward = hm.sensitivity(problem, theta0, [1.5])
    end = hm.flow(problem, hm.Constant(1.0), theta0, [1.5]).theta[0]
    # One sign for all: the change on deletion.
    expected = -(forward.derivative[0] @ jax.grad(measurement)(end))
    assert np.isclose(found.value, measurement(end), rtol=1e-10)
    assert np.allclose(found.influence, expected, rtol=1e-7, atol=1e-9)
    moved = [
        measurement(hm.flow(problem, hm.Constant(weight), theta0, [1.5]).theta[0])
        for weight in (1.0, 1.0 - 1e-4)
    ]
    assert np.isclose(found.influence[6], (moved[1] - moved[0]) / 1e-4, rtol=1e-3)
    with pytest.raises(ValueError, match="measurement: expected a scalar"):
        hm.flows.measurement_sensitivity(problem, theta0, lambda theta: theta, 1.5)
    with pytest.raises(ValueError, match="time: expected"):
        hm.flows.measurement_sensitivity(problem, theta0, measurement, -1.0)


def test_sensitivity_of_a_measurement_of_linear_regression():
    deletion = regression()
    given = (deletion.problem, deletion.theta0, lambda theta: theta[1], float(deletion.horizon))
    exact = hm.flows.measurement_sensitivity(*given)
    adaptive = hm.flows.measurement_sensitivity(*given, method=hm.Adaptive(rtol=1e-11, atol=1e-13))
    assert np.allclose(exact.influence, adaptive.influence, rtol=1e-8, atol=1e-10)
    assert np.isclose(exact.value, adaptive.value, rtol=1e-10)


def test_gradient_of_a_loose_explicit_solver_in_a_stiff_problem():
    # Its error estimate is silent about modes that have died out; derivatives have them. Without
    # `StableSteps` this gradient is 3e5 times too large, and the cost is right.
    example = teacher_example(0)
    problem = example.problem(17, ridge=0.05)
    loose = hm.Adaptive(rtol=1e-7, atol=1e-9)
    target = np.zeros(problem.dimension)  # any: nothing has to be trained for it
    deletion = hm.Deletion(problem, example.theta0, 30.0, 60.0, target=target, method=loose)
    slope = deletion.value_and_gradient(hm.Step(36.0))[1].switch
    assert np.isclose(slope, -deletion.switching_function(hm.Step(36.0))(36.0), rtol=1e-3)


def test_explicit_solvers_are_stable_on_the_intervals_of_the_literature():
    # Hairer and Wanner II, IV.2: 2 for Heun's method, 2.51 for order three, 3.31 for Dopri5.
    for solver, interval in (
        (diffrax.Heun(), 2.0),
        (diffrax.Bosh3(), 2.51),
        (diffrax.Dopri5(), 3.31),
    ):
        assert np.isclose(stable_reach(solver) / 0.9, interval, atol=0.01)
    assert stable_reach(diffrax.Kvaerno5()) is None
