"""Argument checks shared by the public functions and constructors.

Each takes the argument's name first, returns the argument in the form that the package computes
with, or raises an error that names it, what was expected and what came. Values that are being
traced, inside `jax.jit`, `jax.vmap` or `jax.grad`, are checked for their shape only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from homotopy._memory import owned
from homotopy._numbers import as_numbers
from homotopy._wording import described


@runtime_checkable
class SupportsArray(Protocol):
    """What NumPy makes an array of, such as a data frame."""

    def __array__(self, *arguments, **options): ...


# What a public function takes for an array: also sequences of numbers or of scalars.
ArrayInput = ArrayLike | list | tuple | range | SupportsArray


def concrete(value) -> np.ndarray | None:
    """The value as a NumPy array, or None where it is being traced.

    Validation happens in Python where the numbers are known; inside `jax.jit`, `jax.vmap` or
    `jax.grad` they are not, and the caller falls back on run-time checks or none.
    """
    if isinstance(value, jax.core.Tracer):
        return None
    return np.asarray(value)


def stacked(value):
    """A sequence with traced entries as one traced array; anything else as it is."""
    if isinstance(value, list | tuple):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            return jnp.asarray(value)
    return value


def instance(name: str, value, kinds, expected: str):
    """An object of one of the kinds, or a `TypeError`."""
    if not isinstance(value, kinds):
        raise TypeError(f"{name}: expected {expected}, got {described(value)}.")
    return value


def function(name: str, value, of: str) -> Callable:
    """Something callable, and not a class, or a `TypeError`."""
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name}: expected a function of {of}, got {described(value)}.")
    return value


def sequence(name: str, value, expected: str) -> list:
    """Its members as a list, or a `TypeError`; text, sets and mappings are none."""
    odd = isinstance(value, str | bytes | Mapping | Set) or getattr(value, "ndim", 1) == 0
    try:
        if not odd:
            return list(value)
    except TypeError:
        pass
    raise TypeError(f"{name}: expected {expected}, got {described(value)}.")


def texts(name: str, value, expected: str) -> list[str]:
    """A sequence of strings as a list, or a `TypeError`."""
    given = sequence(name, value, expected)
    if not all(isinstance(one, str) for one in given):
        raise TypeError(f"{name}: expected {expected}, got {described(value)}.")
    return given


def optional_function(name: str, value, of: str) -> Callable | None:
    """As `function`, or None."""
    return None if value is None else function(name, value, of)


def flag(name: str, value) -> bool:
    """True or False, or a `TypeError`."""
    return bool(instance(name, value, bool | np.bool_, "True or False"))


def integer(name: str, value, least: int = 1, most: int | None = None) -> int:
    """An integer in the bounds, or a `ValueError`. A bool is a mistake, though Python takes it."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        upto = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: expected an integer {upto}, got {described(value)}.")
    return int(value)


_FLOATS = (float, np.float64)


def number(
    name: str,
    value,
    expected: str = "a finite number",
    holds: Callable[[float], bool] = np.isfinite,
    traceable: bool = False,
) -> float | None:
    """A real number that satisfies the condition, as a float; None where it is a traced one."""
    if type(value) in _FLOATS and holds(value):  # at once: what most calls are given
        return float(value)
    if isinstance(value, jax.core.Tracer):
        if not traceable or value.ndim != 0:
            raise ValueError(f"{name}: expected {expected}, got a traced array {value}.")
        return None
    # Not by way of an array where it is none: a sequence need not be rectangular.
    single = isinstance(value, int | float | np.generic | np.ndarray | jax.Array)
    known = np.asarray(value if single and value is not np.ma.masked else None)
    if known.ndim != 0 or known.dtype.kind not in "iuf" or not holds(known):
        raise ValueError(f"{name}: expected {expected}, got {described(value)}.")
    return float(known)


def fraction(name: str, value) -> float:
    """A number in (0, 1), as tolerances are."""
    return number(name, value, "a number in (0, 1)", lambda x: 0.0 < x < 1.0)


def weight(name: str, value, traceable: bool = False) -> float | None:
    """A weight in [0, 1]."""
    return number(name, value, "a weight in [0, 1]", lambda x: 0.0 <= x <= 1.0, traceable)


def time(name: str, value, traceable: bool = False) -> float | None:
    """A finite time ≥ 0."""
    return number(name, value, "a finite time >= 0", lambda x: 0.0 <= x < np.inf, traceable)


def seconds(name: str, value) -> float:
    """How long something may take, > 0; infinity is no limit."""
    return number(name, value, "a positive number of seconds", lambda x: x > 0.0)


def positive(name: str, value) -> float:
    """A finite number > 0."""
    return number(name, value, "a finite number > 0", lambda x: 0.0 < x < np.inf)


def non_negative(name: str, value) -> float:
    """A finite number ≥ 0."""
    return number(name, value, "a finite number >= 0", lambda x: 0.0 <= x < np.inf)


