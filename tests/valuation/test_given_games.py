"""Groups of points as players, and games of one's own."""

import itertools

import numpy as np
import pytest
from coalitions import instance, loss_game, semivalue, shapley_weights

import homotopy as hm

LABELS = ["b", "a", "b", "c", "a", "c", "d", "d", "d"]


def setting(ridge=0.5):
    X, y, X_test, y_test = instance()
    return hm.LinearRegression(X, y, deleted=0, ridge=ridge), hm.TestLoss(X_test, y_test)


def test_groups_are_players_as_the_definition_says():
    members = {name: [i for i, label in enumerate(LABELS) if label == name] for name in "bacd"}
    points = loss_game(*instance(), 0.5)

    def game(S):
        return points(sorted(itertools.chain(*(members["bacd"[player]] for player in S))))

    known = semivalue(game, 4, shapley_weights(4))
    found = hm.valuation.group_values(*setting(), LABELS, hm.Enumeration())
    np.testing.assert_allclose(found.values, known, atol=1e-13)
    assert found.to_frame().index.tolist() == ["b", "a", "c", "d"]
    sampled = hm.valuation.group_values(*setting(), LABELS, hm.Permutations(400))
    z = (np.asarray(sampled.values) - known) / np.asarray(sampled.standard_error)
    assert np.max(np.abs(z)) < 4.5
    # Not the sum of what its points are worth.
    alone = hm.data_values(*setting(), hm.Enumeration()).of_groups(LABELS)
    assert abs(alone["d"] - known[3]) > 1e-3


def test_a_group_of_the_weight_homotopy_is_the_sum_of_its_points():
    points = hm.data_values(*setting(), hm.AumannShapley())
    found = hm.valuation.group_values(*setting(), LABELS, hm.AumannShapley())
    sums = points.of_groups(LABELS)
    np.testing.assert_allclose(found.values, [sums[name] for name in "bacd"], atol=1e-15)


def test_a_game_of_ones_own():
    """A run of stochastic gradient descent on who is in, from its own seed."""
    X, y, X_test, y_test = instance(5, 2)

    def run(inside):
        theta, generator = np.zeros(2), np.random.default_rng(7)
        for row in generator.integers(0, 5, 200):
            if inside[row]:
                theta = theta + 0.02 * X[row] * (y[row] - X[row] @ theta)
        return 0.5 * np.mean((y_test - X_test @ theta) ** 2)

    def game(S):
        return run(np.isin(np.arange(5), S))

    known = semivalue(game, 5, shapley_weights(5))
    found = hm.valuation.game_values(run, 5, hm.Enumeration())
    np.testing.assert_allclose(found.values, known, atol=1e-14)
    several = hm.valuation.game_values(lambda inside: [run(inside), 1.0], 5, hm.Permutations(20))
    assert several.values.shape == (5, 2) and np.all(several.values[:, 1] == 0.0)


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (lambda inside: np.nan, r"^game: expected finite numbers of one shape, got nan"),
        (lambda inside: np.zeros(inside.sum()), r"^game: .*got .* for the coalition"),
        (lambda inside: "much", r"^game: expected finite numbers .*could not convert"),
    ],
)
def test_what_is_no_game_is_refused(game, message):
    with pytest.raises(ValueError, match=message):
        hm.valuation.game_values(game, 3, hm.Enumeration())


def test_what_is_no_group_is_refused_and_methods_that_need_a_problem():
    with pytest.raises(ValueError, match=r"^labels: expected 9 labels"):
        hm.valuation.group_values(*setting(), ["a", "b"], hm.Enumeration())
    with pytest.raises(ValueError, match=r"^labels: expected two groups at least"):
        hm.valuation.group_values(*setting(), ["a"] * 9, hm.Enumeration())
    with pytest.raises(ValueError, match=r"^method: expected one that goes by coalitions"):
        hm.valuation.group_values(*setting(), LABELS, hm.EffectiveMedium())
