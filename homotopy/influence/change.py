"""The predicted change of a model, and what follows from it."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy._jit import jit_outermost
from homotopy.influence.least_squares import Moved
from homotopy.influence.solvers.base import InverseProduct, InverseStatus
from homotopy.influence.weight_changes import WeightChanges
from homotopy.measurements import as_measurement
from homotopy.precision import reachable
from homotopy.problem import Problem


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
    not_reached = "no minimum was reached from theta to the tolerance: add a ridge, or more steps"


class Change(eqx.Module):
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
