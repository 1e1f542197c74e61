"""A batch shared out: in parts for threads and processes, or as one program over devices."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from homotopy.sweeps.workers import mapped, running

# Of a batch, whoever works on it, so that results do not depend on how many do; of more workers one
# for each. Those that are done early take another.
_PARTS = 16
_AXIS = "cases"


def in_parts(
    function: Callable[[np.ndarray], Any],
    count: int,
    devices: list | None,
    client,
    report: Callable[[int], None] = lambda done: None,
    fewest: int = 1,
) -> Any:
    """A function of the places of some cases, of all of them, with its results put together.

    The parts are the same for 1 and for 16 workers, and so are the results, to the last bit, on
    processors of one kind.

    Parameters
    ----------
    function : callable
        Of an array of places (m,), returns a pytree of arrays with a leading axis of length m.
        Parts are of one length, so that they share a compilation: the last place is repeated.
    count : int
        Cases.
    devices, client
        As of `workers.spread`.
    report : callable
        Told how many cases are done.
    fewest : int
        Cases that are to go together, where there are as many: what helps or costs all of a part.
    """
    places = _places(count, running(devices, client), fewest)
    size = places.shape[1]
    found, done = [], 0
    for part in mapped(functools.partial(_held, function), places, devices, client):
        found.append(part)
        done = min(done + size, count)
        report(done)
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[:count]), *found)


def whole_or_in_parts(
    function: Callable[[np.ndarray], Any], count: int, devices: list | None, client, **options
) -> Any:
    """As `in_parts`; where there is neither, the function of all places in one call."""
    if devices is None and client is None:
        return function(np.arange(count))
    return in_parts(function, count, devices, client, **options)


def _places(count: int, workers: int, fewest: int = 1, multiple: int = 1):
    """(parts, size): parts of one length, as many as a multiple of some number."""
    size = min(count, max(fewest, -(-count // max(_PARTS, workers))))
    parts = -(-count // size)
    parts += -parts % multiple
    return np.pad(np.arange(count), (0, parts * size - count), mode="edge").reshape(-1, size)


def _held(function, places):
    """In NumPy: arrays of several devices go together only there."""
    return jax.tree.map(np.asarray, function(places))


def over_devices(function: Callable, batch: Float[Array, " k"], devices: list, *shared) -> Any:
    """`function(*shared, part)` of the same parts as `in_parts`, one program on all devices.

    By `jax.shard_map`: devices do not wait for each other in loops. In a job of several processes
    (`jax.distributed`) the devices may be those of all of them: each gives the same arguments, and
    gets all of the result.

    Parameters
    ----------
    function : callable
        Found by its name, lest it is compiled anew; returns a pytree of arrays with a leading axis.
    """
    mesh = Mesh(np.array(devices), (_AXIS,))
    count = batch.shape[0]
    parts = np.asarray(batch)[_places(count, len(devices), multiple=len(devices))]
    # Of no device in particular, so that they go where the program runs.
    arrays, static = eqx.partition(shared, eqx.is_array)
    found = _program(function, mesh, jax.tree.map(np.asarray, arrays), static, parts)
    if jax.process_count() > 1:
        found = multihost_utils.process_allgather(found, tiled=True)
    return jax.tree.map(lambda leaf: jnp.asarray(np.concatenate(np.asarray(leaf))[:count]), found)


def _program(function, mesh, arrays, static, parts):
    leaves, structure = jax.tree.flatten(static)
    return _compiled(function, mesh, structure, tuple(leaves))(arrays, parts)


@functools.lru_cache(maxsize=64)
def _compiled(function, mesh, structure, leaves):
    static = jax.tree.unflatten(structure, leaves)
    every, shared_out = PartitionSpec(), PartitionSpec(_AXIS)

    def run(arrays, parts):
        return jax.lax.map(lambda part: function(*eqx.combine(arrays, static), part), parts)

    return jax.jit(
        jax.shard_map(
            run, mesh=mesh, in_specs=(every, shared_out), out_specs=shared_out, check_vma=False
        )
    )
