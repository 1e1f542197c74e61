"""`homotopy influence`: its numbers against other routes, its files, and every refusal."""

import csv
import io
import json
import sys

import numpy as np
import pytest
import statsmodels.api as sm
from rich.console import Console
from typer.testing import CliRunner

from homotopy.cli import app
from homotopy.commands.influence import command as influence_command
from homotopy.commands.influence.fit import fit_regression
from homotopy.commands.influence.numbers import _largest, influences
from homotopy.commands.influence.report import show
from homotopy.commands.shared.inputs import design
from homotopy.datasets import from_table

FILES = ["influence.csv", "influence.json", "influence.pdf", "influence.png"]
NAMES = ("size [m²]", "age", "rooms", "a$b")
RIDGE = 0.5


def linear_table():
    """Rows 5 and 11 are twins; 15 and 16 have equal features."""
    generator = np.random.default_rng(1)
    X = generator.normal(size=(20, 4)) * [1.0, 10.0, 0.1, 3.0] + 2.0
    y = X @ [1.0, 0.2, -3.0, 0.5] + generator.normal(size=20)
    X[11], y[11] = X[5], y[5]
    X[16] = X[15]
    return X, y


def logistic_table(size=24):
    """The first feature tells the class, but for row 8 and the pair 3, 4, whose features are equal.

    Rows 10 and 11 are twins. Without row 8 the classes touch, and do not overlap.
    """
    generator = np.random.default_rng(2)
    X = generator.normal(size=(size, 2)) + 0.0
    X[8], X[3], X[4] = [1.5, 0.4], 0.0, 0.0
    X[11] = X[10]
    y = (X[:, 0] > 0).astype(float)
    y[8], y[4] = 0.0, 1.0
    return X, y


