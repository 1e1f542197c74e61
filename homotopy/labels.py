"""What the columns and rows of the data are called, for tables, plots and files."""

from __future__ import annotations

import dataclasses
import sys

from homotopy._beside import Beside
from homotopy._wording import listed, meant


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """Names of features, rows and target; what has none is numbered.

    Attributes
    ----------
    features : tuple of str, optional
        Of the p columns of X.
    rows : tuple of str, optional
        Of the n rows of X and y.
    target : str, optional

    Examples
    --------
    >>> labels = Labels(features=("intercept", "age"), rows=("Ada", "Kurt"))
    >>> labels.row(1), Labels().row(1)
    ('Kurt', 'row 1')
    """

    features: tuple[str, ...] | None = None
    rows: tuple[str, ...] | None = None
    target: str | None = None

    def row(self, number: int) -> str:
        """What a row, counted from 0, is called in a sentence."""
        return f"row {int(number)}" if self.rows is None else str(self.rows[int(number)])

    def feature(self, number: int) -> str:
        """What a column of X, counted from 0, is called."""
        return f"x{int(number)}" if self.features is None else self.features[int(number)]

    def __bool__(self) -> bool:
        return (self.features, self.rows, self.target) != (None, None, None)


NONE = Labels()


def labels_of(X, y) -> Labels:
    """The names that data frames and series carry; of other data, none.

    An index that only counts the rows from 0 names nothing.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return NONE
    features = rows = target = None
    if isinstance(X, pandas.DataFrame):
        features = tuple(map(str, X.columns))
    if isinstance(y, pandas.Series) and y.name is not None:
        target = str(y.name)
    for given in (X, y):
        if not isinstance(given, pandas.DataFrame | pandas.Series) or rows is not None:
            continue
        index = given.index
        if not (isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1):
            rows = tuple(_row_name(entry) for entry in index)
    return Labels(features, rows, target)


def numbered(name: str, rows, labels: Labels):
    """Rows with each text replaced by the number of the row that it names; others as they are.

    Raises
    ------
    ValueError
        Naming the argument: no row is called so, with those that nearly are, or several are.
    """
    given = [rows] if isinstance(rows, str) else rows
    if not _holds_text(given):
        return rows
    return [_number(name, row, labels) if isinstance(row, str) else row for row in given]


def rows_in_words(rows, names: tuple[str, ...] | None, limit: int = 5) -> str:
    """The first of some rows by name, or by number where they have none.

    Examples
    --------
    >>> rows_in_words([0, 2], None), rows_in_words([1], ("Ada", "Kurt"))
    ('rows 0, 2', 'Kurt')
    """
    numbers = [int(row) for row in rows]
    if names is None:
        return listed(map(str, numbers), limit, word="row")
    return listed([names[row] for row in numbers], limit)


def _holds_text(given) -> bool:
    if not isinstance(given, list | tuple):
        dtype = getattr(given, "dtype", None)
        if getattr(dtype, "kind", "") not in ("O", "U", "T") or given.ndim != 1:
            return False
    return any(isinstance(entry, str) for entry in given)


def _number(name: str, wanted: str, labels: Labels) -> int:
    if labels.rows is None:
        raise ValueError(
            f"{name}: expected a row number, a sequence of them or a mask of booleans, got "
            f"{wanted!r}: the rows have no names; those of a data frame with an index of text have."
        )
    found = [number for number, row in enumerate(labels.rows) if row == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{name}: expected the name of one row, got {wanted!r}, which rows "
            f"{listed(map(str, found))} are called; name it by its number."
        )
    raise ValueError(
        f"{name}: expected the name of a row, got {wanted!r}."
        f"{meant(wanted, labels.rows, 3)} Rows are called "
        f"{listed(map(repr, labels.rows), limit=3)}."
    )


def _row_name(entry) -> str:
    return ", ".join(map(str, entry)) if isinstance(entry, tuple) else str(entry)


# Beside X, which the problems of one data set share: names in a problem's own structure would have
# JAX compile anew for every data set.
_LABELS = Beside()


def keep_labels(X, labels: Labels) -> None:
    """Keep the labels for as long as the array X lives."""
    if labels:
        _LABELS.put(X, labels)


def kept_labels(X) -> Labels:
    """The labels kept beside X; `NONE` where there are none, as of data being traced."""
    return _LABELS.get(X) or NONE
