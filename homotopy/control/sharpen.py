"""Singular arcs by their feedback: collocation of u = −⟨p, [f₀, [f₀, f₁]]⟩/⟨p, [f₁, [f₀, f₁]]⟩."""

from __future__ import annotations

import dataclasses

import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.mesh import Mesh
from homotopy.control.polish import room
from homotopy.control.singular import feedback
from homotopy.control.structure import Structure, at_nodes, from_nodes
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import follow

_DIFFERENCE = 1e-6


def sharpen(
    system: ControlAffine,
    structure: Structure,
    mesh: Mesh,
    iterations: int = 12,
    deadline: Deadline = UNLIMITED,
) -> tuple[Structure, float]:
    """Newton's method on H₁ = 0 at junctions and u = feedback at Legendre nodes.

    Minimising the cost determines a singular control only as far as the cost feels it, which is
    little where it varies fast and near the horizon. The feedback determines it at every time.
    Together with H₁ = 0 at both ends, Ḧ₁ = 0 makes an arc singular; but the equations do not tell
    a minimum from a maximum, so that they serve for the last digits only.

    Parameters
    ----------
    system : ControlAffine
    structure : Structure
        Close to the solution, its singular arcs of first order.
    mesh : Mesh
    iterations : int
        At most.
    deadline : Deadline

    Returns
    -------
    structure : Structure
    size : float
        Of the last step, in junctions over the duration and in controls over the distance of the
        bounds; infinite if there was none.

    Raises
    ------
    OutOfTime
        At the deadline.
    """
    duration = structure.edges[-1] - structure.edges[0]
    breadth = float(system.upper - system.lower)
    inner = structure.edges.size - 2
    rows = np.flatnonzero(structure.singular)

    def unpacked(unknowns):
        edges = structure.edges.copy()
        edges[1:-1] = unknowns[:inner] * duration
        coefficients = structure.coefficients.copy()
        coefficients[rows] = from_nodes(unknowns[inner:].reshape(rows.size, -1) * breadth)
        return dataclasses.replace(structure, edges=edges, coefficients=coefficients)

    def residual(unknowns):
        deadline.check()
        moved = unpacked(unknowns)
        trajectory = follow(system, moved.control(), mesh)
        points = trajectory.at(moved.edges[1:-1])
        wanted = [feedback(trajectory, moved.nodes(int(row))) / breadth for row in rows]
        ends = np.asarray(points.switching) / np.asarray(points.size)
        return np.concatenate([ends, unknowns[inner:] - np.concatenate(wanted)])

    unknowns = np.concatenate(
        [structure.edges[1:-1] / duration, at_nodes(structure.coefficients[rows]).ravel() / breadth]
    )
    value, size = residual(unknowns), np.inf
    for _ in range(iterations):
        columns = [
            (residual(unknowns + shift) - residual(unknowns - shift)) / (2 * _DIFFERENCE)
            for shift in _DIFFERENCE * np.eye(unknowns.size)
        ]
        jacobian = np.array(columns).T
        if not (np.all(np.isfinite(jacobian)) and np.all(np.isfinite(value))):
            break
        step = -np.linalg.lstsq(jacobian, value, rcond=None)[0]
        edges = unpacked(unknowns).edges
        step *= room(edges, unpacked(unknowns + step).edges)
        trial = residual(unknowns + step)
        # The first step may be no improvement in norm: the series was fitted to something else.
        if not np.linalg.norm(trial) < max(1.0, 10 * (size == np.inf)) * np.linalg.norm(value):
            break
        unknowns, value, size = unknowns + step, trial, float(np.max(np.abs(step)))
        if size < 1e-14:
            break
    return unpacked(unknowns), size
