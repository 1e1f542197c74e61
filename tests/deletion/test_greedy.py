"""The greedy rule against hand computation, sample-and-hold simulation and sliding by `expm`."""

import math
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import brentq

import homotopy as hm
from homotopy.deletion._optimise import optimise
from homotopy.deletion.greedy_feedback import greedy
from homotopy.deletion.searches.everything import Everything


def diagonal(rates, rows, responses, theta0, start=0.0, horizon=1.0, target=None):
    """M = diag(rates) and θ*₋ = 0, so that u = θ and r = y: nothing to work out."""
    rates, rows = np.asarray(rates, float), np.atleast_2d(np.asarray(rows, float))
    # Points at 0 change nothing; with them all problems here have one shape, and compile once.
    X = np.zeros((8, rates.size))
    X[: rates.size], X[8 - len(rows) :] = np.diag(np.sqrt(rates)), rows
    y = np.zeros(8)
    y[8 - len(rows) :] = responses
    deleted = list(range(8 - len(rows), 8))
    problem = hm.LinearRegression(X, y, deleted=deleted)
    return hm.Deletion(problem, theta0, start, horizon, target)


def random_deletion(seed, dimension, group, span, size=8):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(size, dimension))
    y = X @ rng.normal(size=dimension) + 0.5 * rng.normal(size=size)
    deleted = [int(index) for index in rng.choice(size, group, replace=False)]
    problem = hm.LinearRegression(X, y, deleted=deleted)
    horizon = span / float(np.min(problem.modal.eigenvalues))
    return hm.Deletion(problem, 3 * rng.normal(size=dimension), 0.05 * horizon, horizon)


def data_of(deletion):
    X, y = np.asarray(deletion.problem.X), np.asarray(deletion.problem.y)
    deleted = np.asarray(deletion.problem.deleted)
    retained = np.setdiff1d(np.arange(len(X)), deleted)
    return X[retained], y[retained], X[deleted], y[deleted], np.asarray(deletion.target)


def propagator(deletion, weight, duration):
    """exp of the affine generator: (θ, 1) to (θ, 1)."""
    X, y, rows, responses, _ = data_of(deletion)
    size = X.shape[1]
    generator = np.zeros((size + 1, size + 1))
    generator[:size, :size] = -(X.T @ X + weight * rows.T @ rows)
    generator[:size, size] = X.T @ y + weight * rows.T @ responses
    return expm(generator * duration)


def sampled_and_held(deletion, steps):
    """θ(T) when the rule is asked `steps` times between s and T, and the weight is held between."""
    _, _, rows, responses, target = data_of(deletion)
    start, horizon = float(deletion.start), float(deletion.horizon)
    state = propagator(deletion, 1, start) @ np.append(np.asarray(deletion.theta0), 1.0)
    step = [propagator(deletion, weight, (horizon - start) / steps) for weight in (0, 1)]
    for _ in range(steps):
        theta = state[:-1]
        state = step[int((rows @ (theta - target)) @ (rows @ theta - responses) > 0)] @ state
    return state[:-1]


def distance(cost):
    return math.sqrt(2 * cost)


# --- one dimension, by hand: x = 1, M = 1, r = 1, u̇ = −u − ε(u − 1)


@pytest.mark.parametrize(
    ("theta0", "structure", "final"),
    [
        (0.5, "0 throughout", 0.5 * math.exp(-1.0)),
        (1.0, "0 throughout", math.exp(-1.0)),
        # Up to the target with ε = 1, where u = ½ − 3/2 e^{−2t}; there it stays.
        (-1.0, "1→0 with switch at 0.549306", 0.0),
        # Both pulls down to u = 1, where S changes sign: ½ + 3/2 e^{−2t} = 1 at ½ log 3.
        (2.0, "1→0 with switch at 0.549306", math.exp(-(1.0 - 0.5 * math.log(3.0)))),
        (-20.0, "1 throughout", 0.5 - 20.5 * math.exp(-2.0)),
        (0.0, "0 throughout", 0.0),
    ],
)
def test_one_dimension_by_hand(theta0, structure, final):
    result = greedy(diagonal([1.0], [1.0], 1.0, [theta0]))
    assert result.structure == structure
    assert distance(result.cost) == pytest.approx(abs(final), rel=1e-13, abs=1e-14)
    assert result.sliding == ()


