"""Families of schedules with parameters in a box: multi-start descent with the exact gradient."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._progress import Monitor
from homotopy._threads import interruptible
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus, unfinished
from homotopy.deletion.searches import _bounded_quasi_newton as quasi_newton
from homotopy.deletion.searches._closed_form_descent import ClosedFormDescent, is_worth_it
from homotopy.deletion.searches._stacking import alike, stacked
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.method import FlowStatus
from homotopy.numerics.namespace import AnyArray, AnyNumber
from homotopy.schedules import AbstractSchedule
from homotopy.schedules._arguments import unchecked

_CHUNK = 20  # trial points between two reports of progress
_PACE = 30  # trial points that tell how fast a search goes on
_ALIKE = 1e-7  # local minima whose costs differ by less, relative to them, count as one


class AbstractFamily(AbstractSearch):
    """Schedules in E_s described by p numbers between bounds.

    The searches from all starting points, of all problems of the same shapes, go on side by side;
    those of problems without closed form one after the other. Each follows a quasi-Newton method
    with the gradient that the flow gives, for `max_steps` trial points at most: a field that every
    family has.
    """

    @abc.abstractmethod
    def bounds(self) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
        """Lower and upper bounds of the parameters."""

    @abc.abstractmethod
    def starts(self) -> Float[np.ndarray, "r p"]:
        """Where to start from, whatever the problem."""

    @abc.abstractmethod
    def schedule(
        self,
        parameters: Float[AnyArray, " p"],
        start: AnyNumber,
        horizon: AnyNumber,
    ) -> AbstractSchedule:
        """The schedule of some parameters; differentiable, and of NumPy's numbers as well."""

    @abc.abstractmethod
    def nearest(
        self, schedule: AbstractSchedule, start: float, horizon: float
    ) -> Float[np.ndarray, " p"]:
        """Parameters of a schedule of the family that is close to a given one."""

    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> Optimum:
        return self.search_all([deletion], [warm_start], monitor)[0]

    def search_all(
        self,
        deletions: Sequence[Deletion],
        warm_starts: Sequence[AbstractSchedule | None],
        monitor: Monitor,
    ) -> list[Optimum]:
        optima: list[Optimum | None] = [None] * len(deletions)
        stopped = False
        for group in _groups(deletions):
            if stopped:
                found = [unfinished(deletions[index]) for index in group]
            else:
                found = self._search_group(
                    [deletions[index] for index in group],
                    [warm_starts[index] for index in group],
                    monitor,
                )
            stopped = bool(found[0].status == OptimumStatus.interrupted)
            for index, optimum in zip(group, found, strict=True):
                optima[index] = optimum
        return optima

    def _search_group(self, deletions, warm_starts, monitor) -> list[Optimum]:
        states, interrupted = None, False
        try:
            points = [
                self._points(deletion, schedule)
                for deletion, schedule in zip(deletions, warm_starts, strict=True)
            ]
            closed = is_worth_it(deletions)
            descend = self._descend_in_closed_form if closed else self._descend
            for limit, states in descend(deletions, np.stack(points)):
                done = limit == self.max_steps or np.all(np.asarray(states.done))
                if limit % _CHUNK == 0 or done:
                    monitor.report(
                        limit, self.max_steps, float(np.min(np.asarray(states.cost)[-1]))
                    )
        except KeyboardInterrupt:
            interrupted = True
        if states is None:
            return [unfinished(deletion) for deletion in deletions]
        found = [np.asarray(p) for p in (states.point, states.cost, states.done, states.steps)]
        if not np.all(np.isfinite(np.min(found[1], axis=1))):
            return [unfinished(deletion) for deletion in deletions]
        return [
            self._optimum(deletion, *own, interrupted)
            for deletion, *own in zip(deletions, *found, strict=True)
        ]

    def _descend(self, deletions, points):
        """From the points (m, r, p), by programs of many steps: how many there were, and where."""
        states, data, limit = _first_states(points), stacked(deletions), 0
        while limit < self.max_steps and not np.all(states.done):
            limit = min(limit + _CHUNK, self.max_steps)
            # An array, for a number would mean a compilation of its own.
            states = interruptible(_advance, self, data, states, np.asarray(limit))
            yield limit, states

    def _descend_in_closed_form(self, deletions, points):
        """The same where ℰ and its gradient are found outside of JAX, step by step."""
        descent = ClosedFormDescent(self, deletions, _first_states(points))
        costs: list[np.ndarray] = []
        for limit in range(1, self.max_steps + 1):
            descent.advance()
            yield limit, descent.states
            done = np.asarray(descent.states.done)
            costs.append(np.asarray(descent.states.cost))
            if np.all(done | _behind(costs, done, self.max_steps - limit)):
                break

    def _points(self, deletion, schedule):
        """All starting points; a warm start takes the place of the last."""
        points = np.array(self.starts(), dtype=float)
        if schedule is not None:
            start, horizon = float(deletion.start), float(deletion.horizon)
            points[-1] = np.clip(self.nearest(schedule, start, horizon), *self.bounds())
        return points

    def _optimum(self, deletion, points, costs, done, steps, interrupted) -> Optimum:
        minima = []
        for index in np.argsort(costs, kind="stable"):
            if not done[index] or not np.isfinite(costs[index]):
                continue
            if any(abs(costs[index] - m.cost) <= _ALIKE * m.cost for m in minima):
                continue
            minima.append(LocalMinimum(self.at(points[index], deletion), float(costs[index])))
        best = int(np.argmin(costs))
        status = OptimumStatus.local_optimum if done[best] else OptimumStatus.step_limit
        return Optimum(
            schedule=self.at(points[best], deletion),
            cost=float(costs[best]),
            deletion=deletion,
            status=OptimumStatus.interrupted if interrupted else status,
            minima=tuple(minima),
            evaluations=int(np.sum(steps)),
        )

    def at(self, point: Float[np.ndarray, " p"], deletion: Deletion) -> AbstractSchedule:
        """The schedule of some parameters, for a problem."""
        return self.schedule(point, np.asarray(deletion.start), np.asarray(deletion.horizon))


