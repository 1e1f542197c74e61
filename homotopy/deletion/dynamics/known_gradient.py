"""dℰ of a schedule in closed form, of numbers that are known: by the switching function, in NumPy.

With φ at the nodes of a quadrature (`moving_pieces`), what is left to differentiate is ε at these
nodes and where they are: a program of a few operations, the same for all schedules of a kind.
"""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._status import is_successful
from homotopy.deletion.dynamics.moving_pieces import pairing
from homotopy.deletion.request import Request
from homotopy.numerics.gauss_legendre import quadrature
from homotopy.numerics.namespace import in_numpy
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed

_NODES, _WEIGHTS = quadrature(16)
_PADDED = 512  # nodes that a program takes, or a multiple of them
# Fractions of a piece between whose nodes u^p log u is integrated to rounding, for any p > 0.
_GRADING = 1.0 - 0.5 ** np.arange(1.0, 49.0)


def known_value_and_gradient(
    request: Request, schedule: AbstractSchedule
) -> tuple[Float[np.ndarray, ""] | np.floating, AbstractSchedule] | None:
    """ℰ and its derivative in the parameters of the schedule; None where JAX is to find them.

    That is: where something is being traced; where values of constant pieces are parameters; where
    the flow does not come to its end. ℰ is a distance of θ.
    """
    numbers = request.centred_start, request.centred_goal, request.horizon
    known, modal = in_numpy(numbers), in_numpy(request.problem.modal)
    if known is None or modal is None or in_numpy(schedule) is None:
        return None
    start, goal, horizon = known
    breakpoints, of_values = (np.asarray(part) for part in _slopes_of_values(schedule))
    if np.any(of_values != 0.0):
        return None
    edges = np.concatenate([[0.0], np.minimum(breakpoints, horizon), [horizon]])
    exact = np.array(schedule.constant_pieces)
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
        nodes = _quadrature(steps, edges, ~exact, schedule.graded_pieces)
        pieces, fractions, _ = nodes
        times = edges[pieces] + fractions * np.diff(edges)[pieces]
        times = np.append(times, edges[1:-1])
        order = np.argsort(times, kind="stable")
        ascending, place = times[order], np.argsort(order)
        states = follow(ascending)[0][place]
        costates = back((horizon - ascending)[::-1])[0][::-1][place]
        residuals, sigma = modal.deleted_residual(states), costates @ modal.rows.T
        switching = np.sum(residuals * sigma, axis=1)
        drifts = modal.rows * modal.eigenvalues
        slopes = np.sum((costates @ drifts.T) * residuals - sigma * (states @ drifts.T), axis=1)
    padding = (0, -pieces.size % _PADDED)
    switching = switching[: pieces.size], slopes[: pieces.size], switching[pieces.size :]
    gradient = _paired(
        schedule,
        request.horizon,
        exact,
        tuple(np.pad(part, padding) for part in nodes),
        (*(np.pad(part, padding) for part in switching[:2]), switching[2]),
    )
    return 0.5 * np.sum((ends[0] - goal) ** 2), gradient


def _follow(method, modal, start, schedule, horizon, times):
    """States, and the times of the steps; None where the flow does not come to the end."""
    origin = np.zeros_like(start)
    states, status, stats = method.modal_states(modal, origin, start, schedule, times, horizon)
    return (states if is_successful(status) else None), stats["step_times"]


def _quadrature(steps, edges, varying, graded):
    """Nodes between the steps on varying pieces: their pieces, fractions and weights.

    Towards a rough end of a piece they are denser than the steps.
    """
    pieces, fractions, weights = [np.zeros(0, int)], [np.zeros(0)], [np.zeros(0)]
    for index in np.flatnonzero(varying):
        low, length = edges[index], edges[index + 1] - edges[index]
        inside = (steps > low) & (steps < edges[index + 1])
        ends = [[0.0, 1.0], (steps[inside] - low) / length if length > 0.0 else []]
        ends = np.unique(np.concatenate([*ends, _GRADING if graded[index] else []]))
        shares = np.diff(ends)[:, None]
        fractions.append((ends[:-1, None] + shares * _NODES).ravel())
        weights.append((shares * _WEIGHTS).ravel())
        pieces.append(np.full(fractions[-1].size, index))
    return np.concatenate(pieces), np.concatenate(fractions), np.concatenate(weights)


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
def _paired(schedule, horizon, exact, nodes, switching):
    return eqx.filter_grad(pairing)(schedule, horizon, exact, nodes, switching)
