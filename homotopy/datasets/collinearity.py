"""Which columns are linear combinations of others."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.linalg

from homotopy._checks import ArrayInput, fraction, matrix


@dataclasses.dataclass(frozen=True)
class CollinearColumn:
    """A column of X that is a linear combination of others: x_column = Σ cᵢ x_otherᵢ.

    Attributes
    ----------
    column
        Index of the column; leaving it out loses nothing.
    others, coefficients
        Indices of the columns that it combines, and the cᵢ; both empty for a column of zeros.
    """

    column: int
    others: tuple[int, ...]
    coefficients: tuple[float, ...]

    def describe(self, names: Sequence[str]) -> str:
        """In words, with the given column names: "c = 2·a − b"."""
        text = ""
        for i, c in zip(self.others, self.coefficients, strict=True):
            size = f"{abs(c):.4g}"
            sign = ("−" if c < 0 else "") if not text else (" − " if c < 0 else " + ")
            text += sign + (names[i] if size == "1" else f"{size}·{names[i]}")
        return f"{names[self.column]} = {text or '0'}"


def collinear_columns(X: ArrayInput, tolerance: float = 1e-11) -> tuple[CollinearColumn, ...]:
    """Which columns of X are exact linear combinations of the others, and of which.

    By QR with column pivoting of the columns scaled to length 1: what remains of a redundant column
    after the earlier pivots is at most `tolerance`. Standardise first to find affine combinations
    too (a set of dummy variables that adds up to 1).

    Parameters
    ----------
    X
        Features (n, p): an array, nested lists or a data frame of numbers or booleans.
    tolerance
        Length below which the rest of a unit column counts as rounding.

    Returns
    -------
    tuple of CollinearColumn
        Empty if the columns are independent; leaving out the columns named makes them so. With
        fewer rows than columns there are at least p − n.

    Examples
    --------
    >>> a, b = np.array([1.0, 0.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0, 5.0])
    >>> (found,) = collinear_columns(np.column_stack([a, b, 2 * a - b]))
    >>> found.column in (0, 1, 2)
    True
    """
    X = matrix("X", X).astype(float, copy=False)
    fraction("tolerance", tolerance)
    lengths = np.linalg.norm(X, axis=0)
    safe_lengths = np.where(lengths > 0, lengths, 1.0)
    R, pivots = scipy.linalg.qr(X / safe_lengths, mode="r", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(R)) > tolerance))
    independent, redundant = pivots[:rank], pivots[rank:]
    # X[:, redundant] = X[:, independent] @ combination, in the original lengths.
    combination = scipy.linalg.solve_triangular(R[:rank, :rank], R[:rank, rank:])
    found = []
    for k, column in enumerate(redundant):
        used = np.flatnonzero(np.abs(combination[:, k]) > 10 * tolerance)
        used = used[np.argsort(independent[used])]
        others = independent[used]
        coefficients = combination[used, k] * safe_lengths[column] / safe_lengths[others]
        found.append(
            CollinearColumn(
                column=int(column),
                others=tuple(int(i) for i in others),
                coefficients=tuple(float(c) for c in coefficients),
            )
        )
    return tuple(sorted(found, key=lambda one: one.column))
