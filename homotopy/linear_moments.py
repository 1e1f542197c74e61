"""A linear regression from sums over its rows: its spectra, and rows that have the same sums."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg

from homotopy.chunks.row_moments import Moments
from homotopy.data_spectrum import EPSILON, EXTENDED_LIMIT, DataSpectrum, spectrum_of_gram
from homotopy.modal import ModalForm
from homotopy.modal_downdates import downdates
from homotopy.modal_form import as_modal_form, from_retained
from homotopy.numerics.double_double import DoubleDouble
from homotopy.numerics.pivoted_cholesky import pivoted_cholesky

_EXTENDED = 2.0**-70  # past it an error is no longer that of double-double


@dataclasses.dataclass(frozen=True)
class HeldRows:
    """Rows with the same risk as the data: d + 1 that stand for those not kept, then the kept ones.

    With RᵀR the Gram matrix of [X, y] over the rows that are not kept, the rows of R have the same
    sum of squares for every θ, but for a rounding of each of its entries: as far as a Gram matrix
    in float64 would be from the exact one.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray


def held_rows(moments: Moments) -> HeldRows:
    """See `HeldRows`. Rows that are not needed, where the rank is lower, are zeros."""
    gram = moments.rest.gram
    # What counts as nothing, as of `data_spectrum`.
    least = (max(int(moments.size), gram.shape[0]) * EPSILON) ** 2
    found, _ = triangle(gram, max(least, _noise(moments)))
    rows = np.zeros(gram.shape)
    rows[: len(found)] = found
    own = np.asarray(moments.weights)
    return HeldRows(
        np.concatenate([rows[:, :-1], np.asarray(moments.X)]),
        np.concatenate([rows[:, -1], np.asarray(moments.y)]),
        np.concatenate([np.ones(len(rows)), own]),
    )


def triangle(gram: DoubleDouble, smallest: float) -> tuple[np.ndarray, np.ndarray]:
    """As `pivoted_cholesky`, rounded; past the dimension where spectra are LAPACK's, LAPACK's."""
    if gram.shape[0] - 1 <= EXTENDED_LIMIT:
        rows, order = pivoted_cholesky(gram, smallest)
        return rows.rounded(), order
    diagonal = np.diag(gram.high)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    factor, order, rank, _ = scipy.linalg.lapack.dpstrf(gram.rounded() / np.outer(scale, scale))
    rows = np.empty((rank, len(scale)))
    rows[:, order - 1] = np.triu(factor)[:rank]
    return rows * scale, order[:rank] - 1


def full_spectrum(moments: Moments, ridge: float) -> DataSpectrum:
    """Of all rows."""
    return _spectrum(moments, np.zeros(0, int), ridge)


def _spectrum(moments: Moments, deleted: np.ndarray, ridge: float) -> DataSpectrum:
    sums = moments.gram_without(deleted)
    size = int(moments.size) - len(deleted)
    return spectrum_of_gram(sums.gram, size, ridge, sums.error, _noise(moments))


def _noise(moments: Moments) -> float:
    """What of eigenvalues is nothing but the error of sums that others have rounded to float64."""
    error = float(moments.error)
    return 0.0 if error < _EXTENDED else moments.high.shape[0] * error


def fields_without(moments: Moments, deleted: np.ndarray, full: DataSpectrum) -> dict:
    """Of a `ModalForm`, from the spectrum of the other rows; `deleted` by their places."""
    rows, targets = moments.scaled_rows
    kept = _spectrum(moments, deleted, full.ridge)
    return from_retained(rows[deleted], targets[deleted], kept, full)


def modal_without(moments: Moments, deleted: np.ndarray, full: DataSpectrum) -> ModalForm:
    """As `modal_form`, without some of the kept rows."""
    if deleted.size == 1:
        rows, targets = moments.scaled_rows
        fields, accurate = downdates(rows[deleted], targets[deleted], full)
        if accurate[0]:
            fields = {name: part[0] for name, part in fields.items()}
            return as_modal_form(fields, full, np.float64)
    return as_modal_form(fields_without(moments, deleted, full), full, np.float64)
