"""How far a control is from Pontryagin's conditions."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy.control.trajectory import Trajectory, a_trajectory
from homotopy.numerics.gauss_legendre import quadrature

_NODES, _WEIGHTS = quadrature(8)


class PontryaginResidual(NamedTuple):
    """The residual of the minimum condition, relative and in the units of the cost.

    What is called `pmp_residual` anywhere in this package is `relative`:

        ∫ |u − v| |H₁| dt  /  (upper − lower) ∫ ‖p‖ ‖f₁‖ dt.

    The scale is not ∫ |H₁|, which is itself nothing but rounding on singular arcs: a control that
    is singular throughout would have no residual.

    Attributes
    ----------
    relative : ()
        `gap` / `scale`, from 0 (an extremal) to 1; zero where the scale is. It has no unit.
    gap : ()
        ∫ |u − v| |H₁| dt, v the bound that minimises H₁: how much the cost falls, to first order,
        on the way to the best other control (the conditional-gradient gap in function space).
    scale : ()
        (upper − lower) ∫ ‖p‖ ‖f₁‖ dt: what the gap can at most be.
    outside : ()
        The furthest that u lies outside of its bounds, over their distance: only a control that
        keeps them can be an extremal.
    """

    relative: Float[Array, ""]
    gap: Float[Array, ""]
    scale: Float[Array, ""]
    outside: Float[Array, ""]


class Samples(NamedTuple):
    """Values at eight Gauss–Legendre nodes of every step, in order of time: each of shape (q,)."""

    times: Float[Array, " q"]
    weights: Float[Array, " q"]
    pieces: Int[Array, " q"]
    control: Float[Array, " q"]
    switching: Float[Array, " q"]
    size: Float[Array, " q"]  # ‖p‖ ‖f₁‖


def sample(trajectory: Trajectory, begin: float = -np.inf) -> Samples:
    """The control and the switching function where a quadrature needs them.

    Of times before `begin`, which are to be known for that, nothing is computed: they weigh zero,
    and hold the values of the first that counts.
    """
    steps, fractions, times, weights, pieces = _quadrature(trajectory)
    if isinstance(trajectory.states, jax.core.Tracer):
        points = trajectory.inside(steps, fractions)
    else:
        weights = jnp.asarray(np.where(np.asarray(times) >= begin, weights, 0.0))
        # Steps of no length fill up a mesh at its end, and weigh nothing.
        counted = np.flatnonzero(weights)
        first, last = (counted[0], counted[-1]) if counted.size else (0, 0)
        own = slice(first, last + 1)
        points = trajectory.inside(np.asarray(steps)[own], np.asarray(fractions)[own])
        rest = np.clip(np.arange(len(steps)), first, last) - first
        points = jax.tree.map(lambda values: jnp.asarray(np.asarray(values)[rest]), points)
    return Samples(times, weights, pieces, points.control, *_switching(points))


@eqx.filter_jit
def _quadrature(trajectory):
    count = trajectory.mesh.piece.shape[0]
    steps = jnp.repeat(jnp.arange(count), _NODES.size)
    fractions = jnp.tile(jnp.asarray(_NODES), count)
    nodes = trajectory.times
    widths = jnp.diff(nodes)[steps]
    times = nodes[steps] + fractions * widths
    weights = jnp.tile(jnp.asarray(_WEIGHTS), count) * widths
    return steps, fractions, times, weights, trajectory.mesh.piece[steps]


@eqx.filter_jit
def _switching(points):
    return points.switching, points.size


def pontryagin_residual(trajectory: Trajectory) -> PontryaginResidual:
    """The residual of u = argmin H₁ u along a trajectory; zero at an extremal.

    Integrated by Gauss–Legendre on every step of the mesh, with H₁ exact at the nodes: precise
    where u switches at the zeros of H₁ or follows a singular arc. Elsewhere the kinks at these
    zeros cost digits, which do not matter.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, bang_bang, follow, pontryagin_residual
    >>> hm.enable_x64()
    >>> system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [0.0], 2.0)
    >>> late = follow(system, bang_bang(system, [1.0], first=1.0))
    >>> never = follow(system, bang_bang(system, [], first=0.0))
    >>> round(float(pontryagin_residual(late).relative), 6)
    0.268941
    >>> float(pontryagin_residual(never).relative)
    0.0
    """
    system = a_trajectory(trajectory).system
    return residual_of(sample(trajectory), system.lower, system.upper)


@eqx.filter_jit
def residual_of(
    samples: Samples, lower: Float[Array, ""], upper: Float[Array, ""]
) -> PontryaginResidual:
    """The residual of a control from its values at the nodes of a quadrature."""
    best = jnp.where(samples.switching > 0, lower, upper)
    distance = jnp.abs(samples.control - best) * jnp.abs(samples.switching)
    gap = jnp.sum(samples.weights * distance)
    scale = (upper - lower) * jnp.sum(samples.weights * samples.size)
    excess = jnp.maximum(lower - samples.control, samples.control - upper)
    outside = jnp.maximum(jnp.max(excess), 0.0) / (upper - lower)
    return PontryaginResidual(gap / jnp.where(scale > 0, scale, 1.0), gap, scale, outside)
