"""Stiff flows over many decades of time, by SciPy's multistep method in log t."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float
from scipy.integrate import solve_ivp

_FIRST = 1e-12  # of the first time: where the solver begins, with the state at t = 0
_TOGETHER = 256  # states of which something is asked


@dataclasses.dataclass(frozen=True)
class StiffFlow:
    """A solution that can be asked at any time between.

    Attributes
    ----------
    steps : (k,)
        The solver's own times, ascending.
    at : callable
        Of times, ascending or not: the states, stacked, as NumPy's arrays.
    evaluations : int
        Of the velocity.
    """

    steps: Float[np.ndarray, " k"]
    at: Callable
    evaluations: int


def stiff_flow(field, inputs, start, last: float, first: float, rtol: float) -> StiffFlow | None:
    """The solution of ẏ = field(inputs, y), y(0) = start; None where the solver gives up.

    In log t, so that steps and tolerances are relative to the time that has passed. Of methods for
    stiff systems BDF needs the fewest evaluations here: a Runge–Kutta method as Kvaerno5 solves
    seven nonlinear systems a step.

    Parameters
    ----------
    field
        A function of a module, which is compiled once.
    inputs
        What it depends on, a pytree.
    start
        y(0), a pytree.
    last, first : float
        From well before `first` until `last`.
    rtol : float
    """
    flat = ravel_pytree(start)[0]
    leaves, structure = jax.tree.flatten(start)
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]

    # SciPy begins with a float of Python's and goes on with NumPy's, of another type to JAX.
    def rate(tau, y):
        return np.asarray(_rate(field, inputs, start, float(tau), y))

    def slope(tau, y):
        return np.asarray(_slope(field, inputs, start, float(tau), y))

    # SciPy's differences begin as memory that holds anything, and are computed with.
    with np.errstate(invalid="ignore", over="ignore"):
        solution = solve_ivp(
            rate,
            (np.log(_FIRST * first), np.log(last)),
            np.asarray(flat),
            method="BDF",
            dense_output=True,
            rtol=rtol,
            atol=1e-3 * rtol,
            jac=slope,
        )
    if solution.status != 0 or not np.all(np.isfinite(solution.y)):
        return None

    def at(times):
        parts = np.split(solution.sol(np.log(times)).T, ends, axis=1)
        pairs = zip(parts, leaves, strict=True)
        return structure.unflatten([part.reshape(-1, *leaf.shape) for part, leaf in pairs])

    return StiffFlow(np.exp(solution.t), at, int(solution.nfev))


def of_states(function: Callable, inputs, states):
    """`function(inputs, states)` of stacked states, some at a time: one program for any number."""
    count = len(jax.tree.leaves(states)[0])
    parts = []
    for first in range(0, count, _TOGETHER):
        rows = np.minimum(np.arange(first, first + _TOGETHER), count - 1)
        some = jax.tree.map(lambda leaf, rows=rows: leaf[rows], states)
        parts.append(jax.tree.map(np.asarray, function(inputs, some)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)


@partial(jax.jit, static_argnums=0)
def _rate(field, inputs, start, tau, y):
    unravel = ravel_pytree(start)[1]
    return jnp.exp(tau) * ravel_pytree(field(inputs, unravel(y)))[0]


@partial(jax.jit, static_argnums=0)
def _slope(field, inputs, start, tau, y):
    return jax.jacfwd(lambda y: _rate(field, inputs, start, tau, y))(y)
