"""Compilation of loops that XLA is not made for: short ones, full of decisions, on small arrays."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numba import __version__, njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.dispatcher import Dispatcher

# The releases of Numba whose insides `_linked` was tried on: from the first up to, not including,
# the last. With others functions are compiled as Numba does, for longer.
_TRIED = ((0, 68), (0, 69))
TRANSLATED_ONCE = _TRIED[0] <= tuple(map(int, __version__.split(".")[:2])) < _TRIED[1]
_OPTIONS = {"error_model": "numpy", "nogil": True}
# Of what only compiled functions call.
_WITHIN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
if TRANSLATED_ONCE:
    from homotopy.numerics._linked import LinkedCompiler, once_for_all_values

    _WITHIN["pipeline_class"] = LinkedCompiler
else:

    def once_for_all_values(dispatcher):
        return dispatcher


_BORROWING = {"_nrt": False, **_WITHIN}


class _StampedByFolder:
    """Where Numba would keep what it compiles of a function, made anew when its folder changes.

    Numba stamps what it keeps with the file of the function that is called. Functions that this
    one calls, and constants that it reads, may stand in other files of the folder; how it is
    compiled stands here.
    """

    def __init__(self, locator, function: Callable):
        self._locator = locator
        self._folder = Path(inspect.getfile(function)).parent

    def get_source_stamp(self):
        own = Path(__file__)
        sources = [*sorted(self._folder.glob("*.py")), own, own.with_name("_linked.py")]
        return [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in sources]

    def __getattr__(self, name):
        return getattr(self._locator, name)


class _FolderCacheImpl(CompileResultCacheImpl):
    def __init__(self, function: Callable):
        super().__init__(function)
        self._locator = _StampedByFolder(self._locator, function)


class _FolderCache(FunctionCache):
    _impl_class = _FolderCacheImpl


class _Writable:
    """For Numba, arrays that may not be written to are another type, compiled for anew."""

    def __call__(self, *arguments):
        return super().__call__(*map(_writable, arguments))


def _writable(argument):
    """The same numbers in arrays that may be written to: copied where they may not."""
    if type(argument) is np.ndarray:
        return argument if argument.flags.writeable else argument.copy()
    if isinstance(argument, tuple):
        for part in argument:  # most are as they should be
            if type(part) is np.ndarray:
                if not part.flags.writeable:
                    break
            elif isinstance(part, np.ndarray | tuple) and _writable(part) is not part:
                break
        else:
            return argument
        parts = [_writable(part) for part in argument]
        return argument._make(parts) if hasattr(argument, "_make") else tuple(parts)
    if isinstance(argument, np.ndarray) and not argument.flags.writeable:
        return argument.copy()
    return argument


@cache
def _of_writable(kind: type[Dispatcher]) -> type[Dispatcher]:
    return type(kind.__name__, (_Writable, kind), {"__module__": __name__})


def compiled(function: Callable) -> Callable:
    """`numba.njit`, with IEEE arithmetic, and what it compiles kept on disk.

    Compiled once for arrays that may be written to and those that may not, as of JAX.

    Notes
    -----
    What is kept is compiled again when a file of the function's folder has changed, or this one.
    What the function calls and reads must therefore stand in its folder; a test sees to that.
    """
    dispatcher = once_for_all_values(njit(no_cfunc_wrapper=True, **_OPTIONS)(function))
    dispatcher.__class__ = _of_writable(type(dispatcher))
    try:
        dispatcher._cache = _FolderCache(function)
    except (RuntimeError, OSError):  # nowhere to write to, or no sources to look at
        pass
    return dispatcher


def is_kept(function: Callable) -> bool:
    """Whether what `compiled` returned was compiled before, in this process or for its folder."""
    if function.overloads:
        return True
    try:
        return bool(function._cache._cache_file._load_index())
    except (AttributeError, OSError):  # nothing is kept, or by another release otherwise
        return False


def inner(function: Callable) -> Callable:
    """`compiled`, for what only compiled functions of the same folder call."""
    return once_for_all_values(njit(**_WITHIN, **_OPTIONS)(function))


def borrowing(function: Callable) -> Callable:
    """`inner`, for what makes no arrays of its own and returns none: it counts no references.

    Counting them takes longer than a loop over a few numbers does.
    """
    return once_for_all_values(njit(**_BORROWING, **_OPTIONS)(function))


def summing(function: Callable) -> Callable:
    """`borrowing`, for sums of products: their terms are added in the order that is fastest."""
    quick = {"reassoc", "nsz"}
    return once_for_all_values(njit(fastmath=quick, **_BORROWING, **_OPTIONS)(function))


def alias(function: Callable) -> Callable:
    """`inner`, put in the place of its calls: another way to write them."""
    return njit(inline="always", no_cfunc_wrapper=True, **_OPTIONS)(function)
