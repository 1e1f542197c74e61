"""Junction times and singular controls to machine precision, by Newton's method."""

from __future__ import annotations

import dataclasses

import numpy as np

from homotopy.control.controls import PiecewisePolynomialControl
from homotopy.control.mesh import Mesh
from homotopy.control.structure import Structure
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import sweep

# Of the unit of an unknown: where the error of a central difference of a function that is exact to
# rounding is least.
_DIFFERENCE = 1e-5


def _gradient(system, edges, coefficients, mesh):
    """The cost, and its gradient in inner edges and coefficients."""
    control = PiecewisePolynomialControl(edges, coefficients)
    _, _, cost, slope = sweep(system, control, mesh)
    flat = [np.asarray(slope.edges)[1:-1], np.asarray(slope.coefficients).reshape(-1)]
    return float(cost), np.concatenate(flat)


@dataclasses.dataclass(frozen=True)
class Polished:
    """A structure whose junctions and singular controls are stationary.

    Attributes
    ----------
    structure : Structure
    cost : float
    stationarity : float
        The largest last Newton step of a junction, over the duration, or of a coefficient, over
        the distance of the bounds.
    curvature : float
        The least eigenvalue of the scaled Hessian over its largest: positive at a local minimum
        within the structure. NaN where there is nothing to vary.
    iterations : int
    collapsed : int or None
        The arc whose length went to zero; the rest is then not stationary.
    """

    structure: Structure
    cost: float
    stationarity: float
    curvature: float
    iterations: int
    collapsed: int | None


def polish(
    system: ControlAffine,
    structure: Structure,
    mesh: Mesh,
    scale: float,
    *,
    iterations: int = 60,
    shortest: float = 1e-7,
) -> Polished:
    """Newton's method on all junctions and the series of singular arcs, kept a descent.

    The Hessian is a central difference of exact gradients: accurate enough for quadratic
    convergence almost to rounding, and an exact one takes four times as long to compile.
    Directions of negative curvature are turned round, steps leave every arc a tenth of its length,
    and are halved until the cost falls: so that it ends at minima.

    Parameters
    ----------
    system : ControlAffine
    structure : Structure
    mesh : Mesh
        For as many pieces as the structure has arcs.
    scale : float
        Of the cost; > 0.
    iterations : int
        At most.
    shortest : float
        The part of the duration below which an arc counts as collapsed.
    """
    edges, coefficients = structure.edges.copy(), structure.coefficients.copy()
    duration = edges[-1] - edges[0]
    breadth = float(system.upper - system.lower)
    free, units = _unknowns(structure, duration, breadth)

    def evaluate(edges, coefficients):
        cost, slope = _gradient(system, edges, coefficients, mesh)
        return cost, slope[free] * units[free] / scale

    def curvature(edges, coefficients):
        # Not so far that an arc turns inside out.
        difference = min(_DIFFERENCE, 0.2 * np.min(np.diff(edges)) / duration)
        rows = []
        for direction in difference * np.eye(free.size):
            ahead = evaluate(*moved(edges, coefficients, direction))[1]
            behind = evaluate(*moved(edges, coefficients, -direction))[1]
            rows.append((ahead - behind) / (2 * difference))
        return (np.array(rows) + np.array(rows).T) / 2

    def moved(edges, coefficients, step):
        full = np.zeros(edges.size - 2 + coefficients.size)
        full[free] = step * units[free]
        shifted = edges.copy()
        shifted[1:-1] += full[: edges.size - 2]
        return shifted, coefficients + full[edges.size - 2 :].reshape(coefficients.shape)

    if not free.size:
        raise ValueError("structure: expected a junction or a singular arc, got one bang arc.")
    cost, slope = evaluate(edges, coefficients)
    size, stalled, count = np.inf, 0, 0
    for count in range(1, iterations + 1):
        values, vectors = np.linalg.eigh(curvature(edges, coefficients))
        bent = np.maximum(np.abs(values), 1e-13 * np.abs(values).max() + 1e-300)
        step = -vectors @ ((vectors.T @ slope) / bent)
        newton = np.abs(step).max()
        if newton < 1e-15:
            size = min(size, newton)
            break
        step *= room(edges, moved(edges, coefficients, step)[0])
        accepted = False
        for _ in range(30):
            trial = moved(edges, coefficients, step)
            outcome = evaluate(*trial)
            falls = outcome[0] - cost <= 1e-4 * scale * float(slope @ step)
            # Below the rounding of the cost it is the gradient that has to fall.
            close = abs(outcome[0] - cost) <= 1e-13 * (abs(cost) + scale)
            if falls or (close and np.linalg.norm(outcome[1]) < np.linalg.norm(slope)):
                accepted = True
                break
            step = step / 2
        if not accepted:
            size = min(size, newton)
            break
        edges, coefficients = trial
        stalled = stalled + 1 if newton > 0.5 * size else 0
        size = min(size, newton)
        cost, slope = outcome
        short = np.flatnonzero(np.diff(edges) < shortest * duration)
        if short.size:
            shape = dataclasses.replace(structure, edges=edges, coefficients=coefficients)
            return Polished(shape, cost, size, np.nan, count, int(short[0]))
        if stalled >= 3 and size < 1e-9:
            break
    values = np.linalg.eigvalsh(curvature(edges, coefficients))
    shape = dataclasses.replace(structure, edges=edges, coefficients=coefficients)
    least = float(values[0] / np.abs(values).max()) if np.any(values) else 0.0
    return Polished(shape, cost, float(size), least, count, None)


def _unknowns(structure, duration, breadth):
    """Indices of what is free among inner edges and coefficients, and the unit of each."""
    inner = structure.edges.size - 2
    coefficients = np.repeat(structure.singular, structure.coefficients.shape[1])
    free = np.concatenate([np.ones(inner, bool), coefficients])
    units = np.concatenate([np.full(inner, duration), np.full(coefficients.size, breadth)])
    return np.flatnonzero(free), units


def room(edges, moved):
    """The part of a step, at most 1, that leaves every arc a tenth of its length."""
    lengths, change = np.diff(edges), np.diff(moved) - np.diff(edges)
    shrinking = change < 0
    if not shrinking.any():
        return 1.0
    return float(min(1.0, np.min(0.9 * lengths[shrinking] / -change[shrinking])))
