"""The derivative of one step of an explicit Runge–Kutta method, backwards, stage by stage.

With v the velocity, h the step and k_i = h v(Y_i) what it goes on by at stage i, a step is

    Y_i = y + Σ_j a_ij k_j,   y₁ = y + Σ_i b_i k_i.

Of λ₁ = ∂ℓ/∂y₁ the slope ∂ℓ/∂k_i, and with it κ_i = h ∂ℓ/∂k_i and μ_i = ∂ℓ/∂Y_i, comes from the
stages after it, and the derivatives in y and in what v depends on are sums over all (theory §3.4):

    κ_i = h (b_i λ₁ + Σ_{j>i} a_ji μ_j),   μ_i = (∂v/∂y)ᵀκ_i,   λ = λ₁ + Σ_i μ_i,
    ∂ℓ/∂w = Σ_i (∂v/∂w)ᵀκ_i.

As all Y_i are known, v is linearised at all of them at once where that takes little room, and only
the products with (∂v/∂y)ᵀ wait for each other; ∂ℓ/∂w is one product of all stages. Where states are
small most of the time goes into starting operations, of which each stage then has a third.
"""

from __future__ import annotations

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from homotopy.flows.explicit_steps import Increments, square

_FEW = 2**12  # numbers by which v is linearised at a stage


def pulled_through(
    velocity: Callable,
    tableau: diffrax.ButcherTableau,
    span: Float[Array, " 2"],
    state: Float[Array, " d"],
    increments: Increments,
    costate: Float[Array, " d"],
    given: PyTree,
) -> tuple[Float[Array, " d"], PyTree]:
    """∂ℓ/∂y at the start of a step, and ∂ℓ/∂w.

    Parameters
    ----------
    velocity : callable
        v(w, t, y).
    tableau : diffrax.ButcherTableau
    span : (2,)
        When it began and when it ended: its size is held fixed.
    state : (d,)
        y, where it began.
    increments : Increments
        Of its stages k_i, of which more than y₁ needs may be there.
    costate : (d,)
        ∂ℓ/∂y₁.
    given : PyTree
        w, of floating numbers.
    """
    count = 1 + int(np.flatnonzero(tableau.b_sol)[-1])
    opening, closing = span
    length = closing - opening
    matrix, nodes = (np.asarray(part) for part in square(tableau))
    # The last stage first, as they are gone through.
    back = np.arange(count)[::-1]
    rows, columns, weights, nodes = (
        jnp.asarray(part, state.dtype)
        for part in (matrix[back], matrix[:count, back].T, tableau.b_sol[back], nodes[back])
    )
    reached = state[None, :] + increments.all_combined(rows)
    times = jnp.where(nodes == 1.0, closing, opening + nodes * length)
    of_stages = jnp.asarray(back), columns, weights

    def slope_of(passed, at):
        _, column, weight = at
        return length * (weight * costate + passed.combined(column))

    def linearised(time, point):
        return jax.vjp(lambda point: velocity(given, time, point), point)[1]

    pulls = jax.vmap(linearised)(times, reached)
    if sum(numbers.size for numbers in jax.tree.leaves(pulls)) <= count * _FEW:

        def stage(passed, at):
            *at, pull = at
            slope = slope_of(passed, at)
            return passed.written(pull(slope)[0], at[0]), slope

        passed, slopes = lax.scan(stage, Increments.none(state, count), (*of_stages, pulls))
        along = jax.vmap(velocity, (None, 0, 0))
        (sums,) = jax.vjp(lambda given: along(given, times, reached), given)[1](slopes)
        return costate + passed.combined(np.ones(count)), sums

    def stage_alone(carry, at):
        passed, sums = carry
        *at, time, point = at
        _, pull = jax.vjp(lambda given, point: velocity(given, time, point), given, point)
        added, mu = pull(slope_of(passed, at))
        return (passed.written(mu, at[0]), jax.tree.map(jnp.add, sums, added)), None

    start = Increments.none(state, count), jax.tree.map(jnp.zeros_like, given)
    (passed, sums), _ = lax.scan(stage_alone, start, (*of_stages, times, reached))
    return costate + passed.combined(np.ones(count)), sums
