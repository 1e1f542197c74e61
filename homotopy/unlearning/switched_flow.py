"""The deletion problem for weights 0 and 1 as the compiled searches take it, and what they find."""

from __future__ import annotations

from functools import cache

import jax
import numpy as np

from homotopy.control.switched import SwitchedFlow, merged
from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.unlearning.deletion import Deletion


def switched_flow(deletion: Deletion) -> SwitchedFlow:
    """In modal coordinates centred at the deleted fit, which tend to zero where the point is gone.

    Always in float64, whatever the problem's own precision.
    """
    # Looking up an attribute of an Equinox module takes as long as copying a small array.
    own = vars(deletion)
    modal = vars(vars(own["problem"])["modal"])
    full = vars(modal["full"])
    rotation, start = _array(full["rotation"]), float(_array(own["start"]))
    return SwitchedFlow(
        rates=_array(modal["eigenvalues"]),
        full_rates=_array(full["eigenvalues"]),
        rotation=rotation,
        transposed=rotation.T.copy(),
        rows=_array(modal["rows"]),
        residual=_array(modal["residual"]),
        limit=_array(modal["full_limit"]),
        initial=_array(own["centred_start"]),
        goal=_array(own["_goal"]),
        delay=start,
        span=float(_array(own["horizon"])) - start,
    )


def _array(value) -> np.ndarray:
    return np.array(value, dtype=np.float64, order="C")


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
