"""Functions of arrays that are compiled as a whole where they are called on numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable

import equinox as eqx
import jax


def compiled(function: Callable) -> Callable:
    """`eqx.filter_jit` of a function, where none of its arguments is being traced.

    Called on numbers, JAX would compile each of its operations on its own, in seconds where one
    program takes a fraction of one. In a trace it is traced in place, so that what differentiates
    or batches it sees its operations.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> @compiled
    ... def length(x):
    ...     return jnp.sqrt(jnp.sum(x**2))
    >>> float(length(jnp.array([3.0, 4.0])))
    5.0
    """
    whole = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*arguments):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            return function(*arguments)
        return whole(*arguments)

    return call
