"""Where a control violates Pontryagin's condition, and the arcs that would mend it."""

from __future__ import annotations

import numpy as np

from homotopy.control.arcs import Arc, ArcKind
from homotopy.control.pontryagin import sample
from homotopy.control.trajectory import Trajectory


def missing_arcs(trajectory: Trajectory, singular: np.ndarray) -> list[Arc]:
    """Bang arcs that the condition asks for, those that gain most first.

    On a bang arc it is violated where H₁ has the wrong sign, on a singular one where the control
    leaves the bounds. An arc is to take the middle half of the time of a violation, where it is
    worst, and all of it up to an end of time: Newton's method does the rest.

    Parameters
    ----------
    trajectory : Trajectory
    singular : (k,)
        Which pieces of its control are singular arcs.

    Returns
    -------
    list of Arc
        Each within one piece, and longer than a billionth of the duration.
    """
    system = trajectory.system
    lower, upper = float(system.lower), float(system.upper)
    ends = float(system.start), float(system.horizon)
    times, weights, piece, u, switching, size = map(np.asarray, sample(trajectory))
    on_singular = singular[piece]
    best = np.where(switching > 0, lower, upper)
    bang = np.where(~on_singular, np.abs(u - best) * np.abs(switching), 0.0)
    bang = np.where(bang > 1e-13 * (upper - lower) * size, bang, 0.0)
    outside = np.maximum(np.maximum(lower - u, u - upper), 0.0)
    outside = np.where(on_singular & (outside > 1e-9 * (upper - lower)), outside * size, 0.0)
    violated = ((bang > 0) | (outside > 0)) & (weights > 0)
    if not violated.any():
        return []
    wanted = np.where(outside > 0, u > upper, best == upper)
    label = np.where(violated, 2 * piece + wanted, -1)
    changes = np.flatnonzero(np.diff(label)) + 1
    runs = [run for run in np.split(np.arange(label.size), changes) if violated[run[0]]]
    runs.sort(key=lambda run: -np.sum(weights[run] * (bang + outside)[run]))
    inside, arcs = times[weights > 0], []
    for run in runs:
        start, stop = float(times[run[0]]), float(times[run[-1]])
        first, last = start <= inside[0], stop >= inside[-1]
        quarter = (stop - start) / 4
        opening = ends[0] if first else start + quarter
        closing = ends[1] if last else stop - quarter
        if closing - opening > 1e-9 * (ends[1] - ends[0]):
            kind = ArcKind.upper if wanted[run[0]] else ArcKind.lower
            arcs.append(Arc(kind, opening, closing))
    return arcs
