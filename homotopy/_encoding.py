"""Objects of this package as JSON and arrays: no code is kept.

An object is its class, by name, and its state; the state is made of numbers, words, containers,
arrays and further objects. Arrays and objects that occur twice are kept once. What is made again
from a file are classes of this package, and modules of Equinox, Diffrax, Lineax and Optimistix,
which methods and networks hold; functions are kept by name, and found again where only functions
of numbers are. Functions and classes of others have to be handed over by who reads the file.
"""

from __future__ import annotations

import enum
import functools
import inspect
import math
import types
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from homotopy._code_names import (
    MODULES,
    OWN,
    Unsaveable,
    class_name,
    computes,
    function_name,
    home,
    universal_function,
)

_KINDS = "biufc"


class _Any(eqx.Enumeration):
    member = "of what kind the members of all enumerations are"


MEMBER = type(_Any.member)


def own_fields(value) -> dict[str, Any]:
    """The attributes of an object, but for those that it computed from the others and keeps."""
    kind = type(value)
    return {name: part for name, part in vars(value).items() if not _is_kept(kind, name)}


def _is_kept(kind: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(kind, name, None), functools.cached_property)


def put_fields(made, fields: dict[str, Any]) -> None:
    """Set the attributes of a new object, none of which may stand for a method of its class."""
    kind = type(made)
    declared = getattr(kind, "__dataclass_fields__", ())
    for name, value in fields.items():
        if hasattr(kind, name) and name not in declared and not _is_kept(kind, name):
            raise ValueError(f"path: {name} is no field of a {kind.__name__}.")
        object.__setattr__(made, name, value)


class Encoder:
    """Takes objects apart.

    Attributes
    ----------
    arrays : list of arrays
    objects : list of dict
        Each before those that hold it.
    own : list of str
        Names of the functions and classes of others.
    values : list
        All that was taken apart.
    """

    def __init__(self):
        self.arrays: list[np.ndarray] = []
        self.objects: list[dict] = []
        self.own: list[str] = []
        self._seen: dict[int, Any] = {}
        self.values: list[Any] = []  # alive, as their identities are in use

    def encode(self, value):
        """A node of JSON."""
        if value is None or type(value) in (bool, str, int):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, jax.core.Tracer):
            raise Unsaveable("save: expected known numbers, outside jax.jit and jax.vmap.")
        if type(value) is list:
            return {"list": [self.encode(part) for part in value]}
        if type(value) is tuple:
            return [self.encode(part) for part in value]
        if type(value) is dict:
            return {"dict": [[self.encode(key), self.encode(part)] for key, part in value.items()]}
        if id(value) in self._seen:
            return self._seen[id(value)]
        node = self._encoded(value)
        self._seen[id(value)] = node
        self.values.append(value)
        return node

    def _encoded(self, value):
        if isinstance(value, jax.Array):
            if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
                data = self._array(np.asarray(jax.random.key_data(value)))
                return {"key": data, "impl": str(jax.random.key_impl(value))}
            return {"jax": self._array(np.asarray(value))}
        if isinstance(value, np.ndarray):
            return {"numpy": self._array(value)}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, np.dtype):
            return {"dtype": value.name}
        if isinstance(value, jax.tree_util.PyTreeDef):
            leaves = range(value.num_leaves)
            return {"structure": self.encode(jax.tree_util.tree_unflatten(value, leaves))}
        if isinstance(value, enum.Enum):
            return {"member": [self._class(type(value)), value.name]}
        if hasattr(value, "_enumeration"):
            kind, numbers = self._class(value._enumeration), self.encode(value._value)
            return {"status": kind, "value": numbers}
        if isinstance(value, type):
            return {"class": self._class(value)}
        if isinstance(value, types.MethodType):
            return {"method": [self.encode(value.__self__), value.__name__]}
        if isinstance(value, functools.partial):
            kind = "tree partial" if isinstance(value, jax.tree_util.Partial) else "partial"
            return {kind: [self.encode(p) for p in (value.func, value.args, value.keywords)]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"named": self._class(type(value)), "parts": [self.encode(p) for p in value]}
        if home(type(value)) == OWN or isinstance(value, eqx.Module):
            return self._object(value)
        if callable(value):
            return {"function": self._function(value)}
        raise Unsaveable(
            f"save: expected numbers, arrays, functions with a name and objects of {OWN}, got a "
            f"{type(value).__name__} of {type(value).__module__}; pickle keeps others."
        )

    def _array(self, array: np.ndarray) -> int:
        if array.dtype.kind not in _KINDS:
            raise Unsaveable(f"save: expected arrays of numbers, got one of {array.dtype}.")
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _object(self, value) -> dict:
        kind, plain = type(value), type(value).__getstate__ is object.__getstate__
        state = own_fields(value) if plain else value.__getstate__()
        kind, state = self._class(kind), self.encode(state)
        self.objects.append({"class": kind, "state": state})
        return {"object": len(self.objects) - 1}

    def _class(self, kind: type) -> str:
        name = class_name(kind)
        if "<locals>" in name:
            raise Unsaveable(
                f"save: expected a class that has a name in its module, got {name}, made inside of "
                "a function: move it out of there."
            )
        if home(kind) not in (OWN, *MODULES) and name not in self.own:
            self.own.append(name)
        return name

    def _function(self, function: Callable) -> str:
        name = function_name(function)
        known = universal_function(name) is function or computes(function, name.partition(":")[0])
        if not known and name not in self.own:
            self.own.append(name)
        return name
