"""The certified optimum of one deleted point: against schedules by the thousand, and by hand."""

import dataclasses
import itertools
import warnings
from functools import cache

import numpy as np
import pytest
import switched_flows
from matplotlib import pyplot
from oracles import control as oracle
from scipy.linalg import expm

import homotopy as hm
from homotopy.deletion.optimum import OptimumStatus as Status

WEIGHTS = (0.0, 1.0, 0.35)
DIMENSIONS = (2, 3, 5, 8)


@dataclasses.dataclass
class Instance:
    """A deletion problem and what simulates it from its data."""

    X: np.ndarray
    y: np.ndarray
    theta0: np.ndarray
    start: float
    horizon: float
    target: np.ndarray | None = None
    ridge: float = 0.0

    @property
    def deletion(self):
        problem = regression(self.X.tobytes(), self.y.tobytes(), self.X.shape, self.ridge)
        return hm.Deletion(problem, self.theta0, self.start, self.horizon, self.target)

    @property
    def goal(self):
        if self.target is not None:
            return self.target
        return np.asarray(self.deletion.target)

    def flow(self, weights=WEIGHTS):
        return switched_flows.of_data(self.X, self.y, 0, weights, self.ridge)

    def at_request(self, flow):
        """θ(s): the point counts until then; θ₀ where s = 0."""
        step = flow.propagators(self.start)[1]
        return step[:-1, :-1] @ self.theta0 + step[:-1, -1]

    def costs(self, choices, times=None):
        flow = self.flow()
        cells = choices.shape[1]
        times = np.linspace(self.start, self.horizon, cells + 1) if times is None else times
        ends = flow.ends(self.at_request(flow), times, choices)
        return 0.5 * np.sum((ends - self.goal) ** 2, axis=1)


@cache
def regression(X, y, shape, ridge):
    X = np.frombuffer(X).reshape(shape)
    return hm.LinearRegression(X, np.frombuffer(y), deleted=0, ridge=ridge)


@cache
def drawn(seed, d, factor, share) -> Instance:
    """The random instances that the certificate has to solve."""
    generator = np.random.default_rng([seed, d])
    X = generator.normal(size=(20, d))
    y = X @ generator.normal(size=d) + 0.5 * generator.normal(size=20)
    theta0 = 3.0 * generator.normal(size=d)
    horizon = factor / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
    return Instance(X, y, theta0, share * horizon, horizon)


@cache
def solved(*key):
    return hm.optimise(drawn(*key).deletion, over=hm.Everything())


KEYS = [
    (seed, d, factor, share)
    for seed in (5, 10)
    for d in DIMENSIONS
    for factor in (2.0, 0.5)
    for share in (0.2, 0.0)
]


def pieces_of(instance, optimum):
    """(duration, ε) of a bang-bang schedule between s and T."""
    schedule = optimum.schedule
    edges = np.concatenate([[0.0], np.asarray(schedule.breakpoints), [np.inf]])
    edges = np.clip(edges, instance.start, instance.horizon)
    values = np.asarray(schedule.piece_values)
    kept = [
        (right - left, float(value))
        for left, right, value in zip(edges, edges[1:], values, strict=False)
        if right > left
    ]
    assert {value for _, value in kept} <= {0.0, 1.0}
    return kept


def simulated_end(instance, optimum):
    flow = instance.flow((0.0, 1.0))
    state = instance.at_request(flow)
    for duration, value in pieces_of(instance, optimum):
        step = flow.propagators(duration)[int(value)]
        state = step[:-1, :-1] @ state + step[:-1, -1]
    return state


def assert_sound(instance, optimum):
    """What must hold of every result, certified or not."""
    assert instance.deletion.membership(optimum.schedule)
    assert np.isfinite(optimum.cost) and np.isfinite(optimum.lower_bound)
    assert 0.0 <= optimum.lower_bound <= optimum.cost
    assert 0.0 <= optimum.gap <= 1.0
    miss = simulated_end(instance, optimum) - instance.goal
    size = np.abs(instance.goal).max() + np.abs(instance.theta0).max()
    error = 1e-12 * size
    assert abs(np.sqrt(2 * optimum.cost) - np.linalg.norm(miss)) <= error
    if optimum.status is Status.certified:
        assert optimum.gap <= 1e-6
    if optimum.status is Status.reached:
        assert np.linalg.norm(miss) <= error
        assert optimum.gap == 0.0


