"""Deletion along a power of the time that is left."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.schedules._arguments import ArrayInput, as_interval, as_positive
from homotopy.schedules._decay import AbstractDecay


class Polynomial(AbstractDecay):
    """ε = ((stop − t)/(stop − start))^power between start and stop; 1 before, 0 after.

    The power 1 gives the `Ramp`; less than 1 holds the data longer, more lets go of them sooner.
    Where start = stop it is the `Step` at that time.

    Parameters
    ----------
    start, stop : float
        0 ≤ start ≤ stop.
    power : float
        Any positive real number. Below 1 the slope at `stop` is infinite; derivatives of ε at
        that very time are then reported as 0. Integrals and their derivatives are exact.

    Raises
    ------
    ValueError
        If a time is negative or not finite, stop precedes start, or the power is not positive
        and finite.

    Examples
    --------
    >>> from homotopy.schedules import Polynomial
    >>> schedule = Polynomial(1.0, 3.0, power=2.0)
    >>> [float(schedule(t)) for t in (1.0, 2.0, 3.0)]
    [1.0, 0.25, 0.0]
    >>> schedule
    Polynomial(start=1, stop=3, power=2)
    """

    start: Float[Array, ""]
    stop: Float[Array, ""]
    power: Float[Array, ""]

    def __init__(self, start: ArrayInput, stop: ArrayInput, power: ArrayInput):
        self.start, self.stop = as_interval(start, stop)
        self.power = as_positive("power", power)

    @property
    def graded_pieces(self) -> tuple[bool, ...]:
        # The derivative in the power is u^power log u.
        return (False, True, False)

    def _decay(self, u):
        # 0**power has an infinite slope for powers below 1, which times a zero would be NaN.
        regular = (u > 0) | (self.power >= 1)
        return jnp.where(regular, jnp.where(regular, u, 1.0) ** self.power, 0.0)

    def _mean(self):
        return 1 / (self.power + 1)

    def _integral(self, a, b):
        # Real powers are beyond Gauss–Legendre: the pieces in closed form, with q = power + 1.
        forward = a <= b
        lower = self._clip(jnp.where(forward, a, b))
        upper = self._clip(jnp.where(forward, b, a))
        lengths = upper - lower
        q, width, left = self.power + 1, self.stop - self.start, self.stop - lower[1]
        u = self._remaining(jnp.where(forward, a, b), width)
        v = self._remaining(jnp.where(forward, b, a), width)
        # uᑫ − vᑫ cancels over short intervals: there, through the ratio v/u = 1 − fraction.
        near = (v > u / 2) & (width > 0)
        fraction = jnp.where(near, lengths[1] / jnp.where(near, left, 1.0), 0.0)
        difference = jnp.where(near, -(u**q) * jnp.expm1(q * jnp.log1p(-fraction)), u**q - v**q)
        total = lengths[0] + width / q * difference
        return jnp.where(forward, total, -total)

    def _remaining(self, t, width):
        """u at any time: 1 before the decay and 0 after it, by index so that width = 0 works."""
        index = jnp.searchsorted(self.breakpoints, t, side="left")
        inside = (self.stop - t) / jnp.where(width > 0, width, 1.0)
        return jnp.where(index == 0, 1.0, jnp.where(index == 2, 0.0, inside))
