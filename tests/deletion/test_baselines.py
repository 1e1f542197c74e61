"""Best step, time to reach a cost, default times and comparisons, against brute force."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from oracles import control, problems
from oracles import flow as flow_oracle
from oracles import response as response_oracle

import homotopy as hm
from homotopy.deletion.comparison import BASELINE, compare, standard_schedules
from homotopy.deletion.default_times import default_horizon, default_start, displacement

START, HORIZON = 0.02, 0.2
SINGULAR = problems.duplicated_columns_leaving_span()  # the deleted row alone sees one direction


def deletion_of(data, start=START, horizon=HORIZON, **options):
    problem = hm.LinearRegression(data.X, data.y, deleted=data.deleted)
    return hm.Deletion(problem, data.theta0, start, horizon, **options)


def oracle_arguments(data):
    return data.X, data.y, data.deleted, 0.0, data.theta0


def one_dimensional(theta0=1.0, start=0.0, horizon=1.0):
    """M = 1, H = 2, θ*₋ = 0, θ* = ½: everything by hand."""
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    return hm.Deletion(problem, [theta0], start, horizon)


# --- the best step


@pytest.mark.parametrize("seed", range(4))
def test_best_step_against_a_fine_search_in_fifty_digits(seed):
    data = problems.well_conditioned(seed=seed)
    deletion = deletion_of(data)
    best = hm.best_step(deletion)
    tau = float(best.schedule.switch)
    assert START <= tau <= HORIZON

    def cost(switch):
        return control.cost(*oracle_arguments(data), [switch], [1.0, 0.0], HORIZON)

    assert float(best.cost) == pytest.approx(cost(tau), rel=1e-9, abs=1e-28)
    searched = min(cost(switch) for switch in np.linspace(START, HORIZON, 31))
    assert float(best.cost) <= searched * (1 + 1e-12)
    if START < tau < HORIZON:
        slope = control.breakpoint_gradient(*oracle_arguments(data), [tau], [1.0, 0.0], HORIZON)
        steepest = control.breakpoint_gradient(
            *oracle_arguments(data), [START], [1.0, 0.0], HORIZON
        )
        assert abs(slope[0]) < 1e-9 * abs(steepest[0])


def test_best_step_finds_the_ends_and_the_inside():
    switches = [
        float(hm.best_step(deletion_of(problems.well_conditioned(seed=seed))).schedule.switch)
        for seed in range(8)
    ]
    inside = [switch for switch in switches if START < switch < HORIZON]
    assert START in switches and inside and len(inside) < 8


def test_best_step_by_hand():
    # From below, training with the larger target leads through θ*₋ = 0 at ½ log 3.
    best = hm.best_step(one_dimensional(theta0=-1.0))
    assert float(best.schedule.switch) == pytest.approx(0.5 * math.log(3.0), rel=1e-13)
    assert float(best.cost) < 1e-30
    # From above, every moment with the point is lost.
    best = hm.best_step(one_dimensional(theta0=1.0))
    assert float(best.schedule.switch) == 0.0
    assert [float(minimum.schedule.switch) for minimum in best.minima] == [0.0]


def test_every_local_minimum_is_listed_best_first():
    # X = Id: no coordinate but the deleted one depends on τ, and it freezes where τ leaves it.
    problem = hm.LinearRegression(np.eye(2), [1.0, 1.0], deleted=0)
    deletion = hm.Deletion(problem, [0.0, 0.0], 0.0, 1.0, target=[0.4, 0.0])
    best = hm.best_step(deletion)
    assert float(best.schedule.switch) == pytest.approx(-math.log(0.6), rel=1e-12)
    # Turned the other way round, the ends are the minima: ℰ falls towards both.
    problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 4.0, 0.0], deleted=[1, 2])
    deletion = hm.Deletion(problem, [-1.0], 0.0, 0.5, target=[1.0])
    best = hm.best_step(deletion)
    assert [each.cost for each in best.minima] == sorted(each.cost for each in best.minima)
    for switch, cost in ((float(each.schedule.switch), each.cost) for each in best.minima):
        near = [
            float(deletion.cost(hm.Step(t), outside="allow"))
            for t in (switch - 1e-4, switch + 1e-4)
            if t >= 0
        ]
        assert cost <= min(near)


def test_a_flat_cost_has_the_start_as_a_minimum():
    # Both rows agree with θ₀ = 1: nothing ever moves, whatever the weight.
    problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 1.0], deleted=1)
    best = hm.best_step(hm.Deletion(problem, [1.0], 0.25, 1.0))
    assert float(best.schedule.switch) == 0.25 and float(best.cost) == 0.0


# --- the time to reach a cost


@pytest.mark.parametrize("cost", [0.3, 1e-2, 1e-8, 1e-20])
def test_time_of_a_plain_decay(cost):
    # ½ e^{−2t} = cost; the last two lie far beyond the horizon
    expected = -0.5 * math.log(2 * cost)
    found = hm.time_to_reach(one_dimensional(), hm.Step(0.0), cost)
    assert found == pytest.approx(expected, rel=1e-13)


def test_a_cost_undercut_at_the_start_is_reached_then():
    assert hm.time_to_reach(one_dimensional(start=0.25), hm.Step(0.25), 1.0) == 0.25


def test_never_and_just_before_never():
    # Under ε = 1 the flow tends to θ* = ½ from above: ½ (½ + ½ e^{−2t})² stays above ⅛.
    deletion, forever = one_dimensional(), hm.Constant(1.0)
    assert hm.time_to_reach(deletion, forever, 0.125 * (1 - 1e-6)) is None
    near = 0.125 * (1 + 1e-6)
    expected = -0.5 * math.log(2 * (math.sqrt(2 * near) - 0.5))
    assert hm.time_to_reach(deletion, forever, near) == pytest.approx(expected, rel=1e-8)
    assert hm.time_to_reach(deletion, hm.BangBang([], initial=1), 0.1) is None


def test_a_passage_on_the_way_to_elsewhere_counts():
    # From −1 to ½ the flow with the point passes θ*₋ = 0: the cost 0.005 at θ = −0.1.
    deletion = one_dimensional(theta0=-1.0, horizon=0.1)
    expected = 0.5 * math.log(1.5 / 0.6)
    found = hm.time_to_reach(deletion, hm.Constant(1.0), 0.005)
    assert found == pytest.approx(expected, rel=1e-12)


def test_breakpoints_beyond_the_horizon_are_obeyed():
    # θ = ½ + ½ e^{−2t} until 3, then θ(3) e^{−(t−3)}.
    at_three = 0.5 + 0.5 * math.exp(-6.0)
    expected = 3.0 + math.log(at_three / math.sqrt(2e-4))
    found = hm.time_to_reach(one_dimensional(), hm.Step(3.0), 1e-4)
    assert found == pytest.approx(expected, rel=1e-12)
    partly = hm.PiecewiseConstant([3.0], [1.0, 0.5])  # towards θ(½) = 1/3, at the rate 3/2
    expected = 3.0 - math.log((0.34 - 1 / 3) / (at_three - 1 / 3)) / 1.5
    found = hm.time_to_reach(one_dimensional(), partly, 0.5 * 0.34**2)
    assert found == pytest.approx(expected, rel=1e-10)
    assert hm.time_to_reach(one_dimensional(), partly, 0.5 * 0.33**2) is None


@pytest.mark.parametrize("schedule", [hm.Step(0.05), hm.Polynomial(START, HORIZON, 2.0)])
@pytest.mark.parametrize("fraction", [0.5, 1e-3, 1e-9])
def test_time_in_several_dimensions_is_the_first(schedule, fraction):
    deletion = deletion_of(problems.well_conditioned(seed=3))
    cost = fraction * float(deletion.cost(hm.Step(START)))
    found = hm.time_to_reach(deletion, schedule, cost)
    times = np.append(np.linspace(START, found * (1 - 1e-9), 400), found)
    path = hm.flow(deletion.problem, schedule, deletion.theta0, times)
    costs = 0.5 * np.sum((np.asarray(path.theta) - np.asarray(deletion.target)) ** 2, axis=1)
    assert costs[-1] == pytest.approx(cost, rel=1e-5)
    assert np.all(costs[:-1] > cost)


def test_what_no_other_point_sees_is_never_forgotten():
    deletion = deletion_of(SINGULAR)
    kernel = np.asarray(deletion.problem.modal.kernel)
    state = np.asarray(deletion.dynamics.states(hm.Step(START), jnp.asarray([START]))[0])[0]
    stuck = (state - np.asarray(deletion.problem.modal.coordinates(deletion.theta0)))[kernel]
    floor = 0.5 * float(np.sum(stuck**2))
    assert kernel.sum() == 1 and floor > 0
    assert hm.time_to_reach(deletion, hm.Step(START), floor * (1 - 1e-6)) is None
    found = hm.time_to_reach(deletion, hm.Step(START), floor * (1 + 1e-6))
    theta = flow_oracle.flow(*oracle_arguments(SINGULAR), [START], [1.0, 0.0], [found])[0]
    cost = 0.5 * np.sum((theta - np.asarray(deletion.target)) ** 2)
    assert cost == pytest.approx(floor * (1 + 1e-6), rel=1e-9)


def test_bad_arguments_are_named():
    deletion = one_dimensional()
    for cost in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="cost: expected a positive number"):
            hm.time_to_reach(deletion, hm.Step(0.0), cost)
    with pytest.raises(ValueError, match="grid: expected an integer >= 8, got 7"):
        hm.time_to_reach(deletion, hm.Step(0.0), 1.0, grid=7)
    with pytest.raises(ValueError, match="grid: expected an integer >= 8, got 7"):
        hm.best_step(deletion, grid=7)


# --- default times


def fits(data):
    arguments = oracle_arguments(data)
    return response_oracle.full_fit(*arguments), response_oracle.deleted_fit(*arguments)


@pytest.mark.parametrize(
    "data",
    [
        problems.well_conditioned(seed=2),
        problems.badly_scaled(condition=1e4),
        problems.duplicated_columns(),
        SINGULAR,
        problems.group(size=3),
    ],
    ids=["well conditioned", "badly scaled", "singular", "leaves the span", "group"],
)
def test_default_times_do_what_they_say(data):
    problem = hm.LinearRegression(data.X, data.y, deleted=data.deleted)
    full, deleted = fits(data)
    moved = np.linalg.norm(full - deleted)
    assert np.linalg.norm(displacement(problem, data.theta0)) == pytest.approx(moved, rel=1e-9)

    start = default_start(problem, data.theta0)
    assert "‖θ(s) − θ*‖ = ‖θ* − θ*₋‖" in start.reason
    # rounded to three digits: the distance is passed between two neighbours
    around = start.value * np.array([0.994, 1.006])
    arrived = flow_oracle.flow(*oracle_arguments(data), [], [1.0], around)
    distances = np.linalg.norm(arrived - full, axis=1)
    assert distances[0] > moved > distances[1]

    horizon = default_horizon(problem, start.value, data.theta0)
    span = (horizon.value - start.value) * np.array([0.994, 1.006])
    arguments = (data.X, data.y, data.deleted, 0.0, full)
    left = flow_oracle.flow(*arguments, [], [0.0], span)
    limit = flow_oracle.flow(*arguments, [], [0.0], [1e9])[0]  # θ*₋ but in the kernel
    way = np.linalg.norm(full - limit)
    if data is SINGULAR:  # the deletion acts in the kernel alone
        assert way < 1e-14 and "slowest mode" in horizon.reason
    else:
        distances = np.linalg.norm(left - limit, axis=1) / way
        assert distances[0] > 0.1 > distances[1] and "9/10 of its way" in horizon.reason


def test_default_start_where_training_starts_close_or_the_deletion_changes_nothing():
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    assert default_start(problem, [0.25]).value == 0.0
    assert default_start(problem, [0.5]).value == 0.0  # θ₀ = θ*
    idle = hm.LinearRegression([[1.0], [1.0]], [1.0, 1.0], deleted=1)  # θ* = θ*₋ = 1
    start = default_start(idle)
    assert start.value == pytest.approx(math.log(1e6) / 2, rel=5e-3)
    assert "millionth" in start.reason
    horizon = default_horizon(idle, start.value)
    assert horizon.value - start.value == pytest.approx(math.log(10), rel=5e-3)
    assert "slowest mode" in horizon.reason


def test_default_horizon_needs_something_that_flows():
    problem = hm.LinearRegression([[1.0], [0.0]], [1.0, 1.0], deleted=0)
    with pytest.raises(ValueError, match="horizon: name one"):
        default_horizon(problem)


# --- comparisons


@pytest.fixture(scope="module")
def comparison():
    return compare(deletion_of(problems.well_conditioned(seed=0)))


def test_costs_and_ratios_against_fifty_digits(comparison):
    arguments = oracle_arguments(problems.well_conditioned(seed=0))
    tau = float(comparison["best single step"].schedule.switch)
    expected = {
        "best single step": control.cost(*arguments, [tau], [1.0, 0.0], HORIZON),
        "linear decay": control.ramp_cost(*arguments, START, HORIZON, 1.0, HORIZON),
        "quadratic decay": control.ramp_cost(*arguments, START, HORIZON, 2.0, HORIZON),
        "delete at the horizon": control.cost(*arguments, [], [1.0], HORIZON),
        "never delete": control.cost(*arguments, [], [1.0], HORIZON),
        "never trained on": control.cost(*arguments, [], [0.0], HORIZON),
        BASELINE: control.cost(*arguments, [START], [1.0, 0.0], HORIZON),
    }
    assert {entry.name for entry in comparison.entries} == set(expected)
    full, deleted = fits(problems.well_conditioned(seed=0))
    for name, cost in expected.items():
        entry = comparison[name]
        assert entry.cost == pytest.approx(cost, rel=1e-9)
        assert entry.ratio == pytest.approx(cost / expected[BASELINE], rel=1e-9)
        assert entry.remainder == pytest.approx(
            math.sqrt(2 * cost) / np.linalg.norm(full - deleted), rel=1e-9
        )
        assert entry.cost == pytest.approx(
            float(comparison.deletion.cost(entry.schedule, outside="allow")), rel=1e-9
        )
    assert comparison.baseline_cost == comparison[BASELINE].cost


def test_the_best_is_admissible_and_is_itself_there_by_the_horizon(comparison):
    admissible = [entry for entry in comparison.entries if entry.membership]
    assert {entry.name for entry in comparison.entries} - {entry.name for entry in admissible} == {
        "never delete",
        "never trained on",
    }
    assert comparison.best.cost == min(entry.cost for entry in admissible)
    assert comparison.best.time <= HORIZON
    for entry in comparison.entries:
        if entry.time is not None:
            assert entry.time == pytest.approx(
                min(
                    HORIZON if entry.cost <= comparison.best.cost else math.inf,
                    hm.time_to_reach(comparison.deletion, entry.schedule, comparison.best.cost),
                ),
                rel=1e-9,
            )
    with pytest.raises(KeyError):
        comparison["no such schedule"]


def test_steps_of_the_shortest_request_are_all_admissible():
    schedules = standard_schedules(one_dimensional(start=0.0))
    result = compare(one_dimensional(start=0.0), {"never there": schedules["never trained on"]})
    assert result.best.name == "never there" and result.best.ratio == 1.0


def test_a_target_reached_exactly_and_ratios_to_nothing():
    result = compare(one_dimensional(theta0=0.0), {"at once": hm.Step(0.0), "late": hm.Step(0.5)})
    at_once, late = result.entries
    assert at_once.cost == 0.0 and at_once.ratio == 1.0 and at_once.time == 1.0
    assert late.ratio == math.inf and late.time is None


def test_a_deletion_that_moves_nothing_has_no_remainder():
    problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 1.0], deleted=1)
    result = compare(hm.Deletion(problem, [0.0], 0.0, 1.0), {"at once": hm.Step(0.0)})
    assert math.isnan(result.best.remainder)


def test_a_comparison_needs_a_way_to_delete():
    with pytest.raises(ValueError, match=r"at least one in E_s, got none .*keep: ε must be 0"):
        compare(one_dimensional(), {"keep": hm.Constant(1.0)})