def simulated(cost, start, goal):
    """A cost by exponentials of matrices, at most: ends are off by 1e-13 of their size."""
    return cost * (1 + 1e-12) + 1e-13 * np.sum(goal**2 + start**2) * np.sqrt(cost)


def at_most(optimum):
    """What its schedule may cost: no proved bound of any schedule's cost is above."""
    return optimum.cost + optimum.cost_error


def assert_not_beaten(instance, optimum, count=1500, rounds=5):
    """No schedule, drawn at random or improved from there, costs less than the bound."""
    generator = np.random.default_rng(0)
    choices = switched_flows.random_choices(generator, count, 48, len(WEIGHTS))
    flow = instance.flow()
    times = np.linspace(instance.start, instance.horizon, 49)
    start, goal = instance.at_request(flow), instance.goal

    def costs(ends):
        return 0.5 * np.sum((ends - goal) ** 2, axis=1)

    first = costs(flow.ends(start, times, choices))
    better = switched_flows.improved(
        generator, flow, start, times, costs, choices[np.argsort(first)[:200]], rounds, 20
    )
    least = min(first.min(), costs(flow.ends(start, times, better)).min())
    assert optimum.lower_bound <= simulated(least, start, goal)
    return least


# ------------------------------------------------------------------ random instances
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_random_instances_are_certified_and_never_beaten(key):
    instance, optimum = drawn(*key), solved(*key)
    assert_sound(instance, optimum)
    assert optimum.status is Status.certified
    least = assert_not_beaten(instance, optimum)
    assert optimum.cost <= least * (1 + 1e-6)
    assert optimum.root_bound <= optimum.lower_bound + optimum.cost_error
    assert optimum.history[-1][1:] == (optimum.cost, optimum.lower_bound)


@pytest.mark.parametrize("d", [3, 8])
def test_local_optima_of_other_searches_do_not_beat_the_bound(d):
    keys = [key for key in KEYS if key[1] == d]
    others = hm.optimise([drawn(*key).deletion for key in keys], over=hm.BangBangs(3))
    for key, other in zip(keys, others, strict=True):
        optimum = solved(*key)
        assert optimum.lower_bound <= other.cost * (1 + 1e-12)
        assert optimum.cost <= other.cost * (1 + 1e-6)


HARD = (32, 5, 2.0, 0.0)  # needs branching


def test_several_structures_are_among_them():
    structures = {solved(*key).structure.split(" ")[0] for key in KEYS}
    assert {"1", "1→0", "0→1→0"} <= structures
    assert any(solved(*key).nodes > 1 for key in KEYS)
    assert any(solved(*key).nodes == 1 for key in KEYS)


@pytest.mark.parametrize("d", [1, 2])
def test_the_best_of_all_switch_grids_is_no_better(d):
    # Every schedule of up to three switches on a grid of 25 cells, both ways round.
    generator = np.random.default_rng(5)
    X, y = generator.normal(size=(20, d)), generator.normal(size=20)
    instance = Instance(X, y, 3.0 * generator.normal(size=d), 0.01, 0.1)
    optimum = hm.optimise(instance.deletion, over=hm.Everything())
    assert_sound(instance, optimum)
    cells = np.arange(25)
    rows = []
    for count in range(4):
        for switches in itertools.combinations(range(1, 25), count):
            values = np.searchsorted(switches, cells, side="right") % 2
            rows += [values, 1 - values]
    least = instance.costs(np.array(rows)).min()
    assert optimum.lower_bound <= simulated(least, instance.theta0, instance.goal)
    assert optimum.cost <= least * (1 + 1e-12)
    if least > 1e-3:  # else the target is near, and a grid does not hit it
        assert least <= 1.01 * optimum.cost


