"""Minima of many functions of a kind by Newton's method with one matrix for all: the chord method.

Where many objectives differ by little, as the risks without one point each, so do their Hessians.
The steps of all are then one product of one inverse with all their gradients, and what costs most
in a large model, the curvature, is that of one place (theory §13).
"""

from __future__ import annotations

import functools
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
    # The one large program, which all three places of a step share: called, not put into each.
    at = functools.partial(interruptible, _gradients, objective, arguments)
    here = theta, *at(theta, tolerance, np.ones(count, bool))
    going = ~np.asarray(here[2] <= tolerance)
    for _ in range(max_steps):
        if not going.any():
            break
        step, there = interruptible(_proposed, solve, *here[:2], going)
        first = there, *at(there, tolerance, going)
        convex, there = _secant(*here[:2], step, first[1])
        second = there, *at(there, tolerance, going)
        here, flatter = _taken(here, first, second, going)
        steps += going
        definite &= np.asarray(convex) | ~going
        residual = np.asarray(here[2])
        going &= np.asarray(flatter) & definite & ~(residual <= tolerance)
        report(int(np.sum(residual <= tolerance)))
    theta, gradients, _ = here
    return _ended(objective, arguments, theta, gradients, definite, steps, tolerance)


@eqx.filter_jit
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
def _proposed(solve, theta, gradients, going):
    """The step of each that is going, and where it ends."""
    step = -solve(jnp.where(going[:, None], gradients, 0.0))
    return step, theta + step


@jax.jit
def _secant(theta, gradients, step, there):
    """Whether the slope rises along the step, and where it would vanish, if it were linear.

    Within twice the step.
    """
    slope, slope_there = (jnp.sum(g * step, axis=1) for g in (gradients, there))
    convex = slope_there > slope
    share = jnp.where(convex, slope / jnp.where(convex, slope - slope_there, 1.0), 0.5)
    return convex, theta + jnp.clip(share, 0.05, 2.0)[:, None] * step


@jax.jit
def _taken(before, first, second, going):
    """Of two places the one of the smaller residual, where that falls; whether it falls far."""
    further = (second[2] < first[2]) | ~jnp.isfinite(first[2])

    def chosen(new, old, where):
        return jax.tree.map(
            lambda one, other: jnp.where(where.reshape(-1, *[1] * (one.ndim - 1)), one, other),
            new,
            old,
        )

    found = chosen(second, first, further)
    flatter = found[2] <= _FLATTER * before[2]
    return chosen(found, before, going & (found[2] < before[2])), flatter


@eqx.filter_jit
def _ended(objective, arguments, theta, gradients, definite, steps, tolerance):
    def one(each):
        some, at, gradient, is_definite, count = each
        return ended(objective(*some), at, gradient, is_definite, count, tolerance)

    definite, steps = jnp.asarray(definite), jnp.asarray(steps)
    return jax.lax.map(one, (arguments, theta, gradients, definite, steps))
