"""dℰ of a schedule whose pieces move, from the switching function at nodes that move with them.

δℰ = −∫ φ(t) δε(t) dt (theory §4). A parameter changes ε on a piece, and where the piece begins and
ends. With δε of a point that moves along, by δt, and by parts on every piece,

    δℰ = −Σ_pieces ∫ (φ δε + ε (φ δt)˙) dt,

where no slope of ε enters, which may be infinite, and no jump: pieces may have no length.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Bool, Float, Int

from homotopy.numerics.namespace import AnyArray
from homotopy.schedules import AbstractSchedule


def edges_until(schedule: AbstractSchedule, horizon: Float[Array, ""]) -> Float[Array, " edges"]:
    """Where the pieces begin and end, from 0 to the horizon."""
    breakpoints = schedule.breakpoints
    # `where`, not `minimum`: at a tie the derivative is the one from inside the horizon.
    within = jnp.where(breakpoints <= horizon, breakpoints, horizon)
    return jnp.concatenate([jnp.zeros(1, horizon.dtype), within, horizon[None]])


def placed(
    edges: Float[Array, " edges"], pieces: Int[AnyArray, " n"], fractions: Float[AnyArray, " n"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """The times at fractions of pieces, and the lengths of these."""
    # Sums, not `edges[pieces]`: the derivative of that adds up one node after the other.
    own = pieces[:, None] == jnp.arange(edges.size - 1)[None, :]
    opening, length = (
        jnp.sum(jnp.where(own, part[None, :], 0.0), axis=1)
        for part in (edges[:-1], edges[1:] - edges[:-1])
    )
    return opening + fractions * length, length


def pairing(
    schedule: AbstractSchedule,
    horizon: Float[Array, ""],
    exact: Bool[AnyArray, " pieces"],
    nodes: tuple[Int[AnyArray, " n"], Float[AnyArray, " n"], Float[AnyArray, " n"]],
    switching: tuple[Float[AnyArray, " n"], Float[AnyArray, " n"], Float[AnyArray, " k"]],
) -> Float[Array, ""]:
    """A number whose derivative in the parameters of the schedule is that of ℰ.

    Parameters
    ----------
    schedule : AbstractSchedule
    horizon : ()
    exact : (k + 1,)
        Pieces on which ε is constant, and no parameter changes it; the others have nodes.
    nodes
        Pieces, fractions and weights of a quadrature; the weights of a piece add up to one.
    switching
        φ and φ̇ at the nodes, and φ between the pieces, (k,).
    """
    pieces, fractions, weights = nodes
    phi, slope, between = switching
    edges = edges_until(schedule, horizon)
    times, length = placed(edges, pieces, fractions)
    epsilon = jax.vmap(schedule.piece)(pieces, times)
    by_values = stop_gradient(length) * phi * epsilon
    by_moves = stop_gradient(epsilon) * (stop_gradient(length) * slope * times + phi * length)
    held = jnp.where(exact, stop_gradient(jnp.asarray(schedule.piece_values)), 0.0)
    by_jumps = between * (held[:-1] - held[1:]) * edges[1:-1]
    return -jnp.sum(weights * (by_values + by_moves)) - jnp.sum(by_jumps)
