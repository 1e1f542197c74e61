"""One step, 1_[0,τ]: the best τ of all."""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer
from homotopy._progress import Monitor
from homotopy._threads import interruptible
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.flows.exact import Exact
from homotopy.schedules import AbstractSchedule, Step


class Steps(AbstractSearch):
    """The schedules 1_[0,τ], s ≤ τ ≤ T: every local minimum, by the sign changes of dℰ/dτ.

    The minimum is that over all τ, but for two stationary points between neighbours of the grid.
    A warm start makes no difference.

    Parameters
    ----------
    grid : int, optional
        Number of τ at which dℰ/dτ is taken first, at least 8; see `best_step`.

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
    >>> hm.optimise(deletion, over=hm.Steps()).structure
    '1→0 with switch at 0.549306'
    """

    grid: int | None = eqx.field(default=None, static=True)

    def __check_init__(self):
        if self.grid is not None:
            integer("grid", self.grid, 8)

    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> Optimum:
        return interruptible(partial(best_step, grid=self.grid), deletion)


def best_step(deletion: Deletion, *, grid: int | None = None) -> Optimum:
    """Minimise ℰ(1_[0,τ]) over τ in [s, T]: every sign change of dℰ/dτ on a grid, then its root.

    Parameters
    ----------
    deletion : Deletion
    grid : int, optional
        Number of τ at which dℰ/dτ is taken, at least 8; by default 513 where the flow is `Exact`
        and 65 otherwise. Half of them equally spaced, half
        geometrically towards s and T, where the fast modes act. A pair of stationary points
        between two neighbours of the grid is missed.

    Returns
    -------
    Optimum
        As `optimise` over `Steps`; its `minima` are every local minimum found, the ends of the
        interval included.

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
    >>> best = hm.best_step(deletion)  # from below, training with the larger target is faster
    >>> round(float(best.schedule.switch), 4), best.cost < 1e-20
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

    switches = []
    if slopes[0] >= 0:
        switches.append(taus[0])
    if slopes[-1] <= 0:
        switches.append(taus[-1])
    for index in _rises(slopes):
        switches.append(_root(deletion, taus, slopes, index))
    # As many times as before, so that nothing is compiled anew.
    padded = np.resize(np.array(switches), taus.size)
    costs = _step_costs(deletion, padded)[0][: len(switches)]
    minima = tuple(
        LocalMinimum(Step(switches[index]), float(costs[index]))
        for index in np.argsort(costs, kind="stable")
    )
    return Optimum(
        schedule=minima[0].schedule,
        cost=minima[0].cost,
        deletion=deletion,
        status=OptimumStatus.family_optimum,
        minima=minima,
        evaluations=grid,
    )


def _step_costs(deletion, taus):
    """ℰ(1_[0,τ]) and its derivative, at an array of τ."""
    known = deletion.dynamics.known_step_costs(np.asarray(taus))
    if known is not None:
        return known
    costs, slopes = _compiled_step_costs(deletion, jnp.asarray(taus))
    return np.asarray(costs), np.asarray(slopes)


@eqx.filter_jit
def _compiled_step_costs(deletion, taus):
    return jax.vmap(jax.value_and_grad(lambda tau: deletion.cost(Step(tau), outside="allow")))(taus)


def _rises(slopes):
    """Where the slope stops being negative: between an index and the next lies a minimum."""
    return np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))


def _root(deletion, taus, slopes, index):
    """The τ between two neighbours at which the slope rises through zero.

    To rounding, or well below where the error of a solver moves it. As many slopes at a time as
    there are τ, so that nothing is compiled anew.
    """
    span, rtol = taus[-1] - taus[0], getattr(deletion.method, "rtol", 0.0)
    close = max(1e-3 * rtol * span, 4 * np.spacing(taus[index + 1]))
    while taus[index + 1] - taus[index] > close:
        guess = _interpolated(taus, slopes, index)
        taus = _around(guess, taus[index], taus[index + 1], taus.size)
        slopes = _step_costs(deletion, taus)[1]
        rises = _rises(slopes)
        if rises.size == 0:  # the sign at an end hangs on its last digit
            break
        index = rises[0]
    return taus[index + 1]


def _interpolated(taus, slopes, index):
    """Where τ as a polynomial of the slope (Neville) is for none: of as many points as agree."""
    left, right = taus[index], taus[index + 1]
    for more in (2, 1, 0):
        near = slice(max(0, index - more), index + 2 + more)
        values, given = taus[near], slopes[near]
        with np.errstate(all="ignore"):
            for apart in range(1, given.size):
                low, high = given[:-apart], given[apart:]
                values = (high * values[:-1] - low * values[1:]) / (high - low)
        if left < values[0] < right:
            return values[0]
    return (left + right) / 2


def _around(guess, left, right, size):
    """So many τ: a third from end to end, and the others close in on a guess from both sides."""
    count = size // 3
    distances = np.geomspace(np.spacing(right) / (right - left), 0.1, count)
    below, above = guess - (guess - left) * distances, guess + (right - guess) * distances
    return np.sort(np.concatenate([np.linspace(left, right, size - 2 * count), below, above]))
