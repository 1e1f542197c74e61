"""What to compare a schedule with: the best single step, and the time to reach a given ℰ."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from homotopy.flow.method import Status
from homotopy.schedules import AbstractSchedule, Step
from homotopy.unlearning.deletion import Deletion


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
    """

    schedule: Step
    cost: Float[Array, ""]
    minima: Float[Array, " k"]
    minimum_costs: Float[Array, " k"]


def best_step(deletion: Deletion, grid: int = 513) -> BestStep:
    """Minimise ℰ(1_[0,τ]) over τ in [s, T]: every sign change of dℰ/dτ on a grid, then its root.

    Parameters
    ----------
    deletion : Deletion
    grid : int
        Number of τ at which dℰ/dτ is taken, half of them equally spaced and half spaced
        geometrically towards s and T, where the fast modes act. A pair of stationary points
        between two neighbours of the grid is missed.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> best = best_step(deletion)  # from below, training with the larger target is faster
    >>> round(float(best.schedule.switch), 4), float(best.cost) < 1e-20
    (0.6094, True)
    """
    if grid < 8:
        raise ValueError(f"grid: expected at least 8, got {grid}.")
    start, horizon = float(deletion.start), float(deletion.horizon)
    span = horizon - start
    near = np.geomspace(1e-8, 0.5, grid // 4)
    fractions = np.unique(np.concatenate([np.linspace(0, 1, grid // 2), near, 1 - near]))
    taus = np.unique(start + span * fractions)
    costs, slopes = (np.asarray(part) for part in _step_costs(deletion, jnp.asarray(taus)))

    def slope(tau):
        return float(_step_costs(deletion, jnp.asarray([tau]))[1][0])

    minima = []
    if slopes[0] >= 0:
        minima.append(taus[0])
    if slopes[-1] <= 0:
        minima.append(taus[-1])
    for index in np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] > 0)):
        minima.append(brentq(slope, taus[index], taus[index + 1], xtol=1e-15 * horizon, rtol=1e-14))
    if not minima:  # slopes all exactly zero: every τ is as good
        minima.append(taus[0])
    minima = np.array(minima)
    costs = np.asarray(_step_costs(deletion, jnp.asarray(minima))[0])
    order = np.argsort(costs, kind="stable")
    costs, minima = jnp.asarray(costs[order]), jnp.asarray(minima[order])
    return BestStep(Step(minima[0]), costs[0], minima, costs)


@eqx.filter_jit
def _step_costs(deletion, taus):
    return jax.vmap(jax.value_and_grad(lambda tau: deletion.cost(Step(tau))))(taus)


def time_to_reach(
    deletion: Deletion,
    schedule: AbstractSchedule,
    cost: float,
    longest: float | None = None,
    grid: int = 2048,
) -> float | None:
    """The first time t ≥ s at which ½‖θ(t) − target‖² ≤ cost under a schedule; None if never.

    The flow goes on after the horizon as the schedule says.

    Parameters
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
    cost : float
        > 0, in the units of ℰ.
    longest : float, optional
        When to stop looking; 100 horizons by default.
    grid : int
        Number of times looked at, half of them up to the horizon. A dip below `cost` between two
        neighbours of the grid is missed.
    """
    if not cost > 0:
        raise ValueError(f"cost: expected a positive number, got {cost}.")
    start, horizon = float(deletion.start), float(deletion.horizon)
    longest = 100.0 * horizon if longest is None else float(longest)
    if not longest > horizon:
        raise ValueError(f"longest: expected a time after the horizon {horizon:g}, got {longest}.")
    times = np.unique(
        np.concatenate(
            [np.linspace(start, horizon, grid // 2), np.geomspace(horizon, longest, grid // 2)]
        )
    )
    costs = np.asarray(_costs_along(deletion, schedule, jnp.asarray(times)))
    reached = np.flatnonzero(costs <= cost * (1 + 1e-12))
    if reached.size == 0:
        return None
    first = reached[0]
    if first == 0 or costs[first] >= cost:
        return float(times[first])

    def excess(time):
        return float(_costs_along(deletion, schedule, jnp.asarray([time]))[0]) - cost

    return float(brentq(excess, times[first - 1], times[first], rtol=1e-12))


@eqx.filter_jit
def _costs_along(deletion, schedule, times):
    modal = deletion.problem.modal
    states, status, _ = deletion.method.modal_states(
        modal,
        jnp.zeros_like(deletion.theta0),
        deletion.centred_start,
        schedule,
        times,
        times[-1],
    )
    costs = 0.5 * jnp.sum((states - deletion._goal[None, :]) ** 2, axis=1)
    return status.error_if(costs, status != Status.successful)
