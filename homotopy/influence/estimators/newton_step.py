"""One Newton step on the risk without the deleted points (theory §2; notes, Definition 6)."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp

from homotopy._jit import filter_jit_numbers
from homotopy.influence.change import from_product
from homotopy.influence.curvature import HessianCurvature
from homotopy.influence.estimators.base import AbstractDampedEstimator


class NewtonStep(AbstractDampedEstimator):
    """Δ = −(∇²R₋(θ))⁻¹∇R₋(θ), R₋ the risk without the deleted points; exact for quadratic risks.

    Each change has its own Hessian: it costs as much more than `Influence` as there are changes.
    Where θ is not stationary the step also goes on with the training that was left undone.

    Parameters
    ----------
    damping : float
        δ ≥ 0, added to the Hessian's diagonal (sum risk).
    solver : AbstractSolver

    References
    ----------
    Koh, Ang, Teo, Liang, "On the accuracy of influence functions for measuring group effects",
    NeurIPS 2019.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.NewtonStep()).delta.round(12).tolist()
    [-0.5]
    """

    assumes_stationary: ClassVar[bool] = False

    @property
    def needs_remaining(self) -> bool:
        return self.damping == 0.0

    def changes(self, problem, theta, changes, report):
        return _changes(self, problem, theta, changes)

    def moved(self, exact, changes):
        return exact.retrained(changes)


@filter_jit_numbers
def _changes(estimator, problem, theta, changes):
    damping = jnp.asarray(estimator.damping, theta.dtype)
    ones = jnp.ones(problem.size, theta.dtype)

    # Before the loop, so that it is computed once: it is all cancellation, and computed in another
    # order another number.
    gradients = problem.gradient(theta)[None, :] + changes.gradients(problem, theta)

    def step(each):
        rows, amounts, gradient = each
        weights = ones.at[rows].add(amounts)
        curvature = HessianCurvature(problem, theta, weights, damping)
        product = estimator.solver.solve(curvature, gradient[None])
        return jax.tree.map(lambda leaf: leaf[0], from_product(product))

    # One after the other: side by side, XLA on a CPU was seen to wait for itself for ever.
    return jax.lax.map(step, (changes.rows, changes.amounts, gradients))
