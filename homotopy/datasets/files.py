"""Data from files: text with any separator, Parquet, Excel."""

import os
from collections.abc import Sequence
from pathlib import Path

from homotopy._checks import flag, instance, sequence
from homotopy.datasets.dataset import Dataset
from homotopy.datasets.tables.load import load_table
from homotopy.datasets.tables.options import TableOptions


def from_table(
    path: str | os.PathLike,
    target: str | None = None,
    *,
    formula: str | None = None,
    weights: str | None = None,
    index: str | None = None,
    drop: Sequence[str] = (),
    dropna: bool = False,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    comment: str | None = None,
) -> Dataset:
    """A data set from a table in a file; every column but the target is a feature, or makes some.

    Takes text (CSV), also compressed, and by their endings Parquet and Excel, for which pandas
    needs an engine. Booleans count as 0 and 1. Columns of text are categories, coded by dummies
    against their first level in the order of the alphabet, `origin[T.usa]`; a target of text gives
    `classes`, and y their numbers. What was assumed is said in `notes`.

    Parameters
    ----------
    path
        The file. Its first line names the columns. A first column without a name is taken for
        names of the rows.
    target
        Name of the target column; with a formula there is no need of it.
    formula
        Such as `"y ~ a*b + C(c)"`, in the grammar of formulaic. What it says of an intercept is in
        `coding`; among the features there is none.
    weights
        The column of sample weights, positive numbers, which is no feature: `Dataset.weights`.
    index
        The column that names the rows.
    drop
        Columns to leave out.
    dropna
        Leave rows out in which a value is missing: they are refused otherwise.
    separator, decimal, encoding
        Of text; by default they are told from the file where that is safe: commas, semicolons,
        tabs or bars; points or commas; UTF-8, UTF-16 or Western European. `decimal` is also for
        numbers that are text in a workbook.
    comment
        What lines begin with that are to be left out, such as "#".

    Raises
    ------
    ValueError
        Naming the file, the columns and rows, and the argument that helps: if the file is missing
        or broken; a column has no name or shares one; the target or another column is not there;
        there are no features or no rows; values are missing, not finite, or text among numbers.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "houses.csv")
    ...     _ = path.write_text("street;rooms;garden;price\\nElm;3;no;200,5\\n"
    ...                         "Oak;4;yes;260\\nAsh;5;no;330\\n")
    ...     houses = from_table(path, target="price", index="street")
    >>> houses.feature_names, houses.y.tolist(), houses.row_names
    (('rooms', 'garden[T.yes]'), [200.5, 260.0, 330.0], ('Elm', 'Oak', 'Ash'))
    """
    instance("path", path, str | os.PathLike, "a file name")
    if formula is None or target is not None:
        instance("target", target, str, "the name of a column")
    for name, value, what in (
        ("formula", formula, "text such as 'y ~ a + b'"),
        ("weights", weights, "the name of a column"),
        ("index", index, "the name of a column"),
        ("separator", separator, "one character"),
        ("decimal", decimal, "'.' or ','"),
        ("encoding", encoding, "the name of an encoding"),
        ("comment", comment, "what begins a comment"),
    ):
        if value is not None:
            instance(name, value, str, what)
    drop = tuple(sequence("drop", drop, "a sequence of names of columns"))
    for name in drop:
        instance("drop", name, str, "a sequence of names of columns")
    options = TableOptions(
        target=target,
        formula=formula,
        weights=weights,
        index=index,
        drop=drop,
        dropna=flag("dropna", dropna),
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        comment=comment,
    )
    return load_table(Path(path), options)
