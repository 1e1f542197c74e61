"""Objects of this package as JSON and arrays, and back: no code is kept, and none is run.

An object is its class, by name, and its state; the state is made of numbers, words, containers,
arrays and further objects. Arrays and objects that occur twice are kept once. What is made again
from a file are classes of this package, and modules of Equinox, Diffrax, Lineax and Optimistix,
which methods and networks hold; functions are kept by name, and found again where only functions
of numbers are. Functions and classes of others have to be handed over by who reads the file.

A result calls the functions that it holds. So no function that does more than to compute, as those
that read files or run text do, and no attribute that stands for a method, comes from a file.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import math
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

OWN = "homotopy"
_MODULES = ("equinox", "diffrax", "lineax", "optimistix")
_JAX = ("lax", "nn", "numpy", "ops", "random", "scipy")
# Where functions are that only compute, in these modules and below them.
_FUNCTIONS = (
    *("equinox.nn", "diffrax", "lineax", "optimistix"),
    *(f"{package}.{part}" for package in ("jax", "jax._src") for part in _JAX),
    *(f"{OWN}.{part}" for part in ("control", "deletion", "losses", "measurements", "models")),
)
_PUBLIC = ("jax.nn", "jax.numpy", "jax.lax", "jax", "equinox.nn")  # whose names stay
_KINDS = "biufc"


class _Any(eqx.Enumeration):
    member = "of what kind the members of all enumerations are"


_MEMBER = type(_Any.member)


class Unsaveable(TypeError):
    """What cannot be kept in a file."""


def _home(kind) -> str:
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def _name(kind) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _computes(function, module: str) -> bool:
    """Whether a function of a module gives numbers for numbers, and does nothing else."""
    return function is not jnp.load and _below(module, _FUNCTIONS)


def _universal(name: str) -> np.ufunc | None:
    """The universal function of NumPy of that name; its other functions do all kinds of things."""
    module, _, qualified = name.partition(":")
    found = getattr(np, qualified, None) if module == "numpy" else None
    return found if isinstance(found, np.ufunc) else None


def _below(module: str, homes: Sequence[str]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


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
        if _home(type(value)) == OWN or isinstance(value, eqx.Module):
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
        name = _name(kind)
        if "<locals>" in name:
            raise Unsaveable(
                f"save: expected a class that has a name in its module, got {name}, made inside of "
                "a function: move it out of there."
            )
        if _home(kind) not in (OWN, *_MODULES) and name not in self.own:
            self.own.append(name)
        return name

    def _function(self, function: Callable) -> str:
        name = function_name(function)
        known = _universal(name) is function or _computes(function, name.partition(":")[0])
        if not known and name not in self.own:
            self.own.append(name)
        return name


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


class Decoder:
    """Puts objects together from what `Encoder` made of them.

    Parameters
    ----------
    arrays : sequence of arrays
    own : sequence of functions and classes
        Of others, that the file may name.

    Attributes
    ----------
    objects : list
        Put together so far.

    Raises
    ------
    ValueError
        Where the file names what is neither of this package nor given.
    """

    def __init__(self, arrays: Sequence[np.ndarray], own: Sequence = ()):
        self._arrays, self.objects = arrays, []
        self._on_device: dict[int, jax.Array] = {}
        self._own = {}
        for given in own:
            name = _name(given) if isinstance(given, type) else function_name(given)
            self._own[name] = given

    def decode_objects(self, objects: Sequence[dict]) -> None:
        """All of them, in their order."""
        for given in objects:
            kind = self._class(given["class"])
            state = self.decode(given["state"])
            made = (list if issubclass(kind, list) else object).__new__(kind)
            if hasattr(kind, "__setstate__"):
                made.__setstate__(state)
            else:
                put_fields(made, state)
            self.objects.append(made)

    def decode(self, node):
        """What a node of JSON stands for."""
        if isinstance(node, list):
            return tuple(self.decode(part) for part in node)
        if not isinstance(node, dict):
            return node
        ((kind, given), *others) = node.items()
        return getattr(self, f"_of_{kind.replace(' ', '_')}")(given, *(part for _, part in others))

    def _of_float(self, given):
        return float(given)

    def _of_list(self, given):
        return [self.decode(part) for part in given]

    def _of_dict(self, given):
        return {self.decode(key): self.decode(part) for key, part in given}

    def _of_object(self, given):
        return self.objects[given]

    def _of_jax(self, given):
        # One array for all that share it, as the problems of one data set do.
        if given not in self._on_device:
            self._on_device[given] = jax.device_put(self._arrays[given])
        return self._on_device[given]

    def _of_key(self, given, impl):
        return jax.random.wrap_key_data(self._of_jax(given), impl=impl)

    def _of_numpy(self, given):
        return self._arrays[given]

    def _of_scalar(self, given):
        return self._arrays[given][()]

    def _of_dtype(self, given):
        return np.dtype(given)

    def _of_structure(self, given):
        return jax.tree_util.tree_structure(self.decode(given))

    def _of_member(self, given):
        kind, name = self._class(given[0]), given[1]
        if not issubclass(kind, enum.Enum):
            raise ValueError(f"path: {given[0]} is no enumeration.")
        return kind[name]

    def _of_status(self, given, value):
        kind = self._class(given)
        if not issubclass(kind, eqx.Enumeration):
            raise ValueError(f"path: {given} is no enumeration.")
        made = object.__new__(_MEMBER)
        object.__setattr__(made, "_value", self.decode(value))
        object.__setattr__(made, "_enumeration", kind)
        return made

    def _of_class(self, given):
        return self._class(given)

    def _of_method(self, given):
        owner, name = self.decode(given[0]), given[1]
        # What computes when it is looked up is not to be looked up.
        said = inspect.getattr_static(type(owner), name, None)
        computed = said is None or isinstance(said, property | functools.cached_property)
        found = None if computed else getattr(owner, name)
        if not isinstance(found, types.MethodType):
            raise ValueError(f"path: expected the name of a method, got {name}.")
        return found

    def _of_partial(self, given):
        function, arguments, options = map(self.decode, given)
        return functools.partial(function, *arguments, **options)

    def _of_tree_partial(self, given):
        function, arguments, options = map(self.decode, given)
        return jax.tree_util.Partial(function, *arguments, **options)

    def _of_named(self, given, parts):
        kind = self._class(given)
        if not issubclass(kind, tuple):
            raise ValueError(f"path: {given} is no named tuple.")
        return tuple.__new__(kind, [self.decode(part) for part in parts])

    def _of_function(self, given):
        if given in self._own:
            return self._own[given]
        if (universal := _universal(given)) is not None:
            return universal
        found = self._found(given, _FUNCTIONS, "function")
        # A module has the functions of others among its attributes.
        computes = _computes(found, str(getattr(found, "__module__", "")))
        if not callable(found) or isinstance(found, type) or not computes:
            raise ValueError(f"path: expected the name of a function of JAX, got {given}.")
        return found

    def _class(self, name: str) -> type:
        if name in self._own:
            return self._own[name]
        found = self._found(name, (OWN, *_MODULES), "class")
        of_modules = isinstance(found, type) and issubclass(found, (eqx.Module, eqx.Enumeration))
        known = of_modules and _home(found) in (OWN, *_MODULES)
        if not isinstance(found, type) or not (known or _home(found) == OWN):
            raise ValueError(f"path: expected the name of a class of {OWN}, got {name}.")
        return found

    def _found(self, name: str, homes: Sequence[str], what: str):
        module, _, qualified = name.partition(":")
        if not _below(module, homes):
            raise ValueError(
                f"own: the file names the {what} {name}, which is not of {OWN}: hand it over, as "
                f"load(path, own=[{qualified}])."
            )
        try:
            found = importlib.import_module(module)
            for part in qualified.split("."):
                found = getattr(found, part)
                if isinstance(found, types.ModuleType):
                    raise ValueError(f"path: expected the name of a {what}, got {name}.")
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"path: the file names the {what} {name}, which this release does not have."
            ) from error
        return found
