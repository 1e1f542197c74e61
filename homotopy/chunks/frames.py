"""Chunks of tables: data frames of dask, and Parquet."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homotopy._checks import flag, texts
from homotopy._checks import sequence as checked_sequence
from homotopy._wording import described, meant
from homotopy.chunks.arrays import DelayedChunk, DelayedChunks
from homotopy.chunks.chunk import AbstractChunk, AbstractChunks, digest, named_features


def from_frame(
    frame: Any,
    target: str,
    *,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    intercept: bool = False,
) -> AbstractChunks:
    """Chunks of a data frame of dask: its partitions.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        Its rows are counted first, for their numbers: of Parquet by its metadata.
    target : str
        The column of y.
    features : sequence of str, optional
        The columns of X; all others but `weights` by default.
    weights : str, optional
        The column of sample weights > 0.
    intercept : bool
        Whether a column of ones goes before them.

    Returns
    -------
    AbstractChunks

    Raises
    ------
    TypeError, ValueError
        Naming `frame`, or `target`, `features` or `weights`, where there is no such column.

    Examples
    --------
    >>> import dask.dataframe, pandas, homotopy as hm
    >>> hm.enable_x64()
    >>> table = pandas.DataFrame({"x": [1.0, 1.0, 1.0], "y": [0.0, 1.0, 5.0]})
    >>> chunks = from_frame(dask.dataframe.from_pandas(table, npartitions=2), "y")
    >>> float(hm.LinearRegression.from_chunks(chunks, deleted=2).deleted_fit()[0])
    0.5
    """
    if not hasattr(frame, "map_partitions") or not hasattr(frame, "columns"):
        raise TypeError(
            f"frame: expected a data frame of dask, got {described(frame)}; chunks.from_arrays "
            "takes arrays, and LinearRegression(X, y, ...) what fits into memory."
        )
    columns = _columns(list(map(str, frame.columns)), target, features, weights)
    lengths = map(int, frame.map_partitions(len).compute())
    needs = [(part,) for part in frame.to_delayed()]
    intercept = flag("intercept", intercept)
    names = named_features(columns[0], intercept)
    made = functools.partial(_framed, intercept, columns)
    return DelayedChunks(needs, tuple(lengths), names, made)


def _framed(intercept: bool, columns: tuple, begin: int, needs: tuple) -> FrameChunk:
    return FrameChunk(begin, intercept, needs, columns)


def from_parquet(
    path: Any,
    target: str,
    *,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    intercept: bool = False,
) -> AbstractChunks:
    """Chunks of Parquet: its row groups, read by pyarrow where they are needed.

    Parameters
    ----------
    path : str, path, or a sequence of them
        Of a file, a folder of files, or what `pyarrow.dataset.dataset` takes, as "s3://…".
    target, features, weights, intercept
        As of `from_frame`.

    Returns
    -------
    AbstractChunks
        Rows are numbered in the order of the files' names, and of the groups in them.

    Raises
    ------
    ImportError
        Where pyarrow is not installed.
    TypeError, ValueError
        Naming `path`, `target`, `features` or `weights`.

    Examples
    --------
    >>> import homotopy as hm, pandas, pathlib, tempfile
    >>> hm.enable_x64()
    >>> table = pandas.DataFrame({"x": [1.0, 1.0, 1.0], "y": [0.0, 1.0, 5.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.to_parquet(pathlib.Path(folder) / "table.parquet")
    ...     problem = hm.LinearRegression.from_chunks(from_parquet(folder, "y"), deleted=2)
    >>> float(problem.deleted_fit()[0])
    0.5
    """
    dataset = _dataset(path)
    columns = _columns(dataset.schema.names, target, features, weights)
    groups = []
    for fragment in sorted(dataset.get_fragments(), key=lambda one: one.path):
        groups += fragment.split_by_row_group()
    intercept = flag("intercept", intercept)
    return ParquetChunks(groups, columns, named_features(columns[0], intercept), intercept)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ParquetChunks(AbstractChunks):
    """Groups of rows in files."""

    groups: list
    columns: tuple
    features: tuple[str, ...] | None
    intercept: bool

    @functools.cached_property
    def lengths(self) -> list[int]:
        """Rows of the groups, by the files' metadata."""
        return [sum(group.num_rows for group in one.row_groups) for one in self.groups]

    @property
    def size(self) -> int:
        return sum(self.lengths)

    def __iter__(self):
        begin = 0
        for group, length in zip(self.groups, self.lengths, strict=True):
            yield ParquetChunk(begin, self.intercept, group, self.columns)
            begin += length

    def _kind(self) -> str:
        return f"Parquet, {len(self.groups)} row groups"


def _dataset(path):
    try:
        import pyarrow.dataset
    except ImportError as error:
        raise ImportError("from_parquet needs pyarrow: pip install 'homotopy[scale]'.") from error
    several = not isinstance(path, str | os.PathLike)
    given = checked_sequence("path", path, "a path or a sequence of them") if several else [path]
    if not given or not all(isinstance(one, str | os.PathLike) for one in given):
        raise TypeError(f"path: expected a path or a sequence of them, got {described(path)}.")
    known = [str(one) for one in given]
    missing = [one for one in known if "://" not in one and not Path(one).exists()]
    if missing:
        raise ValueError(
            f"path: expected files or a folder, got {missing[0]!r}, which is not there."
        )
    try:
        return pyarrow.dataset.dataset(known if several else known[0], format="parquet")
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"path: expected Parquet, got what pyarrow does not read ({error})."
        ) from error


def _columns(known: list[str], target, features, weights):
    """Names of the columns of X, of y and of the weights, which are there."""
    for argument, name in (("target", target), ("weights", weights)):
        if not isinstance(name, str) and (name is not None or argument == "target"):
            raise TypeError(f"{argument}: expected the name of a column, got {described(name)}.")
    others = [name for name in known if name not in (target, weights)]
    if features is not None:
        others = texts("features", features, "a sequence of names of columns")
        if not others:
            raise ValueError("features: expected at least one name, got none.")
    asked = [("target", target), *(("features", name) for name in others)]
    asked += [] if weights is None else [("weights", weights)]
    for argument, name in asked:
        if name not in known:
            raise ValueError(
                f"{argument}: expected the name of a column, got {name!r}.{meant(name, known, 3)}"
            )
    if not others:
        raise ValueError(f"features: expected a column beside {target!r}, got none.")
    return tuple(others), target, weights


@dataclasses.dataclass(frozen=True)
class FrameChunk(DelayedChunk):
    """A partition of a data frame of dask."""

    columns: tuple

    def read(self, frame):
        features, target, weights = self.columns
        return frame[list(features)], frame[target], None if weights is None else frame[weights]

    @property
    def fingerprint(self) -> str:
        return digest(super().fingerprint, self.columns)

    def __reduce__(self):
        return FrameChunk, (self.begin, self.intercept, (), self.columns)


@dataclasses.dataclass(frozen=True)
class ParquetChunk(AbstractChunk):
    """A group of rows in a file."""

    begin: int
    intercept: bool
    group: Any
    columns: tuple

    def read(self, *parts):
        features, target, weights = self.columns
        names = [*features, target, *(() if weights is None else (weights,))]
        table = self.group.to_table(columns=names)
        frame = table.to_pandas()
        return frame[list(features)], frame[target], None if weights is None else frame[weights]

    @property
    def fingerprint(self) -> str:
        path, known = self.group.path, ()
        if os.path.exists(path):
            stat = os.stat(path)
            known = stat.st_size, stat.st_mtime_ns
        groups = [group.id for group in self.group.row_groups]
        return digest(path, known, groups, self.begin, self.intercept, self.columns)
