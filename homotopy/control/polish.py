"""Junction times and singular controls to machine precision, by Newton's method."""

from __future__ import annotations

import dataclasses

import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.mesh import Mesh
from homotopy.control.side_by_side import sweep_each, together
from homotopy.control.structure import Structure, at_nodes, from_nodes
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import sweep

# Of the unit of an unknown: where the error of a central difference of a function that is exact to
# rounding is least.
_DIFFERENCE = 1e-5
# Gradients that are found one by one, by the program that the descent has compiled anyway; a stack
# of controls takes as long as so many.
_FEW = 4


@dataclasses.dataclass(frozen=True)
class Polished:
    """A structure whose junctions and singular controls are stationary.

    Attributes
    ----------
    structure : Structure
    cost : float
    stationarity : float
        The largest last Newton step of a junction, over the duration, or of a singular control,
        over the distance of the bounds.
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


class _Unknowns:
    """The junctions, over the duration, and singular controls at Legendre nodes, over the breadth.

    Junctions are free. The controls stay within the bounds, without which a singular arc would
    do in no time what a bang arc takes long for, and the cost have no minimum.
    """

    def __init__(self, system, structure, mesh, scale, deadline):
        self.system, self.structure, self.mesh = system, structure, mesh
        self.scale, self.deadline = scale, deadline
        self.duration = structure.edges[-1] - structure.edges[0]
        self.lower = float(system.lower)
        self.breadth = float(system.upper) - self.lower
        self.inner = structure.edges.size - 2
        self.rows = np.flatnonzero(structure.singular)
        controls = self.rows.size * structure.coefficients.shape[1]
        self.low = np.concatenate([np.full(self.inner, -np.inf), np.zeros(controls)])
        self.high = np.concatenate([np.full(self.inner, np.inf), np.ones(controls)])

    def packed(self) -> np.ndarray:
        edges, coefficients = self.structure.edges, self.structure.coefficients
        controls = (at_nodes(coefficients[self.rows]) - self.lower) / self.breadth
        point = np.concatenate([edges[1:-1] / self.duration, controls.ravel()])
        return np.clip(point, self.low, self.high)

    def unpacked(self, point) -> Structure:
        edges, coefficients = self.structure.edges.copy(), self.structure.coefficients.copy()
        edges[1:-1] = self.duration * point[: self.inner]
        if self.rows.size:
            values = point[self.inner :].reshape(self.rows.size, -1)
            coefficients[self.rows] = from_nodes(self.lower + self.breadth * values)
        return dataclasses.replace(self.structure, edges=edges, coefficients=coefficients)

    def evaluate(self, point):
        """The cost, and its gradient in units of the scale."""
        self.deadline.check()
        control = self.unpacked(point).control()
        _, _, cost, slope = sweep(self.system, control, self.mesh)
        return float(cost), self.gradient(np.asarray(slope.edges), np.asarray(slope.coefficients))

    def gradient(self, edges, coefficients):
        """In the unknowns, in units of the scale, from that in the fields of the control."""
        parts = [edges[1:-1] * self.duration]
        if self.rows.size:
            rows = coefficients[self.rows]
            # The derivatives in values at nodes: the transpose of what makes coefficients of them.
            transposed = from_nodes(np.eye(rows.shape[1]))
            parts.append((rows @ transposed.T).ravel() * self.breadth)
        return np.concatenate(parts) / self.scale

    def gradients(self, points):
        """At each of several points."""
        if len(points) <= _FEW:
            return np.array([self.evaluate(point)[1] for point in points])
        found = []
        for controls, count in together([self.unpacked(point).control() for point in points]):
            self.deadline.check()
            slopes = sweep_each(self.system, controls, self.mesh)[3]
            fields = np.asarray(slopes.edges), np.asarray(slopes.coefficients)
            found += [self.gradient(*own) for own in list(zip(*fields, strict=True))[:count]]
        return np.array(found)

    def hessian(self, point):
        # Not so far that an arc turns inside out.
        lengths = np.diff(self.unpacked(point).edges)
        difference = min(_DIFFERENCE, 0.2 * np.min(lengths) / self.duration)
        directions = difference * np.eye(point.size)
        slopes = self.gradients(np.concatenate([point + directions, point - directions]))
        rows = (slopes[: point.size] - slopes[point.size :]) / (2 * difference)
        return (rows + rows.T) / 2

    def pressed(self, point, slope):
        """Which unknowns stay at their bound."""
        return ((point <= self.low) & (slope > 0)) | ((point >= self.high) & (slope < 0))

    def moved(self, point, step):
        """A step that leaves every arc a tenth of its length, and controls within their bounds."""
        edges = self.unpacked(point).edges
        part = room(edges, self.unpacked(point + step).edges)
        return np.clip(point + part * step, self.low, self.high)


def polish(
    system: ControlAffine,
    structure: Structure,
    mesh: Mesh,
    scale: float,
    *,
    iterations: int = 60,
    shortest: float = 1e-7,
    deadline: Deadline = UNLIMITED,
) -> Polished:
    """Newton's method on all junctions and the singular controls, kept a descent within the bounds.

    The Hessian is a central difference of exact gradients: accurate enough for quadratic
    convergence almost to rounding, and an exact one takes four times as long to compile.
    Directions of negative curvature are turned round, steps leave every arc a tenth of its length,
    controls that the gradient presses against a bound stay there, and steps are halved until the
    cost falls: so that it ends at minima.

    Parameters
    ----------
    system : ControlAffine
    structure : Structure
    mesh : Mesh
        For as many pieces as the structure has arcs.
    scale : float
        Of the cost; > 0.
    iterations : int
        At most; with none, the curvature is what is asked for.
    shortest : float
        The part of the duration below which an arc counts as collapsed.
    deadline : Deadline

    Raises
    ------
    OutOfTime
        At the deadline.
    """
    unknowns = _Unknowns(system, structure, mesh, scale, deadline)
    point = unknowns.packed()
    if not point.size:
        raise ValueError("structure: expected a junction or a singular arc, got one bang arc.")
    cost, slope = unknowns.evaluate(point)
    size, stalled, count, hessian = np.inf, 0, 0, None
    for count in range(1, iterations + 1):
        free = ~unknowns.pressed(point, slope)
        if not free.any():
            size = 0.0
            break
        step, hessian = np.zeros(point.size), unknowns.hessian(point)
        step[free] = _newton_step(hessian[np.ix_(free, free)], slope[free])
        newton = np.abs(step).max()
        if newton < 1e-15:
            size = min(size, newton)
            break
        accepted = False
        for _ in range(30):
            trial = unknowns.moved(point, step)
            if np.array_equal(trial, point):  # halved below its rounding
                break
            outcome = unknowns.evaluate(trial)
            falls = outcome[0] - cost <= 1e-4 * scale * float(slope @ (trial - point))
            # Below the rounding of the cost it is the gradient that has to fall.
            close = abs(outcome[0] - cost) <= 1e-13 * (abs(cost) + scale)
            if falls or (close and np.linalg.norm(outcome[1]) < np.linalg.norm(slope)):
                accepted = True
                break
            step = step / 2
        if not accepted:
            size = min(size, newton)
            break
        point, hessian = trial, None
        stalled = stalled + 1 if newton > 0.5 * size else 0
        size = min(size, newton)
        cost, slope = outcome
        shape = unknowns.unpacked(point)
        short = np.flatnonzero(np.diff(shape.edges) < shortest * unknowns.duration)
        if short.size:
            return Polished(shape, cost, size, np.nan, count, int(short[0]))
        if stalled >= 3 and size < 1e-9:
            break
    shape, free = unknowns.unpacked(point), ~unknowns.pressed(point, slope)
    least = np.nan
    if free.any():
        hessian = unknowns.hessian(point) if hessian is None else hessian
        values = np.linalg.eigvalsh(hessian[np.ix_(free, free)])
        least = float(values[0] / np.abs(values).max()) if np.any(values) else 0.0
    return Polished(shape, cost, float(size), least, count, None)


def _newton_step(hessian, slope):
    """Downhill, with directions of negative curvature turned round."""
    values, vectors = np.linalg.eigh(hessian)
    bent = np.maximum(np.abs(values), 1e-13 * np.abs(values).max() + 1e-300)
    return -vectors @ ((vectors.T @ slope) / bent)


def room(edges, moved):
    """The part of a step, at most 1, that leaves every arc a tenth of its length."""
    lengths, change = np.diff(edges), np.diff(moved) - np.diff(edges)
    shrinking = change < 0
    if not shrinking.any():
        return 1.0
    return float(min(1.0, np.min(0.9 * lengths[shrinking] / -change[shrinking])))
