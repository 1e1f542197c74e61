"""Damped Gauss–Newton influence (theory §5)."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp

from homotopy._jit import filter_jit_numbers
from homotopy.influence.change import from_product
from homotopy.influence.curvature import GaussNewtonCurvature
from homotopy.influence.estimators.base import AbstractDampedEstimator


class GaussNewton(AbstractDampedEstimator):
    """Δ = (G + (ρ + δ) Id)⁻¹∇ℓ_G at θ: the linearised proximal Bregman response (theory §5).

    G = Σ Jᵢᵀ(∂²ℓ/∂ŷ²)Jᵢ over all the data is positive semidefinite whatever θ, which need not be
    stationary. For models linear in θ it is the Hessian, and this the influence function.

    Parameters
    ----------
    damping : float
        δ ≥ 0, on the scale of the sum risk: λ of the mean risk is δ = nλ.
    solver : AbstractSolver

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.GaussNewton(damping=2.0)).delta.tolist()
    [-0.125]
    """

    assumes_stationary: ClassVar[bool] = False

    def changes(self, problem, theta, changes, report):
        return _changes(self, problem, theta, changes)

    def moved(self, exact, changes):
        return exact.first_orders(changes)


@filter_jit_numbers
def _changes(estimator, problem, theta, changes):
    weights = jnp.ones(problem.size, theta.dtype)
    damping = jnp.asarray(estimator.damping, theta.dtype)
    curvature = GaussNewtonCurvature(problem, theta, weights, damping)
    product = estimator.solver.solve(curvature, changes.gradients(problem, theta))
    return from_product(product)
