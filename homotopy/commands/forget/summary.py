"""What a deletion changes, in the terms of regression diagnostics."""

import dataclasses

import numpy as np

from homotopy.datasets import Dataset
from homotopy.deletion.default_times import displacement
from homotopy.linear import LinearRegression


@dataclasses.dataclass(frozen=True)
class DeletedRow:
    """A deleted row: its numbers as in the file, its diagnostics in standardised units.

    Attributes
    ----------
    row, values, target
        The row and what it says, in the units of the file.
    standardised_values, standardised_target
        The same, standardised.
    residual
        y − x·θ*, of the fit to all the rows.
    leverage
        w xᵀ H⁻¹ x, with the sample weight w, 1 by default, and the Hessian H of all the rows (the
        ridge included).
    deleted_residual
        y − x·θ*₋, of the fit without the deleted rows.
    """

    row: int
    values: tuple[float, ...]
    target: float
    standardised_values: tuple[float, ...]
    standardised_target: float
    residual: float
    leverage: float
    deleted_residual: float


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """The eigenvalues λ of a Hessian: a mode decays as e^{−λt}."""

    eigenvalues: tuple[float, ...]

    @property
    def smallest(self) -> float:
        return min(self.eigenvalues)

    @property
    def largest(self) -> float:
        return max(self.eigenvalues)

    @property
    def condition(self) -> float:
        """Largest over smallest; infinite for a singular Hessian."""
        return self.largest / self.smallest if self.smallest > 0 else float("inf")


@dataclasses.dataclass(frozen=True)
class DeletionSummary:
    """The two fits, their distance ‖θ* − θ*₋‖, the two Hessians and the deleted rows."""

    rows: tuple[DeletedRow, ...]
    full_fit: tuple[float, ...]
    deleted_fit: tuple[float, ...]
    displacement: float
    full_spectrum: Spectrum
    deleted_spectrum: Spectrum


def summarise(problem: LinearRegression, original: Dataset, scaled: Dataset) -> DeletionSummary:
    """The summary of a problem built from standardised data, its full Hessian regular."""
    modal = problem.modal
    full_fit, deleted_fit = np.asarray(problem.full_fit()), np.asarray(problem.deleted_fit())
    # The spectrum's rows are √w (x, y).
    root = np.ones(problem.size) if original.weights is None else np.sqrt(original.weights)
    along = np.asarray(modal.rows) @ np.asarray(modal.full.rotation)
    leverages = np.sum(along**2 / np.asarray(modal.full.eigenvalues), axis=1)
    deleted_residuals = np.asarray(modal.residual) / root[np.asarray(problem.deleted)]
    rows = [
        DeletedRow(
            row=row,
            values=tuple(original.X[row].tolist()),
            target=float(original.y[row]),
            standardised_values=tuple(scaled.X[row].tolist()),
            standardised_target=float(scaled.y[row]),
            residual=float(scaled.y[row] - np.asarray(problem.X[row]) @ full_fit),
            leverage=float(leverage),
            deleted_residual=float(deleted_residual),
        )
        for row, leverage, deleted_residual in zip(
            np.asarray(problem.deleted).tolist(), leverages, deleted_residuals, strict=True
        )
    ]
    return DeletionSummary(
        rows=tuple(rows),
        full_fit=tuple(full_fit.tolist()),
        deleted_fit=tuple(deleted_fit.tolist()),
        displacement=float(np.linalg.norm(displacement(problem))),
        full_spectrum=_spectrum(modal.full.eigenvalues),
        deleted_spectrum=_spectrum(modal.eigenvalues),
    )


def _spectrum(eigenvalues) -> Spectrum:
    return Spectrum(tuple(np.sort(np.asarray(eigenvalues)).tolist()))
