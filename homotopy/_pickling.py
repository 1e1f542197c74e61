"""What plain pickle and `copy.deepcopy` need to know of models, problems and schedules.

**JAX's functions go by name**, as Python's own functions do. `jax.nn.tanh` is an object that
jax.jit made around a function. Plain pickle takes it apart, finds inside a function that is not the
one of that name, and gives up; a copy of it is another function, for which everything is compiled
anew. A model that holds one, as `mlp` does, then cannot be sent to another process. Here such a
function is found again by its name, if it has one in its module; and so is, in a model or a
schedule, a lambda that is a variable of its module, as Equinox's last activation of an MLP is.

**float64 stays float64, or loading says why not.** JAX makes float32 of an array that is loaded
where 64-bit mode is off, without a word.
"""

from __future__ import annotations

import copyreg
import dataclasses
import importlib
import sys
import types
from typing import Any

import equinox as eqx
import jax
import numpy as np


def _by_name(function):
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    found = sys.modules.get(module)
    for part in (name or "").split("."):
        found = getattr(found, part, None)
    # What the main module defines has no name in another process, where another module is main.
    if found is function and module != "__main__":
        return name
    return function.__reduce_ex__(4)


for _kind in (
    type(jax.jit(len)),
    jax.custom_jvp,
    jax.custom_vjp,
    jax.numpy.ufunc,
    type(eqx.filter_jit(len)),
):
    copyreg.pickle(_kind, _by_name)


def by_fields(module: eqx.Module) -> tuple:
    """What `__reduce__` returns for a module that is to be loaded with its own precision."""
    fields = {field.name: getattr(module, field.name) for field in dataclasses.fields(module)}
    leaves = jax.tree_util.tree_leaves(fields)
    wide = any(isinstance(leaf, jax.Array) and leaf.dtype == np.float64 for leaf in leaves)
    return restored, (type(module), wide, jax.tree_util.tree_map(_named, fields))


@dataclasses.dataclass(frozen=True)
class _Variable:
    """Of a module: stands in a pickle for its value."""

    module: str
    name: str


def _named(leaf):
    if not isinstance(leaf, types.FunctionType) or leaf.__name__ != "<lambda>":
        return leaf
    if leaf.__module__ in (None, "__main__"):
        return leaf
    variables = vars(sys.modules[leaf.__module__]).items()
    return next((_Variable(leaf.__module__, name) for name, is_ in variables if is_ is leaf), leaf)


def _found(leaf):
    if not isinstance(leaf, _Variable):
        return leaf
    return getattr(importlib.import_module(leaf.module), leaf.name)


def restored(kind: type, wide: bool, fields: dict[str, Any]) -> eqx.Module:
    """A module from its fields.

    Raises
    ------
    RuntimeError
        If it holds float64 arrays, and 64-bit mode is off.
    """
    if wide and not jax.config.jax_enable_x64:
        raise RuntimeError(
            f"a {kind.__name__} in float64 cannot be loaded where JAX's 64-bit mode is off: call "
            "homotopy.enable_x64() before; in a pool of processes, pass it as their initializer, "
            "or set JAX_ENABLE_X64=1 in the environment."
        )
    module = object.__new__(kind)
    for name, value in jax.tree_util.tree_map(_found, fields).items():
        object.__setattr__(module, name, value)
    return module