def test_in_one_dimension_greedy_is_optimal():
    deletion = diagonal([1.0], [1.0], 1.0, [2.0])
    assert greedy(deletion).cost == pytest.approx(
        optimise(deletion, over=Everything(gap=1e-9)).lower_bound, rel=2e-9
    )


# --- against sample and hold: the error falls with the step


@pytest.mark.parametrize(
    ("seed", "group", "structure"),
    [
        (1, 1, "0"),
        (6, 1, "1→0→1"),
        (9, 1, "1→0"),
        (28, 1, "1→0→1→0"),
        (0, 3, "1→sliding→0"),
        (9, 3, "0→sliding→0"),
        (11, 3, "1→0→sliding"),
        (23, 3, "1→0→sliding→0"),
    ],
)
def test_limit_of_sample_and_hold(seed, group, structure):
    deletion = random_deletion(seed, 3, group, 1.0)
    result = greedy(deletion)
    assert result.structure.split(" ")[0] == structure
    assert result.schedule.membership(deletion.start, deletion.horizon)
    target = np.asarray(deletion.target)
    scale = np.linalg.norm(np.asarray(deletion.theta0) - target)
    errors = [
        abs(np.linalg.norm(sampled_and_held(deletion, steps) - target) - distance(result.cost))
        for steps in (500, 8000)
    ]
    # Of first order in the interval between decisions.
    assert errors[0] < 4e-3 * scale
    assert errors[1] < 4e-3 / 16 * scale


# --- sliding, in closed form


SLIDING_GROUP = 0
RATES, ROW, RESPONSE = np.array([1.0, 2.0, 5.0]), np.array([1.0, 1.0, 1.0]), 1.0
CONTACT = np.array([0.4, -0.7, 0.3])  # on xᵀu = 0, where xᵀMu = 0.5 < ‖x‖²r = 3
BEFORE, SPAN = 0.05, 1.5  # ε = 1 for so long before the contact, then so long until T


def sliding_generator():
    """u̇ = −P M u on the plane xᵀu = 0."""
    across = np.eye(3) - np.outer(ROW, ROW) / (ROW @ ROW)
    return -across @ np.diag(RATES)


def sliding_state(duration):
    return expm(sliding_generator() * duration) @ CONTACT


def equivalent_weight(duration):
    """ε xxᵀ(u − …) balances M u in the direction of x: ε ‖x‖² r = xᵀMu."""
    return float(ROW @ (RATES * sliding_state(duration))) / (ROW @ ROW * RESPONSE)


@cache
def sliding_instance():
    """ε = 1 from θ₀ up to the contact at time `BEFORE`, after s."""
    deletion = diagonal(RATES, ROW, RESPONSE, np.zeros(3), horizon=1.0)
    backwards = propagator(deletion, 1, -BEFORE) @ np.append(CONTACT, 1.0)
    deletion = diagonal(RATES, ROW, RESPONSE, backwards[:-1], start=0.02, horizon=BEFORE + SPAN)
    return deletion, greedy(deletion)


def test_equivalent_control_of_a_sliding_arc():
    result = sliding_instance()[1]
    # It leaves the surface where the equivalent weight falls to 0.
    leaving = brentq(equivalent_weight, 0.0, SPAN, xtol=1e-15)
    ((entered, left),) = result.sliding
    assert entered == pytest.approx(BEFORE, abs=1e-12)
    assert left == pytest.approx(BEFORE + leaving, abs=1e-9)
    assert result.structure == f"1→sliding→0 with switches at {entered:.6g}, {left:.6g}"
    # (At the ends the value belongs to a neighbour, or is 0.)
    for duration in np.linspace(1e-9, leaving - 1e-9, 23):
        value = float(result.schedule(BEFORE + duration))
        assert value == pytest.approx(equivalent_weight(duration), abs=1e-11)
    assert 0.0 < equivalent_weight(0.0) < 1.0


