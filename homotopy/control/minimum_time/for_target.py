"""The least horizon at which a state can be reached."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import least_squares

from homotopy._module import Module
from homotopy.control.arcs import Arc, ArcKind, read_arcs
from homotopy.control.controls import PiecewiseConstantControl
from homotopy.control.mesh import choose_mesh
from homotopy.control.minimum_time.bracket import at, bracket
from homotopy.control.minimum_time.result import LeastHorizon, LeastHorizonStatus, nothing
from homotopy.control.pontryagin import pontryagin_residual
from homotopy.control.trajectory import Trajectory, follow, forward

# The distance from a target at which a horizon counts as enough for reading a structure, squared
# and relative to that of the initial state.
_NEAR = 1e-6


class _Distance(Module):
    """½‖x − target‖²."""

    target: Float[Array, " d"]

    def __call__(self, x):
        return 0.5 * jnp.sum((x - self.target) ** 2)


class _Direction(Module):
    """⟨normal, x⟩."""

    normal: Float[Array, " d"]

    def __call__(self, x):
        return jnp.dot(self.normal, x)


@eqx.filter_jit
def _end(system, values, mesh, unknowns):
    """x(T) under bang arcs, and its derivative in the switch times and T."""

    def final(unknowns):
        control = eqx.tree_at(
            lambda c: (c.breakpoints, c.values),
            PiecewiseConstantControl(np.zeros(values.shape[0] - 1), np.zeros(values.shape[0])),
            (unknowns[:-1], values),
        )
        return forward(at(system, unknowns[-1]), control, mesh)[-1]

    return final(unknowns), jax.jacfwd(final)(unknowns)


def for_target(system, target, cells, residual_tolerance, enough) -> LeastHorizon:
    """The root of x(T) = target in the switch times and T, from the structure shortly before."""
    system = eqx.tree_at(lambda s: s.cost, system, _Distance(target))
    counts = {"cells": cells, "evaluations": 0, "newton": 0}
    distance = float(system.cost(system.initial))
    target = np.asarray(target)
    size = max(np.linalg.norm(target), np.sqrt(2 * distance))
    if distance <= 0.5 * (1e-14 * size) ** 2:
        return nothing(system, LeastHorizonStatus.at_start, counts)
    found, evaluations = bracket(system, _NEAR * distance, cells, enough)
    counts["evaluations"] = evaluations
    if found is None:
        return nothing(system, LeastHorizonStatus.out_of_reach, counts)
    low, below, high, above = found
    # Shortly before the least horizon the costate is still there, and with it the structure.
    optimum, horizon = (below, low) if below is not None else (above, high)
    edges = np.linspace(float(system.start), horizon, cells + 1)
    arcs = read_arcs(edges, optimum.fractions, optimum.switching)
    unresolved = LeastHorizon(
        high, arcs, None, None, np.nan, LeastHorizonStatus.unresolved, None, counts
    )
    if any(arc.kind == ArcKind.singular for arc in arcs):
        return unresolved

    lower, upper = float(system.lower), float(system.upper)
    values = np.array([lower if arc.kind == ArcKind.lower else upper for arc in arcs])
    start = float(system.start)
    unknowns = np.array([arc.stop for arc in arcs])
    guess = PiecewiseConstantControl(unknowns[:-1], values)
    mesh, _ = choose_mesh(at(system, unknowns[-1]), guess)
    result = least_squares(
        lambda z: np.asarray(_end(system, jnp.asarray(values), mesh, jnp.asarray(z))[0]) - target,
        unknowns,
        lambda z: np.asarray(_end(system, jnp.asarray(values), mesh, jnp.asarray(z))[1]),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        x_scale=unknowns[-1] - start,
    )
    counts["newton"] = result.nfev
    unknowns, error = result.x, float(np.linalg.norm(result.fun))
    if error > 1e-10 * size or np.any(np.diff([start, *unknowns]) <= 0):
        return unresolved
    trajectory = _least_time_trajectory(system, values, unknowns, optimum, horizon)
    residual = pontryagin_residual(trajectory)
    edges = [start, *unknowns]
    arcs = tuple(map(Arc, (arc.kind for arc in arcs), edges[:-1], map(float, edges[1:])))
    extremal = float(residual.relative) <= residual_tolerance
    status = LeastHorizonStatus.successful if extremal else LeastHorizonStatus.unresolved
    return LeastHorizon(
        float(unknowns[-1]), arcs, trajectory, residual, error, status, None, counts
    )


def _least_time_trajectory(system, values, unknowns, optimum, horizon) -> Trajectory:
    """With the costate normal to all that the switch times can do to x(T), and ⟨p, ẋ(T)⟩ = −1."""
    timed = at(system, unknowns[-1])
    control = PiecewiseConstantControl(unknowns[:-1], values)
    mesh, _ = choose_mesh(timed, control)
    end, jacobian = map(np.asarray, _end(system, jnp.asarray(values), mesh, jnp.asarray(unknowns)))
    _, singular, rows = np.linalg.svd(jacobian[:, :-1].T, full_matrices=True)
    rank = int(np.sum(singular > 1e-10 * max(singular.max(initial=0.0), 1e-300)))
    null = rows[rank:] if rank < rows.shape[0] else rows[-1:]
    # Where the normal is not unique: the one closest to the costate shortly before.
    before = follow(at(system, horizon), optimum.control, optimum.mesh).costates[-1]
    normal = null.T @ (null @ np.asarray(before))
    velocity = np.asarray(system.velocity(jnp.asarray(end), float(values[-1])))
    along = float(normal @ velocity)
    normal = -normal / along if along != 0 else normal
    timed = eqx.tree_at(lambda s: s.cost, timed, _Direction(jnp.asarray(normal)))
    return follow(timed, control, mesh)
