"""Memory of NumPy's that JAX takes over as it is: where that is wanted, and where it is not."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, lru_cache

import jax
import numpy as np
from jax.typing import DTypeLike

_BYTES = 64  # JAX takes memory that begins at a multiple of them, and copies other memory
_SMALL = 2**10  # numbers of an array that is copied twice as soon as once
_FEW = 2**14  # numbers that are handed over together
_BEFORE = 20  # times that arrays of some shapes are handed over one by one: to compile takes more
_SEEN: Counter = Counter()  # how often arrays of some shapes were handed over
_MOST_SEEN = 2**12


def aligned(shape: tuple, dtype: DTypeLike = float) -> np.ndarray:
    """An uninitialised array, for `handed_over`.

    Parameters
    ----------
    shape
        Whole numbers. Not annotated one by one: whoever checks types would look at one of them by
        chance, and so change the state of Python's `random` for what draws from it.
    dtype

    Examples
    --------
    >>> aligned((2, 3)).ctypes.data % 64
    0
    """
    count = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(count + _BYTES, np.uint8)
    first = -memory.ctypes.data % _BYTES
    return memory[first : first + count].view(dtype).reshape(shape)


def owned(array: np.ndarray, dtype: DTypeLike | None = None) -> jax.Array:
    """The numbers as a JAX array, independent of `array`, with one copy and no second beside it.

    `jnp.asarray` with a dtype takes aligned memory over: what is done to a user's array later would
    be done to what was made of it. Of other memory it makes two copies, which for the data of a
    problem may be more than there is.

    Parameters
    ----------
    array : ndarray
    dtype
        That of the numbers by default; without JAX's 64-bit mode 64 bits become 32.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> numbers = np.zeros((3, 2))
    >>> own = owned(numbers, jnp.float32)
    >>> numbers[0, 0] = 1.0
    >>> float(own[0, 0])
    0.0
    """
    return jax.device_put(copied(array, dtype))


def copied(array: np.ndarray, dtype: DTypeLike | None = None) -> np.ndarray:
    """The numbers in memory that JAX takes over as it is, unless they are few."""
    if array.size <= _SMALL:  # JAX copies it again, in less time than it takes to align it
        return np.array(array, dtype)
    own = aligned(array.shape, array.dtype if dtype is None else np.dtype(dtype))
    own[...] = array
    return own


def all_handed_over(arrays: Iterable[np.ndarray]) -> list[jax.Array]:
    """Arrays of JAX with the same numbers, whose memory may be that of those given.

    To hand over an array takes JAX 20 µs, and a compiled function some 2 µs for each of those that
    it returns as they are. For a few small arrays of shapes that came before there is one.

    Examples
    --------
    >>> [array.shape for array in all_handed_over([np.zeros(2), np.ones((2, 3))])]
    [(2,), (2, 3)]
    """
    arrays = list(arrays)
    if sum(array.size for array in arrays) <= _FEW and not jax.config.jax_disable_jit:
        kind = tuple((array.shape, array.dtype) for array in arrays)
        if len(_SEEN) > _MOST_SEEN:
            _SEEN.clear()
        _SEEN[kind] += 1
        if _SEEN[kind] > _BEFORE:
            return _as_they_are(arrays)
    return jax.device_put(arrays)


@jax.jit
def _as_they_are(arrays):
    return arrays


def may_wait(arrays: Iterable[np.ndarray]) -> bool:
    """Whether they are few enough to be handed over later as well, by `handed_over_later`."""
    config = jax.config
    plain = config.jax_enable_x64 and config.jax_default_device is None
    return plain and sum(array.size for array in arrays) <= _FEW


def handed_over_later(arrays: Iterable[np.ndarray]) -> list[jax.Array]:
    """`all_handed_over` as it would have been where `may_wait` said so, and outside of any trace.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> with jax.enable_x64(False):
    ...     made = handed_over_later([np.zeros(2)])
    >>> made[0].dtype.name
    'float64'
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.ensure_compile_time_eval())
        if not jax.config.jax_enable_x64:
            stack.enter_context(jax.enable_x64(True))
        if jax.config.jax_default_device is not None:
            stack.enter_context(jax.default_device(None))
        return all_handed_over(arrays)


def handed_over(array: np.ndarray) -> jax.Array:
    """`jax.device_put(array, may_alias=True)`: memory of one's own, from now on JAX's.

    That function looks its arguments over as if they were anything, which takes 30 to 70 µs, a
    sixth of a verb that has 88,000 numbers to tell. Of an array on the only device that is meant
    the same call to the runtime, which is the last that it makes, takes some 10.

    Examples
    --------
    >>> numbers = aligned((2,), np.float32)
    >>> numbers[...] = 1.0, 2.0
    >>> handed_over(numbers).tolist()
    [1.0, 2.0]
    """
    put = None if jax.config.jax_default_device is not None else _direct(jax.config.jax_enable_x64)
    return jax.device_put(array, may_alias=True) if put is None else put(array)


@cache
def _direct(wide: bool) -> Callable[[np.ndarray], jax.Array] | None:
    """What `handed_over` calls; None where JAX is another release, which does it otherwise."""
    if not wide:  # numbers are narrowed on the way
        return None
    try:
        from jax._src.interpreters.pxla import batched_device_put

        devices = jax.local_devices()[:1]
        sharding = jax.sharding.SingleDeviceSharding(devices[0])

        kinds = lru_cache(maxsize=64)(jax.core.ShapedArray)

        def put(array):
            kind = kinds(array.shape, array.dtype)
            return batched_device_put(kind, sharding, [array], devices, committed=False)

        example = aligned((2, 3))
        example[...] = 1.0
        ours, known = put(example), jax.device_put(example, may_alias=True)
        same = all(
            getattr(ours, name) == getattr(known, name)
            for name in ("aval", "sharding", "committed", "weak_type")
        )
        alike = type(ours) is type(known) and np.array_equal(ours, known)
    except Exception:  # whatever it does there
        return None
    return put if same and alike else None
