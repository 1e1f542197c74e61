"""Names of columns and rows travel with a problem, and JAX compiles nothing anew for them."""

import pickle

import numpy as np
import pandas as pd
import pytest

import homotopy as hm


@pytest.fixture(scope="module")
def cars():
    index = ["Mazda RX4", "Fiat 128", "Honda Civic", "Valiant"]
    X = pd.DataFrame({"const": 1.0, "wt": [2.62, 2.2, 1.615, 3.46]}, index=index)
    return X, pd.Series([21.0, 32.4, 30.4, 18.1], index=index, name="mpg")


@pytest.mark.parametrize("general", [False, True])
def test_a_problem_knows_the_names_of_its_data_frames(cars, general):
    X, y = cars
    if general:
        problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, y, deleted=1)
    else:
        problem = hm.LinearRegression(X, y, deleted=1)
    for each in (problem, pickle.loads(pickle.dumps(problem))):
        assert each.labels.features == ("const", "wt") == each.parameter_names
        assert each.labels.row(1) == "Fiat 128"
        assert each.labels.target == "mpg"


def test_problems_of_the_same_data_share_the_names(cars):
    problem = hm.LinearRegression(*cars, deleted=1)
    assert problem.deleting(2).labels is problem.labels
    assert problem.deleting_each()[0].labels is problem.labels


def test_what_has_no_names_is_numbered(cars):
    problem = hm.LinearRegression(np.asarray(cars[0]), np.asarray(cars[1]), deleted=0)
    assert not problem.labels
    assert (problem.labels.row(3), problem.labels.feature(1)) == ("row 3", "x1")
    assert problem.parameter_names == ("θ₁", "θ₂")


def test_an_index_that_only_counts_names_no_rows(cars):
    X = cars[0].reset_index(drop=True)
    assert hm.LinearRegression(X, cars[1].to_numpy(), deleted=0).labels.rows is None
    # Rows taken out of a larger frame keep the numbers that they had there.
    assert hm.LinearRegression(X[1:], cars[1].to_numpy()[1:], deleted=0).labels.row(0) == "1"


def test_levels_of_an_index_are_one_name(cars):
    X = cars[0].set_index(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("b", 2)]))
    assert hm.LinearRegression(X, cars[1].to_numpy(), deleted=0).labels.row(2) == "b, 1"


def test_names_are_not_part_of_what_jax_compiles_for(cars):
    import jax

    named = hm.LinearRegression(*cars, deleted=1)
    plain = hm.LinearRegression(np.asarray(cars[0]), np.asarray(cars[1]), deleted=1)
    assert jax.tree.structure(named) == jax.tree.structure(plain)


# --- rows by name


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize(
    ("deleted", "rows"),
    [
        ("Fiat 128", [1]),
        (["Valiant", "Fiat 128"], [3, 1]),
        (("Valiant", 0), [3, 0]),
        (np.array(["Valiant"]), [3]),
        (pd.Index(["Valiant", "Mazda RX4"]), [3, 0]),
        (pd.Series(["Valiant"]), [3]),
        (np.array([True, False, False, False]), [0]),
    ],
)
def test_rows_may_be_named(cars, general, deleted, rows):
    if general:
        problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), *cars, deleted=deleted)
    else:
        problem = hm.LinearRegression(*cars, deleted=deleted)
        assert problem.deleting(deleted).deleted.tolist() == rows
    assert problem.deleted.tolist() == rows


@pytest.mark.parametrize(
    ("deleted", "message"),
    [
        ("fiat 182", r"deleted: expected the name of a row, got 'fiat 182'. .* 'Fiat 128'\?"),
        (["Valiant", "Nobody"], r"got 'Nobody'\. Rows are called 'Mazda RX4'"),
        (["Valiant", "Valiant"], "named twice"),
    ],
)
def test_names_of_no_row_are_refused(cars, deleted, message):
    with pytest.raises(ValueError, match=message):
        hm.LinearRegression(*cars, deleted=deleted)


def test_names_need_rows_that_have_them_alone(cars):
    with pytest.raises(ValueError, match=r"deleted: .*'Valiant': the rows have no names"):
        hm.LinearRegression(np.asarray(cars[0]), np.asarray(cars[1]), deleted="Valiant")
    twice = cars[0].set_axis(["a", "b", "a", "c"])
    with pytest.raises(ValueError, match="the name of one row, got 'a', which rows 0, 2"):
        hm.LinearRegression(twice, cars[1].to_numpy(), deleted="a")
    assert hm.LinearRegression(twice, cars[1].to_numpy(), deleted="c").deleted.tolist() == [3]
