"""Reading a CSV file of numbers, with errors that say what is wrong and where."""

import difflib
from collections import Counter
from pathlib import Path

import numpy as np

from homotopy._wording import listed


def read_cells(path: Path) -> tuple[list[str], np.ndarray]:
    """Column names, and the cells as strings (None where empty)."""
    import pandas as pd  # here because importing it is slow

    if not path.exists():
        raise ValueError(f"There is no file {str(path)!r}.")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not a CSV file.")
    try:
        # The header is read as a row like any other: pandas would rename duplicate columns, and
        # make an index of surplus cells, without a word.
        frame = pd.read_csv(
            path, header=None, dtype=str, skipinitialspace=True, encoding="utf-8-sig"
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path.name} is empty.") from None
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path.name} cannot be read as CSV: {str(error).strip()}.") from None
    cells = frame.astype(object).where(frame.notna(), None).to_numpy()
    names = [None if name is None else name.strip() for name in cells[0]]
    unnamed = [str(i) for i, name in enumerate(names) if not name]
    if unnamed:
        raise ValueError(
            f"{path.name}: the first line must name every column; columns without a name, counting "
            f"from 0: {listed(unnamed)}. "
            "(A first column without a name is often a saved row index.)"
        )
    duplicates = [repr(name) for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise ValueError(f"{path.name}: duplicate column names: {listed(duplicates)}.")
    return names, cells[1:]


def missing_target(path: Path, target: str, names: list[str]) -> str:
    """Says that the target is not there, what may have been meant, and what is there."""
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(target.casefold(), folded, n=1)
    message = f"{path.name} has no column {target!r}."
    if close:
        message += f" Did you mean {folded[close[0]]!r}?"
    message += f" Its columns are: {listed(map(repr, names), limit=30)}."
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        message += " The separator must be a comma."
    return message


def as_numbers(path: Path, names: list[str], cells: np.ndarray) -> np.ndarray:
    """The cells in float64, or a ValueError that says which are missing, text or not finite."""
    missing = np.equal(cells, None)
    if missing.any():
        raise ValueError(f"{path.name} has missing values: {_where(missing, names)}.")
    table = np.array([[_as_number(cell) for cell in row] for row in cells], dtype=object)
    text = np.equal(table, None)
    if text.any():
        columns = [
            f"{names[j]!r} (row {i}: {cells[i, j]!r})"
            for j in np.flatnonzero(text.any(axis=0))
            for i in [int(np.argmax(text[:, j]))]
        ]
        raise ValueError(
            f"{path.name} has text where numbers are needed, in columns {listed(columns)}; "
            "leave these columns out or encode them as numbers."
        )
    table = table.astype(np.float64)
    infinite = ~np.isfinite(table)
    if infinite.any():
        raise ValueError(f"{path.name} has non-finite numbers: {_where(infinite, names)}.")
    return table


# As pandas and spreadsheets write them, of indicator columns for instance.
_BOOLEANS = {"true": 1.0, "false": 0.0}


def _as_number(cell: str) -> float | None:
    # float() reads "1_000" as Python source does; in a data file that is not a number.
    if cell.casefold() in _BOOLEANS:
        return _BOOLEANS[cell.casefold()]
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _where(marked: np.ndarray, names: list[str]) -> str:
    """Where cells are marked, in words: rows for each column."""
    columns = [
        f"column {names[j]!r} in {listed(map(str, np.flatnonzero(marked[:, j])), word='row')}"
        for j in np.flatnonzero(marked.any(axis=0))
    ]
    return f"{listed(columns)} (rows count from 0, below the header)"
