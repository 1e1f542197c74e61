"""The command line: its numbers against other routes, its files, and every refusal."""

import json
import math
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.linalg
from oracles import control
from oracles import flow as flow_oracle
from typer.testing import CliRunner

from homotopy.cli import app
from homotopy.commands.forget import command as forget_command
from homotopy.commands.shared.errors import CommandError, InputError
from homotopy.commands.shared.output import output_folder

FILES = ["forget.json", "portrait.pdf", "portrait.png"]
ROWS = [7, 3]


def table(size=20, features=4, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(size, features)) * [1.0, 10.0, 0.1, 3.0][:features] + 2.0
    y = X @ [1.0, 0.2, -3.0, 0.5][:features] + generator.normal(size=size)
    return X, y


def write_csv(path, X, y, names=("size [m²]", "age", "rooms", "a$b")):
    lines = [",".join([*names[: X.shape[1]], "price"])]
    for row in np.column_stack([X, y]).tolist():
        lines.append(",".join(map(repr, row)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current directory, with a good file beside it."""
    write_csv(tmp_path / "houses.csv", *table())
    current = tmp_path / "here"
    current.mkdir()
    monkeypatch.chdir(current)
    return current


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def scaled(X, y):
    """As the command fits them: an intercept first."""
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return np.column_stack([np.ones(len(X)), X]), (y - y.mean()) / y.std()


# --- a good run


@pytest.fixture(scope="module")
def good_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    data = write_csv(folder / "houses.csv", *table())
    rows = ",".join(map(str, ROWS))
    result = run("forget", data, "--target", "price", "--delete", rows, "--out", folder / "a" / "b")
    assert result.exit_code == 0, result.output
    return result, folder / "a" / "b"


@pytest.fixture(scope="module")
def record(good_run):
    return json.loads((good_run[1] / "forget.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def standardised():
    return scaled(*table())


def test_files_are_there_and_nothing_else(good_run):
    assert sorted(path.name for path in good_run[1].iterdir()) == FILES
    assert sorted(path.name for path in good_run[1].parent.iterdir()) == ["b"]
    assert (good_run[1] / "portrait.png").read_bytes().startswith(b"\x89PNG")
    assert (good_run[1] / "portrait.pdf").read_bytes().startswith(b"%PDF")
    assert good_run[1].stat().st_mode & 0o755 == 0o755  # not private, as temporary folders are


def test_costs_agree_with_fifty_digits(record, standardised):
    X, y = standardised
    s, T = record["start"]["value"], record["horizon"]["value"]
    arguments = (X, y, ROWS, 0.0, np.zeros(5))
    schedules = {schedule["name"]: schedule for schedule in record["schedules"]}
    tau = schedules["best single step"]["parameters"]["switch"]
    expected = {
        "delete at once": control.cost(*arguments, [s], [1.0, 0.0], T),
        "best single step": control.cost(*arguments, [tau], [1.0, 0.0], T),
        "linear decay": control.ramp_cost(*arguments, s, T, 1.0, T),
        "quadratic decay": control.ramp_cost(*arguments, s, T, 2.0, T),
        "delete at the horizon": control.cost(*arguments, [], [1.0], T),
        "never delete": control.cost(*arguments, [], [1.0], T),
        "never trained on": control.cost(*arguments, [], [0.0], T),
    }
    assert set(schedules) == set(expected)
    baseline = expected["delete at once"]
    assert record["baseline_cost"] == pytest.approx(baseline, rel=1e-9)
    for name, cost in expected.items():
        tolerance = 1e-7 if "decay" in name else 1e-9
        assert schedules[name]["cost"] == pytest.approx(cost, rel=tolerance)
        assert schedules[name]["ratio_to_baseline"] == pytest.approx(cost / baseline, rel=tolerance)
        left = math.sqrt(2 * cost) / record["displacement"]
        assert schedules[name]["remainder"] == pytest.approx(left, rel=1e-7)
    admissible = {name for name in expected if not name.startswith("never")}
    assert admissible == {name for name in schedules if schedules[name]["admissible"]}
    assert record["best"] in admissible
    assert schedules[record["best"]]["cost"] == min(schedules[name]["cost"] for name in admissible)


def test_times_to_reach_agree_with_fifty_digits(record, standardised):
    X, y = standardised
    s, T = record["start"]["value"], record["horizon"]["value"]
    schedules = {schedule["name"]: schedule for schedule in record["schedules"]}
    best = schedules[record["best"]]["cost"]
    steps = {"delete at once": s, "delete at the horizon": T, "never trained on": 0.0}
    for name, switch in steps.items():
        time = schedules[name]["time_to_reach_best"]
        arguments = (X, y, ROWS, 0.0, np.zeros(5))
        around = np.array([time * (1 - 1e-6), time * (1 + 1e-6)])
        theta = flow_oracle.flow(*arguments, [switch], [1.0, 0.0], around)
        costs = 0.5 * np.sum((theta - np.array(record["deleted_fit"])) ** 2, axis=1)
        assert costs[1] < best < costs[0] or (name == record["best"] and time <= T)
    never = schedules["never delete"]["time_to_reach_best"]
    full = 0.5 * record["displacement"] ** 2
    assert full > best and never is None


def test_diagnostics_agree_with_textbook_formulas(record, standardised):
    X, y = standardised
    raw_X, raw_y = table()
    theta = np.linalg.lstsq(X, y, rcond=None)[0]
    kept = np.delete(np.arange(20), ROWS)
    without = np.linalg.lstsq(X[kept], y[kept], rcond=None)[0]
    hat = X @ np.linalg.pinv(X)
    np.testing.assert_allclose(record["full_fit"], theta, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(record["deleted_fit"], without, rtol=1e-10)
    assert record["displacement"] == pytest.approx(np.linalg.norm(theta - without), rel=1e-10)
    assert [row["row"] for row in record["deleted"]] == ROWS
    for row in record["deleted"]:
        i = row["row"]
        assert row["values"] == raw_X[i].tolist() and row["target"] == raw_y[i]
        assert row["leverage"] == pytest.approx(hat[i, i], rel=1e-10)
        assert row["residual"] == pytest.approx(y[i] - X[i] @ theta, rel=1e-9)
        assert row["deleted_residual"] == pytest.approx(y[i] - X[i] @ without, rel=1e-9)
    eigenvalues = np.linalg.eigvalsh(X.T @ X)
    np.testing.assert_allclose(record["full_eigenvalues"], eigenvalues, rtol=1e-10)
    assert record["full_condition"] == pytest.approx(eigenvalues[-1] / eigenvalues[0], rel=1e-10)
    eigenvalues = np.linalg.eigvalsh(X[kept].T @ X[kept])
    np.testing.assert_allclose(record["deleted_eigenvalues"], eigenvalues, rtol=1e-10)


def test_the_record_says_how_to_repeat_the_run(record):
    assert record["arguments"]["delete"] == ROWS and record["arguments"]["target"] == "price"
    assert record["arguments"]["start"] is None and record["theta0"] == [0.0] * 5
    assert record["arguments"]["optimise"] is False and record["certificate"] is None
    assert "standardised" in record["units"]
    assert {"homotopy", "jax", "numpy", "python"} <= set(record["versions"])
    assert record["data"]["features"] == ["size [m²]", "age", "rooms", "a$b"]
    standardisation = record["data"]["standardisation"]
    np.testing.assert_allclose(standardisation["feature_means"], table()[0].mean(axis=0))
    assert len(record["portrait"]["directions"]) == 2


def test_the_report_says_what_was_computed(good_run, record):
    text = " ".join(good_run[0].stdout.split())
    assert (
        "20 rows, 4 features, target price; standardised over all rows, with an intercept" in text
    )
    assert "row 7: size [m²] " in text and "row 3: " in text
    assert f"Request at s = {record['start']['value']:g}: {record['start']['reason']}" in text
    assert f"Judged at T = {record['horizon']['value']:g}: {record['horizon']['reason']}" in text
    for schedule in record["schedules"]:
        assert schedule["name"] in text and f"{schedule['cost']:.3e}" in text
    assert "never delete † 1 " in text
    assert good_run[0].stderr == ""


@pytest.mark.usefixtures("pictures_without_files")
def test_the_optimum_comes_with_its_certificate(tmp_path):
    data = write_csv(tmp_path / "houses.csv", *table())
    arguments = ("--target", "price", "--delete", 7, "--out", tmp_path / "out", "--optimise")
    result = run("forget", data, *arguments)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "forget.json").read_text(encoding="utf-8"))
    certificate = record["certificate"]
    schedules = {schedule["name"]: schedule for schedule in record["schedules"]}
    X, y = scaled(*table())
    # ε starts at 1 and changes at each switch.
    values = [float(1 - index % 2) for index in range(len(certificate["switches"]) + 1)]
    T = record["horizon"]["value"]
    switches = [min(switch, T) for switch in certificate["switches"]]
    cost = control.cost(X, y, [7], 0.0, np.zeros(5), switches, values, T)
    assert certificate["cost"] == pytest.approx(cost, rel=1e-9)
    assert 0.0 < certificate["cost_error"] <= 1e-9 * cost
    assert certificate["gap"] == pytest.approx(
        (certificate["cost"] + certificate["cost_error"] - certificate["lower_bound"])
        / (certificate["cost"] + certificate["cost_error"])
    )
    assert schedules["optimum"]["cost"] == pytest.approx(cost, rel=1e-9)
    for schedule in schedules.values():
        if schedule["admissible"]:
            assert certificate["lower_bound"] <= schedule["cost"] * (1 + 1e-12)
    assert 0.0 <= certificate["gap"] <= 1e-6 and certificate["pmp_residual"] <= 1e-9
    text = " ".join(result.stdout.split())
    assert "Certificate: the best of all ε(t)" in text and certificate["structure"] in text


@pytest.mark.usefixtures("pictures_without_files")
def test_a_second_run_replaces_its_own_files_and_leaves_others(good_run, tmp_path):
    data = good_run[1].parent.parent / "houses.csv"
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "forget.json").write_text("old")
    options = ("--target", "price", "--delete", "7, 3", "--out", out)
    result = run("forget", data, *options, "--start", 0.01, "--horizon", 0.25, "--ridge", 0.5)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [*FILES[:1], "notes.txt", *FILES[1:]]
    record = json.loads((out / "forget.json").read_text(encoding="utf-8"))
    assert record["start"] == {"value": 0.01, "reason": "as asked for"}
    assert record["horizon"]["value"] == 0.25
    X, y = scaled(*table())
    expected = control.cost(X, y, ROWS, 0.5, np.zeros(5), [0.01], [1.0, 0.0], 0.25)
    assert record["baseline_cost"] == pytest.approx(expected, rel=1e-9)
    assert "ridge ρ = 0.5, which counts the intercept too." in " ".join(result.stdout.split())


def test_the_installed_command_in_its_own_process(tmp_path):
    """From outside the package, float64 off, one feature, no --out: the defaults of a user."""
    X, y = table(size=12, features=1)
    write_csv(tmp_path / "my houses.csv", X, y)
    command = [sys.executable, "-c", "from homotopy.cli import main; main()", "forget"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JAX", "XLA", "PY"))}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    result = subprocess.run(
        [*command, "my houses.csv", "--target", "price", "--delete", "4"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    out = tmp_path / "forget-my-houses-row-4"
    assert sorted(path.name for path in out.iterdir()) == FILES
    record = json.loads((out / "forget.json").read_text(encoding="utf-8"))
    # One feature beside the column of ones: the full Hessian is 12·Id, what leaves it of rank one.
    X, y = scaled(X, y)
    s, T = record["start"]["value"], record["horizon"]["value"]
    full = X.T @ y / 12
    M = X.T @ X - np.outer(X[4], X[4])
    deleted = np.linalg.solve(M, X.T @ y - y[4] * X[4])
    at_start = full * -math.expm1(-12 * s)
    decay = scipy.linalg.expm(-M * (T - s))
    expected = 0.5 * np.sum((decay @ (at_start - deleted)) ** 2)
    assert record["baseline_cost"] == pytest.approx(expected, rel=1e-8)


# --- help


def test_help_teaches():
    result = run("forget", "--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.replace("│", " ").split())
    for part in (
        "homotopy forget --dataset diabetes --delete 169",
        "ℰ = ½ ‖θ(T) − θ*₋‖²",
        "left to undo",
        "reaches best ℰ",
        "Default times.",
        "standardised",
        "count from 0",
        "exit code 2",
    ):
        assert part in text
    for arguments in ((), ("--help",)):
        result = run(*arguments)
        assert result.exit_code == 0 and "forget" in result.stdout


# --- bad input


def refused(result, folder, *parts):
    """Exit code 2, one line that says why, and no file."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: ")
    # Where the options themselves are wrong a second line points to the help.
    assert len(lines) == 1 or (len(lines) == 2 and "--help" in lines[1])
    for part in parts:
        assert part in lines[0]
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert list(folder.iterdir()) == []


GOOD = ("--target", "price", "--delete", "3")
BAD_OPTIONS = {
    "no rows": (("--target", "price"), ["Missing option '--delete'"]),
    "no target": (("--delete", "3"), ["--target", "'../houses.csv'"]),
    "another target": (("--target", "prise", "--delete", "3"), ["'prise'", "mean 'price'?"]),
    "a row past the end": (("--target", "price", "--delete", "3,20"), ["rows 0 to 19", "row 20"]),
    "a negative row": (("--target", "price", "--delete", "-1"), ["rows 0 to 19", "row -1"]),
    "a row twice": (("--target", "price", "--delete", "3,4,3"), ["named twice: row 3"]),
    "a row by name": (("--target", "price", "--delete", "three"), ["row numbers", "'three'"]),
    "half a row": (("--target", "price", "--delete", "3.5"), ["row numbers", "'3.5'"]),
    "a stray comma": (("--target", "price", "--delete", "3,"), ["row numbers", "'3,'"]),
    "every row": (
        ("--target", "price", "--delete", ",".join(map(str, range(20)))),
        ["all 20 rows"],
    ),
    "a horizon before the start": ((*GOOD, "--start", 2, "--horizon", 1), ["s = 2", "got 1"]),
    "a horizon at the start": ((*GOOD, "--start", 2, "--horizon", 2), ["s = 2", "got 2"]),
    "a horizon before the default start": ((*GOOD, "--horizon", 1e-9), ["--start sets s"]),
    "a horizon of zero": ((*GOOD, "--start", 0, "--horizon", 0), ["s = 0", "got 0"]),
    "a negative start": ((*GOOD, "--start", -1), ["--start", "got -1"]),
    "a negative horizon": ((*GOOD, "--horizon", -1), ["--horizon", "got -1"]),
    "a negative ridge": ((*GOOD, "--ridge", -1), ["--ridge", "got -1"]),
    "a start that is no number": ((*GOOD, "--start", "nan"), ["--start", "got nan"]),
    "a horizon that is no number": ((*GOOD, "--horizon", "nan"), ["--horizon", "got nan"]),
    "an endless horizon": ((*GOOD, "--horizon", "inf"), ["--horizon", "got inf"]),
    "a ridge that is no number": ((*GOOD, "--ridge", "nan"), ["--ridge", "got nan"]),
    "no time at all": ((*GOOD, "--optimise", "--time-limit", "0"), ["--time-limit", "got 0"]),
    "a start in words": ((*GOOD, "--start", "soon"), ["'--start'"]),
    "an unknown option": ((*GOOD, "--begin", 1), ["--begin"]),
    "both file and data set": ((*GOOD, "--dataset", "diabetes"), ["both", "'../houses.csv'"]),
    "an output that is a file": ((*GOOD, "--out", "../houses.csv"), ["--out", "is a file"]),
    "an output below a file": ((*GOOD, "--out", "../houses.csv/x"), ["--out", "is a file"]),
}


@pytest.mark.parametrize(("options", "parts"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_bad_options_are_refused(folder, options, parts):
    refused(run("forget", "../houses.csv", *options), folder, *parts)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--delete", "3"), ["name a CSV file or a --dataset (diabetes), got neither"]),
        (("--dataset", "iris", "--delete", "3"), ["no data set 'iris', only diabetes"]),
        (
            ("--dataset", "diabetes", "--target", "bmi", "--delete", "3"),
            ["target of diabetes is 'progression'", "'bmi'"],
        ),
        (("--dataset", "diabetes", "--delete", "442"), ["rows 0 to 441", "row 442"]),
        (("nowhere.csv", *GOOD), ["There is no file 'nowhere.csv'"]),
        (("..", *GOOD), ["is a folder"]),
    ],
)
def test_bad_sources_are_refused(folder, arguments, parts):
    refused(run("forget", *arguments), folder, *parts)


BAD_FILES = {
    "empty": ("", ["is empty"]),
    "missing values": (
        "a,b,price\n1,2,3\n4,,6\n7,8,1\n",
        ["missing values", "'b' in row 1", "--dropna", "--drop b"],
    ),
    "text": ("a,b,price\n1,x,3\n4,y,6\n7,z,1\n", ["text", "'b' (row 0: 'x')", "--index b"]),
    "text target": (
        "a,price\n1,lo\n4,lo\n7,hi\n",
        ["'price' is text", "homotopy influence", "--loss logistic"],
    ),
    "infinite": ("a,price\n1,2\ninf,3\n4,9\n", ["non-finite", "'a' in row 1"]),
    "constant": ("b,price\n5,3\n5,6\n5,1\n5,2\n", ["only constant columns", "'b'"]),
    "constant target": ("a,price\n1,5\n4,5\n", ["constant columns", "'price'"]),
    "one row": ("a,price\n1,2\n", ["at least two rows of data, got 1"]),
    "no features": ("price\n1\n2\n", ["no feature columns"]),
    "no rows": ("a,price\n", ["at least one row"]),
    "duplicate names": ("a,a,price\n1,2,3\n4,6,6\n", ["duplicate column names: 'a'"]),
    "collinear": (
        "a,b,c,price\n" + "".join(f"{i},{i * i},{2 * i - i * i + 3},{i**3}\n" for i in range(6)),
        ["collinear columns", "'b'", "a", "c", "--ridge"],
    ),
    "too few rows": (
        "a,b,c,price\n1,2,4,3\n4,1,6,6\n7,9,1,1\n",
        ["3 features and 3 rows", "takes 4", "--ridge"],
    ),
}


@pytest.mark.parametrize(("text", "parts"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_files_are_refused(folder, text, parts):
    (folder.parent / "bad.csv").write_text(text)
    options = ("--target", "price", "--delete", "0")
    result = run("forget", "../bad.csv", *options)
    if "collinear" in parts[0]:  # which of the three is named is a matter of pivoting
        parts = [part for part in parts if part != "'b'"]
        assert any(f"leave out '{name}'" in result.stderr for name in "abc")
    refused(result, folder, *parts)


def test_a_collinear_column_is_described_in_the_units_of_the_file(folder):
    X, y = table(features=2)
    X = np.column_stack([X, 2 * X[:, 0] - 0.5 * X[:, 1] + 3])
    write_csv(folder.parent / "bad.csv", X, y, names=("a", "b", "c"))
    result = run("forget", "../bad.csv", *GOOD)
    refused(result, folder, "collinear columns")
    relations = ("c = 2·a − 0.5·b + 3", "a = 0.25·b + 0.5·c − 1.5", "b = 4·a − 2·c + 6")
    assert any(relation in result.stderr for relation in relations)


def test_an_error_that_is_not_the_users_is_not_hidden_and_leaves_nothing(folder, monkeypatch):
    """Whatever fails half-way, there is no partial output."""

    def fail(*arguments, **options):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("homotopy.commands.forget.summary.summarise", fail)
    result = run("forget", "../houses.csv", *GOOD)
    assert isinstance(result.exception, ZeroDivisionError)
    assert list(folder.iterdir()) == []


def test_decays_too_stiff_to_follow_are_said_to_be(folder, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("the step budget was spent")

    monkeypatch.setattr("homotopy.deletion.comparison.compare", fail)
    result = run("forget", "../houses.csv", *GOOD, "--start", 0, "--horizon", 1e9)
    assert result.exit_code == 1 and "--horizon nearer to the start" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and list(folder.iterdir()) == []


def test_warnings_stay_inside(folder, monkeypatch):
    def warn(*arguments):
        warnings.warn("an inner matter", stacklevel=1)
        raise InputError("stop here")

    monkeypatch.setattr("homotopy.commands.shared.inputs.load", warn)
    monkeypatch.setattr(sys, "warnoptions", [])
    refused(run("forget", "../houses.csv", *GOOD), folder, "stop here")


# --- output folders


def test_an_output_folder_appears_only_when_all_went_well(tmp_path):
    out = tmp_path / "a" / "b"
    with pytest.raises(KeyboardInterrupt), output_folder(out, ["x"]) as staging:
        (staging / "x").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with output_folder(out, ["x"]) as staging:
        (staging / "x").write_text("whole")
        assert not out.exists()
    assert [path.read_text() for path in out.iterdir()] == ["whole"]


def test_a_failed_run_leaves_the_files_of_the_last_one(tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(CommandError, match=r"could not be written.*No space left"):
        with output_folder(tmp_path, ["x"]) as staging:
            (staging / "x").write_text("half")
            raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_folders_that_cannot_be_written_are_refused_at_once(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match=r"x' is a folder, and not a file"):
        with output_folder(tmp_path, ["x"]):
            pass
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(InputError, match=r"cannot write in .*: Permission denied"):
        with output_folder(tmp_path / "new", ["x"]):
            pass


def test_default_folders_differ_for_different_rows():
    def name(rows):
        return str(forget_command._default_folder("my data/2", rows))

    assert name([3]) == "forget-my-data-2-row-3"
    assert name([3, 8]) == "forget-my-data-2-rows-3-8"
    many = [name(list(range(7))), name(list(range(1, 8))), name(list(range(100)))]
    assert len(set(many)) == 3 and all(len(one) < 60 for one in many)
