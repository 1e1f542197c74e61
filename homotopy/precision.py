"""The floating-point precision the toolkit asks for."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from homotopy._wording import described


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
        return jnp.dtype(jnp.float64)
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
