"""Few numbers as an array of JAX: the same array, where the same numbers were asked for before."""

from functools import lru_cache

import jax
import numpy as np

from homotopy._memory import owned

_FEW = 2**10  # numbers of an array that is kept


def kept_in_jax(array: np.ndarray) -> jax.Array:
    """An array of JAX of the same numbers, independent of NumPy's; also where one traces.

    To hand over an array takes some 20 to 50 µs, as much as a small computation: times, which one
    call after another is given, are handed over once.

    Examples
    --------
    >>> times = np.array([0.0, 1.0], np.float32)
    >>> kept_in_jax(times) is kept_in_jax(times.copy())
    True
    """
    if array.size > _FEW:
        with jax.ensure_compile_time_eval():
            return owned(array)
    config = jax.config.jax_enable_x64, jax.config.jax_default_device
    key = array.tobytes(), array.shape, array.dtype, *config
    kept = _kept(*key)
    if kept.is_deleted():  # by a user, as an argument that was given away
        _kept.cache_clear()
        kept = _kept(*key)
    return kept


@lru_cache(maxsize=64)
def _kept(numbers, shape, dtype, wide, device):
    with jax.ensure_compile_time_eval():
        return owned(np.frombuffer(numbers, dtype).reshape(shape))
