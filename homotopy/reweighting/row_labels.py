"""Groups of rows: a label for each, a number, a word or a truth value."""

from __future__ import annotations

import numpy as np

from homotopy._wording import described


def labels_of_rows(groups, count: int | None = None) -> np.ndarray:
    """The labels; a `ValueError` that names `groups`, where they are none of so many rows."""
    try:
        known = np.asarray(groups)
    except ValueError:  # rows of different lengths
        known = np.empty((), object)
    plain = known.ndim == 1 and known.size > 0 and known.dtype.kind in "biufUOS"
    if not plain or count not in (None, known.size):
        rows = "row" if count is None else f"of the {count} rows of X"
        got = described(groups) if known.ndim != 1 else f"shape {known.shape}"
        raise ValueError(f"groups: expected one for each {rows}, got {got}.")
    if known.dtype.kind == "f" and not np.all(np.isfinite(known)):
        row = int(np.flatnonzero(~np.isfinite(known))[0])
        raise ValueError(f"groups: expected a group for every row, got {known[row]} in row {row}.")
    return known