def array(
    name: str,
    value,
    expected: str,
    fits: Callable[[tuple[int, ...]], bool] = lambda shape: True,
    dtype=None,
):
    """Finite numbers whose shape fits, as a JAX array in that dtype (default: the user's float)."""
    value = _fitting(name, value, expected, fits)
    wanted = float if dtype is None else dtype
    return owned(value, wanted) if isinstance(value, np.ndarray) else jnp.asarray(value, wanted)


def vector(name: str, value, length: int | None = None, dtype=None):
    """A vector of finite numbers, of the length if one is given, and not empty."""
    return array(name, value, *_of_vectors(length), dtype)


def known_vector(name: str, value, length: int | None, dtype):
    """As `vector`, but in NumPy where it is known, for who computes there: 20 µs less."""
    value = _fitting(name, value, *_of_vectors(length))
    traced = isinstance(value, jax.core.Tracer)
    return jnp.asarray(value, dtype) if traced else np.asarray(value, dtype)


def _fitting(name, value, expected, fits):
    """Finite numbers, in an array of NumPy or of JAX, or what is being traced."""
    value = stacked(value)
    if not isinstance(value, jax.core.Tracer):
        known = as_numbers(name, value)
        # An array of JAX that holds numbers stays where it is.
        value = value if isinstance(value, jax.Array) and value.dtype != bool else known
    if not fits(value.shape):
        raise ValueError(f"{name}: expected {expected}, got shape {value.shape}.")
    return value


def _of_vectors(length):
    """What is expected, and whether a shape is that."""
    if length is None:
        return "a non-empty vector", lambda shape: len(shape) == 1 and shape[0] > 0
    return f"a vector of length {length}", lambda shape: shape == (length,)


def matrix(name: str, value, columns: int | None = None) -> np.ndarray:
    """Data (m, p) of finite numbers, of `columns` columns if they are given, as a NumPy array."""
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"{name}: expected a concrete array, outside jax.jit, jax.vmap and jax.grad, got a "
            "traced one."
        )
    known = as_numbers(name, value, data=True)
    if known.ndim != 2 or 0 in known.shape:
        raise ValueError(f"{name}: expected a non-empty matrix (m, p), got shape {known.shape}.")
    if columns is not None and known.shape[1] != columns:
        raise ValueError(
            f"{name}: expected rows of length {columns}, as the data have, got {known.shape[1]}."
        )
    return known


def row_numbers(name: str, value, size: int, distinct: bool = True) -> np.ndarray:
    """Rows of data as integers (k,): from a number, numbers, or a mask of all the rows.

    Raises
    ------
    ValueError
        Where they are no row numbers from 0 to size − 1, there are none, or one is named twice
        although they are to be distinct.
    """
    if type(value) is int and 0 <= value < size:  # what most calls are given
        return np.array([value])
    expected = f"{name}: expected a row number, a sequence of them or a mask of {size} booleans"
    try:
        rows = as_numbers(name, value)
    except ValueError as error:
        raise ValueError(f"{expected}; {str(error).removeprefix(f'{name}: ')}") from error
    if _is_boolean(value):
        if rows.shape != (size,):
            raise ValueError(f"{expected}, got booleans of shape {rows.shape}.")
        rows = np.flatnonzero(rows)
        if rows.size == 0:
            raise ValueError(f"{name}: expected a mask with at least one True, got none.")
    rows = np.atleast_1d(rows)
    if rows.ndim != 1 or rows.size == 0 or rows.dtype.kind not in "iu":
        raise ValueError(f"{expected}, got {described(value)}.")
    absent = rows[(rows < 0) | (rows >= size)].tolist()
    if absent:
        raise ValueError(f"{name}: expected row numbers from 0 to {size - 1}, got {absent}.")
    if distinct and np.unique(rows).size != rows.size:
        raise ValueError(f"{name}: a row is named twice in {rows.tolist()}.")
    return rows


def _is_boolean(value) -> bool:
    """Whether all it holds are booleans: of Python, NumPy, JAX or pandas."""
    kind = str(getattr(value, "dtype", "")) or str(np.asarray(value).dtype)
    if kind != "object":
        return kind.removesuffix("[pyarrow]") in ("bool", "boolean")
    held = np.asarray(value, object).reshape(-1)
    return held.size > 0 and all(isinstance(one, bool | np.bool_) for one in held)


def layer_widths(sizes: Sequence[int]) -> tuple[int, ...]:
    """The widths of a network's layers, from the input to the output, checked."""
    expected = "the widths of at least two layers, [inputs, …, outputs]"
    widths = sequence("sizes", sizes, expected)
    if len(widths) < 2:
        raise ValueError(f"sizes: expected {expected}, got {widths}.")
    return tuple(integer(f"sizes[{index}]", width) for index, width in enumerate(widths))
