"""Many pytrees of one structure, kept as one whose arrays have a leading axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import jax
import numpy as np

from homotopy._encoding import put_fields


class Stack:
    """Pytrees that differ only in some leaves.

    Parameters
    ----------
    stacked : pytree
        With a leading axis in all of its arrays but those in common.
    shared : callable
        From the pytree, what its members have in common.

    Attributes
    ----------
    axes : pytree
        0 for the arrays that have the axis and None for the others: `in_axes` of `jax.vmap`.
    """

    def __init__(self, stacked: Any, shared: Callable):
        self._leaves, self._structure = jax.tree.flatten(stacked)
        common = {id(leaf) for leaf in jax.tree.leaves(shared(stacked))}
        axes = [None if id(leaf) in common else 0 for leaf in self._leaves]
        self.axes = jax.tree.unflatten(self._structure, axes)
        self._places, varying = [], []
        for place, axis in enumerate(axes):
            if axis == 0:
                part = np.asarray(self._leaves[place])
                if np.array_equal(part, np.broadcast_to(part[0], part.shape)):
                    self._leaves[place] = jax.device_put(part[0])  # all members have this one
                else:
                    self._places.append(place)
                    varying.append(part)
        kinds = sorted({part.dtype.str for part in varying})
        layout = [(kinds.index(part.dtype.str), part.shape[1:]) for part in varying]
        self._layout = tuple(layout)
        self._rows = [
            np.concatenate(
                [part.reshape(len(part), -1) for part in varying if part.dtype.str == kind], axis=1
            )
            for kind in kinds
        ]

    def __getstate__(self) -> dict[str, Any]:
        # JAX's own description of a pytree is not equal to itself after pickling; a pytree is.
        state = dict(vars(self))
        state["_leaves"] = jax.tree.unflatten(state.pop("_structure"), self._leaves)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        put_fields(self, state)
        self._leaves, self._structure = jax.tree.flatten(state["_leaves"])

    def members(self, indices: Iterable[int]) -> Iterator[Any]:
        """The pytrees at those indices, one after the other."""
        number = len(self._rows[0]) if self._rows else 1
        count = min(_BLOCK, number)
        begin, block = -count, []
        for index in indices:
            if not begin <= index < begin + count:
                begin = min(index - index % count, number - count)
                some = [rows[begin : begin + count] for rows in self._rows]
                block = _unpacker(self._layout, count)(some)
            leaves = list(self._leaves)
            for place, part in zip(self._places, block[index - begin], strict=True):
                leaves[place] = part
            yield jax.tree.unflatten(self._structure, leaves)


_BLOCK = 4  # members made at once: each takes half as long, and the program is still small


@cache
def _unpacker(layout: tuple[tuple[int, tuple[int, ...]], ...], count: int) -> Callable:
    """From as many rows of each dtype the arrays that they hold, of those dtypes and shapes.

    All arrays of several members in one call, and from few: made one by one they take ten times
    as long.
    """

    def unpacked(rows):
        ends, parts = [0] * len(rows), []
        for kind, shape in layout:
            begin, ends[kind] = ends[kind], ends[kind] + math.prod(shape)
            parts.append(rows[kind][begin : ends[kind]].reshape(shape))
        return parts

    return jax.jit(lambda rows: [unpacked([part[i] for part in rows]) for i in range(count)])
