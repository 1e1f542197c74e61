"""The base of all pytrees of the package: an Equinox module that is cheap to make and to ask.

Methods are looked up in a microsecond or two, a constructor may say that it leaves nothing to
check, and fields that are arrays can wait, in NumPy, until somebody looks at them.
"""

from __future__ import annotations

import dataclasses
import threading
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import equinox as eqx
import jax

Constructor = TypeVar("Constructor", bound=Callable)


def complete(constructor: Constructor) -> Constructor:
    """Of a constructor that puts all fields into the module's dictionary, converted and checked.

    Equinox sets each field past three checks of its own and looks at all of them once more, which
    takes as long as a small problem does to be computed. It still does so for a subclass with
    fields or a constructor of its own.
    """
    constructor.__complete__ = True
    return constructor


class _Constructing(type(eqx.Module)):
    """Of modules whose constructor may be `complete`."""

    def __call__(cls, *arguments, **options):
        known = cls.__dict__.get("_is_complete")
        if known is None:
            known = cls._is_complete = _is_complete(cls)
        if not known:
            return super().__call__(*arguments, **options)
        module = object.__new__(cls)
        module.__init__(*arguments, **options)
        return module


def _is_complete(kind: type) -> bool:
    if not getattr(kind.__init__, "__complete__", False):
        return False
    owner = next(one for one in kind.__mro__ if "__init__" in vars(one))
    names, of_owner = ([part.name for part in dataclasses.fields(one)] for one in (kind, owner))
    return names == of_owner and not any("__check_init__" in vars(one) for one in kind.__mro__)


class Module(eqx.Module, metaclass=_Constructing):
    """As `equinox.Module`, but that a method is looked up in a microsecond or two.

    Equinox makes each method that is looked up a pytree, `BoundMethod`, anew, as a module with all
    its checks: some 20 µs, as much as a verb spends on its numbers where they are few. Here it is
    the same object, with what the method is called copied from one that Equinox has made.

    Examples
    --------
    >>> class Line(Module):
    ...     slope: float
    ...     def at(self, x):
    ...         return self.slope * x
    >>> type(Line(2.0).at).__name__, Line(2.0).at(3.0)
    ('BoundMethod', 6.0)
    """

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str, /) -> Any:
            found = object.__getattribute__(self, name)
            kind = type(found)
            if kind is types.MethodType:
                if found.__self__ is self and not name.startswith("__") and name != "_abc_impl":
                    return _bound(found)
            elif kind is dict and name == "__dict__" and _WAITING in found:
                _make(self, found)
            return found

        def __getattr__(self, name: str, /) -> Any:
            own = object.__getattribute__(self, "__dict__")
            waiting = own.get(_WAITING)
            if waiting is not None and name in waiting.names:
                _make(self, own)
            return object.__getattribute__(self, name)  # or the error that it was


_WAITING = "(waiting)"  # in a module's dictionary, in place of the fields that wait
_making = threading.RLock()


class _Waiting(NamedTuple):
    names: frozenset
    numbers: Any
    make: Callable


def put_off(
    module: Module, names: Iterable[str], numbers: Any, make: Callable[[Any, Any], dict[str, Any]]
) -> None:
    """Let fields of a new module wait until somebody looks at one of them, or at the pytree.

    JAX takes some 3 µs for each array that it makes, and a problem has thirty, most of which nobody
    looks at where NumPy's are at hand.

    Parameters
    ----------
    module : Module
        Without these fields.
    names : iterable of str
    numbers
        `waiting_numbers`, as long as they wait.
    make : Callable
        From the module and the numbers to the fields, by name. Called once, whenever that may be:
        also within a trace, or where another precision is set. Not to look into the module.

    Examples
    --------
    >>> class Line(Module):
    ...     slope: float
    >>> line = object.__new__(Line)
    >>> put_off(line, ["slope"], 2.0, lambda line, numbers: {"slope": numbers})
    >>> waiting_numbers(line), line.slope, waiting_numbers(line)
    (2.0, 2.0, None)
    """
    own = object.__getattribute__(module, "__dict__")
    own[_WAITING] = _Waiting(frozenset(names), numbers, make)
    if not WAITS:
        _make(module, own)


def waiting_numbers(module: Module) -> Any:
    """What `put_off` was given, as long as the fields wait; else None."""
    waiting = object.__getattribute__(module, "__dict__").get(_WAITING)
    return None if waiting is None else waiting.numbers


def _make(module: Module, own: dict[str, Any]) -> None:
    with _making:
        waiting = own.get(_WAITING)
        if waiting is not None:  # another thread may have made them
            own.update(waiting.make(module, waiting.numbers))
            del own[_WAITING]


class _Example(eqx.Module):
    def method(self):
        """Looked up for its type."""


_BoundMethod = type(_Example().method)
# Of each function that was looked up as a method: the fields that say what it is called.
_FIELDS: dict[types.FunctionType, dict[str, Any]] = {}


def _bound(method: types.MethodType):
    function, owner = method.__func__, method.__self__
    fields = _FIELDS.get(function) if METHODS_ARE_COPIED else None
    if fields is None:
        made = _BoundMethod(function, owner)
        if not METHODS_ARE_COPIED:
            return made
        fields = {name: value for name, value in vars(made).items() if value is not owner}
        _FIELDS[function] = fields
    bound = object.__new__(_BoundMethod)
    bound.__dict__.update(fields)
    bound.__dict__["__self__"] = owner
    return bound


def _as_known() -> bool:
    """Whether a method made here is what Equinox makes, field by field."""
    example = _Example()
    by_equinox = example.method
    bound = types.MethodType(_Example.__dict__["method"], example)
    return all(vars(_bound(bound)) == vars(by_equinox) for _ in range(2))


class _Line(Module):
    slope: float


def _looks_through() -> bool:
    """Whether who takes a pytree apart finds what waits."""
    for look in (jax.tree.leaves, vars, jax.tree_util.tree_leaves_with_path):
        line = object.__new__(_Line)
        put_off(line, ["slope"], 2.0, lambda line, numbers: {"slope": numbers})
        look(line)
        if object.__getattribute__(line, "__dict__") != {"slope": 2.0}:
            return False
    return True


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # whatever it does in another release
        return False


# Slower, no different, where Equinox does it otherwise.
METHODS_ARE_COPIED = WAITS = True
METHODS_ARE_COPIED, WAITS = _holds(_as_known), _holds(_looks_through)
