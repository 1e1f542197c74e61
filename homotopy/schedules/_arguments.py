"""Checks of constructor arguments: at once where values are known, at run time where traced."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from homotopy._checks import ArrayInput, concrete
from homotopy._memory import owned

_UNCHECKED: ContextVar[bool] = ContextVar("unchecked", default=False)


@contextmanager
def unchecked() -> Iterator[None]:
    """What is traced meanwhile has no checks: for arguments that are valid by construction.

    A check at run time calls Python, and a program that does is never kept on disk.
    """
    token = _UNCHECKED.set(True)
    try:
        yield
    finally:
        _UNCHECKED.reset(token)


def require(
    array: Float[Array, "..."], condition: Bool[ArrayLike, "..."], message: str
) -> Float[Array, "..."]:
    """The array, once every entry of the condition holds; otherwise an error with the message."""
    known = concrete(condition)
    if known is None and _UNCHECKED.get():
        return array
    if known is None:
        return eqx.error_if(array, ~jnp.all(condition), message)
    if not known.all():
        raise ValueError(message)
    return array


def as_times(name: str, value: ArrayInput, ndim: int) -> Float[Array, "..."]:
    """Finite, non-negative times of the given rank; a vector of them must ascend (ties allowed)."""
    raw, array, got = _as_real(name, value, ndim)
    array = require(
        array, _is_finite(raw) & (raw >= 0), f"{name} must be finite and non-negative{got}"
    )
    if ndim == 1 and raw.size > 1:
        array = require(array, raw[1:] >= raw[:-1], f"{name} must be in ascending order{got}")
    return array


def as_weights(name: str, value: ArrayInput, ndim: int) -> Float[Array, "..."]:
    """Weights in [0, 1] of the given rank."""
    raw, array, got = _as_real(name, value, ndim)
    return require(array, (raw >= 0) & (raw <= 1), f"{name} must lie in [0, 1]{got}")


def as_positive(name: str, value: ArrayInput) -> Float[Array, ""]:
    """A finite number above zero."""
    raw, array, got = _as_real(name, value, 0)
    return require(array, _is_finite(raw) & (raw > 0), f"{name} must be finite and positive{got}")


def as_interval(start: ArrayInput, stop: ArrayInput) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Two times with start <= stop."""
    start, stop = as_times("start", start, 0), as_times("stop", stop, 0)
    known = concrete(start) is not None and concrete(stop) is not None
    got = f", got start = {start:g} and stop = {stop:g}" if known else ""
    return start, require(stop, stop >= start, f"stop must not precede start{got}")


def _is_finite(raw):
    """Comparisons only, so that it serves NumPy and traced arrays alike."""
    return abs(raw) < np.inf


def _as_real(name, value, ndim):
    """The value as given (NumPy where known), as a JAX float array, and ", got ..." for errors."""
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))
    kind = "a real number" if ndim == 0 else "a one-dimensional array of real numbers"
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise ValueError(f"{name} must be {kind}, got masked ones")
    try:
        raw = jnp.asarray(value) if traced else np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be {kind}, got {value!r}") from error
    if not (jnp.issubdtype(raw.dtype, np.floating) or jnp.issubdtype(raw.dtype, np.integer)):
        raise ValueError(f"{name} must be {kind}, got {value!r}")
    if raw.ndim != ndim:
        raise ValueError(f"{name} must be {kind}, got an array of shape {raw.shape}")
    got = "" if traced else f", got {np.array2string(raw, precision=6, threshold=10)}"
    # A dtype named `float` follows the user's precision setting without a warning.
    return raw, jnp.asarray(raw, dtype=float) if traced else owned(raw, float), got
