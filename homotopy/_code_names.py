"""Functions and classes by their names, as files hold them, and which of them a file may name.

A result calls the functions that it holds. So no function that does more than to compute, as those
that read files or run text do, comes from a file.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np

OWN = "homotopy"
MODULES = ("equinox", "diffrax", "lineax", "optimistix")
_JAX = ("lax", "nn", "numpy", "ops", "random", "scipy")
# Where functions are that only compute, in these modules and below them.
FUNCTIONS = (
    *("equinox.nn", "diffrax", "lineax", "optimistix"),
    *(f"{package}.{part}" for package in ("jax", "jax._src") for part in _JAX),
    *(f"{OWN}.{part}" for part in ("control", "deletion", "losses", "measurements", "models")),
)
_PUBLIC = ("jax.nn", "jax.numpy", "jax.lax", "jax", "equinox.nn")  # whose names stay


class Unsaveable(TypeError):
    """What cannot be kept in a file."""


def home(kind) -> str:
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def class_name(kind) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def computes(function, module: str) -> bool:
    """Whether a function of a module gives numbers for numbers, and does nothing else."""
    return function is not jnp.load and below(module, FUNCTIONS)


def universal_function(name: str) -> np.ufunc | None:
    """The universal function of NumPy of that name; its other functions do all kinds of things."""
    module, _, qualified = name.partition(":")
    found = getattr(np, qualified, None) if module == "numpy" else None
    return found if isinstance(found, np.ufunc) else None


def below(module: str, homes: Sequence[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def function_name(function: Callable) -> str:
    """By which a function is found again; an `Unsaveable` that says why there is none."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    # A universal function of NumPy has a name and no module that says so.
    name = getattr(function, "__name__", None) if name is None else name
    if module is None and isinstance(function, np.ufunc):
        module = "numpy"
    for public in _PUBLIC:
        if name and getattr(sys.modules.get(public), name, None) is function:
            return f"{public}:{name}"
    found = sys.modules.get(module or "")
    for part in (name or "").split("."):
        found = getattr(found, part, None)
    if found is function:
        return f"{module}:{name}"
    # A lambda, as Equinox's last activation of an MLP, may be a variable of its module.
    for variable, value in vars(sys.modules.get(module or "", types)).items():
        if value is function:
            return f"{module}:{variable}"
    shown = name or type(function).__name__
    if "<lambda>" in shown:
        reason = f"a lambda of {module}, which has no name: write it as a function, with def"
    elif "<locals>" in shown:
        reason = f"{shown}, made inside of a function: move it out of there"
    else:
        reason = f"{shown}, which is not found by that name in {module}"
    raise Unsaveable(
        f"save: expected functions that have a name in their module, got {reason}; a file keeps "
        "the name of a function, not its code."
    )
