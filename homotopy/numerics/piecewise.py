"""Functions of time that have a formula on each piece between their breakpoints."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._jit import jit_outermost


@jit_outermost
def piecewise_values(function, times: Float[Array, "*m"]) -> Float[Array, "*m"]:
    """A function at times of any shape, continuous from the left: one program for all of them.

    Parameters
    ----------
    function : pytree
        With `breakpoints` (k,), ascending, and `piece(index, t)`, the formula of each of the k + 1
        pieces: a schedule, or a control.
    times : (...)

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> piecewise_values(hm.Step(1.0), jnp.array([1.0, 2.0])).tolist()
    [1.0, 0.0]
    """
    breakpoints = function.breakpoints

    def value(t):
        return function.piece(jnp.searchsorted(breakpoints, t, side="left"), t)

    return jnp.vectorize(value)(times)
