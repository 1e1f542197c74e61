"""Bang-bang controls on [s, T] as schedules in E_s, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import jax
import numpy as np

from homotopy._memory import all_handed_over, handed_over_later, may_wait
from homotopy._module import put_off
from homotopy.control.bang_bang_control import BangBangControl, merged
from homotopy.deletion.request import Request, known_numbers
from homotopy.schedules import AbstractSchedule, BangBang


def schedule_of(request: Request, control: BangBangControl) -> BangBang:
    """A control on [s, T] as a schedule in E_s: 1 before, 0 after."""
    known = known_numbers(request)
    start, horizon = float(known.start), float(known.horizon)
    inside = [min(start + time, horizon) for time in control.switches]
    switches = switch_times(control.initial, inside, start, horizon)
    schedule = object.__new__(BangBang)
    vars(schedule)["initial"] = 1
    if may_wait([switches]):
        put_off(schedule, ["switches"], switches, _switches_made)
    else:  # nothing is compiled for a number of switches that is new: a search may be out of time
        vars(schedule)["switches"] = all_handed_over([switches])[0]
    return schedule


def _switches_made(schedule: BangBang, switches: np.ndarray) -> dict[str, jax.Array]:
    return {"switches": handed_over_later([switches])[0]}


def control_of(request: Request, schedule: AbstractSchedule) -> BangBangControl:
    """The control nearest to a schedule: its values on [s, T] rounded to 0 or 1."""
    return nearest_control(schedule, float(request.start), float(request.horizon))


def nearest_control(schedule: AbstractSchedule, start: float, horizon: float) -> BangBangControl:
    """As `control_of`, between two times."""
    edges = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    parts = np.concatenate([[start], edges, [horizon]])
    if all(schedule.constant_pieces):
        values = np.asarray(schedule.piece_values)
    else:
        parts = np.union1d(parts, np.linspace(start, horizon, 257))
        values = np.asarray(schedule((parts[:-1] + parts[1:]) / 2))
    values, lengths = merged((values > 0.5).astype(int).tolist(), np.diff(parts).tolist())
    return BangBangControl(values[0], tuple(np.cumsum(lengths[:-1]).tolist()))


def switch_times(
    initial: int, inside: Sequence[float], start: float, horizon: float, dtype=np.float64
) -> np.ndarray:
    """Where a schedule in E_s switches, from 1, given its value after s and its switches in (s, T).

    Before s it is 1, after T it is 0.
    """
    switches = list(inside) if initial == 1 else [start, *inside]
    if len(switches) % 2 == 0:  # still 1 at the horizon
        switches.append(horizon)
    return np.array(switches, dtype)


def unchecked(switches: np.ndarray) -> BangBang:
    """The schedule of valid switch times, without the checks, which take most of the time."""
    return jax.tree.unflatten(_structure(switches.size), [_on_device(switches)])


@jax.jit
def _on_device(array):
    """A JAX array, four times faster than `jnp.asarray` makes one."""
    return array


@cache
def _structure(size: int):
    return jax.tree.structure(BangBang(np.zeros(size), initial=1))
