"""Chunks of arrays: NumPy's, in memory or mapped from files, and dask's."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from typing import Any

import numpy as np

from homotopy._checks import flag, integer, texts
from homotopy._wording import described
from homotopy.chunks.chunk import AbstractChunk, AbstractChunks, digest, named_features

ROWS = 2**17  # of a chunk


def from_arrays(
    X: Any,
    y: Any,
    *,
    weights: Any = None,
    features: Any = None,
    rows: int = ROWS,
    intercept: bool = False,
) -> AbstractChunks:
    """Chunks of arrays that need not fit into memory.

    Parameters
    ----------
    X : (n, d), y : (n,)
        Arrays of dask, whose blocks of rows are the chunks; or anything with a shape and slices of
        rows: of NumPy, also mapped from files (`numpy.memmap`, `numpy.load(..., mmap_mode="r")`),
        of Zarr, of HDF5. Files that are mapped are opened again in other processes, not sent.
    weights : (n,), optional
        Sample weights > 0.
    features : sequence of str, optional
        Names of the columns of X.
    rows : int
        How many rows a chunk has; dask's have their own.
    intercept : bool
        Whether a column of ones goes before X.

    Returns
    -------
    AbstractChunks

    Raises
    ------
    TypeError, ValueError
        Naming the argument: shapes that do not match.

    Examples
    --------
    >>> import homotopy as hm, numpy as np
    >>> hm.enable_x64()
    >>> chunks = from_arrays(np.array([[1.0], [1.0], [1.0]]), np.array([0.0, 1.0, 5.0]), rows=2)
    >>> problem = hm.LinearRegression.from_chunks(chunks, deleted=2)
    >>> float(problem.full_fit()[0]), float(problem.deleted_fit()[0])
    (2.0, 0.5)
    """
    rows, intercept = integer("rows", rows), flag("intercept", intercept)
    given = {"X": X, "y": y} | ({} if weights is None else {"weights": weights})
    for name, array in given.items():
        if not hasattr(array, "shape") or not hasattr(array, "__getitem__"):
            raise TypeError(
                f"{name}: expected an array of NumPy or dask, or one with a shape and slices, got "
                f"{described(array)}."
            )
    if len(X.shape) != 2 or X.shape[1] == 0:
        raise ValueError(f"X: expected a matrix (n, d), got shape {tuple(X.shape)}.")
    for name, array in given.items():
        if name != "X" and len(array.shape) != 1:
            raise ValueError(f"{name}: expected a vector, got shape {tuple(array.shape)}.")
    if features is not None:
        features = texts("features", features, f"{X.shape[1]} names of columns")
        if len(features) != X.shape[1]:
            raise ValueError(f"features: expected {X.shape[1]} names, got {len(features)}.")
    names = named_features(features, intercept)
    arrays = tuple(given.values())
    if any(map(_is_dask, arrays)):
        return _of_dask(arrays, intercept, names)
    for name, array in given.items():
        if array.shape[0] != X.shape[0]:
            raise ValueError(
                f"{name}: expected {X.shape[0]} entries, as X has rows, got {array.shape[0]}."
            )
    return SlicedChunks(arrays, rows, intercept, names)


def _is_dask(array) -> bool:
    dask = sys.modules.get("dask.array")
    return dask is not None and isinstance(array, dask.Array)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class SlicedChunks(AbstractChunks):
    """Slices of arrays."""

    arrays: tuple
    rows: int
    intercept: bool
    features: tuple[str, ...] | None

    @property
    def size(self) -> int:
        return self.arrays[0].shape[0]

    def __iter__(self):
        for first in range(0, self.size, self.rows):
            last = min(first + self.rows, self.size)
            parts = tuple(_Part(array, first, last) for array in self.arrays)
            yield SlicedChunk(first, self.intercept, parts)

    def _kind(self) -> str:
        return f"arrays, {self.rows} rows a chunk"


@dataclasses.dataclass(frozen=True)
class _Part:
    """Rows of an array; of a file that is mapped, in another process, by its name."""

    array: Any
    begin: int
    end: int

    def rows(self) -> np.ndarray:
        return np.asarray(self.array[self.begin : self.end])

    @property
    def mapped(self) -> bool:
        """Whether it is all of a file's array, not a view of it, whose place it does not know."""
        array = self.array
        return (
            isinstance(array, np.memmap)
            and array.filename is not None
            and not isinstance(array.base, np.ndarray)
            and array.flags.c_contiguous
        )

    def mark(self) -> str:
        if not self.mapped:
            return digest(self.rows())
        known = os.stat(self.array.filename)
        return digest(
            str(self.array.filename), known.st_size, known.st_mtime_ns, self.begin, self.end
        )

    def __reduce__(self):
        if not self.mapped:
            return _Part, (self.rows(), 0, self.end - self.begin)
        array = self.array
        where = str(array.filename), array.dtype.str, array.offset, array.shape
        return _reopened, (*where, self.begin, self.end)