def _groups(deletions) -> list[list[int]]:
    """Indices of problems that are solved side by side; with a solver, one by one."""
    if any(isinstance(deletion.method, Adaptive) for deletion in deletions):
        return [[index] for index in range(len(deletions))]
    return alike(deletions)


@eqx.filter_jit
def _first_states(points):
    return jax.vmap(jax.vmap(quasi_newton.first_state))(points)


def _behind(costs: list[np.ndarray], done: np.ndarray, left: int) -> np.ndarray:
    """Which searches (m, r) would, at their pace, not come to where another one has ended.

    The least cost of each problem is known by then; a search that creeps along a valley far above
    it takes most of the time.
    """
    if len(costs) <= _PACE:
        return np.zeros_like(done)
    now, best = costs[-1], np.min(np.where(done, costs[-1], np.inf), axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # of costs that were never finite
        return now - (costs[-1 - _PACE] - now) * (left / _PACE) > best


@eqx.filter_jit
def _advance(family, deletions, states, limit):
    """Steps of all the searches, for stacked problems, until all are done or up to the limit."""
    lower, upper = (jnp.asarray(bound, states.point.dtype) for bound in family.bounds())

    def descend(deletion, state):
        def cost(point):
            with unchecked():
                schedule = family.schedule(point, deletion.start, deletion.horizon)
            return _cost(deletion, schedule)

        return jax.lax.while_loop(
            lambda state: ~state.done & (state.steps < limit),
            lambda state: quasi_newton.improved(jax.value_and_grad(cost), lower, upper, state),
            state,
        )

    across = _one_by_one if isinstance(deletions.method, Adaptive) else jax.vmap
    return across(lambda deletion, own: across(lambda state: descend(deletion, state))(own))(
        deletions, states
    )


def _one_by_one(function):
    """For solvers that choose their steps: side by side, all would wait for the longest."""
    return lambda *given: jax.lax.map(lambda each: function(*each), given)


def _cost(deletion, schedule):
    """ℰ; infinite where the flow of so rough a schedule takes more steps than allowed."""
    cost, status = deletion.outcome(schedule)
    return jnp.where(status == FlowStatus.successful, cost, jnp.inf)


def edges_of_decay(schedule: AbstractSchedule, start: float, horizon: float):
    """When a schedule begins to leave 1, and when it comes to stay near 0, in [start, horizon]."""
    parts = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    times = np.union1d(np.linspace(start, horizon, 513), parts)
    middles = (times[1:] + times[:-1]) / 2
    values = np.asarray(schedule(middles))
    below, above = np.flatnonzero(values < 0.99), np.flatnonzero(values > 0.01)
    first = times[below[0]] if below.size else horizon
    last = times[above[-1] + 1] if above.size else start
    return first, max(first, last)
