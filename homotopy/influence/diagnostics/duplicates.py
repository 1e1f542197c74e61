"""Points that occur more than once."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np

from homotopy._display import Entries
from homotopy._saving import Saved
from homotopy._tables import Table, Tabled
from homotopy.influence.diagnostics.inputs import require_known
from homotopy.problem import Problem

Groups = tuple[tuple[int, ...], ...]
_SHOWN = 3  # groups that a prompt shows


@dataclasses.dataclass(frozen=True, repr=False)
class DuplicateRows(Tabled, Saved):
    """Groups of row numbers, each ascending, ordered by their first row.

    Attributes
    ----------
    identical
        Equal in X and y: twins. Deleting one of two leaves the other, and the fit moves by less
        than if the point had been alone. Their sample weights may differ.
    same_inputs
        Equal in X, with targets that are not all equal. Rows of such a group may be twins as well.
    """

    identical: Groups
    same_inputs: Groups

    def _entries(self) -> Entries:
        for name, groups in vars(self).items():
            more = f", … of {len(groups)} groups" if len(groups) > _SHOWN else ""
            yield name, f"{groups[:_SHOWN]}{more}"

    def _table(self) -> Table:
        found = [(name, place, row) for name, groups in vars(self).items()
                 for place, group in enumerate(groups) for row in group]  # fmt: skip
        names, places, rows = zip(*found, strict=True) if found else ((), (), ())
        index = [("kind", list(names)), ("group", list(places))]
        return Table([("row", list(rows))], index, about="rows that occur more than once")


def duplicate_rows(problem: Problem) -> DuplicateRows:
    """Which points occur more than once, exactly: to the last bit, but 0 = −0.

    Parameters
    ----------
    problem : Problem
        Of any model and loss; its deleted set plays no part.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression(
    ...     [[1.0], [2.0], [1.0], [2.0]], [0.0, 1.0, 0.0, 5.0], deleted=0
    ... )
    >>> duplicate_rows(problem)
    DuplicateRows(identical=((0, 2),), same_inputs=((1, 3),))
    """
    require_known(problem)
    inputs = _rows(problem.X)
    targets = _rows(problem.y)
    identical = _groups(list(zip(inputs, targets, strict=True)))
    same = _groups(inputs)
    mixed = tuple(group for group in same if len({targets[row] for row in group}) > 1)
    return DuplicateRows(identical, mixed)


def _rows(array) -> list[bytes]:
    # Adding zero turns −0 into 0.
    return [row.tobytes() for row in np.asarray(array) + 0]


def _groups(keys) -> Groups:
    members = defaultdict(list)
    for row, key in enumerate(keys):
        members[key].append(row)
    return tuple(tuple(rows) for rows in members.values() if len(rows) > 1)
