"""The truth: the model retrained without the deleted points, to a minimum."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, fraction, integer, non_negative, vector
from homotopy.influence.change import ChangeStatus, from_closed_form
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.least_squares import least_squares
from homotopy.influence.objectives import ProximalRisk
from homotopy.influence.refits import refit_status
from homotopy.minima.minimise import minimise_each


class LeaveOneOut(AbstractEstimator):
    """Δ = argmin R₋ − θ by retraining to a minimum: Newton's method and trust regions, never SGD.

    Of a linear regression in closed form, outside `jax.jit`: O(nd²) for all points together.

    Each refit ends at a minimum to rounding, or its status says that it did not: `no_minimum` where
    none exists, as a linear programme decides for classes that can be separated; `not_reached`
    where more steps or another start may find one. Every method
    descends, so that a **warm start** (the default, from θ) goes to a minimum downhill of θ; a
    **cold start** goes from `theta0`. For risks with several minima these may differ, and either
    from the limit of the gradient flow, which is `train`'s. Runs outside `jax.jit`.

    Where a model is affine in θ and the remaining points do not see some direction, θ stays along
    it as it is where retraining starts, as it does in the flow. So a point that alone saw a
    direction, whose residual is zero, changes nothing in a warm start; a cold start from zeros ends
    in the fit of least norm, whose errors are those of `ridgeless_leave_one_out`.

    Parameters
    ----------
    theta0 : (d,), optional
        Where retraining starts; from θ by default.
    damping : float
        δ ≥ 0: adds (δ/2)‖θ' − θ‖², a proximity term around θ (theory §5, the third of the gaps).
    tolerance : float
        Largest ‖gradient‖ over the sum of its terms' norms; Newton's method goes on below it for
        as long as the gradient halves.
    max_steps : int
        Of each method.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.LeaveOneOut()).delta.round(12).tolist()
    [-0.5]
    """

    assumes_stationary: ClassVar[bool] = False

    theta0: Float[Array, " d"] | None
    damping: float
    tolerance: float
    max_steps: int = eqx.field(static=True)

    def __init__(
        self,
        theta0: ArrayInput | None = None,
        damping: float = 0.0,
        tolerance: float = 1e-10,
        max_steps: int = 2000,
    ):
        self.theta0 = None if theta0 is None else vector("theta0", theta0)
        self.damping = non_negative("damping", damping)
        self.tolerance = fraction("tolerance", tolerance)
        self.max_steps = integer("max_steps", max_steps)

    @property
    def needs_remaining(self) -> bool:
        return self.damping == 0.0

    def changes(self, problem, theta, changes, report):
        start = theta if self.theta0 is None else problem.parameters(self.theta0)
        found = minimise_each(
            eqx.Partial(_objective, problem, theta, jnp.asarray(self.damping, theta.dtype)),
            (changes.rows, changes.amounts),
            np.broadcast_to(start, (changes.count, start.size)),
            self.tolerance,
            self.max_steps,
            report,
            problem.size,
            alike=True,
        )
        status = refit_status(problem, found, changes, proximity=self.damping)
        delta = jnp.asarray(np.asarray(found.theta) - np.asarray(theta))
        return delta, found.residual, status

    def in_closed_form(self, problem, theta, changes):
        # A proximity is one to θ, whatever the start; without one the minimum next to the start
        # is meant.
        near = theta
        if self.theta0 is not None and self.damping == 0.0:
            near = problem.parameters(self.theta0)
        exact = least_squares(problem, near, self.damping)
        if exact is None:
            return None
        delta, residual, status = from_closed_form(
            exact.retrained(changes), self.tolerance, theta, ChangeStatus.singular
        )
        return delta if near is theta else delta + (near - theta)[None, :], residual, status

    def along(self, problem, basis, theta):
        if self.theta0 is None:
            return self, jnp.zeros_like(theta)
        start = problem.parameters(self.theta0)
        along = eqx.tree_at(lambda e: e.theta0, self, basis.T @ start)
        # What nothing sees stays as it was in θ₀, but for a proximity, which sees everything.
        away = jnp.where(self.damping > 0.0, 0.0, start - theta)
        return along, away - basis @ (basis.T @ away)


def _objective(problem, centre, damping, rows, amounts):
    weights = jnp.ones(problem.size, centre.dtype).at[rows].add(amounts)
    return ProximalRisk(problem, weights, centre, damping)
