"""The least time of a deletion against closed forms and brute force over switch times."""

import itertools
import math
import re
from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import fsolve

import homotopy as hm
from homotopy.deletion._optimise import optimise
from homotopy.deletion.minimum_time import LeastTimeStatus, least_time


def diagonal(rates, row, response, theta0, start=0.0, target=None):
    """M = diag(rates) and θ*₋ = 0, so that u = θ and r = y."""
    rates = np.asarray(rates, float)
    # Points at 0 change nothing; with them all problems of one dimension have the same shapes.
    X, y = np.zeros((8, rates.size)), np.zeros(8)
    X[: rates.size], X[7], y[7] = np.diag(np.sqrt(rates)), row, response
    problem = hm.LinearRegression(X, y, deleted=7)
    return hm.Deletion(problem, theta0, start, start + 1.0, target)


def one_dimension(theta0, start=0.0, target=None):
    """u̇ = −u − ε(u − 1): towards 0 without the point, towards ½ with it."""
    return diagonal([1.0], [1.0], 1.0, [theta0], start, target)


def assert_proved(result, expected, width=1e-6):
    """The bracket holds the truth, is as narrow as promised, and its schedule does it."""
    assert result.lower <= expected * (1 + 1e-12)
    assert expected <= result.time * (1 + 1e-12)
    assert result.status == LeastTimeStatus.certified
    assert 0.0 <= result.time - result.lower <= width * (result.time - result.start) * (1 + 1e-9)
    deletion = result.optimum.deletion
    assert float(deletion.horizon) == result.time
    assert result.schedule.membership(deletion.start, deletion.horizon)
    allowed = result.cost * (1 + 1e-12)
    if result.cost == 0.0:  # to rounding
        apart = deletion.centred_start - deletion.centred_goal
        allowed = 1e-20 * float(apart @ apart)
    assert float(deletion.cost(result.schedule)) <= allowed


# --- one dimension, by hand


@pytest.mark.parametrize("distance", [0.3, 0.01])
def test_from_below_train_with_the_point(distance):
    # u = ½ − 3/2 e^{−2t} = −ρ, before it would be at 0.
    result = least_time(one_dimension(-1.0), 0.5 * distance**2)
    assert_proved(result, 0.5 * math.log(1.5 / (0.5 + distance)))
    assert result.baseline_time == pytest.approx(math.log(1 / distance), rel=1e-12)
    assert result.saving == pytest.approx(1 - result.time / result.baseline_time)


def test_between_the_fits_delete_at_once():
    result = least_time(one_dimension(0.5), 0.005)
    assert_proved(result, math.log(5.0))
    assert result.baseline_time == pytest.approx(result.time, rel=1e-12)
    assert result.saving == pytest.approx(0.0, abs=1e-12)


def test_from_above_train_down_to_the_point_and_delete_then():
    # ½ + 3/2 e^{−2t} = 1 at ½ log 3, where v changes sign; e^{−t} from there.
    result = least_time(one_dimension(2.0), 0.005, width=1e-8)
    assert_proved(result, 0.5 * math.log(3.0) + math.log(10.0), width=1e-8)
    assert result.baseline_time == pytest.approx(math.log(20.0), rel=1e-12)


def test_the_request_comes_first():
    # Until s = 0.1 all is fixed: u(s) = ½ − 3/2 e^{−0.2}; the same path as without it.
    result = least_time(one_dimension(-1.0, start=0.1), 0.5 * 0.3**2)
    assert_proved(result, 0.5 * math.log(1.5 / 0.8))
    assert result.start == pytest.approx(0.1)


def test_nothing_to_do():
    result = least_time(one_dimension(0.1), 0.01)
    assert result.status == LeastTimeStatus.at_start
    assert result.time == result.lower == result.baseline_time == 0.0
    assert result.optimum is None and result.width == 0.0


# --- the target itself


def test_the_target_is_met_in_finite_time():
    result = least_time(one_dimension(-1.0), 0.0)
    assert_proved(result, 0.5 * math.log(3.0))
    assert result.baseline_time is None and result.saving is None


def test_the_target_is_met_in_two_dimensions():
    # A start from which ε = 1 for 0.5, 0 for 0.2 and 1 for 0.3 leads to the target, by following
    # the flow backwards: it can be met by the time 1.
    deletion = diagonal([1.0, 2.0], [1.0, 1.0], 1.0, [0.0, 0.0])
    state = np.zeros(2)
    for weight, duration in ((1, 0.3), (0, 0.2), (1, 0.5)):
        state = (_flow(deletion, weight, -duration) @ np.append(state, 1.0))[:2]
    deletion = diagonal([1.0, 2.0], [1.0, 1.0], 1.0, state)
    result = least_time(deletion, 0.0)

    # The soonest with one switch, 0→1, which two unknowns determine; and no other is sooner.
    def final(times):
        switch, end = times
        opened = _flow(deletion, 0, switch) @ np.append(state, 1.0)
        return (_flow(deletion, 1, end - switch) @ opened)[:2]

    (switch, end), _, found, _ = fsolve(final, [0.1, 0.9], xtol=1e-14, full_output=True)
    assert found == 1 and 0.0 < switch < end < 1.0
    assert_proved(result, end)
    assert float(result.schedule(0.5 * switch)) == 0.0 and float(result.schedule(0.5)) == 1.0


