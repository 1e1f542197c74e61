"""The deletion problem for weights 0 and 1 as the compiled searches take it, and what they find."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import equinox as eqx
import jax
import numpy as np

from homotopy.control.switched import SwitchedFlow, merged
from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.unlearning.deletion import Deletion


def switched_flows(deletions: Sequence[Deletion]) -> SwitchedFlow:
    """Problems of the same size, with a leading axis: in modal coordinates centred at the deleted
    fit, which tend to zero where the point is gone.

    Always in float64, whatever the problems' own precision.
    """
    own = [_fields(deletion) for deletion in deletions]
    modal = [_fields(_fields(each["problem"])["modal"]) for each in own]
    full = [_fields(each["full"]) for each in modal]
    rotation, start = _stacked(full, "rotation"), _stacked(own, "start")
    return SwitchedFlow(
        rates=_stacked(modal, "eigenvalues"),
        full_rates=_stacked(full, "eigenvalues"),
        rotation=rotation,
        transposed=np.ascontiguousarray(rotation.transpose(0, 2, 1)),
        rows=_stacked(modal, "rows"),
        residual=_stacked(modal, "residual"),
        limit=_stacked(modal, "full_limit"),
        initial=_stacked(own, "centred_start"),
        goal=_stacked(own, "_goal"),
        delay=start,
        span=_stacked(own, "horizon") - start,
    )


def _fields(module: eqx.Module) -> dict:
    """`vars`, past what Equinox does at every look-up: it takes longer than copying an array."""
    return object.__getattribute__(module, "__dict__")


def _stacked(parts: list[dict], name: str) -> np.ndarray:
    arrays = [part[name] for part in parts]
    first = np.asarray(arrays[0])
    try:
        # The bytes themselves: to wrap each array as NumPy's takes three times as long.
        joined = np.frombuffer(bytearray().join(arrays), first.dtype)
    except TypeError:  # not in the processor's memory
        joined = np.array([np.asarray(array) for array in arrays])
    return joined.reshape(len(arrays), *first.shape).astype(np.float64, copy=False)


def kind_of(deletion: Deletion) -> tuple:
    """How many deleted points and parameters, and their precision: alike in what is stacked."""
    rows = _fields(_fields(_fields(deletion)["problem"])["modal"])["rows"]
    return rows.shape, rows.dtype


def rounded_arcs(
    schedule: AbstractSchedule, start: float, horizon: float
) -> tuple[list[int], list[float]]:
    """Values 0 or 1 in turn, and how long each lasts: those nearest to a schedule on [s, T]."""
    edges = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    parts = np.concatenate([[start], edges, [horizon]])
    if all(schedule.constant_pieces):
        values = np.asarray(schedule.piece_values)
    else:
        parts = np.union1d(parts, np.linspace(start, horizon, 257))
        values = np.asarray(schedule((parts[:-1] + parts[1:]) / 2))
    return merged((values > 0.5).astype(int).tolist(), np.diff(parts).tolist())


def bang_bang(switches: np.ndarray) -> BangBang:
    """The schedule of valid switch times, without the checks, which take most of the time."""
    return jax.tree.unflatten(_structure(switches.size), [_on_device(switches)])


@jax.jit
def _on_device(array):
    """A JAX array, four times faster than `jnp.asarray` makes one."""
    return array


@cache
def _structure(size: int):
    return jax.tree.structure(BangBang(np.zeros(size), initial=1))
