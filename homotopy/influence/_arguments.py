"""Checks of the numbers that estimators and solvers are made with."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from homotopy._checks import concrete

_ROUNDINGS = 64.0


def integer(name: str, value, least: int = 1) -> int:
    """An integer of at least `least`, or a `ValueError` naming the argument."""
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}: expected an integer >= {least}, got {value!r}.")
    return int(value)


def fraction(name: str, value) -> float:
    """A number in (0, 1), as tolerances are, or a `ValueError`."""
    known = concrete(value)
    if known is None or known.ndim != 0 or not 0.0 < known < 1.0:
        raise ValueError(f"{name}: expected a number in (0, 1), got {value!r}.")
    return float(known)


def reachable(tolerance: float, dtype) -> float:
    """A relative tolerance, or 64 units in the last place of the dtype where that is more.

    No residual can be relied on to get below them: 8e-6 in float32, 1e-14 in float64.
    """
    return max(tolerance, _ROUNDINGS * float(jnp.finfo(dtype).eps))


def non_negative(name: str, value) -> float:
    """A finite number ≥ 0, or a `ValueError`."""
    known = concrete(value)
    if known is None or known.ndim != 0 or not 0.0 <= known < np.inf:
        raise ValueError(f"{name}: expected a finite number >= 0, got {value!r}.")
    return float(known)
