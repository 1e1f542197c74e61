"""The optimal control of a control-affine system: its structure, and its junctions to rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from homotopy._checks import fraction, integer
from homotopy.control.arcs import ArcKind, read_arcs
from homotopy.control.cell_optimum import CellsOptimum, optimise_cells
from homotopy.control.mesh import local_errors
from homotopy.control.pontryagin import pontryagin_residual
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
    progress: Callable[[float], None] | None = None,
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
    progress : callable, optional
        Called with the cost at every iteration on cells.

    Returns
    -------
    Solution
        Never worse than the best control on cells. Look at its `status`.

    Raises
    ------
    ValueError
        Naming `cells`, `tolerance` or `starts`.
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
    counts = {"cells": cells, "evaluations": 0, "newton": 0, "rounds": 0}
    best: Solution | None = None
    for level in range(refinements + 1):
        count = cells * 2**level
        optimum = optimise_cells(system, count, starts, progress=progress)
        counts = {
            **counts,
            "cells": count,
            "evaluations": counts["evaluations"] + optimum.evaluations,
        }
        trajectory = follow(system, optimum.control, optimum.mesh)
        edges = np.linspace(float(system.start), float(system.horizon), count + 1)
        arcs = read_arcs(edges, optimum.fractions, optimum.switching)
        if _vanished(optimum, trajectory):
            return _on_cells(system, optimum, arcs, trajectory, SolutionStatus.degenerate, counts)
        resolved = resolve(system, arcs, trajectory, tolerance)
        if resolved is not None:
            counts["newton"] += resolved.newton
            counts["rounds"] += resolved.rounds
        # The cells' cost carries the error of a coarser integration.
        slack = 1e-9 * (abs(optimum.cost) + float(magnitude(trajectory)))
        if resolved is not None and float(resolved.trajectory.cost) <= optimum.cost + slack:
            candidate = solution_of(system, resolved, tolerance, counts)
        else:
            status = SolutionStatus.unresolved
            candidate = _on_cells(system, optimum, arcs, trajectory, status, counts)
        if best is None or candidate.cost < best.cost or _resolved(candidate):
            best = candidate
        if _resolved(candidate):
            return candidate
        starts = (np.repeat(_values(system, optimum), 2),)
    return best


def _resolved(solution: Solution) -> bool:
    return bool(solution.status != SolutionStatus.unresolved)


def _values(system, optimum: CellsOptimum):
    return np.clip(np.asarray(optimum.control.values), float(system.lower), float(system.upper))


def _vanished(optimum: CellsOptimum, trajectory) -> bool:
    return float(magnitude(trajectory)) <= _VANISHED * optimum.scale


def _on_cells(system, optimum, arcs, trajectory, status, counts) -> Solution:
    error = float(np.sum(local_errors(system, optimum.control, optimum.mesh)))
    residual = pontryagin_residual(trajectory)
    return Solution(
        system=system,
        control=optimum.control,
        arcs=arcs,
        cost=float(trajectory.cost),
        trajectory=trajectory,
        residual=residual,
        status=status,
        stationarity=np.nan,
        curvature=np.nan,
        singular_arcs=(),
        integration_error=error,
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
        residual=resolved.residual,
        status=status,
        stationarity=0.0 if polished is None else polished.stationarity,
        curvature=np.nan if polished is None else polished.curvature,
        singular_arcs=tuple(
            singular_arc(resolved.trajectory, arc)
            for arc in resolved.structure.arcs
            if arc.kind == ArcKind.singular
        ),
        integration_error=resolved.integration_error,
        counts=dict(counts),
    )
