"""Following one branch of local minima down in ε, to ε = 0 or to where the minima end."""

from __future__ import annotations

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy.problem import Problem
from homotopy.responses.arclength import Correction, Point, corrected_on_host
from homotopy.responses.branch import Branch, Event
from homotopy.responses.interpolation import hermite
from homotopy.responses.location import located
from homotopy.responses.path import ResponseStatus

# A step is taken again, shorter, where the corrector moves by more than this part of it or the
# tangent turns by more radians: it might have gone over to another branch.
_MOVED, _TURNED = 0.2, 0.4
_FIRST_STEP, _SMALLEST_STEP = 1e-2, 1e-9
_TOUCHES = 0.02


class Trace(NamedTuple):
    """One branch; `status` is `successful` at its end, `jumped` at an event, or why it stopped."""

    branch: Branch
    event: Event | None
    status: ResponseStatus
    steps: int


def trace(
    problem: Problem,
    theta,
    epsilon: float,
    scale: float,
    *,
    largest_step: float,
    max_steps: int,
    beyond: int,
    until: float = 0.0,
) -> Trace:
    """Follow the local minimum θ at ε down to `until`; past an event, `beyond` more steps."""
    start = np.append(np.asarray(theta) / scale, epsilon)
    down = -np.eye(start.size)[-1]
    point = corrected_on_host(problem, start, -down, down, scale).point
    points, step, steps = [point], min(_FIRST_STEP, largest_step), 0
    event, minima, status = None, None, ResponseStatus.step_limit
    if epsilon <= until:
        status = ResponseStatus.successful
    while status == ResponseStatus.step_limit and steps < max_steps:
        steps += 1
        point = points[-1]
        # Never past ε = 0, where the risk may end: the last step goes to the end itself.
        falls = point.tangent[-1] < 0.0
        to_end = (until - point.z[-1]) / point.tangent[-1] if falls else math.inf
        last = to_end <= step
        length = to_end if last else step
        row = -down if last else point.tangent
        predicted = point.z + length * point.tangent
        new = corrected_on_host(problem, predicted, row, point.tangent, scale)
        quality = _quality(point, new, length)
        if not quality <= 1.0 or _dips(point, new.point, length):
            step = length * float(np.clip(0.8 / max(quality, 1.6), 0.25, 0.5))
            if step < _SMALLEST_STEP:
                status = ResponseStatus.stalled
            continue
        turned = not last and new.point.tangent[-1] >= 0.0
        if new.point.eigenvalue <= 0.0 or turned:
            event, singular = located(problem, point, new.point, row, length, scale)
            points.append(singular)
            minima = len(points)
            if beyond:
                points += _saddles(problem, new.point, scale, step, largest_step, beyond)
            status = ResponseStatus.jumped
        else:
            reached = new.point
            if last:
                # Exactly there, not to rounding: the end is asked for.
                reached = eqx.tree_at(lambda p: p.z, reached, np.append(reached.z[:-1], until))
                status = ResponseStatus.successful
            points.append(reached)
        step = min(largest_step, length * float(np.clip(0.5 / max(quality, 1e-9), 0.5, 2.0)))
    return Trace(_branch(points, scale, minima), event, status, steps)


def _quality(point: Point, new: Correction, length: float) -> float:
    """At most 1 where the step may be taken; ∞ where the corrector failed."""
    if not new.converged:
        return math.inf
    turned = math.acos(float(np.clip(point.tangent @ new.point.tangent, -1.0, 1.0)))
    return max(float(new.moved) / (_MOVED * length), turned / _TURNED)


def _dips(point: Point, new: Point, length: float) -> bool:
    """Whether the smallest eigenvalue may have been negative in between: two events in one step.

    Judged by the cubic through its values and slopes at both ends. Not on very short steps, and
    not where it hardly passes zero, as it does where the eigenvalue only touches it.
    """
    if length < 1e-4 or new.eigenvalue <= 0.0:
        return False
    cubic = hermite(
        point.eigenvalue,
        new.eigenvalue,
        length * point.eigenvalue_slope,
        length * new.eigenvalue_slope,
        np.linspace(0.0, 1.0, 17),
    )
    return bool(np.any(cubic < -_TOUCHES * max(point.eigenvalue, new.eigenvalue)))


def _saddles(problem, point: Point, scale, step, largest_step, count) -> list[Point]:
    """Up to so many points more of the curve, inside 0 ≤ ε ≤ 1."""
    points = [point]
    for _ in range(20 * count):
        point = points[-1]
        tangent = point.tangent
        new = corrected_on_host(problem, point.z + step * tangent, tangent, tangent, scale)
        quality = _quality(point, new, step)
        if quality <= 1.0:
            if not 0.0 <= new.point.z[-1] <= 1.0 or len(points) == count:
                break
            points.append(new.point)
        step = min(largest_step, step * float(np.clip(0.5 / max(quality, 1e-9), 0.25, 2.0)))
        if step < _SMALLEST_STEP:
            break
    return points


def _branch(points: list[Point], scale: float, minima: int | None) -> Branch:
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *points)
    chords = np.linalg.norm(np.diff(stacked.z, axis=0), axis=1)
    return Branch(
        epsilons=jnp.asarray(stacked.z[:, -1]),
        theta=jnp.asarray(scale * stacked.z[:, :-1]),
        smallest_eigenvalue=jnp.asarray(stacked.eigenvalue),
        arclength=jnp.asarray(np.append(0.0, np.cumsum(chords))),
        epsilon_tangent=jnp.asarray(stacked.tangent[:, -1]),
        theta_tangent=jnp.asarray(scale * stacked.tangent[:, :-1]),
        scale=float(scale),
        minima=len(points) if minima is None else minima,
    )
