"""Rows: what they are called, and which are left out."""

from __future__ import annotations

import numpy as np

from homotopy._wording import listed, no_column
from homotopy.datasets.tables.columns import Column
from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable, first_twice


def take_index(raw: RawTable, options: TableOptions) -> tuple[RawTable, tuple[str, ...] | None]:
    """The table without its index, and the names of the rows."""
    name = options.index
    if name is None or (name == raw.index_name and raw.index is not None):
        return raw, raw.index
    if name not in raw.names:
        raise ValueError(f"{options.bare('index')}: {missing_column(raw, name)}")
    entries = ["" if cell is None else str(cell) for cell in raw[name]]
    if "" in entries:
        raise ValueError(
            f"{options.bare('index')}: column {name!r} of {raw.file} names no row "
            f"{entries.index('')}; an index has an entry in every row."
        )
    twice = first_twice(entries)
    if twice is not None:
        raise ValueError(
            f"{options.bare('index')}: expected an entry of its own in every row, got "
            f"{entries[twice[0]]!r} in rows {twice[0]} and {twice[1]} of column {name!r}."
        )
    return raw.without([name]), tuple(entries)


def missing_column(raw: RawTable, name: str) -> str:
    """Says that a column is not there, what may have been meant, and what is there."""
    return f"{raw.file} {no_column(name, raw.names)}"


def row_namer(names: tuple[str, ...] | None, numbers=None):
    """A function that says what a row is called, in a sentence."""

    def where(row) -> str:
        number = int(row) if numbers is None else int(numbers[row])
        return f"row {number}" if names is None else f"row {number} ({names[row]})"

    return where


def complete_rows(
    columns: list[Column], names, options: TableOptions, file: str
) -> tuple[np.ndarray, list[str]]:
    """The numbers of the rows in which nothing is missing, and a sentence where some are left out.

    Without `dropna`, missing values are refused.
    """
    size = len(columns[0].missing)
    gaps = np.zeros(size, bool)
    for one in columns:
        gaps |= one.missing
    if not gaps.any():
        return np.arange(size), []
    where = row_namer(names)
    held = [one for one in columns if one.missing.any()]
    if not options.dropna:
        words = [f"column {one.name!r} in {_rows(one.missing, names)}" for one in held]
        feature = next((one.name for one in held if one.name != options.target), options.target)
        raise ValueError(
            f"{file} has missing values: {listed(words)} (rows count from 0, below the header): "
            f"{options.called('dropna')} leaves these rows out{options.leaving_out(feature)}."
        )
    gone, kept = np.flatnonzero(gaps), np.flatnonzero(~gaps)
    if not kept.size:
        emptiest = max(held, key=lambda one: one.missing.sum())
        raise ValueError(
            f"{file}: values are missing in each of its {size} rows, so that "
            f"{options.called('dropna')} leaves none{options.leaving_out(emptiest.name)}."
        )
    which = listed([where(row) if names is not None else str(row) for row in gone], limit=10)
    noun = "row" if names is None and len(gone) == 1 else "rows" if names is None else ""
    return kept, [
        f"{len(gone)} of {size} rows left out for missing values in "
        f"{listed([repr(one.name) for one in held], word='column')}: {f'{noun} {which}'.strip()}. "
        "Row numbers are those of the file."
    ]


def _rows(marked, names) -> str:
    rows = np.flatnonzero(marked).tolist()
    if names is None:
        return listed(map(str, rows), word="row")
    return listed([f"{row} ({names[row]})" for row in rows], word="row")
