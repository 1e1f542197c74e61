"""The predicted change of a model, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._display import Entries, largest, number
from homotopy._jit import jit_outermost
from homotopy._module import Module
from homotopy._result import Names, Result, in_order
from homotopy._status import Reported, is_one_of
from homotopy._tables import Table
from homotopy.influence.least_squares import Moved
from homotopy.influence.solvers.base import InverseProduct, InverseStatus
from homotopy.influence.weight_changes import WeightChanges
from homotopy.labels import rows_in_words
from homotopy.measurements import as_measurement
from homotopy.precision import reachable
from homotopy.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ChangeStatus(InverseStatus):
    """How a prediction ended."""

    not_stationary = (
        "theta is not a stationary point of the risk, which this estimator assumes: train on, or "
        "take GaussNewton or ProximalBregman"
    )
    no_minimum = (
        "no minimum exists: the classes can be separated, and the risk falls on for ever; add a "
        "ridge"
    )
    interrupted = "interrupted before it was computed: the change is left at 0"
    not_sampled = (
        "the posterior was not sampled well enough: more draws or burn-in, another sampler or step "
        "size, or more localisation"
    )
    at_rounding = (
        "the change is below what rounding leaves of gradients in this dtype: the residual is of "
        "the order of what is asked for; take float64, by enable_x64()"
    )
    not_reached = "no minimum was reached from theta to the tolerance: add a ridge, or more steps"


class Change(Result, Reported, Module):
    """The change of the parameters on deletion, θ(0) − θ(1), as an estimator predicts it.

    With `points`, `groups` or a matrix of `changes` the fields have a leading axis k; of the
    problem's own deleted set, of one point or one vector of changes they have none.

    Attributes
    ----------
    delta : (d,) or (k, d)
        θ(0) − θ(1): add it to θ for the model without the points. Where the status is not
        `successful`, what was computed last: of a refit, where its descent was left.
    status : ChangeStatus
        One for each change.
    residual : () or (k,)
        What is left of the equations that the estimator solves, relative: ‖b − Ax‖/‖b‖ of an
        inverse-Hessian product, the gradient norm over the sum of its terms' norms of a refit (of
        a linear regression Σ‖xᵢ‖(|yᵢ| + |ŷᵢ|)). 0 where the right-hand side is rounding alone.
    theta : (d,)
        Where the prediction was made: θ(1), or an early-stopped θˢ.
    gradient_norm, gradient_scale : ()
        ‖∇R(θ)‖ on all the data, and Σ‖∇ℓ_i(θ)‖ + ρ‖θ‖ to compare it with.
    stationary : ()
        Whether the first is at most 1e-6 of the second, or what rounding leaves of it.
    problem : Problem
    weight_changes : WeightChanges
    """

    delta: Float[Array, "*k d"]
    status: ChangeStatus
    residual: Float[Array, "*k"]
    theta: Float[Array, " d"]
    gradient_norm: Float[Array, ""]
    gradient_scale: Float[Array, ""]
    stationary: Bool[Array, ""]
    problem: Problem
    weight_changes: WeightChanges

    _axes = (("theta", 1), ("gradient_norm", 0))

    def _is_one(self) -> bool:
        axes = 1 if self.weight_changes.single else 2
        return super()._is_one() and np.ndim(self.delta) == axes

    def _deleted(self, some: slice = slice(None)) -> list[str]:
        """What each change is, in a few words."""
        rows, amounts = map(np.asarray, (self.weight_changes.rows, self.weight_changes.amounts))
        names, each = self._names, zip(rows[some], amounts[some], strict=True)
        return [described_change(*change, names) for change in each]

    def _entries(self) -> Entries:
        delta, names = np.asarray(self.delta), self._names.parameter_names(self.theta.size)
        if self.weight_changes.single:
            yield "deleted", self._deleted()[0]
            yield "θ", largest(self.theta, names)
            yield "Δ", largest(delta, names)
            yield "‖Δ‖", float(np.linalg.norm(delta))
        else:
            sizes = np.linalg.norm(delta, axis=1)
            yield "deletions", len(delta)
            yield "‖Δ‖", largest(sizes, lambda at: self._deleted(slice(at, at + 1))[0])
        yield "residual", f"at most {number(np.max(np.asarray(self.residual)), 2)}"
        norm, scale = number(self.gradient_norm, 2), number(self.gradient_scale, 2)
        yield "‖∇R(θ)‖", f"{norm} of {scale}{'' if self.stationary else ': not stationary'}"
        yield "status", self.status

    def _table(self) -> Table:
        delta, theta = np.asarray(self.delta), np.asarray(self.theta)
        names = self._names.parameter_names(theta.size)
        if self.weight_changes.single:
            columns = [("theta", theta), ("change", delta), ("theta without", theta + delta)]
            about = f"θ and its change on deletion of {self._deleted()[0]}, largest change first"
            return Table(columns, [("parameter", names)], in_order(delta), about)
        sizes = np.linalg.norm(delta, axis=1)
        columns = [("‖change‖", sizes), *zip(names, delta.T, strict=True)]
        columns += [("residual", np.asarray(self.residual))]
        columns += [("successful", np.asarray(is_one_of(self.status, ChangeStatus.successful)))]
        about = "change of θ on deletion, largest first"
        return Table(columns, [("deleted", self._deleted())], in_order(sizes), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The change of each parameter; of several deletions ‖Δ‖ of each, the largest by name.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        delta = np.asarray(self.delta)
        if self.weight_changes.single:
            from homotopy.plotting.by_parameter import draw_by_parameter

            names = self._names.own_parameters
            return draw_by_parameter(delta, names, "change of θ on deletion", ax, **options)
        from homotopy.plotting.by_row import draw_by_row

        rows, deleted = np.asarray(self.weight_changes.rows), self._deleted()
        alone = rows.shape[1] == 1
        places, across = (rows[:, 0], "row of the data") if alone else (None, "deletion")
        places = np.arange(len(rows)) if places is None else places
        sizes = np.linalg.norm(delta, axis=1)
        return draw_by_row(places, sizes, deleted, "‖change of θ‖", ax, across, **options)

    def measured(self, measurement) -> Float[Array, ...]:
        """m(θ + Δ) − m(θ): what the predicted model measures.

        Parameters
        ----------
        measurement
            `OwnLoss()`, `TestLoss(X, y)`, `Predictions(X)`, or a function of θ (d,) that returns
            an array (compiled once for each function).

        Returns
        -------
        (*m) or (k, *m)
        """
        return self._of_each(measurement, _difference)

    def linearised(self, measurement) -> Float[Array, ...]:
        """∇m(θ)·Δ: the first order of `measured`, as influence functions are mostly used.

        Parameters and shape as of `measured`.
        """
        return self._of_each(measurement, _derivative)

    def _of_each(self, measurement, function):
        measurement = as_measurement(measurement, self.problem)
        delta = self.delta[None] if self.weight_changes.single else self.delta
        values = _of_changes(
            function, measurement, self.problem, self.theta, self.weight_changes, delta
        )
        return values[0] if self.weight_changes.single else values


@eqx.filter_jit
def _of_changes(function, measurement, problem, theta, changes, delta):
    def one(rows, amounts, step):
        return function(lambda at: measurement(problem, at, rows, amounts), theta, step)

    if changes.count * problem.size <= 2**20:
        return jax.vmap(one)(changes.rows, changes.amounts, delta)
    return jax.lax.map(
        lambda each: one(*each),
        (changes.rows, changes.amounts, delta),
        batch_size=max(1, 2**20 // problem.size),
    )


def _difference(measure, theta, step):
    return measure(theta + step) - measure(theta)


def _derivative(measure, theta, step):
    return jax.jvp(measure, (theta,), (step,))[1]


def described_change(rows: np.ndarray, amounts: np.ndarray, names: Names) -> str:
    """A change of weights in a few words: the points that are deleted, or how many change."""
    changed = rows[amounts != 0.0]
    if changed.size == 0:
        return "nothing"
    if np.all(amounts[amounts != 0.0] == -1.0):
        return rows_in_words(changed, names.rows, limit=3)
    if changed.size == 1:
        return f"Δw = {number(amounts[amounts != 0.0][0], 3)} of {names.row(changed[0])}"
    return f"Δw of {changed.size} points"


def squeezed(change: Change) -> Change:
    """Without the leading axis where one change was asked for."""
    if not change.weight_changes.single:
        return change
    first = _first((change.delta, change.status, change.residual))
    return eqx.tree_at(lambda c: (c.delta, c.status, c.residual), change, first)


@jit_outermost
def _first(leaves):
    return jax.tree.map(lambda leaf: leaf[0], leaves)


@jit_outermost
def joined(parts: list) -> tuple:
    """Results of several changes, one after another, as one with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts)


