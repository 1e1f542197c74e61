"""What deletion does to an expectation, with the evidence: the result of `posterior_deletion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._result import Result, in_order
from homotopy._status import Reported
from homotopy._tables import Table
from homotopy.bayesian.deletion_method import DeletionStatus
from homotopy.influence.change import described_change
from homotopy.influence.weight_changes import WeightChanges

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PosteriorDeletion(Result, Reported, Module):
    """E φ without points minus E φ with them, under the local posterior.

    With `points`, `groups` or a matrix of `changes` the fields have a leading axis k; of the
    problem's own deleted set, of one point or one vector of changes they have none.

    Attributes
    ----------
    change : (*out) or (k, *out)
    standard_error : of its shape, optional
        Of its sampling; None where nothing is sampled.
    effective_sample_size : () or (k,), optional
        Of the weights, or of the worst node or output.
    pareto_shape : () or (k,), optional
        k̂ of the weights' tail, of `Reweighting`.
    quadrature_error : of the shape of `change`, optional
        The size of the integrand's last Legendre coefficients, of `ThermodynamicIntegration`; an
        integrand that is sampled has their noise.
    terms : (order, *out) or (k, order, *out), optional
        Of `CumulantExpansion`, whose sum the change is.
    damped_leverage : () or (k,), optional
        P_δ in a linear regression: of a group the largest eigenvalue.
    status : DeletionStatus
        One for each change.
    weight_changes : WeightChanges
    kind : str
        How it was found.
    """

    change: Float[Array, ...]
    standard_error: Float[Array, ...] | None
    effective_sample_size: Float[Array, "*k"] | None
    pareto_shape: Float[Array, "*k"] | None
    quadrature_error: Float[Array, ...] | None
    terms: Float[Array, ...] | None
    damped_leverage: Float[Array, "*k"] | None
    status: DeletionStatus
    weight_changes: WeightChanges
    kind: str = eqx.field(static=True)

    _axes = (("change", None),)

    def _is_one(self) -> bool:
        axes = 0 if self.weight_changes.single else 1
        return super()._is_one() and np.ndim(self.status._value) == axes

    def _listed(self, array) -> np.ndarray:
        """With the axis of changes."""
        known = np.asarray(array)
        return known[None] if self.weight_changes.single else known

    def _deleted(self) -> list[str]:
        rows, amounts = map(np.asarray, (self.weight_changes.rows, self.weight_changes.amounts))
        names = self._names
        return [described_change(*change, names) for change in zip(rows, amounts, strict=True)]

    def _sizes(self) -> np.ndarray:
        change = self._listed(self.change)
        return np.linalg.norm(change.reshape(len(change), -1), axis=1)

    def _entries(self) -> Entries:
        change, names = self._listed(self.change), self._deleted()
        single = change.ndim == 1
        yield (
            "change" if single else "‖change‖",
            largest(change if single else self._sizes(), names),
        )
        if self.standard_error is not None:
            yield "standard error", f"at most {number(float(np.max(self.standard_error)), 2)}"
        if self.effective_sample_size is not None:
            yield (
                "effective draws",
                f"at least {number(float(np.min(self.effective_sample_size)), 3)}",
            )
        if self.pareto_shape is not None:
            yield "Pareto k̂", f"at most {number(float(np.max(self.pareto_shape)), 2)}"
        if self.quadrature_error is not None:
            yield "quadrature error", f"at most {number(float(np.max(self.quadrature_error)), 2)}"
        if self.damped_leverage is not None:
            yield "damped leverage", f"at most {number(float(np.max(self.damped_leverage)), 3)}"
        yield "status", self.status

    def _table(self) -> Table:
        change = self._listed(self.change)
        outputs = [str(list(place)).strip("[]") for place in np.ndindex(change.shape[1:])]
        columns = []
        for what, part in (("change", self.change), ("standard error", self.standard_error)):
            if part is not None:
                names = [what if not name else f"{what} of output {name}" for name in outputs]
                flat = self._listed(part).reshape(len(change), -1)
                columns += zip(names, flat.T, strict=True)
        for what, part in (
            ("effective draws", self.effective_sample_size),
            ("Pareto k̂", self.pareto_shape),
            ("damped leverage", self.damped_leverage),
        ):
            if part is not None:
                columns.append((what, self._listed(part)))
        about = "change of the posterior expectation on deletion, largest first"
        return Table(columns, [("deleted", self._deleted())], in_order(self._sizes()), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The change on each deletion, with the names of the largest; bars of two standard errors.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        change, rows = self._listed(self.change), np.asarray(self.weight_changes.rows)
        single, alone = change.ndim == 1, rows.shape[1] == 1
        places, across = (rows[:, 0], "row of the data") if alone else (None, "deletion")
        places = np.arange(len(rows)) if places is None else places
        drawn, label = (change, "change") if single else (self._sizes(), "‖change‖")
        ax = draw_by_row(places, drawn, self._deleted(), label, ax, across, **options)
        if single and self.standard_error is not None:
            error = 2.0 * self._listed(self.standard_error)
            ax.vlines(places, change - error, change + error, color="0.5", linewidth=0.8, zorder=4)
        return ax
