"""The numbers of `homotopy influence`: diagnostics and predictions of all rows, refits of some."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from scipy.special import expit, logsumexp

from homotopy._status import is_one_of
from homotopy.commands.influence.fit import LOGISTIC, Fit
from homotopy.commands.shared.errors import InputError
from homotopy.influence._predict import predict
from homotopy.influence.change import ChangeStatus
from homotopy.influence.diagnostics import DuplicateRows, duplicate_rows, leverage
from homotopy.influence.estimators import Influence, LeaveOneOut
from homotopy.measurements import OwnLoss

_BLOCK = 20  # refits at a time: one program for them all, however many there are
_NOTHING = 1e-12  # of ‖θ*‖: a refit that moves by less moved by rounding


@dataclasses.dataclass(frozen=True, eq=False)
class Influences:
    """A column of numbers for each thing that is known, one entry a row of the data.

    Attributes
    ----------
    fit
        The regression they are of.
    columns
        Arrays (n,) by name; NaN where undefined, or not refitted.
    ranked
        The most influential rows, the most influential first.
    highest_leverage
        The same by leverage.
    duplicates
        Rows that occur more than once.
    statuses
        How the refit of a row ended, by row.
    evidence
        How good the fit, the predictions and the refits are.
    """

    fit: Fit
    columns: dict[str, np.ndarray]
    ranked: list[int]
    highest_leverage: list[int]
    duplicates: DuplicateRows
    statuses: dict[int, str]
    evidence: dict

    def twins(self, row: int) -> tuple[int, ...]:
        """The other rows that are the same in every column."""
        groups = [group for group in self.duplicates.identical if row in group]
        return tuple(other for group in groups for other in group if other != row)


def influences(fit: Fit, by: str, top: int, report: Callable[[int, int], None]) -> Influences:
    """The diagnostics of all rows, and the refits of those that are shown.

    `by` is the column that ranks, by its absolute value; `report` is called with how many refits
    are done, and of how many.
    """
    columns = _diagnostics(fit)
    predicted, evidence = _predictions(fit)
    columns |= predicted
    ranked = _largest(columns[by], top)
    highest_leverage = _largest(columns["leverage"], top)
    rows = list(dict.fromkeys([*ranked, *highest_leverage]))
    refits, statuses, evidence["refits"] = _refits(fit, rows, report)
    moved = refits["parameter_change"] > _NOTHING * np.linalg.norm(fit.theta)
    for change, true in refits.items():
        known = moved & (true != 0.0)
        ratio = columns[f"{change}_predicted"] / np.where(known, true, 1.0)
        columns[f"{change}_true"] = true
        columns[f"{change}_ratio"] = np.where(known, ratio, np.nan)
    return Influences(
        fit, columns, ranked, highest_leverage, duplicate_rows(fit.problem), statuses, evidence
    )


def _largest(values, count) -> list[int]:
    """The rows of the largest absolute values; ties and NaN in the order of the rows."""
    sizes = np.where(np.isnan(values), -np.inf, np.abs(values))
    return np.argsort(-sizes, kind="stable")[:count].tolist()


def _diagnostics(fit) -> dict[str, np.ndarray]:
    original = fit.original
    rows = range(len(original.y))
    columns = {"row": np.array([original.row_number(row) for row in rows])}
    if original.row_names is not None:
        columns["name"] = np.array(original.row_names)
    if original.classes is None:
        columns["target"] = original.y
    else:
        columns["target"] = np.array(original.classes)[original.y.astype(int)]
    if original.weights is not None:
        columns["weight"] = original.weights
    return columns | (_of_least_squares(fit) if fit.linear else _of_classes(fit))


def _of_classes(fit) -> dict[str, np.ndarray]:
    y, X = fit.original.y, np.asarray(fit.problem.X)
    outputs = X @ fit.theta.reshape(-1, X.shape[1]).T
    if fit.loss == LOGISTIC:
        outputs = outputs[:, 0]
        # y − p, without the cancellation at y = 1.
        residuals = np.where(y == 1, expit(-outputs), -expit(outputs))
        found = {"prediction": expit(outputs), "residual": residuals}
    else:
        own = y.astype(int)[:, None]
        others = outputs.copy()
        np.put_along_axis(others, own, -np.inf, axis=1)
        margin = np.take_along_axis(outputs, own, axis=1)[:, 0] - logsumexp(others, axis=1)
        found = {"prediction": expit(margin), "residual": expit(-margin)}
    return found | {"leverage": leverage(fit.problem, fit.theta)}


def _of_least_squares(fit) -> dict[str, np.ndarray]:
    diagnostics, original = fit.diagnostics, fit.standardisation
    columns = {
        "prediction": diagnostics.fitted * original.target_scale + original.target_mean,
        "residual": diagnostics.residuals,
        "leverage": diagnostics.leverage,
        "leave_one_out_residual": diagnostics.leave_one_out_residuals,
    }
    if not fit.ridge:
        columns |= {
            "studentised_residual": diagnostics.studentised_external,
            "cooks_distance": diagnostics.cooks_distance,
            "dffits": diagnostics.dffits,
        }
    return columns


def _entry(statuses, index):
    return jax.tree.map(lambda leaf: leaf[index], statuses)


def _measurements(fit) -> dict:
    tested = {} if fit.test is None else {"test_loss_change": fit.test}
    return {"own_loss_change": OwnLoss(), **tested}


def _predictions(fit) -> tuple[dict[str, np.ndarray], dict]:
    """The influence function at ε = 1 of every row, and its evidence."""
    every = np.arange(fit.problem.size)
    change = predict(fit.problem, Influence(), fit.theta, points=every, throw=False)
    failed = np.flatnonzero(~np.asarray(is_one_of(change.status, ChangeStatus.successful)))
    if failed.size:
        reason = ChangeStatus[_entry(change.status, int(failed[0]))]
        raise InputError(
            f"{fit.original.name}: no influence could be computed of {failed.size} of "
            f"{fit.problem.size} rows ({reason}): columns may be nearly collinear; add a small "
            "--ridge, such as 1e-3."
        )
    columns = {"own_loss": np.asarray(fit.problem.losses(change.theta))}
    for name, measurement in _measurements(fit).items():
        columns[f"{name}_predicted"] = np.asarray(change.linearised(measurement))
    columns["parameter_change_predicted"] = np.linalg.norm(np.asarray(change.delta), axis=1)
    evidence = {
        "gradient_norm": float(change.gradient_norm),
        "gradient_scale": float(change.gradient_scale),
        "influence_residual": float(np.max(np.asarray(change.residual))),
        "influence_status": ChangeStatus[ChangeStatus.successful],
    }
    if fit.test is not None:
        loss = eqx.filter_jit(fit.test)(fit.problem, change.theta, None, None)
        evidence["test_loss"] = float(loss)
    return columns, evidence


def _refits(fit, rows, report) -> tuple[dict[str, np.ndarray], dict[int, str], list[dict]]:
    """The true changes by retraining without each row; NaN where no minimum was reached."""
    size, measurements = fit.problem.size, _measurements(fit)
    columns = {name: np.full(size, np.nan) for name in [*measurements, "parameter_change"]}
    statuses, evidence = {}, []
    block = min(_BLOCK, len(rows))
    for first in range(0, len(rows), block):
        report(first, len(rows))
        now = rows[first : first + block]
        # The last block is filled up with a row again: another size would be another program.
        padded = now + now[:1] * (block - len(now))
        change = predict(fit.problem, LeaveOneOut(), fit.theta, points=padded, throw=False)
        values = {
            name: np.asarray(change.measured(measurement))
            for name, measurement in measurements.items()
        }
        deltas = np.asarray(change.delta)
        values["parameter_change"] = np.linalg.norm(deltas, axis=1)
        for index, row in enumerate(now):
            status = _entry(change.status, index)
            reached = bool(status == ChangeStatus.successful)
            statuses[row] = "minimum" if reached else "no minimum"
            evidence.append(
                {
                    "row": fit.original.row_number(row),
                    "status": statuses[row],
                    "solver_status": ChangeStatus[status],
                    "residual": float(change.residual[index]),
                }
            )
            if reached:
                for name, column in columns.items():
                    column[row] = values[name][index]
    report(len(rows), len(rows))
    return columns, statuses, evidence
