"""Where a function has kinks: read off the operations it is made of."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

_BY_NAME = {"relu", "relu6", "leaky_relu", "hard_tanh", "hard_sigmoid", "hard_silu", "hard_swish"}
_OPERATIONS = {"abs": "abs", "max": "maximum", "min": "minimum", "clamp": "clip", "sign": "sign"}
_SMOOTH = {"logaddexp", "softplus", "log_sigmoid"}  # whatever they are made of


def kinks(function: Callable, *arguments: jax.ShapeDtypeStruct) -> tuple[str, ...]:
    """The operations of a function that have kinks, by name; smooth ones with a case are none.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> pair = jax.ShapeDtypeStruct((2,), float)
    >>> kinks(lambda x: jax.nn.relu(x) + jnp.abs(x), pair)
    ('abs', 'relu')
    >>> kinks(lambda x: jax.nn.softplus(x) + jax.nn.softmax(x) + jax.nn.gelu(x), pair)
    ()
    """
    found: set[str] = set()
    _look(jax.make_jaxpr(function)(*arguments).jaxpr, found)
    return tuple(sorted(found))


def _look(jaxpr, found):
    for equation in jaxpr.eqns:
        name = equation.params.get("name")
        if name in _BY_NAME:
            found.add(name)
        elif name not in _SMOOTH:
            operation = _OPERATIONS.get(equation.primitive.name)
            if operation is not None and not _with_infinity(equation):
                found.add(operation)
            for part in jax.tree.leaves(equation.params, is_leaf=_is_jaxpr):
                if _is_jaxpr(part):
                    _look(getattr(part, "jaxpr", part), found)


def _is_jaxpr(value) -> bool:
    return hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns")


def _with_infinity(equation) -> bool:
    """Whether it compares with an infinity, as a softmax does."""
    values = (getattr(part, "val", None) for part in equation.invars)
    return any(np.ndim(value) == 0 and np.isinf(value) for value in values if value is not None)
