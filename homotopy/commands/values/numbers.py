"""The numbers of `homotopy values`: what rows are worth, beside what else is known of them."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from homotopy.commands.influence.fit import Fit
from homotopy.commands.shared.errors import InputError
from homotopy.datasets import Dataset
from homotopy.influence import measurement_influence, predict
from homotopy.influence.estimators import Influence, LeaveOneOut
from homotopy.valuation import (
    AumannShapley,
    DataValues,
    EffectiveMedium,
    Permutations,
    ValueStatus,
    data_values,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Valued:
    """Rows with their values.

    Attributes
    ----------
    fit
        To the rows that are valued; its test data are those that the loss is measured on.
    values
        As `data_values` has them.
    columns
        Of the CSV, one entry a row.
    """

    fit: Fit
    values: DataValues
    columns: dict[str, np.ndarray]

    @property
    def order(self) -> list[int]:
        """Rows from the most helpful to the most harmful."""
        return np.argsort(-self.columns["value"], kind="stable").tolist()

    @property
    def status(self) -> str:
        """How the values were found, in a sentence."""
        return ValueStatus[self.values.status]


def held_out(size: int, part: float, seed: int) -> Bool[np.ndarray, " n"]:
    """Which of the rows the loss is measured on: a random part, one at least."""
    count = max(1, round(part * size))
    if size - count < 2:
        raise InputError(
            f"--holdout: expected to leave two rows at least, of {size} {count} are held out."
        )
    held = np.zeros(size, bool)
    held[np.random.default_rng(seed).permutation(size)[:count]] = True
    return held


def some_rows(data: Dataset, chosen: Bool[np.ndarray, " n"]) -> Dataset:
    """The data of some of the rows, which keep their numbers and names."""
    places = np.flatnonzero(chosen)
    names, weights = data.row_names, data.weights
    return dataclasses.replace(
        data,
        X=data.X[places],
        y=data.y[places],
        weights=None if weights is None else weights[places],
        row_names=None if names is None else tuple(names[place] for place in places.tolist()),
        row_numbers=tuple(int(data.row_number(place)) for place in places.tolist()),
    )


def like(original: Dataset, data: Dataset) -> Dataset:
    """The data with the columns of others, which constant ones may be missing from."""
    kept = [data.feature_names.index(name) for name in original.feature_names]
    return dataclasses.replace(data, X=data.X[:, kept], feature_names=original.feature_names)


def values_of(
    fit: Fit, method: str, permutations: int, seed: int, truncation: float = 0.0
) -> Valued:
    """The values of all rows, with leave-one-out, influence, and what the fit says of each."""
    problem, loss = fit.problem, fit.test
    ways = {
        "permutations": Permutations(permutations, seed=seed, truncation=truncation),
        "medium": EffectiveMedium(permutations, seed=seed),
        "aumann": AumannShapley(),
    }
    found = data_values(problem, loss, ways[method], throw=False)
    rows = np.arange(problem.size)
    truth = predict(problem, LeaveOneOut(), fit.theta, points=rows, throw=False)
    first = measurement_influence(problem, Influence(), fit.theta, loss, throw=False)
    error = found.standard_error
    original = fit.original
    columns: dict[str, Float[np.ndarray, " n"] | np.ndarray] = {
        "row": np.array([original.row_number(place) for place in rows.tolist()])
    }
    if original.row_names is not None:
        columns["name"] = np.array(original.row_names, object)
    if original.weights is not None:
        columns["weight"] = original.weights
    columns |= {
        "value": np.asarray(found.values),
        **({} if error is None else {"standard_error": np.asarray(error)}),
        "leave_one_out": np.asarray(truth.measured(loss)),
        "influence": np.asarray(first.change),
    }
    if fit.linear:
        columns["leverage"] = np.asarray(fit.diagnostics.leverage)
        columns["residual"] = np.asarray(fit.diagnostics.residuals)
    else:
        columns["loss"] = np.asarray(problem.losses(problem.parameters(fit.theta)))
    return Valued(fit, found, columns)
