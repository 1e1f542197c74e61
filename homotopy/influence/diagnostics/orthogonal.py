"""The hat matrix of a design by Householder reflectors, never by normal equations."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float
from scipy.linalg import lapack

_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True, eq=False)
class OrthogonalFactor:
    """The columns of A above √ρ Id (of A alone for ρ = 0) as Q₁ times something invertible.

    ρ may be one number for each column, diag(ρ) then standing for ρ Id. P = A(AᵀA + ρ Id)⁺Aᵀ is
    Q₁Q₁ᵀ on the m rows of A.

    Attributes
    ----------
    rows : (m, r)
        Q₁ on the rows of A; r is the rank.
    inverse : (d, r)
        B with (AᵀA + ρ Id)⁺Aᵀ = B Q₁ᵀ: BBᵀ is the (pseudo-)inverse of AᵀA + ρ Id.
    leverage, complement : (m,)
        Pᵢᵢ and 1 − Pᵢᵢ, the second without the cancellation of the subtraction.
    saturated : (m,)
        Where Pᵢᵢ = 1 to rounding: without the row the rank is lower.
    condition : float
        Of the columns brought to one length, those left out not counted: an estimate from the
        pivots.
    """

    rows: Float[np.ndarray, "m r"]
    inverse: Float[np.ndarray, "d r"]
    leverage: Float[np.ndarray, " m"]
    complement: Float[np.ndarray, " m"]
    saturated: Bool[np.ndarray, " m"]
    condition: float
    _reflectors: Float[np.ndarray, "M r"] = dataclasses.field(repr=False)
    _scalars: Float[np.ndarray, " r"] = dataclasses.field(repr=False)

    @property
    def rank(self) -> int:
        """r."""
        return self.rows.shape[1]

    def solve(
        self, y: Float[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " m"]]:
        """The (ridge) fit of y, of least norm where there are several, and its residuals."""
        size, total = y.shape[0], self._reflectors.shape[0]
        inside = _rotated(self, np.pad(y, (0, total - size))[:, None], "T")
        theta = self.inverse @ inside[: self.rank, 0]
        # y − Aθ would carry the errors of θ; the part of y that Q₁ does not see does not.
        inside[: self.rank] = 0.0
        return theta, _rotated(self, inside, "N")[:size, 0]


def orthogonal_factor(
    A: Float[np.ndarray, "m d"],
    ridge: float | Float[np.ndarray, ""] | Float[np.ndarray, " d"] = 0.0,
) -> OrthogonalFactor:
    """The hat matrix's factor of a design of any shape and rank.

    Columns are brought to one length first, by powers of two: units do not cost digits, and the
    rank does not depend on them. Columns that others span to rounding are left out.

    Examples
    --------
    >>> import numpy as np
    >>> factor = orthogonal_factor(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1e9]]))
    >>> factor.leverage.round(12).tolist(), factor.saturated.tolist()
    ([0.5, 0.5, 1.0], [False, False, True])
    """
    m, d = A.shape
    ridge = np.asarray(ridge, float)
    if ridge.ndim and np.all(ridge == ridge[0]):
        ridge = ridge[0]
    if ridge.ndim == 0 and ridge > 0 and d > m:
        # A rotation of θ leaves the ridge as it is: m parameters are enough.
        basis, triangle = scipy.linalg.qr(A.T, mode="economic")
        inner = orthogonal_factor(np.ascontiguousarray(triangle.T), ridge)
        return dataclasses.replace(inner, inverse=basis @ inner.inverse)
    # Parameters without a ridge need no row.
    penalty = np.sqrt(ridge) * np.eye(d)
    design = np.vstack([A, penalty[np.any(penalty, axis=1)]])
    scale = _equilibrating(design)
    (reflectors, scalars), triangle, order = scipy.linalg.qr(
        design * scale, mode="raw", pivoting=True
    )
    diagonal = np.abs(np.diag(triangle))
    rounding = max(design.shape) * _EPS
    rank = int(np.sum(diagonal > rounding * diagonal[0]))
    # Later reflectors act below row r: these alone span the columns.
    reflectors, scalars = np.asfortranarray(reflectors[:, :rank]), scalars[:rank]
    rows = np.zeros((m, 0))
    if rank:
        rows = lapack.dorgqr(reflectors, scalars)[0][:m]
    # The data's own rounding turns the columns by as much as a rounding times their condition.
    condition = float(diagonal[0] / diagonal[rank - 1]) if rank else 1.0
    factor = OrthogonalFactor(
        rows=rows,
        inverse=_inverse(triangle[:rank], order, scale),
        leverage=np.sum(rows**2, axis=1),
        complement=np.zeros(m),
        saturated=np.zeros(m, bool),
        condition=condition,
        _reflectors=reflectors,
        _scalars=scalars,
    )
    complement = _complement(factor)
    return dataclasses.replace(
        factor,
        leverage=np.where(factor.leverage > 0.5, 1.0 - complement, factor.leverage),
        complement=complement,
        saturated=np.sqrt(complement) <= rounding * condition,
    )


def _equilibrating(design):
    """Powers of two that bring the columns to lengths in [1, 2); 1 for a column of zeros."""
    largest = np.abs(design).max(axis=0)
    largest[largest == 0.0] = 1.0
    length = largest * np.sqrt(np.sum((design / largest) ** 2, axis=0))
    length[length == 0.0] = 1.0
    return np.exp2(-np.floor(np.log2(length)))


def _inverse(triangle, order, scale):
    """B of `OrthogonalFactor`: the pseudo-inverse of Q₁ᵀA = R Πᵀ diag(scale)⁻¹."""
    rank, d = triangle.shape
    if rank == d:
        inverse = np.zeros((d, d))
        inverse[order] = scipy.linalg.solve_triangular(triangle, np.eye(d))
        return inverse * scale[:, None]
    if rank == 0:
        return np.zeros((d, 0))
    unscaled = np.zeros((rank, d))
    unscaled[:, order] = triangle
    # Least norm in the parameters as they are, hence without the scale.
    basis, root = scipy.linalg.qr((unscaled / scale).T, mode="economic")
    return basis @ scipy.linalg.solve_triangular(root, np.eye(rank), trans="T")


def _complement(factor):
    """1 − Pᵢᵢ. Near Pᵢᵢ = 1 the squared length of row i of Q₂, beside Q₁ in an orthogonal Q."""
    complement = 1.0 - factor.leverage
    (near,) = np.nonzero(factor.leverage > 0.5)  # fewer than twice the rank
    unit = np.zeros((factor._reflectors.shape[0], near.size))
    unit[near, np.arange(near.size)] = 1.0
    complement[near] = np.sum(_rotated(factor, unit, "T")[factor.rank :] ** 2, axis=0)
    return complement


def _rotated(factor, vectors, transposed):
    """Q times columns ("N"), or Qᵀ ("T"), for the full square Q."""
    if factor.rank == 0 or vectors.shape[1] == 0:
        return vectors.copy()
    arguments = ("L", transposed, factor._reflectors, factor._scalars)
    best = int(lapack.dormqr(*arguments, vectors, -1)[1][0])
    return lapack.dormqr(*arguments, vectors, best)[0]