def test_a_mode_that_no_weight_moves_only_decays():
    # x sees the first coordinate only; the second is e^{−t}, whatever ε does.
    deletion = diagonal([1.0, 1.5], [1.0, 0.0], 1.0, [-1.0, 1.0])
    result = least_time(deletion, 0.0)
    assert result.status == LeastTimeStatus.approached
    assert result.time == math.inf and result.schedule is None
    # By then ℰ is e^{−3t}/2 at best.
    assert 0.9 * math.log(1e8) / 1.5 < result.lower < 1.1 * math.log(1e8) / 1.5
    assert result.optimum.lower_bound > 0.0


# --- M = Id: across x nothing but decay, along x one dimension


@pytest.mark.parametrize("distance", [0.5, 0.05])
def test_identity(distance):
    # Along x/‖x‖, with ‖x‖ = 2 and r = 1: u̇ = −u − 2ε(2u − 1), from −1, at rest in 2/5.
    along = np.array([0.6, 0.8])
    across = np.array([-0.8, 0.6])
    deletion = diagonal([1.0, 1.0], 2.0 * along, 1.0, -along + 1.5 * across)

    def best(time):
        near = max(-1.4 * math.exp(-5 * time) + 0.4, 0.0)
        near = near if near > 0 else 0.0
        return math.hypot(1.5 * math.exp(-time), min(0.4 - 1.4 * math.exp(-5 * time), 0.0))

    low, high = 0.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if best(middle) > distance else (low, middle)
    result = least_time(deletion, 0.5 * distance**2)
    assert_proved(result, high)
    assert result.baseline_time > result.time


# --- brute force over bang-bang schedules


def _flow(deletion, weight, duration):
    """exp of the affine generator: (θ, 1) to (θ, 1)."""
    X, y = np.asarray(deletion.problem.X), np.asarray(deletion.problem.y)
    weights = np.ones(len(X))
    weights[np.asarray(deletion.problem.deleted)] = weight
    size = X.shape[1]
    generator = np.zeros((size + 1, size + 1))
    generator[:size, :size] = -(X.T * weights) @ X
    generator[:size, size] = (X.T * weights) @ y
    return expm(generator * duration)


def best_of_grid(deletion, horizon, cells=40):
    """Least ‖u(T)‖ over all schedules with at most three switches at multiples of (T − s)/cells."""
    start, target = float(deletion.start), np.asarray(deletion.target)
    opening = _flow(deletion, 1, start) @ np.append(np.asarray(deletion.theta0), 1.0)
    powers = []
    for weight in (0, 1):
        step = _flow(deletion, weight, (horizon - start) / cells)
        powers.append([np.linalg.matrix_power(step, count) for count in range(cells + 1)])
    best = math.inf
    for first, second in itertools.combinations_with_replacement(range(cells + 1), 2):
        third = np.arange(second, cells + 1)
        for initial in (0, 1):
            state = powers[1 - initial][second - first] @ powers[initial][first] @ opening
            ends = [
                powers[1 - initial][cells - last] @ (powers[initial][last - second] @ state)
                for last in third
            ]
            best = min(best, np.linalg.norm(np.array(ends)[:, :-1] - target, axis=1).min())
    return best


