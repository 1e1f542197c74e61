"""Data from comma-separated files."""

import os
from pathlib import Path

import numpy as np

from homotopy._checks import instance
from homotopy._csv import as_numbers, missing_target, read_cells
from homotopy.datasets.dataset import Dataset


def from_csv(path: str | os.PathLike, target: str) -> Dataset:
    """A data set from a comma-separated file; every column but the target is a feature.

    Parameters
    ----------
    path
        The file: one line of column names, then one line an example, of numbers, or of True and
        False, which count as 1 and 0.
    target
        Name of the target column.

    Raises
    ------
    ValueError
        If the file is missing or unreadable; a column has no name or shares one; the target is not
        there (naming the columns there are) or is the only column; there are no rows; or a cell is
        empty, is text, or is not finite (naming rows and columns).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "houses.csv")
    ...     _ = path.write_text("rooms,price\\n3,200\\n4,260\\n5,330\\n")
    ...     houses = from_csv(path, target="price")
    >>> houses.feature_names, houses.y.tolist()
    (('rooms',), [200.0, 260.0, 330.0])
    """
    instance("path", path, str | os.PathLike, "a file name")
    instance("target", target, str, "the name of a column")
    path = Path(path)
    names, cells = read_cells(path)
    if target not in names:
        raise ValueError(missing_target(path, target, names))
    if len(names) < 2:
        raise ValueError(f"{path.name} has no feature columns: only the target {target!r}.")
    if len(cells) < 1:
        raise ValueError(f"{path.name} needs at least one row of data, got {len(cells)}.")
    table = as_numbers(path, names, cells)
    column = names.index(target)
    features = tuple(name for name in names if name != target)
    return Dataset(
        name=path.name.split(".")[0],
        X=np.delete(table, column, axis=1),
        y=table[:, column].copy(),
        feature_names=features,
        target_name=target,
        description=f"{path.name}: {len(cells)} rows, {len(features)} features, target {target}.",
    )
