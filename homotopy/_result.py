"""What verbs return: results that print, make tables, and go into files, with the data's names."""

from __future__ import annotations

import dataclasses
import weakref

import numpy as np

from homotopy._beside import Beside
from homotopy._encoding import own_fields, put_fields
from homotopy._parameter_names import numbered_entries
from homotopy._saving import Saved, data_hash
from homotopy._tables import Tabled


@dataclasses.dataclass(frozen=True, eq=False)
class Names:
    """Of the parameters and rows that the numbers of a result are of; what has none is numbered.

    Attributes
    ----------
    parameters : tuple of str, optional
        Of the d entries of θ.
    rows : tuple of str, optional
        Of the n points.
    data : str or tuple, optional
        SHA-256 of the data, or references to them.
    """

    parameters: tuple[str, ...] | None = None
    rows: tuple[str, ...] | None = None
    data: str | tuple | None = None

    def parameter_names(self, dimension: int) -> tuple[str, ...]:
        """Of all entries of θ."""
        if self.parameters is None or len(self.parameters) != dimension:
            return numbered_entries(dimension)
        return self.parameters

    @property
    def own_parameters(self) -> tuple[str, ...] | None:
        """Those that say more than a number does."""
        known = self.parameters
        return None if known is None or known == numbered_entries(len(known)) else known

    def row(self, number: int | np.integer) -> str:
        """What a row is called in a sentence."""
        return f"row {int(number)}" if self.rows is None else self.rows[int(number)]

    def rows_of(self, numbers) -> list:
        """Labels of rows for a table: their names, or their numbers."""
        numbers = [int(number) for number in np.asarray(numbers)]
        return numbers if self.rows is None else [self.rows[number] for number in numbers]

    @property
    def row_heading(self) -> str:
        """What the rows are called together."""
        return "row" if self.rows is None else "name"

    def data_hash(self) -> str | None:
        """SHA-256 of the data, while they are there."""
        if not isinstance(self.data, tuple):
            return self.data
        arrays = [reference() for reference in self.data]
        return None if any(array is None for array in arrays) else data_hash(*arrays)

    def __getstate__(self):
        return {**vars(self), "data": self.data_hash()}


NONE = Names()


def names_of(problem) -> Names:
    """Of a problem's parameters and rows."""
    labels = problem.labels
    kept, names = _OF_PROBLEMS.get(problem) or (None, None)
    if kept is not labels:
        names = _named_by(problem, labels)
        _OF_PROBLEMS.put(problem, (labels, names))
    return names


def _named_by(problem, labels) -> Names:
    weights = () if problem.point_weights is None else (problem.point_weights,)
    return Names(
        parameters=tuple(problem.parameter_names),
        rows=labels.rows,
        data=tuple(map(weakref.ref, (problem.X, problem.y, *weights))),
    )


# Beside a problem: its labels, and the names that are made of them.
_OF_PROBLEMS = Beside()
# Beside one of a result's arrays, lest names become part of its structure.
_NAMES = Beside()


class Result(Tabled, Saved):
    """Prints as `_entries` says, is the table of `_table`, and can be saved.

    The names of parameters and rows are kept beside the first array that `_axes` tells of.
    """

    @property
    def _names(self) -> Names:
        """Those of the problem it holds, or those that were kept when it was made."""
        problem = getattr(self, "problem", None)
        if problem is not None:
            return names_of(problem)
        return _NAMES.get(_owner(self)) or NONE

    def _data_hash(self) -> str | None:
        kept = _NAMES.get(_owner(self))
        return None if kept is None else kept.data_hash()

    def __getstate__(self):
        return {"fields": own_fields(self), "names": _NAMES.get(_owner(self))}

    def __setstate__(self, state):
        put_fields(self, state["fields"])
        if state["names"] is not None:
            _NAMES.put(_owner(self), state["names"])


def _owner(result):
    """The array that its names are kept beside."""
    return getattr(result, result._axes[0][0], None) if result._axes else None


def named(result, problem):
    """The result, with the names of the problem's parameters and rows kept beside it."""
    if type(result)._is_one(result):  # not bound first, which takes as long
        _NAMES.put(_owner(result), names_of(problem))
    return result


def keep_names(result, names: Names) -> None:
    """Keep names of its own beside a result, as of groups in place of rows."""
    _NAMES.put(_owner(result), names)


def kept_names(result, earlier) -> None:
    """Keep the names of an earlier result beside one that is made of it."""
    names = _NAMES.get(_owner(earlier))
    if names is not None:
        _NAMES.put(_owner(result), names)


def in_order(sizes) -> np.ndarray:
    """Places by size, the largest first and unknown ones last."""
    known = np.abs(np.asarray(sizes, dtype=float))
    return np.argsort(np.where(np.isnan(known), np.inf, -known), kind="stable")
