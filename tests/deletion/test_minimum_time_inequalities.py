"""What the distance to the target can do in time, against the data's own flow and closed forms."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

import homotopy as hm
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.minimum_time.inequalities import Inequalities, inequalities_of

TARGETS = {"deleted fit": None, "off the path": [1.0, -2.0]}


def deletion(target):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    problem = hm.LinearRegression(X, y, deleted=[1, 6])
    return hm.Deletion(problem, [2.0, 1.0], 0.0, 1.0, target), X, y


def velocity(X, y, epsilon, theta):
    weights = np.ones(8)
    weights[[1, 6]] = epsilon
    return -X.T @ (weights * (X @ theta - y))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_they_hold_along_the_flow_of_any_weight(target):
    problem, X, y = deletion(target)
    bounds, goal = inequalities_of(common_schedule(problem)), np.asarray(problem.target)
    rng = np.random.default_rng(0)
    slack = 1e-12
    for scale in np.geomspace(1e-3, 1e3, 13):
        for direction in rng.normal(size=(20, 2)):
            apart, epsilon = scale * direction, rng.uniform()
            distance = np.linalg.norm(apart)
            change = apart @ velocity(X, y, epsilon, goal + apart) / distance
            drift = np.linalg.norm(velocity(X, y, epsilon, goal))
            room = slack * (1.0 + bounds.fastest * distance)
            assert bounds.least_drift - slack <= drift <= bounds.most_drift + slack
            assert -bounds.fastest * distance - bounds.most_drift <= change + room
            assert change - room <= -bounds.slowest * distance + drift


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_numbers_are_the_best_there_are(target):
    problem, X, y = deletion(target)
    bounds, goal = inequalities_of(common_schedule(problem)), np.asarray(problem.target)
    drifts = [np.linalg.norm(velocity(X, y, epsilon, goal)) for epsilon in np.linspace(0, 1, 20001)]
    # The drift is convex in ε, with slope ‖pull‖ at most: between two of the grid lies little.
    assert bounds.least_drift == pytest.approx(min(drifts), abs=1e-6)
    assert bounds.most_drift == pytest.approx(max(drifts), rel=1e-12)
    assert (bounds.least_drift == 0.0) == (target is None)
    retained = np.delete(X, [1, 6], axis=0)
    slowest = np.linalg.eigvalsh(retained.T @ retained)[0]
    assert bounds.slowest == pytest.approx(slowest, rel=1e-12)
    assert bounds.fastest == pytest.approx(np.linalg.eigvalsh(X.T @ X)[-1], rel=1e-12)


@pytest.mark.parametrize(("fastest", "most_drift"), [(3.0, 2.0), (3.0, 0.0), (0.0, 2.0)])
def test_the_fastest_approach_takes_that_long(fastest, most_drift):
    bounds, distance, wanted = Inequalities(0.0, fastest, 0.0, most_drift), 5.0, 0.25
    duration = bounds.stays_above(distance, wanted)
    # The flow of ρ̇ = −λ₁ρ − q, as one matrix exponential.
    flow = expm(duration * np.array([[-fastest, -most_drift], [0.0, 0.0]]))
    there = flow[0, 0] * distance + flow[0, 1]
    speed = fastest * wanted + most_drift
    assert wanted - 1e-14 <= there <= wanted + 2e-9 * speed * duration + 1e-14


def test_what_is_reached_already_and_what_never_is():
    resting, drifting = Inequalities(0.0, 1.0, 0.0, 0.0), Inequalities(1.0, 2.0, 0.5, 3.0)
    for bounds in (resting, drifting):
        assert bounds.stays_above(0.1, 0.1) == bounds.was_above(0.1, 0.1) == 0.0
    assert resting.stays_above(1.0, 0.0) == math.inf
    assert Inequalities(0.0, 0.0, 0.0, 0.0).stays_above(1.0, 0.5) == math.inf
    assert resting.was_above(1.0, 0.5) == math.inf
    assert resting.forgets(1.0, 1.0, 1.0) == math.inf


@pytest.mark.parametrize("slowest", [0.0, 0.7])
def test_before_a_distance_that_cannot_be_undercut(slowest):
    bounds, distance, wanted = Inequalities(slowest, 2.0, 0.5, 3.0), 2.0, 0.25
    longest = bounds.was_above(distance, wanted)
    for duration in np.linspace(0.0, longest, 11):
        # From the wanted distance, drifting away as fast as the weight of least drift allows.
        flow = expm(duration * np.array([[-slowest, bounds.least_drift], [0.0, 0.0]]))
        assert flow[0, 0] * wanted + flow[0, 1] <= distance * (1 + 1e-14)
    if slowest == 0.0:  # with nothing to spare
        assert flow[0, 0] * wanted + flow[0, 1] == pytest.approx(distance, rel=1e-14)


def test_where_one_began_is_forgotten():
    problem, X, y = deletion(None)
    system = common_schedule(problem)
    bounds, fit = inequalities_of(system), np.asarray(problem.target)
    start, residual = np.linalg.norm(problem.theta0 - fit), np.linalg.norm((X @ fit - y)[[1, 6]])
    rng = np.random.default_rng(1)
    for _ in range(20):
        weights, durations = rng.integers(0, 2, 6), rng.uniform(0.0, 0.4, 6)
        # Another trajectory begins where the first may be at some time.
        one = np.append(problem.theta0, 1.0)
        other = one.copy()
        flows = []
        for weight, duration in zip(weights, durations, strict=True):
            generator = np.zeros((3, 3))
            rows = np.ones(8)
            rows[[1, 6]] = weight
            generator[:2, :2] = -(X.T * rows) @ X
            generator[:2, 2] = (X.T * rows) @ y
            flows.append(expm(generator * duration))
        for flow in flows[:3]:
            other = flow @ other
        for flow in flows:
            one, other = flow @ one, flow @ other
        apart = np.linalg.norm((one - other)[:2])
        assert apart <= bounds.forgets(float(durations.sum()), float(start), float(residual))
