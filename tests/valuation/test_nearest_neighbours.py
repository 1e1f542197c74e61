"""Values of nearest neighbours against sums over coalitions, ties and few points included."""

import numpy as np
import pytest
from coalitions import semivalue, shapley_weights

import homotopy as hm

SIZES = [(7, 3), (5, 1), (4, 6), (6, 6), (1, 1), (2, 3), (6, 2)]


def data(n, classes):
    """Distances of which many are equal."""
    generator = np.random.default_rng(n)
    X, tests = generator.integers(0, 3, (n, 2)).astype(float), generator.normal(size=(3, 2))
    if classes:
        return X, generator.integers(0, 2, n), tests.round(), generator.integers(0, 2, 3)
    return X, generator.normal(size=n), tests.round(), generator.normal(size=3)


def neighbours(X, test, S, K):
    """Of equals the first row."""
    return sorted(S, key=lambda i: (float(np.sum((X[i] - test) ** 2)), i))[:K]


@pytest.mark.parametrize(("n", "K"), SIZES)
def test_votes_are_valued_as_the_definition_says(n, K):
    X, y, tests, y_test = data(n, classes=True)

    def wrong(S):
        pairs = zip(tests, y_test, strict=True)
        votes = [sum(y[i] == t for i in neighbours(X, x, S, K)) / K for x, t in pairs]
        return 1.0 - np.mean(votes)

    found = hm.knn_shapley(X, y, tests, y_test, K)
    np.testing.assert_allclose(found.values, semivalue(wrong, n, shapley_weights(n)), atol=1e-14)
    assert abs(float(found.efficiency_gap)) < 1e-14 and found.kind == "exact"


@pytest.mark.parametrize(("n", "K"), SIZES)
def test_means_are_valued_as_the_definition_says(n, K):
    X, y, tests, y_test = data(n, classes=False)

    def error(S):
        means = [sum(y[i] for i in neighbours(X, x, S, K)) / K for x in tests]
        return np.mean((y_test - means) ** 2)

    found = hm.valuation.knn_regression_shapley(X, y, tests, y_test, K)
    exact = semivalue(error, n, shapley_weights(n))
    np.testing.assert_allclose(found.values, exact, atol=1e-13)
    assert float(found.total) == pytest.approx(error(()) - error(range(n)), abs=1e-14)


def test_three_votes_by_hand():
    found = hm.knn_shapley([[1.0], [2.0], [3.0]], [1, 0, 1], [[0.0]], [1], 1)
    assert found.values.tolist() == pytest.approx([5 / 6, -1 / 6, 1 / 3], abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0]], [0], [[1.0]], [0], 0), r"^neighbours: expected an integer >= 1"),
        (([[0.0]], [0, 1], [[1.0]], [0], 1), r"^y: expected 1 targets"),
        (([[0.0]], [0.5], [[1.0]], [0], 1), r"^y: expected classes as integers, got 0.5 in row 0"),
        (([[0.0]], [0], [[1.0, 2.0]], [0], 1), r"^X_test: expected rows of length 1"),
        (([[np.nan]], [0], [[1.0]], [0], 1), r"^X: .*missing"),
        (([], [], [[1.0]], [0], 1), r"^X: expected a non-empty matrix"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_bad_data_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        hm.knn_shapley(*arguments)
