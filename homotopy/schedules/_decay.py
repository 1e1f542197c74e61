"""What Ramp and Polynomial share: a decay from 1 to 0 between two times."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy.schedules.base import AbstractSchedule


class AbstractDecay(AbstractSchedule):
    """1 up to `start`, 0 after `stop`, between them a function of u = (stop − t)/(stop − start).

    u falls from 1 to 0. Where start = stop the schedule jumps as a `Step` does, and its
    derivatives are the limits of those of ever shorter decays.
    """

    start: eqx.AbstractVar[Float[Array, ""]]
    stop: eqx.AbstractVar[Float[Array, ""]]

    @abc.abstractmethod
    def _decay(self, u):
        """The value at u in [0, 1]."""

    @abc.abstractmethod
    def _mean(self):
        """The mean of the decay over its whole length."""

    @property
    def breakpoints(self) -> Float[Array, " 2"]:
        """Start and stop, (2,)."""
        return jnp.stack([self.start, self.stop])

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return (True, False, True)

    @property
    def piece_values(self) -> Float[np.ndarray, " 3"]:
        """1, 1, 0: the values at the left ends of the three pieces."""
        return np.array([1.0, 1.0, 0.0])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        width = self.stop - self.start
        u = (self.stop - t) / jnp.where(width > 0, width, 1.0)
        # Rounding of t may leave the piece. Not `jnp.clip`, which halves derivatives at its ends.
        u = jnp.where(u < 0, 0.0, jnp.where(u > 1, 1.0, u))
        # A decay of no length acts by its mean only: with it, an integral over the empty piece
        # has the right derivative in each of its two ends.
        middle = jnp.where(width > 0, self._decay(u), self._mean())
        return jnp.where(index == 0, 1.0, jnp.where(index == 2, 0.0, middle))
