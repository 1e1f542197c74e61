"""The spectrum and the fit of all the data, in double-double: what every deletion starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from homotopy.numerics.double_double import DoubleDouble, matmul
from homotopy.numerics.gram_matrix import error_bound, gram_matrix
from homotopy.numerics.small_spectrum import spectrum_of_rows
from homotopy.numerics.symmetric_eigen import symmetric_eigen

EPSILON = float(np.finfo(np.float64).eps)
EXTENDED_LIMIT = 300  # dimension up to which Jacobi in double-double takes seconds at most
# Problems up to which loops over single numbers are quicker than NumPy: dimension, and products.
_SMALL, _FEW_PRODUCTS = 8, 5_000


class Numbers(NamedTuple):
    """Of a small spectrum, as loops take them: high and low.

    Attributes
    ----------
    values, fit, parameters : (2, d), basis : (2, d, d)
    """

    values: np.ndarray
    fit: np.ndarray
    parameters: np.ndarray
    basis: np.ndarray


@dataclass(frozen=True, eq=False)
class DataSpectrum:
    """H = VΛVᵀ of some rows of the data, ridge included, and their fit.

    Attributes
    ----------
    values : (d,)
        Λ, ascending; the ridge alone, or exactly zero, on what no row sees.
    basis : (d, d)
        V, orthonormal columns.
    unseen : (d,)
        Which eigenvectors no row sees.
    moment : (d,)
        Xᵀy.
    ridge : float
    size : int
        n.
    gram_error : float
        Of the Gram matrix in norm, as a part of its trace.
    resolution : float
        Singular values below this share of the largest count as zero.
    """

    values: DoubleDouble
    basis: DoubleDouble
    unseen: np.ndarray
    moment: DoubleDouble
    ridge: float
    size: int
    gram_error: float
    resolution: float

    @property
    def kernel(self) -> np.ndarray:
        """Where Λ is zero."""
        return self.unseen & (self.ridge == 0.0)

    @cached_property
    def fit(self) -> DoubleDouble:
        """The fit of least norm in the eigenbasis, VᵀH⁺Xᵀy."""
        seen, fit = ~self.unseen, DoubleDouble.of(np.zeros(self.values.shape))
        moment = matmul(self.basis.T, self.moment.at(np.s_[:, None])).at(np.s_[:, 0])
        fit.put(seen, moment.at(seen) / self.values.at(seen))
        return fit

    @cached_property
    def parameters(self) -> DoubleDouble:
        """The fit of least norm."""
        return matmul(self.basis, self.fit.at(np.s_[:, None])).at(np.s_[:, 0])

    @cached_property
    def numbers(self) -> Numbers | None:
        """Where it was computed by loops."""
        return None

    @cached_property
    def error(self) -> float:
        """A bound of ‖VΛVᵀ − H‖.

        Of the Gram matrix, a part of its trace, which is d‖H‖ at most, and of eigenvalues and
        eigenvectors (`symmetric_eigen`: 2⁻⁹⁸‖H‖); one rounding of the largest eigenvalue for each
        dimension where they are LAPACK's.
        """
        dimension = self.values.shape[0]
        extended = dimension * self.gram_error + 2.0**-98
        relative = extended if dimension <= EXTENDED_LIMIT else dimension * EPSILON
        return float(relative * self.values.high[-1])


def data_spectrum(
    X: np.ndarray, y: np.ndarray, ridge: float, omitted: np.ndarray | None = None
) -> DataSpectrum:
    """The spectrum of the data without the rows `omitted`."""
    size, dimension = X.shape
    if dimension <= min(_SMALL, EXTENDED_LIMIT) and size * (dimension + 1) ** 2 <= _FEW_PRODUCTS:
        found = _by_loops(X, y, ridge, omitted)
        if found is not None:
            return found
    gram = gram_matrix(X, y, omitted)
    return spectrum_of_gram(gram, X.shape[0], ridge, error_bound(X.shape[0], X.shape[1] + 1))


def _by_loops(
    X: np.ndarray, y: np.ndarray, ridge: float, omitted: np.ndarray | None
) -> DataSpectrum | None:
    """The same for small problems; None where that did not converge."""
    size = X.shape[0]
    if omitted is not None:
        X, y = np.delete(X, omitted, axis=0), np.delete(y, omitted)
    X, y = (np.ascontiguousarray(part, np.float64) for part in (X, y))
    resolution, ridge = max(size, X.shape[1]) * EPSILON, float(ridge)
    settled, values, moment, fit, parameters, basis, unseen = spectrum_of_rows(
        X, y, ridge, resolution
    )
    if not settled:
        return None
    error = 4 * size * 2.0**-106
    known = ("values", values), ("basis", basis), ("moment", moment)
    own = {name: DoubleDouble(part[0], part[1]) for name, part in known}
    found = DataSpectrum(
        unseen=unseen, ridge=ridge, size=size, gram_error=error, resolution=resolution, **own
    )
    own = vars(found)  # its cached properties
    own["fit"] = DoubleDouble(fit[0], fit[1])
    own["parameters"] = DoubleDouble(parameters[0], parameters[1])
    own["numbers"] = Numbers(values, fit, parameters, basis)
    return found


def spectrum_of_gram(
    gram: DoubleDouble, size: int, ridge: float, error: float, smallest: float = 0.0
) -> DataSpectrum:
    """The spectrum of data from the Gram matrix of [X, y], known to an `error` of its trace.

    Eigenvalues below a share `smallest` of the largest count as zero, whatever the number of rows.

    Notes
    -----
    A direction counts as unseen where the singular value of the inputs is below max(n, d) units in
    the last place of the largest (the rule of `numpy.linalg.matrix_rank`). Past dimension 300 the
    spectrum is LAPACK's, in float64.
    """
    inputs, dimension = gram.at(np.s_[:-1, :-1]), gram.shape[0] - 1
    if dimension <= EXTENDED_LIMIT:
        values, basis = symmetric_eigen(inputs)
    else:
        values, basis = (DoubleDouble.of(part) for part in np.linalg.eigh(inputs.high))
    resolution = max(max(size, dimension) * EPSILON, float(np.sqrt(smallest)))
    unseen = values.high <= resolution**2 * max(values.high[-1], 0.0)
    values.put(unseen, DoubleDouble.of(np.zeros(unseen.sum())))
    moment = gram.at(np.s_[:-1, -1])
    return DataSpectrum(
        values + ridge, basis, unseen, moment, float(ridge), size, error, resolution
    )


def with_targets(spectrum: DataSpectrum, X: np.ndarray, Y: np.ndarray) -> list[DataSpectrum]:
    """The spectrum of the same rows with other targets, one a column of Y: only XᵀY is computed."""
    dimension, found = X.shape[1], []
    # As many at once as leave the blocks of the Gram matrix of the size that they have for one.
    for first in range(0, Y.shape[1], dimension + 1):
        some = Y[:, first : first + dimension + 1]
        gram = gram_matrix(np.column_stack([X, some[:, :-1]]), some[:, -1])
        for place in range(dimension, dimension + some.shape[1]):
            found.append(replace(spectrum, moment=gram.at(np.s_[:dimension, place])))
    return found
