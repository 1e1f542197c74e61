"""Learned schedules: small neural networks of time, trained through the exact flow."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from homotopy._checks import integer, positive
from homotopy.deletion.searches import _bounded_quasi_newton as quasi_newton
from homotopy.deletion.searches.family import AbstractFamily
from homotopy.schedules import AbstractSchedule, Network

_POINTS = 65  # at which a warm start is fitted
_FITTING_STEPS = 200


class Networks(AbstractFamily):
    """The schedules `Network(mlp, s, T)`: a multilayer perceptron of time, squashed to [0, 1].

    Parameters
    ----------
    width, depth : int
        Of the hidden layers, with tanh between them.
    count : int
        Random networks to start from.
    seed : int
        Of their weights.
    largest_weight : float
        Weights stay between its negative and it.
    max_steps : int
        Of the quasi-Newton method.

    Raises
    ------
    ValueError
        For a `width`, `depth`, `count` or `max_steps` below 1, a negative `seed`, or a
        `largest_weight` that is not positive.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Networks(width=4).width
    4
    """

    width: int = eqx.field(default=8, static=True)
    depth: int = eqx.field(default=1, static=True)
    count: int = eqx.field(default=3, static=True)
    seed: int = eqx.field(default=0, static=True)
    largest_weight: float = eqx.field(default=20.0, static=True)
    max_steps: int = eqx.field(default=100, static=True)

    def __check_init__(self):
        for name, least in (("width", 1), ("depth", 1), ("count", 1), ("seed", 0)):
            integer(name, getattr(self, name), least)
        integer("max_steps", self.max_steps, 1)
        positive("largest_weight", self.largest_weight)

    def _network(self, seed: int) -> eqx.nn.MLP:
        key = jax.random.key(seed)
        return eqx.nn.MLP("scalar", "scalar", self.width, self.depth, jnp.tanh, key=key)

    def _flat(self, network):
        weights, architecture = eqx.partition(network, eqx.is_inexact_array)
        flat, unravel = ravel_pytree(weights)
        return flat, lambda given: eqx.combine(unravel(given), architecture)

    def bounds(self):
        size = self._flat(self._network(self.seed))[0].size
        return np.full(size, -self.largest_weight), np.full(size, self.largest_weight)

    def starts(self):
        # Twice the usual weights, so that the hidden units differ within the interval.
        seeds = range(self.seed, self.seed + self.count)
        return 2.0 * np.stack([np.asarray(self._flat(self._network(seed))[0]) for seed in seeds])

    def schedule(self, parameters, start, horizon) -> AbstractSchedule:
        _, combined = self._flat(self._network(self.seed))
        return Network(combined(parameters), start, horizon)

    def nearest(self, schedule, start, horizon):
        fractions = (np.arange(_POINTS) + 0.5) / _POINTS
        values = schedule(start * (1.0 - fractions) + horizon * fractions)
        lower, upper = self.bounds()
        return np.asarray(_fitted(self, values, jnp.asarray(self.starts()[-1]), lower, upper))


@eqx.filter_jit
def _fitted(family, values, point, lower, upper):
    """Parameters of a network whose values are closest to those given, on [0, 1]."""
    times = (jnp.arange(_POINTS) + 0.5) / _POINTS

    def distance(point):
        schedule = family.schedule(point, jnp.zeros(()), jnp.ones(()))
        return jnp.mean((jax.vmap(lambda t: schedule.piece(1, t))(times) - values) ** 2)

    function = jax.value_and_grad(distance)
    state = jax.lax.while_loop(
        lambda state: ~state.done & (state.steps < _FITTING_STEPS),
        lambda state: quasi_newton.improved(function, lower, upper, state),
        quasi_newton.first_state(point),
    )
    return state.point
