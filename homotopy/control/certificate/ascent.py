"""The best lower bound on a node: the concave dual, maximised over the costate at the horizon."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.certificate.dual import SupportPoint, support_point
from homotopy.control.certificate.regions import Node
from homotopy.control.certificate.rounding import StateBound
from homotopy.control.certificate.system import ResidualSystem


def maximise(
    system: ResidualSystem,
    node: Node,
    costate: np.ndarray,
    enough: float,
    evaluations: int,
    states: StateBound | None = None,
    tolerance: float = 1e-10,
    deadline: Deadline = UNLIMITED,
) -> tuple[SupportPoint, int]:
    """The best lower bound found on a node, and the number of evaluations of the dual.

    Newton's method from q (the zeros of σ give the curvature of D exactly), and where it does not
    ascend the point of least norm of the ends seen so far, as in Wolfe's algorithm. Stops as soon
    as the bound is `enough`, or at the deadline.
    """
    here = support_point(system, node, costate, states)
    best, seen, count, failures = here, [here.end], 1, 0

    def visit(new):
        nonlocal best, count
        point = support_point(system, node, new, states)
        seen.append(point.end)
        count += 1
        if point.bound > best.bound:
            best = point
        return point

    while best.bound < enough and count < evaluations and not deadline.over:
        gradient = here.end - here.costate
        if np.linalg.norm(gradient) <= 1e-11 * np.linalg.norm(here.costate):
            break
        step = _newton_step(here, gradient)
        there = visit(here.costate + step)
        if there.merit >= here.merit + 1e-4 * (gradient @ step):
            here = there
            continue
        candidate = _least_norm(np.array(seen))
        if best.bound >= 0.5 * (candidate @ candidate) * (1 - tolerance):
            break
        there = visit(candidate)
        if there.merit > here.merit:
            here, failures = there, 0
            continue
        failures += 1
        if failures > 4:
            break
        there = visit(0.5 * (here.costate + candidate))
        if there.merit > here.merit:
            here = there
    return best, count


def _newton_step(point: SupportPoint, gradient: np.ndarray) -> np.ndarray:
    """(1 + Σ |v/σ̇| yyᵀ)⁻¹ gradient, with y = Φ(T, ζ)b: by Woodbury's identity."""
    factor = point.zero_effects * np.sqrt(point.zero_strengths)
    if not factor.size:
        return gradient
    small = np.eye(factor.shape[1]) + factor.T @ factor
    return gradient - factor @ np.linalg.solve(small, factor.T @ gradient)


def _least_norm(points: np.ndarray) -> np.ndarray:
    """The point of least norm in the convex hull of the rows."""
    scale = np.linalg.norm(points, axis=1).max()
    if len(points) == 1 or scale == 0.0:
        return points[0]
    system = np.vstack([points.T / scale, np.ones(len(points))])
    target = np.zeros(len(system))
    target[-1] = 1.0
    shares, _ = nnls(system, target)
    return (shares / shares.sum()) @ points
