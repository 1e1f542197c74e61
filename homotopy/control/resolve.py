"""From a suggested sequence of arcs to one that satisfies Pontryagin's conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.arcs import Arc, ArcKind, inserted, without
from homotopy.control.mesh import Mesh, choose_mesh, local_errors
from homotopy.control.polish import Polished, polish
from homotopy.control.pontryagin import PontryaginResidual, pontryagin_residual
from homotopy.control.sharpen import sharpen
from homotopy.control.singular import singular_arc
from homotopy.control.structure import Structure, structure_of
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import Trajectory, follow, magnitude
from homotopy.control.violations import missing_arcs

_ROUNDS = 16
_HIGHEST_DEGREE = 32
# That up to which the curvature of the cost is looked at where a control is sharpened.
_CURVATURE_DEGREE = 8
# The degree up to which singular controls are first taken from a control on cells: not its ripple.
_SMOOTH_DEGREE = 3
_LOCAL_ERROR = 1e-13
# Steps that a mesh has at least, and that it is given at first at most.
_LEAST, _MOST = 16, 512
# Of the distance of the bounds: how far a control may leave them by rounding.
_OUTSIDE = 1e-9
# Of the distance of the bounds: a singular control further from its feedback gets more terms.
_FEEDBACK = 1e-9


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A polished sequence of arcs, and the trajectory under it.

    Attributes
    ----------
    structure : Structure
    trajectory : Trajectory
    residual : PontryaginResidual
    polished : Polished or None
        None for one bang arc.
    newton, rounds : int
    """

    structure: Structure
    trajectory: Trajectory
    residual: PontryaginResidual
    polished: Polished | None
    newton: int
    rounds: int


def resolve(
    system: ControlAffine,
    arcs: tuple[Arc, ...],
    trajectory: Trajectory,
    tolerance: float,
    degree: int = 8,
    *,
    deadline: Deadline = UNLIMITED,
    keep: Callable[[Resolved], None] = lambda resolved: None,
) -> Resolved | None:
    """Polish junctions; drop arcs that vanish and add those that the switching function asks for.

    Parameters
    ----------
    system : ControlAffine
    arcs : sequence of Arc
    trajectory : Trajectory
        Under a control like it.
    tolerance : float
        Of the residual.
    degree : int
        At first, of the series on singular arcs.
    deadline : Deadline
    keep : callable
        Called with every stationary sequence of arcs within the bounds, as it is found: what there
        is where the search ends by an exception.

    Returns
    -------
    Resolved or None
        The best that was found, within the bounds; its residual may be above the tolerance. None
        where every stationary sequence of arcs left the bounds.

    Raises
    ------
    OutOfTime
        At the deadline.
    """
    scale = float(magnitude(trajectory))
    structure = structure_of(arcs, trajectory, degree, _SMOOTH_DEGREE)
    # About as many steps as before.
    steps = min(max(_LEAST, trajectory.mesh.used), _MOST)
    newton, best, mesh, seen, fed_back = 0, None, None, [], set()
    for rounds in range(1, _ROUNDS + 1):
        deadline.check()
        polished = None
        if len(structure.kinds) > 1 or structure.singular.any():
            mesh = _suitable(system, structure, mesh, steps)
            polished = polish(system, structure, mesh, scale, deadline=deadline)
            structure = polished.structure
            newton += polished.iterations
        mesh = _suitable(system, structure, mesh, steps)
        trajectory = follow(system, structure.control(), mesh)
        if polished is not None and polished.collapsed is not None:
            arcs = without(structure.arcs, polished.collapsed)
            structure = structure_of(arcs, trajectory, degree)
            continue
        residual = pontryagin_residual(trajectory)
        current = Resolved(structure, trajectory, residual, polished, newton, rounds)
        admissible = float(residual.outside) <= _OUTSIDE
        order = _order(current)
        if admissible:
            keep(current)
        if admissible and float(residual.relative) <= tolerance:
            return _by_feedback(system, current, tolerance, deadline)
        if admissible and (best is None or float(trajectory.cost) <= float(best.trajectory.cost)):
            best = current
        if order == 2 and len(structure.kinds) > 1:
            # Arcs have no end there (see `chatters`), and no series follows them within the bounds.
            if admissible:
                break
            structure = structure_of(structure.arcs, trajectory, degree=0)
            continue
        if order == 1 and structure.kinds not in fed_back:
            fed_back.add(structure.kinds)
            sharpened = _by_feedback(system, current, tolerance, deadline)
            if sharpened is not current:
                keep(sharpened)
                return sharpened
        # The same again: arcs that come and go.
        if any(
            structure.kinds == kinds and abs(polished_cost - trajectory.cost) <= 1e-12 * scale
            for kinds, polished_cost in seen
        ):
            break
        seen.append((structure.kinds, float(trajectory.cost)))
        missing = missing_arcs(trajectory, structure.singular)
        if missing:
            arcs = inserted(structure.arcs, missing[0])
        else:
            if not structure.singular.any() or degree >= _HIGHEST_DEGREE:
                break
            degree *= 2
            arcs = structure.arcs
        structure = structure_of(arcs, trajectory, degree)
    return None if best is None else dataclasses.replace(best, newton=newton, rounds=rounds)


