"""What a chunk of rows is told by the fit of all of them: for the second pass."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from scipy.linalg import solve_triangular

from homotopy._files import whole
from homotopy._threads import one_thread_of_blas
from homotopy.chunks.chunk import AbstractChunk, Rows
from homotopy.data_spectrum import EPSILON, DataSpectrum
from homotopy.linear_moments import triangle
from homotopy.numerics.double_double import DoubleDouble, matmul

TOP = 20  # rows that a summary tells of
_NEAR = 0.5  # of a whole: past it what is left is computed as such, in double-double


@dataclasses.dataclass(frozen=True)
class RowPass:
    """What workers need, and do.

    Attributes
    ----------
    fit : (d,)
        θ*, in double-double.
    rank : int
    triangle : (r, r), order : (r,), scale : (d,)
        R with RᵀR = (S(XᵀX + ρ Id)S) on the columns `order`, S = diag(scale).
    values, basis
        The spectrum of XᵀX + ρ Id without what no row sees.
    ridge : float
    square : (1,)
        Σ wᵢêᵢ², in double-double.
    exact_below : float
        What its root may be from rounding.
    freedom : int
        n − rank.
    condition : float
        Of the columns brought to one length, an estimate from the pivots.
    gradient : (d,) or None
        Of a measurement at θ*.
    parameters : tuple of str or None
        Names of the parameters, whose changes are wanted.
    folder : str or None
    """

    fit: DoubleDouble
    rank: int
    triangle: np.ndarray
    order: np.ndarray
    scale: np.ndarray
    values: DoubleDouble
    basis: DoubleDouble
    ridge: float
    square: DoubleDouble
    exact_below: float
    freedom: int
    condition: float
    rounding: float
    gradient: np.ndarray | None
    parameters: tuple[str, ...] | None
    folder: str | None

    @property
    def theta(self) -> np.ndarray:
        """θ*, rounded."""
        return self.fit.rounded()

    def __call__(self, chunk: AbstractChunk, *parts) -> ChunkSummary:
        rows = chunk.load(*parts)
        with one_thread_of_blas(0):
            columns, summary = self.columns(rows, chunk.begin)
        if self.folder is not None:
            written(columns, self.folder, chunk.begin)
        return dataclasses.replace(summary, columns=None if self.folder else columns)

    def columns(self, rows: Rows, begin: int) -> tuple[dict[str, np.ndarray], ChunkSummary]:
        """Of each row, by name; and what is summed over them."""
        X, y = rows.scaled
        root = np.ones(len(y)) if rows.weights is None else np.sqrt(rows.weights)
        inner = solve_triangular(
            self.triangle, (X * self.scale)[:, self.order].T, trans="T", check_finite=False
        )
        leverage = np.einsum("ij,ij->j", inner, inner)
        complement = 1.0 - leverage
        near = np.flatnonzero(leverage > _NEAR)
        if near.size:
            complement[near] = np.maximum(self._complement(X[near]).rounded(), 0.0)
            leverage[near] = 1.0 - complement[near]
        undetermined = np.sqrt(np.maximum(complement, 0.0)) <= self.rounding * self.condition
        residual = y - X @ self.theta
        without = _quotient(residual, complement, undetermined)
        found = {
            "row": np.arange(begin, begin + len(y)),
            "leverage": leverage,
            "residual": residual / root,
            "leave_one_out_residual": without / root,
        }
        if self.ridge == 0.0:
            found |= self._scaled(rows, leverage, complement, residual, without, undetermined)
        if self.parameters is not None or self.gradient is not None:
            self._add_changes(found, inner, residual, without)
        size = np.abs(found.get("cooks_distance", found["leave_one_out_residual"]))
        first = np.argsort(-np.where(np.isnan(size), np.inf, size), kind="stable")[:TOP]
        press = float(np.sum(without**2))
        sums = (float(leverage.sum()), float(residual @ residual), press, int(undetermined.sum()))
        top = {name: part[first] for name, part in found.items()}
        return found, ChunkSummary(len(y), *sums, top, None)

    def _complement(self, X):
        """1 − P, of few rows, in double-double."""
        z = matmul(X, self.basis)
        terms = z * z / self.values.at(None)
        total = DoubleDouble.of(np.ones(len(X)))
        for place in range(terms.shape[1]):
            total = total - terms.at(np.s_[:, place])
        return total

    def _scaled(self, rows, leverage, complement, residual, without, undetermined):
        """What is divided by the noise, as of `RegressionDiagnostics`."""
        square = float(self.square.rounded()[0])
        exact = np.sqrt(square) <= self.exact_below
        sigma2 = square / self.freedom if self.freedom else np.nan
        remaining = square - residual * without
        most = np.flatnonzero(~undetermined & (residual * without > _NEAR * square))
        if most.size:  # the subtraction would leave its rounding
            X, y = (part[most] for part in rows.scaled)
            left = y - matmul(X, self.fit.at(np.s_[:, None])).at(np.s_[:, 0])
            remaining[most] = (self.square - left * left / self._complement(X)).rounded()
        unknown = undetermined | ~(remaining > self.exact_below**2) | (self.freedom < 2)
        spread = np.where(unknown, np.nan, remaining / max(self.freedom - 1, 1)) * complement
        internal = _quotient(residual**2, sigma2 * complement, undetermined | exact)
        ratio = _quotient(leverage, complement, undetermined)
        return {
            "studentised": _quotient(residual, np.sqrt(spread), unknown),
            "cooks_distance": internal * ratio / max(self.rank, 1),
        }

    def _add_changes(self, found, inner, residual, without):
        """θ(0) − θ(1) of the influence function and of leaving the row out, and what follows."""
        pulled = solve_triangular(self.triangle, inner, check_finite=False)
        changes = np.zeros((len(self.theta), pulled.shape[1]))
        changes[self.order] = -pulled
        changes *= self.scale[:, None]
        for name, factor in (("influence", residual), ("leave_one_out", without)):
            if self.gradient is not None:
                found[f"{name} on the measurement"] = (self.gradient @ changes) * factor
            for place, parameter in enumerate(self.parameters or ()):
                found[f"{name} on {parameter}"] = changes[place] * factor


@dataclasses.dataclass(frozen=True)
class ChunkSummary:
    """Sums over the rows of a chunk, and its most influential ones."""

    rows: int
    leverage: float
    square: float
    press: float
    undetermined: int
    top: dict[str, np.ndarray]
    columns: dict[str, np.ndarray] | None


def row_pass(full: DataSpectrum, gram: DoubleDouble, gradient, parameters, folder) -> RowPass:
    """From the spectrum and the Gram matrix of all rows."""
    seen, dimension = ~full.unseen, len(full.unseen)
    inputs = gram.at(np.s_[:-1, :-1])
    diagonal = np.diag(inputs.high) + full.ridge
    # Powers of two, that bring the columns to one length, cost no digits.
    scale = np.exp2(-np.round(0.5 * np.log2(np.where(diagonal > 0.0, diagonal, 1.0))))
    ridged = inputs + full.ridge * np.eye(dimension)
    rounding = max(full.size, dimension) * EPSILON
    rows, order = triangle(ridged * np.outer(scale, scale), rounding**2)
    pivots = np.abs(rows[np.arange(len(order)), order])
    condition = float(pivots[0] / pivots[-1]) if len(order) else 1.0
    square = gram.at((-1, [-1])) - _sum(full.fit * full.fit * full.values, seen)
    return RowPass(
        fit=matmul(full.basis, full.fit.at(np.s_[:, None])).at(np.s_[:, 0]),
        rank=len(order),
        triangle=np.ascontiguousarray(rows[:, order]),
        order=order,
        scale=scale,
        values=full.values.at(seen),
        basis=full.basis.at(np.s_[:, seen]),
        ridge=full.ridge,
        square=square if square.high[0] > 0.0 else DoubleDouble.of(np.zeros(1)),
        exact_below=rounding * float(np.sqrt(gram.high[-1, -1])),
        freedom=full.size - len(order),
        condition=condition,
        rounding=rounding,
        gradient=gradient,
        parameters=parameters,
        folder=folder,
    )


def _sum(terms: DoubleDouble, where) -> DoubleDouble:
    total = DoubleDouble.of(np.zeros(1))
    for place in np.flatnonzero(where):
        total = total + terms.at([place])
    return total


def count_files(folder: str) -> int:
    """How many chunks' files there are."""
    return len(list(Path(folder).glob("rows-*.parquet")))


def written(columns: dict[str, np.ndarray], folder: str, begin: int) -> None:
    """A file of Parquet, complete or not there; written again it is the same."""
    import pyarrow
    from pyarrow import parquet

    target = Path(folder) / f"rows-{begin:015d}.parquet"
    with whole(target) as part:
        parquet.write_table(pyarrow.table(columns), part)


def _quotient(numerator, denominator, missing):
    missing = np.broadcast_to(missing, numerator.shape)
    return np.where(missing, np.nan, numerator / np.where(missing, 1.0, denominator))
