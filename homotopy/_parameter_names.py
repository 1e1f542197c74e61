"""What the entries of a flat θ are called: the place of an array in a pytree, and in the array."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def subscript(number: int) -> str:
    """A number in small digits."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def numbered_entries(count: int, symbol: str = "θ") -> tuple[str, ...]:
    """Of entries that have no names of their own, from 1 on: θ₀ is where training starts.

    Examples
    --------
    >>> numbered_entries(2)
    ('θ₁', 'θ₂')
    """
    return tuple(f"{symbol}{subscript(place + 1)}" for place in range(count))


def place_in_tree(path: Sequence) -> str:
    """A leaf's path as one would write it: `layers[0].weight`.

    Examples
    --------
    >>> import jax
    >>> tree = {"w": [1.0, 2.0]}
    >>> [place_in_tree(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    ['w[0]', 'w[1]']
    """
    parts = []
    for entry in path:
        name = getattr(entry, "name", None)
        if name is None:
            key = getattr(entry, "key", getattr(entry, "idx", entry))
            name = key if isinstance(key, str) else None
        parts.append(f"[{key}]" if name is None else f".{name}")
    return "".join(parts).removeprefix(".")


def entry_names(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
    """Of every entry of arrays of some names and shapes, array by array, row by row.

    Examples
    --------
    >>> entry_names(["weight", "bias"], [(1, 2), ()])
    ('weight[0,0]', 'weight[0,1]', 'bias')
    """
    return tuple(
        f"{name}[{','.join(map(str, place))}]" if shape else name
        for name, shape in zip(names, shapes, strict=True)
        for place in itertools.product(*map(range, shape))
    )