def _by_feedback(system, resolved: Resolved, tolerance, deadline) -> Resolved:
    """With singular arcs of first order from their feedback, in as many terms as that needs.

    Unchanged where that leads to no extremal, or to none that follows the feedback more closely.
    """
    if _order(resolved) != 1:
        return resolved
    best, near, breadth = resolved, resolved, float(system.upper - system.lower)
    extremal = float(resolved.residual.relative) <= tolerance
    error = _feedback_error(best) if extremal else np.inf
    degree = best.structure.coefficients.shape[1] - 1
    while error > _FEEDBACK * breadth and degree <= _HIGHEST_DEGREE:
        deadline.check()
        structure = structure_of(near.structure.arcs, near.trajectory, degree)
        mesh = _suitable(system, structure, near.trajectory.mesh, _LEAST)
        structure, size = sharpen(system, structure, mesh, deadline=deadline)
        trajectory = follow(system, structure.control(), mesh)
        candidate = dataclasses.replace(
            best,
            structure=structure,
            trajectory=trajectory,
            residual=pontryagin_residual(trajectory),
        )
        reached = _feedback_error(candidate)
        admissible = float(candidate.residual.outside) <= _OUTSIDE
        small = float(candidate.residual.relative) <= tolerance
        if admissible and small and reached < error:
            polished = dataclasses.replace(
                resolved.polished,
                structure=structure,
                cost=float(trajectory.cost),
                stationarity=size,
            )
            best, error = dataclasses.replace(candidate, polished=polished), reached
        if candidate.residual.relative < near.residual.relative:
            near = candidate
        degree *= 2
    return best if best is resolved else _with_curvature(system, best, deadline)


def _with_curvature(system, resolved: Resolved, deadline) -> Resolved:
    """With the curvature where it has come to, in the first terms of singular controls only.

    In those that vary fast it is positive, and small: by the strict Legendre–Clebsch condition of
    an arc of first order.
    """
    trajectory = resolved.trajectory
    arcs, degree = resolved.structure.arcs, resolved.structure.coefficients.shape[1] - 1
    structure = structure_of(arcs, trajectory, min(degree, _CURVATURE_DEGREE))
    scale = float(magnitude(trajectory))
    there = polish(system, structure, trajectory.mesh, scale, iterations=0, deadline=deadline)
    polished = dataclasses.replace(resolved.polished, curvature=there.curvature)
    return dataclasses.replace(resolved, polished=polished)


def _singular_arcs(resolved):
    arcs = (arc for arc in resolved.structure.arcs if arc.kind == ArcKind.singular)
    return [singular_arc(resolved.trajectory, arc) for arc in arcs]


def _order(resolved) -> int | None:
    """Of the singular arcs, where all have the same; None where that is so of none."""
    orders = {arc.order for arc in _singular_arcs(resolved)}
    return orders.pop() if len(orders) == 1 else None


def _feedback_error(resolved) -> float:
    """How far singular controls are from their feedback."""
    return max(arc.feedback_error for arc in _singular_arcs(resolved))


def _suitable(system, structure, mesh: Mesh | None, least: int) -> Mesh:
    """The mesh, if it has as many pieces and is still fine enough; another one otherwise."""
    control = structure.control()
    if mesh is not None and int(mesh.piece[-1]) == len(structure.kinds) - 1:
        if np.max(np.asarray(local_errors(system, control, mesh))) <= 4 * _LOCAL_ERROR:
            return mesh
    return choose_mesh(system, control, _LOCAL_ERROR, least)[0]
