"""Cells as numbers: decimal points and commas, told apart only where that is safe."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_POINT = re.compile(rf"[+-]?\d*\.\d+{_EXPONENT}")
_COMMA = re.compile(rf"[+-]?\d*,\d+{_EXPONENT}")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # or a decimal comma before three digits
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:,\d{3}|\.\d+)")


def uses_decimal_commas(cells: Iterable) -> bool:
    """Whether numbers are written as 1,5: one is that is no 1,500, and none as 1.5."""
    clear = False
    for cell in cells:
        if not isinstance(cell, str):
            continue
        if "," in cell:
            if _COMMA.fullmatch(cell):
                clear = clear or not _THOUSANDS.fullmatch(cell)
            elif _GROUPED.fullmatch(cell):
                return False
        elif "." in cell and _POINT.fullmatch(cell):
            return False
    return clear


def is_written_with_commas(cell: str) -> bool:
    """Whether it is a number to someone: 1,5 or 1,000 or 1.234,5."""
    return bool(
        "," in cell
        and (
            _COMMA.fullmatch(cell)
            or _GROUPED.fullmatch(cell)
            or re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+", cell)
        )
    )


def as_number(cell: str, decimal: str) -> float | None:
    """The number that a cell says, or None."""
    # float() reads "1_000" as Python source does; in a data file that is not a number.
    if "_" in cell:
        return None
    if decimal == ",":
        if "." in cell:
            return None
        cell = cell.replace(",", ".", 1)
    try:
        return float(cell)
    except ValueError:
        return None
