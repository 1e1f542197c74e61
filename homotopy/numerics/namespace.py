"""NumPy for numbers that are known, JAX for those that are traced: one formula for both.

A formula of a few small arrays that is asked for once takes NumPy microseconds, and JAX a fraction
of a second to compile.
"""

from __future__ import annotations

from types import ModuleType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

AnyArray = Array | np.ndarray
AnyNumber = Float[AnyArray, ""] | np.floating


def namespace(*arrays) -> ModuleType:
    """`numpy` where all of the arrays are NumPy's, else `jax.numpy`.

    Examples
    --------
    >>> namespace(np.ones(2)).__name__, namespace(np.ones(2), jnp.ones(2)).__name__
    ('numpy', 'jax.numpy')
    """
    return jnp if any(isinstance(array, jax.Array) for array in arrays) else np


def in_numpy(tree: PyTree) -> PyTree | None:
    """The tree with NumPy's arrays for JAX's; None where one of them is being traced."""
    leaves, structure = jax.tree.flatten(tree)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return None
    known = (np.asarray(leaf) if eqx.is_array(leaf) else leaf for leaf in leaves)
    return jax.tree.unflatten(structure, known)


def all_finite(*arrays: AnyArray) -> Bool[AnyArray, ""] | np.bool_:
    """Whether every number is finite: at once where they are known, else of JAX.

    Examples
    --------
    >>> bool(all_finite(np.ones(2), jnp.ones(()))), bool(all_finite(jnp.asarray(np.nan)))
    (True, False)
    """
    known = in_numpy(arrays)
    xp = jnp if known is None else np
    return xp.all(xp.stack([xp.all(xp.isfinite(one)) for one in known or arrays]))


def scan(step, state, parts: tuple):
    """`jax.lax.scan`, by a loop where everything is NumPy's."""
    if namespace(state, *parts) is jnp:
        return jax.lax.scan(step, state, parts)
    outputs = []
    for part in zip(*parts, strict=True):
        state, output = step(state, part)
        outputs.append(output)
    return state, jax.tree.map(lambda *leaves: np.stack(leaves), *outputs)
