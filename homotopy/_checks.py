"""Argument checks shared by the public constructors."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

# What a public function takes for an array: also sequences of numbers or of scalars.
ArrayInput = ArrayLike | list | tuple


def concrete(value) -> np.ndarray | None:
    """The value as a NumPy array, or None where it is being traced.

    Validation happens in Python where the numbers are known; inside `jax.jit`, `jax.vmap` or
    `jax.grad` they are not, and the caller falls back on run-time checks or none.
    """
    if isinstance(value, jax.core.Tracer):
        return None
    return np.asarray(value)


def stacked(value):
    """A sequence with traced entries as one traced array; anything else as it is."""
    if isinstance(value, list | tuple):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            return jnp.asarray(value)
    return value
