"""Switch times of any model: multi-start descent by the adjoint, then Newton's method."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._progress import Monitor
from homotopy.control.arcs import ArcKind
from homotopy.control.bang_bang_control import merged
from homotopy.control.mesh import Mesh, choose_mesh
from homotopy.control.polish import polish
from homotopy.control.structure import Structure
from homotopy.control.trajectory import follow, magnitude
from homotopy.deletion.bridges.bang_bang_schedules import (
    control_of,
    nearest_control,
    switch_times,
    unchecked,
)
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.dynamics.parameters import local_error
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus
from homotopy.deletion.searches.family import AbstractFamily
from homotopy.schedules import AbstractSchedule, PiecewiseConstant

_STARTS = 6
_COARSE_STEPS = 16  # of the descent, whose end Newton's method takes over
_SHORTEST = 1e-6  # arc, as a part of T − s


class SwitchTimes(AbstractFamily):
    """ε = `opening` after s, and so many switches; each by the part of the time left that it takes.

    Attributes
    ----------
    count : int
    opening : ()
        0 or 1; an array, so that both are compiled as one.
    max_steps : int
    """

    count: int = eqx.field(static=True)
    opening: Float[Array, ""]
    max_steps: int = eqx.field(default=_COARSE_STEPS, static=True)

    def bounds(self):
        return np.zeros(self.count), np.ones(self.count)

    def starts(self):
        if self.count == 0:
            return np.zeros((1, 0))
        # Ordered uniform times, as parts of what is left after the one before.
        from scipy.stats import qmc  # here because importing it is slow

        times = np.sort(qmc.Halton(self.count, scramble=False).random(_STARTS + 1)[1:], axis=1)
        before = np.concatenate([np.zeros((_STARTS, 1)), times[:, :-1]], axis=1)
        return (times - before) / (1.0 - before)

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        times = [start]
        for fraction in parameters:
            times.append(times[-1] + fraction * (horizon - times[-1]))
        turns = np.arange(self.count + 1) % 2
        values = jnp.where(turns == 0, self.opening, 1.0 - self.opening)
        return PiecewiseConstant(
            jnp.stack([*times, horizon]), jnp.concatenate([jnp.ones(1), values, jnp.zeros(1)])
        )

    def nearest(self, schedule, start, horizon):
        control = nearest_control(schedule, start, horizon)
        switches = control.switches
        if control.initial != float(self.opening):
            switches = (0.0, *switches)
        ends = (np.array(switches, float) / (horizon - start))[: self.count]
        ends = np.append(ends, np.ones(self.count - ends.size))
        before = np.append(0.0, ends[:-1])
        return (ends - before) / np.where(before < 1.0, 1.0 - before, 1.0)


def best_switch_times(
    deletions: Sequence[Deletion],
    warm_starts: Sequence[AbstractSchedule | None],
    max_switches: int,
    max_steps: int,
    monitor: Monitor,
) -> list[Optimum]:
    """Local optima among bang-bang schedules, for deletions whose flow has no closed form."""
    families = [SwitchTimes(max_switches, jnp.asarray(opening)) for opening in (1.0, 0.0)]
    found = []
    for family in families:
        found.append(family.search_all(deletions, warm_starts, monitor))
        if any(bool(each.status == OptimumStatus.interrupted) for each in found[-1]):
            return [_interrupted(same) for same in zip(*found, strict=True)]
    pairs, optima = list(zip(*found, strict=True)), []
    try:
        for pair in pairs:
            optima.append(_better(*pair, max_steps))
    except KeyboardInterrupt:
        pass
    return optima + [_interrupted(pair) for pair in pairs[len(optima) :]]


def _interrupted(found: Sequence[Optimum]) -> Optimum:
    """The better of what there is."""
    looked_at = [optimum for optimum in found if optimum.evaluations] or found[:1]
    best = looked_at[0] if len(looked_at) == 1 else min(looked_at, key=lambda each: each.cost)
    if best.evaluations == 0:
        return best
    return dataclasses.replace(best, status=OptimumStatus.interrupted)


def _better(one: Optimum, other: Optimum, max_steps: int) -> Optimum:
    best = min((one, other), key=lambda optimum: optimum.cost)
    minima = sorted([*one.minima, *other.minima], key=lambda minimum: minimum.cost)
    evaluations = one.evaluations + other.evaluations
    schedule, cost, settled = _polished(best.deletion, best.schedule, best.cost, max_steps)
    status = OptimumStatus.local_optimum if settled else OptimumStatus.step_limit
    rest = [minimum for minimum in minima if minimum.cost > best.cost * (1.0 + 1e-6)]
    return Optimum(
        schedule=schedule,
        cost=cost,
        deletion=best.deletion,
        status=status,
        minima=(LocalMinimum(schedule, cost), *rest),
        evaluations=evaluations,
    )


def _polished(deletion, schedule, cost, max_steps):
    """Newton's method on the switches, arcs that close dropped; whether they came to rest."""
    start, horizon = float(deletion.start), float(deletion.horizon)
    control = control_of(deletion, schedule)
    values, lengths = control.values, control.lengths(horizon - start)
    dtype = deletion.theta0.dtype
    inside = [start + time for time in control.switches]
    as_found = unchecked(switch_times(control.initial, inside, start, horizon, dtype))
    system, mesh = deletion.control_system, None
    while True:
        keep = [length > _SHORTEST * (horizon - start) for length in lengths]
        values, lengths = merged(values, lengths, keep)
        edges = np.concatenate([[start], start + np.cumsum(lengths)])
        edges[-1] = horizon
        if len(values) == 1:
            settled = True
            break
        kinds = tuple(ArcKind.upper if value else ArcKind.lower for value in values)
        structure = Structure(kinds, edges, np.array(values, float)[:, None])
        mesh, _ = choose_mesh(system, structure.control(), local_error(deletion), begin=mesh)
        scale = float(magnitude(follow(system, structure.control(), mesh)))
        if not scale > 0.0:
            settled = True
            break
        polished = polish(system, structure, mesh, scale, iterations=max_steps)
        edges = polished.structure.edges
        lengths = np.diff(edges).tolist()
        if polished.collapsed is None:
            settled = polished.stationarity <= 1e-8
            break
        lengths[polished.collapsed] = 0.0
    found = unchecked(switch_times(values[0], edges[1:-1].tolist(), start, horizon, dtype))
    # The descent's own result where an arc that was dropped, or a flat cost, made it worse. Both
    # by one integration: the descent may have followed the errors of the deletion's own solver
    # below the true minimum, as far as switch times that are not stationary.
    before, error, mesh = _accurate_cost(deletion, system, as_found, mesh)
    after, other_error, _ = _accurate_cost(deletion, system, found, mesh)
    if after > before + error + other_error:
        return as_found, cost, settled
    return found, float(deletion.cost(found, outside="allow")), settled


def _accurate_cost(deletion, system, schedule, begin) -> tuple[float, float, Mesh]:
    """ℰ, what the local errors of the integration make of it, to first order, and its mesh.

    Each is relative to the state or the costate; together they move ℰ by at most the sum of them
    times the largest ‖p‖ ‖θ‖.
    """
    mesh, error = choose_mesh(system, schedule, local_error(deletion), begin=begin)
    trajectory = follow(system, schedule, mesh)
    sizes = _norms(trajectory.states) * _norms(trajectory.costates)
    return float(trajectory.cost), error * float(np.max(sizes)), mesh


def _norms(rows) -> np.ndarray:
    return np.linalg.norm(np.asarray(rows), axis=1)
