"""Chunks of any iterable."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from homotopy._checks import flag, texts
from homotopy._wording import described
from homotopy.chunks.chunk import AbstractChunk, AbstractChunks, digest, named_features


def from_iterable(
    source: Iterable | Callable[[], Iterable], *, features: Any = None, intercept: bool = False
) -> AbstractChunks:
    """Chunks of whatever yields them.

    Parameters
    ----------
    source : iterable, or a function that returns one
        Of pairs (X, y) or triples (X, y, weights) of arrays or data frames. An iterator, as a
        generator, can be gone through once only: a second pass needs a function, which begins
        again.
    features : sequence of str, optional
    intercept : bool
        Whether a column of ones goes before X.

    Returns
    -------
    AbstractChunks

    Raises
    ------
    TypeError
        Naming `source`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> chunks = from_iterable([([[1.0], [1.0]], [0.0, 1.0]), ([[1.0]], [5.0])])
    >>> float(hm.LinearRegression.from_chunks(chunks, deleted=2).deleted_fit()[0])
    0.5
    """
    intercept = flag("intercept", intercept)
    once = isinstance(source, Iterator)
    function = callable(source) and not isinstance(source, type)
    odd = isinstance(source, str | bytes | dict | type | np.ndarray)
    if odd or not (function or isinstance(source, Iterable)):
        raise TypeError(
            "source: expected an iterable of pairs (X, y), or a function that returns one, got "
            f"{described(source)}."
        )
    if features is not None:
        features = texts("features", features, "a sequence of names of columns")
    if isinstance(source, Sequence):
        for given in source:
            _checked_pair("source", given)
    return IteratedChunks(source, once, named_features(features, intercept), intercept)


@dataclasses.dataclass(eq=False, repr=False)
class IteratedChunks(AbstractChunks):
    """What an iterable yields."""

    source: Any
    once: bool
    features: tuple[str, ...] | None
    intercept: bool
    size: int | None = None
    spent: bool = False

    def __iter__(self):
        if self.once and self.spent:
            raise ValueError(
                "chunks: an iterator can be gone through once only, and has been: give a function "
                "that returns one, or a list."
            )
        self.spent = True
        source = self.source() if callable(self.source) else self.source
        if not isinstance(source, Iterable):
            raise TypeError(
                "chunks: expected a function that returns an iterable of pairs (X, y), got one "
                f"that returns {described(source)}."
            )
        return _numbered(source, self.intercept)

    def _kind(self) -> str:
        return "an iterable"


def as_chunks(value) -> AbstractChunks:
    """Chunks as they are, and an iterable of them as such."""
    if isinstance(value, AbstractChunks):
        return value
    if isinstance(value, Sequence):
        for given in value:
            _checked_pair("chunks", given)
    iterable = isinstance(value, Iterable) and not isinstance(value, str | bytes | dict)
    if (iterable or callable(value)) and not isinstance(value, type | np.ndarray):
        return from_iterable(value)
    raise TypeError(
        "chunks: expected chunks, as of chunks.from_arrays(X, y) or chunks.from_parquet(path, "
        f"target), or an iterable of pairs (X, y), got {described(value)}."
    )


def _numbered(source, intercept) -> Iterator[AbstractChunk]:
    begin = 0
    for given in source:
        _checked_pair("chunks", given)
        X, y, *weights = (_array(part) for part in given)
        yield GivenChunk(begin, intercept, X, y, weights[0] if weights else None)
        begin += len(X)


def _checked_pair(name: str, given) -> None:
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError(
            f"{name}: expected pairs (X, y) or triples (X, y, weights) of arrays, got "
            f"{described(given)}."
        )


def _array(part):
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(part, pandas.DataFrame | pandas.Series):
        return part
    return np.asarray(part)


@dataclasses.dataclass(frozen=True, eq=False)
class GivenChunk(AbstractChunk):
    """Rows that are in memory."""

    begin: int
    intercept: bool
    X: Any
    y: Any
    weights: Any

    def read(self, *parts):
        return self.X, self.y, self.weights

    @property
    def fingerprint(self) -> str:
        weights = () if self.weights is None else (np.asarray(self.weights),)
        return digest(self.begin, self.intercept, np.asarray(self.X), np.asarray(self.y), *weights)
