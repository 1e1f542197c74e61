"""From a suggested sequence of arcs to one that satisfies Pontryagin's conditions."""

from __future__ import annotations

import dataclasses

import numpy as np

from homotopy.control.arcs import Arc, ArcKind, joined
from homotopy.control.mesh import Mesh, choose_mesh, local_errors
from homotopy.control.polish import Polished, polish
from homotopy.control.pontryagin import PontryaginResidual, pontryagin_residual, sample
from homotopy.control.sharpen import sharpen
from homotopy.control.singular import singular_arc
from homotopy.control.structure import Structure, structure_of
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import Trajectory, follow, magnitude

_ROUNDS = 16
_HIGHEST_DEGREE = 32
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
    integration_error : float
    """

    structure: Structure
    trajectory: Trajectory
    residual: PontryaginResidual
    polished: Polished | None
    newton: int
    rounds: int
    integration_error: float


def resolve(
    system: ControlAffine,
    arcs: tuple[Arc, ...],
    trajectory: Trajectory,
    tolerance: float,
    degree: int = 8,
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

    Returns
    -------
    Resolved or None
        The best that was found, within the bounds; its residual may be above the tolerance. None
        where every stationary sequence of arcs left the bounds.
    """
    scale = float(magnitude(trajectory))
    structure = structure_of(arcs, trajectory, degree, _SMOOTH_DEGREE)
    # About as many steps as before: each size that is tried is compiled.
    steps = min(max(_LEAST, trajectory.mesh.piece.shape[0]), _MOST)
    newton, best, mesh, seen = 0, None, None, []
    for rounds in range(1, _ROUNDS + 1):
        polished = None
        if len(structure.kinds) > 1 or structure.singular.any():
            mesh = _suitable(system, structure, mesh, steps)
            polished = polish(system, structure, mesh, scale)
            structure = polished.structure
            newton += polished.iterations
        mesh = _suitable(system, structure, mesh, steps)
        trajectory = follow(system, structure.control(), mesh)
        if polished is not None and polished.collapsed is not None:
            structure = structure_of(_without(structure, polished.collapsed), trajectory, degree)
            continue
        residual = pontryagin_residual(trajectory)
        error = float(np.sum(local_errors(system, structure.control(), mesh)))
        current = Resolved(structure, trajectory, residual, polished, newton, rounds, error)
        admissible = float(residual.outside) <= _OUTSIDE
        if admissible and float(residual.relative) <= tolerance:
            return _sharpened(system, current, tolerance)
        if admissible and (best is None or float(trajectory.cost) <= float(best.trajectory.cost)):
            best = current
        # The same again: arcs that come and go.
        if any(
            structure.kinds == kinds and abs(polished_cost - trajectory.cost) <= 1e-12 * scale
            for kinds, polished_cost in seen
        ):
            break
        seen.append((structure.kinds, float(trajectory.cost)))
        arcs = _amended(structure, trajectory)
        if arcs is None:
            if not structure.singular.any() or degree >= _HIGHEST_DEGREE:
                break
            degree *= 2
            arcs = structure.arcs
        structure = structure_of(arcs, trajectory, degree)
    return None if best is None else dataclasses.replace(best, newton=newton, rounds=rounds)


def _sharpened(system, resolved: Resolved, tolerance) -> Resolved:
    """With singular arcs of first order from their feedback, in as many terms as that needs."""
    best, breadth = resolved, float(system.upper - system.lower)
    error = _feedback_error(best)
    degree = best.structure.coefficients.shape[1] - 1
    while error > _FEEDBACK * breadth and degree <= _HIGHEST_DEGREE:
        structure = structure_of(best.structure.arcs, best.trajectory, degree)
        mesh = _suitable(system, structure, best.trajectory.mesh, _LEAST)
        structure, size = sharpen(system, structure, mesh)
        trajectory = follow(system, structure.control(), mesh)
        residual = pontryagin_residual(trajectory)
        errors = float(np.sum(local_errors(system, structure.control(), mesh)))
        polished = dataclasses.replace(
            best.polished,
            structure=structure,
            cost=float(trajectory.cost),
            stationarity=size,
        )
        candidate = dataclasses.replace(
            best,
            structure=structure,
            trajectory=trajectory,
            residual=residual,
            polished=polished,
            integration_error=errors,
        )
        reached = _feedback_error(candidate)
        admissible = float(residual.outside) <= _OUTSIDE
        if admissible and float(residual.relative) <= tolerance and reached < error:
            best, error = candidate, reached
        degree *= 2
    return best


