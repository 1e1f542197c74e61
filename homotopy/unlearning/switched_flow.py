"""The deletion problem for weights 0 and 1 as the compiled searches take it, and what they find."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

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
    # Looking up an attribute of an Equinox module takes as long as copying a small array.
    own = [vars(deletion) for deletion in deletions]
    modal = [vars(vars(each["problem"])["modal"]) for each in own]
    full = [vars(each["full"]) for each in modal]
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


def _stacked(parts: list[dict], name: str) -> np.ndarray:
    return np.array([np.asarray(part[name]) for part in parts], dtype=np.float64)


def shape_of(deletion: Deletion) -> tuple[int, int]:
    """How many deleted points and parameters."""
    return vars(vars(deletion)["problem"])["modal"].rows.shape


def rounded_arcs(deletion: Deletion, schedule: AbstractSchedule) -> tuple[list[int], list[float]]:
    """Values 0 or 1 in turn, and how long each lasts: those nearest to a schedule on [s, T]."""
    start, horizon = float(deletion.start), float(deletion.horizon)
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