def test_schedule_of_a_sliding_arc_keeps_the_contract():
    deletion, result = sliding_instance()
    schedule = result.schedule
    assert schedule.membership(deletion.start, deletion.horizon)
    assert schedule.constant_pieces == (True, False, True)
    np.testing.assert_allclose(
        np.asarray(schedule.piece_values), [1.0, equivalent_weight(0.0), 0.0], atol=1e-11
    )
    leaving = brentq(equivalent_weight, 0.0, SPAN, xtol=1e-15)
    inside = quad(equivalent_weight, 0.0, leaving, epsabs=1e-13)[0]
    assert float(schedule.integral(0.0, 10.0)) == pytest.approx(BEFORE + inside, abs=1e-10)
    part = quad(equivalent_weight, 0.1, 0.2, epsabs=1e-13)[0]
    integral = schedule.integral(BEFORE + 0.1, BEFORE + 0.2)
    assert float(integral) == pytest.approx(part, abs=1e-10)
    backwards = schedule.integral(BEFORE + 0.2, BEFORE + 0.1)
    assert float(backwards) == pytest.approx(-part, abs=1e-10)


def test_the_flow_under_the_schedule_slides():
    deletion, result = sliding_instance()
    leaving = brentq(equivalent_weight, 0.0, SPAN, xtol=1e-15)
    left = np.append(sliding_state(leaving), 1.0)
    final = (propagator(deletion, 0, SPAN - leaving) @ left)[:-1]
    assert result.cost == pytest.approx(0.5 * final @ final, rel=1e-9)
    # The exact flow of the package, given nothing but the schedule.
    assert float(deletion.cost(result.schedule)) == pytest.approx(result.cost, rel=1e-9)
    times = np.linspace(BEFORE, BEFORE + leaving, 9)
    np.testing.assert_allclose(result.advantage(times), 0.0, atol=1e-11)
    # ε = 1 before, where S > 0, and 0 after, where S < 0.
    before, after = result.advantage([0.03, BEFORE + leaving + 0.2])
    assert before > 1e-3 and after < -1e-6


def test_plot_of_a_sliding_arc():
    from matplotlib import pyplot

    _, result = sliding_instance()
    upper, lower = result.plot()
    assert upper.get_ylabel() == "weight ε(t)" and "S(t)" in lower.get_ylabel()
    assert len(lower.patches) == 1
    _, ax = pyplot.subplots()
    assert result.plot(ax) is ax and len(ax.patches) == 1
    pyplot.close("all")


def test_sliding_from_the_first_moment():
    # θ₀ lies on the surface; and the horizon comes before the weight is used up.
    deletion = diagonal(RATES, ROW, RESPONSE, CONTACT, horizon=0.1)
    result = greedy(deletion)
    assert result.sliding == ((0.0, pytest.approx(0.1, rel=1e-12)),)
    assert result.structure == "sliding throughout"
    final = sliding_state(0.1)
    assert result.cost == pytest.approx(0.5 * final @ final, rel=1e-10)


def test_sliding_of_a_group_stays_on_the_surface():
    deletion = random_deletion(SLIDING_GROUP, 3, 3, 1.0)
    result = greedy(deletion)
    ((begin, end),) = result.sliding
    assert result.structure.startswith("1→sliding")
    _, _, rows, responses, target = data_of(deletion)

    def surface(state):
        return (rows @ (state[:-1] - target)) @ (rows @ state[:-1] - responses)

    state = propagator(deletion, 1, begin) @ np.append(np.asarray(deletion.theta0), 1.0)
    size = np.linalg.norm(rows @ (state[:-1] - target)) ** 2
    assert abs(surface(state)) < 1e-12 * size
    # The weights as given, held over short intervals: S drifts off in the second order only.
    drifts = []
    for steps in (100, 200):
        times = begin + (end - begin) * (np.arange(steps) + 0.5) / steps
        weights = np.asarray(result.schedule(times))
        assert np.all((weights > 0.0) & (weights < 1.0))
        sliding = state
        for weight in weights:
            sliding = propagator(deletion, weight, (end - begin) / steps) @ sliding
        drifts.append(abs(surface(sliding)))
    assert drifts[1] < 1e-4 * size
    assert drifts[0] / drifts[1] == pytest.approx(4.0, rel=0.1)


# --- worse and better than deleting at once, and never better than the best


