"""A learned schedule: a small neural network of time."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PyTree, Real

from homotopy._checks import concrete
from homotopy.schedules._arguments import ArrayInput, as_interval, require
from homotopy.schedules._quadrature import composite_mean
from homotopy.schedules.base import AbstractSchedule

_PARTS = 32


class Network(AbstractSchedule):
    """ε = sigmoid(network(τ)) from `start` to `stop`, with τ from −1 to 1; 1 before, 0 after.

    Parameters
    ----------
    network : eqx.Module
        Takes a number to a number, smoothly: such as
        `eqx.nn.MLP("scalar", "scalar", 8, 2, jax.numpy.tanh, key=key)`.
    start, stop : float
        0 ≤ start < stop.

    Attributes
    ----------
    weights : PyTree
        The network's arrays, which `Deletion.value_and_gradient` differentiates.
    architecture : PyTree
        All of it that is not an array.

    Raises
    ------
    TypeError
        If the network is not callable, or does not take a number to a number.
    ValueError
        If a time is negative or not finite, or stop does not come after start.

    Examples
    --------
    >>> import equinox as eqx, jax
    >>> from homotopy.schedules import Network
    >>> mlp = eqx.nn.MLP("scalar", "scalar", 4, 1, jax.numpy.tanh, key=jax.random.key(0))
    >>> schedule = Network(mlp, start=1.0, stop=2.0)
    >>> float(schedule(0.5)), float(schedule(2.5)), 0 < float(schedule(1.5)) < 1
    (1.0, 0.0, True)
    >>> schedule
    Network(13 weights, start=1, stop=2)
    """

    weights: PyTree
    start: Float[Array, ""]
    stop: Float[Array, ""]
    architecture: PyTree = eqx.field(static=True)

    def __init__(self, network: eqx.Module, start: ArrayInput, stop: ArrayInput):
        if not callable(network):
            raise TypeError(f"network: expected a callable module, got {network!r}.")
        self.weights, self.architecture = eqx.partition(network, eqx.is_inexact_array)
        self.start, stop = as_interval(start, stop)
        self.stop = require(stop, stop > self.start, "stop must come after start")
        try:
            output = eqx.filter_eval_shape(network, jnp.zeros(()))
        except (TypeError, ValueError) as error:
            raise TypeError(f"network: it does not take a number ({error}).") from error
        if getattr(output, "shape", None) != ():
            raise TypeError("network: expected one number for a number.")

    @property
    def network(self) -> eqx.Module:
        """The network, as given."""
        return eqx.combine(self.weights, self.architecture)

    @property
    def breakpoints(self) -> Float[Array, " 2"]:
        """Start and stop, (2,)."""
        return jnp.stack([self.start, self.stop])

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return (True, False, True)

    @property
    def piece_values(self) -> Float[Array, " 3"]:
        """1, the value at the start, and 0."""
        opening = self.piece(1, self.start)
        return jnp.stack([jnp.ones_like(opening), opening, jnp.zeros_like(opening)])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        fraction = (t - self.start) / (self.stop - self.start)
        value = jax.nn.sigmoid(self.network(2.0 * fraction - 1.0))
        return jnp.where(index == 0, 1.0, jnp.where(index == 2, 0.0, value))

    def _integral(self, a, b):
        lower, upper = self._clip(a), self._clip(b)
        mean = composite_mean(lambda t: self.piece(1, t), lower[1], upper[1], _PARTS)
        lengths = upper - lower
        return lengths[0] + lengths[1] * mean

    def __repr__(self) -> str:
        count = sum(leaf.size for leaf in jax.tree.leaves(self.weights))
        times = [
            f"{name}={value if (known := concrete(value)) is None else f'{known:.6g}'}"
            for name, value in (("start", self.start), ("stop", self.stop))
        ]
        return f"Network({count} weights, {', '.join(times)})"
