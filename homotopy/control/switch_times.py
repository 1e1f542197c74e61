"""The best bang-bang control with a given number of switches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import fraction, integer
from homotopy._progress import Progress
from homotopy.control.arcs import Arc, ArcKind, inserted, joined, without
from homotopy.control.best_so_far import AbstractSearch, found_by
from homotopy.control.controls import PiecewiseConstantControl
from homotopy.control.mesh import (
    LARGEST,
    Mesh,
    choose_mesh,
    growth,
    local_errors,
    padded,
    too_stiff,
)
from homotopy.control.polish import polish
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.structure import Structure
from homotopy.control.system import ControlAffine, a_system
from homotopy.control.trajectory import Trajectory, follow, magnitude
from homotopy.control.trajectory import cost as cost_of
from homotopy.control.violations import missing_arcs

_SAMPLES = 512  # controls with so many switches, for each first value
_BATCH = 64  # of them are looked at at once
_COARSE = 1e-5  # local error with which they are
_SEARCHES = 3  # of the best samples of each first value are followed to a local minimum
_NEEDLES = 8  # times at most that an arc is added where the condition is violated most
_LOCAL_ERROR = 1e-13
_SHORTEST = 1e-9  # arc, as a part of the duration, that is more than none
_PROGRESS = 1e-9  # a gain, relative to the scale of the cost, that is more than rounding


def solve_bang_bang(
    system: ControlAffine,
    switches: int,
    tolerance: float = 1e-9,
    *,
    time_limit: float = 300.0,
    progress: bool | Callable[[Progress], None] | None = None,
) -> Solution:
    """Minimise cost(x(T)) over controls that take the two bounds only, with few switches.

    Several hundred controls of each first value are sampled; Newton's method in the switch times
    leads from the best of them to local minima, where arcs that close are dropped; and as long as
    switches are left, it goes on where turning u over for an instant lowers the cost.

    Parameters
    ----------
    system : ControlAffine
    switches : int
        At most, ≥ 0.
    tolerance : float
        Of the PMP residual, for the status `successful`.
    time_limit, progress
        As of `solve`.

    Returns
    -------
    Solution
        The best local minimum found. Its `status` is `successful` where no control between the
        bounds can be better nearby, either, and `restricted` where more switches would help.
        `KeyboardInterrupt` ends the search as that of `solve`.

    Raises
    ------
    TypeError
        Naming `system` or `progress`.
    ValueError
        Naming `switches`, `tolerance` or `time_limit`.
    RuntimeError
        Where the system cannot be integrated.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, solve_bang_bang
    >>> hm.enable_x64()
    >>> system = ControlAffine(  # ẋ = u, ∫ x² to be minimised
    ...     drift=lambda x: jnp.stack([0.0 * x[0], x[0] ** 2]),
    ...     control_field=lambda x: jnp.array([1.0, 0.0]),
    ...     cost=lambda x: x[1],
    ...     initial=[-1.0, 0.0],
    ...     horizon=2.0,
    ...     lower=-1.0,
    ... )
    >>> best = solve_bang_bang(system, switches=1)  # up to 1/3, and back to −1/3
    >>> best.structure, best.junctions.round(9).tolist()
    ('upper – lower', [1.333333333])
    """
    a_system(system)
    integer("switches", switches, 0)
    fraction("tolerance", tolerance)
    return found_by(partial(_Search, system, tolerance), time_limit, progress, int(switches))


class _Search(AbstractSearch):
    """Newton's method in the switch times from many samples, and on with needles."""

    def __init__(self, system, tolerance, deadline, monitor):
        super().__init__(system, tolerance, deadline, monitor)
        self.lower, self.upper = float(system.lower), float(system.upper)
        self.start, self.horizon = float(system.start), float(system.horizon)

    def run(self, switches: int) -> None:
        self.switches = switches
        # One bang arc is always there: something to return, whatever comes.
        for kind in (ArcKind.lower, ArcKind.upper):
            self.offer(self.stationary((Arc(kind, self.start, self.horizon),)))
        if self.switches > 0:
            for arcs in self.samples():
                self.improve(arcs)
        extremal = self.best.pmp_residual <= self.tolerance
        status = SolutionStatus.successful if extremal else SolutionStatus.restricted
        self.best = dataclasses.replace(self.best, status=status, counts=dict(self.counts))

    def samples(self) -> list[tuple[Arc, ...]]:
        """The best of many controls of either first value, with costs to a coarse tolerance."""
        duration = self.horizon - self.start
        from scipy.stats import qmc  # here because importing it is slow

        points = qmc.Halton(self.switches, scramble=False).random(_SAMPLES + 1)[1:]
        times = self.start + duration * np.sort(points, axis=1)
        mesh = self.coarse_mesh()
        turns = np.arange(self.switches + 1) % 2
        found = []
        for opening in (0, 1):
            values = jnp.asarray(
                np.where((turns + opening) % 2 == 0, self.lower, self.upper), float
            )
            for begin in range(0, _SAMPLES, _BATCH):
                self.deadline.check()
                some = times[begin : begin + _BATCH]
                costs = np.asarray(_costs(self.system, mesh, jnp.asarray(some), values))
                self.counts["evaluations"] += len(some)
                found += [
                    (cost, opening, switches)
                    for cost, switches in zip(costs.tolist(), some, strict=True)
                    if np.isfinite(cost)
                ]
        chosen = []
        for opening in (0, 1):
            own = sorted((each for each in found if each[1] == opening), key=lambda each: each[0])
            chosen += own[:_SEARCHES]
        chosen.sort(key=lambda each: each[0])
        return [self.arcs_of(opening, switches) for _, opening, switches in chosen]

    def coarse_mesh(self) -> Mesh:
        """As many steps in every piece as one that takes all the time may need."""
        steps = 4
        while True:
            total = steps + self.switches
            mesh = Mesh.of_counts([steps] + [1] * self.switches, padded(total))
            worst = 0.0
            for value in (self.lower, self.upper):
                constant = PiecewiseConstantControl(
                    np.full(self.switches, self.horizon), np.full(self.switches + 1, value)
                )
                worst = max(worst, float(np.max(local_errors(self.system, constant, mesh))))
            if worst <= _COARSE:
                return Mesh.uniform(self.switches + 1, steps)
            steps = max(steps + 1, int(np.ceil(steps * growth(worst, _COARSE))))
            if (self.switches + 1) * steps > LARGEST:
                raise too_stiff(LARGEST, _COARSE)

    def arcs_of(self, opening, switches) -> tuple[Arc, ...]:
        edges = [self.start, *map(float, switches), self.horizon]
        kinds = (ArcKind.lower, ArcKind.upper)
        return joined(
            Arc(kinds[(place + opening) % 2], *ends) for place, ends in enumerate(pairwise(edges))
        )

    def improve(self, arcs: tuple[Arc, ...]) -> None:
        """To a local minimum, and on from there with arcs where the condition asks for them."""
        current = self.stationary(arcs)
        self.offer(current)
        for _ in range(_NEEDLES):
            more = self.with_needle(current)
            if more is None:
                return
            trial = self.stationary(more)
            gain = _PROGRESS * (abs(current.cost) + float(magnitude(current.trajectory)))
            if not trial.cost < current.cost - gain:
                return
            current = trial
            self.offer(current)

    def stationary(self, arcs: tuple[Arc, ...]) -> Solution:
        """The local minimum in the switch times, without arcs that close."""
        system = self.system
        while True:
            self.counts["rounds"] += 1
            structure = self.structure(arcs)
            mesh, _ = choose_mesh(system, structure.control(), _LOCAL_ERROR)
            trajectory = follow(system, structure.control(), mesh)
            scale = float(magnitude(trajectory))
            if len(arcs) == 1 or not scale > 0.0:
                return self.solution(structure, trajectory, 0.0, np.nan)
            polished = polish(system, structure, mesh, scale, deadline=self.deadline)
            self.counts["newton"] += polished.iterations
            structure = polished.structure
            if polished.collapsed is None:
                # The steps may have become too long for where the switches have gone.
                mesh, _ = choose_mesh(system, structure.control(), _LOCAL_ERROR)
                trajectory = follow(system, structure.control(), mesh)
                return self.solution(
                    structure, trajectory, polished.stationarity, polished.curvature
                )
            arcs = without(structure.arcs, polished.collapsed)

    def structure(self, arcs) -> Structure:
        edges = np.array([self.start, *(arc.stop for arc in arcs)])
        values = [self.lower if arc.kind == ArcKind.lower else self.upper for arc in arcs]
        return Structure(tuple(arc.kind for arc in arcs), edges, np.array(values)[:, None])

    def with_needle(self, current: Solution) -> tuple[Arc, ...] | None:
        """One more arc where the condition is violated most; None where it is not or none is left.

        At either end of time it takes one switch, elsewhere two.
        """
        left = self.switches - (len(current.arcs) - 1)
        bang = np.zeros(len(current.arcs), bool)
        for arc in missing_arcs(current.trajectory, bang):
            arcs = inserted(current.arcs, arc)
            if 0 < len(arcs) - len(current.arcs) <= left:
                return arcs
        return None

    def solution(self, structure, trajectory: Trajectory, stationarity, curvature) -> Solution:
        return Solution(
            system=self.system,
            control=structure.control(),
            arcs=structure.arcs,
            cost=float(trajectory.cost),
            trajectory=trajectory,
            status=SolutionStatus.restricted,
            stationarity=stationarity,
            curvature=curvature,
            singular_arcs=(),
            counts=dict(self.counts),
        )

    def offer(self, candidate: Solution) -> None:
        if self.best is None or candidate.cost < self.best.cost:
            self.best = candidate
        self.report(self.best.cost)


@eqx.filter_jit
def _costs(system, mesh, times, values):
    """Of the controls with some switch times (m, k) and the same values (k + 1,)."""
    pattern = PiecewiseConstantControl(np.zeros(times.shape[1]), np.zeros(values.shape[0]))

    def one(switches):
        control = eqx.tree_at(lambda c: (c.breakpoints, c.values), pattern, (switches, values))
        return cost_of(system, control, mesh)

    return jax.vmap(one)(times)
