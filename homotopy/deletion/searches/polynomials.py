"""Decays along a power of the remaining time: the best start, stop and power."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer, number
from homotopy.deletion.searches.family import AbstractFamily, edges_of_decay
from homotopy.deletion.searches.ramps import fractions, interval
from homotopy.schedules import AbstractSchedule, Polynomial


class Polynomials(AbstractFamily):
    """The schedules `Polynomial(start, stop, power)` with s ≤ start ≤ stop ≤ T.

    Parameters
    ----------
    largest_power : float
        Powers lie between its inverse and it; > 1.
    max_steps : int
        Of the quasi-Newton method.

    Raises
    ------
    ValueError
        Where `largest_power` does not exceed 1, or no step is allowed.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Polynomials(largest_power=4.0).largest_power
    4.0
    """

    largest_power: float = eqx.field(default=8.0, static=True)
    max_steps: int = eqx.field(default=200, static=True)

    def __check_init__(self):
        integer("max_steps", self.max_steps, 1)
        number(
            "largest_power", self.largest_power, "a finite number > 1", lambda x: 1.0 < x < np.inf
        )

    def bounds(self):
        # The power on a logarithmic scale, from −1 to 1.
        return np.array([0.0, 0.0, -1.0]), np.ones(3)

    def starts(self):
        return np.array(
            [[0.0, 0.0, 0.0], [0.4, 0.1, 0.0], [0.1, 0.9, 0.3], [0.9, 0.5, 0.0], [0.3, 0.5, -0.3]]
        )

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        power = jnp.exp(parameters[2] * np.log(self.largest_power))
        return Polynomial(*interval(parameters, start, horizon), power)

    def nearest(self, schedule, start, horizon):
        if isinstance(schedule, Polynomial):
            first, last = (np.clip(float(t), start, horizon) for t in schedule.breakpoints)
            power = float(schedule.power)
        else:
            first, last = edges_of_decay(schedule, start, horizon)
            # The power that leaves the same area below.
            mean = float(schedule.integral(first, last)) / (last - first) if last > first else 0.5
            power = 1.0 / np.clip(mean, 1e-6, 1.0 - 1e-6) - 1.0
        bend = np.log(power) / np.log(self.largest_power)
        return np.append(fractions(first, last, start, horizon), bend)
