"""Newton's method for the lengths of arcs: non-negative numbers with a given sum.

The longest arc takes up what the others leave, which makes the constraint on the sum disappear;
the bounds are met by projection, and arcs that the cost presses against theirs stay out of the
Newton system (Bertsekas, SIAM J. Control Optim. 20, 1982). The Hessian is exact, made positive
definite by its LDLᵀ factors and damped as long as steps fail, so that the last steps are Newton's
own and converge quadratically to rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_SMALLEST_DAMPING, _FIRST_DAMPING, _LARGEST_DAMPING = 1e-9, 0.1, 1e12
_NEAR = 1e-7  # arcs shorter than this part of the whole, and pressed, close at once
_ARRIVED = 1e-9  # Newton steps shorter than this are the last


class ArcState(eqx.Module):
    """Where the iteration stands.

    Attributes
    ----------
    arcs : (k,)
        Lengths as fractions of the whole, zero where not allowed.
    allowed : (k,)
    cost, gradient, hessian
        At `arcs`.
    damping : ()
    done : ()
        No further step lowers the cost or the gradient.
    steps : ()
        Trial points so far.
    """

    arcs: Float[Array, " k"]
    allowed: Bool[Array, " k"]
    cost: Float[Array, ""]
    gradient: Float[Array, " k"]
    hessian: Float[Array, "k k"]
    damping: Float[Array, ""]
    done: Bool[Array, ""]
    steps: Int[Array, ""]


def first_state(arcs: Float[Array, " k"], allowed: Bool[Array, " k"]) -> ArcState:
    """The state at a starting point, which the first step evaluates."""
    size, zero = arcs.shape[0], jnp.zeros((), int)
    return ArcState(
        arcs,
        allowed,
        cost=jnp.asarray(jnp.inf, arcs.dtype),
        gradient=jnp.zeros_like(arcs),
        hessian=jnp.zeros((size, size), arcs.dtype),
        damping=jnp.asarray(_FIRST_DAMPING, arcs.dtype),
        done=zero > 0,
        steps=zero,
    )


def reduced_gradient(state: ArcState) -> tuple[Float[Array, " k"], Int[Array, ""]]:
    """∂ℰ/∂arc at the expense of the longest arc, and which that is; zero where not allowed."""
    longest = jnp.argmax(state.arcs)
    gradient = state.gradient - state.gradient[longest]
    return jnp.where(state.allowed, gradient, 0.0), longest


def stationarity(arcs, allowed, gradient) -> Float[Array, ""]:
    """Largest entry of the reduced gradient that an admissible step could follow."""
    longest = jnp.argmax(arcs)
    gradient = jnp.where(allowed, gradient - gradient[longest], 0.0)
    held = (arcs <= 0.0) & (gradient > 0.0)
    return jnp.max(jnp.abs(jnp.where(held, 0.0, gradient)))


def improved(function: Callable, state: ArcState) -> ArcState:
    """One trial step: taken if it lowers the cost, or damped further.

    `function` gives cost, gradient and Hessian at arcs.
    """
    arcs, allowed, dtype = state.arcs, state.allowed, state.arcs.dtype
    unit = jnp.finfo(dtype).eps
    gradient, longest = reduced_gradient(state)
    slack = jnp.arange(arcs.shape[0]) == longest
    row = state.hessian[longest]
    hessian = state.hessian - row[None, :] - row[:, None] + row[longest]

    closing = (arcs <= _NEAR) & (gradient > 0.0)
    free = allowed & ~slack & ~closing
    step = _damped_step(hessian, gradient, free, state.damping)
    trial = jnp.where(closing, 0.0, arcs + step)
    trial = trial + jnp.where(slack, 1.0 - jnp.sum(trial), 0.0)
    trial = _onto_simplex(trial, allowed & ~closing)

    cost, trial_gradient, trial_hessian = function(trial)
    moved = jnp.max(jnp.abs(trial - arcs))
    lower = cost < state.cost
    # Once costs agree to rounding the gradient decides.
    tie = jnp.abs(cost - state.cost) <= 64 * unit * state.cost
    flatter = stationarity(trial, allowed, trial_gradient) < stationarity(
        arcs, allowed, state.gradient
    )
    first = jnp.isinf(state.cost)
    accepted = jnp.where(tie & ~first, flatter, lower) & ((moved > 0.0) | first) & ~state.done
    # As the quadratic model was to be trusted, so it is for the next step.
    change = trial - arcs
    predicted = -jnp.sum(change * (state.gradient + 0.5 * (state.hessian @ change)))
    faithful = jnp.abs(state.cost - cost - predicted) <= 0.25 * jnp.abs(predicted)
    relaxed = jnp.maximum(state.damping * jnp.where(faithful, 1e-3, 0.125), _SMALLEST_DAMPING)
    relaxed = jnp.where(first, state.damping, relaxed)
    damping = jnp.where(accepted, relaxed, jnp.maximum(state.damping * 8, 1e-3))
    settled = tie & ((state.damping < 1e-4) | (moved < 1e-10))
    stuck = ~accepted & ((moved <= 2 * unit) | (damping > _LARGEST_DAMPING) | settled)

    # Newton's steps converge quadratically: after one this short nothing is left but rounding.
    arrived = accepted & ~first & (state.damping < 1e-6) & (moved < _ARRIVED)

    def choose(new, old):
        return jnp.where(accepted, new, old)

    return ArcState(
        choose(trial, arcs),
        allowed,
        choose(cost, state.cost),
        choose(trial_gradient, state.gradient),
        choose(trial_hessian, state.hessian),
        jnp.where(state.done, state.damping, damping),
        state.done | stuck | arrived,
        state.steps + ~state.done,
    )


def _onto_simplex(point, allowed):
    """The nearest point with non-negative entries that add up to one; zero where not allowed."""
    point = jnp.where(allowed, point, -jnp.inf)
    above = (point[None, :] >= point[:, None]) & allowed[None, :]
    count = jnp.sum(above, axis=1)
    excess = jnp.sum(jnp.where(above, point[None, :], 0.0), axis=1) - 1.0
    shift = jnp.max(jnp.where(allowed, excess / jnp.maximum(count, 1), -jnp.inf))
    return jnp.maximum(point - shift, 0.0)


def _damped_step(hessian, gradient, free, damping):
    """−(H + damping)⁻¹ g among the free entries, with the pivots of H = LDLᵀ made positive."""
    size = gradient.shape[0]
    unit = jnp.finfo(gradient.dtype).eps
    both = free[:, None] & free[None, :]
    hessian = jnp.where(both, hessian, 0.0)
    # Gershgorin: with a damping of one the matrix is positive definite.
    rows = jnp.sum(jnp.abs(hessian), axis=1)
    scale = jnp.max(rows)
    scale = jnp.where(scale > 0.0, scale, 1.0)
    boost = jnp.where(free, damping * (rows + 1e-3 * scale), 1.0)
    matrix = hessian + jnp.diag(boost)
    right = jnp.where(free, -gradient, 0.0)
    # Written out: for arrays as small as these, loops and scatters cost more than arithmetic.
    index, columns, pivots, rest = jnp.arange(size), [], [], []
    for k in range(size):
        pivot = jnp.maximum(jnp.abs(matrix[k, k]), 16 * unit * scale)
        pivot = jnp.where(free[k], pivot, 1.0)
        column = jnp.where(index > k, matrix[:, k] / pivot, 0.0)
        matrix = matrix - pivot * column[:, None] * column[None, :]
        rest.append(right[k])
        right = right - column * right[k]
        columns.append(column)
        pivots.append(pivot)
    step = jnp.zeros_like(gradient)
    for k in range(size - 1, -1, -1):
        entry = rest[k] / pivots[k] - jnp.sum(columns[k] * step)
        step = jnp.where(index == k, entry, step)
    return jnp.where(free, step, 0.0)
