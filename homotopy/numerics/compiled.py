"""Compilation of loops that XLA is not made for: short ones, full of decisions, on small arrays."""

from __future__ import annotations

from collections.abc import Callable

from numba import njit

_OPTIONS = {"error_model": "numpy", "nogil": True}
_BORROWING = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


def compiled(function: Callable) -> Callable:
    """`numba.njit`, with IEEE arithmetic, and what it compiles kept on disk.

    Notes
    -----
    Numba looks for changes in the file of the function that is called only. Compiled functions
    that call each other therefore stand in one file.
    """
    try:
        return njit(cache=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    except RuntimeError:  # nowhere to write to
        return njit(**_OPTIONS)(function)


def inner(function: Callable) -> Callable:
    """`compiled`, for what only compiled functions of the same file call."""
    return njit(no_cfunc_wrapper=True, **_OPTIONS)(function)


def borrowing(function: Callable) -> Callable:
    """`inner`, for what makes no arrays of its own and returns none: it counts no references.

    Counting them takes longer than a loop over a few numbers does.
    """
    return njit(**_BORROWING, **_OPTIONS)(function)


def summing(function: Callable) -> Callable:
    """`borrowing`, for sums of products: their terms are added in the order that is fastest."""
    return njit(fastmath={"reassoc", "nsz"}, **_BORROWING, **_OPTIONS)(function)


def alias(function: Callable) -> Callable:
    """`inner`, put in the place of its calls: another way to write them."""
    return njit(inline="always", no_cfunc_wrapper=True, **_OPTIONS)(function)
