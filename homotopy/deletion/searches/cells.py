"""Weights held on equal cells: what a direct method finds without knowing the structure."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer
from homotopy.deletion.searches.family import AbstractFamily
from homotopy.schedules import AbstractSchedule, PiecewiseConstant


class Cells(AbstractFamily):
    """Schedules that are constant on each of so many equal cells of [s, T]; 1 before, 0 after.

    Parameters
    ----------
    count : int
        Number of cells, ≥ 1.
    max_steps : int
        Of the quasi-Newton method.

    Raises
    ------
    ValueError
        Where `count` or `max_steps` is below 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Cells(16)
    Cells(count=16)
    """

    count: int = eqx.field(static=True)
    max_steps: int = eqx.field(default=400, static=True)

    def __check_init__(self):
        integer("count", self.count, 1)
        integer("max_steps", self.max_steps, 1)

    def bounds(self):
        return np.zeros(self.count), np.ones(self.count)

    def starts(self):
        falling = 1.0 - (np.arange(self.count) + 0.5) / self.count
        return np.stack([np.zeros(self.count), np.ones(self.count), falling])

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        edges = cell_edges(self.count, start, horizon)
        one, zero = jnp.ones(1, edges.dtype), jnp.zeros(1, edges.dtype)
        return PiecewiseConstant(edges, jnp.concatenate([one, parameters, zero]))

    def nearest(self, schedule, start, horizon):
        edges = np.asarray(cell_edges(self.count, start, horizon))
        integrals = np.asarray(schedule.integral(edges[:-1], edges[1:]))
        return integrals / np.diff(edges)


def cell_edges(count, start, horizon):
    """Edges of equal cells, s and T themselves at the ends."""
    fractions = np.linspace(0.0, 1.0, count + 1)
    return start * (1.0 - fractions) + horizon * fractions
