"""Parquet and Excel, by the engines that pandas finds."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable, check_names, objects
from homotopy.datasets.tables.separated import MISSING, named_table

PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
# What pandas needs for each kind, and what installs it: an extra of this package for some.
_ENGINES = {
    **dict.fromkeys(PARQUET, ("pyarrow", "'homotopy[files]'")),
    ".xlsx": ("openpyxl", "'homotopy[files]'"),
    ".xlsm": ("openpyxl", "'homotopy[files]'"),
    ".xls": ("xlrd", "xlrd"),
    ".xlsb": ("pyxlsb", "pyxlsb"),
    ".ods": ("odf", "odfpy"),
}


def read_workbook(path: Path, options: TableOptions) -> RawTable:
    """The table of a Parquet file, or of the first sheet of a workbook."""
    import pandas as pd

    kind = path.suffix.lower()
    for name in ("separator", "encoding", "comment"):
        if getattr(options, name) is not None:
            raise ValueError(f"{options.bare(name)}: {path.name} is no text file, and has none.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of engines, about styles and validation
            if kind in PARQUET:
                frame = pd.read_parquet(path)
            else:
                # The header is read as a row like any other: pandas would rename duplicate
                # columns without a word, and take one named NA for missing.
                engine = _ENGINES[kind][0]
                sheets = pd.read_excel(
                    path, sheet_name=None, header=None, na_filter=False, engine=engine
                )
    except ImportError:
        package, install = _ENGINES[kind]
        raise ValueError(
            f"{path.name}: reading {kind} takes the package {package}: pip install {install}, or "
            "save the table as CSV."
        ) from None
    except Exception as error:  # whatever an engine raises at a broken file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path.name} cannot be read as {kind}: {reason.rstrip('.')}.") from None
    return _of_frame(path.name, frame) if kind in PARQUET else _of_sheets(path, sheets, options)


def _of_sheets(path, sheets, options) -> RawTable:
    """The first sheet, whose first row names the columns."""
    first, frame = next(iter(sheets.items()))
    notes = [f"Of {len(sheets)} sheets the first, {first!r}, is read."] if len(sheets) > 1 else []
    cells = frame.astype(object).to_numpy()
    cells = cells[[any(cell != "" for cell in row) for row in cells]]
    if not cells.size:
        raise ValueError(f"{path.name} is empty.")
    for place in np.ndindex(cells.shape):
        if isinstance(cells[place], str):
            text = cells[place].strip()
            cells[place] = None if place[0] and text in MISSING else text
    header = [str(cell) for cell in cells[0]]
    columns = [objects(column) for column in cells[1:].T]
    return named_table(path.name, header, columns, notes, options)


def _of_frame(file: str, frame) -> RawTable:
    """The table of a data frame; an index that does not only count the rows names them."""
    import pandas as pd

    names = [str(name).strip() for name in frame.columns]
    check_names(file, names)
    columns, levels = [], {}
    for place, name in enumerate(names):
        series = frame.iloc[:, place]
        if isinstance(series.dtype, pd.CategoricalDtype):
            levels[name] = tuple(str(level) for level in series.cat.categories)
            # Levels that are numbers are names all the same.
            series = series.astype(object).map(str, na_action="ignore")
        cells = series.astype(object)
        columns.append(objects(cells.where(cells.notna(), None)))
    index, index_name, notes = None, "", []
    counted = isinstance(frame.index, pd.RangeIndex) and frame.index.start == 0
    if not (counted and frame.index.step == 1):
        entries = tuple(
            ", ".join(map(str, entry)) if isinstance(entry, tuple) else str(entry)
            for entry in frame.index
        )
        if len(set(entries)) == len(entries):
            index, index_name = entries, str(frame.index.name or "")
            called = f" {index_name!r}" if index_name else ""
            notes.append(f"The index of the table{called} names the rows.")
    return RawTable(
        file=file,
        names=tuple(names),
        columns=tuple(columns),
        notes=tuple(notes),
        levels=levels,
        index=index,
        index_name=index_name,
    )
