"""A control as a sequence of arcs with free junctions, and where to begin on singular ones."""

from __future__ import annotations

import dataclasses

import numpy as np

from homotopy.control.arcs import Arc, ArcKind, joined
from homotopy.control.controls import PiecewisePolynomialControl
from homotopy.control.singular import feedback
from homotopy.control.trajectory import Trajectory
from homotopy.numerics.gauss_legendre import quadrature, to_coefficients


@dataclasses.dataclass(frozen=True)
class Structure:
    """Arcs, and a Legendre series of the control on each.

    Attributes
    ----------
    kinds : tuple of ArcKind
    edges : (k + 1,)
        The start, the junctions, the horizon.
    coefficients : (k, n)
        n = 1 where no arc is singular.
    """

    kinds: tuple[ArcKind, ...]
    edges: np.ndarray
    coefficients: np.ndarray

    @property
    def arcs(self) -> tuple[Arc, ...]:
        ends = zip(self.edges[:-1], self.edges[1:], strict=True)
        return tuple(
            Arc(kind, float(a), float(b)) for kind, (a, b) in zip(self.kinds, ends, strict=True)
        )

    @property
    def singular(self) -> np.ndarray:
        """Which arcs are singular, (k,)."""
        return np.array([kind == ArcKind.singular for kind in self.kinds])

    def nodes(self, row: int) -> np.ndarray:
        """The Legendre nodes on one arc, as many as its series has terms: (n,) times."""
        return _times(self.edges[row], self.edges[row + 1], self.coefficients.shape[1])

    def control(self) -> PiecewisePolynomialControl:
        return PiecewisePolynomialControl(self.edges, self.coefficients)


def structure_of(arcs, trajectory: Trajectory, degree: int, fit: int | None = None) -> Structure:
    """The structure with the given arcs, its singular controls taken from a nearby trajectory.

    Parameters
    ----------
    arcs : sequence of Arc
    trajectory : Trajectory
        Whose states and costates the feedback is computed from; its control where that fails.
    degree : int
        Of the series on singular arcs.
    fit : int, optional
        A lower degree, up to which the feedback is believed.
    """
    arcs = joined(arcs)
    system = trajectory.system
    lower, upper = float(system.lower), float(system.upper)
    size = degree + 1 if any(arc.kind == ArcKind.singular for arc in arcs) else 1
    coefficients = np.zeros((len(arcs), size))
    for row, arc in enumerate(arcs):
        if arc.kind == ArcKind.singular:
            kept = size if fit is None else min(size, fit + 1)
            coefficients[row, :kept] = _series(trajectory, arc, kept, size)
        else:
            coefficients[row, 0] = lower if arc.kind == ArcKind.lower else upper
    edges = np.array([arcs[0].start, *(arc.stop for arc in arcs)])
    return Structure(tuple(arc.kind for arc in arcs), edges, coefficients)


def at_nodes(coefficients: np.ndarray) -> np.ndarray:
    """Legendre series (k, n) at the n Legendre nodes: (k, n)."""
    size = coefficients.shape[1]
    nodes, _ = quadrature(size)
    return coefficients @ np.polynomial.legendre.legvander(2 * nodes - 1, size - 1).T


def from_nodes(values: np.ndarray, kept: int | None = None) -> np.ndarray:
    """The coefficients (k, n), or the first few, from values at the Legendre nodes (k, n)."""
    size = values.shape[1]
    kept = size if kept is None else kept
    return values @ to_coefficients(size)[:kept].T


def _times(start, stop, size):
    return start + quadrature(size)[0] * (stop - start)


def _series(trajectory, arc, kept, size):
    times = _times(arc.start, arc.stop, max(size, 8))
    values = feedback(trajectory, times)
    lower, upper = float(trajectory.system.lower), float(trajectory.system.upper)
    if np.mean((values >= lower) & (values <= upper)) < 0.75:
        values = np.asarray(trajectory.control(times))
    return from_nodes(np.clip(values, lower, upper)[None], kept)[0]
