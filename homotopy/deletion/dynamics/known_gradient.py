"""dℰ of a schedule in closed form, of numbers that are known: by the switching function, in NumPy.

δℰ = −∫ φ(t) δε(t) dt (theory §4). With φ at the nodes of a quadrature, what is left to
differentiate is ε at these nodes, and where it jumps: a program of a few operations, the same for
all schedules of a kind.
"""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._status import is_successful
from homotopy.deletion.request import Request
from homotopy.numerics.legendre_history import gauss_legendre
from homotopy.numerics.namespace import in_numpy
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed

_NODES, _WEIGHTS, _ = gauss_legendre(16)
_PADDED = 512  # nodes that a program takes, or a multiple of them


def known_value_and_gradient(
    request: Request, schedule: AbstractSchedule
) -> tuple[Float[np.ndarray, ""] | np.floating, AbstractSchedule] | None:
    """ℰ and its derivative in the parameters of the schedule; None where JAX is to find them.

    That is: where something is being traced; where values of constant pieces are parameters; where
    a varying piece has no length, or a derivative of it is rough at its end; where the flow does
    not come to its end. ℰ is a distance of θ.
    """
    numbers = request.centred_start, request.centred_goal, request.horizon
    known, modal = in_numpy(numbers), in_numpy(request.problem.modal)
    if known is None or modal is None or in_numpy(schedule) is None:
        return None
    start, goal, horizon = known
    breakpoints, slopes = (np.asarray(part) for part in _slopes_of_values(schedule))
    edges = np.concatenate([[0.0], np.minimum(breakpoints, horizon), [horizon]])
    varying = ~np.array(schedule.constant_pieces)
    begun = np.append(0.0, breakpoints) < horizon
    unfit = np.array(schedule.graded_pieces) | (np.diff(edges) <= 0.0)
    if np.any(slopes != 0.0) or np.any(varying & begun & unfit):
        return None
    with np.errstate(all="ignore"):
        follow = partial(_follow, request.method, modal, start, schedule, horizon)
        ends, steps = follow(horizon[None])
        if ends is None:
            return None
        mirrored = Reversed(schedule, request.horizon)
        back = partial(
            _follow, request.method, modal.nothing_to_fit(), ends[0] - goal, mirrored, horizon
        )
        began, back_steps = back(horizon[None])
        if began is None:
            return None
        steps = np.union1d(steps, horizon - back_steps)
        times, weights, pieces = _quadrature(steps, edges, varying)
        jumps = np.minimum(breakpoints, horizon)
        order = np.argsort(np.append(times, jumps), kind="stable")
        ascending = np.append(times, jumps)[order]
        states, costates = follow(ascending)[0], back((horizon - ascending)[::-1])[0][::-1]
        residuals, sigma = modal.deleted_residual(states), costates @ modal.rows.T
        switching = np.empty(order.size)
        switching[order] = np.sum(residuals * sigma, axis=1)
    padding = (0, _PADDED * -(-(times.size + 1) // _PADDED) - times.size)
    gradient = _paired(
        schedule,
        np.pad(times, padding),
        np.pad(-weights * switching[: times.size], padding),
        np.pad(pieces, padding),
        # What happens past the horizon has no effect.
        np.where(breakpoints <= horizon, -switching[times.size :], 0.0),
    )
    return 0.5 * np.sum((ends[0] - goal) ** 2), gradient


def _follow(method, modal, start, schedule, horizon, times):
    """States, and the times of the steps; None where the flow does not come to the end."""
    origin = np.zeros_like(start)
    states, status, stats = method.modal_states(modal, origin, start, schedule, times, horizon)
    return (states if is_successful(status) else None), stats["step_times"]


def _quadrature(steps, edges, varying):
    """Nodes on varying pieces, between the steps there; their weights, and their pieces."""
    times, weights, pieces = [], [], []
    for index in np.flatnonzero(varying):
        low, high = edges[index], edges[index + 1]
        ends = np.unique(np.concatenate([[low], steps[(steps > low) & (steps < high)], [high]]))
        lengths = np.diff(ends)[:, None]
        times.append((ends[:-1, None] + lengths * _NODES).ravel())
        weights.append((lengths * _WEIGHTS).ravel())
        pieces.append(np.full(times[-1].size, index))
    if not times:
        return np.zeros(0), np.zeros(0), np.zeros(0, int)
    return np.concatenate(times), np.concatenate(weights), np.concatenate(pieces)


@eqx.filter_jit
def _slopes_of_values(schedule):
    """Breakpoints, and how the values of constant pieces depend on parameters."""
    kept, rest = eqx.partition(schedule, eqx.is_inexact_array)
    constant = np.array(schedule.constant_pieces)

    def values(kept):
        values = jnp.asarray(eqx.combine(kept, rest).piece_values, schedule.breakpoints.dtype)
        return jnp.where(constant, values, 0.0)

    slopes = jax.tree.leaves(jax.jacrev(values)(kept))
    flat = jnp.concatenate([jnp.zeros(1), *(jnp.ravel(slope) for slope in slopes)])
    return schedule.breakpoints, flat


@eqx.filter_jit
def _paired(schedule, times, weights, pieces, pushes):
    """d(Σ wₖ ε(tₖ) + Σ pⱼ (ε(bⱼ−) − ε(bⱼ+)) bⱼ) in the parameters, the jumps as they are."""
    places = jnp.arange(len(schedule.constant_pieces))

    def at(schedule, pieces, times):
        return jax.vmap(schedule.piece)(pieces, times)

    def pairing(schedule):
        breakpoints = schedule.breakpoints
        jumps = at(schedule, places[:-1], breakpoints) - at(schedule, places[1:], breakpoints)
        moved = jnp.sum(pushes * jax.lax.stop_gradient(jumps) * breakpoints)
        return jnp.sum(weights * at(schedule, pieces, times)) + moved

    return eqx.filter_grad(pairing)(schedule)
