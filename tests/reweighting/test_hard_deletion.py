"""Hard deletion, frontiers, and paths of weights, by refits in NumPy."""

import itertools

import numpy as np
import pytest
from oracles.soft_weights import Weighted
from scipy.special import expit

import homotopy as hm
from homotopy import reweighting as rw

ONE = Weighted()


@pytest.fixture(scope="module")
def problem():
    return hm.Problem(hm.linear_model(4), hm.Logistic(), ONE.X, ONE.y, deleted=0, ridge=1.0)


@pytest.fixture(scope="module")
def parity():
    return rw.DemographicParity(ONE.X_other, ONE.group_other)


def test_rows_are_left_out_until_the_refit_is_there(problem, parity):
    before = ONE.disparity(ONE.fit(np.ones(40)))
    target = 0.7 * before
    found = rw.hard_deletion(problem, parity, target)
    assert bool(found.successful)
    weights = np.ones(40)
    weights[np.asarray(found.rows)] = 0.0
    assert float(found.value) == pytest.approx(ONE.disparity(ONE.fit(weights)), abs=1e-13)
    assert float(found.value) <= target
    weights[np.asarray(found.rows)[-1]] = 1.0
    assert ONE.disparity(ONE.fit(weights)) > target
    # The order and the count of the linearised problem, by derivatives of refits.
    gains = np.array([ONE.slope(ONE.disparity, np.ones(40), row) for row in range(40)])
    assert np.asarray(found.rows).tolist() == np.argsort(-gains)[: found.rows.size].tolist()
    sums = np.cumsum(np.sort(gains)[::-1])
    count = int(np.argmax(sums >= before - target)) + 1
    assert int(found.linear_count) == count
    assert count - 1 < float(found.linear_bound) <= count


def test_the_bound_of_the_linearised_problem_holds_for_all_choices():
    one = Weighted(n=9, seed=11)
    problem = hm.Problem(hm.linear_model(4), hm.Logistic(), one.X, one.y, deleted=0, ridge=1.0)
    gains = np.array([one.slope(one.disparity, np.ones(9), row) for row in range(9)])
    needed = 0.7 * np.sum(gains[gains > 0])
    parity = rw.DemographicParity(one.X_other, one.group_other)
    target = one.disparity(one.fit(np.ones(9))) - needed
    found = rw.hard_deletion(problem, parity, target, most=8)
    fewest = min(
        len(rows)
        for size in range(1, 10)
        for rows in itertools.combinations(range(9), size)
        if sum(gains[list(rows)]) >= needed
    )
    assert int(found.linear_count) == fewest >= float(found.linear_bound)


def test_a_target_out_of_reach_is_said(problem, parity):
    found = rw.hard_deletion(problem, parity, -1.0, most=3)
    assert found.status == rw.HardDeletionStatus.not_reached and found.rows.size == 3
    with pytest.raises(ValueError, match="target: expected less than"):
        rw.hard_deletion(problem, parity, 1.0)


def test_a_path_of_weights_is_that_of_refits(problem):
    end = np.random.default_rng(0).uniform(0.0, 2.0, 40)
    path = rw.weight_path(problem, end, [1.0, 0.6, 0.0])
    for epsilon, theta in zip([1.0, 0.6, 0.0], np.asarray(path.theta), strict=True):
        assert np.max(np.abs(theta - ONE.fit(epsilon + (1 - epsilon) * end))) < 1e-9
    with pytest.raises(ValueError, match="weights: expected numbers >= 0"):
        rw.weight_path(problem, end - 1.0, [0.0])


def test_corrections_and_what_is_proved_of_them(problem):
    w = np.random.default_rng(1).uniform(0.3, 1.7, 40)
    found = rw.corrections(problem, w)
    start, end = ONE.fit(np.ones(40)), ONE.fit(w)
    p = expit(ONE.X @ start)
    losses = ONE.X * (p - ONE.y)[:, None]
    H = (ONE.X.T * (p * (1 - p))) @ ONE.X + np.eye(4)
    H_w = (ONE.X.T * (w * p * (1 - p))) @ ONE.X + np.eye(4)
    influence = start - np.linalg.solve(H, (w - 1) @ losses)
    newton = start - np.linalg.solve(H_w, w @ losses + start)
    for ours, theirs in zip(np.asarray(found.theta), (start, influence, newton, end), strict=True):
        assert np.max(np.abs(ours - theirs)) < 1e-11
    distance, bound = np.asarray(found.distance), np.asarray(found.certificate)
    assert np.all(distance[:3] <= bound[:3]) and np.all(np.isfinite(bound))
    free = hm.Problem(hm.linear_model(4), hm.Logistic(), ONE.X, ONE.y, deleted=0)
    assert np.all(np.isinf(np.asarray(rw.corrections(free, w).certificate)))


def test_less_disparity_costs_more(problem, parity):
    cost = rw.frontier(problem, parity, [0.1, 0.05, 0.0])
    objective = np.asarray(cost.objective)
    assert np.all(np.asarray(cost.successful)) and np.all(np.diff(objective) > 0.0)
    for bound, weights in zip([0.1, 0.05, 0.0], np.asarray(cost.weights), strict=True):
        assert abs(ONE.disparity(ONE.fit(weights))) <= bound + 1e-8
    assert cost.plot().lines
