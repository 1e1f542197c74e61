"""Linear regressions of one data set, each with another point deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import numpy as np

from homotopy._stacks import Stack
from homotopy.data_spectrum import DataSpectrum
from homotopy.linear_moments import fields_without
from homotopy.modal_downdates import downdates
from homotopy.modal_form import as_modal_form, directly
from homotopy.problem import Problem
from homotopy.weighted_rows import least_squares_rows

_BATCH = 2**15  # numbers in the d × d matrices of the points computed together: they stay in cache


class LinearRegressions(Sequence):
    """Linear regressions that share their data, each with one point deleted.

    What `LinearRegression.deleting_each` returns. A sequence, whose members are made when they are
    asked for; and, for `jax.vmap`, one pytree.

    Attributes
    ----------
    points : (k,)
        Row numbers: the i-th problem deletes `points[i]`.
    stacked : LinearRegression
        All of them, in arrays with a leading axis of length k where they differ.
    axes : LinearRegression
        The same pytree with 0 for those arrays and None for what is shared: `in_axes`.
    modal_fields : dict of arrays (k, ...)
        What `stacked.modal` is made of, in NumPy and float64.

    Examples
    --------
    >>> import homotopy as hm, jax
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=0)
    >>> problems = problem.deleting_each()
    >>> [float(each.deleted_fit()[0]) for each in problems]
    [3.0, 2.5, 0.5]
    >>> fits = jax.vmap(lambda each: each.deleted_fit(), in_axes=(problems.axes,))
    >>> fits(problems.stacked)[:, 0].tolist()
    [3.0, 2.5, 0.5]
    """

    def __init__(
        self,
        problem: Problem,
        points: np.ndarray,
        full: DataSpectrum,
        held: np.ndarray | None = None,
    ):
        self.points = points
        held = points if held is None else held  # where the problem has them, if not by number
        self.modal_fields = _modal_fields(problem, held, full)
        modal = as_modal_form(self.modal_fields, full, problem.X.dtype)
        self.stacked = eqx.tree_at(
            lambda own: (own.deleted, own.modal),
            problem,
            (jax.device_put(held[:, None]), modal),
        )
        self._stack = Stack(self.stacked, shared)
        self.axes = self._stack.axes

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index):
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return list(self._stack.members(chosen))
        return next(self._stack.members([chosen]))

    def __iter__(self) -> Iterator[Problem]:
        return self._stack.members(range(len(self)))

    def __repr__(self) -> str:
        size, dimension = self.stacked.X.shape
        return f"LinearRegressions(n={size}, d={dimension}, {len(self)} points)"


def shared(problem: Problem) -> tuple:
    """What linear regressions of the same data have in common."""
    modal = problem.modal
    spectrum = (modal.full.eigenvalues, modal.data_basis, modal.data_fit)
    data = problem.X, problem.y, problem.ridge, problem.point_weights
    return problem.model, problem.loss, *data, spectrum, problem.moments


def _modal_fields(problem, points, full) -> dict[str, np.ndarray]:
    """Of every problem, with a leading axis; in closed form where that is accurate to rounding."""
    X, y = map(np.asarray, least_squares_rows(problem))

    def without(row):
        if problem.moments is None:
            return directly(X, y, row, full)
        first = problem.moments.high.shape[0]
        return fields_without(problem.moments, row - first, full)

    count = max(1, _BATCH // X.shape[1] ** 2)
    parts = []
    for begin in range(0, points.size, count):
        some = points[begin : begin + count]
        fields, accurate = downdates(X[some], y[some], full)
        for index in np.flatnonzero(~accurate):
            for name, part in without(some[index : index + 1]).items():
                # A point that only the kernel sees has no mode; a zero does as well.
                fields[name][index] = part if part.size else 0.0
        parts.append(fields)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