# ------------------------------------------------------------------------ closed forms
def test_the_best_switch_of_the_isotropic_problem():
    # H ≈ H₋ = Id: τ* = log(⟨θ* − θ₀, Δ⟩/‖Δ‖²), up to ‖x‖² (theory §4). M and x are not a
    # controllable pair, and other schedules do as well.
    small = 1e-5
    direction = np.array([0.6, 0.8, 0.0])
    X = np.vstack([small * direction, np.eye(3), np.zeros((4, 3))])
    y = np.array([0.7 / small, 1.0, -0.5, 0.2, 0.0, 0.0, 0.0, 0.0])
    theta0 = np.array([-1.5, -2.0, 0.2])
    instance = Instance(X, y, theta0, 0.1, 3.0)
    problem = instance.deletion.problem
    change = np.asarray(problem.full_fit() - problem.deleted_fit())
    best = np.log((np.asarray(problem.full_fit()) - theta0) @ change / (change @ change))
    assert 0.1 < best < 3.0
    optimum = hm.optimise(instance.deletion, over=hm.Everything())
    expected = float(instance.deletion.cost(hm.Step(best)))
    assert_sound(instance, optimum)
    assert optimum.status is Status.certified
    assert optimum.cost == pytest.approx(expected, rel=1e-7)
    assert not optimum.controllability.applies
    assert optimum.controllability.margin == 0.0


def scalar(theta0, y, start=0.0, horizon=1.0, x=1.5):
    """M = 1, θ*₋ = 0, r = y: u̇ = −u − ε x(xu − r)."""
    return Instance(np.array([[x], [1.0]]), np.array([y, 0.0]), np.array([theta0]), start, horizon)


def test_one_dimension_switches_where_the_point_is_fitted():
    # From above both fits: the point hastens the descent until v = 0, then hinders it.
    instance = scalar(4.0, 2.0)
    rate, rest = 1.0 + 1.5**2, 1.5 * 2.0 / (1.0 + 1.5**2)
    switch = np.log((4.0 - rest) / (2.0 / 1.5 - rest)) / rate
    cost = 0.5 * (2.0 / 1.5 * np.exp(switch - 1.0)) ** 2
    optimum = hm.optimise(instance.deletion, over=hm.Everything())
    assert_sound(instance, optimum)
    assert optimum.status is Status.certified
    assert optimum.cost == pytest.approx(cost, rel=1e-12)
    assert optimum.structure.startswith("1→0 with switch at")
    assert float(optimum.schedule.breakpoints[0]) == pytest.approx(switch, abs=1e-8)


def test_one_dimension_reaches_a_target_that_can_be_crossed():
    # The equilibrium with the point lies beyond θ*₋ = 0: some schedule ends there exactly.
    instance = scalar(4.0, -2.0)
    optimum = hm.optimise(instance.deletion, over=hm.Everything())
    assert_sound(instance, optimum)
    assert optimum.status is Status.reached
    assert optimum.gap == 0.0
    assert optimum.cost <= 1e-24 * 8.0
    assert optimum.lower_bound == 0.0 or optimum.lower_bound <= optimum.cost
    assert not optimum.controllability.applies
    # and one that cannot be reached in time is certified, at "1 throughout"
    late = hm.optimise(scalar(4.0, -2.0, horizon=0.2).deletion, over=hm.Everything())
    assert late.structure == "1 throughout"
    rest = -1.5 * 2.0 / 3.25
    assert late.cost == pytest.approx(
        0.5 * (rest + (4.0 - rest) * np.exp(-3.25 * 0.2)) ** 2, rel=1e-12
    )
    assert late.status is Status.certified


# ------------------------------------------------------------------------- optimality
@pytest.mark.parametrize(
    "key", [(5, 2, 2.0, 0.0), HARD, (10, 3, 2.0, 0.0), (10, 8, 2.0, 0.2)], ids=str
)
def test_optima_satisfy_pontryagins_condition(key):
    instance, optimum = drawn(*key), solved(*key)
    flow = instance.flow((0.0, 1.0))
    x, y = instance.X[0], instance.y[0]
    # Forwards and backwards over fine parts of every piece, from the data alone.
    states, values, times = [instance.at_request(flow)], [], [instance.start]
    for duration, value in pieces_of(instance, optimum):
        step = flow.propagators(duration / 200)[int(value)]
        for _ in range(200):
            states.append(step[:-1, :-1] @ states[-1] + step[:-1, -1])
            values.append(value)
            times.append(times[-1] + duration / 200)
    costates = [states[-1] - instance.goal]
    durations = np.diff(times)
    for duration, value in pieces_of(instance, optimum)[::-1]:
        step = expm(-flow.matrices[int(value)] * duration / 200)
        for _ in range(200):
            costates.append(step @ costates[-1])
    phi = (np.array(costates[::-1]) @ x) * (np.array(states) @ x - y)
    middle = 0.5 * (phi[1:] + phi[:-1])
    wrong = np.abs(np.array(values) - (middle > 0))
    # Parts beside a switch count by their ends: |φ| there is a rounding.
    misfit = np.sum(wrong * np.abs(middle) * durations) / np.sum(np.abs(middle) * durations)
    assert misfit <= 1e-9
    # φ = 0 at switches: to 1e-8 of the interval in time.
    for place in np.flatnonzero(np.diff(values)) + 1:
        slope = (phi[place + 1] - phi[place - 1]) / (times[place + 1] - times[place - 1])
        assert abs(phi[place] / slope) <= 1e-8 * (instance.horizon - instance.start)
    # The package's own account of it agrees.
    ours = np.asarray(optimum.switching_function(np.clip(times, 0.0, instance.horizon)))
    np.testing.assert_allclose(ours, phi, rtol=0, atol=1e-10 * np.abs(phi).max())
    assert optimum.pmp_residual <= 1e-9
    # Theorem: no singular arcs, finitely many switches.
    assert optimum.controllability.applies
    assert len(values) // 200 <= 8


