"""Many optima, as a search of many problems returns them: a list that prints, plots and saves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from homotopy._display import Entries, number
from homotopy._result import Result, in_order
from homotopy._status import known_success
from homotopy._tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Optima(Result, list):
    """A list of optima, one for each problem; what `optimise` returns for several.

    Parameters
    ----------
    optima : iterable of Optimum or SeparateOptimum

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> found = hm.deletions(problem, [0.5], start=0.0, horizon=1.0)
    >>> best = hm.optimise(found, over=hm.BangBangs(1))
    >>> len(best), best.to_frame()["cost"].round(6).tolist()
    (2, [0.016917, 0.016917])
    """

    def __init__(self, optima: Iterable = ()):
        list.__init__(self, optima)

    # Its members are all that it is, for a copy and for a file.
    def __reduce__(self):
        return type(self), (list(self),)

    def __getstate__(self):
        return list(self)

    def __setstate__(self, state):
        self[:] = state

    def _is_one(self) -> bool:
        return True

    def _deleted(self) -> list[str]:
        return [one.deletion.problem.deleted_names for one in self]

    def _entries(self) -> Entries:
        yield "problems", len(self)
        if self:
            costs = np.array([one.cost for one in self])
            yield "cost", f"from {number(costs.min())} to {number(costs.max())}"
            ended = [known_success(one.status) for one in self]
            yield "successful", f"{sum(ended)} of {len(self)}"
            best, worst = int(costs.argmin()), int(costs.argmax())
            for name, one in (("least", self[best]), ("largest", self[worst])):
                yield name, f"{one.deletion.problem.deleted_names}: {one._structure_in_short()}"

    def _table(self) -> Table:
        columns = [
            ("cost", np.array([one.cost for one in self], float)),
            ("lower bound", np.array([one.lower_bound for one in self], float)),
            ("successful", np.array([known_success(one.status) for one in self], bool)),
            ("schedule", [one._structure_in_short() for one in self]),
        ]
        order = in_order(columns[0][1])
        return Table(columns, [("deleted", self._deleted())], order, "largest cost first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """ℰ of each problem in their order; the largest are told by name.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        costs = np.array([one.cost for one in self], float)
        places = [np.asarray(one.deletion.problem.deleted) for one in self]
        alone = all(rows.size == 1 for rows in places)
        rows = np.array([int(p[0]) for p in places]) if alone else np.arange(len(self))
        distinct = alone and np.unique(rows).size == rows.size
        across = "row of the data" if distinct else "problem"
        rows = rows if distinct else np.arange(len(self))
        return draw_by_row(rows, costs, self._deleted(), "cost ℰ", ax, across, **options)
