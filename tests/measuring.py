"""Measurements at given parameters, without eager computations."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

_at = eqx.filter_jit(lambda measurement, *given: measurement(*given))


def measured_at(measurement, problem, theta):
    """m(θ), a number or an array."""
    none = jnp.zeros(1, int), jnp.zeros(1)
    value = np.asarray(_at(measurement, problem, jnp.asarray(theta), *none))
    return value if value.ndim else float(value)
