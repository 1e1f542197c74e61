"""Loops over the steps of a mesh, compiled once whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

LONGEST = 128  # steps that are compiled together


def scan(body: Callable, system, carry, inputs, *, used: int | None = None, reverse: bool = False):
    """`lax.scan` of `body(system, carry, input)`, by one program for any number of steps.

    Where values are traced it is one scan. Where they are concrete, `LONGEST` steps at most are
    done by one call, and all calls share a compilation, which takes longer than hundreds of steps
    do: `body` is to be a function of a module.

    Of the steps from `used` on, which fill up a mesh at its end, only the first is done: it leaves
    the carry as it is, and what comes out of it comes out of the others.
    """
    leaves = jax.tree.leaves(eqx.filter((system, carry, inputs), eqx.is_array))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return lax.scan(partial(body, system), carry, inputs, reverse=reverse)
    inputs = jax.tree.map(np.asarray, inputs)
    count = jax.tree.leaves(inputs)[0].shape[0]
    last = count - 1 if used is None else min(used, count - 1)
    outputs, begins = [], range(0, count, LONGEST)
    for begin in reversed(begins) if reverse else begins:
        part = jax.tree.map(lambda array: _part(array, begin), inputs)  # noqa: B023
        own = np.clip(last - begin, 0, LONGEST - 1)
        carry, output = _scan(body, system, carry, part, np.asarray(own), reverse)
        outputs.append(output)
    if len(outputs) == 1:
        whole = outputs[0]
    else:
        outputs = outputs[::-1] if reverse else outputs
        whole = jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)
    return carry, jax.tree.map(lambda array: np.asarray(array)[:count], whole)


def _part(array, begin):
    part = array[begin : begin + LONGEST]
    return np.pad(part, [(0, LONGEST - len(part)), *[(0, 0)] * (part.ndim - 1)])


@eqx.filter_jit
def _scan(body, system, carry, inputs, last, reverse):
    """The steps up to `last`, whose output the rest takes."""
    arrays, other = eqx.partition(system, eqx.is_array)

    @jax.jit  # so that it is traced once: for its shapes, and in the loop
    def one(arrays, carry, at):
        return body(eqx.combine(arrays, other), carry, at)

    def at(index):
        return jax.tree.map(lambda array: array[index], inputs)

    def step(done, both):
        carry, outputs = both
        index = last - done if reverse else done
        carry, output = one(arrays, carry, at(index))
        return carry, jax.tree.map(lambda all, own: all.at[index].set(own), outputs, output)

    shapes = jax.eval_shape(one, arrays, carry, at(last))[1]
    empty = jax.tree.map(lambda own: jnp.zeros((LONGEST, *own.shape), own.dtype), shapes)
    carry, outputs = lax.fori_loop(0, last + 1, step, (carry, empty))
    rows = jnp.minimum(jnp.arange(LONGEST), last)
    return carry, jax.tree.map(lambda array: array[rows], outputs)
