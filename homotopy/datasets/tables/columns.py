"""What a column holds: numbers, booleans, or text."""

from __future__ import annotations

import dataclasses
import numbers
from decimal import Decimal
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from homotopy._wording import listed
from homotopy.datasets.tables.decimals import as_number, is_written_with_commas
from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable, objects

# As pandas and spreadsheets write them, of indicator columns for instance.
_BOOLEANS = {"true": 1.0, "false": 0.0}
# For "nothing is known" among numbers; among text they are text.
_PLACEHOLDERS = frozenset({"?", ".", "-", "--", "–", "n.a.", "n. a."})


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """A column by what it holds.

    Attributes
    ----------
    values
        As numbers; NaN where text or nothing stands.
    text
        Cells as text; None where they are numbers or missing.
    missing
        Where nothing stands.
    """

    name: str
    kind: Literal["numbers", "booleans", "text", "mixed"]
    values: Float[np.ndarray, " n"]
    text: np.ndarray
    missing: Bool[np.ndarray, " n"]
    levels: tuple[str, ...] | None = None

    def taken(self, rows) -> Column:
        """Of some rows."""
        return dataclasses.replace(
            self, values=self.values[rows], text=self.text[rows], missing=self.missing[rows]
        )

    def found_levels(self) -> tuple[str, ...]:
        """The texts that occur, in the order of the file's levels or of the alphabet."""
        present = {str(cell) for cell in self.text if cell is not None}
        if self.levels is None:
            return tuple(sorted(present))
        return tuple(level for level in self.levels if level in present)


def column(raw: RawTable, name: str) -> Column:
    """The column of a name; one that mixes numbers and text is `mixed`, and not refused yet."""
    cells = raw[name]
    size = len(cells)
    text, missing = objects([None] * size), np.zeros(size, bool)
    plain = _plain_numbers(cells, raw.decimal) if name not in raw.levels else None
    if plain is not None:
        return Column(name, "numbers", plain, text, missing)
    values = np.full(size, np.nan)
    booleans = 0
    for row, cell in enumerate(cells):
        if cell is None:
            missing[row] = True
        elif isinstance(cell, bool | np.bool_):
            values[row], booleans = float(cell), booleans + 1
        elif isinstance(cell, numbers.Real | Decimal):
            values[row] = float(cell)
        elif not isinstance(cell, str):
            text[row] = str(cell)  # dates, for instance
        elif name in raw.levels:
            text[row] = cell
        elif cell.casefold() in _BOOLEANS:
            values[row], booleans = _BOOLEANS[cell.casefold()], booleans + 1
        else:
            number = as_number(cell, raw.decimal)
            if number is None:
                text[row] = cell
            else:
                values[row] = number
    worded = np.not_equal(text, None)
    held = size - int(missing.sum())
    if worded.sum() < held:  # some are numbers
        for row in np.flatnonzero(worded):
            if text[row] in _PLACEHOLDERS:
                text[row], missing[row] = None, True
        worded = np.not_equal(text, None)
        held = size - int(missing.sum())
    if worded.any():
        kind = "text" if worded.sum() == held else "mixed"
    else:
        kind = "booleans" if booleans and booleans == held else "numbers"
    return Column(name, kind, values, text, missing, raw.levels.get(name))


def _plain_numbers(cells, decimal) -> np.ndarray | None:
    """The numbers of a column of text that holds nothing else: most are, and large ones."""
    if decimal != "." or not all(type(cell) is str and "_" not in cell for cell in cells):
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return None


def check_column(one: Column, where, options: TableOptions, file: str) -> None:
    """Refuse numbers that are written as text, text among numbers, and what is not finite.

    `where` says what a row is called.
    """
    worded = np.flatnonzero(np.not_equal(one.text, None))
    without = options.leaving_out(one.name)
    for row in worded:
        if is_written_with_commas(one.text[row]) and one.levels is None:
            raise ValueError(
                f"{file}: column {one.name!r} has {one.text[row]!r} in {where(row)}: for a "
                f"decimal comma say {options.called('decimal', ',')}; separators of thousands are "
                f"to be taken out{without}."
            )
    if one.kind == "mixed":
        rows = [f"{one.text[row]!r} in {where(row)}" for row in worded]
        number = f"{one.values[~np.isnan(one.values)][0]:g}"
        raise ValueError(
            f"{file} has text where numbers are needed: column {one.name!r} has numbers, such as "
            f"{number}, and {listed(rows, limit=3)}: mend these cells{without}."
        )
    infinite = np.flatnonzero(np.isinf(one.values))
    if infinite.size:
        raise ValueError(
            f"{file} has non-finite numbers: column {one.name!r} in "
            f"{listed(map(where, infinite.tolist()))}; mend these cells{without}."
        )
