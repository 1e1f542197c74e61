"""Switching between all and nothing: the form of every optimal schedule."""

from typing import Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from homotopy._wording import described
from homotopy.schedules._arguments import ArrayInput, as_times
from homotopy.schedules.base import AbstractPiecewiseConstant


class BangBang(AbstractPiecewiseConstant):
    """ε alternates between `initial` and 1 − `initial` at every switch time.

    For linear regression every optimal deletion has this form (theory §4). Its values are known
    when tracing, so that an exact flow needs the two spectra of ε = 0 and ε = 1 only.

    Parameters
    ----------
    switches : array, shape (k,)
        Switch times, ascending and non-negative. Two equal ones cancel each other.
    initial : {0, 1}
        The weight up to and including the first switch.

    Raises
    ------
    ValueError
        If the switches are negative, not finite or not ascending, or `initial` is not 0 or 1.

    Examples
    --------
    >>> from homotopy.schedules import BangBang
    >>> schedule = BangBang([1.0, 2.0, 3.0], initial=1)
    >>> schedule
    BangBang(switches=[1, 2, 3], initial=1)
    >>> [float(schedule(t)) for t in (0.5, 1.5, 2.5, 3.5)]
    [1.0, 0.0, 1.0, 0.0]
    """

    switches: Float[Array, " k"]
    initial: Literal[0, 1] = eqx.field(static=True)

    def __init__(self, switches: ArrayInput, initial: int):
        self.switches = as_times("switches", switches, 1)
        if isinstance(initial, jax.core.Tracer):
            raise ValueError("initial must be 0 or 1 and known when tracing, got a traced value")
        if not np.isscalar(initial) or isinstance(initial, bool) or initial not in (0, 1):
            raise ValueError(f"initial must be 0 or 1, got {described(initial)}")
        self.initial = int(initial)

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """The switches, (k,)."""
        return self.switches

    @property
    def piece_values(self) -> Float[np.ndarray, " pieces"]:
        """0 and 1 alternating, (k + 1,)."""
        return (self.initial + np.arange(self.switches.shape[-1] + 1.0)) % 2
