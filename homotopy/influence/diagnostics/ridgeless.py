"""Leaving points out of fits of least norm, also where they interpolate."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from homotopy._display import Entries, largest
from homotopy._result import Result, in_order, named
from homotopy._tables import Table
from homotopy.influence.diagnostics.inputs import (
    regression_data,
    ridge_in_words,
    root_weights,
)
from homotopy.influence.diagnostics.orthogonal import orthogonal_factor
from homotopy.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RidgelessLeaveOneOut(Result):
    """Errors in predicting each point by the fit of least norm to the others.

    Attributes
    ----------
    residuals : (n,)
        yᵢ − xᵢᵀθ*₋ᵢ.
    interpolated : (n,)
        Where Pᵢᵢ = 1 to rounding: xᵢ is not in the span of the other rows, and the residual is
        [(XXᵀ)⁺y]ᵢ/[(XXᵀ)⁺]ᵢᵢ. Elsewhere it is êᵢ/(1 − Pᵢᵢ).
    """

    residuals: Float[np.ndarray, " n"]
    interpolated: Bool[np.ndarray, " n"]

    _axes = (("residuals", 1), ("interpolated", 1))

    def _entries(self) -> Entries:
        yield "n", self.residuals.size
        yield "residuals", largest(self.residuals, self._names.row)
        yield "mean squared", self.mean_squared
        yield "interpolated", int(np.sum(self.interpolated))

    def _table(self) -> Table:
        columns = [("residual", self.residuals), ("interpolated", self.interpolated)]
        index = [(self._names.row_heading, self._names.rows_of(range(self.residuals.size)))]
        return Table(columns, index, in_order(self.residuals), "largest error of prediction first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The residual of each point, predicted from the others, and the names of the largest.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        rows = np.arange(self.residuals.size)
        names = [self._names.row(row) for row in rows]
        label = "residual of leaving one out"
        return draw_by_row(rows, self.residuals, names, label, ax, **options)

    @property
    def mean_squared(self) -> float:
        """The leave-one-out estimate of the squared prediction error, of all points alike."""
        return float(np.mean(self.residuals**2))


def ridgeless_leave_one_out(problem: Problem) -> RidgelessLeaveOneOut:
    """Leave-one-out residuals of least squares of least norm, the limit of ridge for ρ → 0.

    Of any shape and rank, point by point: with g = X⁺eᵢ,

    - Pᵢᵢ < 1: xᵢ is in the span of the other rows, and the ordinary êᵢ/(1 − Pᵢᵢ) holds.
    - Pᵢᵢ = 1: Xg = eᵢ, so that g is orthogonal to all other rows, and θ* − cg fits them as θ*
      does; the least norm has c = gᵀθ*/‖g‖², which is the residual. As XX⁺ = Id in the rows
      concerned, c = [(XXᵀ)⁺y]ᵢ/[(XXᵀ)⁺]ᵢᵢ, the limit of êᵢ/(1 − Pᵢᵢ) with a ridge.

    With more parameters than points and independent rows all are of the second kind. Rows that
    occur twice make XXᵀ singular; they have Pᵢᵢ = ½, each is predicted by its twin, and the other
    points keep theirs. For d ≤ n and independent columns most often all are of the first kind.

    Parameters
    ----------
    problem : Problem
        A linear model with squared loss and ρ = 0; its deleted set plays no part.

    Returns
    -------
    RidgelessLeaveOneOut
        NumPy arrays in float64.

    Raises
    ------
    ValueError
        Naming `problem` or `ridge`.

    References
    ----------
    Hastie, Montanari, Rosset, Tibshirani, "Surprises in high-dimensional ridgeless least squares
    interpolation", Annals of Statistics 50 (2022).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [2.0, 3.0], deleted=0)
    >>> result = ridgeless_leave_one_out(problem)
    >>> result.residuals.round(12).tolist(), result.interpolated.tolist()
    ([0.5, 2.0], [True, True])
    """
    X, y, ridge = regression_data(problem, "ridgeless_leave_one_out")
    if np.any(ridge):
        raise ValueError(
            f"ridge: expected 0, got {ridge_in_words(ridge)}; regression_diagnostics(problem)"
            ".leave_one_out_residuals takes a ridge."
        )
    factor = orthogonal_factor(X)
    theta, residuals = factor.solve(y)
    interpolated = factor.saturated
    directions = factor.rows @ factor.inverse.T  # g, row by row
    numerator = np.where(interpolated, directions @ theta, residuals)
    denominator = np.where(interpolated, np.sum(directions**2, axis=1), factor.complement)
    residuals = numerator / denominator / root_weights(problem)
    return named(RidgelessLeaveOneOut(residuals, interpolated), problem)
