"""The modal form of a linear regression, from its data, for any set of deleted points."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import jax
import numpy as np

from homotopy._beside import Beside
from homotopy._memory import all_handed_over
from homotopy._module import Module, waiting_numbers
from homotopy.data_spectrum import DataSpectrum, data_spectrum
from homotopy.modal import ModalForm, Spectrum
from homotopy.modal_downdates import clusters, downdate
from homotopy.numerics.double_double import DoubleDouble, matmul
from homotopy.numerics.symmetric_eigen import symmetric_eigen


def modal_form(
    X: np.ndarray, y: np.ndarray, deleted: np.ndarray, full: DataSpectrum, dtype
) -> ModalForm:
    """The modal form of a linear regression, in extended precision, rounded at the end.

    For a single deleted point in closed form from the spectrum of all the data, where that is
    accurate to rounding; else from the spectrum of the retained points, computed as such.

    Parameters
    ----------
    X : (n, d), y : (n,), deleted : (g,)
        Taken as exact numbers.
    full : DataSpectrum
        That of all the data.
    dtype
        Of the result.
    """
    return as_modal_form(modal_fields(X, y, deleted, full), full, dtype)


def modal_fields(
    X: np.ndarray, y: np.ndarray, deleted: np.ndarray, full: DataSpectrum
) -> dict[str, np.ndarray]:
    """What `modal_form` is made of, in NumPy and float64."""
    if deleted.size == 1:
        fields, accurate = downdate(X[deleted], y[deleted], full)
        if accurate:
            return fields
    return directly(X, y, deleted, full)


def as_modal_form(fields: dict[str, np.ndarray], full: DataSpectrum, dtype) -> ModalForm:
    """NumPy's arrays, in float64, as those of a `ModalForm`; they may have a leading axis."""
    arrays = arrays_of_modal_form(fields, full, dtype)
    return of_arrays(arrays, all_handed_over(arrays.values()))


def arrays_of_modal_form(
    fields: dict[str, np.ndarray], full: DataSpectrum, dtype
) -> dict[str, np.ndarray]:
    """Those of a `ModalForm`, by name, in NumPy."""
    if full.numbers is not None:
        basis, fit = full.numbers.basis, full.numbers.parameters
    else:
        basis, fit = (np.stack([part.high, part.low]) for part in (full.basis, full.parameters))
    arrays = {
        "full_values": full.values.rounded(),
        "data_basis": basis,
        "data_fit": fit,
        **fields,
    }
    return {
        name: part if part.dtype in (bool, dtype) else part.astype(dtype)
        for name, part in arrays.items()
    }


def of_arrays(known: dict[str, np.ndarray], arrays: Iterable[jax.Array]) -> ModalForm:
    """The `ModalForm` of what `arrays_of_modal_form` returns, and the same arrays in JAX."""
    own = dict(zip(known, arrays, strict=True))
    values, rotation = own.pop("full_values"), own.pop("full_rotation")
    modal = _made(ModalForm, full=_made(Spectrum, eigenvalues=values, rotation=rotation), **own)
    if values.size <= _FEW:
        _KNOWN.put(modal, known)
    return modal


class NumbersOfProblem(NamedTuple):
    """A linear regression whose arrays wait, in NumPy.

    Attributes
    ----------
    own : dict of arrays
        By the names of the problem's fields.
    modal : dict of arrays
        Those of `arrays_of_modal_form`.
    full : DataSpectrum or None
        That of all the data, where it is that of X as it is kept.
    """

    own: dict[str, np.ndarray]
    modal: dict[str, np.ndarray]
    full: DataSpectrum | None


def known_field(problem: Module, name: str) -> jax.Array | np.ndarray:
    """A field of a problem, for its shape, dtype or numbers: it need not be made for that."""
    waiting = waiting_numbers(problem)
    return getattr(problem, name) if waiting is None else waiting.own[name]


def modal_numbers(problem: Module) -> dict[str, np.ndarray]:
    """`numbers_of` the modal form of a linear regression."""
    waiting = waiting_numbers(problem)
    return numbers_of(problem.modal) if waiting is None else waiting.modal


def modal_field(problem: Module, name: str) -> jax.Array | np.ndarray:
    """As `known_field`, of the modal form."""
    waiting = waiting_numbers(problem)
    return getattr(problem.modal, name) if waiting is None else waiting.modal[name]


_KNOWN = Beside()
_FEW = 64  # parameters up to which arrays are kept in NumPy too


def numbers_of(modal: ModalForm) -> dict[str, np.ndarray]:
    """Its arrays in NumPy, by the names of `arrays_of_modal_form`; not where they are traced."""
    known = _KNOWN.get(modal)
    if known is None:
        own = dict(vars(modal))
        full = vars(own.pop("full"))
        own |= {"full_values": full["eigenvalues"], "full_rotation": full["rotation"]}
        known = {name: np.asarray(part) for name, part in own.items()}
    return known


def _made(kind: type, **fields):
    """A module with those fields; past the constructor, whose shapes are those of one problem."""
    module = object.__new__(kind)
    vars(module).update(fields)
    return module


def directly(X: np.ndarray, y: np.ndarray, deleted: np.ndarray, full: DataSpectrum) -> dict:
    """The fields of a `ModalForm` from the spectrum of the retained points."""
    return from_retained(X[deleted], y[deleted], data_spectrum(X, y, full.ridge, deleted), full)


