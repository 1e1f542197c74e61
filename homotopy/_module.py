"""The base of all pytrees of the package: an Equinox module whose methods are cheap to look up."""

from __future__ import annotations

import types
from typing import Any

import equinox as eqx


class Module(eqx.Module):
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

    def __getattribute__(self, name: str, /) -> Any:
        found = object.__getattribute__(self, name)
        if (
            type(found) is types.MethodType
            and found.__self__ is self
            and not name.startswith("__")
            and name != "_abc_impl"
        ):
            return _bound(found)
        return found


class _Example(eqx.Module):
    def method(self):
        """Looked up for its type."""


_BoundMethod = type(_Example().method)
# Of each function that was looked up as a method: the fields that say what it is called.
_FIELDS: dict[types.FunctionType, dict[str, Any]] = {}


def _bound(method: types.MethodType):
    function, owner = method.__func__, method.__self__
    fields = _FIELDS.get(function)
    if fields is None:
        made = _BoundMethod(function, owner)
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


try:
    _known = _as_known()
except Exception:  # whatever it does in another release
    _known = False
if not _known:  # slower, no different
    del Module.__getattribute__
