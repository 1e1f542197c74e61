"""`homotopy values`: its numbers against refits by NumPy, its files, and its refusals."""

import csv
import json

import numpy as np
import pytest
from scipy.optimize import minimize
from typer.testing import CliRunner

from homotopy.cli import app
from homotopy.commands.values.numbers import held_out

FILES = ["values.csv", "values.json", "values.pdf", "values.png"]


def run(*arguments):
    return CliRunner().invoke(app, ["values", *map(str, arguments)])


def table(path, seed=0, size=14, names=True):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(size, 2)) * [1.0, 10.0] + 3.0
    y = X @ [2.0, -0.3] + generator.normal(size=size)
    lines = [",".join([*(["house"] if names else []), "area", "age", "price"])]
    for row, (features, target) in enumerate(zip(X.tolist(), y.tolist(), strict=True)):
        cells = [*([f"h{row}"] if names else []), *map(repr, features), repr(target)]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return X, y


@pytest.fixture(scope="module")
def valued(tmp_path_factory):
    """One run on a table whose rows have names, a part of which is held out."""
    folder = tmp_path_factory.mktemp("values")
    X, y = table(folder / "houses.csv")
    out = folder / "out"
    result = run(
        *(folder / "houses.csv", "--target", "price", "--index", "house", "--out", out),
        *("--permutations", 400, "--top", 2),
    )
    assert result.exit_code == 0, result.output
    with (out / "values.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return X, y, out, result.output, lines


def test_leave_one_out_is_by_refits_of_the_other_rows_and_values_sum_to_the_whole(valued):
    X, y, out, _, lines = valued
    held = held_out(14, 0.25, 0)
    inside, outside = np.flatnonzero(~held), np.flatnonzero(held)
    assert [line["row"] for line in lines] == [str(row) for row in inside]
    assert [line["name"] for line in lines] == [f"h{row}" for row in inside]
    mean, scale = X[inside].mean(axis=0), X[inside].std(axis=0)
    design = np.column_stack([np.ones(14), (X - mean) / scale])
    target = (y - y[inside].mean()) / y[inside].std()

    def loss(rows):
        H = design[rows].T @ design[rows] + np.eye(3)
        theta = np.linalg.solve(H, design[rows].T @ target[rows])
        return 0.5 * np.mean((target[outside] - design[outside] @ theta) ** 2)

    known = [loss(np.setdiff1d(inside, row)) - loss(inside) for row in inside]
    found = [float(line["leave_one_out"]) for line in lines]
    np.testing.assert_allclose(found, known, atol=1e-12)
    record = json.loads((out / "values.json").read_text(encoding="utf-8"))
    total = 0.5 * np.mean(target[outside] ** 2) - loss(inside)
    assert record["total"] == pytest.approx(total, abs=1e-12)
    assert sum(float(line["value"]) for line in lines) == pytest.approx(total, abs=1e-12)
    assert all(float(line["standard_error"]) > 0 for line in lines)


def test_files_and_report_show_the_ends(valued):
    _, _, out, printed, lines = valued
    assert sorted(path.name for path in out.iterdir()) == FILES
    record = json.loads((out / "values.json").read_text(encoding="utf-8"))
    ranked = sorted(lines, key=lambda line: -float(line["value"]))
    assert [row["name"] for row in record["most_helpful"]] == [line["name"] for line in ranked[:2]]
    assert record["most_harmful"][0]["name"] == ranked[-1]["name"]
    assert record["arguments"]["permutations"] == 400 and set(record["columns"]) == set(lines[0])
    assert "Most helpful" in printed and ranked[0]["name"] in printed


@pytest.mark.usefixtures("pictures_without_files")
def test_other_methods_and_test_data(tmp_path):
    table(tmp_path / "a.csv", names=False)
    table(tmp_path / "b.csv", seed=1, names=False)
    options = tmp_path / "a.csv", "--target", "price", "--test", tmp_path / "b.csv"
    for method in ("medium", "aumann"):
        result = run(*options, "--method", method, "--out", tmp_path / method)
        assert result.exit_code == 0, result.output
        record = json.loads((tmp_path / method / "values.json").read_text(encoding="utf-8"))
        assert record["test_rows"] == 14 and abs(record["efficiency_gap"]) < 1e-4
    again = run(*options, "--method", "medium", "--out", tmp_path / "again")
    assert "Beside 4000 permutations" in again.output


@pytest.mark.usefixtures("pictures_without_files")
def test_classes_are_valued_by_the_homotopy_in_all_weights(tmp_path):
    """Leave-one-out by refits of SciPy; the values sum to what the data are worth."""
    X, y = table(tmp_path / "a.csv", names=False)
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    named = ["low" if target < np.median(y) else "top" for target in y]
    lines = [
        line.rsplit(",", 1)[0] + f",{word}" for line, word in zip(lines[1:], named, strict=True)
    ]
    (tmp_path / "b.csv").write_text("\n".join(["area,age,price", *lines]), encoding="utf-8")
    options = tmp_path / "b.csv", "--target", "price", "--ridge", 2, "--loss", "logistic"
    result = run(*options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    held = held_out(14, 0.25, 0)
    inside, outside = np.flatnonzero(~held), np.flatnonzero(held)
    design = np.column_stack([np.ones(14), (X - X[inside].mean(axis=0)) / X[inside].std(axis=0)])
    classes = np.array([word == "top" for word in named], float)

    def loss(rows):
        def risk(theta):
            z = design[rows] @ theta
            return np.sum(np.logaddexp(0.0, z) - classes[rows] * z) + theta @ theta

        z = design[outside] @ minimize(risk, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
        return np.mean(np.logaddexp(0.0, z) - classes[outside] * z)

    with (tmp_path / "out" / "values.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    known = [loss(np.setdiff1d(inside, row)) - loss(inside) for row in inside]
    np.testing.assert_allclose([float(line["leave_one_out"]) for line in found], known, atol=1e-7)
    total = np.log(2.0) - loss(inside)
    assert sum(float(line["value"]) for line in found) == pytest.approx(total, abs=1e-7)
    assert "leverage" not in found[0] and all(float(line["loss"]) > 0 for line in found)
    record = json.loads((tmp_path / "out" / "values.json").read_text(encoding="utf-8"))
    assert record["arguments"]["method"] == "aumann" and "probability" in record["units"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "hinge"], "--loss: expected one of squared, logistic, softmax"),
        (["--loss", "logistic"], "--loss logistic: expected the target 'price' to be 0 or 1"),
        (["--loss", "softmax", "--method", "medium"], "--method medium: it is for --loss squared"),
        (["--truncation", "1"], "--truncation: expected a part from 0 to below 1"),
        (["--truncation", "0.1", "--method", "aumann"], "--truncation: it is for --method perm"),
        (["--method", "banzhaf"], "--method: expected one of permutations, medium, aumann"),
        (["--ridge", "0"], "--ridge: expected a number above 0"),
        (["--ridge", "-1"], "--ridge: expected a finite number, 0 or above"),
        (["--permutations", "1"], "--permutations: expected 4 or more"),
        (["--holdout", "1.5"], "--holdout: expected a part between 0 and 1"),
        (["--holdout", "0.95"], "--holdout: expected to leave two rows"),
        (["--top", "0"], "--top: expected 1 or more"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(tmp_path, arguments, message):
    table(tmp_path / "a.csv", names=False)
    out = tmp_path / "out"
    result = run(tmp_path / "a.csv", "--target", "price", "--out", out, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not out.exists()
