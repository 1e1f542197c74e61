"""The arguments of a command, checked: each error names what was given and what is possible."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from homotopy._wording import listed
from homotopy.commands.shared.errors import InputError
from homotopy.datasets import (
    Dataset,
    Standardisation,
    collinear_columns,
    diabetes,
    from_csv,
    standardise,
)

DATASETS = {"diabetes": diabetes}


def load(data: Path | None, dataset: str | None, target: str | None) -> Dataset:
    """The data set that the user named, from a file or by name; of two rows at least."""
    if (data is None) == (dataset is None):
        given = "neither" if data is None else f"both {str(data)!r} and --dataset {dataset}"
        raise InputError(f"name a CSV file or a --dataset ({', '.join(DATASETS)}), got {given}.")
    if dataset is not None:
        if dataset not in DATASETS:
            raise InputError(
                f"--dataset: there is no data set {dataset!r}, only {', '.join(DATASETS)}."
            )
        loaded = DATASETS[dataset]()
        if target not in (None, loaded.target_name):
            raise InputError(
                f"--target: the target of {dataset} is {loaded.target_name!r}, got {target!r}; "
                "another one needs a CSV file."
            )
        return loaded
    if target is None:
        raise InputError(f"--target: name the column of {str(data)!r} that is to be predicted.")
    loaded = read(data, target)
    if len(loaded.y) < 2:
        raise InputError(f"{data.name} needs at least two rows of data, got {len(loaded.y)}.")
    return loaded


def read(path: Path, target: str) -> Dataset:
    """The data of a file, of one row or more."""
    try:
        return from_csv(path, target)
    except ValueError as error:
        raise InputError(str(error)) from None


def row_numbers(text: str) -> list[int]:
    """Rows from "3,8,12"; whether they are there is for `check_rows`."""
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not (part.isascii() and part.removeprefix("-").isdigit()):
            raise InputError(
                f"--delete: expected row numbers separated by commas, such as 3,8, got {text!r}."
            )
    return [int(part) for part in parts]


def check_rows(rows: list[int], dataset: Dataset) -> None:
    """Each row is there, none is named twice, and some are left."""
    size = len(dataset.y)
    absent = [str(row) for row in rows if not 0 <= row < size]
    if absent:
        raise InputError(
            f"--delete: {dataset.name} has rows 0 to {size - 1} (they count from 0, below the "
            f"header), got {listed(absent, word='row')}."
        )
    twice = sorted({row for row in rows if rows.count(row) > 1})
    if twice:
        raise InputError(f"--delete: named twice: {listed(map(str, twice), word='row')}.")
    if len(rows) == size:
        raise InputError(f"--delete: all {size} rows would be deleted; at least one must stay.")


def check_number(option: str, value: float | None) -> None:
    """A finite number that is not negative, where one is given."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise InputError(f"{option}: expected a finite number, 0 or above, got {value:g}.")


def standardised(dataset: Dataset, ridge: float) -> tuple[Dataset, Standardisation]:
    """The data standardised; refused where that leaves the fit undetermined and no ridge helps."""
    try:
        scaled, standardisation = standardise(dataset)
    except ValueError as error:
        raise InputError(str(error)) from None
    if ridge > 0:
        return scaled, standardisation
    remedy = "or make the fit unique with a small --ridge, such as 1e-3"
    size, features = scaled.X.shape
    if features >= size:
        raise InputError(
            f"{dataset.name} has {features} features and {size} rows, too few rows for a unique "
            f"fit (it takes {features + 1}): leave features out, {remedy}."
        )
    collinear = collinear_columns(scaled.X)
    if collinear:
        relations = [_in_original_units(one, dataset, standardisation) for one in collinear]
        names = [repr(dataset.feature_names[one.column]) for one in collinear]
        raise InputError(
            f"{dataset.name} has collinear columns: {listed(relations, limit=3)}: leave out "
            f"{listed(names, limit=10)}, {remedy}."
        )
    return scaled, standardisation


def _in_original_units(column, dataset, standardisation) -> str:
    """The relation between columns in words, in the units of the file: "c = 2·a − b + 3"."""
    means, scales = standardisation.feature_means, standardisation.feature_scales
    others = list(column.others)
    coefficients = np.array(column.coefficients) * scales[column.column] / scales[others]
    constant = means[column.column] - coefficients @ means[others]
    size = abs(means[column.column]) + np.abs(coefficients) @ np.abs(means[others])
    relation = dataclasses.replace(column, coefficients=tuple(coefficients.tolist()))
    text = relation.describe(dataset.feature_names)
    if abs(constant) > 1e-9 * size:
        text += f" {'−' if constant < 0 else '+'} {abs(constant):.4g}"
    return text
