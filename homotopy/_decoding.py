"""Objects from what `_encoding` made of them: no code is kept, and none is run.

Whoever reads a file hands over the functions and classes of others that it names; `_code_names`
says what is found without. No attribute that stands for a method comes from a file.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import types
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from homotopy._code_names import (
    FUNCTIONS,
    MODULES,
    OWN,
    below,
    class_name,
    computes,
    function_name,
    home,
    universal_function,
)
from homotopy._encoding import MEMBER, put_fields


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
            name = class_name(given) if isinstance(given, type) else function_name(given)
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
        made = object.__new__(MEMBER)
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
        if (universal := universal_function(given)) is not None:
            return universal
        found = self._found(given, FUNCTIONS, "function")
        # A module has the functions of others among its attributes.
        module = str(getattr(found, "__module__", ""))
        if not callable(found) or isinstance(found, type) or not computes(found, module):
            raise ValueError(f"path: expected the name of a function of JAX, got {given}.")
        return found

    def _class(self, name: str) -> type:
        if name in self._own:
            return self._own[name]
        found = self._found(name, (OWN, *MODULES), "class")
        of_modules = isinstance(found, type) and issubclass(found, (eqx.Module, eqx.Enumeration))
        known = of_modules and home(found) in (OWN, *MODULES)
        if not isinstance(found, type) or not (known or home(found) == OWN):
            raise ValueError(f"path: expected the name of a class of {OWN}, got {name}.")
        return found

    def _found(self, name: str, homes: Sequence[str], what: str):
        module, _, qualified = name.partition(":")
        if not below(module, homes):
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
