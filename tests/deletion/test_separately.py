"""Groups: one schedule for all deleted points, and one for each, with their lower bounds."""

import itertools
from functools import cache

import numpy as np
import pytest
import switched_flows
from scipy.integrate import solve_ivp

import homotopy as hm
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.optimum import OptimumStatus as Status

SEEDS = (0, 1)
COMMON = [(0.0, 0.0), (1.0, 1.0), (0.4, 0.4)]
SEPARATE = [*itertools.product((0.0, 1.0), repeat=2), (0.5, 0.0), (0.3, 0.8)]


@cache
def data(seed, deleted=(0, 1)):
    generator = np.random.default_rng([seed, 3])
    X = generator.normal(size=(20, 3))
    y = X @ generator.normal(size=3) + 0.5 * generator.normal(size=20)
    theta0 = 3.0 * generator.normal(size=3)
    kept = np.delete(X, deleted, axis=0)
    horizon = (2.0, 0.5)[seed % 2] / np.linalg.eigvalsh(kept.T @ kept)[0]
    return X, y, theta0, 0.2 * horizon, horizon


@cache
def deletion(seed, deleted=(0, 1)):
    X, y, theta0, start, horizon = data(seed, deleted)
    problem = hm.LinearRegression(X, y, deleted=deleted)
    return hm.Deletion(problem, theta0, start, horizon)


@cache
def together(seed):
    return hm.optimise(deletion(seed), over=hm.Everything(max_nodes=3))


@cache
def apart(seed):
    return hm.optimise(deletion(seed), over=hm.Separately(max_nodes=60))


def least_cost(seed, weights):
    """Of many random schedules, and of what a search finds from the best of them."""
    X, y, theta0, start, horizon = data(seed)
    flow = switched_flows.of_data(X, y, [0, 1], weights)
    every = switched_flows.of_data(X, y, [0, 1], [(1.0, 1.0)])
    step = every.propagators(start)[0]
    begin = step[:-1, :-1] @ theta0 + step[:-1, -1]
    goal = np.linalg.lstsq(X[2:], y[2:], rcond=None)[0]
    times = np.linspace(start, horizon, 49)
    generator = np.random.default_rng(seed)
    choices = switched_flows.random_choices(generator, 2000, 48, flow.modes)

    def costs(ends):
        return 0.5 * np.sum((ends - goal) ** 2, axis=1)

    drawn = costs(flow.ends(begin, times, choices))
    best = choices[np.argsort(drawn)[:200]]
    better = switched_flows.improved(generator, flow, begin, times, costs, best, 6, 20)
    return min(drawn.min(), costs(flow.ends(begin, times, better)).min())


def at_most(optimum):
    """What its schedules may cost: no proved bound is above."""
    return optimum.cost + optimum.cost_error


@pytest.mark.parametrize("seed", SEEDS)
def test_no_common_schedule_beats_the_bound(seed):
    optimum, least = together(seed), least_cost(seed, COMMON)
    assert deletion(seed).membership(optimum.schedule)
    assert 0.9 * optimum.cost <= optimum.lower_bound <= least * (1 + 1e-12)
    assert optimum.cost <= least * (1 + 1e-6)
    assert optimum.status in (Status.bounded, Status.certified)
    assert (optimum.status is Status.certified) == (optimum.gap <= 1e-6)
    assert optimum.cost == pytest.approx(float(deletion(seed).cost(optimum.schedule)), rel=1e-11)
    assert not optimum.controllability and "several" in optimum.controllability.reason


@pytest.mark.parametrize("seed", SEEDS)
def test_no_separate_schedules_beat_the_bound(seed):
    optimum, least = apart(seed), least_cost(seed, SEPARATE)
    assert optimum.lower_bound <= least * (1 + 1e-12)
    assert optimum.cost <= least * (1 + 1e-6)
    assert optimum.status in (Status.bounded, Status.certified)
    assert (optimum.status is Status.certified) == (optimum.gap <= 1e-6)
    # What is possible together is possible apart.
    assert optimum.cost <= together(seed).cost * (1 + 1e-6)
    assert optimum.lower_bound <= at_most(together(seed))
    for schedule in optimum.schedules:
        assert deletion(seed).membership(schedule)


