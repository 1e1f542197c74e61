"""Linear regressions of sums over rows, and what of them is asked of the rows that are held."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, instance, non_negative, row_numbers
from homotopy._display import Entries
from homotopy.chunks._moments import moments, no_rows
from homotopy.chunks.chunk import AbstractChunks
from homotopy.chunks.iterables import as_chunks
from homotopy.chunks.row_moments import Moments
from homotopy.data_spectrum import DataSpectrum
from homotopy.kept_spectra import keep_spectrum
from homotopy.labels import Labels, keep_labels
from homotopy.linear_moments import full_spectrum, held_rows, modal_without
from homotopy.losses import SquaredError
from homotopy.modal import ModalForm
from homotopy.models import linear_model
from homotopy.problem import Problem


class OfMoments:
    """What `LinearRegression` has for data that are not in memory.

    Attributes
    ----------
    moments : Moments or None
    """

    @property
    def has_rows(self) -> bool:
        """Whether it holds all its rows; one of `from_moments` and `from_chunks` does not."""
        return self.moments is None

    @classmethod
    def from_moments(
        cls, moments: Moments, *, deleted: ArrayInput, ridge: float = 0.0
    ) -> OfMoments:
        """The linear regression of data that are not in memory, from sums over their rows.

        In place of the rows that were not kept it holds d + 1 others, with the same sums and so the
        same risk, and after them the kept ones: `X`, `y` and `size` are those of what it holds, and
        `moments.size` is n. Spectra and closed forms are those of the sums, in double-double.

        What depends on θ and on the deleted rows works as ever: fits, `flow`, `homotopy`, `train`,
        `response`, `taylor`, `Deletion` with its searches and certificates, `deletions` of kept
        rows, `predict` for the deleted set. What asks for each row refuses, and says so:
        `row_diagnostics(problem, chunks)` has leverage, influence and leave-one-out of all rows,
        in a second pass.

        Parameters
        ----------
        moments : Moments
            Of `chunks.moments(chunks, keep=[...])`, or `chunks.Moments.of_sums` of sums that
            another program has computed.
        deleted : int or sequence of int
            Numbers of rows of the data, among those that were kept.
        ridge : float
            ρ ≥ 0.

        Raises
        ------
        TypeError
            Naming `moments`.
        ValueError
            Naming `deleted`, with the remedy for rows that were not kept; or `ridge`.

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> chunks = [([[1.0], [1.0]], [0.0, 1.0]), ([[1.0]], [5.0])]
        >>> moments = hm.chunks.moments(chunks, keep=[1, 2])
        >>> problem = hm.LinearRegression.from_moments(moments, deleted=2)
        >>> float(problem.full_fit()[0]), float(problem.deleted_fit()[0])
        (2.0, 0.5)
        >>> float(problem.deleting(1).deleted_fit()[0])
        2.5
        """
        instance("moments", moments, Moments, "Moments, as of chunks.moments(chunks, keep=[0])")
        rho = non_negative("ridge", ridge)
        places = _deleted_places(deleted, moments)
        held = held_rows(moments)
        first = moments.high.shape[0]
        weights = None if np.all(held.weights == 1.0) else held.weights
        options = {"deleted": first + places, "ridge": rho, "weights": weights}
        rows = Problem(linear_model(held.X.shape[1]), SquaredError(), held.X, held.y, **options)
        full = full_spectrum(moments, rho)
        problem = object.__new__(cls)  # past the constructor, whose spectra are of the rows it has
        vars(problem).update(
            vars(rows),
            modal=modal_without(moments, places, full),
            # Names would have JAX compile anew for every data set.
            moments=jax.device_put(dataclasses.replace(moments, features=None)),
        )
        names = tuple(f"one of {first} rows that stand for others" for _ in range(first))
        names += tuple(f"row {number}" for number in moments.numbers)
        keep_labels(problem.X, Labels(features=moments.features, rows=names))
        keep_spectrum(problem, full)
        return problem

    @classmethod
    def from_chunks(
        cls,
        chunks: AbstractChunks | Iterable,
        *,
        deleted: ArrayInput,
        ridge: float = 0.0,
        keep: ArrayInput = (),
        client: Any = None,
        journal: str | os.PathLike | None = None,
        progress: bool | Callable[[int], None] | None = None,
    ) -> OfMoments:
        """As `from_moments`, of `chunks.moments` of the data: one pass over the rows.

        Parameters
        ----------
        chunks : AbstractChunks, or an iterable of pairs (X, y)
            As `chunks.from_arrays(X, y)` of NumPy's, mapped or dask's arrays,
            `chunks.from_frame(frame, target)` and `chunks.from_parquet(path, target)`.
        deleted : int or sequence of int
            Numbers of rows, counted from 0 over all chunks.
        ridge : float
        keep : int or sequence of int
            Further rows that may be deleted later, by `deleting` and `deletions`.
        client, journal, progress
            As of `chunks.moments`.

        Raises
        ------
        TypeError, ValueError
            As of `from_moments` and `chunks.moments`.

        Examples
        --------
        >>> import homotopy as hm, numpy as np
        >>> hm.enable_x64()
        >>> X, y = np.ones((3, 1)), np.array([0.0, 1.0, 5.0])
        >>> chunks = hm.chunks.from_arrays(X, y, rows=2)
        >>> float(hm.LinearRegression.from_chunks(chunks, deleted=2).deleted_fit()[0])
        0.5
        """
        source = as_chunks(chunks)
        rho = non_negative("ridge", ridge)
        most = np.iinfo(np.int64).max if source.size is None else source.size
        asked = row_numbers("deleted", deleted, most)
        kept = asked if no_rows(keep) else np.union1d(asked, row_numbers("keep", keep, most))
        options = {"client": client, "journal": journal, "progress": progress}
        return cls.from_moments(moments(source, keep=kept, **options), deleted=asked, ridge=rho)

    @property
    def _first_kept(self) -> int:
        """The place of the first kept row, of a problem of moments."""
        return self.moments.high.shape[0]

    def _without(self, deleted: ArrayInput, full: DataSpectrum) -> tuple[np.ndarray, ModalForm]:
        """Where kept rows are among those that are held, and the modal form without them."""
        places = _deleted_places(deleted, self.moments)
        return self._first_kept + places, modal_without(self.moments, places, full)

    def _kept_points(self, points: ArrayInput | None, full: DataSpectrum):
        """What `LinearRegressions` takes: numbers of kept rows, the spectrum, and their places."""
        numbers = np.asarray(self.moments.numbers)
        if points is not None:
            numbers = _row_numbers("points", points, self.moments, distinct=False)
        return numbers, full, self._first_kept + self.moments.places(numbers, "points")

    def _entries(self) -> Entries:
        for name, value in super()._entries():
            if name == "n" and self.moments is not None:
                value = f"{int(self.moments.size)}, of which {len(self.moments.numbers)} are held"
            yield name, value

    def predict(self, theta: Float[Array, " d"], X: ArrayInput | None = None) -> Array:
        """Outputs Xθ at the rows of X (default: the data), which may be a data frame."""
        if X is None and not self.has_rows:
            raise ValueError("X: expected rows, as the problem does not hold those of its data.")
        return super().predict(theta, X)


def _deleted_places(deleted: ArrayInput, moments: Moments) -> np.ndarray:
    """Of the deleted rows among the kept ones; at least one row of all stays."""
    places = moments.places(_row_numbers("deleted", deleted, moments))
    if len(places) == int(moments.size):
        raise ValueError(f"deleted: all {len(places)} rows are deleted; at least one must stay.")
    return places


def _row_numbers(name: str, given, moments: Moments, distinct: bool = True) -> np.ndarray:
    """Numbers of rows of the data, checked."""
    return row_numbers(name, given, int(moments.size), distinct)
