"""A chunk of rows, and data that come in chunks."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np

from homotopy._display import Displayed, Entries
from homotopy._numbers import as_numbers
from homotopy._wording import described


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows in memory, in float64 and checked.

    Attributes
    ----------
    X : (m, d), y : (m,)
    weights : (m,) or None
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None

    @property
    def scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """√wᵢ (xᵢ, yᵢ), whose least squares are the weighted ones."""
        if self.weights is None:
            return self.X, self.y
        root = np.sqrt(self.weights)
        return root[:, None] * self.X, root * self.y


class AbstractChunk(abc.ABC):
    """Some rows, that are not in memory until they are asked for, perhaps in another process.

    Attributes
    ----------
    begin : int
        The number of its first row in the data.
    intercept : bool
        Whether X begins with a column of ones.
    needs : tuple, optional
        Delayed values of dask that `load` takes.
    """

    begin: int
    intercept: bool

    @abc.abstractmethod
    def read(self, *parts):
        """X, y and weights, as they lie there."""

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """The same for the same rows."""

    def load(self, *parts) -> Rows:
        """The rows; a `ValueError` where they are no finite numbers, with their place."""
        try:
            return checked_rows(*self.read(*parts), self.intercept)
        except ValueError as error:
            error.add_note(f"in the chunk that begins with row {self.begin} of the data")
            raise


def checked_rows(X, y, weights, intercept: bool) -> Rows:
    """Numbers of a chunk, checked."""
    inputs, targets = as_numbers("X", X, data=True), as_numbers("y", y, data=True)
    if inputs.ndim != 2:
        raise ValueError(f"X: expected a matrix (m, d), got shape {inputs.shape}.")
    size = len(inputs)
    if targets.shape != (size,):
        raise ValueError(f"y: expected {size} targets, as X has rows, got shape {targets.shape}.")
    known = None
    if weights is not None:
        known = as_numbers("weights", weights, data=True).astype(np.float64, copy=False)
        if known.shape != (size,) or not np.all(known > 0.0):
            raise ValueError(
                f"weights: expected {size} positive weights, one a row of X, got "
                f"{described(known) if known.shape != (size,) else f'{known.min():g} among them'}."
            )
    inputs = inputs.astype(np.float64, copy=False)
    if intercept:
        inputs = np.column_stack([np.ones(size), inputs])
    return Rows(inputs, targets.astype(np.float64, copy=False), known)


class AbstractChunks(Displayed):
    """Data that come in chunks of rows, to be gone through once or more.

    What `from_arrays`, `from_frame`, `from_parquet` and `from_iterable` return. Iterating over it
    reads nothing yet: a chunk reads its rows where it is computed with.

    Attributes
    ----------
    features : tuple of str or None
        Names of the columns of X, the intercept's included.
    size : int or None
        n, where it is known before.
    """

    features: tuple[str, ...] | None
    size: int | None

    @abc.abstractmethod
    def __iter__(self) -> Iterator[AbstractChunk]: ...

    @abc.abstractmethod
    def _kind(self) -> str:
        """What they are chunks of, in a few words."""

    def _entries(self) -> Entries:
        yield "of", self._kind()
        yield "n", self.size
        yield "features", None if self.features is None else len(self.features)


def named_features(features, intercept: bool) -> tuple[str, ...] | None:
    """Names with that of the intercept."""
    if features is None:
        return None
    return (*(("intercept",) if intercept else ()), *map(str, features))


def digest(*parts) -> str:
    """Of words and arrays."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(repr(part).encode())
    return found.hexdigest()[:16]
