"""Outputs that move with their times, for derivatives of gradients (theory §3.4).

Steps are held fixed where they are differentiated, and outputs are ends of steps: what the fraction
s of an output adds to a derivative is said here. A state at s goes on with its velocity v,

    y(s + δ) = y(s) + δ v,

and a slope ∂ℓ/∂y(s + δ), told at s, is one of y(s) and of what v depends on:

    ∂ℓ/∂y(s) = (1 + δ ∂v/∂y)ᵀ ∂ℓ/∂y(s + δ),   ∂ℓ/∂w = δ (∂v/∂w)ᵀ ∂ℓ/∂y(s + δ).

δ is zero, and nothing is computed, until a gradient is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

_THIRD = (
    "Third derivatives by Adaptive(), of outputs inside the flow: take "
    "adjoint=diffrax.ForwardMode(), and jax.jacfwd for all."
)


@eqx.filter_custom_jvp
def states_that_move(
    velocities: Callable, fractions: Float[Array, " m"], states: Float[Array, "m d"]
) -> Float[Array, "m d"]:
    """The states themselves.

    Parameters
    ----------
    velocities : callable
        Of fractions and states, (m, d).
    """
    return states


@states_that_move.def_jvp
def _states_that_move(primals, tangents):
    velocities, fractions, states = primals
    _, d_fractions, moved = tangents
    moved = jnp.zeros_like(states) if moved is None else moved
    if d_fractions is not None:
        velocities, fractions, at = eqxi.nondifferentiable(primals, msg=_THIRD)
        moved = moved + d_fractions[:, None] * velocities(fractions, at)
    return states, moved


@eqx.filter_custom_jvp
def slopes_that_move(
    velocities: Callable,
    given: PyTree,
    fractions: Float[Array, " m"],
    states: Float[Array, "m d"],
    slopes: Float[Array, "m d"],
) -> tuple[Float[Array, "m d"], PyTree]:
    """The slopes themselves, and zeros like what v depends on.

    Parameters
    ----------
    velocities : callable
        Of what it depends on, fractions and states, (m, d).
    given : PyTree
        w.
    """
    return slopes, jax.tree.map(jnp.zeros_like, given)


@slopes_that_move.def_jvp
def _slopes_that_move(primals, tangents):
    slopes, given = primals[-1], primals[1]
    d_fractions, moved = tangents[2], tangents[4]
    moved = jnp.zeros_like(slopes) if moved is None else moved
    none = jax.tree.map(jnp.zeros_like, given)
    if d_fractions is None:
        return (slopes, none), (moved, none)
    velocities, at, fractions, states, fixed = eqxi.nondifferentiable(primals, msg=_THIRD)
    _, pull = jax.vjp(lambda at, states: velocities(at, fractions, states), at, states)
    added, turned = pull(d_fractions[:, None] * fixed)
    return (slopes, none), (moved + turned, added)
