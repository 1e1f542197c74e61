"""Flax NNX modules: their `Param`s are θ, all other state stays as it is."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from homotopy.conversion.network import ConvertedNetwork


@dataclasses.dataclass(frozen=True)
class NnxProgram:
    """The graph of a module, merged with its state and applied."""

    graph: Any
    structures: tuple[Any, Any]  # of the trained and of the fixed state
    counts: tuple[int, int]

    def __call__(self, arrays: dict, x):
        from flax import nnx

        leaves = list(arrays.values())
        trained, fixed = leaves[: self.counts[0]], leaves[self.counts[0] :]
        states = (
            jax.tree_util.tree_unflatten(structure, part)
            for structure, part in zip(self.structures, (trained, fixed), strict=True)
        )
        return nnx.merge(self.graph, *states)(x)


def from_nnx(module: Any) -> ConvertedNetwork:
    """A `flax.nnx.Module` in evaluation mode as a callable pytree of one example.

    Raises
    ------
    ValueError
        Naming `module`, where a part of it is random or keeps statistics in training mode.
    """
    from flax import nnx

    for path, node in nnx.iter_graph(module):
        training = getattr(node, "deterministic", True) is False or (
            getattr(node, "use_running_average", True) is False
        )
        if training and isinstance(node, nnx.Module):
            raise ValueError(
                f"module: expected one in evaluation mode, got {type(node).__name__} "
                f"{'.'.join(map(str, path))!r} in training mode; call module.eval() first."
            )
    graph, trained, fixed = nnx.split(module, nnx.Param, ...)
    parts = [jax.tree_util.tree_flatten(state) for state in (trained, fixed)]
    names = [[_name(path) for path, _ in nnx.to_flat_state(state)] for state in (trained, fixed)]
    arrays = [
        dict(zip(named, leaves, strict=True))
        for named, (leaves, _) in zip(names, parts, strict=True)
    ]
    program = NnxProgram(
        graph,
        tuple(structure for _, structure in parts),
        tuple(len(leaves) for leaves, _ in parts),
    )
    return ConvertedNetwork(*arrays, program)


def _name(path) -> str:
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return name.removeprefix(".")
