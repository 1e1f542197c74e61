"""`homotopy unlearn`: its table against plain loops, its files, and every refusal."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from homotopy.cli import app

ROW, STEPS, NOISE = 7, 200, 0.02


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def table(size=30):
    draw = np.random.default_rng(0)
    X = draw.normal(size=(size, 3)) * [1.0, 10.0, 0.1] + 2.0
    return X, X @ [1.0, 0.2, -3.0] + draw.normal(size=size)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "houses.csv"
    X, y = table()
    np.savetxt(
        path, np.column_stack([X, y]), delimiter=",", header="size,age,rooms,price", comments=""
    )
    return path


@pytest.fixture(scope="module")
def good(data):
    out = data.parent / "out"
    result = run(
        "unlearn", data, "--target", "price", "--delete", ROW, "--privacy-epsilon", 1, "--delta",
        1e-5, "--noise", NOISE, "--steps", STEPS, "--seed", 4, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return result, out


def standardised():
    X, y = table()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return np.column_stack([np.ones(len(X)), X]), (y - y.mean()) / y.std()


def test_the_table_is_that_of_plain_loops(good):
    record = json.loads((good[1] / "unlearn.json").read_text(encoding="utf-8"))
    X, y = standardised()
    kept = np.delete(np.arange(len(y)), ROW)
    size = 1.0 / np.linalg.eigvalsh(X.T @ X)[-1]

    def steps(theta, rows, count):
        for _ in range(count):
            theta = theta - size * X[rows].T @ (X[rows] @ theta - y[rows])
        return theta

    everything, start = np.arange(len(y)), np.zeros(4)
    fit = np.linalg.lstsq(X[kept], y[kept], rcond=None)[0]
    found = {each["name"]: each for each in record["methods"]}
    for name, with_rows, without in (
        ("retrain", 0, STEPS),
        ("rewind by 100", STEPS - 100, 100),
        ("rewind by 20", STEPS - 20, 20),
        ("descend by 20", STEPS, 20),
    ):
        theta = steps(steps(start, everything, with_rows), kept, without)
        retrained = steps(start, kept, with_rows + without)
        own, to_fit = np.linalg.norm(theta - retrained), np.linalg.norm(theta - fit)
        # The step 1/λ is rounded up in its last digits, which moves nothing more than them.
        assert found[name]["to reference"] == pytest.approx(own, rel=1e-6, abs=1e-14)
        assert found[name]["to minimum"] == pytest.approx(to_fit, rel=1e-6, abs=1e-12)
        assert found[name]["certified"] >= own and found[name]["work"] == without * 29


def test_what_is_released_has_the_noise_and_the_units_of_the_data(good):
    with (good[1] / "released.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["parameter"] for row in rows] == ["intercept", "size", "age", "rooms"]
    X, y = standardised()
    kept = np.delete(np.arange(len(y)), ROW)
    fit = np.linalg.lstsq(X[kept], y[kept], rcond=None)[0]
    noise = NOISE * np.random.default_rng(4).standard_normal(4)
    released = np.array([float(row["released"]) for row in rows])
    record = json.loads((good[1] / "unlearn.json").read_text(encoding="utf-8"))
    certified = record["released"]["certificate"]["distance"]
    assert certified <= NOISE * 0.26805 and record["released"]["leaks"] == ""
    assert np.linalg.norm(released - noise - fit) <= certified + 1e-12
    raw, target = table()
    own = np.array([float(row["in_units_of_the_data"]) for row in rows])
    predicted = own[0] + raw @ own[1:]
    assert predicted == pytest.approx(target.mean() + target.std() * (X @ released), rel=1e-12)


def test_what_is_printed_says_what_it_means(good):
    printed = " ".join(good[0].output.split())
    for words in ("row 7", "σ = 0.02, fixed before", "Threat model: one release", "retrain",
                  "refit until certified", "released.csv"):  # fmt: skip
        assert words in printed, words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--delta", "0"], "--delta: expected a number between 0 and 1"),
        (["--delta", "nan"], "--delta: "),
        (["--privacy-epsilon", "-1"], "--privacy-epsilon: expected a finite number"),
        (["--noise", "0"], "--noise: expected a finite number above 0"),
        (["--steps", "25"], "--steps: expected a multiple of 10"),
        (["--seed", "-1"], "--seed: expected an integer"),
        (["--delete", "99"], "--delete: houses has rows 0 to 29"),
        (["--delete", ",".join(map(str, range(28)))], "--delete: the rows that remain do not"),
    ],
)
def test_bad_arguments_are_refused_in_one_line_and_nothing_is_written(
    data, tmp_path, arguments, message
):
    given = {"--delete": "7", "--steps": "20", arguments[0]: arguments[1]}
    out = tmp_path / "out"
    options = [word for option in given.items() for word in option]
    result = run("unlearn", data, "--target", "price", *options, "--out", out)
    assert result.exit_code == 2, result.output
    assert message in result.stderr and not out.exists()
