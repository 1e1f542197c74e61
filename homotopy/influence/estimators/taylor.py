"""Taylor models of the response path (theory §2)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor

from homotopy._checks import integer
from homotopy.influence.change import ChangeStatus, from_closed_form
from homotopy.influence.curvature import HessianCurvature
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.least_squares import least_squares
from homotopy.influence.solvers.base import graded
from homotopy.responses._taylor import implicit_series

_TOLERANCE = 1e-8  # of the residual of the first order


class Taylor(AbstractEstimator):
    """Δ = Σ_{k=1}^{order} (−1)ᵏ θ⁽ᵏ⁾(1)/k!: the Taylor polynomial of θ(ε) about 1, at ε = 0.

    Order 1 is the influence function. It converges where θ(ε) has no singularity within distance
    one of ε = 1, complex ones included. For one point of a linear regression the only one lies
    1/leverage away, and order k misses leverageᵏ of the truth. One factorisation of the Hessian
    serves all changes and orders; work and compilation double with each order.

    Parameters
    ----------
    order : int
        ≥ 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0]], [0.0, 1.0], deleted=0)  # leverage 1/5
    >>> exact = float(hm.predict(problem, hm.LeaveOneOut()).delta[0])
    >>> [round(hm.predict(problem, hm.Taylor(k)).delta[0].item() / exact, 6) for k in (1, 2, 3)]
    [0.8, 0.96, 0.992]
    """

    order: int = eqx.field(static=True)

    def __init__(self, order: int):
        self.order = integer("order", order)

    def changes(self, problem, theta, changes, report):
        return _changes(self.order, problem, theta, changes)

    def in_closed_form(self, problem, theta, changes):
        exact = least_squares(problem, theta)
        if exact is None:
            return None
        moved = exact.first_orders(changes, self.order)
        return from_closed_form(moved, _TOLERANCE, theta, ChangeStatus.singular)


@eqx.filter_jit
def _changes(order, problem, theta, changes):
    ones = jnp.ones(problem.size, theta.dtype)
    curvature = HessianCurvature(problem, theta, ones, jnp.zeros((), theta.dtype))
    hessian = curvature.matrix()
    factors = lu_factor(hessian)

    def series(each):
        rows, amounts = each

        def gradient(at, s):
            weights = ones.at[rows].add(s * amounts)
            return jax.grad(problem.weighted_risk)(at, weights)

        coefficients = implicit_series(gradient, factors, theta, order)
        return jnp.sum(coefficients[1:], axis=0), coefficients[1]

    batch = max(1, min(changes.count, 2**20 // problem.size))
    delta, first = jax.lax.map(series, (changes.rows, changes.amounts), batch_size=batch)
    # Of the system of order one; the others have its matrix.
    forcing = -changes.gradients(problem, theta)
    remaining = jnp.linalg.norm(first @ hessian - forcing, axis=1)
    size = jnp.maximum(jnp.linalg.norm(forcing, axis=1), jnp.finfo(theta.dtype).tiny)
    residual = remaining / size
    spectrum = jnp.linalg.eigvalsh(hessian)
    unit = theta.size * jnp.finfo(theta.dtype).eps
    indefinite = spectrum[0] <= unit * jnp.max(jnp.abs(spectrum))
    status = jax.vmap(ChangeStatus.promote)(graded(residual, _TOLERANCE, indefinite))
    return delta, residual, status
