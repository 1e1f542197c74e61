"""Minima of many functions of a kind by Newton's method with one matrix for all: the chord method.

Where many objectives differ by little, as the risks without one point each, so do their Hessians.
The steps of all are then one product of one inverse with all their gradients, and what costs most
in a large model, the curvature, is that of one place (theory §13).
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._threads import interruptible
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import Minimum, ended
from homotopy.precision import reachable

_FLATTER = 0.9  # of the gradient's norm: a step that is worth another


def minimise_by_chords(
    objective: Callable[..., AbstractObjective],
    arguments: tuple,
    starts: Float[Array | np.ndarray, "k d"],
    solve: Callable[[Float[Array, "k d"]], Float[Array, "k d"]],
    tolerance: float,
    max_steps: int,
    report: Callable[[int], None] = lambda done: None,
) -> Minimum:
    """θ ← θ − t M⁻¹∇ for all of k objectives, M the same symmetric positive definite matrix.

    t is 1, or the zero of the slope along the step between its ends where that comes further. An
    objective stops at the tolerance, and where neither takes its gradient below 0.9 of what it was:
    it is then not stationary, and for another method to finish. The gradients of the k objectives
    are computed one after the other. Outside `jax.jit`.

    `definite` says that the curvature was positive along every step: sᵀy > 0.

    Parameters
    ----------
    objective : callable
        A pytree (an `equinox.Partial`), so that another of this shape compiles nothing.
    arguments : tuple of (k, ...)
    starts : (k, d)
    solve : callable
        M⁻¹g of rows g; approximations do.
    tolerance : float
        Of the residual; not below what the dtype can reach.
    max_steps : int
    report : callable
        Called with how many are done.

    Examples
    --------
    >>> from homotopy.minima.objective import AbstractObjective
    >>> class Bowl(AbstractObjective):
    ...     centre: jax.Array
    ...
    ...     def __call__(self, theta):
    ...         return jnp.sum(jnp.cosh(theta - self.centre))
    ...
    ...     def gradient_scale(self, theta):
    ...         return jnp.ones(())
    ...
    ...     def rounding(self, theta):
    ...         return jnp.zeros(())
    >>> found = minimise_by_chords(
    ...     Bowl, (jnp.array([[1.0], [2.0]]),), jnp.zeros((2, 1)), lambda g: g, 1e-5, 50
    ... )
    >>> found.theta.round(3).tolist(), found.reached.tolist()
    ([[1.0], [2.0]], [True, True])
    """
    tolerance = reachable(tolerance, starts.dtype)
    theta = jnp.asarray(starts)
    count = len(starts)
    definite, steps = np.ones(count, bool), np.zeros(count, int)
    gradients, residual = _first(objective, arguments, theta, tolerance)
    going = ~np.asarray(residual <= tolerance)
    for _ in range(max_steps):
        if not going.any():
            break
        state = (theta, gradients, residual, jnp.asarray(going))
        theta, gradients, residual, flatter, convex = interruptible(
            _step, objective, arguments, solve, tolerance, state
        )
        steps += going
        definite &= np.asarray(convex) | ~going
        going &= np.asarray(flatter) & definite & ~np.asarray(residual <= tolerance)
        report(int(np.sum(np.asarray(residual) <= tolerance)))
    return _ended(objective, arguments, theta, gradients, definite, steps, tolerance)


@eqx.filter_jit
def _first(objective, arguments, theta, tolerance):
    return _gradients(objective, arguments, theta, tolerance, jnp.ones(len(theta), bool))


def _gradients(objective, arguments, theta, tolerance, going):
    """∇ of each objective, and its norm over the scale of its terms.

    Of those that are not going they are not computed: 0 and ∞. Bounds of rounding do not enter:
    most of what they allow for does not happen, and where it does the steps come to nothing by
    themselves.
    """
    order = jnp.argsort(~going)

    def one(place, found):
        gradients, residuals = found
        row = order[place]
        own, at = objective(*jax.tree.map(lambda leaf: leaf[row], arguments)), theta[row]
        gradient = jax.grad(own)(at)
        end = ended(own, at, gradient, jnp.asarray(True), jnp.zeros((), int), tolerance)
        return gradients.at[row].set(gradient), residuals.at[row].set(end.residual)

    unknown = jnp.zeros_like(theta), jnp.full_like(theta[:, 0], jnp.inf)
    return jax.lax.fori_loop(0, jnp.sum(going), one, unknown)


@eqx.filter_jit
def _step(objective, arguments, solve, tolerance, state):
    theta, gradients, residual, going = state
    on = going[:, None]
    step = -solve(jnp.where(on, gradients, 0.0))
    there, new_residual = _gradients(objective, arguments, theta + step, tolerance, going)
    slope, slope_there = (jnp.sum(g * step, axis=1) for g in (gradients, there))
    convex = slope_there > slope
    # Where the slope along the step would vanish, if it were linear; within twice the step.
    share = jnp.where(convex, slope / jnp.where(convex, slope - slope_there, 1.0), 0.5)
    share = jnp.clip(share, 0.05, 2.0)
    other = theta + share[:, None] * step
    other_gradients, other_residual = _gradients(objective, arguments, other, tolerance, going)
    further = (other_residual < new_residual) | ~jnp.isfinite(new_residual)

    def chosen(second, first):
        return jnp.where(further.reshape(-1, *[1] * (first.ndim - 1)), second, first)

    at, slopes = chosen(other, theta + step), chosen(other_gradients, there)
    found = chosen(other_residual, new_residual)
    flatter = found <= _FLATTER * residual
    better = (going & (found < residual))[:, None]
    return (
        jnp.where(better, at, theta),
        jnp.where(better, slopes, gradients),
        jnp.where(better[:, 0], found, residual),
        flatter,
        convex,
    )


@eqx.filter_jit
def _ended(objective, arguments, theta, gradients, definite, steps, tolerance):
    def one(each):
        some, at, gradient, is_definite, count = each
        return ended(objective(*some), at, gradient, is_definite, count, tolerance)

    definite, steps = jnp.asarray(definite), jnp.asarray(steps)
    return jax.lax.map(one, (arguments, theta, gradients, definite, steps))
