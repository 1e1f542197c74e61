"""A problem in a line of numbers, with the names of its points; and what a file keeps of it."""

from __future__ import annotations

import numpy as np

from homotopy._display import Displayed, Entries, span
from homotopy._encoding import own_fields, put_fields
from homotopy._saving import Saved, data_hash
from homotopy.labels import keep_labels, rows_in_words


class NamedData(Displayed, Saved):
    """What has data X and y, labels beside X, and a set of deleted rows."""

    _axes = (("X", 2), ("deleted", 1))

    def _entries(self) -> Entries:
        yield "n", self.size
        yield "d", self.dimension
        yield "model", type(self.model).__name__
        yield "loss", type(self.loss).__name__
        names = self.deleted_names
        yield "deleted", f"[{names}]" if "," in names else names
        ridge = np.asarray(self.ridge)
        yield "ridge", span(ridge) if ridge.ndim else float(ridge) or None
        yield "weights", None if self.point_weights is None else span(self.point_weights)
        yield "dtype", None if self.X.dtype == np.float64 else self.X.dtype.name

    @property
    def deleted_names(self) -> str:
        """What the deleted points are called, in a few words."""
        return rows_in_words(np.asarray(self.deleted), self.labels.rows)

    def _data_hash(self) -> str:
        weights = () if self.point_weights is None else (self.point_weights,)
        return data_hash(self.X, self.y, *weights)

    # Of a file: plain pickle goes by `__reduce__`.
    def __getstate__(self):
        return {"fields": own_fields(self), "labels": self.labels}

    def __setstate__(self, state):
        put_fields(self, state["fields"])
        keep_labels(self.X, state["labels"])
