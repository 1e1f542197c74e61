"""Disparities against Fairlearn's, worst cases against brute force."""

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    true_positive_rate,
)
from measuring import measured_at
from oracles.soft_weights import Weighted

import homotopy as hm
from homotopy import reweighting as rw

ONE = Weighted()
THETA = np.array([0.9, -0.7, 0.4, 0.1])


@pytest.fixture(scope="module")
def problem():
    return hm.Problem(hm.linear_model(4), hm.Logistic(), ONE.X, ONE.y, deleted=0)


def test_hard_rates_are_those_of_fairlearn(problem):
    X, y, group = ONE.X_other, ONE.y_other, ONE.group_other
    decided = (X @ THETA > 0).astype(float)
    parity = measured_at(rw.DemographicParity(X, group, hard=True), problem, THETA)
    of_fairlearn = demographic_parity_difference(y, decided, sensitive_features=group)
    assert abs(float(parity)) == pytest.approx(of_fairlearn, abs=1e-15)
    opportunity = measured_at(rw.EqualOpportunity(X, y, group, hard=True), problem, THETA)
    rates = MetricFrame(
        metrics=true_positive_rate, y_true=y, y_pred=decided, sensitive_features=group
    ).by_group
    assert float(opportunity) == pytest.approx(rates[1] - rates[0], abs=1e-15)
    odds = measured_at(rw.EqualizedOdds(X, y, group, hard=True), problem, THETA)
    of_fairlearn = equalized_odds_difference(y, decided, sensitive_features=group)
    assert float(np.max(np.abs(odds))) == pytest.approx(of_fairlearn, abs=1e-15)


def test_smooth_rates_are_means_of_probabilities(problem):
    X, y, group = ONE.X_other, ONE.y_other, ONE.group_other
    parity = measured_at(
        rw.DemographicParity(X, np.where(group == 1, "old", "new")), problem, THETA
    )
    assert float(parity) == pytest.approx(ONE.disparity(THETA), abs=1e-15)
    odds = measured_at(rw.EqualizedOdds(X, y, group), problem, THETA)
    assert float(odds[0]) == pytest.approx(ONE.opportunity(THETA), abs=1e-15)


def test_two_outputs_are_two_classes():
    model = hm.function_model(lambda theta, x: theta.reshape(2, 4) @ x, 8)
    labels = ONE.y.astype(int)
    softmax = hm.Problem(model, hm.SoftmaxCrossEntropy(), ONE.X, labels, deleted=0)
    parity = rw.DemographicParity(ONE.X_other, ONE.group_other)
    both = np.concatenate([0.5 - THETA, 0.5 + 0 * THETA])
    assert measured_at(parity, softmax, both) == pytest.approx(ONE.disparity(THETA), abs=1e-14)


@pytest.mark.parametrize("squared", [False, True])
def test_the_worst_loss_is_that_of_the_worst_of_many_moves(problem, squared):
    X, y, r = ONE.X_other[:5], ONE.y_other[:5], 0.5
    if squared:
        problem = hm.LinearRegression(ONE.X, ONE.y, deleted=0)
    worst = float(
        measured_at(rw.WorstCaseLoss(X, y, r, movable=[True, True, True, False]), problem, THETA)
    )
    rng = np.random.default_rng(0)
    moves = rng.normal(size=(200_000, 3))
    moves *= r / np.linalg.norm(moves, axis=1, keepdims=True)
    scores = (X @ THETA)[:, None] + moves @ THETA[:3]
    if squared:
        losses = 0.5 * (scores - y[:, None]) ** 2
    else:
        losses = np.logaddexp(0.0, -(2 * y[:, None] - 1) * scores)
    found = losses.max(axis=1).mean()
    assert found <= worst + 1e-12 and worst - found < 2e-3 * worst


def test_ascent_finds_no_more_than_the_worst_and_nearly_that(problem):
    X, y, r = ONE.X_other, ONE.y_other, 0.5
    worst = float(measured_at(rw.WorstCaseLoss(X, y, r), problem, THETA))
    found = float(measured_at(rw.AdversarialLoss(X, y, r), problem, THETA))
    assert found <= worst + 1e-12
    assert found == pytest.approx(worst, rel=1e-9)  # the worst move is the same everywhere


BAD = {
    "three groups": (lambda: rw.DemographicParity(ONE.X[:3], [0, 1, 2]), "groups: expected two"),
    "too few": (lambda: rw.DemographicParity(ONE.X[:3], [0, 1]), "groups: expected one for each"),
    "a missing group": (
        lambda: rw.DemographicParity(ONE.X[:3], [0, 1, np.nan]), "got nan in row 2",
    ),
    "no such labels": (lambda: rw.EqualOpportunity(ONE.X[:3], [0, 2, 1], [0, 1, 1]), "in row 1"),
    "no positives": (
        lambda: rw.EqualOpportunity(ONE.X[:3], [0, 1, 1], [0, 1, 1]), "group 0 has no point",
    ),
    "a negative radius": (lambda: rw.WorstCaseLoss(ONE.X, ONE.y, -1.0), "radius: expected"),
    "columns": (
        lambda: rw.WorstCaseLoss(ONE.X, ONE.y, 1.0, movable=[True]), "movable: expected 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("make, message", BAD.values(), ids=BAD)
def test_bad_data_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_measurements_that_do_not_fit_the_problem_are_refused(problem):
    network = hm.Problem(hm.mlp([4, 2, 1]), hm.Logistic(), ONE.X, ONE.y, deleted=0)
    with pytest.raises(ValueError, match="AdversarialLoss searches"):
        rw.WorstCaseLoss(ONE.X, ONE.y, 1.0).check(network)
    with pytest.raises(ValueError, match="inputs of length 4"):
        rw.DemographicParity(ONE.X[:, :2], ONE.group).check(problem)
    with pytest.raises(ValueError, match="hard rates are of classes"):
        plain = hm.LinearRegression(ONE.X, ONE.y, deleted=0)
        rw.DemographicParity(ONE.X, ONE.group, hard=True).check(plain)
