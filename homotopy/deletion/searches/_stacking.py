"""Many problems as one: pytrees of the same structure and shapes, stacked."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def alike(trees: Sequence) -> list[list[int]]:
    """Indices of the trees of arrays that can be stacked, group by group."""
    groups: dict = {}
    for index, tree in enumerate(trees):
        leaves, structure = jax.tree.flatten(tree)
        kinds = ((np.shape(leaf), getattr(leaf, "dtype", type(leaf))) for leaf in leaves)
        key = (structure, tuple(kinds))
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def stacked(trees: Sequence):
    """One tree, each leaf with a leading axis; through NumPy, which takes no device call a leaf."""
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *trees)
