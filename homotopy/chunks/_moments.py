"""The verb `moments`: one pass over the rows, by one process or many."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from homotopy._checks import ArrayInput, integer, row_numbers
from homotopy._progress import checked_progress, counted
from homotopy._threads import one_thread_of_blas
from homotopy.chunks.chunk import AbstractChunk, AbstractChunks
from homotopy.chunks.iterables import as_chunks
from homotopy.chunks.row_moments import Moments
from homotopy.numerics.double_double import DoubleDouble
from homotopy.numerics.gram_sum import GramSum, PairwiseSum
from homotopy.sweeps._sweep import swept
from homotopy.sweeps.workers import checked_client, in_order

_MOST = 2**62


def moments(
    chunks: AbstractChunks | Iterable,
    *,
    keep: ArrayInput = (),
    client: Any = None,
    journal: str | os.PathLike | None = None,
    progress: bool | Callable[[int], None] | None = None,
) -> Moments:
    """Gram matrix and right-hand side of all rows in one pass, in double-double, and some rows.

    The error is that of the data in memory: chunks are summed by exact slices, and the sums added
    in pairs in the order of the chunks, whichever process had them (theory §14). So the result does
    not depend on how many there are, to the last bit on processors of one kind.

    Parameters
    ----------
    chunks : AbstractChunks, or an iterable of pairs (X, y)
        As of `from_arrays`, `from_frame`, `from_parquet` or `from_iterable`.
    keep : int or sequence of int
        Numbers of rows, counted from 0, that are kept as they are: those that may be deleted.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Chunks are read and summed in its processes. A worker of dask that dies loses nothing.
    journal : str or path, optional
        A folder: a pass that is killed goes on where it was, as of `sweep`.
    progress : bool or callable, optional
        As of `sweep`, of the rows done.

    Returns
    -------
    Moments

    Raises
    ------
    TypeError, ValueError
        Naming `chunks`, `keep`, `client` or `journal`; and where a chunk has what is no number, or
        another number of columns, with its place.

    Examples
    --------
    >>> found = moments([([[1.0], [1.0]], [0.0, 1.0]), ([[1.0]], [5.0])], keep=[2])
    >>> found.high.tolist(), found.X.tolist(), found.y.tolist()
    ([[2.0, 1.0], [1.0, 1.0]], [[1.0]], [5.0])
    """
    source, client = as_chunks(chunks), checked_client(client)
    kept = _kept(keep, source.size)
    checked_progress(progress, "the number of rows done")
    total, size, held, width = PairwiseSum(), 0, [], None
    function = functools.partial(chunk_moments, kept)
    with counted(progress, source.size or 0, "one pass over the rows") as report:
        for part in in_order(swept(function, source, None, client, journal)):
            if width is not None and part.high.shape[0] != width:
                raise ValueError(
                    f"chunks: expected {width - 1} columns in all, got {part.high.shape[0] - 1} in "
                    f"the chunk that begins with row {size}."
                )
            width = part.high.shape[0]
            total.add(GramSum(DoubleDouble(part.high, part.low), part.error))
            held.append(part)
            if not len(part.numbers):
                held.pop()
            size += part.rows
            report(size)
    if size == 0:
        raise ValueError("chunks: expected rows, got none.")
    absent = kept[kept >= size]
    if absent.size:
        raise ValueError(f"keep: expected numbers of rows below {size}, got {int(absent[0])}.")
    whole = total.total()
    empty = np.zeros((0, width - 1)), np.zeros(0), np.zeros(0), np.zeros(0, int)
    names = ("X", "y", "weights", "numbers")
    rows = [np.concatenate([none, *(getattr(part, name) for part in held)])
            for name, none in zip(names, empty, strict=True)]  # fmt: skip
    return Moments(
        whole.gram.high, whole.gram.low, np.asarray(whole.error), np.asarray(size), *rows,
        source.features,
    )  # fmt: skip


def no_rows(given) -> bool:
    """Whether a sequence of numbers of rows is empty."""
    plain = isinstance(given, list | tuple | range)
    return len(given) == 0 if plain else np.shape(given) == (0,)


def _kept(keep, size: int | None) -> np.ndarray:
    if no_rows(keep):
        return np.zeros(0, int)
    return np.sort(row_numbers("keep", keep, _MOST if size is None else integer("size", size)))


@dataclasses.dataclass(frozen=True)
class ChunkMoments:
    """Of one chunk."""

    high: np.ndarray
    low: np.ndarray
    error: float
    rows: int
    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    numbers: np.ndarray


def chunk_moments(keep: np.ndarray, chunk: AbstractChunk, *parts) -> ChunkMoments:
    """The sums of one chunk without the rows that are kept, and those rows."""
    rows = chunk.load(*parts)
    X, y = rows.scaled
    count = len(X)
    own = keep[(keep >= chunk.begin) & (keep < chunk.begin + count)] - chunk.begin
    with one_thread_of_blas(0):
        found = GramSum.of(X, y, own if own.size else None)
    weights = np.ones(count) if rows.weights is None else rows.weights
    return ChunkMoments(
        found.gram.high, found.gram.low, found.error, count,
        rows.X[own], rows.y[own], weights[own], own + chunk.begin,
    )  # fmt: skip
