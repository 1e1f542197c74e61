"""Singular arcs by their feedback: collocation of u = −⟨p, [f₀, [f₀, f₁]]⟩/⟨p, [f₁, [f₀, f₁]]⟩."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.mesh import Mesh
from homotopy.control.polish import room
from homotopy.control.side_by_side import TOGETHER, follow_each, points_of_each, together
from homotopy.control.singular import feedback_at
from homotopy.control.structure import Structure, at_nodes, from_nodes
from homotopy.control.system import ControlAffine

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

    def residuals(many):
        """Of several sets of unknowns, (m, unknowns)."""
        moved, found = [unpacked(unknowns) for unknowns in many], []
        times = np.array([_times(each, rows) for each in moved])
        for controls, count in together([each.control() for each in moved]):
            deadline.check()
            states, costates = follow_each(system, controls, mesh)
            own = times[len(found) : len(found) + count]
            own = np.pad(own, [(0, TOGETHER - count), (0, 0)], mode="edge")
            points = points_of_each(system, controls, mesh, states, costates, own)
            points = jax.tree.map(lambda part: part[:count], points)  # noqa: B023
            wanted = feedback_at(
                system,
                points.state[:, inner:].reshape(-1, system.dimension),
                points.costate[:, inner:].reshape(-1, system.dimension),
            )
            switching = np.sum(points.costate * points.field, axis=-1)
            size = np.linalg.norm(points.costate, axis=-1) * np.linalg.norm(points.field, axis=-1)
            ends = switching[:, :inner] / size[:, :inner]
            found += np.concatenate([ends, wanted.reshape(count, -1) / breadth], axis=1).tolist()
        found = np.array(found)
        found[:, inner:] = np.array(many)[:, inner:] - found[:, inner:]
        return found

    unknowns = np.concatenate(
        [structure.edges[1:-1] / duration, at_nodes(structure.coefficients[rows]).ravel() / breadth]
    )
    (value,), size = residuals([unknowns]), np.inf
    for _ in range(iterations):
        shifts = _DIFFERENCE * np.eye(unknowns.size)
        moved = residuals(np.concatenate([unknowns + shifts, unknowns - shifts]))
        jacobian = (moved[: unknowns.size] - moved[unknowns.size :]).T / (2 * _DIFFERENCE)
        if not (np.all(np.isfinite(jacobian)) and np.all(np.isfinite(value))):
            break
        step = -np.linalg.lstsq(jacobian, value, rcond=None)[0]
        edges = unpacked(unknowns).edges
        step *= room(edges, unpacked(unknowns + step).edges)
        (trial,) = residuals([unknowns + step])
        # The first step may be no improvement in norm: the series was fitted to something else.
        if not np.linalg.norm(trial) < max(1.0, 10 * (size == np.inf)) * np.linalg.norm(value):
            break
        unknowns, value, size = unknowns + step, trial, float(np.max(np.abs(step)))
        if size < 1e-14:
            break
    return unpacked(unknowns), size


def _times(structure: Structure, rows) -> np.ndarray:
    """The junctions, then the nodes of the singular arcs."""
    return np.concatenate([structure.edges[1:-1], *(structure.nodes(int(row)) for row in rows)])
