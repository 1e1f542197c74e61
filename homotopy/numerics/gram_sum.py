"""Gram matrices of parts of the data as one: in any order of the parts, in double-double."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from homotopy.numerics.double_double import DoubleDouble
from homotopy.numerics.gram_matrix import error_bound, gram_matrix

_MERGE = 2.0**-104  # of an entry of Σ|p||q|, 4u²: what a sum in double-double may err by


@dataclass(frozen=True)
class GramSum:
    """The Gram matrix of some rows of [X, y].

    Attributes
    ----------
    gram : (d + 1, d + 1)
    error : float
        Of the matrix in norm, as a part of its trace.

    Notes
    -----
    A sum of two in double-double errs by 3u² of the entry of |A|ᵀ|A| at most (Joldes, Muller,
    Popescu, ACM TOMS 44, 2017), which in norm is 3u² of the trace. The errors of the parts, each of
    its own trace or of ‖p‖‖q‖, are no more of the sum's than the larger of the two: traces add up,
    and so do ‖p‖‖q‖ at most, by Cauchy and Schwarz. Parts merged in pairs, and those in pairs, add
    ⌈log₂ m⌉ such roundings: less than the blocks of one pass over as many rows.

    Examples
    --------
    >>> one = GramSum.of(np.array([[1.0]]), np.array([2.0]))
    >>> one.merged(one).gram.rounded().tolist()
    [[2.0, 4.0], [4.0, 8.0]]
    """

    gram: DoubleDouble
    error: float

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, omitted: np.ndarray | None = None) -> GramSum:
        """Of rows in memory, but for those that are omitted."""
        return cls(gram_matrix(X, y, omitted), error_bound(max(len(X), 1), X.shape[1] + 1))

    def merged(self, other: GramSum) -> GramSum:
        """Of the rows of both."""
        return GramSum(self.gram + other.gram, max(self.error, other.error) + _MERGE)


@dataclass
class PairwiseSum:
    """Sums parts as they come, in pairs, pairs of pairs and so on: few are held at a time.

    The result depends on their order alone.
    """

    _levels: list[GramSum | None] = field(default_factory=list)

    def add(self, part: GramSum) -> None:
        """Another part."""
        for level, held in enumerate(self._levels):
            if held is None:
                self._levels[level] = part
                return
            self._levels[level], part = None, held.merged(part)
        self._levels.append(part)

    def total(self) -> GramSum:
        """Of all parts, of which there is one at least."""
        total = None
        for held in self._levels:
            if held is not None:
                total = held if total is None else held.merged(total)
        return total