def test_the_cost_is_that_of_fifty_digits():
    key = (5, 3, 2.0, 0.0)
    instance, optimum = drawn(*key), solved(*key)
    schedule = optimum.schedule
    exact = oracle.cost(
        instance.X,
        instance.y,
        [0],
        0.0,
        instance.theta0,
        np.asarray(schedule.breakpoints),
        np.asarray(schedule.piece_values),
        instance.horizon,
    )
    assert optimum.cost == pytest.approx(exact, rel=1e-12)


def test_a_certified_optimum_draws_itself_in_one_axes():
    _, ax = pyplot.subplots()
    optimum = solved(*HARD)
    assert optimum.plot(ax) is ax
    times, weights = ax.lines[0].get_data()
    middle = 0.5 * (times[1:] + times[:-1])
    lasting = times[1:] > times[:-1]
    drawn_weights, own = weights[1:][lasting], np.asarray(optimum.schedule(middle))[lasting]
    np.testing.assert_array_equal(drawn_weights, own)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time t", "weight ε(t)")
    with pytest.raises(ValueError, match="ax: expected 4 Axes, or one"):
        optimum.plot([ax, ax])
    pyplot.close("all")


# -------------------------------------------------------------------------- odd cases
def plain(d=3, n=8):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, d))
    return X, generator.normal(size=n), 3.0 * generator.normal(size=d)


def diagonal(eigenvalues, row):
    """M diagonal, with a deleted row and targets."""
    X = np.vstack([row, np.diag(np.sqrt(eigenvalues)), np.zeros((4, 3))])
    y = np.array([2.0, 0.3, -0.2, 0.4, 0.0, 0.0, 0.0, 0.0])
    return Instance(X, y, np.array([3.0, -2.0, 1.0]), 0.1, 1.5)


def fitted_through():
    X, y, theta0 = plain()
    y = X @ np.array([0.5, -0.25, 1.0])
    y[1:] += 0.3 * (np.eye(7) - X[1:] @ np.linalg.pinv(X[1:]))[0]  # residuals that M ignores
    return Instance(X, y, theta0, 0.05, 1.0)


def starts_at_the_deleted_fit():
    X, y, _ = plain()
    theta0 = np.linalg.lstsq(X[1:], y[1:], rcond=None)[0]
    return Instance(X, y, theta0, 0.0, 1.0)


def leaves_the_deleted_fit():
    return dataclasses.replace(starts_at_the_deleted_fit(), start=0.1)


def no_time_left():
    X, y, theta0 = plain()
    return Instance(X, y, theta0, 1.0 - 1e-9, 1.0)


def repeated_eigenvalues():
    return diagonal([1.0, 1.0, 4.0], [0.7, -0.4, 0.5])


def unseen_mode():
    return diagonal([1.0, 2.25, 4.0], [0.7, 0.0, 0.5])


def kernel_unseen():
    X, y, theta0 = plain()
    X[:, 2] = 0.0
    return Instance(X, y, theta0, 0.1, 1.0)


def kernel_seen():
    X, y, theta0 = plain()
    X[1:, 2] = 0.0
    return Instance(X, y, theta0, 0.1, 1.0)


