"""The optimal control of a control-affine system: its structure, and its junctions to rounding."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from homotopy._checks import fraction, integer
from homotopy._deadline import Deadline, OutOfTime
from homotopy._progress import Progress
from homotopy.control.arcs import ArcKind, read_arcs
from homotopy.control.best_so_far import AbstractSearch, found_by
from homotopy.control.cell_optimum import CellsOptimum, optimise_cells
from homotopy.control.chattering import chatters
from homotopy.control.resolve import Resolved, resolve
from homotopy.control.singular import singular_arc
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.system import ControlAffine, a_system
from homotopy.control.trajectory import follow, magnitude

# How small the costate is, against that of the first start, where it counts as zero.
_VANISHED = 1e-6
_STRICT = 1e-9


def solve(
    system: ControlAffine,
    cells: int = 64,
    tolerance: float = 1e-9,
    *,
    starts: Sequence | None = None,
    refinements: int = 2,
    time_limit: float | Deadline = 300.0,
    progress: bool | Callable[[Progress], None] | None = None,
) -> Solution:
    """Minimise cost(x(T)) over all controls between the bounds; a local minimum is claimed.

    In three stages: the best control on cells (L-BFGS-B, from several starts); the arcs that it
    suggests; junctions and singular controls by Newton's method, with arcs dropped and added until
    Pontryagin's conditions hold. Where they do not, again with twice as many cells.

    Parameters
    ----------
    system : ControlAffine
    cells : int
        Arcs shorter than one or two cells may be missed at first, and found by their violation of
        the conditions only.
    tolerance : float
        Of the PMP residual, for the status `successful`.
    starts : sequence of (n,) or of floats, optional
        Controls on cells to start from; by default midway between the bounds, and either bound.
    refinements : int
        How often the number of cells may be doubled.
    time_limit : float
        Seconds after which the best so far is returned, with the status `time_limit`; what is being
        compiled then goes on in the background. Only the first control on cells is waited for,
        which takes some four seconds of compilation for every new system.
    progress : bool or callable, optional
        As of `homotopy.optimise`; a callable is called with a `Progress` now and then, in seconds
        of the time limit.

    Returns
    -------
    Solution
        Never worse than the best control on cells. Look at its `status`. `KeyboardInterrupt` is
        not passed on, unless nothing was found yet: it ends the search, and the best found so far
        comes back with the status `interrupted`.

    Raises
    ------
    TypeError
        Naming `progress`.
    ValueError
        Naming `cells`, `tolerance`, `starts`, `refinements` or `time_limit`.
    RuntimeError
        Where the system cannot be integrated.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, solve
    >>> hm.enable_x64()
    >>> system = ControlAffine(  # ẋ = u x, the integral of x (1 − u) to be maximised
    ...     drift=lambda x: jnp.stack([0.0 * x[0], x[0]]),
    ...     control_field=lambda x: jnp.stack([x[0], -x[0]]),
    ...     cost=lambda x: -x[1],
    ...     initial=[1.0, 0.0],
    ...     horizon=3.0,
    ... )
    >>> solution = solve(system, cells=16)
    >>> solution.structure, solution.junctions.round(9).tolist()  # e² = 7.389056
    ('upper – lower', [2.0])
    >>> round(solution.cost, 6), solution.pmp_residual < 1e-12
    (-7.389056, True)
    """
    a_system(system)
    integer("cells", cells, 2)
    fraction("tolerance", tolerance)
    integer("refinements", refinements, 0)
    return found_by(
        partial(_Search, system, tolerance), time_limit, progress, cells, starts, refinements
    )


class _Search(AbstractSearch):
    """From cells to arcs, with more cells while no arcs satisfy the conditions."""

    def ended(self, best: Solution, status: SolutionStatus) -> Solution:
        """With its own status where the best is known to be an extremal."""
        return best if best.finished else super().ended(best, status)

    def run(self, cells, starts, refinements) -> None:
        for level in range(refinements + 1):
            count = cells * 2**level
            optimum = optimise_cells(
                self.system,
                count,
                starts,
                progress=self.report,
                time_limit=self.deadline,
            )
            self.counts["cells"] = count
            self.counts["evaluations"] += optimum.evaluations
            self.resolve(optimum)
            if self.best.finished:
                return
            starts = (np.repeat(_values(self.system, optimum), 2),)

    def resolve(self, optimum: CellsOptimum) -> None:
        """From the best control on cells to arcs; `best` is then the better of both."""
        system = self.system
        trajectory = follow(system, optimum.control, optimum.mesh)
        edges = np.linspace(float(system.start), float(system.horizon), optimum.fractions.size + 1)
        arcs = read_arcs(edges, optimum.fractions, optimum.switching)
        self.offer(_on_cells(system, optimum, arcs, trajectory, self.counts))
        if optimum.ended is not None:
            raise KeyboardInterrupt if optimum.ended == "interrupted" else OutOfTime
        size = float(magnitude(trajectory))
        if size <= _VANISHED * optimum.scale:
            self.best = dataclasses.replace(
                _on_cells(system, optimum, arcs, trajectory, self.counts),
                status=SolutionStatus.degenerate,
            )
            return
        # The cells' cost carries the error of a coarser integration.
        slack = 1e-9 * (abs(optimum.cost) + size)

        def keep(resolved: Resolved) -> None:
            if float(resolved.trajectory.cost) <= optimum.cost + slack:
                self.offer(solution_of(system, resolved, self.tolerance, self.counts))
                self.report(self.best.cost)

        resolved = resolve(
            system, arcs, trajectory, self.tolerance, deadline=self.deadline, keep=keep
        )
        if resolved is not None:
            self.counts["newton"] += resolved.newton
            self.counts["rounds"] += resolved.rounds
            keep(resolved)
        self.best = dataclasses.replace(self.best, counts=dict(self.counts))
        if chatters(self.best):
            self.best = dataclasses.replace(self.best, status=SolutionStatus.chattering)

    def offer(self, candidate: Solution) -> None:
        better = self.best is None or candidate.cost < self.best.cost
        if better or candidate.finished:
            self.best = candidate


def _values(system, optimum: CellsOptimum):
    return np.clip(np.asarray(optimum.control.values), float(system.lower), float(system.upper))


def _on_cells(system, optimum, arcs, trajectory, counts) -> Solution:
    return Solution(
        system=system,
        control=optimum.control,
        arcs=arcs,
        cost=float(trajectory.cost),
        trajectory=trajectory,
        status=SolutionStatus.unresolved,
        stationarity=np.nan,
        curvature=np.nan,
        singular_arcs=(),
        counts=dict(counts),
    )


def solution_of(
    system: ControlAffine, resolved: Resolved, tolerance: float, counts: dict
) -> Solution:
    """The solution that a polished sequence of arcs is, with its status."""
    polished = resolved.polished
    status = SolutionStatus.successful
    if float(resolved.residual.relative) > tolerance:
        status = SolutionStatus.unresolved
    elif polished is not None and not polished.curvature > _STRICT:
        status = SolutionStatus.flat
    return Solution(
        system=system,
        control=resolved.structure.control(),
        arcs=resolved.structure.arcs,
        cost=float(resolved.trajectory.cost),
        trajectory=resolved.trajectory,
        status=status,
        stationarity=0.0 if polished is None else polished.stationarity,
        curvature=np.nan if polished is None else polished.curvature,
        singular_arcs=tuple(
            singular_arc(resolved.trajectory, arc)
            for arc in resolved.structure.arcs
            if arc.kind == ArcKind.singular
        ),
        counts=dict(counts),
    )
