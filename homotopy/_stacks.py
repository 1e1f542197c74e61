"""Many pytrees of one structure, kept as one whose arrays have a leading axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import jax
import numpy as np


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
        self._places = [place for place, axis in enumerate(axes) if axis == 0]
        self._varying = [self._leaves[place] for place in self._places]

    def members(self, indices: Iterable[int]) -> Iterator[Any]:
        """The pytrees at those indices, one after the other."""
        for index in indices:
            leaves = list(self._leaves)
            # All arrays of a member in one call: made one by one they take ten times as long.
            parts = _picker()(self._varying, np.int64(index))
            for place, part in zip(self._places, parts, strict=True):
                leaves[place] = part
            yield jax.tree.unflatten(self._structure, leaves)


@cache
def _picker():
    return jax.jit(lambda parts, index: [part[index] for part in parts])
