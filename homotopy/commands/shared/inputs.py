"""The arguments of a command, checked: each error names what was given and what is possible."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from homotopy._wording import listed
from homotopy.commands.shared.errors import InputError
from homotopy.commands.shared.options import TableRequest
from homotopy.datasets import (
    Dataset,
    Standardisation,
    collinear_columns,
    diabetes,
    standardise,
)
from homotopy.datasets.standardisation import constant_columns
from homotopy.datasets.tables.coding import Coding
from homotopy.datasets.tables.load import load_table
from homotopy.datasets.tables.options import TableOptions
from homotopy.labels import Labels

DATASETS = {"diabetes": diabetes}


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """What is fitted: standardised data, with a column of ones where there is an intercept.

    Attributes
    ----------
    scaled
        The standardised data, without the column of ones.
    X
        The features (n, d), the column of ones first.
    names
        Of the columns of X, and so of the parameters.
    """

    original: Dataset
    scaled: Dataset
    standardisation: Standardisation
    intercept: bool
    names: tuple[str, ...]

    @property
    def X(self) -> Float[np.ndarray, "n d"]:
        return self.with_intercept(self.scaled.X)

    def with_intercept(self, X) -> Float[np.ndarray, "m d"]:
        """The column of ones put before standardised features, where there is an intercept."""
        return np.column_stack([np.ones(len(X)), X]) if self.intercept else X

    def original_coefficients(self, theta) -> tuple[Float[np.ndarray, " p"], float]:
        """Coefficients of a linear regression and its intercept, in the units of the data."""
        theta = np.asarray(theta)
        slopes = theta[1:] if self.intercept else theta
        coefficients, constant = self.standardisation.original_coefficients(slopes)
        own = theta[0] * self.standardisation.target_scale if self.intercept else 0.0
        return coefficients, float(constant + own)


def load(table: TableRequest) -> Dataset:
    """The data set that the user named, from a file or by name; of two rows at least."""
    data, dataset, options = table.data, table.dataset, table.options
    if (data is None) == (dataset is None):
        given = "neither" if data is None else f"both {str(data)!r} and --dataset {dataset}"
        raise InputError(f"name a CSV file or a --dataset ({', '.join(DATASETS)}), got {given}.")
    if dataset is not None:
        return _named(dataset, options)
    if options.target is None and options.formula is None:
        raise InputError(f"--target: name the column of {str(data)!r} that is to be predicted.")
    try:
        loaded = load_table(data, options)
    except ValueError as error:
        raise InputError(str(error)) from None
    if len(loaded.y) < 2:
        raise InputError(f"{data.name} needs at least two rows of data, got {len(loaded.y)}.")
    return loaded


def _named(dataset: str, options: TableOptions) -> Dataset:
    if dataset not in DATASETS:
        raise InputError(
            f"--dataset: there is no data set {dataset!r}, only {', '.join(DATASETS)}."
        )
    loaded = DATASETS[dataset]()
    if options.target not in (None, loaded.target_name):
        raise InputError(
            f"--target: the target of {dataset} is {loaded.target_name!r}, got "
            f"{options.target!r}; another one needs a CSV file."
        )
    for name in (
        "formula",
        "weights",
        "index",
        "separator",
        "decimal",
        "encoding",
        "comment",
        "drop",
    ):
        if getattr(options, name):
            raise InputError(f"--{name}: it is for tables in files, and {dataset} comes along.")
    # Test data are read by the same options, and name them in errors.
    options = dataclasses.replace(options, target=loaded.target_name)
    return dataclasses.replace(loaded, coding=Coding(options, loaded.feature_names, {}))


def labels(made: Design) -> Labels:
    """What the problem's columns and rows are called."""
    data = made.original
    names = data.row_names
    if names is None and data.row_numbers not in (None, tuple(range(len(data.y)))):
        names = tuple(map(data.row_label, range(len(data.y))))
    return Labels(made.names, names, data.target_name)


def looks_like_classes(dataset: Dataset) -> bool:
    """Whether the target is 0 or 1 in every row."""
    return bool(np.isin(dataset.y, (0.0, 1.0)).all())


def check_number(option: str, value: float | None) -> None:
    """A finite number that is not negative, where one is given."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise InputError(f"{option}: expected a finite number, 0 or above, got {value:g}.")


def design(dataset: Dataset, ridge: float, intercept: bool) -> Design:
    """The data as they are fitted; refused where the fit is undetermined and no ridge helps.

    A formula may say that there is no intercept. With one, constant columns are left out.
    """
    formula = dataset.coding is not None and dataset.coding.options.formula is not None
    if formula and not intercept and dataset.coding.intercept:
        raise InputError("--no-intercept: write it into the formula, as in 'y ~ a + b - 1'.")
    intercept = intercept and (dataset.coding is None or dataset.coding.intercept)
    dataset = _without_constants(dataset) if intercept else dataset
    try:
        scaled, standardisation = standardise(dataset, centre=intercept)
    except ValueError as error:
        raise InputError(str(error)) from None
    ones = "intercept" if "intercept" not in dataset.feature_names else "(intercept)"
    names = (ones, *dataset.feature_names) if intercept else dataset.feature_names
    made = Design(dataset, scaled, standardisation, intercept, names)
    if ridge > 0:
        return made
    remedy = "or make the fit unique with a small --ridge, such as 1e-3"
    size, features = scaled.X.shape
    if len(names) > size:
        raise InputError(
            f"{dataset.name} has {features} features and {size} rows, too few rows for a unique "
            f"fit (it takes {len(names)}): leave features out, {remedy}."
        )
    collinear = collinear_columns(scaled.X)
    if collinear:
        relations = [_in_original_units(one, dataset, standardisation) for one in collinear]
        columns = [dataset.feature_names[one.column] for one in collinear]
        if dataset.coding is not None and not formula:
            columns = dict.fromkeys(map(dataset.coding.column, columns))
        raise InputError(
            f"{dataset.name} has collinear columns: {listed(relations, limit=3)}: leave out "
            f"{listed(map(repr, columns), limit=10)} {'of the formula' if formula else 'by --drop'}"
            f", {remedy}."
        )
    return made


def _without_constants(dataset: Dataset) -> Dataset:
    constant = constant_columns(dataset.X)
    if not constant.any():
        return dataset
    if constant.all():
        names = listed(map(repr, dataset.feature_names))
        raise InputError(f"{dataset.name} has only constant columns, which tell nothing: {names}.")
    notes = [
        f"Column {dataset.feature_names[i]!r} is {dataset.X[0, i]:g} in every row, and left out: "
        "the intercept stands for it."
        for i in np.flatnonzero(constant)
    ]
    kept = np.flatnonzero(~constant)
    return dataclasses.replace(
        dataset,
        X=dataset.X[:, kept],
        feature_names=tuple(dataset.feature_names[i] for i in kept),
        notes=(*dataset.notes, *notes),
    )


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
