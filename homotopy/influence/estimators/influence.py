"""The influence function: the response path's velocity at one weight (theory §2)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from homotopy._checks import weight
from homotopy._jit import filter_jit_numbers
from homotopy.influence.change import after_refit, from_product, joined
from homotopy.influence.curvature import HessianCurvature
from homotopy.influence.estimators.base import AbstractDampedEstimator
from homotopy.influence.estimators.leave_one_out import LeaveOneOut
from homotopy.influence.solvers import AbstractSolver
from homotopy.point_gradients import gradient_norms


class Influence(AbstractDampedEstimator):
    """Δ = −θ̇(ε) = (∇²R_ε)⁻¹∇ℓ_G at θ(ε), the influence function at a weight ε (theory §2).

    For linear regression that at ε = 1 is (1 − leverage) times the truth, that at ε = 0 the truth
    over (1 − leverage). Where deleting a group leaves no point that sees some direction, the
    velocity at ε = 0 is infinite along it unless the group is fitted exactly there: the status is
    `singular`.

    Parameters
    ----------
    at : float
        ε in [0, 1]. Where it is not 1 the model is retrained to θ(ε) first, from θ(1), each change
        on its own.
    damping : float
        δ ≥ 0, added to the Hessian's diagonal (sum risk: δ = nλ).
    solver : AbstractSolver

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> [hm.predict(problem, hm.Influence(at=at)).delta.round(12).tolist() for at in (1.0, 0.0)]
    [[-0.25], [-1.0]]
    """

    at: float

    def __init__(self, at: float = 1.0, damping: float = 0.0, solver: AbstractSolver | None = None):
        self.at = weight("at", at)
        super().__init__(damping, solver)

    @property
    def needs_remaining(self) -> bool:
        return self.at == 0.0 and self.damping == 0.0

    def push(self, problem, theta, one):
        moved, _, _ = LeaveOneOut().estimate(problem, theta, one, lambda _: None)
        at = theta + moved[0]
        return one.gradients(problem, at)[0], jnp.sum(gradient_norms(problem, at)[one.rows[0]])

    def changes(self, problem, theta, changes, report):
        if self.at == 1.0:
            return _at_one(self, problem, theta, changes)
        # θ(ε) of each change: retrained with part of the change of weights.
        partly = eqx.tree_at(lambda c: c.amounts, changes, (1.0 - self.at) * changes.amounts)
        moved, _, status = LeaveOneOut().estimate(problem, theta, partly, report)
        done = []
        for index in range(changes.count):
            one = eqx.tree_at(
                lambda c, i=index: (c.rows, c.amounts),
                changes,
                (changes.rows[index : index + 1], changes.amounts[index : index + 1]),
            )
            at = theta + moved[index]
            done.append(_after(self, problem, at, partly.rows[index], partly.amounts[index], one))
        delta, residual, solved = jax.tree.map(lambda leaf: leaf[:, 0], joined(done))
        return delta, residual, after_refit(status, solved)

    def moved(self, exact, changes):
        if self.at == 1.0:
            return exact.first_orders(changes)
        # Retraining has no damping.
        return exact.velocity(changes, 1.0 - self.at) if self.damping == 0.0 else None


@filter_jit_numbers
def _at_one(estimator, problem, theta, changes):
    ones = jnp.ones(problem.size, theta.dtype)
    return _velocity(estimator, problem, theta, ones, changes)


@filter_jit_numbers
def _after(estimator, problem, theta, rows, amounts, changes):
    weights = jnp.ones(problem.size, theta.dtype).at[rows].add(amounts)
    return _velocity(estimator, problem, theta, weights, changes)


def _velocity(estimator, problem, theta, weights, changes):
    damping = jnp.asarray(estimator.damping, theta.dtype)
    curvature = HessianCurvature(problem, theta, weights, damping)
    product = estimator.solver.solve(curvature, changes.gradients(problem, theta))
    return from_product(product)
