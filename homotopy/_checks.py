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


def all_finite(array: np.ndarray) -> bool:
    """Whether no entry is NaN or infinite; without an array of the same size beside it."""
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum of finite numbers may overflow; one with a NaN or an infinity is never finite.
        return bool(np.isfinite(np.sum(array))) or bool(np.all(np.isfinite(array)))


def stacked(value):
    """A sequence with traced entries as one traced array; anything else as it is."""
    if isinstance(value, list | tuple):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            return jnp.asarray(value)
    return value
