"""The best lower bound on a node: the concave dual, maximised over the costate at the horizon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.certificate.dual_point import AbstractDualPoint

_PATIENCE = 20  # times that the hull of the ends gains a point and D does not ascend
_HOPELESS = 1e-3  # of a bound that is enough: where the hull comes nearer, the best one is no use
_NEAR = 0.05  # of what a bound is short of at best: nearer to the best one is no use either
_SHORT_STEPS = 2
_ROUNDING = 1e-14  # of a bound: twice what there is left to gain, without a kink
_STALLED, _GAINED = 15, 0.02  # evaluations that gain less, of what the bound is short of


def maximise(
    dual: Callable[[np.ndarray], AbstractDualPoint],
    costate: np.ndarray,
    enough: float,
    evaluations: int,
    tolerance: float = 1e-10,
    deadline: Deadline = UNLIMITED,
    hasty: bool = False,
) -> tuple[AbstractDualPoint, int]:
    """The best lower bound found on a node, and the number of evaluations of its dual.

    D is homogeneous, and the bound the same for all multiples of q: Newton's method starts from the
    one with the largest D − ½‖q‖² (the zeros of σ give the curvature of D exactly). Where D ≤ 0
    there is none: then, and where Newton's method does not ascend or creeps towards a kink, the
    point of least norm of the ends seen so far is next, as in Wolfe's algorithm. Stops as soon as
    the bound is `enough`, or at the deadline; where `hasty`, for a node that can be divided, also
    where little more is to be had.
    """
    here = dual(costate)
    best, seen, count, failures = here, [here.end], 1, 0
    crept = 0  # short steps in a row: near a kink the hull gets on faster
    gained, least = 1, np.inf  # when last the bound rose, or the hull came nearer, by what matters

    def visit(new):
        nonlocal best, count, gained
        point = dual(new)
        seen.append(point.end)
        count += 1
        if point.bound > best.bound:
            if point.bound - best.bound > _GAINED * max(enough - best.bound, 0.0):
                gained = count
            best = point
        return point

    while best.bound < enough and count < evaluations and not deadline.over:
        if hasty and count - gained > _STALLED:
            break
        scale = _best_scale(here)
        foot = scale * here.costate
        gradient = here.end - foot
        if np.linalg.norm(gradient) <= 1e-11 * np.linalg.norm(foot):
            break
        # Else Newton's step has been tried from here.
        if failures == 0 and scale > 0.0 and crept < _SHORT_STEPS:
            step = _newton_step(here, scale, gradient)
            if gradient @ step <= _ROUNDING * here.bound:
                break
            there = visit(foot + step)
            if there.bound >= here.bound + 1e-4 * (gradient @ step):
                here, crept = there, 0
                continue
            shorter = _shorter(here, there, foot, step, visit)
            if shorter is not None:
                here, crept = shorter, crept + 1
                continue
        candidate = _least_norm(np.array(seen))
        most = 0.5 * float(candidate @ candidate)  # that the bound can be
        if best.bound >= most * (1 - tolerance) or most <= _HOPELESS * enough:
            break
        if most < 0.9 * least:
            gained, least = count, most
        if hasty and most < enough and most - best.bound <= _NEAR * (enough - most):
            break
        size = max(float(np.linalg.norm(here.costate)), 1e-300)
        away = here.costate * (np.linalg.norm(candidate) / size)
        for new in (candidate, 0.5 * (away + candidate)):
            there = visit(new)
            if there.height > here.height:
                here, failures, crept = there, 0, 0
                break
        else:
            failures += 1
            if failures > _PATIENCE:
                break
    return best, count


def _best_scale(point: AbstractDualPoint) -> float:
    """t > 0 with the largest D − ½‖q‖² at tq; 0 where D has the wrong sign."""
    return max(point.value, 0.0) / max(float(point.costate @ point.costate), 1e-300)


def _shorter(here, there, foot, step, visit):
    """The first of some points along a step at which D ascends; None where a kink is near.

    D is concave: from its slopes at both ends follows where along the step it is largest.
    """
    ahead, behind = (
        float((here.end - foot) @ step),
        float((there.end - there.costate) @ step),
    )
    if not (ahead > 0.0 > behind):
        return None
    share = ahead / (ahead - behind)
    if not 1e-3 < share < 0.9:
        share = 0.1
    for factor in (share, 0.1 * share):
        point = visit(foot + factor * step)
        if point.bound >= here.bound + 1e-4 * factor * ahead:
            return point
    return None


def _newton_step(point: AbstractDualPoint, scale: float, gradient: np.ndarray) -> np.ndarray:
    """(1 + Σ |v/σ̇| yyᵀ)⁻¹ gradient at a multiple of q, y = Φ(T, ζ)b: by Woodbury's identity."""
    factor = point.zero_effects * np.sqrt(point.zero_strengths / scale)
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
