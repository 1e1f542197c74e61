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

_PARTS = 4  # of a large batch for each worker: those that are done early take another
_FEWEST = 8  # cases that are worth a part of their own
_AXIS = "cases"


def in_parts(
    function: Callable[[np.ndarray], Any],
    count: int,
    devices: list | None,
    client,
    report: Callable[[int], None] = lambda done: None,
) -> Any:
    """A function of the places of some cases, of all of them, with its results put together.

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
    """
    workers = running(devices, client)
    parts = max(1, min(workers * _PARTS, -(-count // _FEWEST)))
    parts = -(-parts // workers) * workers if parts > workers else min(workers, count)
    size = -(-count // parts)
    places = np.pad(np.arange(count), (0, parts * size - count), mode="edge").reshape(-1, size)
    found, done = [], 0
    for part in mapped(functools.partial(_held, function), places, devices, client):
        found.append(part)
        done = min(done + size, count)
        report(done)
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)[:count]), *found)


def _held(function, places):
    """In NumPy: arrays of several devices go together only there."""
    return jax.tree.map(np.asarray, function(places))


def over_devices(function: Callable, batch: Float[Array, " k"], devices: list, *shared) -> Any:
    """`function(*shared, part)` of equal parts of the batch, one program, each part on a device.

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
    padded = np.pad(np.asarray(batch), (0, -count % len(devices)), mode="edge")
    # Of no device in particular, so that they go where the program runs.
    arrays, static = eqx.partition(shared, eqx.is_array)
    found = _program(function, mesh, jax.tree.map(np.asarray, arrays), static, padded)
    if jax.process_count() > 1:
        found = multihost_utils.process_allgather(found, tiled=True)
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[:count]), found)


def _program(function, mesh, arrays, static, padded):
    leaves, structure = jax.tree.flatten(static)
    return _compiled(function, mesh, structure, tuple(leaves))(arrays, padded)


@functools.lru_cache(maxsize=64)
def _compiled(function, mesh, structure, leaves):
    static = jax.tree.unflatten(structure, leaves)
    every, parts = PartitionSpec(), PartitionSpec(_AXIS)

    def run(arrays, part):
        return function(*eqx.combine(arrays, static), part)

    return jax.jit(
        jax.shard_map(run, mesh=mesh, in_specs=(every, parts), out_specs=parts, check_vma=False)
    )
