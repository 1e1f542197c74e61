"""Whether two objects are the same bit for bit."""

import dataclasses
import enum
import functools
import types
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def assert_same(one, other, where="it"):
    """Bit for bit, through containers, modules and plain objects; functions are the same ones."""
    assert type(one) is type(other), where
    if isinstance(one, jax.Array) and jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
        one, other = jax.random.key_data(one), jax.random.key_data(other)
    if isinstance(one, jax.Array | np.ndarray | np.generic):
        assert one.dtype == other.dtype and one.shape == other.shape, where
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), where
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key!r}]")
    elif isinstance(one, Sequence) and not isinstance(one, str | bytes):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(one, jax.tree_util.PyTreeDef | enum.Enum | str | bytes | int | float | type):
        assert one == other or one != one, where
    elif isinstance(one, functools.partial):
        parts = ("func", "args", "keywords")
        assert_same(*([getattr(p, part) for part in parts] for p in (one, other)), where)
    elif isinstance(one, types.MethodType):
        assert one.__func__ is other.__func__, where
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            a, b = getattr(one, field.name, None), getattr(other, field.name, None)
            assert_same(a, b, f"{where}.{field.name}")
    elif one is other or one == other:
        pass
    else:
        assert vars(one) and vars(one).keys() == vars(other).keys(), where
        for name in vars(one):
            assert_same(vars(one)[name], vars(other)[name], f"{where}.{name}")
