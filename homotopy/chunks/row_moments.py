"""What one pass over the rows of a linear regression leaves: sums, and the rows that are kept."""

from __future__ import annotations

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from homotopy._checks import ArrayInput, integer
from homotopy._display import Displayed, Entries
from homotopy._module import Module
from homotopy._numbers import as_numbers
from homotopy._saving import Saved
from homotopy.numerics.double_double import DoubleDouble
from homotopy.numerics.gram_matrix import gram_matrix
from homotopy.numerics.gram_sum import GramSum
from homotopy.numerics.namespace import AnyArray

_UNIT = 2.0**-53


class Moments(Displayed, Saved, Module):
    """Sums over rows in double-double, and some rows as they are; what `from_moments` takes.

    Attributes
    ----------
    high, low : (d + 1, d + 1)
        Σ wᵢ (xᵢ, yᵢ)(xᵢ, yᵢ)ᵀ over the rows that are not kept, as a sum of two float64.
    error : ()
        A bound of its error in norm, as a part of its trace.
    size : ()
        n, kept rows included.
    X : (k, d), y : (k,), weights : (k,)
        Of the rows that are kept: those that may be deleted.
    numbers : (k,)
        Their numbers in the data, ascending.
    features : tuple of str or None
    """

    high: Float[AnyArray, "D D"]
    low: Float[AnyArray, "D D"]
    error: Float[AnyArray, ""]
    size: Int[AnyArray, ""]
    X: Float[AnyArray, "k d"]
    y: Float[AnyArray, " k"]
    weights: Float[AnyArray, " k"]
    numbers: Int[AnyArray, " k"]
    features: tuple[str, ...] | None = eqx.field(static=True, default=None)

    def _entries(self) -> Entries:
        yield "n", int(self.size)
        yield "d", self.X.shape[1]
        yield "rows kept", len(self.numbers)
        yield "error of the sums", f"at most {float(self.error):.1g} of their trace"

    @classmethod
    def of_sums(
        cls,
        gram: ArrayInput,
        moment: ArrayInput,
        square: float,
        size: int,
        *,
        X: ArrayInput,
        y: ArrayInput,
        weights: ArrayInput | None = None,
        numbers: ArrayInput | None = None,
        error: float | None = None,
        features: tuple[str, ...] | None = None,
    ) -> Moments:
        """Of sums that another program has computed, as a data base.

        Parameters
        ----------
        gram : (d, d), moment : (d,), square : float
            Σ wᵢ xᵢxᵢᵀ, Σ wᵢ xᵢyᵢ and Σ wᵢ yᵢ² over all n rows.
        size : int
            n.
        X : (k, d), y : (k,), weights : (k,), optional
            Rows among those, which may be deleted.
        numbers : (k,), optional
            What they are called: 0, 1, … by default.
        error : float, optional
            Of the sums in norm, as a part of the trace; n·2⁻⁵³ by default, as of plain sums.
        features : tuple of str, optional

        Raises
        ------
        ValueError
            Naming the argument: shapes that do not match; sums that are of no rows, as those of
            the kept rows alone are larger.
        """
        sums = as_numbers("gram", gram).astype(np.float64)
        if sums.ndim != 2 or sums.shape[0] != sums.shape[1] or not sums.size:
            raise ValueError(f"gram: expected a matrix (d, d), got shape {sums.shape}.")
        d = sums.shape[0]
        vector = as_numbers("moment", moment).astype(np.float64)
        if vector.shape != (d,):
            raise ValueError(f"moment: expected a vector of length {d}, got shape {vector.shape}.")
        n = integer("size", size, 2)
        whole = np.block([[sums, vector[:, None]], [vector, np.float64(square)]])
        if not np.array_equal(whole, whole.T):
            raise ValueError("gram: expected a symmetric matrix, got one that is not.")
        rows, targets = (as_numbers(name, part, data=True) for name, part in (("X", X), ("y", y)))
        if rows.ndim != 2 or rows.shape[1] != d or len(rows) >= n:
            raise ValueError(f"X: expected fewer than {n} rows of {d} numbers, got {rows.shape}.")
        if targets.shape != (len(rows),):
            raise ValueError(f"y: expected {len(rows)} targets, got shape {targets.shape}.")
        known = np.ones(len(rows)) if weights is None else as_numbers("weights", weights)
        if known.shape != (len(rows),) or not np.all(known > 0.0):
            raise ValueError(f"weights: expected {len(rows)} positive weights, got {known}.")
        named = np.arange(len(rows)) if numbers is None else as_numbers("numbers", numbers)
        if named.shape != (len(rows),) or np.any(np.diff(named) <= 0):
            raise ValueError(
                f"numbers: expected {len(rows)} numbers of rows, ascending, got {named}."
            )
        root = np.sqrt(known)
        held = gram_matrix(root[:, None] * rows, root * targets)
        rest = DoubleDouble.of(whole) - held
        trace = float(np.trace(rest.high))
        part = n * _UNIT if error is None else float(error)
        if np.any(np.diag(rest.high) < -part * np.trace(whole)):
            raise ValueError(
                "gram: expected sums over all rows, those of X included, got less than theirs."
            )
        scale = float(np.trace(whole)) / trace if trace > 0.0 else 1.0
        return cls(
            rest.high, rest.low, np.asarray(part * scale), np.asarray(n),
            rows.astype(np.float64), targets.astype(np.float64), known.astype(np.float64),
            named.astype(int), features,
        )  # fmt: skip

    @property
    def rest(self) -> GramSum:
        """Of the rows that are not kept."""
        return GramSum(DoubleDouble(np.asarray(self.high), np.asarray(self.low)), float(self.error))

    @property
    def scaled_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """√wᵢ (xᵢ, yᵢ) of the kept rows."""
        root = np.sqrt(np.asarray(self.weights))
        return root[:, None] * np.asarray(self.X), root * np.asarray(self.y)

    def gram_without(self, deleted: np.ndarray) -> GramSum:
        """Of all rows but some of the kept ones, by their places among them; no differences."""
        if len(self.numbers) == 0:
            return self.rest
        rows, targets = self.scaled_rows
        omitted = None if len(deleted) == 0 else deleted
        return self.rest.merged(GramSum.of(rows, targets, omitted))

    def places(self, numbers: np.ndarray, name: str = "deleted") -> np.ndarray:
        """Where rows of the data are among the kept ones; a `ValueError` for others."""
        known = np.asarray(self.numbers)
        wanted = np.asarray(numbers)
        places = np.searchsorted(known, wanted)
        found = places < known.size
        found[found] = known[places[found]] == wanted[found]
        if not found.all():
            kept = known[:5].tolist() + (["…"] if known.size > 5 else [])
            raise ValueError(
                f"{name}: expected rows that were kept, {kept}, got {int(wanted[~found][0])}: "
                "LinearRegression.from_chunks(chunks, ..., keep=[...]) and chunks.moments(chunks, "
                "keep=[...]) keep more."
            )
        return places
