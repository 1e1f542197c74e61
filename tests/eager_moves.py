"""JAX's operations that only move numbers, by NumPy where they are called on their own.

Called outside of a compiled function, JAX compiles a program for each of them and each shape: a
third of all programs of the tests. What rounds, compares or adds stays with XLA, and what is
compiled is not touched.
"""

import jax
import numpy as np
from jax._src import core, literals
from jax._src.array import ArrayImpl
from jax._src.lax import lax, slicing

_TYPES = (ArrayImpl, np.ndarray, np.generic, literals.TypedNdArray)


def move_with_numpy():
    """From now on."""
    for primitive, move in _MOVES.items():
        primitive.def_impl(_Moved(primitive.impl, move))


class _Moved:
    """How a primitive is carried out: as NumPy moves, where the numbers are plain ones."""

    def __init__(self, compiled, move):
        self.compiled, self.move = compiled, move

    def __call__(self, *operands, **options):
        if options.get("sharding") is None and all(map(_plain, operands)):
            moved = self.move(*map(np.asarray, operands), **options)
            if isinstance(moved, list):
                return [_own(part) for part in moved]
            if moved is not None:
                return _own(moved)
        return self.compiled(*operands, **options)


def _plain(operand):
    if not isinstance(operand, _TYPES) or getattr(operand, "committed", False):
        return False
    kind = core.typeof(operand)
    weak, dtype = getattr(kind, "weak_type", True), kind.dtype
    return not weak and isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def _own(moved):
    """As an array of JAX that shares no memory with what was moved."""
    return jax.device_put(np.array(moved, order="C"))


def _converted(x, *, new_dtype, weak_type, sharding):
    """Where every number stays what it is: XLA may flush what becomes subnormal."""
    if weak_type or not np.can_cast(x.dtype, new_dtype, "safe"):
        return None
    return x.astype(new_dtype)


def _broadcast(x, *, shape, broadcast_dimensions, sharding):
    sizes = np.ones(len(shape), int)
    sizes[list(broadcast_dimensions)] = x.shape
    return np.broadcast_to(x.reshape(sizes), shape)


def _reshaped(x, *, new_sizes, dimensions, sharding):
    return None if dimensions is not None else x.reshape(new_sizes)


def _iota(*, dtype, shape, dimension, sharding):
    sizes = np.ones(len(shape), int)
    sizes[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(sizes), shape)


def _sliced(x, *, start_indices, limit_indices, strides):
    steps = [None] * x.ndim if strides is None else strides
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _dynamically_sliced(x, *starts, slice_sizes):
    def within(start, size, length):
        begin = min(max(int(start), 0), length - size)
        return slice(begin, begin + size)

    return x[tuple(map(within, starts, slice_sizes, x.shape))]


def _split(x, *, sizes, axis):
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _selected(which, *cases):
    if which.dtype != bool or len(cases) != 2:
        return None
    return np.where(which, cases[1], cases[0])


_MOVES = {
    lax.stage_p: lambda x: x,
    lax.convert_element_type_p: _converted,
    lax.broadcast_in_dim_p: _broadcast,
    lax.reshape_p: _reshaped,
    lax.squeeze_p: lambda x, *, dimensions: x.squeeze(dimensions),
    lax.transpose_p: lambda x, *, permutation: x.transpose(permutation),
    lax.concatenate_p: lambda *parts, dimension: np.concatenate(parts, dimension),
    lax.iota_p: _iota,
    lax.split_p: _split,
    lax.select_n_p: _selected,
    slicing.slice_p: _sliced,
    slicing.dynamic_slice_p: _dynamically_sliced,
}
