"""A table before anything is made of it: names and cells."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np

from homotopy._wording import listed


@dataclasses.dataclass(frozen=True, eq=False)
class RawTable:
    """Cells by column, as text or as the file has them.

    Attributes
    ----------
    file
        Its name, for errors.
    names
        Of the columns; "" for one without.
    columns
        Arrays (n,) of objects: text, numbers, booleans; None where nothing is.
    notes
        What was assumed, in sentences.
    levels
        The order of the levels, of columns that come with one.
    index, index_name
        Names of the rows that the file keeps apart from its columns.
    """

    file: str
    names: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    notes: tuple[str, ...] = ()
    levels: dict[str, tuple] = dataclasses.field(default_factory=dict)
    decimal: str = "."
    index: tuple[str, ...] | None = None
    index_name: str = ""

    @property
    def size(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[self.names.index(name)]

    def without(self, names) -> RawTable:
        """Without these columns."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in kept),
            columns=tuple(self.columns[i] for i in kept),
        )


def check_names(file: str, names) -> None:
    """Every column has a name of its own."""
    unnamed = [str(i) for i, name in enumerate(names) if not name]
    if unnamed:
        raise ValueError(
            f"{file}: the first line must name every column; columns without a name, counting from "
            f"0: {listed(unnamed)}."
        )
    duplicates = [repr(name) for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise ValueError(f"{file}: duplicate column names: {listed(duplicates)}.")


def first_twice(entries) -> tuple[int, int] | None:
    """The first two rows of one entry, where some entry is there twice."""
    seen: dict = {}
    for row, entry in enumerate(entries):
        if seen.setdefault(entry, row) != row:
            return seen[entry], row
    return None


def objects(values) -> np.ndarray:
    """A vector of objects, whatever they are."""
    values = list(values)
    array = np.empty(len(values), object)
    array[:] = values
    return array
