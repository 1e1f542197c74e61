"""Learned schedules: sigmoids of splines, trained through the exact flow."""

from __future__ import annotations

import equinox as eqx
import numpy as np

from homotopy._checks import integer, positive
from homotopy.deletion.searches.cells import cell_edges
from homotopy.deletion.searches.family import AbstractFamily
from homotopy.schedules import AbstractSchedule, Spline


class Splines(AbstractFamily):
    """The schedules `Spline(knots, logits)` with equally spaced knots from s to T.

    Parameters
    ----------
    count : int
        Number of knots, ≥ 2.
    largest_logit : float
        ε stays as far from 0 and 1 as the logits between −largest_logit and it make it.
    max_steps : int
        Of the quasi-Newton method.

    Raises
    ------
    ValueError
        For fewer than two knots, no step, or a `largest_logit` that is not positive.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Splines(6).count
    6
    """

    count: int = eqx.field(static=True)
    largest_logit: float = eqx.field(default=10.0, static=True)
    max_steps: int = eqx.field(default=100, static=True)

    def __check_init__(self):
        integer("count", self.count, 2)
        integer("max_steps", self.max_steps, 1)
        positive("largest_logit", self.largest_logit)

    def bounds(self):
        largest = np.full(self.count, self.largest_logit)
        return -largest, largest

    def starts(self):
        falling = np.linspace(2.0, -2.0, self.count)
        return np.stack([np.full(self.count, -2.0), np.full(self.count, 2.0), falling])

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        return Spline(cell_edges(self.count - 1, start, horizon), parameters)

    def nearest(self, schedule, start, horizon):
        knots = np.asarray(cell_edges(self.count - 1, start, horizon))
        reach = (knots[1] - knots[0]) / 2
        left, right = np.maximum(knots - reach, start), np.minimum(knots + reach, horizon)
        means = np.asarray(schedule.integral(left, right)) / (right - left)
        means = np.clip(means, 1e-3, 1.0 - 1e-3)
        return np.log(means / (1.0 - means))
