"""Weights of all points, the model with them, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._display import Entries, largest
from homotopy._module import Module
from homotopy._result import Result, in_order
from homotopy._status import Reported, Status
from homotopy._tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class SoftWeightsStatus(Status):
    """How a search for weights ended."""

    infeasible = (
        "no weights within the bounds keep to the constraints, near those that come closest: "
        "`violation` says what is left; widen the bounds, or see `frontier`"
    )
    step_limit = "max_steps refits were spent before the conditions of a minimum held"
    rounding = (
        "rounding keeps the conditions of a minimum from holding to the tolerance; `kkt_residual` "
        "says how far they do"
    )
    branch_ends = (
        "no step gets further: next to these weights the minimum that is followed ends, its "
        "Hessian singular, and the model jumps to another; try another theta, a ridge, or narrower "
        "bounds"
    )
    no_minimum = (
        "a refit on the way came to no strict minimum of the risk: add a ridge, or raise the lower "
        "bound of the weights"
    )


class SoftWeights(Result, Reported, Module):
    """Weights w of all points that change the model, refitted with them, as was asked for.

    The programme is not convex: where it is successful it is a **local** minimum, to
    `kkt_residual`. All values are of the refit θ(w), not of a prediction of it.

    Attributes
    ----------
    weights : (n,)
        w; 1 is the model as it was. With sample weights, they come on top.
    theta : (d,)
        θ(w), the minimum of Σ wᵢ ℓᵢ + (ρ/2)‖θ‖².
    theta_before : (d,)
        θ(1).
    objective : ()
        ½‖w − 1‖², or what else was minimised.
    values, values_before : (c,)
        Of the constrained measurements, one after the other, at θ(w) and at θ(1).
    predicted : (c,)
        What the influence function at θ(1) predicts for w: values_before + Σ (wᵢ − 1) ∂m/∂wᵢ.
    lower, upper : (c,)
        Their bounds.
    multipliers : (c,)
        By how much the objective would fall where a bound was wider by one: > 0 at an upper bound,
        < 0 at a lower one.
    kkt_residual : ()
        By how much w would move in a step down the gradient of the Lagrangian, within the bounds:
        0 at a local minimum.
    violation : ()
        The largest excess over a bound.
    refits : ()
    status : SoftWeightsStatus
    """

    weights: Float[Array, " n"]
    theta: Float[Array, " d"]
    theta_before: Float[Array, " d"]
    objective: Float[Array, ""]
    values: Float[Array, " c"]
    values_before: Float[Array, " c"]
    predicted: Float[Array, " c"]
    lower: Float[Array, " c"]
    upper: Float[Array, " c"]
    multipliers: Float[Array, " c"]
    kkt_residual: Float[Array, ""]
    violation: Float[Array, ""]
    refits: Int[Array, ""]
    status: SoftWeightsStatus

    _axes = (("weights", 1), ("theta", 1), ("values", 1))

    def _entries(self) -> Entries:
        weights = np.asarray(self.weights)
        yield "weights", f"{weights.min():.4g} to {weights.max():.4g}"
        yield "w − 1", largest(weights - 1.0, self._names.row)
        yield "values", self.values
        yield "before", self.values_before
        yield "KKT residual", self.kkt_residual
        yield "violation", self.violation
        yield "status", self.status

    def _table(self) -> Table:
        weights = np.asarray(self.weights)
        index = [(self._names.row_heading, self._names.rows_of(range(weights.size)))]
        about = "weights of all points, furthest from 1 first"
        return Table([("weight", weights)], index, in_order(weights - 1.0), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """w − 1 of each point, with the names of the largest.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        rows = np.arange(self.weights.size)
        names = [self._names.row(row) for row in rows]
        values = np.asarray(self.weights) - 1.0
        return draw_by_row(rows, values, names, "weight less 1", ax, **options)


def of_arrays(**fields) -> SoftWeights:
    """The result, of NumPy's numbers."""
    status = fields.pop("status")
    return SoftWeights(
        **{name: jnp.asarray(value) for name, value in fields.items()}, status=status
    )