@pytest.mark.parametrize(("seed", "better"), [(6, True), (10, True), (9, False), (28, False)])
def test_greedy_is_a_baseline_not_an_optimum(seed, better):
    deletion = random_deletion(seed, 3, 1, 1.0)
    result = greedy(deletion)
    at_once = float(deletion.cost(hm.Step(deletion.start)))
    assert (result.cost < 0.9 * at_once) if better else (result.cost > 1.02 * at_once)
    assert result.cost == pytest.approx(float(deletion.cost(result.schedule)), rel=1e-11)
    best = optimise(deletion, over=Everything())
    assert result.cost >= best.lower_bound * (1 - 1e-12)
    if not better:
        assert best.cost < 0.99 * result.cost


# --- degenerate cases


def test_where_both_sides_lead_away_the_rule_takes_zero():
    # w ⊥ v and k < a < 0, which takes rows that are long and far from orthogonal.
    rows = np.array([[2.8, -2.1, 0.0], [-1.3, -0.6, 0.0], [0.0, 0.0, 0.0]])
    rates, theta0 = np.array([1.0, 0.5, 1.0]), np.array([0.0, -2.3, 0.0])
    w = rows @ theta0
    v = 0.5 * np.array([-w[1], w[0], 0.0])
    k = (w + v) @ (rows @ rows.T) @ v
    a = -((w + v) @ rows) @ (rates * theta0)
    assert k < a < 0
    responses = w - v
    result = greedy(diagonal(rates, rows, responses, theta0, horizon=1e-3))
    assert result.structure == "0 throughout"


def test_a_point_that_the_deleted_fit_passes_through():
    # r = 0: S = (xᵀu)² never says 0.
    result = greedy(diagonal([1.0, 2.0, 3.0], [1.0, 1.0, 0.0], 0.0, [1.0, -0.3, 0.5]))
    assert result.structure == "1 throughout"


def test_at_the_target_it_stays():
    deletion = random_deletion(3, 3, 1, 1.0)
    at_target = hm.Deletion(deletion.problem, deletion.target, 0.0, 1.0)
    result = greedy(at_target)
    assert result.structure == "0 throughout"
    assert result.cost < 1e-28


def test_target_of_the_users_choice():
    # From 0 to the full fit ½ of one dimension: w = u, v = θ − 1 < 0, S > 0 as θ < ½.
    deletion = diagonal([1.0], [1.0], 1.0, [0.0], target=[0.5])
    result = greedy(deletion)
    assert result.structure == "1 throughout"
    assert distance(result.cost) == pytest.approx(0.5 * math.exp(-2.0), rel=1e-13)


def test_a_direction_that_only_the_deleted_point_sees():
    # Λ = 0 in the second coordinate, which ε = 1 moves off its target.
    deletion = diagonal(
        [1.0, 0.0, 2.0], [1.0, 1.0, 0.0], 1.0, [1.0, 1.0, 0.0], start=0.1, horizon=1.0
    )
    result = greedy(deletion)
    target = np.asarray(deletion.target)
    np.testing.assert_allclose(target, [0.0, 1.0, 0.0], atol=1e-14)
    held = np.linalg.norm(sampled_and_held(deletion, 4000) - target)
    assert distance(result.cost) == pytest.approx(held, abs=1e-3)


def test_bad_input_by_name(without_shape_checks):
    with pytest.raises(TypeError, match=r"^deletion: expected a Deletion"):
        greedy(hm.Step(1.0))


def test_repr_reads_well():
    result = greedy(diagonal([1.0], [1.0], 1.0, [0.5]))
    assert repr(result) == "GreedyFeedback(deleted=row 7, schedule=0 throughout, cost=0.0169169)"


def test_advantage_decides():
    result = greedy(diagonal([1.0], [1.0], 1.0, [-1.0]))
    # S = u(u − 1) with u = ½ − 3/2 e^{−2t} up to ½ log 3, and 0 from then on.
    u = 0.5 - 1.5 * math.exp(-0.4)
    np.testing.assert_allclose(result.advantage([[0.2], [0.8]]), [[u * (u - 1)], [0.0]], atol=1e-14)
    with pytest.raises(ValueError, match="t: expected times in"):
        result.advantage(1.5)
