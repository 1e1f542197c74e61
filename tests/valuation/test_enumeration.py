"""Exact values: against refits of every coalition, by hand, and by what values have in common."""

import numpy as np
import pytest
from coalitions import instance, loss_game, ridge_fit, semivalue, shapley_weights
from scipy import integrate, special

import homotopy as hm


def problem_of(X, y, ridge=0.0, **options):
    return hm.LinearRegression(X, y, deleted=0, ridge=ridge, **options)


def enumerated(X, y, X_test, y_test, ridge, semivalue=None, **options):
    loss, method = hm.TestLoss(X_test, y_test), hm.Enumeration(**options)
    return hm.data_values(problem_of(X, y, ridge), loss, method, semivalue or hm.Shapley())


def test_twelve_points_agree_with_refits_of_all_coalitions():
    data = instance(12, 3)
    found = enumerated(*data, 0.5)
    exact = semivalue(loss_game(*data, 0.5), 12, shapley_weights(12))
    np.testing.assert_allclose(found.values, exact, atol=1e-13, rtol=0)
    assert found.kind == "exact" and bool(found.successful)
    assert int(found.work) == 2**12 - 1 and found.standard_error is None
    assert abs(float(found.efficiency_gap)) < 1e-13


def test_the_reference_instance():
    found = enumerated(*instance(), 0.5)
    known = [-0.0179, 0.0152, 0.1609, 0.1755, 0.1142, 0.0991, 0.0300, 0.1105, 0.0553]
    np.testing.assert_allclose(found.values, known, atol=5.1e-5)
    assert float(found.total) == pytest.approx(0.74289, abs=6e-6)
    banzhaf = enumerated(*instance(), 0.5, hm.Banzhaf())
    assert float(np.sum(banzhaf.values)) == pytest.approx(0.22482, abs=6e-6)


def test_two_points_by_hand():
    """m(∅), m(1), m(2), m(12) = 2, 9/8, 1/8, 2/9."""
    data = [[1.0], [1.0]], [1.0, 3.0], [[1.0]], [2.0]
    assert enumerated(*data, 1.0).values.tolist() == pytest.approx([7 / 18, 25 / 18], abs=1e-15)
    alone = enumerated(*data, 1.0, hm.valuation.LeaveOneOutValue()).values
    assert alone.tolist() == pytest.approx([-7 / 72, 65 / 72], abs=1e-15)


def test_the_coalition_of_all_others_is_leave_one_out():
    """The scale and the sign of `predict`."""
    X, y, X_test, y_test = instance()
    problem, loss = problem_of(X, y, 0.5), hm.TestLoss(X_test, y_test)
    found = hm.data_values(problem, loss, hm.Enumeration(), hm.valuation.LeaveOneOutValue())
    truth = hm.predict(problem, hm.LeaveOneOut(), points=range(9)).measured(loss)
    np.testing.assert_allclose(found.values, truth, atol=1e-13)


@pytest.mark.parametrize("smallest", [0, 4])
def test_without_a_ridge_fits_are_those_of_least_norm(smallest):
    X, y, X_test, y_test = instance(8, 4)
    X[3] = 2.0 * X[1]  # a direction that is there already
    game = loss_game(X, y, X_test, y_test, 0.0)
    exact = semivalue(lambda S: game(S if len(S) >= smallest else ()), 8, shapley_weights(8))
    found = enumerated(X, y, X_test, y_test, 0.0, smallest=smallest)
    np.testing.assert_allclose(found.values, exact, atol=1e-11 * np.abs(exact).max())


def test_without_a_ridge_training_starts_where_it_is_told():
    X, y, X_test, y_test = instance(6, 4)
    start = np.array([1.0, -2.0, 0.5, 3.0])
    game = loss_game(X, y - X @ start, X_test, y_test - X_test @ start, 0.0)
    found = hm.data_values(
        problem_of(X, y), hm.TestLoss(X_test, y_test), hm.Enumeration(), theta0=start
    )
    exact = semivalue(game, 6, shapley_weights(6))
    np.testing.assert_allclose(found.values, exact, atol=1e-11 * np.abs(exact).max())