@cache
def random_deletion(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 2))
    y = X @ rng.normal(size=2) + 0.5 * rng.normal(size=8)
    problem = hm.LinearRegression(X, y, deleted=int(rng.integers(8)))
    return hm.Deletion(problem, 3 * rng.normal(size=2), 0.02, 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_brute_force_in_two_dimensions(seed):
    deletion = random_deletion(seed)
    distance = 0.02 * np.linalg.norm(np.asarray(deletion.theta0) - np.asarray(deletion.target))
    result = least_time(deletion, 0.5 * distance**2)
    assert result.status == LeastTimeStatus.certified
    assert result.width <= 1e-6 * (1 + 1e-9)
    assert float(result.optimum.deletion.cost(result.schedule)) <= result.cost * (1 + 1e-12)
    # No schedule of the grid is good enough at `lower`, nor earlier; one is a little later.
    span = result.lower - result.start
    assert best_of_grid(deletion, result.lower) > distance
    assert best_of_grid(deletion, result.start + 0.7 * span, cells=20) > distance
    assert best_of_grid(deletion, result.start + 1.05 * span) < distance
    assert result.lower <= result.baseline_time * (1 + 1e-12)
    assert result.time <= result.baseline_time * (1 + 1e-12)


def test_the_value_falls_with_the_horizon():
    results = [
        least_time(random_deletion(1), 0.5 * distance**2, width=1e-3)
        for distance in (1.0, 0.3, 0.1, 0.03)
    ]
    times = [result.time for result in results]
    assert times == sorted(times) and len(set(times)) == 4
    seen = sorted(itertools.chain(*(result.history for result in results)))
    for (_, earlier, _), (_, _, later) in itertools.pairwise(seen):
        assert later <= earlier * (1 + 1e-12)


# --- other targets


def test_a_target_on_the_response_path():
    # θ(½) = 1/3 is at rest under ε = ½; from 1 the point v = 0 is at once crossed: ε = 0 from
    # there is the faster, u = e^{−t}, until 1/3 + ρ.
    result = least_time(one_dimension(1.0, target=[1.0 / 3.0]), 0.5 * 0.1**2)
    assert_proved(result, -math.log(1.0 / 3.0 + 0.1))


def test_a_target_that_is_passed_and_left_behind():
    # 2 is no fit of any weight; from 3 both pulls lead past it, and V(T) rises again.
    deletion = one_dimension(3.0, target=[2.0])
    result = least_time(deletion, 0.5 * 0.1**2, width=1e-5)
    assert_proved(result, 0.5 * math.log(2.5 / 1.6), width=1e-5)
    assert float(deletion.cost(hm.Constant(1.0), outside="allow")) > result.cost


def test_a_target_that_no_flow_comes_near():
    result = least_time(one_dimension(0.0, target=[2.0]), 0.5)
    assert result.status == LeastTimeStatus.never
    assert result.time == result.lower == math.inf
    assert result.optimum.lower_bound > 0.5  # ½(2 − ½)² at best
    assert result.baseline_time is None


def test_what_only_the_deleted_point_sees_cannot_be_undone():
    # M = diag(1, 0): until s = 0.1 the second coordinate has moved, and ε only moves it on.
    deletion = diagonal([1.0, 0.0], [1.0, 1.0], 5.0, [1.0, 0.0], start=0.1)
    result = least_time(deletion, 1e-6, max_horizon=4.0)
    assert result.status == LeastTimeStatus.out_of_reach
    assert result.lower >= 4.0 and result.time == math.inf
    assert result.optimum.lower_bound > 1e-6
    assert result.baseline_time is None


# --- groups, limits, bad input


def test_a_group():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 2))
    y = X @ rng.normal(size=2) + 0.5 * rng.normal(size=8)
    problem = hm.LinearRegression(X, y, deleted=[1, 4, 6])
    deletion = hm.Deletion(problem, 3 * rng.normal(size=2), 0.02, 1.0)
    cost = 0.01
    result = least_time(deletion, cost, width=1e-2, time_limit=2.0)
    assert result.status in (LeastTimeStatus.certified, LeastTimeStatus.bounded)
    distance = math.sqrt(2 * cost)
    assert best_of_grid(deletion, result.lower, cells=20) > distance
    deletion = eqx.tree_at(lambda d: d.horizon, deletion, jnp.asarray(result.time))
    assert float(deletion.cost(result.schedule)) <= cost * (1 + 1e-12)
    assert result.lower <= result.time <= result.baseline_time * (1 + 1e-12)


def test_an_interruption_loses_nothing(monkeypatch):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return optimise(*arguments, **options)

    whole = least_time(random_deletion(1), 1e-3)
    monkeypatch.setattr("homotopy.deletion.minimum_time.search.optimise", interrupted)
    result = least_time(random_deletion(1), 1e-3)
    assert result.status == LeastTimeStatus.interrupted
    # Times of costs that are right to rounding.
    assert result.start < result.lower <= whole.time * (1 + 1e-12)
    assert whole.lower <= result.time * (1 + 1e-12)
    assert result.time <= result.baseline_time * (1 + 1e-12)
    assert result.history == whole.history[:1]


def test_time_runs_out():
    result = least_time(random_deletion(1), 1e-3, time_limit=1e-9)
    assert result.status == LeastTimeStatus.bounded
    assert result.time == result.baseline_time
    cost = eqx.tree_at(lambda d: d.horizon, random_deletion(1), jnp.asarray(result.time)).cost(
        result.schedule
    )
    assert float(cost) == pytest.approx(1e-3, rel=1e-12)
    assert best_of_grid(random_deletion(1), result.lower, cells=20) > math.sqrt(2e-3)


def test_repr_reads_well():
    text = repr(least_time(one_dimension(0.5), 0.005))
    assert re.search(r"time +1\.60943", text) and "proved" in text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"cost": -1.0}, "cost"),
        ({"cost": math.nan}, "cost"),
        ({"cost": math.inf}, "cost"),
        ({"cost": 1.0, "width": 0.0}, "width"),
        ({"cost": 1.0, "width": 1.0}, "width"),
        ({"cost": 1.0, "max_horizon": 0.0}, "max_horizon"),
        ({"cost": 1.0, "max_horizon": math.inf}, "max_horizon"),
        ({"cost": 1.0, "time_limit": 0.0}, "time_limit"),
    ],
)
def test_bad_input_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        least_time(one_dimension(1.0), **arguments)


def test_only_for_deletions(without_shape_checks):
    with pytest.raises(TypeError, match=r"^deletion: expected a Deletion"):
        least_time(hm.Step(1.0), 1.0)
