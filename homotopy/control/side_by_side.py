"""Several controls at a time: an integration takes little longer for eight of them than for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy.control.mesh import Mesh, stages, terminal
from homotopy.control.scan import scan
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import (
    Points,
    Trajectory,
    advance,
    around,
    back,
    in_batches,
    locate,
    points,
    pull_back,
)

TOGETHER = 8  # controls; fewer are filled up, so that any number shares one compilation

_each_of_controls = partial(eqx.filter_vmap, in_axes=(None, eqx.if_array(0), None))


def together(controls: Sequence) -> Iterator[tuple]:
    """Controls of one kind and size as stacks of `TOGETHER`, each with how many there are in it."""
    for begin in range(0, len(controls), TOGETHER):
        some = list(controls[begin : begin + TOGETHER])
        filled = some + [some[-1]] * (TOGETHER - len(some))
        yield jax.tree.map(lambda *parts: np.stack(parts), *filled), len(some)


def sweep_each(system: ControlAffine, controls, mesh: Mesh):
    """As `sweep`, of each control of a stack: all with a leading axis for the controls."""
    states, costates, cost, slopes = _adjoint(system, controls, mesh)
    return states, costates, cost, _pull_back(system, controls, mesh, slopes)


def follow_each(system: ControlAffine, controls, mesh: Mesh):
    """States and costates at the nodes, as of `sweep_each`."""
    return _adjoint(system, controls, mesh)[:2]


def _adjoint(system, controls, mesh):
    lengths, values = _stages(system, controls, mesh)
    initial = np.broadcast_to(np.asarray(system.initial), (lengths.shape[1], system.initial.size))
    used = mesh.used
    final, states = scan(_ahead, system, jnp.asarray(initial), (lengths, values), used=used)
    cost, last = _terminal(system, final)
    inputs = states, lengths, values
    first, (costates, slopes) = scan(_back, system, last, inputs, used=used, reverse=True)
    states = np.concatenate([states, np.asarray(final)[None]])
    costates = np.concatenate([np.asarray(first)[None], costates])
    return np.moveaxis(states, 1, 0), np.moveaxis(costates, 1, 0), np.asarray(cost), slopes


def points_of_each(system, controls, mesh, states, costates, times) -> Points:
    """As `Trajectory.at`, of each control of a stack at times (k,) of its own, (TOGETHER, k)."""
    parts = _around(system, mesh, controls, states, costates, times)
    flat = jax.tree.map(lambda part: np.reshape(part, (-1, *part.shape[2:])), parts)
    found = in_batches(partial(points, system), flat)
    return jax.tree.map(lambda part: part.reshape(*times.shape, *part.shape[1:]), found)


@eqx.filter_jit
def _stages(system, controls, mesh):
    return _each_of_controls(stages, out_axes=1)(system, controls, mesh)


@eqx.filter_jit
def _terminal(system, final):
    return jax.vmap(partial(terminal, system))(final)


def _ahead(system, x, at):
    return jax.vmap(lambda x, *at: (advance(system, x, *at), x))(x, *at)


def _back(system, p, at):
    return jax.vmap(partial(back, system))(p, at)


@eqx.filter_jit
def _pull_back(system, controls, mesh, slopes):
    def one(control, slopes):
        return pull_back(system, control, mesh, slopes)

    return eqx.filter_vmap(one, in_axes=(eqx.if_array(0), 1))(controls, slopes)


@eqx.filter_jit
def _around(system, mesh, controls, states, costates, times):
    def one(control, states, costates, times):
        trajectory = Trajectory(system, control, mesh, states, costates, jnp.zeros(()))
        return around(trajectory, *locate(trajectory, times))

    return eqx.filter_vmap(one)(controls, states, costates, times)
