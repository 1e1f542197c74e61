"""Linear decays: the best start and stop."""

from __future__ import annotations

import equinox as eqx
import numpy as np

from homotopy._checks import integer
from homotopy.deletion.searches.family import AbstractFamily, edges_of_decay
from homotopy.numerics.namespace import namespace
from homotopy.schedules import AbstractSchedule, Ramp


class Ramps(AbstractFamily):
    """The schedules `Ramp(start, stop)` with s ≤ start ≤ stop ≤ T, steps among them.

    Parameters
    ----------
    max_steps : int
        Of the quasi-Newton method.

    Raises
    ------
    ValueError
        Naming `max_steps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Ramps().max_steps
    200
    """

    max_steps: int = eqx.field(default=200, static=True)

    def __check_init__(self):
        integer("max_steps", self.max_steps, 1)

    def bounds(self):
        return np.zeros(2), np.ones(2)

    def starts(self):
        # Where it starts between s and T, and where it stops between there and T.
        return np.array([[0.0, 0.0], [0.4, 0.1], [0.1, 0.9], [0.9, 0.5], [0.3, 0.5]])

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        return Ramp(*interval(parameters, start, horizon))

    def nearest(self, schedule, start, horizon):
        return fractions(*edges_of_decay(schedule, start, horizon), start, horizon)


def interval(fractions, start, horizon):
    """Start and stop of a decay from two fractions; weighted so that s and T are themselves."""
    first = start * (1.0 - fractions[0]) + horizon * fractions[0]
    last = first * (1.0 - fractions[1]) + horizon * fractions[1]
    # The sum may round to below `first`. Not a maximum, which halves the derivative at a tie.
    return first, namespace(last).where(last < first, first, last)


def fractions(first, last, start, horizon):
    """The fractions of `interval`."""
    rest = horizon - first
    return np.array([(first - start) / (horizon - start), (last - first) / rest if rest else 0.0])
