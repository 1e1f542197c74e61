"""What PyTorch's operations are in JAX: by the names and the arguments that PyTorch gives them."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp


def _elementwise(function: Callable) -> Callable:
    return lambda x, inplace=False: function(x)


def _gelu(x, approximate="none"):
    return jax.nn.gelu(x, approximate=approximate == "tanh")


def _softplus(x, beta=1.0, threshold=20.0):
    # PyTorch leaves out what is below a rounding of float32.
    far = beta * x > threshold
    return jnp.where(far, x, jax.nn.softplus(jnp.where(far, 0.0, beta * x)) / beta)


def _hardtanh(x, min_val=-1.0, max_val=1.0, inplace=False):
    return jnp.clip(x, min_val, max_val)


def _linear(x, weight, bias=None):
    product = x @ weight.T
    return product if bias is None else product + _last(bias, product)


def _flatten(x, start_dim=0, end_dim=-1):
    start, end = start_dim % x.ndim, end_dim % x.ndim
    joined = math.prod(x.shape[start : end + 1])
    return x.reshape(*x.shape[:start], joined, *x.shape[end + 1 :])


def _reshape(x, *shape):
    return x.reshape(*shape)


def _squeeze(x, dim=None):
    if dim is None:
        # The first axis is the batch's, which is longer than one where PyTorch has a whole one.
        return jnp.squeeze(x, tuple(axis for axis in range(1, x.ndim) if x.shape[axis] == 1))
    return jnp.squeeze(x, dim) if x.shape[dim] == 1 else x


def _size(x, dim=None):
    return x.shape if dim is None else x.shape[dim]


def _attribute(x, name):
    return {"shape": x.shape, "ndim": x.ndim}[name]


def _no_dropout(x, p=0.5, training=False, inplace=False):
    return x


def _layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = tuple(range(-len(normalized_shape), 0))
    centred = x - jnp.mean(x, axes, keepdims=True)
    scaled = centred / jnp.sqrt(jnp.mean(centred**2, axes, keepdims=True) + eps)
    scaled = scaled if weight is None else scaled * _last(weight, scaled)
    return scaled if bias is None else scaled + _last(bias, scaled)


def _batch_norm(
    x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    scaled = (x - _last(running_mean, x)) / jnp.sqrt(_last(running_var, x) + eps)
    scaled = scaled if weight is None else scaled * _last(weight, scaled)
    return scaled if bias is None else scaled + _last(bias, scaled)


def _last(array, like):
    """With leading axes of length one, so that it broadcasts along the last ones."""
    return array.reshape((1,) * (like.ndim - array.ndim) + array.shape)


def _binary(function: Callable) -> Callable:
    def apply(left, right):
        if getattr(left, "ndim", 0) > getattr(right, "ndim", 0) > 0:
            right = _last(right, left)
        elif getattr(right, "ndim", 0) > getattr(left, "ndim", 0) > 0:
            left = _last(left, right)
        return function(left, right)

    return apply


OPERATIONS: dict[str, Callable] = {
    "identity": lambda x: x,
    "linear": _linear,
    "flatten": _flatten,
    "reshape": _reshape,
    "view": _reshape,
    "squeeze": _squeeze,
    "unsqueeze": lambda x, dim: jnp.expand_dims(x, dim),
    "size": _size,
    "getattr": _attribute,
    "getitem": lambda x, index: x[index],
    "cat": lambda parts, dim=0: jnp.concatenate(parts, dim),
    "dropout": _no_dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "relu": _elementwise(jax.nn.relu),
    "relu6": _elementwise(lambda x: jnp.clip(x, 0.0, 6.0)),
    "tanh": _elementwise(jnp.tanh),
    "sigmoid": _elementwise(jax.nn.sigmoid),
    "silu": _elementwise(jax.nn.silu),
    "mish": _elementwise(lambda x: x * jnp.tanh(jax.nn.softplus(x))),
    "selu": _elementwise(jax.nn.selu),
    "softsign": _elementwise(jax.nn.soft_sign),
    "tanhshrink": _elementwise(lambda x: x - jnp.tanh(x)),
    "logsigmoid": _elementwise(jax.nn.log_sigmoid),
    "sin": _elementwise(jnp.sin),
    "cos": _elementwise(jnp.cos),
    "exp": _elementwise(jnp.exp),
    "gelu": _gelu,
    "softplus": _softplus,
    "hardtanh": _hardtanh,
    "elu": lambda x, alpha=1.0, inplace=False: jax.nn.elu(x, alpha),
    "celu": lambda x, alpha=1.0, inplace=False: jax.nn.celu(x, alpha),
    "leaky_relu": lambda x, negative_slope=0.01, inplace=False: jax.nn.leaky_relu(
        x, negative_slope
    ),
    "add": _binary(jnp.add),
    "sub": _binary(jnp.subtract),
    "mul": _binary(jnp.multiply),
    "truediv": _binary(jnp.divide),
    "div": _binary(jnp.divide),
    "neg": jnp.negative,
}
