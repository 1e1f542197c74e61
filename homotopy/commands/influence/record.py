"""The numbers of `homotopy influence` as CSV, one line a row of the data, and as JSON."""

import csv
import math
from pathlib import Path

import numpy as np

from homotopy.commands.influence.fit import LOGISTIC, SOFTMAX, SQUARED, Fit
from homotopy.commands.influence.numbers import Influences
from homotopy.commands.shared.record import data, plain, units, versions

_LINEAR = {
    "target": "in the units of the data",
    "prediction": "of the fit to all rows, in the units of the data",
    "residual": "target - prediction, of standardised targets",
    "leverage": "x'inv(H)x with the Hessian H = sum xx' + ridge",
    "leave_one_out_residual": "target - prediction of the fit without the row, standardised: "
    "residual/(1 - leverage)",
    "studentised_residual": "residual over its standard deviation, estimated without the row",
    "cooks_distance": "squared change of all predictions, over (number of parameters) * "
    "(residual variance)",
    "dffits": "change of the row's prediction, full minus deleted, over its standard deviation",
    "own_loss": "(1/2) residual^2 in the fit to all rows",
}
_LOGISTIC = {
    "target": "the class: 0 or 1, or text, of which the second is class 1",
    "prediction": "the probability of class 1 in the fit to all rows",
    "residual": "target - prediction",
    "leverage": "p(1 - p) x'inv(H)x with the Hessian H = sum p(1 - p)xx' + ridge (Pregibon)",
    "own_loss": "-log of the probability of the row's class in the fit to all rows",
}
_SOFTMAX = {
    "target": "the class",
    "prediction": "the probability of the row's class in the fit to all rows",
    "residual": "1 - prediction",
    "leverage": "trace of W^(1/2) J inv(H) J' W^(1/2) with W = diag(p) - pp' (St. Laurent, Cook)",
    "own_loss": "-log of the probability of the row's class in the fit to all rows",
}
_WEIGHTED = {
    "weight": "the row's sample weight w, which its loss is multiplied by",
    "leverage": "w x'inv(H)x with the Hessian H = sum w xx' + ridge",
    "studentised_residual": "residual over its standard deviation, which falls as 1/sqrt(w), "
    "estimated without the row",
    "cooks_distance": "weighted squared change of all predictions, over (number of parameters) * "
    "(residual variance)",
    "own_loss": "(1/2) w residual^2 in the fit to all rows",
}
_OF = {SQUARED: _LINEAR, LOGISTIC: _LOGISTIC, SOFTMAX: _SOFTMAX}
_CHANGES = {
    "own_loss_change": "change on deletion of the row's own loss",
    "test_loss_change": "change on deletion of the mean loss on the test data",
    "parameter_change": "length of the change on deletion of the standardised parameters",
}
_KINDS = {
    "predicted": "by the influence function at weight 1, to first order",
    "true": "by retraining without the row; none where the row was not refitted or has no fit",
    "ratio": "predicted over true; none where the refit moved by nothing but rounding",
}


def meanings(influences: Influences) -> dict[str, str]:
    """What each column of the CSV says, in their order."""
    fit = influences.fit
    known = {
        "row": "counts from 0, below the header",
        "name": "what the row is called",
        **_OF[fit.loss],
    }
    if fit.original.weights is not None:
        known |= _WEIGHTED if fit.linear else {"weight": _WEIGHTED["weight"]}
    for kind, how in _KINDS.items():
        known |= {f"{name}_{kind}": f"{what}, {how}" for name, what in _CHANGES.items()}
    listed = {name: known[name] for name in influences.columns}
    listed["refit"] = "'minimum', or 'no minimum' where the fit without the row has none"
    listed["twins"] = "rows that are the same in every column"
    return listed


def write_csv(influences: Influences, path: Path) -> None:
    """All that is known of each row of the data; empty cells where nothing is."""
    fit = influences.fit
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(meanings(influences))
        for row in range(fit.problem.size):
            writer.writerow("" if value is None else value for value in _row(influences, row))


def record(arguments: dict, by: str, influences: Influences) -> dict:
    """A dictionary that JSON can hold; None stands for undefined and not refitted."""
    fit = influences.fit
    coefficients = intercept = None
    if fit.linear:
        coefficients, intercept = fit.design.original_coefficients(fit.theta)
    number = fit.original.row_number
    names = list(meanings(influences))

    def rows(numbers):
        return [
            dict(zip(names, _row(influences, row, nested=True), strict=True)) for row in numbers
        ]

    return plain(
        {
            "command": "influence",
            "arguments": arguments,
            "units": units_of(fit),
            "signs": "Changes are on deletion: without the row minus with it. The risk is a sum.",
            "columns": meanings(influences),
            "versions": versions(),
            "data": data(fit.original, fit.standardisation),
            "test_notes": fit.test_notes,
            "ranked_by": by,
            "parameter_names": fit.parameter_names,
            "full_fit": fit.theta,
            "coefficients_in_units_of_the_data": coefficients,
            "intercept_in_units_of_the_data": intercept,
            "most_influential": rows(influences.ranked),
            "highest_leverage": rows(influences.highest_leverage),
            "duplicates": {
                name: [[number(row) for row in group] for group in groups]
                for name, groups in (
                    ("identical", influences.duplicates.identical),
                    ("same_features", influences.duplicates.same_inputs),
                )
            },
            "evidence": influences.evidence,
        }
    )


def units_of(fit: Fit) -> str:
    """What the numbers of a fit are in."""
    if fit.linear:
        return (
            f"{units(fit.design)}, unless a column says otherwise. The loss is half the squared "
            "residual."
        )
    how = (
        "standardised (mean 0 and population standard deviation 1 over all rows); the first "
        "parameter is the intercept, which a ridge counts too"
        if fit.design.intercept
        else "divided by their root mean square over all rows; there is no intercept"
    )
    rows = " Parameters are a row a class." if fit.loss == SOFTMAX else ""
    return f"Features are {how}.{rows} The loss is -log of the probability of a row's class."


def _row(influences, row, nested=False) -> list:
    """The numbers of a row, as `meanings` lists them; twins as a list, or in one cell."""
    values = [_number(column[row]) for column in influences.columns.values()]
    twins = [influences.fit.original.row_number(twin) for twin in influences.twins(row)]
    refit = influences.statuses.get(row)
    return [*values, refit, twins if nested else " ".join(map(str, twins))]


def _number(value: np.generic):
    value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
