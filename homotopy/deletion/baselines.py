"""What to compare a schedule with: the best single step, and the time to reach a given ℰ."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import integer, number
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.flows.exact import Exact
from homotopy.flows.method import require_success
from homotopy.flows.propagator import known_values, piecewise_states
from homotopy.schedules import AbstractSchedule, Step
from homotopy.schedules.base import a_schedule


class BestStep(eqx.Module):
    """The best of the schedules 1_[0,τ], s ≤ τ ≤ T.

    Attributes
    ----------
    schedule : Step
    cost : ()
        ℰ(1_[0,τ]).
    minima : (k,)
        Every local minimum τ found, best first, ends of the interval included.
    minimum_costs : (k,)
    grid : int
        Number of τ at which dℰ/dτ was taken first.
    """

    schedule: Step
    cost: Float[Array, ""]
    minima: Float[Array, " k"]
    minimum_costs: Float[Array, " k"]
    grid: int


def best_step(deletion: Deletion, grid: int | None = None) -> BestStep:
    """Minimise ℰ(1_[0,τ]) over τ in [s, T]: every sign change of dℰ/dτ on a grid, then its root.

    Parameters
    ----------
    deletion : Deletion
    grid : int, optional
        Number of τ at which dℰ/dτ is taken, at least 8; by default 513 where the flow is `Exact`
        and 65 otherwise. Half of them equally spaced, half
        geometrically towards s and T, where the fast modes act. A pair of stationary points
        between two neighbours of the grid is missed.

    Raises
    ------
    ValueError
        Naming `grid`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> best = best_step(deletion)  # from below, training with the larger target is faster
    >>> round(float(best.schedule.switch), 4), float(best.cost) < 1e-20
    (0.5493, True)
    """
    a_deletion(deletion)
    if grid is None:
        grid = 513 if isinstance(deletion.method, Exact) else 65
    integer("grid", grid, 8)
    start, horizon = float(deletion.start), float(deletion.horizon)
    near = np.geomspace(1e-8, 0.5, grid // 4)
    fractions = np.sort(np.concatenate([np.linspace(0, 1, grid // 2), near, 1 - near]))
    # Weighted so that the ends are s and T themselves, not off by a rounding.
    taus = start * (1 - fractions) + horizon * fractions
    _, slopes = _step_costs(deletion, taus)

    minima = []
    if slopes[0] >= 0:
        minima.append(taus[0])
    if slopes[-1] <= 0:
        minima.append(taus[-1])
    for index in _rises(slopes):
        minima.append(_root(deletion, taus[index], taus[index + 1], taus.size))
    # As many times as before, so that nothing is compiled anew.
    padded = np.resize(np.array(minima), taus.size)
    costs = _step_costs(deletion, padded)[0][: len(minima)]
    order = np.argsort(costs, kind="stable")
    costs, minima = jnp.asarray(costs[order]), jnp.asarray(np.array(minima)[order])
    return BestStep(Step(minima[0]), costs[0], minima, costs, grid)


def _step_costs(deletion, taus):
    """ℰ(1_[0,τ]) and its derivative, at an array of τ."""
    costs, slopes = _compiled_step_costs(deletion, jnp.asarray(taus))
    return np.asarray(costs), np.asarray(slopes)


@eqx.filter_jit
def _compiled_step_costs(deletion, taus):
    return jax.vmap(jax.value_and_grad(lambda tau: deletion.cost(Step(tau), outside="allow")))(taus)


def _rises(slopes):
    """Where the slope stops being negative: between an index and the next lies a minimum."""
    return np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))


def _root(deletion, left, right, size):
    """The τ between two neighbours at which the slope rises through zero, to rounding."""
    while right - left > 4 * np.spacing(right):
        taus = np.linspace(left, right, size)
        rises = _rises(_step_costs(deletion, taus)[1])
        if rises.size == 0:  # the sign at an end hangs on its last digit
            break
        left, right = taus[rises[0]], taus[rises[0] + 1]
    return right


def time_to_reach(
    deletion: Deletion, schedule: AbstractSchedule, cost: float, grid: int = 512
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
    _, state = costs_along(deletion, schedule, jnp.asarray(times))
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
        _, to_limit, from_goal = _costs_under(deletion, value, state, jnp.asarray(durations))
        if to_limit < from_goal - radius or to_limit == 0.0:
            return None
        left, right = right, 2 * right
    return None


def _first_below(costs_at, times, cost):
    """The first of ascending times with costs at most `cost`, refined to rounding; None if none."""
    while True:
        costs = np.asarray(costs_at(jnp.asarray(times)))
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


@eqx.filter_jit
def costs_along(deletion, schedule, times):
    """ℰ, were the horizon at each of some ascending times, and the state at the last of them."""
    states, status = deletion.dynamics.states(schedule, times)
    states = require_success(states, status)
    return jax.vmap(deletion.dynamics.cost)(states), states[-1]


@eqx.filter_jit
def _costs_under(deletion, value, state, durations):
    """Costs after durations under one weight; the last distance to the limit; the limit's own."""
    modal = deletion.problem.modal
    epsilon = jnp.asarray(value, state.dtype)[0]
    edges = jnp.stack([jnp.zeros_like(durations[-1]), durations[-1]])
    states = piecewise_states(modal, jnp.zeros_like(state), state, edges, value, durations)
    unseen = modal.kernel & ((epsilon == 0.0) | (modal.rows == 0.0).all(axis=0))
    limit = modal.displacement(epsilon) + jnp.where(unseen, state, 0.0)
    to_limit = jnp.linalg.norm(states[-1] - limit)
    costs = jax.vmap(deletion.dynamics.cost)(states)
    return costs, to_limit, jnp.linalg.norm(limit - deletion.centred_goal)