def from_retained(
    deleted: np.ndarray, targets: np.ndarray, kept: DataSpectrum, full: DataSpectrum
) -> dict:
    """As `directly`, from the rows (g, d) and targets of the deleted points, and two spectra."""
    number, dimension = deleted.shape
    values, basis, kernel, unseen = kept.values, kept.basis, kept.kernel, kept.unseen
    rows = matmul(deleted, basis)
    touched = _separate_kernel(rows, basis, kernel, kept.resolution)
    if number == 1:
        _separate_clusters(rows, basis, values, kernel)
    active = np.any(rows.high != 0.0, axis=0)
    if number == 1:
        order = np.argsort(~active, kind="stable")  # active modes first, ascending within
        rows, basis, values = rows.at(np.s_[:, order]), basis.at(np.s_[:, order]), values.at(order)
        kernel, unseen, active, touched = (
            mask[order] for mask in (kernel, unseen, active, touched)
        )

    seen = ~kernel
    moment = matmul(basis.T, kept.moment.at(np.s_[:, None])).at(np.s_[:, 0])
    equilibrium = DoubleDouble.of(np.zeros(dimension))
    equilibrium.put(~unseen, moment.at(~unseen) / values.at(~unseen))
    residual = targets - matmul(rows, equilibrium.at(np.s_[:, None])).at(np.s_[:, 0])

    # What the kernel can fit of the deleted points it fits, for any ε > 0; the modes see the rest.
    kernel_rows = rows.high[:, touched]
    left, strength, right = np.linalg.svd(kernel_rows, full_matrices=True)
    rank = kernel_rows.shape[1]
    remaining = left[:, rank:]
    pseudo_inverse = right.T @ (left[:, :rank] / strength[None, :]).T
    seen_rows = matmul(remaining.T, rows.at(np.s_[:, seen]))
    inverse = 1.0 / values.at(seen)
    if remaining.shape[1]:
        leverages, vectors = symmetric_eigen(
            _symmetric(matmul(seen_rows * inverse.at(None), seen_rows.T))
        )
        mode_residuals = matmul(vectors.T, matmul(remaining.T, residual.at(np.s_[:, None]))).at(
            np.s_[:, 0]
        )
        seen_modes = matmul((seen_rows * inverse.at(None)).T, vectors).rounded()
        mode_vectors = remaining @ vectors.rounded()
        leverages, mode_residuals = np.maximum(leverages.rounded(), 0.0), mode_residuals.rounded()
    else:
        leverages = mode_residuals = np.zeros(0)
        seen_modes, mode_vectors = np.zeros((seen.sum(), 0)), np.zeros((number, 0))
    modes = np.zeros((dimension, leverages.size))
    modes[seen] = seen_modes
    modes[touched] = -pseudo_inverse @ (rows.high[:, seen] @ seen_modes)
    kernel_offset = np.zeros(dimension)
    kernel_offset[touched] = pseudo_inverse @ residual.high

    rotation = matmul(basis.T, full.basis).rounded()
    displacement = modes @ (mode_residuals / (1.0 + leverages)) + kernel_offset
    return {
        "basis": basis.rounded(),
        "eigenvalues": values.rounded(),
        "rows": rows.rounded(),
        "residual": residual.rounded(),
        "equilibrium": equilibrium.rounded(),
        "kernel": kernel,
        "active": active,
        "leverages": leverages,
        "mode_residuals": mode_residuals,
        "mode_vectors": mode_vectors,
        "modes": modes,
        "kernel_offset": kernel_offset,
        "full_rotation": rotation,
        "full_limit": rotation.T @ displacement,
    }


def _symmetric(matrix: DoubleDouble) -> DoubleDouble:
    return (matrix + matrix.T) * 0.5


def _rotate(rows: DoubleDouble, basis: DoubleDouble, index, rotation: np.ndarray) -> None:
    """Turn the basis vectors at `index` among themselves, in place."""
    for matrix in (rows, basis):
        matrix.put(np.s_[:, index], matmul(matrix.at(np.s_[:, index]), rotation))


def _separate_kernel(rows, basis, kernel, resolution: float) -> np.ndarray:
    """Turn the kernel's basis so that the deleted points see as few of its vectors as possible.

    Returns the mask of those that they see; the rows are exact zeros on the others.
    """
    touched = np.zeros(kernel.size, dtype=bool)
    index = np.flatnonzero(kernel)
    if index.size == 0:
        return touched
    _, strength, right = np.linalg.svd(rows.high[:, index], full_matrices=True)
    largest = np.max(np.abs(rows.high), initial=0.0)
    rank = int(np.sum(strength > resolution * largest))
    _rotate(rows, basis, index, right.T)
    unseen = index[rank:]
    rows.put(np.s_[:, unseen], DoubleDouble.of(np.zeros((rows.shape[0], unseen.size))))
    touched[index[:rank]] = True
    return touched


def _separate_clusters(rows, basis, values, kernel) -> None:
    """Within each repeated eigenvalue, turn the basis so that one vector alone sees the point.

    Eigenvalues that agree to a few units in the last place are made equal: a relative change of
    that size is a rounding of the data.
    """
    for index in clusters(values.high):
        if kernel[index[0]]:
            continue
        values.put(index, DoubleDouble.of(np.full(index.size, np.mean(values.high[index]))))
        row = rows.high[:, index]
        if np.any(row != 0.0):
            _rotate(rows, basis, index, np.linalg.svd(row, full_matrices=True)[2].T)
            rows.put(np.s_[:, index[1:]], DoubleDouble.of(np.zeros((1, index.size - 1))))