def _reopened(filename, dtype, offset, shape, begin, end):
    array = np.memmap(filename, np.dtype(dtype), "r", offset, shape)
    return _Part(array, begin, end)


@dataclasses.dataclass(frozen=True)
class SlicedChunk(AbstractChunk):
    """Rows of arrays that can be sliced."""

    begin: int
    intercept: bool
    parts: tuple

    def read(self, *parts):
        X, y, *weights = (part.rows() for part in self.parts)
        return X, y, weights[0] if weights else None

    @property
    def fingerprint(self) -> str:
        return digest(self.begin, self.intercept, *(part.mark() for part in self.parts))


@dataclasses.dataclass(frozen=True)
class DelayedChunk(AbstractChunk):
    """Rows that dask computes where they are needed."""

    begin: int
    intercept: bool
    needs: tuple

    def read(self, X, y, weights=None):
        return X, y, weights

    @property
    def fingerprint(self) -> str:
        return digest(self.begin, self.intercept, [str(part.key) for part in self.needs])

    def __reduce__(self):
        # What it needs is sent by dask, not with it.
        return DelayedChunk, (self.begin, self.intercept, ())


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DelayedChunks(AbstractChunks):
    """Blocks or partitions of dask: what each needs, and how many rows it has."""

    needs: list
    lengths: tuple[int, ...]
    features: tuple[str, ...] | None
    made: Any
    """Of begin and needs a chunk."""

    @property
    def size(self) -> int:
        return sum(self.lengths)

    def __iter__(self):
        begin = 0
        for needs, length in zip(self.needs, self.lengths, strict=True):
            yield self.made(begin, needs)
            begin += length

    def _kind(self) -> str:
        return f"dask, in {len(self.lengths)} parts"


def _of_dask(arrays, intercept, names) -> DelayedChunks:
    import dask.array

    X = next(array for array in arrays if _is_dask(array))
    lengths = known_lengths(X)
    blocks = []
    for name, array in zip(("X", "y", "weights"), arrays, strict=False):
        if not _is_dask(array):
            array = dask.array.from_array(array, chunks=(lengths, *array.shape[1:]))
        elif array.ndim == 2:
            array = array.rechunk({1: -1})  # whole rows
        own = known_lengths(array)
        if sum(own) != sum(lengths):
            raise ValueError(f"{name}: expected {sum(lengths)} entries, got {sum(own)}.")
        if own != lengths:
            array = array.rechunk({0: lengths})
        blocks.append(array.to_delayed().reshape(len(lengths)))
    needs = list(zip(*blocks, strict=True))
    return DelayedChunks(needs, lengths, names, functools.partial(_delayed, intercept))


def _delayed(intercept: bool, begin: int, needs: tuple) -> DelayedChunk:
    return DelayedChunk(begin, intercept, needs)


def known_lengths(array) -> tuple[int, ...]:
    """Rows of the blocks; counted in a pass of its own where dask does not know them."""
    if any(np.isnan(length) for length in array.chunks[0]):
        array = array.compute_chunk_sizes()
    return tuple(map(int, array.chunks[0]))