def more_parameters_than_points():
    X, y, theta0 = plain(5, 4)
    return Instance(X, y, theta0, 0.1, 1.0)


def with_ridge():
    X, y, theta0 = plain()
    X[2:] = 0.0
    return Instance(X, y, theta0, 0.1, 1.0, ridge=0.3)


def other_target():
    X, y, theta0 = plain()
    return Instance(X, y, theta0, 0.1, 1.0, target=np.array([1.0, -2.0, 0.5]))


def badly_conditioned():
    X, y, theta0 = plain()
    X = X * np.array([1.0, 1e-2, 1e-4])
    return Instance(X, y, theta0, 0.1, 3.0)


def point_of_zeros():
    X, y, theta0 = plain()
    X[0] = 0.0
    return Instance(X, y, theta0, 0.1, 1.0)


ODD = [
    fitted_through,
    starts_at_the_deleted_fit,
    leaves_the_deleted_fit,
    no_time_left,
    repeated_eigenvalues,
    unseen_mode,
    kernel_unseen,
    kernel_seen,
    more_parameters_than_points,
    with_ridge,
    other_target,
    badly_conditioned,
    point_of_zeros,
]


@cache
def odd_optimum(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return hm.optimise(case().deletion, over=hm.Everything(max_nodes=300))


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.__name__)
def test_odd_problems_have_a_right_answer_and_a_clear_status(case):
    instance, optimum = case(), odd_optimum(case)
    assert_sound(instance, optimum)
    least = assert_not_beaten(instance, optimum, count=600, rounds=3)
    slack = 1e-26 * np.sum(instance.goal**2 + instance.theta0**2)
    assert optimum.cost <= least * (1 + 1e-6) + slack
    assert optimum.status in (Status.certified, Status.reached)
    assert isinstance(optimum.structure, str) and repr(optimum)


def test_odd_problems_say_whether_the_theorem_applies():
    reasons = {case.__name__: odd_optimum(case).controllability for case in ODD}
    for name in ("repeated_eigenvalues", "unseen_mode", "kernel_unseen", "point_of_zeros"):
        assert not reasons[name] and "modes" in reasons[name].reason
        assert reasons[name].margin <= 1e-12
    assert not reasons["fitted_through"] and "r = 0" in reasons["fitted_through"].reason
    assert not reasons["starts_at_the_deleted_fit"]
    assert not reasons["with_ridge"]  # which repeats itself where nothing else is seen
    for name in ("no_time_left", "other_target", "badly_conditioned"):
        assert reasons[name] and reasons[name].margin > 0


def test_from_the_deleted_fit_the_target_is_kept():
    optimum = odd_optimum(starts_at_the_deleted_fit)
    assert optimum.status is Status.reached
    assert optimum.gap == 0.0


# ------------------------------------------------------------------ limits and starts
def test_when_time_runs_out_the_gap_is_honest():
    optimum = hm.optimise(drawn(*HARD).deletion, over=hm.Everything(gap=1e-12, time_limit=1e-9))
    assert_sound(drawn(*HARD), optimum)
    assert optimum.status is Status.bounded
    assert optimum.gap > 1e-12
    assert optimum.lower_bound <= at_most(solved(*HARD))
    limited = hm.optimise(drawn(*HARD).deletion, over=hm.Everything(max_nodes=1))
    assert limited.status is Status.bounded
    assert limited.nodes == 1
    assert limited.lower_bound <= solved(*HARD).lower_bound + solved(*HARD).cost_error
    assert limited.lower_bound > 0.9 * limited.cost


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_interruption_loses_nothing_that_was_found(after):
    calls = itertools.count(1)

    def interrupt(progress):
        if next(calls) == after:
            raise KeyboardInterrupt

    optimum = hm.optimise(drawn(*HARD).deletion, over=hm.Everything(gap=1e-12), progress=interrupt)
    assert optimum.status in (Status.interrupted, Status.certified, Status.bounded)
    assert_sound(drawn(*HARD), optimum)
    assert optimum.lower_bound <= at_most(solved(*HARD))
    if after == 1:
        assert optimum.status is Status.interrupted


