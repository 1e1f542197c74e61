"""A file as a data set, step by step: cells, index, columns, missing values, features."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from homotopy import _formulas
from homotopy._wording import listed
from homotopy.datasets.dataset import Dataset
from homotopy.datasets.tables.coding import (
    Coding,
    check_levels,
    features,
    learn_levels,
    target_values,
)
from homotopy.datasets.tables.columns import Column, check_column, column
from homotopy.datasets.tables.decimals import uses_decimal_commas
from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable
from homotopy.datasets.tables.rows import complete_rows, missing_column, row_namer, take_index
from homotopy.datasets.tables.separated import split_text
from homotopy.datasets.tables.text import read_text
from homotopy.datasets.tables.weights import checked_weights, weight_column
from homotopy.datasets.tables.workbooks import EXCEL, PARQUET, read_workbook


def read_raw(path: Path, options: TableOptions) -> RawTable:
    """The cells of a file, whatever its kind."""
    if not os.path.exists(path):  # also of what is too long for a name
        raise ValueError(f"There is no file {str(path)!r}.")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not a table.")
    if options.decimal not in (None, ".", ","):
        raise ValueError(f"{options.bare('decimal')}: expected . or ,, got {options.decimal!r}.")
    if path.suffix.lower() in PARQUET + EXCEL:
        # Numbers that are text there are read as the option says.
        return dataclasses.replace(read_workbook(path, options), decimal=options.decimal or ".")
    if options.comment == "":
        raise ValueError(f"{options.bare('comment')}: expected what begins a comment, got ''.")
    text, notes = read_text(path, options)
    raw = split_text(text, path.name, options)
    decimal = options.decimal
    if decimal is None:
        # All columns together: a file has one kind of numbers.
        commas = uses_decimal_commas(cell for cells in raw.columns for cell in cells)
        decimal = "," if commas else "."
        if decimal == ",":
            notes = [*notes, "Numbers have decimal commas."]
    return dataclasses.replace(raw, decimal=decimal, notes=(*notes, *raw.notes))


def load_table(path: Path, options: TableOptions) -> Dataset:
    """The data set of a file.

    Raises
    ------
    ValueError
        Naming the file, the column and the row, and the option that helps.
    """
    if options.formula is not None and options.drop:
        raise ValueError(
            f"{options.bare('drop')}: a formula names the columns that it takes, and others are "
            "left out anyhow."
        )
    raw, names = take_index(read_raw(path, options), options)
    for name in options.drop:
        if name not in raw.names:
            raise ValueError(f"{options.bare('drop')}: {missing_column(raw, name)}")
        if name == options.target:
            raise ValueError(f"{options.bare('drop')}: {name!r} is the target.")
    raw = raw.without(options.drop)
    if options.index is not None:
        note = f"Rows are named by column {options.index!r}."
        raw = dataclasses.replace(raw, notes=(*raw.notes, note))
    if options.weights is not None:
        note = f"Rows are weighted by column {options.weights!r}, which is no feature."
        raw = dataclasses.replace(raw, notes=(*raw.notes, note))
    return _dataset(raw, names, options, None, path)


def load_alike(path: Path, data: Dataset) -> Dataset:
    """The data set of another file, with the features, levels and classes of data with a coding.

    Its columns may be in another order; it need not have the index, nor what was left out, nor
    weights, which are not read.

    Raises
    ------
    ValueError
        As `load_table`; and where columns, levels, classes or kinds are not those of the data.
    """
    coding = data.coding
    options = coding.options
    raw = read_raw(path, options)
    if options.index not in raw.names:
        options = dataclasses.replace(options, index=None)
    raw, names = take_index(raw, options)
    left_out = options.drop if options.weights is None else (*options.drop, options.weights)
    if options.formula is None or options.weights not in coding.columns:
        raw = raw.without(left_out)
    options = dataclasses.replace(options, weights=None)
    if options.formula is None:
        wanted = (*coding.columns, data.target_name)
        for relation, there, needed in (
            ("lacks", raw.names, wanted),
            ("has, and the data lack,", wanted, raw.names),
        ):
            absent = [repr(name) for name in needed if name not in there]
            if absent:
                raise ValueError(
                    f"{path.name} {relation} {listed(absent, word='column')}; it must have the "
                    f"columns of {data.name}."
                )
    made = _dataset(raw, names, options, coding, path)
    order = [made.feature_names.index(name) for name in data.feature_names]
    return dataclasses.replace(made, X=made.X[:, order], feature_names=data.feature_names)


def _dataset(raw, names, options, coding, path) -> Dataset:
    if not raw.size:
        raise ValueError(f"{path.name} needs at least one row of data, got 0.")
    parts = (_plain if options.formula is None else _by_formula)(raw, names, options, coding)
    rows, notes, weighed = parts.pop("rows"), parts.pop("notes"), parts.pop("weights")
    row_names = None if names is None else tuple(names[row] for row in rows)
    if weighed is not None:
        where = row_namer(row_names, rows)
        parts["weights"] = checked_weights(weighed.taken(rows), where, options, raw.file)
    size, count = parts["X"].shape
    return Dataset(
        name=path.name.split(".")[0],
        description=f"{path.name}: {size} rows, {count} features, target {parts['target_name']}.",
        row_names=row_names,
        row_numbers=tuple(rows.tolist()),
        notes=(*raw.notes, *notes),
        **parts,
    )


def _plain(raw, names, options, coding) -> dict:
    """Every column but the target is a feature, or makes some."""
    target = options.target
    if target not in raw.names:
        if target == options.index:
            raise ValueError(f"{options.bare('index')}: {target!r} is the target.")
        raise ValueError(missing_column(raw, target))
    weighed = weight_column(raw, names, options)
    wanted = [name for name in raw.names if name not in (target, options.weights)]
    if coding is not None:
        wanted = list(coding.columns)
    if not wanted:
        raise ValueError(f"{raw.file} has no feature columns: only the target {target!r}.")
    columns = [column(raw, name) for name in wanted]
    answer = column(raw, target)
    every = sorted([*columns, answer], key=lambda one: raw.names.index(one.name))
    _check(every, names, options, raw.file, coding)
    held = every if weighed is None else [*every, weighed]
    rows, notes = complete_rows(held, names, options, raw.file)
    columns, answer = [one.taken(rows) for one in columns], answer.taken(rows)
    where = row_namer(None if names is None else tuple(names[row] for row in rows), rows)
    if coding is None:
        levels, coded = learn_levels(columns, options, raw.file)
        y, classes = target_values(answer, where, raw.file)
        coding = Coding(options, tuple(wanted), levels, classes)
        notes += coded
    else:
        check_levels(columns, coding, where, raw.file)
        y, classes = target_values(answer, where, raw.file, coding)
    X, feature_names = features(columns, coding.levels)
    if not feature_names:
        raise ValueError(
            f"{raw.file} has no feature that differs between rows: only the target {target!r}."
        )
    return {
        "X": X,
        "y": y,
        "feature_names": feature_names,
        "target_name": target,
        "classes": classes,
        "coding": coding,
        "rows": rows,
        "notes": notes,
        "weights": weighed,
    }


def _check(columns: list[Column], names, options, file, coding) -> None:
    where = row_namer(names)
    for one in columns:
        if coding is None or one.name not in coding.levels:
            check_column(one, where, options, file)


def _by_formula(raw, names, options, coding) -> dict:
    import pandas as pd

    bare = options.bare("formula")
    try:
        formula = _formulas.parsed(options.formula, bare)
    except ImportError as error:
        raise ValueError(str(error)) from None
    _formulas.check_variables(formula, raw.names, bare, raw.file)
    simple, answered = _formulas.target_variable(formula), _formulas.target_name(formula)
    if options.target not in (None, answered):
        raise ValueError(
            f"{options.bare('target')}: the formula's target is {answered!r}, got "
            f"{options.target!r}."
        )
    columns = [column(raw, name) for name in _formulas.variables(formula, raw.names)]
    _check(columns, names, options, raw.file, None)
    weighed = weight_column(raw, names, options)
    apart = weighed is not None and weighed.name not in [one.name for one in columns]
    held = [*columns, weighed] if apart else columns
    rows, notes = complete_rows(held, names, options, raw.file)
    columns = [one.taken(rows) for one in columns]
    where = row_namer(None if names is None else tuple(names[row] for row in rows), rows)
    frame = pd.DataFrame({one.name: _series(one) for one in columns})
    if coding is not None:
        made, target = _formulas.again(coding.design, frame, where, bare)
        classes = None
        if target is None:
            (answer,) = (one for one in columns if one.name == simple)
            target, classes = target_values(answer, where, raw.file, coding)
    else:
        texts = [one for one in columns if one.name != simple and one.kind == "text"]
        learn_levels(texts, options, raw.file)  # refuses names of rows
        design = _formulas.design(formula, frame, where, bare)
        made, target, classes = design.features, design.target, design.classes
        coding = Coding(options, tuple(frame.columns), {}, classes, design)
        notes += _formulas.codings(design)
    made = made.drop(columns="intercept", errors="ignore")
    if not made.shape[1]:
        raise ValueError(f"{bare}: expected a feature right of ~, got none in {options.formula!r}.")
    return {
        "X": made.to_numpy(),
        "y": np.asarray(target),
        "feature_names": tuple(map(str, made.columns)),
        "target_name": answered,
        "classes": classes,
        "coding": coding,
        "rows": rows,
        "notes": notes,
        "weights": weighed,
    }


def _series(one: Column):
    """As formulaic takes it: numbers, or categories in their order."""
    import pandas as pd

    if one.kind != "text":
        # C(year) has levels 1999 and 2000, and not 1999.0.
        whole = np.all((one.values == np.round(one.values)) & (np.abs(one.values) < 2**53))
        return one.values.astype(np.int64) if whole else one.values
    return pd.Categorical(one.text, categories=list(one.found_levels()))
