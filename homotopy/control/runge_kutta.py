"""One step of the Runge–Kutta method of order eight that diffrax calls Dopri8."""

import diffrax
import jax.numpy as jnp
import numpy as np
from jax import lax


def _dense(tableau):
    """The coefficients as arrays, without the last stage, which only the next step would use."""
    stages = tableau.num_stages - 1
    matrix = np.zeros((stages, stages))
    for row, entries in enumerate(tableau.a_lower[: stages - 1], start=1):
        matrix[row, : len(entries)] = entries
    nodes = np.concatenate([[0.0], tableau.c])[:stages]
    if tableau.b_sol[-1] != 0 or tableau.b_error[-1] != 0:
        raise AssertionError("the last stage of Dopri8 is expected to carry no weight")
    return matrix, nodes, tableau.b_sol[:-1], tableau.b_error[:-1]


_MATRIX, _NODES, _WEIGHTS, _ERROR_WEIGHTS = _dense(diffrax.Dopri8.tableau)


# Where in a step its stages are, of its length.
NODES = _NODES


def step(velocity, y, length, inputs):
    """y after a step and its error estimate, where ẏ = velocity(y, input), y a vector.

    A loop over stages, so that the velocity is compiled once, and differentiable in both modes and
    to any order: what an adaptive solver in a `while_loop` is not. `inputs` (13,) are the values
    at the times of the stages, `NODES`, of what the velocity depends on besides y.
    """
    matrix = jnp.asarray(_MATRIX, y.dtype)

    def stage(slopes, at):
        index, row, given = at
        slope = velocity(y + length * (row @ slopes), given)
        return slopes.at[index].set(slope), None

    slopes = jnp.zeros((_MATRIX.shape[0], y.shape[0]), y.dtype)
    slopes, _ = lax.scan(stage, slopes, (jnp.arange(_MATRIX.shape[0]), matrix, inputs))
    end = y + length * (jnp.asarray(_WEIGHTS, y.dtype) @ slopes)
    return end, length * (jnp.asarray(_ERROR_WEIGHTS, y.dtype) @ slopes)