def test_interrupted_in_the_middle_of_a_branch(monkeypatch):
    from homotopy.control.certificate import search as branch_and_bound

    genuine, calls = branch_and_bound.maximise, itertools.count(1)

    for stop in (1, 4, 7, 11):
        calls = itertools.count(1)

        def interrupted(*args, calls=calls, stop=stop, **kwargs):
            if next(calls) == stop:
                raise KeyboardInterrupt
            return genuine(*args, **kwargs)

        monkeypatch.setattr(branch_and_bound, "maximise", interrupted)
        optimum = hm.optimise(drawn(*HARD).deletion, over=hm.Everything(gap=1e-12))
        assert_sound(drawn(*HARD), optimum)
        assert optimum.status is Status.interrupted
        assert optimum.lower_bound <= at_most(solved(*HARD))
        # Either is right to 1e-14 of the distance, were they one schedule.
        once = float(drawn(*HARD).deletion.cost(hm.Constant(1.0), outside="allow"))
        assert optimum.cost <= once * (1 + 4e-14)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"gap": 0.0}, "gap"),
        ({"gap": 1.0}, "gap"),
        ({"gap": float("nan")}, "gap"),
        ({"time_limit": 0.0}, "time_limit"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"max_nodes": 0}, "max_nodes"),
        ({"max_nodes": 2.5}, "max_nodes"),
    ],
)
@pytest.mark.parametrize("search", [hm.Everything, hm.Separately])
@pytest.mark.usefixtures("without_shape_checks")
def test_limits_that_make_no_sense_are_refused_by_name(search, arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        search(**arguments)


def test_a_warm_start_is_used():
    # With the optimum to begin with no better one is needed: even one node keeps its cost.
    best = solved(*HARD)
    cold = hm.optimise(drawn(*HARD).deletion, over=hm.Everything(time_limit=1e-9))
    for warm in (best, best.schedule):
        again = hm.optimise(
            drawn(*HARD).deletion, over=hm.Everything(time_limit=1e-9), warm_start=warm
        )
        assert again.cost == pytest.approx(best.cost, rel=1e-12)
        assert again.cost <= cold.cost * (1 + 1e-12)
    ramp = hm.optimise(
        drawn(*HARD).deletion, over=hm.Everything(), warm_start=hm.Ramp(0.0, drawn(*HARD).horizon)
    )
    assert ramp.cost == pytest.approx(best.cost, rel=1e-6)


# ------------------------------------------------------------------ influential points
def influential(scale, start):
    """Row 123 of the standardised diabetes data with its features scaled, T = 1/λ_min."""
    data, _ = hm.datasets.standardise(hm.datasets.diabetes())
    X, y = np.array(data.X), np.array(data.y)
    order = np.append(123, np.delete(np.arange(len(y)), 123))
    X, y = X[order], y[order]
    X[0] *= scale
    horizon = 1.0 / np.linalg.eigvalsh(X[1:].T @ X[1:])[0]
    return Instance(X, y, np.full(10, start), 0.0, horizon)


@pytest.mark.parametrize(("scale", "start"), [(3.0, 0.0), (10.0, 0.0), (10.0, 0.5)])
def test_influential_points_are_certified_at_the_root(scale, start):
    instance = influential(scale, start)
    optimum = hm.optimise(instance.deletion, over=hm.Everything())
    assert_sound(instance, optimum)
    assert optimum.status is Status.certified and optimum.nodes == 1
    assert_not_beaten(instance, optimum, count=400, rounds=2)


def test_the_reachable_residuals_of_a_point_contain_every_schedule_and_say_its_sign():
    instance = influential(10.0, 0.5)
    tube = hm.reachable(instance.deletion)
    for schedule in (hm.Constant(1.0), hm.Step(0.0), hm.Step(0.3 * instance.horizon)):
        v = tube.residual(schedule)
        slack = 1e-12 * np.abs(v).max()
        assert np.all(v >= tube.lower - slack) and np.all(v <= tube.upper + slack)
        known = tube.signs != 0
        assert np.all(tube.signs[known] * v[:-1][known] >= -slack)
    # The corollary of the theorem: the sign is kept by all schedules if it is under ε ≡ 1.
    kept = np.ptp(np.sign(tube.residual(hm.Constant(1.0)))) == 0
    assert tube.keeps_sign == kept
    group = hm.LinearRegression(instance.X, instance.y, deleted=[0, 1])
    pair = hm.Deletion(group, instance.theta0, 0.0, instance.horizon)
    with pytest.raises(ValueError, match=r"^deletion: expected one deleted row, .* rank 2"):
        hm.reachable(pair)
