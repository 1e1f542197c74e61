"""Deletion at a constant rate."""

from jaxtyping import Array, Float

from homotopy.schedules._arguments import ArrayInput, as_interval
from homotopy.schedules._decay import AbstractDecay


class Ramp(AbstractDecay):
    """ε falls linearly from 1 at `start` to 0 at `stop`; 1 before, 0 after.

    Where start = stop it is the `Step` at that time.

    Parameters
    ----------
    start, stop : float
        0 ≤ start ≤ stop.

    Raises
    ------
    ValueError
        If a time is negative or not finite, or stop precedes start.

    Examples
    --------
    >>> from homotopy.schedules import Ramp
    >>> [float(Ramp(1.0, 3.0)(t)) for t in (1.0, 1.5, 3.0)]
    [1.0, 0.75, 0.0]
    >>> float(Ramp(1.0, 3.0).integral(0.0, 5.0))
    2.0
    """

    start: Float[Array, ""]
    stop: Float[Array, ""]

    def __init__(self, start: ArrayInput, stop: ArrayInput):
        self.start, self.stop = as_interval(start, stop)

    def _decay(self, u):
        return u

    def _mean(self):
        return 0.5
