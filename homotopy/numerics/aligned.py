"""Memory that JAX takes over as it is, where it would copy other arrays of NumPy."""

import math

import numpy as np

_BYTES = 64  # JAX takes memory that begins at a multiple of them


def aligned(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised array of float64, for `jax.device_put(array, may_alias=True)`.

    Examples
    --------
    >>> aligned((2, 3)).ctypes.data % 64
    0
    """
    count = math.prod(shape) * np.dtype(float).itemsize
    memory = np.empty(count + _BYTES, np.uint8)
    first = -memory.ctypes.data % _BYTES
    return memory[first : first + count].view(float).reshape(shape)
