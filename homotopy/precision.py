"""The floating-point precision the toolkit asks for, and what it can reach."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from homotopy._wording import described

_FLOAT64 = jnp.dtype(jnp.float64)
_ROUNDINGS = 64.0  # units in the last place below which no residual can be relied on to get


def enable_x64() -> None:
    """Switch JAX to 64-bit floats, for the whole process.

    Importing homotopy changes no JAX setting; the command line, the figures and the notebooks
    call this first.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    """
    jax.config.update("jax_enable_x64", True)


def floating_dtype(dtype: DTypeLike | None) -> jnp.dtype:
    """The dtype of a problem: float64 unless another is asked for by name.

    Raises
    ------
    ValueError
        Where float64 is meant and JAX's 64-bit mode is off, or the dtype is not floating.
    """
    if dtype is None:
        if not jax.config.jax_enable_x64:
            raise ValueError(
                "homotopy computes in float64, and JAX's 64-bit mode is off: call "
                "homotopy.enable_x64() first, or ask for single precision by name with "
                "dtype=jnp.float32."
            )
        return _FLOAT64
    try:
        resolved = jnp.dtype(dtype)
    except TypeError:
        raise ValueError(
            f"dtype: expected a floating-point type such as jnp.float32, got {described(dtype)}."
        ) from None
    if not jnp.issubdtype(resolved, jnp.floating):
        raise ValueError(f"dtype: expected a floating-point type, got {resolved.name}.")
    if resolved == jnp.dtype(jnp.float64) and not jax.config.jax_enable_x64:
        raise ValueError(
            "dtype: float64 was asked for, and JAX's 64-bit mode is off: call "
            "homotopy.enable_x64() first."
        )
    return resolved


def in_precision(tree, dtype: DTypeLike):
    """The same with its floating-point arrays in another dtype.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> [leaf.dtype.name for leaf in in_precision((jnp.ones(1), jnp.ones(1, int)), jnp.float16)]
    ['float16', 'int64']
    """

    def cast(leaf):
        return leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf

    return jax.tree.map(cast, tree)


def reachable(
    tolerance: float | Float[Array, ""], dtype: DTypeLike
) -> Float[Array | np.ndarray, ""]:
    """A relative tolerance in the dtype, or 64 units in its last place where that is more.

    No residual can be relied on to get below them: 8e-6 in float32, 1e-14 in float64.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(reachable(1e-3, jnp.float32)) < float(reachable(1e-9, jnp.float64))
    False
    """
    least = _ROUNDINGS * float(jnp.finfo(dtype).eps)
    if isinstance(tolerance, float):
        return np.asarray(max(tolerance, least), dtype)
    return jnp.maximum(jnp.asarray(tolerance, dtype), least)
