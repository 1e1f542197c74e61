"""How soon a schedule comes to a given ℰ."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer, number
from homotopy._status import require_success
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.flows.propagator import known_piecewise_states, known_values, piecewise_states
from homotopy.numerics.namespace import in_numpy, namespace
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule


def time_to_reach(
    deletion: Deletion, schedule: AbstractSchedule, cost: float, *, grid: int = 512
) -> float | None:
    """The first time t ≥ s at which ½‖θ(t) − target‖² ≤ cost under a schedule; None if never.

    After the horizon the flow goes on as the schedule says. "Never" is proved, not a matter of
    patience: once ε is constant θ comes ever closer to its limit, and the search ends when it is
    closer to it than those of that cost are.

    Parameters
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
        Constant after its last breakpoint.
    cost : float
        > 0, in the units of ℰ.
    grid : int
        Number of times looked at in [s, T], and again each time the time doubles. A dip below
        `cost` between two neighbours of the grid is missed.

    Raises
    ------
    TypeError
        Naming `deletion` or `schedule`; for a problem without closed form: there "never" cannot be
        told.
    ValueError
        Naming `cost`, `grid` (below 8) or a `schedule` that goes on varying.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [1.0], start=0.0, horizon=1.0)
    >>> round(time_to_reach(deletion, hm.Step(0.0), cost=0.005), 6)  # ½ e^{−2t} = 0.005
    2.302585
    >>> time_to_reach(deletion, hm.Constant(1.0), cost=0.005) is None  # it ends at θ* = ½
    True
    """
    a_deletion(deletion).require_closed_form("time_to_reach")
    a_schedule(schedule)
    number("cost", cost, "a positive number", lambda x: 0.0 < x < np.inf)
    integer("grid", grid, 8)
    if not schedule.constant_pieces[-1]:
        raise ValueError(
            f"schedule: expected one that is constant after its last breakpoint, got {schedule!r}."
        )
    start, horizon = float(deletion.start), float(deletion.horizon)
    opening = max([horizon, *np.asarray(schedule.breakpoints).tolist()])

    times = np.sort(np.append(np.linspace(start, opening, grid - 1), horizon))

    def before(times):
        return costs_along(deletion, schedule, times)[0]

    found = _first_below(before, times, cost)
    if found is not None:
        return found

    # From here on the weight is constant; times are durations after the last breakpoint.
    _, state = costs_along(deletion, schedule, times)
    value = known_values(schedule.piece_values[-1:])

    def afterwards(durations):
        return _costs_under(deletion, value, state, durations)[0]

    radius = np.sqrt(2 * cost)
    left, right = 0.0, opening
    while np.isfinite(right):
        durations = np.linspace(left, right, grid)
        found = _first_below(afterwards, durations, cost)
        if found is not None:
            return opening + found
        _, to_limit, from_goal = _costs_under(deletion, value, state, durations)
        if to_limit < from_goal - radius or to_limit == 0.0:
            return None
        left, right = right, 2 * right
    return None


def _first_below(costs_at, times, cost):
    """The first of ascending times with costs at most `cost`, refined to rounding; None if none."""
    while True:
        costs = np.asarray(costs_at(times))
        below = np.flatnonzero(costs <= cost)
        if below.size == 0:
            return None
        first = below[0]
        if first == 0:
            return float(times[0])
        left, right = times[first - 1], times[first]
        if right - left <= 4 * np.spacing(right):
            return float(right)
        # The same number of times again, so that nothing is compiled anew.
        times = np.linspace(left, right, times.size)


def costs_along(deletion, schedule, times):
    """ℰ, were the horizon at each of some ascending times, and the state at the last of them."""
    known = deletion.dynamics.known_costs(schedule, np.asarray(times))
    if known is None:
        return _compiled_costs_along(deletion, schedule, times)
    costs, states, status = known
    return require_success(costs, status), states[-1]


@eqx.filter_jit
def _compiled_costs_along(deletion, schedule, times):
    states, status = deletion.dynamics.states(schedule, times)
    states = require_success(states, status)
    return jax.vmap(deletion.dynamics.cost)(states), states[-1]


def _costs_under(deletion, value, state, durations):
    """Costs after durations under one weight; the last distance to the limit; the limit's own."""
    if namespace(state) is jnp:
        return _compiled_costs_under(deletion, value, state, durations)
    modal, goal = in_numpy((deletion.problem.modal, deletion.centred_goal))
    value = tuple(np.asarray(value).tolist())
    states, limit = _under(modal, value, state, np.asarray(durations))
    costs = 0.5 * np.sum((states - goal) ** 2, axis=1)
    return costs, np.linalg.norm(states[-1] - limit), np.linalg.norm(limit - goal)


@eqx.filter_jit
def _compiled_costs_under(deletion, value, state, durations):
    states, limit = _under(deletion.problem.modal, value, state, durations)
    to_limit = jnp.linalg.norm(states[-1] - limit)
    costs = jax.vmap(deletion.dynamics.cost)(states)
    return costs, to_limit, jnp.linalg.norm(limit - deletion.centred_goal)


def _under(modal, value, state, durations):
    """States after durations under one weight, and the limit; centred at the deleted fit."""
    xp = namespace(state)
    follow = known_piecewise_states if xp is np else piecewise_states
    epsilon = xp.asarray(value, state.dtype)
    edges = xp.stack([xp.zeros_like(durations[-1]), durations[-1]])
    with np.errstate(all="ignore"):
        states = follow(modal, xp.zeros_like(state), state, edges, value, durations)
    unseen = modal.kernel & ((epsilon == 0.0) | (modal.rows == 0.0).all(axis=0))
    return states, modal.displacement(epsilon)[0] + xp.where(unseen, state, 0.0)
