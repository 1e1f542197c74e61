"""The column of sample weights of a table."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.datasets.tables.columns import Column, check_column, column
from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable
from homotopy.datasets.tables.rows import missing_column, row_namer


def weight_column(raw: RawTable, names, options: TableOptions) -> Column | None:
    """The column that weighs the rows, of numbers; None where none is asked for."""
    name = options.weights
    if name is None:
        return None
    bare = options.bare("weights")
    if name not in raw.names:
        for other, what in (("target", "the target"), ("index", "the column of the rows' names")):
            if name == getattr(options, other):
                raise ValueError(f"{bare}: {name!r} is {what}.")
        if name in options.drop:
            raise ValueError(f"{bare}: {name!r} is left out by {options.called('drop', name)}.")
        raise ValueError(f"{bare}: {missing_column(raw, name)}")
    if name == options.target:
        raise ValueError(f"{bare}: {name!r} is the target.")
    found, where = column(raw, name), row_namer(names)
    if found.kind == "text":
        row = next(row for row, cell in enumerate(found.text) if cell is not None)
        raise ValueError(
            f"{bare}: expected numbers, got {found.text[row]!r} in {where(row)} of column {name!r} "
            f"of {raw.file}."
        )
    check_column(found, where, options, raw.file)
    return found


def checked_weights(
    found: Column, where, options: TableOptions, file: str
) -> Float[np.ndarray, " n"]:
    """The weights, all of them positive."""
    low = np.flatnonzero(~(found.values > 0.0))
    if low.size:
        raise ValueError(
            f"{options.bare('weights')}: expected positive numbers, got {found.values[low[0]]:g} "
            f"in {where(low[0])} of column {found.name!r} of {file}; take rows that are not to "
            "count out of the table."
        )
    return found.values