def test_separate_schedules_can_do_better():
    # The two points pull to opposite sides of θ*₋: one hastens the way there, one hinders it.
    X, y = np.zeros((20, 3)), np.zeros(20)
    X[:3, 0], y[:2], X[3, 1], X[4, 2] = 1.0, [-3.0, 9.0], 1.0, 1.0
    problem = hm.LinearRegression(X, y, deleted=[0, 1])
    given = hm.Deletion(problem, [4.0, 0.0, 0.0], start=0.0, horizon=0.3)
    common = hm.optimise(given, over=hm.Everything(max_nodes=3))
    separate = hm.optimise(given, over=hm.Separately())
    assert separate.status is Status.certified
    assert separate.cost < 0.9 * common.cost
    # ε = (1, 0) throughout: u̇ = −2u − 3.
    assert separate.cost == pytest.approx(0.5 * (-1.5 + 5.5 * np.exp(-0.6)) ** 2, rel=1e-12)


def test_of_a_single_point_both_are_the_same():
    single = hm.optimise(deletion(0, (0,)), over=hm.Everything())
    separate = hm.optimise(deletion(0, (0,)), over=hm.Separately())
    assert len(separate.schedules) == 1
    assert separate.cost == pytest.approx(single.cost, rel=1e-12)
    assert separate.lower_bound == pytest.approx(single.lower_bound, rel=1e-6)
    assert separate.status is single.status
    np.testing.assert_allclose(
        np.asarray(separate.schedules[0].breakpoints), np.asarray(single.schedule.breakpoints)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_theta_solves_the_differential_equation(seed):
    optimum = apart(seed)
    X, y, theta0, start, horizon = data(seed)
    weights = np.ones(20)
    edges = {start, horizon}
    for schedule in optimum.schedules:
        inner = np.asarray(schedule.breakpoints)
        edges |= set(inner[(inner > start) & (inner < horizon)].tolist())

    def flow(_, theta):
        return -X.T @ (weights * (X @ theta - y))

    def solve(left, right, state, times):
        found = solve_ivp(flow, (left, right), state, "DOP853", times, rtol=1e-12, atol=1e-12)
        return found.y.T

    state = theta0
    if start > 0:
        state = solve(0.0, start, state, [start])[-1]
    edges = sorted(edges)
    for left, right in itertools.pairwise(edges):
        weights[:2] = [float(s(0.5 * (left + right))) for s in optimum.schedules]
        times = np.linspace(left, right, 5)
        states = solve(left, right, state, times)
        np.testing.assert_allclose(optimum.theta(times), states, rtol=0, atol=1e-9)
        state = states[-1]
    goal = np.linalg.lstsq(X[2:], y[2:], rcond=None)[0]
    assert optimum.cost == pytest.approx(0.5 * np.sum((state - goal) ** 2), rel=1e-8)


def test_times_outside_the_interval_are_refused():
    optimum = apart(0)
    horizon = data(0)[4]
    with pytest.raises(ValueError, match="times: expected a vector of times in"):
        optimum.theta([0.0])
    with pytest.raises(ValueError, match="times: expected"):
        optimum.theta([horizon * 1.01])


def test_limits_give_an_honest_gap_and_an_interruption_too():
    quick = hm.optimise(deletion(1), over=hm.Separately(gap=1e-12, time_limit=1e-9))
    assert quick.lower_bound <= at_most(apart(1))
    assert quick.gap >= 0.0

    def interrupt(progress):
        raise KeyboardInterrupt

    left = hm.optimise(deletion(1), over=hm.Everything(gap=1e-12), progress=interrupt)
    assert left.status is Status.interrupted
    assert left.lower_bound <= at_most(together(1))


def test_nobody_waits_for_hours_by_default():
    assert hm.Separately().time_limit == hm.Everything().time_limit == 60.0


def test_a_common_schedule_is_a_warm_start():
    warm = hm.optimise(deletion(1), over=hm.Separately(time_limit=1e-9), warm_start=together(1))
    assert warm.cost <= together(1).cost * (1 + 1e-12)
    assert repr(warm).split()[1:3] == ["schedules", "2"]


def test_schedules_of_their_own_are_a_warm_start():
    again = hm.optimise(deletion(0), over=hm.Separately(max_nodes=1), warm_start=apart(0))
    assert again.cost <= apart(0).cost * (1 + 1e-12)
    with pytest.raises(TypeError, match="warm_start: a SeparateOptimum has a schedule for each"):
        hm.optimise(deletion(0), over=hm.BangBangs(1), warm_start=apart(0))
    with pytest.raises(ValueError, match="warm_start: expected 1 schedules, one for each"):
        hm.optimise(deletion(0, (0,)), over=hm.Separately(max_nodes=1), warm_start=apart(0))


# ------------------------------------------------------------------ as one row
def copies(shares, targets):
    """Deleted rows that are multiples of one, and the one row that they are together."""
    X, y, theta0, start, horizon = data(0, (0,))
    shares, targets = np.array(shares), np.array(targets)
    length = np.linalg.norm(shares)
    deletions = []
    for rows, values in (
        (shares[:, None] * X[0], targets),
        (length * X[:1], [shares @ targets / length]),
    ):
        problem = hm.LinearRegression(
            np.vstack([rows, X[1:]]), np.append(values, y[1:]), deleted=range(len(rows))
        )
        deletions.append(hm.Deletion(problem, theta0, start, horizon))
    return deletions


@pytest.mark.parametrize(
    ("shares", "targets"),
    [
        ((1.0, 1.0, 1.0), (0.7, 0.7, 0.7)),
        ((1.0, 1.0, 1.0), (0.3, 1.0, -2.0)),
        ((1.0, -0.5, 1.0 / 3.0), (0.3, 1.0, -2.0)),
        ((1.0,) * 5, (5.0, 1.0, 0.0, 0.0, 2.0)),  # more rows than parameters
    ],
)
def test_copies_of_a_point_under_one_schedule_are_one_point(shares, targets):
    # Σ(c_i x·θ − y_i)² = c²(x·θ − Σc_i y_i/c²)² + a constant, c² = Σc_i².
    several, one = (hm.optimise(each, over=hm.Everything()) for each in copies(shares, targets))
    assert several.status is Status.certified is one.status
    assert abs(several.cost - one.cost) <= several.cost_error + one.cost_error
    assert several.lower_bound <= at_most(one) and one.lower_bound <= at_most(several)
    assert several.cost_error <= 1e-11 * several.cost
    # The theorem of a single point is theirs: the flow knows but one row, of √Σc² times its length.
    assert several.controllability.applies and one.controllability.applies
    for name in ("margin", "residual"):
        own, expected = (getattr(each.controllability, name) for each in (several, one))
        assert own == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(
        np.asarray(several.schedule.breakpoints), np.asarray(one.schedule.breakpoints), rtol=1e-6
    )


def test_rows_that_depend_on_each_other_are_as_many_as_their_rank():
    X, y, theta0, start, horizon = data(0)
    X = np.vstack([X[:2], X[0] - 2.0 * X[1], X[2:]])
    problem = hm.LinearRegression(X, np.append(y[0], y), deleted=[0, 1, 2])
    given = hm.Deletion(problem, theta0, start, horizon)
    system, plain = common_schedule(given), problem.modal
    assert system.rows.shape == (2, 3)
    rows, residual = np.asarray(plain.rows), np.asarray(plain.residual)
    error = 2 * np.abs(system.rows.T) @ system.errors.rows
    assert np.all(np.abs(system.rows.T @ system.rows - rows.T @ rows) <= error + 1e-15)
    force = system.errors.force + np.abs(system.rows.T) @ system.errors.residual
    force += system.errors.rows.T @ np.abs(system.residual)
    assert np.all(np.abs(system.rows.T @ system.residual - rows.T @ residual) <= force)