def test_many_numbers_are_valued_at_once_and_weights_are_of_rows():
    X, y, X_test, _ = instance(6, 3)
    weights = np.array([1.0, 2.0, 0.5, 1.0, 3.0, 1.0])
    root = np.sqrt(weights)

    def game(S):
        S = list(S)
        return X_test[:4] @ ridge_fit((root[:, None] * X)[S], (root * y)[S], 0.5)

    exact = [semivalue(lambda S, k=k: game(S)[k], 6, shapley_weights(6)) for k in range(4)]
    problem = problem_of(X, y, 0.5, weights=weights)
    found = hm.data_values(problem, hm.Predictions(X_test[:4]), hm.Enumeration())
    assert found.values.shape == (6, 4)
    np.testing.assert_allclose(found.values, np.transpose(exact), atol=1e-13)
    assert str(found.summary()) and found.to_frame().shape == (6, 4)


def test_equal_rows_have_equal_values_and_a_null_row_none():
    X, y, X_test, y_test = instance(7, 3)
    X[2], y[2], X[4] = X[5], y[5], 0.0
    for ridge in (0.5, 0.0):
        values = np.asarray(enumerated(X, y, X_test, y_test, ridge).values)
        assert values[2] == pytest.approx(values[5], rel=1e-11)
        assert abs(values[4]) < 1e-14


# Semivalues --------------------------------------------------------------------------------------

MEASURES = {
    "Shapley": (hm.Shapley(), lambda t: 1.0),
    "Beta(16, 1)": (hm.BetaShapley(16, 1), lambda t: 16.0 * (1 - t) ** 15),
    "Beta(0.5, 2.5)": (
        hm.BetaShapley(0.5, 2.5),
        lambda t: t**1.5 * (1 - t) ** -0.5 / special.beta(2.5, 0.5),
    ),
}


@pytest.mark.parametrize("name", MEASURES)
def test_weights_of_coalitions_are_integrals_over_the_chance_of_inclusion(name):
    given, density = MEASURES[name]
    n = 7
    exact = [
        integrate.quad(lambda t, k=k: t**k * (1 - t) ** (n - 1 - k) * density(t), 0, 1)[0]
        for k in range(n)
    ]
    np.testing.assert_allclose(given.coalition_weights(n), exact, rtol=1e-7)
    assert given.size_probabilities(n).sum() == pytest.approx(1.0, abs=1e-12)
    # The same measure as a quadrature of what changes on the scale 1/30.
    t, masses = given.quadrature(30.0, 24)
    f = lambda t: 1.0 / (t + 1.0 / 30.0)  # noqa: E731
    exact = integrate.quad(lambda t: f(t) * density(t), 0, 1, limit=200)[0]
    assert masses @ f(t) == pytest.approx(exact, rel=1e-8)


def test_measures_of_points_and_their_limits():
    assert hm.Banzhaf().coalition_weights(6).tolist() == pytest.approx([1 / 32] * 6)
    both = hm.valuation.InclusionMeasure([0.5, 1.0], [0.25, 0.75])
    parts = hm.Banzhaf(), hm.valuation.LeaveOneOutValue()
    mixed = 0.25 * parts[0].size_probabilities(5) + 0.75 * parts[1].size_probabilities(5)
    np.testing.assert_allclose(both.size_probabilities(5), mixed, atol=1e-15)
    close = hm.BetaShapley(1, 1e6).size_probabilities(5)
    np.testing.assert_allclose(close, parts[1].size_probabilities(5), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 1.5], [0.5, 0.5]), r"^probabilities: expected numbers in \[0, 1\]"),
        (([0.5], [0.5]), "^masses: expected a probability measure"),
        (([0.5, 0.7], [1.5, -0.5]), "^masses: expected a probability measure"),
        (([0.5, 0.7], [1.0]), "^masses: expected 2 masses"),
    ],
)
def test_what_is_no_probability_measure_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        hm.valuation.InclusionMeasure(*arguments)


def test_what_cannot_be_valued_is_refused_by_name():
    X, y, X_test, y_test = instance(21, 3)
    with pytest.raises(ValueError, match=r"^problem: expected at most 20 points"):
        enumerated(X, y, X_test, y_test, 1.0)
    problem = problem_of(X, y, 1.0)
    with pytest.raises(ValueError, match=r"^measurement: .*got OwnLoss\(\)"):
        hm.data_values(problem, hm.OwnLoss(), hm.Permutations(10))
    logistic = hm.Problem(hm.linear_model(3), hm.Logistic(), X, (y > 0).astype(int), deleted=0)
    loss = hm.TestLoss(X_test, (y_test > 0).astype(int))
    with pytest.raises(ValueError, match=r"^problem: expected a ridge > 0 on every parameter"):
        hm.data_values(logistic, loss, hm.Enumeration())
    with pytest.raises(ValueError, match=r"^y: .* missing"):
        enumerated(X, np.where(y > 0, y, np.nan), X_test, y_test, 1.0)