def _feedback_error(resolved) -> float:
    """How far singular controls are from their feedback; zero where that is not regular."""
    arcs = (arc for arc in resolved.structure.arcs if arc.kind == ArcKind.singular)
    tests = [singular_arc(resolved.trajectory, arc) for arc in arcs]
    if any(test.order != 1 for test in tests):
        return 0.0
    return max((test.feedback_error for test in tests), default=0.0)


def _suitable(system, structure, mesh: Mesh | None, least: int) -> Mesh:
    """The mesh, if it has as many pieces and is still fine enough; another one otherwise."""
    control = structure.control()
    if mesh is not None and int(mesh.piece[-1]) == len(structure.kinds) - 1:
        if np.max(np.asarray(local_errors(system, control, mesh))) <= 4 * _LOCAL_ERROR:
            return mesh
    return choose_mesh(system, control, _LOCAL_ERROR, least)[0]


def _without(structure, index):
    """The arcs without one, whose place the neighbours share."""
    arcs = list(structure.arcs)
    gone = arcs.pop(index)
    middle = (gone.start + gone.stop) / 2
    if index == 0:
        middle = gone.start
    if index == len(arcs):
        middle = gone.stop
    if index > 0:
        arcs[index - 1] = Arc(arcs[index - 1].kind, arcs[index - 1].start, middle)
    if index < len(arcs):
        arcs[index] = Arc(arcs[index].kind, middle, arcs[index].stop)
    return joined(arcs)


def _amended(structure: Structure, trajectory: Trajectory):
    """The arcs with one more where the condition is violated most; None where that is no help.

    On a bang arc it is violated where H₁ has the wrong sign, on a singular one where the control
    leaves the bounds.
    """
    system = trajectory.system
    lower, upper = float(system.lower), float(system.upper)
    samples = sample(trajectory)
    times, weights, piece, u, switching, size = map(np.asarray, samples)
    singular = structure.singular[piece]
    best = np.where(switching > 0, lower, upper)
    bang = np.where(~singular, np.abs(u - best) * np.abs(switching), 0.0)
    bang = np.where(bang > 1e-13 * (upper - lower) * size, bang, 0.0)
    outside = np.maximum(np.maximum(lower - u, u - upper), 0.0)
    outside = np.where(singular & (outside > 1e-9 * (upper - lower)), outside * size, 0.0)
    violated = ((bang > 0) | (outside > 0)) & (weights > 0)
    if not violated.any():
        return None
    wanted = np.where(outside > 0, u > upper, best == upper)
    label = np.where(violated, 2 * piece + wanted, -1)
    changes = np.flatnonzero(np.diff(label)) + 1
    runs = [run for run in np.split(np.arange(label.size), changes) if violated[run[0]]]
    run = max(runs, key=lambda run: np.sum(weights[run] * (bang + outside)[run]))
    start, stop = times[run[0]], times[run[-1]]
    arc = structure.arcs[int(piece[run[0]])]
    kind = ArcKind.upper if wanted[run[0]] else ArcKind.lower
    ends = structure.edges[0], structure.edges[-1]
    first, last = run[0] == 0, times[run[-1]] >= times[weights > 0][-1]
    # Half of the violated interval, where it is worst; Newton's method does the rest.
    quarter = (stop - start) / 4
    opening = ends[0] if first else start + quarter
    closing = ends[1] if last else stop - quarter
    if first and last:
        return (Arc(kind, *ends),)
    if closing - opening <= 1e-9 * (ends[1] - ends[0]):
        return None
    arcs = []
    for old in structure.arcs:
        if old != arc:
            arcs.append(old)
            continue
        arcs.append(Arc(old.kind, old.start, opening))
        arcs.append(Arc(kind, opening, closing))
        arcs.append(Arc(old.kind, closing, old.stop))
    return joined(arcs)
