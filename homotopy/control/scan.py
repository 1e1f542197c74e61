"""Loops over the steps of a mesh, compiled once whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import numpy as np
from jax import lax

LONGEST = 128  # steps that are compiled together


def scan(body: Callable, system, carry, inputs, *, reverse: bool = False):
    """`lax.scan` of `body(system, carry, input)`, in parts of at most `LONGEST` steps.

    Where values are traced it is one scan. Where they are concrete, parts of one length share a
    compilation, which takes longer than hundreds of steps do: `body` is to be a function of a
    module, and the number of steps at most `LONGEST` or a multiple of it.
    """
    leaves = jax.tree.leaves(eqx.filter((system, carry, inputs), eqx.is_array))
    count = jax.tree.leaves(inputs)[0].shape[0]
    if count <= LONGEST or any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return _scan(body, system, carry, inputs, reverse)
    inputs, outputs = jax.tree.map(np.asarray, inputs), []
    begins = range(0, count, LONGEST)
    for begin in reversed(begins) if reverse else begins:
        part = jax.tree.map(lambda array: array[begin : begin + LONGEST], inputs)  # noqa: B023
        carry, output = _scan(body, system, carry, part, reverse)
        outputs.append(output)
    outputs = outputs[::-1] if reverse else outputs
    return carry, jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


@eqx.filter_jit
def _scan(body, system, carry, inputs, reverse):
    return lax.scan(partial(body, system), carry, inputs, reverse=reverse)
