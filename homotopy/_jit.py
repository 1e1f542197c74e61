"""Compilation as a whole, and once for all values of a number such as a tolerance."""

from __future__ import annotations

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from homotopy._module import Module


def jit_outermost(function: Callable) -> Callable:
    """`eqx.filter_jit` of a function, where none of its arguments is being traced.

    Called on numbers, JAX would compile each of its operations on its own, in seconds where one
    program takes a fraction of one. In a trace it is traced in place, so that what differentiates
    or batches it sees its operations.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> @jit_outermost
    ... def length(x):
    ...     return jnp.sqrt(jnp.sum(x**2))
    >>> float(length(jnp.array([3.0, 4.0])))
    5.0
    """
    whole = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*arguments):
        if is_traced(arguments):
            return function(*arguments)
        return whole(*arguments)

    return call


def is_traced(arguments) -> bool:
    """Whether a part of a pytree is being traced."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments))


def filter_jit_numbers(function: Callable) -> Callable:
    """`equinox.filter_jit` that traces Python's floats too: another value compiles nothing.

    So a tolerance is a float for who sets it and reads it, in a field that is not static, and a
    traced number, of no dtype of its own, for the program. Integers stay static: counts are shapes;
    but for those of `Numbers`.

    Examples
    --------
    >>> traces = []
    >>> scaled = filter_jit_numbers(lambda x, factor: traces.append(factor) or factor * x)
    >>> [float(scaled(jax.numpy.ones(()), factor)) for factor in (2.0, 3.0)], len(traces)
    ([2.0, 3.0], 1)
    """
    compiled = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*arguments):
        return compiled(*jax.tree.map(_traced, arguments, is_leaf=_is_numbers))

    return call


class Numbers(Module):
    """Whose integers are no shapes where their fields are not static, as a seed or a largest number
    of steps: `filter_jit_numbers` traces them too.
    """


def _is_numbers(value):
    return isinstance(value, Numbers)


def _traced(leaf):
    if _is_numbers(leaf):
        return jax.tree.map(lambda one: _number(one, (float, int)), leaf)
    return _number(leaf, float)


def _number(leaf, kinds):
    return jnp.asarray(leaf) if isinstance(leaf, kinds) and not isinstance(leaf, bool) else leaf


def output_shape_of(function: Callable, parts: tuple, *arguments: jax.ShapeDtypeStruct):
    """`jax.eval_shape` of function(*parts, *arguments), traced once for parts of one structure.

    `function` is one of a module, not made where it is called; the arrays in `parts` are traced.

    Examples
    --------
    >>> import equinox as eqx, jax
    >>> layer = eqx.nn.Linear(2, 3, key=jax.random.key(0))
    >>> output_shape_of(eqx.nn.Linear.__call__, (layer,), jax.ShapeDtypeStruct((2,), float)).shape
    (3,)
    """
    arrays, others = eqx.partition(parts, eqx.is_array)
    leaves, tree = jax.tree.flatten((jax.tree.map(_abstract, arrays), others, arguments))
    # Equal numbers of different types, such as 1 and 1.0, make different programs.
    kinds = tuple(map(type, leaves))
    found = _output_shape if _hashable(leaves) else _output_shape.__wrapped__
    return found(function, tree, tuple(leaves), kinds)


@functools.lru_cache(maxsize=256)
def _output_shape(function, tree, leaves, kinds):
    arrays, others, arguments = jax.tree.unflatten(tree, leaves)
    return jax.eval_shape(
        lambda traced, *inputs: function(*eqx.combine(traced, others), *inputs), arrays, *arguments
    )


def _hashable(leaves):
    try:
        hash(tuple(leaves))
    except TypeError:
        return False
    return True


def _abstract(array):
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
