"""`LinearRegression.from_formula` against statsmodels' formulas, whose design is patsy's."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import homotopy as hm


@pytest.fixture(scope="module")
def cars():
    generator = np.random.default_rng(5)
    size = 24
    return pd.DataFrame(
        {
            "mpg": generator.normal(20, 5, size),
            "wt": generator.uniform(1.5, 5, size),
            "cyl": generator.permutation([4, 6, 8] * 8),
            "maker": generator.permutation(["Fiat", "Merc"] * 12),
            "fast": generator.permutation([True, False] * 12),
        },
        index=[f"car {i}" for i in range(size)],
    )


@pytest.mark.parametrize(
    "formula",
    [
        "mpg ~ wt*maker + C(cyl)",
        "mpg ~ wt + I(wt**2) + fast",
        "np.log(mpg) ~ wt:C(cyl) - 1",
        "mpg ~ 0 + maker + wt",
    ],
)
def test_fits_and_influences_are_those_of_statsmodels(cars, formula):
    problem = hm.LinearRegression.from_formula(formula, cars, deleted=["car 3", "car 17"])
    oracle = smf.ols(formula, cars).fit()
    # Booleans are numbers here, as elsewhere in this package; patsy codes them as two levels.
    renamed = {"Intercept": "intercept", "fast[T.True]": "fast"}
    names = [renamed.get(name, name) for name in oracle.params.index]
    assert sorted(problem.parameter_names) == sorted(names)
    order = [problem.parameter_names.index(name) for name in names]
    np.testing.assert_allclose(problem.full_fit()[np.array(order)], oracle.params, rtol=1e-10)
    without = smf.ols(formula, cars.drop(index=["car 3", "car 17"])).fit()
    np.testing.assert_allclose(problem.deleted_fit()[np.array(order)], without.params, rtol=1e-10)
    influence, ours = oracle.get_influence(), hm.regression_diagnostics(problem)
    np.testing.assert_allclose(ours.leverage, influence.hat_matrix_diag, rtol=1e-10)
    np.testing.assert_allclose(ours.cooks_distance, influence.cooks_distance[0], rtol=1e-9)
    assert problem.labels.row(3) == "car 3"


def test_weights_are_those_of_the_rows(cars):
    """They go with the rows of the data frame, whatever the formula does with its columns."""
    weights, formula = np.linspace(0.5, 3.0, len(cars)), "mpg ~ maker*wt + C(cyl)"
    problem = hm.LinearRegression.from_formula(formula, cars, deleted="car 3", weights=weights)
    kept = cars.index != "car 3"
    for fit, rows in ((problem.full_fit(), slice(None)), (problem.deleted_fit(), kept)):
        oracle = smf.wls(formula, cars[rows], weights=weights[rows]).fit().params
        order = [
            problem.parameter_names.index("intercept" if name == "Intercept" else name)
            for name in oracle.index
        ]
        np.testing.assert_allclose(fit[np.array(order)], oracle, rtol=1e-10)


def test_splines_are_those_of_all_the_data(cars):
    """Their knots stay where they were when rows go; so the projections of patsy are compared."""
    problem = hm.LinearRegression.from_formula("mpg ~ bs(wt, df=5) + fast", cars, deleted="car 3")
    oracle = smf.ols("mpg ~ bs(wt, df=5) + fast", cars).fit().get_influence()
    ours = hm.regression_diagnostics(problem)
    np.testing.assert_allclose(ours.leverage, oracle.hat_matrix_diag, rtol=1e-8)
    np.testing.assert_allclose(ours.cooks_distance, oracle.cooks_distance[0], rtol=1e-7)


def test_the_intercept_is_first_and_named_as_elsewhere(cars):
    problem = hm.LinearRegression.from_formula("mpg ~ wt", cars, deleted=0, ridge=0.5)
    assert problem.parameter_names == ("intercept", "wt") and problem.labels.target == "mpg"
    assert float(problem.ridge) == 0.5


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("mpg ~ weight", r"formula: the data frame has no column 'weight'. .*'mpg', 'wt'"),
        ("mpg ~ makers", r"Did you mean 'maker'\?"),
        ("wt + maker", "formula: expected one target left of ~, .* got none"),
        ("mpg + wt ~ maker", "one target left of ~, .* got 2"),
        ("mpg ~ wt +", "formula: expected a formula such as .* got 'mpg ~ wt \\+'"),
        ("mpg ~ np.log(wt - 10)", r"formula: 'np.log\(wt - 10\)' is not finite in row 0 \(car 0\)"),
        ("maker ~ wt", r"target of numbers, got 'maker' with 2 classes: 'Fiat', 'Merc'; hm.Prob"),
        ("mpg ~ wt.nothing", "formula: Unable to evaluate factor"),
    ],
)
def test_formulas_that_are_none_are_refused(cars, formula, message):
    with pytest.raises(ValueError, match=message):
        hm.LinearRegression.from_formula(formula, cars, deleted=0)


def test_missing_values_are_refused_with_their_place(cars):
    gaps = cars.astype({"fast": object})
    gaps.loc[["car 2", "car 5"], "wt"] = np.nan
    gaps.loc["car 9", "fast"] = None
    with pytest.raises(ValueError, match=r"data: .* column 'wt' in rows car 2, car 5; .*dropna"):
        hm.LinearRegression.from_formula("mpg ~ wt", gaps, deleted=0)
    # What the formula does not name may be missing.
    problem = hm.LinearRegression.from_formula("mpg ~ maker", gaps, deleted="car 2")
    assert problem.size == 24


def test_other_data_are_refused():
    with pytest.raises(TypeError, match=r"data: expected a pandas.DataFrame, got a dict"):
        hm.LinearRegression.from_formula("y ~ x", {"x": [1.0], "y": [2.0]}, deleted=0)