def write_csv(path, X, y, names=NAMES, target="price"):
    lines = [",".join([*names[: X.shape[1]], target])]
    for row in np.column_stack([X, y]).tolist():
        lines.append(",".join(map(repr, row)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["influence", *map(str, arguments)])


def results(folder):
    """The JSON, and the CSV's columns as strings."""
    record = json.loads((folder / "influence.json").read_text(encoding="utf-8"))
    with (folder / "influence.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return record, {name: [line[name] for line in lines] for name in lines[0]}


def numbers(cells):
    return np.array([float(cell) if cell else np.nan for cell in cells])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_csv(folder / "houses.csv", *linear_table())
    write_csv(folder / "labels.csv", *logistic_table())
    X, y = logistic_table()
    # The columns of the test data may be in another order.
    write_csv(folder / "test.csv", X[5:15, ::-1] * 1.1 + 0.2, y[5:15], names=("age", "size [m²]"))
    return folder


@pytest.fixture(scope="module")
def linear_run(files):
    options = ("--target", "price", "--top", 20, "--out", files / "a" / "linear")
    result = run(files / "houses.csv", *options)
    assert result.exit_code == 0, result.output
    return (result, *results(files / "a" / "linear"))


@pytest.fixture(scope="module")
def ridge_run(files):
    options = ("--target", "price", "--top", 20, "--ridge", RIDGE, "--by", "parameters")
    result = run(files / "houses.csv", *options, "--out", files / "ridge")
    assert result.exit_code == 0, result.output
    return (result, *results(files / "ridge"))


@pytest.fixture(scope="module")
def logistic_run(files):
    options = ("--target", "price", "--loss", "logistic", "--top", 6, "--by", "own-loss")
    test = ("--test", files / "test.csv", "--out", files / "logistic")
    result = run(files / "labels.csv", *options, *test)
    assert result.exit_code == 0, result.output
    return (result, *results(files / "logistic"))


def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def with_ones(X):
    """As the commands fit them: an intercept first."""
    return np.column_stack([np.ones(len(X)), X])


# --- linear regression


def linear_fit(X, y, ridge):
    stacked = np.vstack([X, np.sqrt(ridge) * np.eye(X.shape[1])])
    return np.linalg.lstsq(stacked, np.append(y, np.zeros(X.shape[1])), rcond=None)[0]


@pytest.mark.parametrize("ridge", [0.0, RIDGE])
def test_linear_influences_and_refits_are_those_of_numpy(ridge, linear_run, ridge_run):
    _, record, columns = ridge_run if ridge else linear_run
    X, y = (scaled(array) for array in linear_table())
    X = with_ones(X)
    theta = linear_fit(X, y, ridge)
    np.testing.assert_allclose(record["full_fit"], theta, rtol=1e-10, atol=1e-14)
    assert record["parameter_names"] == ["intercept", *NAMES]
    refits = [linear_fit(np.delete(X, row, axis=0), np.delete(y, row), ridge) for row in range(20)]
    true = np.array(refits) - theta
    own = 0.5 * ((np.sum(X * refits, axis=1) - y) ** 2 - (X @ theta - y) ** 2)
    inverse = np.linalg.inv(X.T @ X + ridge * np.eye(5))
    residuals = y - X @ theta
    predicted = -(X @ inverse) * residuals[:, None]
    P = np.sum(X @ inverse * X, axis=1)
    expected = {
        "row": np.arange(20),
        "target": linear_table()[1],
        "prediction": X @ theta * linear_table()[1].std() + linear_table()[1].mean(),
        "residual": residuals,
        "leverage": P,
        "leave_one_out_residual": y - np.sum(X * refits, axis=1),
        "own_loss": 0.5 * residuals**2,
        "own_loss_change_predicted": residuals**2 * P,
        "own_loss_change_true": own,
        "own_loss_change_ratio": residuals**2 * P / own,
        "parameter_change_predicted": np.linalg.norm(predicted, axis=1),
        "parameter_change_true": np.linalg.norm(true, axis=1),
        "parameter_change_ratio": 1 - P,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(numbers(columns[name]), values, rtol=1e-8, err_msg=name)
    assert columns["refit"] == ["minimum"] * 20
    by = "parameter_change_predicted" if ridge else "own_loss_change_predicted"
    assert record["ranked_by"] == by
    for name, key in ((by, "most_influential"), ("leverage", "highest_leverage")):
        shown = [row["row"] for row in record[key]]
        assert sorted(shown) == list(range(20))
        assert np.all(np.diff(expected[name][shown]) <= 1e-12)


def test_deletion_diagnostics_are_those_of_statsmodels(linear_run, ridge_run):
    # The data as they are: what is standardised by the command does not matter to these.
    X, y = linear_table()
    oracle = sm.OLS(y, sm.add_constant(X)).fit().get_influence()
    columns = linear_run[2]
    np.testing.assert_allclose(numbers(columns["leverage"]), oracle.hat_matrix_diag, rtol=1e-10)
    for name, values in {
        "cooks_distance": oracle.cooks_distance[0],
        "dffits": oracle.dffits[0],
        "studentised_residual": oracle.resid_studentized_external,
    }.items():
        np.testing.assert_allclose(numbers(columns[name]), values, rtol=1e-10, atol=1e-13)
        assert name not in ridge_run[2]  # not defined with a ridge


def test_coefficients_in_the_units_of_the_data(linear_run):
    X, y = linear_table()
    fit = np.linalg.lstsq(np.column_stack([X, np.ones(20)]), y, rcond=None)[0]
    record = linear_run[1]
    np.testing.assert_allclose(record["coefficients_in_units_of_the_data"], fit[:4], rtol=1e-9)
    assert record["intercept_in_units_of_the_data"] == pytest.approx(fit[4], rel=1e-9)


# --- logistic regression


def newton_fit(X, y):
    """Logistic regression by plain Newton steps; None where they do not come to rest."""
    theta = np.zeros(X.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-X @ theta))
        hessian = X.T @ (X * (p * (1 - p))[:, None])
        if np.linalg.cond(hessian) > 1e12:
            return None
        step = np.linalg.solve(hessian, X.T @ (y - p))
        theta = theta + step
    return theta if np.linalg.norm(step) < 1e-10 else None


def losses(X, y, theta):
    return np.logaddexp(0.0, np.where(y == 1, -1.0, 1.0) * (X @ theta))


def test_logistic_influences_and_refits_are_those_of_numpy(logistic_run):
    _, record, columns = logistic_run
    raw, y = logistic_table()
    ones = np.ones((24, 1))
    X = np.hstack([ones, scaled(raw)])
    theta = newton_fit(X, y)
    np.testing.assert_allclose(record["full_fit"], theta, rtol=1e-8)
    assert record["parameter_names"] == ["intercept", *NAMES[:2]]
    p = 1 / (1 + np.exp(-X @ theta))
    inverse = np.linalg.inv(X.T @ (X * (p * (1 - p))[:, None]))
    gradients = (p - y)[:, None] * X
    predicted = gradients @ inverse
    test_X = with_ones((raw[5:15] * 1.1 + 0.2 - raw.mean(axis=0)) / raw.std(axis=0))
    test_y = y[5:15]
    test_gradient = (1 / (1 + np.exp(-test_X @ theta)) - test_y) @ test_X / 10
    expected = {
        "target": y,
        "prediction": p,
        "residual": y - p,
        "leverage": p * (1 - p) * np.sum(X @ inverse * X, axis=1),
        "own_loss": losses(X, y, theta),
        "own_loss_change_predicted": np.sum(gradients * predicted, axis=1),
        "test_loss_change_predicted": predicted @ test_gradient,
        "parameter_change_predicted": np.linalg.norm(predicted, axis=1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(
            numbers(columns[name]), values, rtol=1e-7, atol=1e-12, err_msg=name
        )
    assert record["evidence"]["test_loss"] == pytest.approx(losses(test_X, test_y, theta).mean())
    shown = [row["row"] for row in record["most_influential"]]
    assert shown == np.argsort(-expected["own_loss_change_predicted"])[:6].tolist()
    refitted = set(shown) | {row["row"] for row in record["highest_leverage"]}
    assert {row for row in range(24) if columns["refit"][row]} == refitted
    for row in refitted:
        refit = newton_fit(np.delete(X, row, axis=0), np.delete(y, row))
        true = {f"{kind}_change_{what}": columns[f"{kind}_change_{what}"][row]
                for kind in ("own_loss", "test_loss", "parameter")
                for what in ("true", "ratio")}  # fmt: skip
        if refit is None:
            assert row == 8 and columns["refit"][row] == "no minimum"
            assert set(true.values()) == {""}
            continue
        assert columns["refit"][row] == "minimum"
        for name, change in {
            "own_loss": (losses(X, y, refit) - losses(X, y, theta))[row],
            "test_loss": np.mean(losses(test_X, test_y, refit) - losses(test_X, test_y, theta)),
            "parameter": np.linalg.norm(refit - theta),
        }.items():
            ratio = expected[f"{name}_change_predicted"][row] / change
            assert float(true[f"{name}_change_true"]) == pytest.approx(change, rel=1e-6)
            assert float(true[f"{name}_change_ratio"]) == pytest.approx(ratio, rel=1e-6)
    assert 8 in refitted


def test_a_refit_without_a_minimum_is_said_to_have_none(logistic_run):
    """The classes touch without row 8; the gradient of Newton's method vanishes all the same."""
    result, record, _ = logistic_run
    assert "there is no fit without row 8" in " ".join(result.stdout.split())
    (evidence,) = (one for one in record["evidence"]["refits"] if one["row"] == 8)
    assert evidence["status"] == "no minimum"


# --- files and report


def test_files_are_there_and_nothing_else(linear_run, files):
    folder = files / "a" / "linear"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert sorted(path.name for path in folder.parent.iterdir()) == ["linear"]
    assert (folder / "influence.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "influence.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("which", ["linear_run", "ridge_run", "logistic_run"])
def test_csv_and_json_say_the_same(which, request):
    _, record, columns = request.getfixturevalue(which)
    assert list(columns) == list(record["columns"])
    for row in record["most_influential"] + record["highest_leverage"]:
        for name, value in row.items():
            cell = columns[name][row["row"]]
            if name == "twins":
                assert cell == " ".join(map(str, value))
            elif isinstance(value, float | int):
                assert float(cell) == value
            else:
                assert cell == (value or "")


def test_duplicates_are_reported(linear_run, logistic_run):
    for (result, record, columns), twins, alike in (
        (linear_run, [5, 11], [15, 16]),
        (logistic_run, [10, 11], [3, 4]),
    ):
        assert record["duplicates"] == {"identical": [twins], "same_features": [alike]}
        assert columns["twins"][twins[0]] == str(twins[1])
        assert sum(cell != "" for cell in columns["twins"]) == 2
        text = " ".join(result.stdout.split())
        assert f"Identical rows, marked =: {{{twins[0]}, {twins[1]}}}." in text
        assert f"Equal features, different targets: rows {{{alike[0]}, {alike[1]}}}." in text
    assert "5 =" in linear_run[0].stdout and "11 =" in linear_run[0].stdout


def test_the_record_says_how_to_repeat_and_judge_the_run(logistic_run, linear_run):
    record = logistic_run[1]
    assert record["arguments"]["loss"] == "logistic" and record["arguments"]["top"] == 6
    assert record["arguments"]["by"] == "own-loss"
    assert "deletion" in record["signs"] and "intercept" in record["units"]
    assert {"homotopy", "jax", "numpy", "python"} <= set(record["versions"])
    assert record["data"]["features"] == list(NAMES[:2])
    np.testing.assert_allclose(
        record["data"]["standardisation"]["feature_means"], logistic_table()[0].mean(axis=0)
    )
    for one in (record, linear_run[1]):
        evidence = one["evidence"]
        assert evidence["gradient_norm"] <= 1e-9 * evidence["gradient_scale"]
        assert evidence["influence_residual"] <= 1e-9
        done = [refit for refit in evidence["refits"] if refit["status"] == "minimum"]
        assert done and all(refit["residual"] <= 1e-10 for refit in done)


def test_the_report_shows_the_numbers(linear_run, logistic_run):
    result, record, _ = linear_run
    text = " ".join(result.stdout.split())
    assert (
        "20 rows, 4 features, target price; standardised over all rows, with an intercept" in text
    )
    for row in record["most_influential"]:
        assert f"{row['leverage']:.4f} {row['residual']:.4f} {row['cooks_distance']:#.3g}" in text
        assert f"{row['parameter_change_true']:.3e} {row['parameter_change_ratio']:.4f}" in text
    assert "Most influential by the predicted change of their own loss" in text
    assert "(1 − leverage)" in text and result.stderr == ""
    text, loss = " ".join(logistic_run[0].stdout.split()), logistic_run[1]["evidence"]["test_loss"]
    assert f"Mean loss on the 10 rows of test data: {loss:.4g}" in text


@pytest.mark.usefixtures("pictures_without_files")
def test_a_narrow_terminal_gets_fewer_columns(files):
    data = from_table(files / "houses.csv", "price")
    fit = fit_regression(design(data, 0.0, True), "squared", 0.0, None)
    column, _ = influence_command.RANKINGS["cooks-distance"]
    calls = []
    found = influences(fit, column, 20, lambda *call: calls.append(call))
    assert calls == [(0, 20), (20, 20)]
    assert np.all(np.diff(found.columns["cooks_distance"][found.ranked]) <= 0)
    for width, there, absent in ((120, ["Cook's"], []), (70, ["leverage"], ["Cook's"])):
        console = Console(width=width, file=io.StringIO(), highlight=False)
        show(console, found, "fame", "own_loss_change")
        text = console.file.getvalue()
        assert "…" not in text and all(len(line) <= width for line in text.splitlines())
        assert all(part in text for part in there) and not any(part in text for part in absent)


def test_the_same_run_writes_the_same_bytes(ridge_run, files, tmp_path):
    arguments = ("--target", "price", "--top", 20, "--ridge", RIDGE, "--by", "parameters")
    result = run(files / "houses.csv", *arguments, "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (files / "ridge" / name).read_bytes()


def test_ranking_puts_ties_in_order_and_undefined_last():
    values = np.array([1.0, np.nan, -3.0, 1.0, 2.0])
    assert _largest(values, 9) == [2, 4, 0, 3, 1]
    assert _largest(values, 2) == [2, 4]


def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with influence_command._progress() as report:
            report(0, 2)
            report(2, 2)
        assert ("refitting" in stream.getvalue()) == drawn


def test_help_teaches():
    result = run("--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.replace("│", " ").split())
    for part in (
        "homotopy influence --dataset diabetes --top 5",
        "θ(0) − θ(1), without the row minus with it",
        "sum, not a mean",
        "Cook's distance",
        "leverage",
        "standardised",
        "cooks-distance",
        "exit code 2",
    ):
        assert part in text


# --- bad input


@pytest.fixture
def folder(files, tmp_path, monkeypatch):
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(result, folder, *parts):
    """Exit code 2, one line that says why, and no file."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: ")
    # Where the options themselves are wrong a second line points to the help.
    assert len(lines) == 1 or (len(lines) == 2 and "--help" in lines[1])
    for part in parts:
        assert part in lines[0]
    assert result.stdout == "" and list(folder.iterdir()) == []


GOOD = ("--target", "price")
BAD_OPTIONS = {
    "no target": ((), ["--target", "houses.csv"]),
    "another target": (("--target", "prise"), ["'prise'", "mean 'price'?"]),
    "no rows": ((*GOOD, "--top", 0), ["--top", "1 or more, got 0"]),
    "fewer rows than none": ((*GOOD, "--top", -3), ["--top", "got -3"]),
    "half a row": ((*GOOD, "--top", 2.5), ["'--top'"]),
    "an unknown measure": ((*GOOD, "--by", "fame"), ["--by", "own-loss, parameters", "'fame'"]),
    "an unknown loss": ((*GOOD, "--loss", "hinge"), ["squared, logistic, softmax", "'hinge'"]),
    "test loss without test data": ((*GOOD, "--by", "test-loss"), ["--test TEST.csv"]),
    "Cook's with a ridge": (
        (*GOOD, "--by", "cooks-distance", "--ridge", 1),
        ["--by cooks-distance", "with a ridge"],
    ),
    "Cook's of logistic regression": (
        (*GOOD, "--by", "cooks-distance", "--loss", "logistic"),
        ["--by cooks-distance", "logistic regression"],
    ),
    "labels that are none": ((*GOOD, "--loss", "logistic"), ["'price' to be 0 or 1", "in row 0"]),
    "a negative ridge": ((*GOOD, "--ridge", -1), ["--ridge", "got -1"]),
    "a ridge that is no number": ((*GOOD, "--ridge", "nan"), ["--ridge", "got nan"]),
    "both file and data set": ((*GOOD, "--dataset", "diabetes"), ["both"]),
    "no test file": ((*GOOD, "--test", "nowhere.csv"), ["no file 'nowhere.csv'"]),
    "an unknown option": ((*GOOD, "--first", 1), ["--first"]),
}


@pytest.mark.parametrize(("options", "parts"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_bad_options_are_refused(files, folder, options, parts):
    refused(run(files / "houses.csv", *options), folder, *parts)


def test_bad_sources_and_outputs_are_refused(files, folder):
    refused(run(*GOOD), folder, "name a CSV file or a --dataset (diabetes), got neither")
    refused(run("--dataset", "iris"), folder, "no data set 'iris'")
    refused(run("--dataset", "diabetes", "--loss", "logistic"), folder, "to be 0 or 1")
    refused(run("--dataset", "diabetes", "--index", "age"), folder, "--index", "tables in files")
    header = "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,progression"
    (files / "gap.csv").write_text(f"{header}\n" + "1," * 10 + "\n" + "1," * 10 + "2\n")
    gap = ("--dataset", "diabetes", "--test", files / "gap.csv")
    refused(run(*gap), folder, "--test: gap.csv has missing values", "--dropna leaves")
    out = ("--out", files / "houses.csv")
    refused(run(files / "houses.csv", *GOOD, *out), folder, "--out", "is a file")


BAD_FILES = {
    "missing values": ("a,b,price\n1,2,3\n4,,6\n7,8,1\n", (), ["missing values", "'b' in row 1"]),
    "NaN": ("a,b,price\n1,2,3\n4,nan,6\n7,8,1\n", (), ["'b' in row 1"]),
    "infinite": ("a,price\n1,2\ninf,3\n4,9\n", (), ["non-finite", "'a' in row 1"]),
    "text": ("a,b,price\n1,x,3\n4,y,6\n7,z,1\n", (), ["text", "'b' (row 0: 'x')"]),
    "constant target": ("a,price\n1,5\n4,5\n2,5\n", (), ["constant columns", "'price'"]),
    "constant columns": ("a,price\n5,3\n5,6\n5,1\n", (), ["only constant columns", "'a'"]),
    "collinear": (
        "a,b,price\n" + "".join(f"{i},{2 * i + 1},{i**3}\n" for i in range(6)),
        (),
        ["collinear columns", "--ridge"],
    ),
    "too few rows": ("a,b,c,price\n1,2,4,3\n4,1,6,6\n7,9,1,1\n", (), ["3 features and 3 rows"]),
    "an exact fit": ("a,price\n1,3\n2,5\n3,7\n5,11\n", (), ["passes through every row"]),
    "one class": (
        "a,price\n1,1\n2,1\n3,1\n", ("--loss", "logistic"), ["'price' is 1 in every row", "both"],
    ),
    "three classes": (
        "a,price\n1,1\n2,0\n3,2\n", ("--loss", "logistic"), ["0 or 1", "got 2 in row 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options", "parts"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_files_are_refused(files, folder, text, options, parts):
    (files / "bad.csv").write_text(text)
    refused(run(files / "bad.csv", *GOOD, *options), folder, *parts)


@pytest.mark.usefixtures("pictures_without_files")
def test_classes_that_do_not_overlap_are_refused(files, folder, logistic_run):
    X, y = logistic_table()
    y[8] = 1.0
    touching = write_csv(files / "touching.csv", X, y)
    refused(run(touching, *GOOD, "--loss", "logistic"), folder, "plane separates", "--ridge")
    y[4] = 0.0
    apart = write_csv(files / "apart.csv", X, y)
    refused(run(apart, *GOOD, "--loss", "logistic"), folder, "plane separates", "--ridge")


@pytest.mark.usefixtures("pictures_without_files")
def test_test_data_may_be_one_row(files, folder):
    X, y = linear_table()
    one = write_csv(files / "one.csv", X[3:4] + 0.5, y[3:4] - 1.0)
    result = run(files / "houses.csv", "--target", "price", "--top", 1, "--test", one)
    assert result.exit_code == 0, result.output
    assert "Mean loss on the row of test data" in result.output
    (made,) = folder.glob("*/influence.json")
    record = json.loads(made.read_text(encoding="utf-8"))
    theta = linear_fit(with_ones(scaled(X)), scaled(y), 0.0)
    seen = np.append(1.0, (X[3] + 0.5 - X.mean(axis=0)) / X.std(axis=0))
    wanted = (y[3] - 1.0 - y.mean()) / y.std()
    assert record["evidence"]["test_loss"] == pytest.approx(0.5 * (seen @ theta - wanted) ** 2)


def test_test_data_must_have_the_columns(files, folder):
    X, y = linear_table()
    fewer = write_csv(files / "fewer.csv", X[:, :3], y)
    result = run(files / "houses.csv", *GOOD, "--test", fewer)
    refused(result, folder, "--test: fewer.csv lacks column 'a$b'")
    more = write_csv(files / "more.csv", np.hstack([X, X[:, :1]]), y, names=(*NAMES, "extra"))
    result = run(files / "houses.csv", *GOOD, "--test", more)
    refused(result, folder, "--test: more.csv has", "'extra'")
    labels = write_csv(files / "half.csv", logistic_table()[0], 0.5 * logistic_table()[1])
    result = run(files / "labels.csv", *GOOD, "--loss", "logistic", "--test", labels)
    refused(result, folder, "--test", "0 or 1")


@pytest.mark.usefixtures("pictures_without_files")
def test_nearly_collinear_columns_have_influences_and_refits(files, folder):
    # Of condition 1e9: seven digits are left, and every refit is one.
    X, y = linear_table()
    X[:, 3] = X[:, 0] + 1e-9 * np.sin(np.arange(20))
    result = run(write_csv(files / "near.csv", X, y), *GOOD)
    assert result.exit_code == 0, result.output
    assert "there is no fit" not in result.output


def test_default_folders_are_named_after_the_data():
    assert str(influence_command._default_folder("my data/2")) == "influence-my-data-2"
