"""Own tables through the commands: what R's lm and statsmodels say of them, rows by their names."""

import csv
import json
import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from commands.own_tables import TABLES, cars, categories, data, missing_values, text_index
from typer.testing import CliRunner

from homotopy.cli import app

pytestmark = pytest.mark.usefixtures("pictures_without_files")


def run(command, *arguments):
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def good(command, *arguments):
    result = run(command, *arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def results(folder):
    """The JSON, and the CSV's columns as strings."""
    record = json.loads((folder / "influence.json").read_text(encoding="utf-8"))
    with (folder / "influence.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return record, {name: [line[name] for line in lines] for name in lines[0]}


def numbers(cells):
    return np.array([float(cell) if cell else np.nan for cell in cells])


def agree_with_lm(record, columns, formula, rows):
    """Every diagnostic, the refits and the coefficients; rounding of 1e-10 of the largest."""
    fit = smf.ols(formula, rows).fit()
    oracle = fit.get_influence()
    for name, values in {
        "leverage": oracle.hat_matrix_diag,
        "cooks_distance": oracle.cooks_distance[0],
        "dffits": oracle.dffits[0],
        "studentised_residual": oracle.resid_studentized_external,
        "prediction": fit.fittedvalues,
    }.items():
        values = np.asarray(values)
        np.testing.assert_allclose(
            numbers(columns[name]),
            values,
            rtol=1e-10,
            atol=1e-10 * np.abs(values).max(),
            err_msg=name,
        )
    names = [name for name in record["parameter_names"] if name != "intercept"]
    expected = fit.params.rename(lambda name: name.replace("sodium", "NA"))
    np.testing.assert_allclose(
        record["coefficients_in_units_of_the_data"], expected[names], rtol=1e-10
    )
    assert record["intercept_in_units_of_the_data"] == pytest.approx(
        expected.get("Intercept", 0.0), rel=1e-10
    )


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_own_tables_give_the_numbers_of_lm(table, tmp_path):
    rows = table.write(tmp_path / table.file)
    out = tmp_path / "out"
    text = good("influence", tmp_path / table.file, *table.options, "--top", 2, "--out", out)
    record, columns = results(out)
    agree_with_lm(record, columns, table.formula, rows)
    for part in table.said:
        assert part in text
    for name in record["parameter_names"]:
        assert name in text
    assert all(note in text for note in record["data"]["notes"])


def test_numbers_that_are_text_in_a_workbook_are_read_as_asked(tmp_path):
    from homotopy.datasets import from_table

    frame = pd.DataFrame({"a": ["1,5", "2,5", "7"], "y": [1.5, 2, 4]})
    frame.to_excel(tmp_path / "cars.xlsx", index=False)
    with pytest.raises(ValueError, match="for a decimal comma say decimal=',';"):
        from_table(tmp_path / "cars.xlsx", "y")
    made = from_table(tmp_path / "cars.xlsx", "y", decimal=",")
    assert (made.X[:, 0].tolist(), made.y.tolist()) == ([1.5, 2.5, 7.0], [1.5, 2.0, 4.0])


# --- names and numbers of rows


def test_rows_are_called_by_their_names_in_every_file(tmp_path):
    text_index(tmp_path / "cars.csv")
    options = ("--target", "mpg", "--index", "car", "--top", 3)
    text = good("influence", tmp_path / "cars.csv", *options, "--out", tmp_path / "out")
    record, columns = results(tmp_path / "out")
    names = cars().rownames.tolist()
    assert columns["name"] == names and columns["row"] == [str(i) for i in range(32)]
    leverage = numbers(columns["leverage"])
    assert [row["name"] for row in record["highest_leverage"]] == [
        names[i] for i in np.argsort(-leverage)[:3]
    ]
    for row in record["most_influential"] + record["highest_leverage"]:
        assert names[row["row"]] == row["name"] and f"{row['name']} {row['leverage']:.4f}" in text


def test_row_numbers_stay_those_of_the_file(tmp_path):
    rows = missing_values(tmp_path / "air.csv")
    options = ("--target", "Ozone", "--dropna", "--top", 2, "--out", tmp_path / "out")
    good("influence", tmp_path / "air.csv", *options)
    record, columns = results(tmp_path / "out")
    assert columns["row"] == [str(i) for i in rows.index]
    leverage = numbers(columns["leverage"])
    assert record["highest_leverage"][0]["row"] == rows.index[np.argmax(leverage)]
    assert record["evidence"]["refits"][0]["row"] == record["most_influential"][0]["row"]


def test_rows_are_forgotten_by_name(tmp_path, monkeypatch):
    """One run of the other command in full: names, categories, a formula's labels of θ."""
    categories(tmp_path / "duncan.csv")
    monkeypatch.chdir(tmp_path)
    text = good(
        "forget", "duncan.csv", "--target", "prestige", "--index", "rownames", "--delete",
        "minister,RR.engineer",
    )  # fmt: skip
    frame = data("carData", "Duncan").set_index("rownames")
    (out,) = tmp_path.glob("forget-*")
    assert out.name == "forget-duncan-rows-5-26"
    record = json.loads((out / "forget.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in record["deleted"]] == ["minister", "RR.engineer"]
    assert [row["row"] for row in record["deleted"]] == record["arguments"]["delete"] == [5, 26]
    names = ["intercept", "type[T.prof]", "type[T.wc]", "income", "education"]
    assert record["parameter_names"] == names
    dummies = np.column_stack([frame.type == level for level in ("prof", "wc")]).astype(float)
    X = np.column_stack([dummies, frame.income, frame.education])
    X = sm.add_constant((X - X.mean(axis=0)) / X.std(axis=0))
    y = ((frame.prestige - frame.prestige.mean()) / frame.prestige.std(ddof=0)).to_numpy()
    full = sm.OLS(y, X).fit()
    kept = ~frame.index.isin(["minister", "RR.engineer"])
    without = sm.OLS(y[kept], X[kept]).fit()
    np.testing.assert_allclose(record["full_fit"], full.params, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(record["deleted_fit"], without.params, rtol=1e-10)
    for row in record["deleted"]:
        hat = full.get_influence().hat_matrix_diag[row["row"]]
        assert row["leverage"] == pytest.approx(hat, rel=1e-10)
    for part in ("minister", "RR.engineer", *names, "against the baseline 'bc'"):
        assert part in text


def test_names_with_commas_and_repeated_options(tmp_path):
    from homotopy.commands.shared.rows import rows_to_delete
    from homotopy.datasets import from_table

    path = tmp_path / "people.csv"
    path.write_text('who;x;y\n"Doe, Ann";1;2\nBob;2;4\n"3";5;9\nEve;1;7\n')
    people = from_table(path, "y", index="who")
    for given, places in (
        (["Doe, Ann"], [0]),
        (['"Doe, Ann",Bob'], [0, 1]),
        (["Doe, Ann", "Eve"], [0, 3]),
        ([" Bob , Eve "], [1, 3]),
        (["3"], [2]),  # a name, where rows are called by numbers
    ):
        assert rows_to_delete(given, people) == places
    frame = data("datasets", "mtcars")
    frame[["rownames", "mpg", "wt"]].to_csv(path, index=False)
    named = from_table(path, "mpg", index="rownames")
    assert rows_to_delete(["Fiat 128,3", "0"], named) == [17, 3, 0]


def test_a_saved_index_of_numbers_names_the_rows(tmp_path):
    """R counts from 1: row "3" of such a file is the one that says so."""
    from homotopy.commands.shared.rows import rows_to_delete
    from homotopy.datasets import from_table

    path = tmp_path / "women.csv"
    path.write_text('"","height","weight"\n"1",58,115\n"2",59,117\n"3",60,120\n')
    assert rows_to_delete(["3"], from_table(path, "weight")) == [2]


def test_categories_of_numbers_are_named_by_them(tmp_path):
    data("datasets", "mtcars")[["mpg", "cyl", "wt"]].to_csv(tmp_path / "cars.csv", index=False)
    how = ("--formula", "mpg ~ wt*C(cyl)", "--top", 1, "--test", tmp_path / "cars.csv")
    text = good("influence", tmp_path / "cars.csv", *how, "--out", tmp_path / "out")
    assert "'C(cyl)' is categories, coded as '6', '8' against the baseline '4'." in text
    record, columns = results(tmp_path / "out")
    assert record["parameter_names"][:4] == ["intercept", "wt", "C(cyl)[T.6]", "C(cyl)[T.8]"]
    agree_with_lm(record, columns, "mpg ~ wt*C(cyl)", data("datasets", "mtcars"))


# --- R's numbers


def test_cooks_distance_of_fourteen_rows_and_one_feature(tmp_path):
    rows = data("datasets", "women").drop(columns="rownames")[:14]
    rows.loc[13, "weight"] = 110
    rows.to_csv(tmp_path / "women.csv", index=False)
    good("influence", tmp_path / "women.csv", "--target", "weight", "--out", tmp_path / "out")
    record, columns = results(tmp_path / "out")
    agree_with_lm(record, columns, "weight ~ height", rows)
    # By hand, of a line: P = 1/n + (x − x̄)²/Σ(x − x̄)².
    x = rows.height - rows.height.mean()
    leverage = 1 / 14 + x**2 / (x**2).sum()
    np.testing.assert_allclose(numbers(columns["leverage"]), leverage, rtol=1e-13)
    # The refit without a row, by statsmodels.
    row = record["most_influential"][0]["row"]
    refit = smf.ols("weight ~ height", rows.drop(index=row)).fit()
    own = (rows.weight[row] - refit.predict(rows)[row]) ** 2
    full = smf.ols("weight ~ height", rows).fit().resid[row] ** 2
    change = 0.5 * (own - full) / rows.weight.var(ddof=0)
    assert float(columns["own_loss_change_true"][row]) == pytest.approx(change, rel=1e-9)


def test_a_ridge_penalises_the_intercept_too_and_says_so(tmp_path):
    text_index(tmp_path / "cars.csv")
    rho, options = 2.0, ("--target", "mpg", "--index", "car", "--top", 32)
    text = good(
        "influence", tmp_path / "cars.csv", *options, "--ridge", rho, "--out", tmp_path / "out"
    )
    assert "ridge ρ = 2, which counts the intercept too" in text
    frame = cars()
    X, y = frame[["wt", "hp"]].to_numpy(), frame.mpg.to_numpy()
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    X = np.column_stack([np.ones(32), X])
    inverse = np.linalg.inv(X.T @ X + rho * np.eye(3))
    record, columns = results(tmp_path / "out")
    np.testing.assert_allclose(record["full_fit"], inverse @ X.T @ y, rtol=1e-10, atol=1e-14)
    assert record["full_fit"][0] == pytest.approx(0.0, abs=1e-14)
    leverage = np.sum(X @ inverse * X, axis=1)
    np.testing.assert_allclose(numbers(columns["leverage"]), leverage, rtol=1e-10)


# --- classes


def iris(path, species):
    frame = data("datasets", "iris").drop(columns="rownames")
    frame = frame[frame.Species.isin(species)].reset_index(drop=True)
    frame.to_csv(path, index=False)
    return frame


def test_text_of_two_classes_is_a_target_of_logistic_regression(tmp_path):
    frame = iris(tmp_path / "iris.csv", ["versicolor", "virginica"])
    options = ("--target", "Species", "--loss", "logistic", "--top", 2, "--out", tmp_path / "out")
    text = good("influence", tmp_path / "iris.csv", *options)
    assert "0 is 'versicolor' and 1 'virginica'" in text
    record, columns = results(tmp_path / "out")
    X = frame.drop(columns="Species")
    X = sm.add_constant((X - X.mean()) / X.std(ddof=0))
    fit = sm.GLM((frame.Species == "virginica").astype(float), X, sm.families.Binomial()).fit(
        tol=1e-14
    )
    np.testing.assert_allclose(record["full_fit"], fit.params, rtol=1e-7)
    hat = fit.get_influence().hat_matrix_diag
    np.testing.assert_allclose(numbers(columns["leverage"]), hat, rtol=1e-6, atol=1e-9)
    assert columns["target"] == frame.Species.tolist()


def test_text_of_three_classes_is_a_target_of_softmax_regression(tmp_path):
    from sklearn.linear_model import LogisticRegression

    frame = iris(tmp_path / "iris.csv", ["setosa", "versicolor", "virginica"])
    frame.iloc[40:60].to_csv(tmp_path / "test.csv", index=False)
    options = ("--target", "Species", "--loss", "softmax", "--ridge", 0.5, "--no-intercept")
    text = good(
        "influence", tmp_path / "iris.csv", *options, "--top", 3, "--test", tmp_path / "test.csv",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert "3 classes: 'setosa', 'versicolor', 'virginica'" in text
    record, columns = results(tmp_path / "out")
    X = frame.drop(columns="Species").to_numpy()
    X = X / np.sqrt(np.mean(X**2, axis=0))
    # scikit-learn's C weighs the sum of the losses against ½‖θ‖².
    sklearn = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
    sklearn.fit(X, frame.Species)
    np.testing.assert_allclose(
        np.reshape(record["full_fit"], (3, 4)), sklearn.coef_, rtol=1e-4, atol=1e-5
    )
    names = frame.columns[:4].tolist()
    assert record["parameter_names"][:5] == [f"{n}[setosa]" for n in names] + [
        f"{names[0]}[versicolor]"
    ]
    p = sklearn.predict_proba(X)[np.arange(150), frame.Species.astype("category").cat.codes]
    np.testing.assert_allclose(numbers(columns["prediction"]), p, rtol=1e-4)
    np.testing.assert_allclose(numbers(columns["own_loss"]), -np.log(p), rtol=1e-3)
    assert record["evidence"]["test_loss"] == pytest.approx(-np.log(p[40:60]).mean(), rel=1e-4)
    # A refit of the most influential row, by scikit-learn.
    row = record["most_influential"][0]["row"]
    kept = np.arange(150) != row
    refit = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
    refit.fit(X[kept], frame.Species[kept])
    moved = np.linalg.norm(refit.coef_ - sklearn.coef_)
    assert float(columns["parameter_change_true"][row]) == pytest.approx(moved, rel=1e-3)


def test_numbers_of_classes_are_taken_by_softmax(tmp_path):
    frame = data("datasets", "mtcars")[["cyl", "wt", "qsec"]]
    frame.to_csv(tmp_path / "cars.csv", index=False)
    options = ("--target", "cyl", "--loss", "softmax", "--ridge", 1, "--top", 1)
    text = good("influence", tmp_path / "cars.csv", *options, "--out", tmp_path / "out")
    record, columns = results(tmp_path / "out")
    assert columns["target"] == [str(cyl) for cyl in frame.cyl]
    assert record["data"]["classes"] == ["4", "6", "8"] and "3 classes: '4', '6', '8'" in text


def test_numbers_of_classes_are_told_apart_however_long(tmp_path):
    from homotopy.commands.influence.fit import with_classes
    from homotopy.datasets import from_table

    (tmp_path / "zip.csv").write_text(
        "x,k\n" + "".join(f"{i},{1000001 + i % 2}\n" for i in range(6))
    )
    coded = with_classes(from_table(tmp_path / "zip.csv", "k"), "softmax")
    assert coded.classes == ("1000001", "1000002")
    assert coded.y.tolist() == [0, 1, 0, 1, 0, 1]


def test_classes_in_least_squares_get_a_hint(tmp_path):
    frame = data("datasets", "mtcars")[["am", "wt", "qsec"]]
    frame.to_csv(tmp_path / "cars.csv", index=False)
    options = ("--target", "am", "--top", 1, "--out", tmp_path / "out")
    assert "--loss logistic takes it for a class" in good(
        "influence", tmp_path / "cars.csv", *options
    )


# --- test data


def test_test_data_have_the_levels_of_the_data(tmp_path):
    frame = categories(tmp_path / "duncan.csv")
    test = frame[10:14].assign(note="x").drop(columns=["note"])[::-1]
    test.to_csv(tmp_path / "test.csv", index=False)
    for how in (
        ("--target", "prestige", "--index", "rownames"),
        ("--formula", "prestige ~ type + income + education"),
    ):
        options = (*how, "--top", 1, "--test", tmp_path / "test.csv", "--out", tmp_path / "out")
        good("influence", tmp_path / "duncan.csv", *options)
        fit = smf.ols("prestige ~ type + income + education", frame).fit()
        loss = 0.5 * np.mean((test.prestige - fit.predict(test)) ** 2) / frame.prestige.var(ddof=0)
        assert results(tmp_path / "out")[0]["evidence"]["test_loss"] == pytest.approx(loss)
    # One row has no income, and is left out and named; the other three are tested.
    gap = test.assign(income=test.income.astype(object).where(np.arange(4) != 1, ""))
    gap.to_csv(tmp_path / "gap.csv", index=False, sep=";")
    options = (*how, "--dropna", "--top", 1, "--test", tmp_path / "gap.csv")
    text = good("influence", tmp_path / "duncan.csv", *options, "--out", tmp_path / "out")
    loss = 0.5 * np.mean(np.delete((test.prestige - fit.predict(test)).to_numpy(), 1) ** 2)
    record, _ = results(tmp_path / "out")
    assert record["evidence"]["test_loss"] == pytest.approx(loss / frame.prestige.var(ddof=0))
    for part in ("Separated by semicolons.", "1 of 4 rows left out for missing values"):
        assert part in text and any(part in note for note in record["test_notes"])
    test.assign(type=["prof", "robot", "bc", "bc"]).to_csv(tmp_path / "new.csv", index=False)
    for how, part in (
        (("--target", "prestige", "--index", "rownames"), "'robot' in row 1"),
        (("--formula", "prestige ~ type + income + education"), "robot"),
    ):
        result = run("influence", tmp_path / "duncan.csv", *how, "--test", tmp_path / "new.csv")
        assert result.exit_code == 2 and part in result.stderr and "--test" in result.stderr


def alike(folder, data, test, target="y", **how):
    """The test data, as data of the same kind are read."""
    from homotopy.datasets import from_table
    from homotopy.datasets.tables.load import load_alike

    (folder / "data.csv").write_text(data)
    (folder / "test.csv").write_text(test)
    return load_alike(folder / "test.csv", from_table(folder / "data.csv", target, **how))


def test_what_a_formula_learned_of_the_data_is_kept_for_test_data(tmp_path):
    data, test = "x,y\n1,2\n3,4\n8,12\n", "x,y\n2,7\n4,9\n"
    made = alike(tmp_path, data, test, target=None, formula="center(y) ~ center(x) + x:center(x)")
    np.testing.assert_allclose(made.X, [[2 - 4, 2 * (2 - 4)], [4 - 4, 0]], rtol=1e-15)
    np.testing.assert_allclose(made.y, [7 - 6, 9 - 6], rtol=1e-15)


WORDS = "x,y\n" + "".join(f"{i},{'abc'[i % 3]}\n" for i in range(9))
NUMBERS = "x,y\n" + "".join(f"{i + 1},{i % 3}\n" for i in range(9))
UNLIKE = {
    "numbers for classes": (WORDS, "x,y\n1,1\n2,7\n", {}, "numbers here, and text in the data"),
    "text for numbers": (NUMBERS, "x,y\n1,a\n2,b\n", {}, "text here, and numbers in the data"),
    "numbers for a formula's classes": (
        WORDS, "x,y\n1,1\n", {"target": None, "formula": "y ~ x"}, "and text in the data",
    ),
    "no logarithm": (
        NUMBERS, "x,y\n1,\n2,1\n0,1\n", {"target": None, "formula": "y ~ log(x)", "dropna": True},
        r"'log\(x\)' is not finite in row 2;",
    ),
    "no logarithm of the target": (
        NUMBERS.replace(",0", ",4"), "x,y\n1,1\n2,0\n", {"target": None, "formula": "log(y) ~ x"},
        r"'log\(y\)' is not finite in row 1;",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "test", "how", "message"), UNLIKE.values(), ids=UNLIKE.keys())
def test_test_data_of_another_kind_are_refused(data, test, how, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        alike(tmp_path, data, test, **how)


def test_a_row_of_no_logarithm_has_its_number_in_the_file(tmp_path):
    from homotopy.datasets import from_table

    path = tmp_path / "cars.csv"
    path.write_text("car,x,y\nA,1,1\nB,,2\nC,0,3\nD,4,4\n")
    for how, called in (({"index": "car"}, r"row 2 \(C\);"), ({}, "row 2;")):
        with pytest.raises(ValueError, match=rf"'log\(x\)' is not finite in {called}"):
            from_table(path, formula="y ~ log(x)", dropna=True, **how)


# --- refusals


CARS = "car,mpg,wt,kind\nFiat,30,2,a\nMerc,20,3,a\nOpel,25,,b\nSaab,22,3.5,b\nFord,19,3.7,a\n"
REFUSED = {
    "missing values": (
        CARS, ("--target", "mpg", "--index", "car"),
        ["missing values: column 'wt' in row 2 (Opel)", "--dropna", "--drop wt"],
    ),
    "missing values of a formula": (
        CARS, ("--formula", "mpg ~ wt"), ["--dropna", "a formula without 'wt' leaves"],
    ),
    "a missing target": (
        CARS.replace("Fiat,30", "Fiat,").replace(",,b", ",2,b"),
        ("--target", "mpg", "--index", "car"),
        ["column 'mpg' in row 0 (Fiat)", "--dropna leaves these rows out."],
    ),
    "names in a formula": (
        CARS, ("--formula", "mpg ~ car"), ["--index car", "a formula without 'car' leaves"],
    ),
    "two codings of one category": (
        "y,k,m\n" + "".join(f"{i * i},{'ab'[i % 2]},{'uv'[i % 2]}\n" for i in range(6)),
        ("--target", "y"), ["m[T.v] = k[T.b]", "leave out 'm' by --drop"],
    ),
    "two codings in a formula": (
        "y,k,m\n" + "".join(f"{i * i},{'ab'[i % 2]},{'uv'[i % 2]}\n" for i in range(6)),
        ("--formula", "y ~ k + m"), ["leave out 'm[T.v]' of the formula"],
    ),
    "a last row left out": (
        CARS.replace(",,b", ",2,b").replace("3.7", ""),
        ("--target", "mpg", "--index", "car", "--dropna", "--delete", "4"),
        ["rows 0 to 3", "those that --dropna leaves out"],
    ),
    "a name nearly right": (
        CARS, ("--target", "mpg", "--index", "car", "--dropna", "--delete", "Ferd"),
        ["--delete", "'Ferd'", "mean 'Ford'?"],
    ),
    "a row left out": (
        CARS, ("--target", "mpg", "--drop", "car", "--dropna", "--delete", "2"),
        ["--delete: row 2 was left out for missing values (--dropna)"],
    ),
    "names as numbers": (
        CARS, ("--target", "mpg", "--drop", "car", "--dropna", "--delete", "Fiat"),
        ["--delete", "row numbers", "--index COLUMN"],
    ),
    "a name as a category": (
        CARS, ("--target", "mpg", "--dropna", "--delete", "0"),
        ["differs in every row, in column 'car' (row 0: 'Fiat')", "--index car", "--drop car"],
    ),
    "no such index": (
        CARS, ("--target", "mpg", "--index", "cars"), ["--index", "'cars'", "mean 'car'?"],
    ),
    "an index twice": (
        CARS, ("--target", "mpg", "--index", "kind"), ["--index", "'a' in rows 0 and 1", "'kind'"],
    ),
    "no such column to drop": (
        CARS, ("--target", "mpg", "--drop", "kinds"), ["--drop", "mean 'kind'?"],
    ),
    "the target dropped": (
        CARS, ("--target", "mpg", "--drop", "mpg"), ["--drop", "'mpg' is the target"],
    ),
    "text among numbers": (
        CARS.replace("3.7", "heavy"), ("--target", "mpg", "--index", "car", "--dropna"),
        ["column 'wt' has numbers, such as 2, and 'heavy' in row 4 (Ford)", "--drop wt"],
    ),
    "thousands": (
        'a,y\n"1,000",3\n"2,000",4\n"4,500",7\n', ("--target", "y"),
        ["column 'a' has '1,000' in row 0", "--decimal ,".replace(",", "','")],
    ),
    "two separators": (
        "a,b;y\n1,5;2\n3,5;4\n2,2;4\n", ("--target", "y"), ["commas or semicolons", "--separator"],
    ),
    "a separator too long": (CARS, ("--target", "mpg", "--separator", "::"), ["--separator"]),
    "an odd decimal": (CARS, ("--target", "mpg", "--decimal", "x"), ["--decimal", "'x'"]),
    "no such encoding": (
        CARS, ("--target", "mpg", "--encoding", "utf-9"), ["--encoding", "'utf-9'"],
    ),
    "another encoding": (
        CARS.replace("Fiat", "Citroën"), ("--target", "mpg", "--encoding", "ascii"),
        ["--encoding", "not ascii (line 2, byte 0xc3)"],
    ),
    "comments": ("# mine\n" + CARS, ("--target", "mpg"), ["'#'", "--comment '#'"]),
    "a formula of nothing": (
        CARS, ("--formula", "mpg ~ weight"), ["--formula", "no column 'weight'"],
    ),
    "a formula's dot": (
        CARS, ("--formula", "mpg ~ ."), ["--formula", "does not stand for all columns here"],
    ),
    "a formula in capitals": (CARS, ("--formula", "mpg ~ WT"), ["'WT'. Did you mean 'wt'?"]),
    "part of a name": (
        CARS, ("--target", "mpg", "--index", "car", "--dropna", "--delete", "aa"), ["mean 'Saab'?"],
    ),
    "half a formula": (CARS, ("--formula", "mpg ~ wt +"), ["--formula", "'mpg ~ wt +'"]),
    "a formula and no intercept": (
        CARS, ("--formula", "mpg ~ wt", "--dropna", "--no-intercept"), ["--no-intercept", "- 1"],
    ),
    "a formula and another target": (
        CARS, ("--formula", "mpg ~ wt", "--target", "wt"), ["--target", "target is 'mpg'"],
    ),
    "a formula and columns to drop": (CARS, ("--formula", "mpg ~ wt", "--drop", "car"), ["--drop"]),
    "a long row": (CARS + "Seat,1,2,3,4\n", ("--target", "mpg"), ["line 7 has 5 cells"]),
    "an open quote": (CARS + 'Seat,"1\n', ("--target", "mpg"), ["a quoted cell does not end"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options", "parts"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_row_column_and_option(text, options, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cars.csv").write_text(text, encoding="utf-8")
    command = "forget" if "--delete" in options else "influence"
    result = run(command, "cars.csv", *options)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ") and len(result.stderr.splitlines()) == 1
    for part in parts:
        assert part in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cars.csv"]


LOSSES = {
    "three classes": ("squared", ["--loss squared", "3 classes ('a', 'b', 'c')", "--loss softmax"]),
    "two are expected": ("logistic", ["--loss logistic", "3: 'a', 'b', 'c'", "--loss softmax"]),
}


@pytest.mark.parametrize(("loss", "parts"), LOSSES.values(), ids=LOSSES.keys())
def test_classes_that_a_loss_does_not_take_are_refused(loss, parts, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("x,k\n" + "".join(f"{i},{'abc'[i % 3]}\n" for i in range(9)))
    result = run("influence", path, "--target", "k", "--loss", loss)
    assert result.exit_code == 2
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("file", "package"), [("cars.parquet", "pyarrow"), ("cars.xlsx", "openpyxl")]
)
def test_a_file_without_an_engine_names_the_package(file, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    (tmp_path / file).write_bytes(b"PK")
    result = run("influence", tmp_path / file, "--target", "mpg")
    assert result.exit_code == 2 and f"takes the package {package}" in result.stderr
    assert "pip install 'homotopy[files]'" in result.stderr


# --- pictures


def test_axes_of_a_portrait_are_named_by_parameters():
    from homotopy.commands.forget.picture import _labels
    from homotopy.plotting.plane import Plane

    def plane(directions, centre):
        return Plane(np.asarray(centre), np.asarray(directions), np.array([0.9, 0.1]))

    names = ("intercept", "wt", "a$b-c")
    first, second = [0.0, -0.8, 0.6], [1.0, 0.0, 0.0]
    across, up = _labels(plane([first, second], np.ones(3)), names, False)
    assert across == "−0.80 wt + 0.60 a\\$b-c\n(90 % of the motion)"
    assert up == "1.00 intercept\n(10 % of the motion)"
    spread = np.full(9, 1 / 3.0)
    long = _labels(plane([spread, spread], np.ones(9)), [f"column {i}" for i in range(9)], False)
    assert long[0].startswith("0.33 column 0 + …\n")
    assert _labels(plane(np.eye(2), np.zeros(2)), names[:2], False) == ("intercept", "wt")
    assert _labels(plane([[1.0], [0.0]], np.zeros(1)), ("wt",), True) == ("time t", "wt")
