"""Whether a function is affine in its first argument, read off the operations it is made of."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

# Affine where their operands are.
_AFFINE = {
    *("add", "add_any", "concatenate", "copy", "cumsum", "neg", "reduce_sum", "sub"),
    *("broadcast_in_dim", "expand_dims", "pad", "reshape", "rev", "slice", "split", "squeeze"),
    *("transpose",),
}
# Where one of them does not depend on the argument.
_BILINEAR = {"conv_general_dilated", "dot_general", "mul"}
# Where only this operand does.
_ONLY = {"div": 0, "dynamic_slice": 0, "gather": 0}
_CALLS = {"closed_call", "jit", "pjit"}


def is_affine(function: Callable, argument: jax.ShapeDtypeStruct, *others) -> bool:
    """Whether function(argument, *others) is affine in the first, for all values of the others.

    What the operations show: True is proved; a function may be affine by cancellation, or through
    an operation unknown here, and get False.

    Parameters
    ----------
    function : callable
    argument, others : jax.ShapeDtypeStruct

    Examples
    --------
    >>> import jax
    >>> pair = jax.ShapeDtypeStruct((2,), float)
    >>> is_affine(lambda a, b: a @ b + b[0] ** 2, pair, pair)
    True
    >>> is_affine(lambda a, b: jax.numpy.maximum(a @ b, 0.0), pair, pair)
    False
    """
    closed = jax.make_jaxpr(function)(argument, *others)
    depends = [True] + [False] * (len(closed.jaxpr.invars) - 1)
    return _dependent_outputs(closed.jaxpr, depends) is not None


def _dependent_outputs(jaxpr, depends) -> list[bool] | None:
    """Which outputs depend on the inputs that do; None where one may not be affine in them."""
    dependent = {id(var) for var, does in zip(jaxpr.invars, depends, strict=True) if does}
    for equation in jaxpr.eqns:
        inside = [id(var) in dependent for var in equation.invars]
        if not any(inside):
            continue
        outputs = [True] * len(equation.outvars)
        if equation.primitive.name in _CALLS:
            outputs = _dependent_outputs(_called(equation), inside)
            if outputs is None:
                return None
        elif not _keeps_affine(equation, inside):
            return None
        dependent |= {id(var) for var, does in zip(equation.outvars, outputs, strict=True) if does}
    return [id(var) in dependent for var in jaxpr.outvars]


def _called(equation):
    called = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    return getattr(called, "jaxpr", called)


def _keeps_affine(equation, inside) -> bool:
    name = equation.primitive.name
    if name == "convert_element_type":
        return jnp.issubdtype(equation.params["new_dtype"], jnp.floating)
    if name == "select_n":
        return not inside[0]
    if name in _ONLY:
        return sum(inside) == 1 and inside[_ONLY[name]]
    return name in _AFFINE or (name in _BILINEAR and sum(inside) == 1)
