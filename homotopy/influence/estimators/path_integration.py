"""The response path integrated from ε = 1 to ε = 0 (theory §2)."""

from __future__ import annotations

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from homotopy._checks import fraction, integer
from homotopy._jit import filter_jit_numbers
from homotopy.flows._diffrax import diffeqsolve
from homotopy.influence.change import ChangeStatus, from_closed_form
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.least_squares import least_squares
from homotopy.influence.refits import unless_no_minimum
from homotopy.point_gradients import point_gradients
from homotopy.precision import reachable


class PathIntegration(AbstractEstimator):
    """Δ = −∫₀¹ θ̇(ε) dε: the influence function followed as the weight goes from 1 to 0.

    θ̇ = −(∇²R_ε)⁻¹∇ℓ_G is an ordinary differential equation in ε, whose solution through a
    stationary point is the response path: the truth, for as long as the path has a definite
    Hessian. In closed form for a linear regression; otherwise solved by diffrax's Tsit5 with a
    dense Cholesky factorisation a stage. The path is not corrected on the way, so that the residual
    says how far from stationary it ends.

    Parameters
    ----------
    tolerance : float
        Relative error a step; not below 64 units in the last place of the dtype.
    max_steps : int

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> round(hm.predict(problem, hm.PathIntegration()).delta[0].item(), 9)
    -0.5
    """

    tolerance: float
    max_steps: int = eqx.field(static=True)

    def __init__(self, tolerance: float = 1e-9, max_steps: int = 256):
        self.tolerance = fraction("tolerance", tolerance)
        self.max_steps = integer("max_steps", max_steps)

    @property
    def needs_remaining(self) -> bool:
        return True

    def changes(self, problem, theta, changes, report):
        delta, residual, status = _changes(self, problem, theta, changes)
        return delta, residual, unless_no_minimum(problem, status, theta[None] + delta, changes)

    def in_closed_form(self, problem, theta, changes):
        exact = least_squares(problem, theta)
        if exact is None:
            return None
        # ∇R_ε keeps the value that it has at θ.
        moved = exact.proximal(changes)
        return from_closed_form(moved, self.tolerance, theta, ChangeStatus.singular)


@filter_jit_numbers
def _changes(estimator, problem, theta, changes):
    ones = jnp.ones(problem.size, theta.dtype)
    tolerance = reachable(estimator.tolerance, theta.dtype)
    weights_gradient = jax.grad(problem.weighted_risk)
    # Deviations from θ, so that the tolerance is one of the change.
    size = jnp.max(jnp.linalg.norm(changes.gradients(problem, theta), axis=1))
    largest = jnp.max(jnp.abs(jnp.linalg.eigvalsh(problem.hessian(theta))))
    smallest_change = size / largest

    def integrated(each):
        rows, amounts = each

        # Compiled as parts, so that each is traced once for all the places where it stands.
        @jax.jit
        def lower_factor(at, s):
            weights = ones.at[rows].add(s * amounts)
            return jnp.linalg.cholesky(
                jax.jacfwd(lambda there: weights_gradient(there, weights))(at)
            )

        @jax.jit
        def velocity(s, moved, args):
            at = theta + moved
            slope = amounts @ point_gradients(problem, at, rows)
            return -cho_solve((lower_factor(at, s), True), slope)

        def lost(s, moved, args, **kwargs):
            return ~jnp.all(jnp.isfinite(lower_factor(theta + moved, s)))

        solution = diffeqsolve(
            diffrax.ODETerm(velocity),
            diffrax.Tsit5(),
            t0=jnp.zeros((), theta.dtype),
            t1=jnp.ones((), theta.dtype),
            dt0=None,
            y0=jnp.zeros_like(theta),
            stepsize_controller=diffrax.PIDController(
                rtol=tolerance, atol=tolerance * smallest_change
            ),
            event=diffrax.Event(lost),
            max_steps=estimator.max_steps,
            adjoint=diffrax.ForwardMode(),
            throw=False,
        )
        delta = solution.ys[-1]
        weights = ones.at[rows].add(amounts)
        gradient = jnp.linalg.norm(weights_gradient(theta + delta, weights))
        status = ChangeStatus.where(
            solution.result == diffrax.RESULTS.successful,
            ChangeStatus.successful,
            ChangeStatus.not_converged,
        )
        ended = solution.result == diffrax.RESULTS.event_occurred
        status = ChangeStatus.where(ended, ChangeStatus.indefinite, status)
        return delta, gradient / size, status

    return jax.lax.map(integrated, (changes.rows, changes.amounts))
