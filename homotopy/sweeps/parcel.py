"""What goes to other processes: opened in the precision that it was packed in."""

from __future__ import annotations

import pickle
from typing import Any

import jax


class Parcel:
    """A value on its way to another process.

    64-bit mode is switched on there, if it is on here, before the value is made again: problems in
    float64 refuse to be loaded without it. Functions without a name, as lambdas, go along where
    cloudpickle is there, which dask brings.
    """

    def __init__(self, value: Any):
        self.value = value

    def __reduce__(self):
        try:
            from cloudpickle import dumps
        except ImportError:
            from pickle import dumps
        return _opened, (bool(jax.config.jax_enable_x64), dumps(self.value))


def _opened(wide: bool, packed: bytes) -> Parcel:
    if wide and not jax.config.jax_enable_x64:
        jax.config.update("jax_enable_x64", True)
    return Parcel(pickle.loads(packed))


def call(function: Parcel, item: Parcel, *parts) -> Any:
    """The function of the item, and of what had to be computed for it first."""
    return function.value(item.value, *parts)


def unchanged(parcel: Parcel) -> Parcel:
    """What a worker is sent once, for many calls."""
    return parcel
