"""Loops over single numbers that Python runs until Numba is there, with the same result.

To import Numba takes half a second, and to compile with it seconds, once on a machine: too long for
a first problem, and too short to speak of where many are set up. Loops that keep to what this file
says are run by Python until something else has imported Numba and they were compiled before, or
they have taken so long that it is worth it. Both are IEEE arithmetic in one order, and give the
same numbers to the last digit:

* floats are added, subtracted, multiplied, divided, rooted by `np.sqrt` and compared; no powers, no
  transcendental functions, no sums of NumPy's;
* arrays are of float64, int64 or bool, C-contiguous, indexed by integers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FunctionType

import numpy as np

_WORTH_IT = 2.0  # seconds of Python, from which they are compiled
_MARK = "__called_by_loops__"


def within(function: Callable) -> Callable:
    """Of loops that only other loops call, and that make no arrays."""
    setattr(function, _MARK, True)
    return function


class Loops:
    """Loops that Python calls.

    Parameters
    ----------
    function : Callable
        All that it calls, or what that calls, is marked by `within`.
    """

    def __init__(self, function: Callable):
        self.__doc__, self.written = function.__doc__, function
        self._seconds, self._looked, self._compiled = 0.0, False, None

    def __call__(self, *arguments):
        if self._compiled is None:
            if self._seconds < _WORTH_IT and not self._kept():
                began = time.perf_counter()
                with np.errstate(all="ignore"):
                    found = self.written(*arguments)
                self._seconds += time.perf_counter() - began
                return found
            self._compiled = self.compiled()
        return self._compiled(*arguments)

    def _kept(self) -> bool:
        """Whether Numba is there and has compiled them before: looked up once, in files."""
        if self._looked or "numba" not in sys.modules:
            return False
        from homotopy.numerics.compiled import is_kept

        self._looked = True
        return is_kept(self.compiled())

    def compiled(self) -> Callable:
        """As Numba compiles it."""
        from homotopy.numerics.compiled import compiled

        return compiled(_moved(self.written, _compiled_names(self.written.__globals__)))


_NAMES: dict[int, dict] = {}  # by the names of a file: the same, marked functions compiled


def _compiled_names(names: dict) -> dict:
    from homotopy.numerics.compiled import borrowing

    if id(names) not in _NAMES:
        own = dict(names)  # another thread may be within the functions as they are written
        for name, value in names.items():
            if not isinstance(value, FunctionType) or not getattr(value, _MARK, False):
                continue
            if value.__globals__ is names:
                own[name] = borrowing(_moved(value, own))
            else:
                own[name] = _compiled_names(value.__globals__)[value.__name__]
        _NAMES[id(names)] = own
    return _NAMES[id(names)]


def _moved(function: FunctionType, names: dict) -> FunctionType:
    """The same function, that looks names up elsewhere."""
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)