def from_product(
    product: InverseProduct,
) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus]:
    """Δ = −(inverse-Hessian product), with its evidence."""
    return _changed(product)


@jit_outermost
def _changed(product):
    return -product.solution, product.residual, jax.vmap(ChangeStatus.promote)(product.status)


def from_closed_form(
    moved: Moved, tolerance: float, theta: Float[Array, " d"], failure: ChangeStatus
) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus]:
    """Δ of a linear regression, in the dtype of θ; `failure` where there is none."""
    residual = jnp.asarray(moved.residual, theta.dtype)
    return (
        jnp.asarray(moved.delta, theta.dtype),
        residual,
        _graded(
            residual, reachable(tolerance, theta.dtype), jnp.asarray(moved.determined), failure
        ),
    )


@eqx.filter_jit
def _graded(residual, tolerance, determined, failure):
    def one(residual, determined):
        status = ChangeStatus.where(
            residual <= tolerance, ChangeStatus.successful, ChangeStatus.inaccurate
        )
        return ChangeStatus.where(determined, status, failure)

    return jax.vmap(one)(residual, determined)


@jit_outermost
def after_refit(refitted: ChangeStatus, then: ChangeStatus) -> ChangeStatus:
    """Row by row, that of what was done after a refit, if the refit reached a minimum."""

    def one(refitted, then):
        return ChangeStatus.where(refitted == ChangeStatus.successful, then, refitted)

    return jax.vmap(one)(refitted, then)
