"""Sample weights from the command line: statsmodels' WLS says what comes out."""

import csv
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from typer.testing import CliRunner

from homotopy.cli import app
from homotopy.commands.explore.data import explored_data
from homotopy.commands.shared.options import TableRequest
from homotopy.commands.values.numbers import held_out
from homotopy.datasets.tables.options import TableOptions
from homotopy.explorer.code_lines import python_lines
from homotopy.explorer.schedules import schedule_of

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


def test_values_are_of_weighted_refits(table, tmp_path):
    out = tmp_path / "out"
    options = ("--ridge", 2.0, "--permutations", 1000, "--holdout", 0.5, "--out", out)
    text = good("values", table, *OPTIONS, *options)
    assert "Rows are weighted by column 'people', which is no feature." in text
    record = json.loads((out / "values.json").read_text(encoding="utf-8"))
    with (out / "values.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    held = held_out(16, 0.5, 0)
    inside, people = np.flatnonzero(~held), ROWS["people"].to_numpy(float)
    x, y = ROWS[["a", "b"]].to_numpy(), ROWS["rent"].to_numpy()
    centre, scale = _weighted_scale(x[inside], people[inside])
    target_centre, target_scale = _weighted_scale(y[inside], people[inside])
    design = np.column_stack([np.ones(16), (x - centre) / scale])
    target = (y - target_centre) / target_scale

    def loss(rows):
        """On the rows held out, each counted once, of a fit to some of the others."""
        weighted = people[rows, None] * design[rows]
        theta = np.linalg.solve(
            design[rows].T @ weighted + 2.0 * np.eye(3), weighted.T @ target[rows]
        )
        return 0.5 * np.mean((target[held] - design[held] @ theta) ** 2)

    whole, none = loss(inside), 0.5 * np.mean(target[held] ** 2)
    alone = [loss(np.setdiff1d(inside, row)) - whole for row in inside]
    found = {name: [float(line[name]) for line in lines] for name in ("weight", "leave_one_out")}
    np.testing.assert_array_equal(found["weight"], people[inside])
    np.testing.assert_allclose(found["leave_one_out"], alone, atol=1e-12)
    values = np.array([float(line["value"]) for line in lines])
    assert values.sum() == pytest.approx(none - whole, abs=1e-12)
    # Shapley's values, over all coalitions of the eight rows.
    for place in np.argsort(-np.abs(values))[:2]:
        others, exact = np.delete(inside, place), 0.0
        for size in range(8):
            changes = [
                (loss(np.array(some, int)) if some else none)
                - loss(np.array([*some, inside[place]], int))
                for some in itertools.combinations(others.tolist(), size)
            ]
            exact += np.mean(changes) / 8
        # Five standard errors: a false alarm once in a million runs, and the seed is fixed.
        error = float(lines[place]["standard_error"])
        assert abs(values[place] - exact) <= 5.0 * error
        assert abs(exact) > 10.0 * error  # or weights would make no difference here
    assert (
        record["arguments"]["weights"] == "people" and "sum w xx'" in record["columns"]["leverage"]
    )


def _weighted_scale(values, weights):
    mean = np.average(values, 0, weights)
    return mean, np.sqrt(np.average((values - mean) ** 2, 0, weights))


def test_unlearn_goes_to_the_weighted_fit_without_the_rows(table, tmp_path):
    out = tmp_path / "out"
    noise = ("--noise", 1e-3, "--seed", 4, "--steps", 100)
    text = good("unlearn", table, *OPTIONS, "--delete", "t4,t9", *noise, "--out", out)
    assert "Rows are weighted by column 'people'" in text
    record = json.loads((out / "unlearn.json").read_text(encoding="utf-8"))
    with (out / "released.csv").open(encoding="utf-8", newline="") as file:
        released = np.array([float(line["released"]) for line in csv.DictReader(file)])
    x, y = ROWS[["a", "b"]].to_numpy(), ROWS["rent"].to_numpy()
    people = ROWS["people"].to_numpy(float)
    (centre, scale), (middle, size) = (_weighted_scale(each, people) for each in (x, y))
    root = np.sqrt(people)[:, None]
    design = root * np.column_stack([np.ones(16), (x - centre) / scale])
    target = root[:, 0] * (y - middle) / size
    kept = np.delete(np.arange(16), [4, 9])
    fit = np.linalg.lstsq(design[kept], target[kept], rcond=None)[0]
    certified = record["released"]["certificate"]["distance"]
    hidden = 1e-3 * np.random.default_rng(4).standard_normal(3)
    assert certified <= 1e-3
    assert np.linalg.norm(released - hidden - fit) <= certified + 1e-12
    # Gradient descent on the weighted squares, from 0, with the step of their Hessian.
    rate, theta = 1.0 / np.linalg.eigvalsh(design.T @ design)[-1], np.zeros(3)
    for _ in range(100):
        theta -= rate * design[kept].T @ (design[kept] @ theta - target[kept])
    (retrained,) = [each for each in record["methods"] if each["name"] == "retrain"]
    apart = np.linalg.norm(theta - fit)
    assert retrained["to minimum"] == pytest.approx(apart, rel=1e-6, abs=1e-12)
    assert record["arguments"]["weights"] == "people"


@pytest.mark.parametrize("neurons", [None, 2])
def test_explore_shows_the_weighted_problem(table, neurons):
    options = TableOptions(target="rent", index="town", weights="people", command=True)
    request = TableRequest(table, None, options, True)
    create, notes = explored_data(request, ["t4"], None, None, 0.0, neurons)
    assert "Rows are weighted by column 'people', which is no feature." in notes
    explored = create()
    problem = explored.problem(explored.initial)
    np.testing.assert_array_equal(problem.point_weights, ROWS["people"])
    if neurons is None:
        scale = np.sqrt(np.cov(ROWS["rent"], aweights=ROWS["people"], ddof=0))
        expected = (wls().fittedvalues - np.average(ROWS["rent"], weights=ROWS["people"])) / scale
        fitted = np.asarray(problem.X) @ np.asarray(problem.full_fit())
        np.testing.assert_allclose(fitted, expected, atol=1e-10)


def test_the_lines_of_an_explorer_weigh_the_rows(table):
    options = TableOptions(target="rent", index="town", weights="people", command=True)
    create, _ = explored_data(TableRequest(table, None, options, True), *[None] * 3, 0.0, None)
    explored = create()
    state = explored.initial
    schedule, left = schedule_of(state), {}
    exec(compile(python_lines(explored, state, schedule), "lines", "exec"), left)
    assert left["cost"] == pytest.approx(explored.picture(state, schedule).cost, rel=1e-9)
    np.testing.assert_array_equal(left["problem"].point_weights, ROWS["people"])
    # The row that is forgotten by default moves the weighted fit most.
    design = np.column_stack([np.ones(16), left["scaled"].X])
    root = np.sqrt(ROWS["people"].to_numpy(float))

    def fit(rows):
        return np.linalg.lstsq(
            root[rows, None] * design[rows], root[rows] * left["y"][rows], rcond=None
        )[0]

    every = np.arange(16)
    moves = [np.linalg.norm(fit(np.delete(every, row)) - fit(every)) for row in every]
    assert state.deleted == (int(np.argmax(moves)),)


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


COMMANDS = {"influence": (), "values": (), "unlearn": ("--delete", "t4"), "explore": ()}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("rows", "options", "parts"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_row_column_and_option(command, rows, options, parts, tmp_path):
    rows.to_csv(tmp_path / "towns.csv", index=False)
    result = run(command, tmp_path / "towns.csv", *options, *COMMANDS[command])
    said = " ".join(result.output.split())
    assert result.exit_code == 2, said
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    "command",
    [
        ("forget", "--dataset", "diabetes", "--delete", "1"),
        ("values", "--dataset", "diabetes"),
        ("unlearn", "--dataset", "diabetes", "--delete", "1"),
        ("explore", "--dataset", "diabetes"),
        ("explore", "--dataset", "perceptron"),
        ("explore",),
    ],
)
def test_named_data_have_no_weights(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*command, "--weights", "age")
    assert result.exit_code == 2 and "--weights: it is for tables in files" in result.output
