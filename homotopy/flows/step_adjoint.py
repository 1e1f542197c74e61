"""The derivative of one step of an explicit Runge–Kutta method, backwards, stage by stage.

With v the velocity, h the step and k_i = h v(Y_i) what it goes on by at stage i, a step is

    Y_i = y + Σ_j a_ij k_j,   y₁ = y + Σ_i b_i k_i.

Of λ₁ = ∂ℓ/∂y₁ the slope ∂ℓ/∂k_i, and with it κ_i = h ∂ℓ/∂k_i and μ_i = ∂ℓ/∂Y_i, comes from the
stages after it, and the derivatives in y and in what v depends on are sums over all (theory §3.4):

    κ_i = h (b_i λ₁ + Σ_{j>i} a_ji μ_j),   μ_i = (∂v/∂y)ᵀκ_i,   λ = λ₁ + Σ_i μ_i,
    ∂ℓ/∂w = Σ_i (∂v/∂w)ᵀκ_i.
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
    rows = jnp.asarray(matrix[back], state.dtype)
    reached = state[None, :] + increments.all_combined(rows)

    def stage(carry, at):
        passed, sums = carry
        index, point, column, weight, node = at
        slope = length * (weight * costate + passed.combined(column))
        time = jnp.where(node == 1.0, closing, opening + node * length)
        _, pull = jax.vjp(lambda given, point: velocity(given, time, point), given, point)
        added, mu = pull(slope)
        sums = jax.tree.map(jnp.add, sums, added)
        return (passed.written(mu, index), sums), None

    start = Increments.none(state, count), jax.tree.map(jnp.zeros_like, given)
    columns, weights = matrix[:count, back].T, tableau.b_sol[back]
    numbers = (jnp.asarray(part, state.dtype) for part in (columns, weights, nodes[back]))
    columns, weights, nodes = numbers
    at = jnp.asarray(back), reached, columns, weights, nodes
    (passed, sums), _ = lax.scan(stage, start, at)
    return costate + passed.combined(np.ones(count)), sums
