"""A quasi-Newton method within bounds, one trial point a step, so that many go on side by side.

Variables that the gradient presses against their bound stay out of the system (Bertsekas, SIAM J.
Control Optim. 20, 1982); the Hessian of the others is learned from gradients (BFGS with Powell's
damping, which keeps it positive definite) and damped as long as steps fail.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import jax.scipy as jsp
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module

_STATIONARY = 1e-10
_LARGEST_DAMPING = 1e12


class BoundedState(Module):
    """Where the iteration stands.

    Attributes
    ----------
    point : (p,)
    cost, gradient
        At the point; the cost is infinite before the first step.
    curvature : (p, p)
        What is known of the Hessian.
    damping : ()
    learned : ()
        Whether the curvature is more than a guess.
    done : ()
        The projected gradient vanishes, or no step lowers the cost.
    steps : ()
        Trial points so far.
    """

    point: Float[Array, " p"]
    cost: Float[Array, ""]
    gradient: Float[Array, " p"]
    curvature: Float[Array, "p p"]
    damping: Float[Array, ""]
    learned: Bool[Array, ""]
    done: Bool[Array, ""]
    steps: Int[Array, ""]


def first_state(point: Float[Array, " p"]) -> BoundedState:
    """The state at a starting point within the bounds, which the first step evaluates."""
    size, zero = point.shape[0], jnp.zeros((), int)
    return BoundedState(
        point,
        cost=jnp.asarray(jnp.inf, point.dtype),
        gradient=jnp.zeros_like(point),
        curvature=jnp.eye(size, dtype=point.dtype),
        damping=jnp.zeros((), point.dtype),
        learned=zero > 0,
        done=zero > 0,
        steps=zero,
    )


def improved(
    function: Callable,
    lower: Float[Array, " p"],
    upper: Float[Array, " p"],
    state: BoundedState,
) -> BoundedState:
    """One trial step; `function` gives the cost and its gradient, or an infinite cost."""
    trial = proposed(lower, upper, state)
    return informed(lower, upper, state, trial, *function(trial))


def proposed(
    lower: Float[Array, " p"], upper: Float[Array, " p"], state: BoundedState
) -> Float[Array, " p"]:
    """The point that a state wants to know the cost and its gradient of."""
    free = ~_pressed(lower, upper, state)
    diagonal = jnp.diagonal(state.curvature)
    boost = jnp.where(free, state.damping * jnp.maximum(diagonal, jnp.mean(diagonal)), 1.0)
    matrix = jnp.where(free[:, None] & free[None, :], state.curvature, 0.0) + jnp.diag(boost)
    factor = jsp.linalg.cho_factor(matrix)
    step = jsp.linalg.cho_solve(factor, jnp.where(free, -state.gradient, 0.0))
    moving = free & ~jnp.isinf(state.cost)
    return jnp.clip(state.point + jnp.where(moving, step, 0.0), lower, upper)


def _pressed(lower, upper, state):
    """Which parameters the gradient presses against their bounds."""
    point, gradient = state.point, state.gradient
    return ((point <= lower) & (gradient > 0.0)) | ((point >= upper) & (gradient < 0.0))


def informed(
    lower: Float[Array, " p"],
    upper: Float[Array, " p"],
    state: BoundedState,
    trial: Float[Array, " p"],
    cost: Float[Array, ""],
    new_gradient: Float[Array, " p"],
) -> BoundedState:
    """The state once what it proposed is evaluated."""
    point, gradient = state.point, state.gradient
    unit = jnp.finfo(point.dtype).eps
    first = jnp.isinf(state.cost)
    usable = jnp.isfinite(cost) & jnp.all(jnp.isfinite(new_gradient))
    change = trial - point
    moved = jnp.max(jnp.abs(change))
    tie = jnp.abs(cost - state.cost) <= 8 * unit * state.cost
    accepted = usable & ((cost < state.cost) & ((moved > 0.0) | first)) & ~state.done
    faithful = state.cost - cost >= 0.25 * jnp.abs(jnp.sum(change * gradient))
    relaxed = state.damping * jnp.where(faithful, 0.05, 0.5)
    damping = jnp.where(accepted, relaxed, jnp.maximum(8.0 * state.damping, 1e-2))
    damping = jnp.where(first, 0.0, damping)

    # The first curvature is one that makes the first step a quarter in the largest entry.
    size = jnp.max(jnp.abs(new_gradient))
    guess = jnp.eye(point.shape[0]) * jnp.where(size > 0.0, 4.0 * size, 1.0)
    bend = jnp.where(usable, new_gradient, gradient) - gradient
    curvature, learned = _learned(state.curvature, change, bend, state.learned)
    curvature = jnp.where(first, guess, curvature)

    least = jnp.where(accepted, cost, state.cost)
    at = jnp.where(accepted, trial, point)
    slope = jnp.where(accepted, new_gradient, gradient)
    free_slope = at - jnp.clip(at - slope, lower, upper)
    stationary = jnp.max(jnp.abs(free_slope)) <= _STATIONARY * least
    stuck = ~first & ~accepted & (tie | (moved <= 4 * unit) | (damping > _LARGEST_DAMPING))
    keep = first | state.done
    return BoundedState(
        at,
        least,
        slope,
        jnp.where(state.done, state.curvature, curvature),
        jnp.where(state.done, state.damping, damping),
        jnp.where(keep, state.learned, learned),
        state.done | stuck | (stationary & jnp.isfinite(least)) | (first & ~usable),
        state.steps + ~state.done,
    )


def _learned(curvature, change, bend, learned):
    """BFGS with Powell's damping; the first pair sets the scale."""
    scale = jnp.sum(change**2)
    along = jnp.sum(change * bend)
    rescaled = jnp.where(along > 0.0, jnp.sum(bend**2) / jnp.where(along > 0.0, along, 1.0), 0.0)
    fresh = ~learned & (rescaled > 0.0)
    curvature = jnp.where(fresh, rescaled * jnp.eye(change.shape[0]), curvature)
    pushed = curvature @ change
    energy = jnp.sum(change * pushed)
    usable = (scale > 0.0) & (energy > 0.0)
    energy = jnp.where(usable, energy, 1.0)
    share = jnp.where(along >= 0.2 * energy, 1.0, 0.8 * energy / (energy - along))
    bend = share * bend + (1.0 - share) * pushed
    along = jnp.where(usable, jnp.sum(change * bend), 1.0)
    updated = (
        curvature
        - pushed[:, None] * pushed[None, :] / energy
        + bend[:, None] * bend[None, :] / along
    )
    return jnp.where(usable, updated, curvature), learned | (rescaled > 0.0)
