"""Where along a step of continuation the Hessian turns singular, and what happens there."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy.problem import Problem
from homotopy.responses.arclength import Point, corrected_on_host
from homotopy.responses.branch import Event, EventKind
from homotopy.responses.interpolation import hermite, hermite_slope

_LOCATED = 1e-11  # of the arclength
_NEAR = 1e-3  # in arclength
_KERNEL = 1e-6  # of the largest eigenvalue


def located(
    problem: Problem, left: Point, right: Point, row, length: float, scale: float
) -> tuple[Event, Point]:
    """The event between a minimum and the next point of the curve, and the point where it is.

    `row` and `length` are those of the step that led from one to the other.
    """
    if right.eigenvalue > 0.0:
        point, kind = _turning(problem, left, right, scale), EventKind.merging
    else:
        point = _crossing(problem, left, right, row, length, scale)
        turns = right.tangent[-1] > 0.0
        kind = EventKind.fold if turns else EventKind.lost_definiteness
    theta, epsilon = jnp.asarray(scale * point.z[:-1]), jnp.asarray(point.z[-1])
    if kind == EventKind.fold:
        # There the curve runs along the kernel, from the minima to the saddles: downhill.
        direction = point.tangent[:-1]
    else:
        direction = np.asarray(_kernel_vector(problem, theta, epsilon))
        if kind == EventKind.lost_definiteness:
            # There are two tangents, and rounding takes any: that of the branch is its chord.
            chord = point.z - left.z
            point = eqx.tree_at(lambda p: p.tangent, point, chord / np.linalg.norm(chord))
    event = Event(
        kind,
        epsilon,
        theta,
        jnp.asarray(direction / np.linalg.norm(direction)),
    )
    return event, point


@eqx.filter_jit
def _kernel_vector(problem, theta, epsilon):
    """A vector in the kernel of H, of whatever dimension: always the same one, up to rounding."""
    eigenvalues, vectors = jnp.linalg.eigh(problem.hessian(theta, epsilon))
    kernel = jnp.abs(eigenvalues) <= _KERNEL * jnp.max(jnp.abs(eigenvalues))
    kernel = kernel.at[jnp.argmin(jnp.abs(eigenvalues))].set(True)
    # The projection of a vector that no symmetry prefers.
    any_vector = jnp.sin(1.0 + jnp.arange(theta.size, dtype=theta.dtype))
    return vectors @ jnp.where(kernel, vectors.T @ any_vector, 0.0)


def _crossing(problem, left: Point, right: Point, row, length: float, scale: float) -> Point:
    """Where the smallest eigenvalue crosses zero."""

    def at(part):
        predicted = left.z + part * left.tangent
        return corrected_on_host(problem, predicted, row, left.tangent, scale).point

    known = {0.0: float(left.eigenvalue), length: float(right.eigenvalue)}

    def eigenvalue(part):
        return known[part] if part in known else float(at(part).eigenvalue)

    from scipy.optimize import brentq

    root = brentq(eigenvalue, 0.0, length, xtol=_LOCATED, rtol=1e-15, maxiter=100, disp=False)
    return at(root)


def _turning(problem, left: Point, right: Point, scale: float) -> Point:
    """Where ε turns back between two minima: another branch crosses there.

    The equations are singular at the crossing, and next to it Newton's method may go over to the
    other branch. So the place is interpolated between points on both sides, near but not too near.
    """
    near = min(_NEAR, 0.1 * float(np.linalg.norm(right.z - left.z)))
    for _ in range(30):
        length = float(np.linalg.norm(right.z - left.z))
        cubic = left.z, right.z, length * left.tangent, length * right.tangent
        middle = _turning_part(cubic)
        if length <= near:
            break
        ends = []
        for part in (max(middle - 0.25, 0.0), min(middle + 0.25, 1.0)):
            along = hermite_slope(*cubic, part)
            along = along / np.linalg.norm(along)
            ends.append(corrected_on_host(problem, hermite(*cubic, part), along, along, scale))
        straddling = ends[0].point.tangent[-1] < 0.0 < ends[1].point.tangent[-1]
        if not straddling or any(not e.converged or e.moved > 0.1 * length for e in ends):
            break
        left, right = (end.point for end in ends)
    z, tangent = hermite(*cubic, middle), hermite_slope(*cubic, middle)
    unit = tangent / np.linalg.norm(tangent)
    # Taken where it is: no Newton step, at a singular point.
    return corrected_on_host(problem, z, unit, unit, scale, max_steps=0).point


def _turning_part(cubic) -> float:
    """Where on [0, 1] the last coordinate, ε, of the cubic is least."""
    slopes = [float(hermite_slope(*cubic, part)[-1]) for part in (0.0, 1.0)]
    if not slopes[0] < 0.0 < slopes[1]:
        return 0.0 if slopes[0] >= 0.0 else 1.0
    from scipy.optimize import brentq

    return brentq(lambda part: float(hermite_slope(*cubic, part)[-1]), 0.0, 1.0)
