"""Sample weights from the command line: statsmodels' WLS says what comes out."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from typer.testing import CliRunner

from homotopy.cli import app

pytestmark = pytest.mark.usefixtures("pictures_without_files")

RNG = np.random.default_rng(8)
ROWS = pd.DataFrame(
    {
        "town": [f"t{i}" for i in range(16)],
        "a": RNG.normal(size=16),
        "b": RNG.normal(size=16) + 3.0,
        "people": RNG.integers(1, 30, size=16),
    }
)
ROWS["rent"] = 5.0 + ROWS.a - 0.5 * ROWS.b + RNG.normal(size=16) / np.sqrt(ROWS.people)
OPTIONS = ("--target", "rent", "--index", "town", "--weights", "people")


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def good(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


@pytest.fixture
def table(tmp_path):
    ROWS.to_csv(tmp_path / "towns.csv", index=False)
    return tmp_path / "towns.csv"


def wls(rows=ROWS):
    return smf.wls("rent ~ a + b", rows, weights=rows["people"]).fit()


def influence():
    """Of the rows √w (x, y), whose least squares are the weighted ones."""
    root = np.sqrt(ROWS["people"])
    design = sm.add_constant(ROWS[["a", "b"]]).mul(root, axis=0)
    return sm.OLS(root * ROWS["rent"], design).fit().get_influence()


def test_influence_is_that_of_weighted_least_squares(table, tmp_path):
    test = ROWS.drop(columns=["people", "town"]).iloc[:5]
    test.to_csv(tmp_path / "test.csv", index=False)  # which needs no weights
    out = tmp_path / "out"
    text = good(
        *("influence", table, *OPTIONS, "--test", tmp_path / "test.csv", "--top", 2, "--out", out)
    )
    assert "Rows are weighted by column 'people', which is no feature." in text
    record = json.loads((out / "influence.json").read_text(encoding="utf-8"))
    with (out / "influence.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    columns = {name: np.array([line[name] for line in lines]) for name in lines[0]}
    fit, oracle = wls(), influence()
    for name, values in {
        "weight": ROWS["people"],
        "prediction": fit.fittedvalues,
        "leverage": oracle.hat_matrix_diag,
        "cooks_distance": oracle.cooks_distance[0],
        "dffits": oracle.dffits[0],
        "studentised_residual": oracle.resid_studentized_external,
    }.items():
        values = np.asarray(values, float)
        near = {"rtol": 1e-10, "atol": 1e-10 * np.abs(values).max()}
        np.testing.assert_allclose(columns[name].astype(float), values, **near, err_msg=name)
    np.testing.assert_allclose(
        record["coefficients_in_units_of_the_data"], fit.params[["a", "b"]], rtol=1e-10
    )
    assert record["intercept_in_units_of_the_data"] == pytest.approx(
        fit.params["Intercept"], rel=1e-10
    )
    # Of standardised data, by weighted means, the intercept is 0.
    assert abs(record["full_fit"][0]) < 1e-12
    assert record["arguments"]["weights"] == "people"
    assert set(record["columns"]) == set(columns)
    # Refits, in standardised units: the loss of the row, and of the test data.
    scale = np.sqrt(np.cov(ROWS["rent"], aweights=ROWS["people"], ddof=0))
    for first in (int(record["most_influential"][0]["row"]),):
        without = wls(ROWS.drop(index=first))
        own = 0.5 * ROWS["people"][first] / scale**2
        change = own * (
            (ROWS["rent"][first] - without.predict(ROWS)[first]) ** 2 - fit.resid[first] ** 2
        )
        assert float(columns["own_loss_change_true"][first]) == pytest.approx(change, rel=1e-9)
        mean = [np.mean((test["rent"] - one.predict(test)) ** 2) for one in (without, fit)]
        change = 0.5 * (mean[0] - mean[1]) / scale**2
        assert float(columns["test_loss_change_true"][first]) == pytest.approx(change, rel=1e-8)


def test_a_formula_may_have_weights(table, tmp_path):
    out = tmp_path / "out"
    formula = ("--formula", "rent ~ a * b", "--index", "town", "--weights", "people")
    good("influence", table, *formula, "--top", 1, "--out", out)
    record = json.loads((out / "influence.json").read_text(encoding="utf-8"))
    fit = smf.wls("rent ~ a * b", ROWS, weights=ROWS["people"]).fit()
    np.testing.assert_allclose(
        record["coefficients_in_units_of_the_data"], fit.params[["a", "b", "a:b"]], rtol=1e-9
    )


def test_forget_deletes_a_row_with_its_weight(table, tmp_path):
    out = tmp_path / "out"
    text = good("forget", table, *OPTIONS, "--delete", "t4,t9", "--out", out)
    assert "Rows are weighted by column 'people'" in text
    record = json.loads((out / "forget.json").read_text(encoding="utf-8"))
    assert record["arguments"]["weights"] == "people"
    fit, without = wls(), wls(ROWS.drop(index=[4, 9]))
    scale = np.sqrt(np.cov(ROWS["rent"], aweights=ROWS["people"], ddof=0))
    said = json.dumps(record)
    for place in (4, 9):
        (row,) = [each for each in _dictionaries(record) if each.get("row") == place]
        assert row["residual"] == pytest.approx(fit.resid[place] / scale, rel=1e-9)
        error = ROWS["rent"][place] - without.predict(ROWS)[place]
        assert row["deleted_residual"] == pytest.approx(error / scale, rel=1e-9)
        leverage = influence().hat_matrix_diag[place]
        assert row["leverage"] == pytest.approx(leverage, rel=1e-9)
    assert "people" in said


def _dictionaries(node):
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _dictionaries(each)


def _changed(place, cell):
    rows = ROWS.astype({"people": object})
    rows.loc[place, "people"] = cell
    return rows


REFUSED = {
    "zero": (_changed(3, 0), OPTIONS, ("--weights", "positive", "got 0", "row 3 (t3)", "'people'")),
    "negative": (_changed(5, -2), OPTIONS, ("--weights", "got -2", "row 5 (t5)", "'people'")),
    "text": (_changed(2, "many"), OPTIONS, ("'people'", "'many'", "row 2", "--weights people")),
    "missing": (_changed(1, None), OPTIONS, ("'people'", "row 1", "--dropna", "--weights people")),
    "all text": (
        ROWS.assign(people=["x", "y"] * 8),
        OPTIONS,
        ("--weights", "expected numbers", "'x'", "row 0", "'people'"),
    ),
    "not there": (ROWS, (*OPTIONS[:4], "--weights", "peopel"), ("--weights", "'people'")),
    "the target": (ROWS, (*OPTIONS[:4], "--weights", "rent"), ("--weights", "is the target")),
    "the index": (ROWS, (*OPTIONS[:4], "--weights", "town"), ("--weights", "names")),
    "dropped": (ROWS, (*OPTIONS, "--drop", "people"), ("--weights", "--drop people")),
}


@pytest.mark.parametrize(("rows", "options", "parts"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_row_column_and_option(rows, options, parts, tmp_path):
    rows.to_csv(tmp_path / "towns.csv", index=False)
    result = run("influence", tmp_path / "towns.csv", *options)
    said = " ".join(result.output.split())
    assert result.exit_code == 2, said
    for part in parts:
        assert part in said


def test_named_data_have_no_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("forget", "--dataset", "diabetes", "--delete", "1", "--weights", "age")
    assert result.exit_code == 2 and "--weights: it is for tables in files" in result.output
