"""The census data on income that fairness is measured on, from a file of one's own."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

from homotopy._checks import instance
from homotopy.datasets.dataset import Dataset
from homotopy.datasets.files import from_table

_COLUMNS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"),
    *("relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week"),
    *("native-country", "income"),
)


def adult(path: str | os.PathLike) -> Dataset:
    """Adult (census income, 1994): is a person's income above 50,000 dollars, 1 or 0?

    Of a file `adult.data` or `adult.test`, as the UCI repository has them: 15 columns without
    names. Columns of text are coded by dummies; rows with a missing value, a question mark, are
    left out. The weights of the sample, `fnlwgt`, and `education`, which `education-num` tells too,
    are left out. A group is a column, as `X[:, feature_names.index("sex[T.Male]")]`.

    Parameters
    ----------
    path : str or path
        The file; none comes along.

    Raises
    ------
    TypeError
        Naming `path`.
    ValueError
        Naming the file: it is missing, or a row has not 15 columns.

    References
    ----------
    Kohavi, "Scaling up the accuracy of naive-Bayes classifiers", KDD 1996.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> rows = ["39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, "
    ...         "White, Male, 2174, 0, 40, United-States, <=50K",
    ...         "50, Private, 83311, Bachelors, 13, Never-married, Sales, Not-in-family, White, "
    ...         "Female, 0, 0, 13, United-States, >50K",
    ...         "38, ?, 215646, HS-grad, 9, Never-married, ?, Not-in-family, White, Male, 0, 0, "
    ...         "40, United-States, <=50K"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "adult.data")
    ...     _ = path.write_text("\\n".join(2 * rows))
    ...     people = adult(path)
    >>> people.y.tolist(), people.feature_names[0]
    ([0.0, 1.0, 0.0, 1.0], 'age')
    """
    file = Path(instance("path", path, str | os.PathLike, "a file name"))
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"path: {str(file)!r} cannot be read: {error.strerror}.") from None
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("|"):
            continue  # the first line of adult.test
        cells = [cell.strip() for cell in line.rstrip(" .").split(",")]
        if len(cells) != len(_COLUMNS):
            raise ValueError(
                f"path: expected {len(_COLUMNS)} columns in {file.name}, got {len(cells)} in line "
                f"{number}."
            )
        rows.append(",".join("" if cell == "?" else cell for cell in cells))
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder, "adult.csv")
        named.write_text("\n".join([",".join(_COLUMNS), *rows]), encoding="utf-8")
        # In the order of the alphabet <=50K is class 0.
        data = from_table(named, "income", drop=("fnlwgt", "education"), dropna=True)
    if data.classes != ("<=50K", ">50K"):
        found = ", ".join(data.classes or map(str, sorted(set(data.y.tolist()))))
        raise ValueError(f"path: expected incomes <=50K and >50K in {file.name}, got {found}.")
    description = "Income above 50,000 dollars, of the United States' census of 1994."
    return dataclasses.replace(data, name="adult", description=description)
