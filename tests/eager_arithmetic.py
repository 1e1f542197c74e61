"""JAX's single additions, products and comparisons, by NumPy where they are called on their own.

Called outside of a larger compiled function, JAX compiles a program for each of them and each
shape, which takes as long as ten thousand of them. Here are those that round once or not at all, so
that IEEE 754 leaves no choice: the numbers are the same to the last bit. What rounds twice XLA may
contract, and what is subnormal it may flush to zero: both are left to it.
"""

import weakref

import jax
import numpy as np
from jax._src import core, literals, pjit
from jax._src.array import ArrayImpl
from jax._src.sharding_impls import UnspecifiedValue

_MOST_OPERATIONS, _MOST_NUMBERS = 8, 10_000
_TYPES = tuple(map(np.dtype, ("float64", "float32", "int64", "int32", "bool")))


_SHORT = weakref.WeakKeyDictionary()  # whether a program is, of those that were looked at


def compute_with_numpy():
    """From now on; an AttributeError says that JAX's insides are others."""
    compiled = pjit._pjit_call_impl_python

    def call(*operands, jaxpr, **options):
        short = _SHORT.get(jaxpr)
        if short is None:
            short = _SHORT[jaxpr] = _short(jaxpr.jaxpr) and _placed_anywhere(options)
        found = _computed(jaxpr, operands) if short else None
        if found is not None:
            return found, None, None, []
        return compiled(*operands, jaxpr=jaxpr, **options)

    pjit._pjit_call_impl_python = call


def _placed_anywhere(options):
    shardings = *options["in_shardings"], *options["out_shardings"]
    free = all(isinstance(each, UnspecifiedValue) for each in shardings)
    return free and not any(options["donated_invars"]) and not options["compiler_options_kvs"]


def _short(jaxpr):
    """Of a few operations that are known here, one of which may round; no effects, nothing weak."""
    names = list(_operations(jaxpr))
    numbers = [*jaxpr.invars, *jaxpr.outvars]
    return (
        len(names) <= _MOST_OPERATIONS
        and all(name in _EXACT for name in names)
        and sum(name in _ROUNDING for name in names) <= 1
        and not jaxpr.effects
        and all(each.aval.dtype in _TYPES for each in numbers)
        and not any(each.aval.weak_type for each in jaxpr.outvars)
    )


def _operations(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive is pjit.jit_p:
            yield from _operations(equation.params["jaxpr"].jaxpr)
        else:
            yield equation.primitive.name


def _computed(jaxpr, operands):
    """What comes out, as arrays of JAX, or None where XLA might find something else."""
    given = *operands, *jaxpr.consts
    if not all(map(_plain, given)):
        return None
    with np.errstate(all="ignore"):
        found = _run(jaxpr, operands)
    return None if found is None else [jax.device_put(np.array(each, order="C")) for each in found]


def _plain(number):
    if isinstance(number, ArrayImpl):
        return not number.committed and number.size <= _MOST_NUMBERS
    return isinstance(number, (bool, int, float, np.ndarray, np.generic, literals.TypedNdArray))


def _run(closed, operands):
    known = {}

    def read(variable):
        literal = isinstance(variable, core.Literal)
        value = variable.val if literal else known[variable]
        return np.asarray(value, variable.aval.dtype)

    jaxpr = closed.jaxpr
    known.update(zip(jaxpr.constvars, map(np.asarray, closed.consts), strict=True))
    for variable, operand in zip(jaxpr.invars, operands, strict=True):
        known[variable] = np.asarray(operand, variable.aval.dtype)
    for equation in jaxpr.eqns:
        inputs, options = list(map(read, equation.invars)), equation.params
        if equation.primitive is pjit.jit_p:
            outputs = _run(options["jaxpr"], inputs)
        else:
            outputs = _carried_out(equation.primitive.name, inputs, options)
        if outputs is None:
            return None
        for variable, output in zip(equation.outvars, outputs, strict=True):
            if output.shape != variable.aval.shape or output.dtype != variable.aval.dtype:
                return None
            known[variable] = output
    return list(map(read, jaxpr.outvars))


def _carried_out(name, inputs, options):
    exact = _EXACT[name]
    output = exact(*inputs) if isinstance(exact, np.ufunc) else exact(*inputs, **options)
    if output is None:
        return None
    output = np.asarray(output)
    if name in _FLUSHING and any(map(_subnormal, (*inputs, output))):
        return None
    return [output]


def _subnormal(numbers):
    if numbers.dtype.kind != "f":
        return False
    size = np.abs(numbers)
    return bool(np.any((size > 0) & (size < np.finfo(numbers.dtype).tiny)))


def _divided(x, y, **_):
    return np.divide(x, y) if x.dtype.kind == "f" else None


def _power(x, *, y, **_):
    return x * x if y == 2 else None


def _converted(x, *, new_dtype, weak_type, sharding):
    """Where every number stays what it is."""
    return x.astype(new_dtype) if np.can_cast(x.dtype, new_dtype, "safe") else None


def _broadcast(x, *, shape, broadcast_dimensions, sharding):
    sizes = np.ones(len(shape), int)
    sizes[list(broadcast_dimensions)] = x.shape
    return np.broadcast_to(x.reshape(sizes), shape)


def _selected(which, *cases):
    return np.where(which, cases[1], cases[0]) if which.dtype == bool and len(cases) == 2 else None


def _sliced(x, *, start_indices, limit_indices, strides):
    steps = [None] * x.ndim if strides is None else strides
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


_ROUNDING = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _divided,
    "integer_pow": _power,
    "square": np.square,
}
_COMPARING = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_FLUSHING = {*_ROUNDING, *_COMPARING}
_EXACT = {
    **_ROUNDING,
    **_COMPARING,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "neg": np.negative,
    "abs": np.abs,
    "is_finite": np.isfinite,
    "select_n": _selected,
    "convert_element_type": _converted,
    "broadcast_in_dim": _broadcast,
    "reshape": lambda x, *, new_sizes, **_: x.reshape(new_sizes),
    "squeeze": lambda x, *, dimensions: x.squeeze(dimensions),
    "transpose": lambda x, *, permutation: x.transpose(permutation),
    "slice": _sliced,
    "reduce_and": lambda x, *, axes, **_: np.all(x, axis=axes) if x.dtype == bool else None,
    "reduce_or": lambda x, *, axes, **_: np.any(x, axis=axes) if x.dtype == bool else None,
}
