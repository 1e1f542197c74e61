"""Deletion at once, at one switch time."""

import numpy as np
from jaxtyping import Array, Float

from homotopy.schedules._arguments import ArrayInput, as_times
from homotopy.schedules.base import AbstractPiecewiseConstant


class Step(AbstractPiecewiseConstant):
    """ε = 1_[0,switch]: all the data up to and including the switch time, then without the deleted.

    Parameters
    ----------
    switch : float
        The time τ ≥ 0 of the deletion.

    Raises
    ------
    ValueError
        If the switch time is not a finite, non-negative number.

    Examples
    --------
    >>> from homotopy.schedules import Step
    >>> [float(Step(0.5)(t)) for t in (0.0, 0.5, 0.6)]
    [1.0, 1.0, 0.0]
    >>> import jax
    >>> float(jax.grad(lambda switch: Step(switch).integral(0.0, 2.0))(0.5))
    1.0
    """

    switch: Float[Array, ""]

    def __init__(self, switch: ArrayInput):
        self.switch = as_times("switch", switch, 0)

    @property
    def breakpoints(self) -> Float[Array, " 1"]:
        """The switch time, (1,)."""
        return self.switch[None]

    @property
    def piece_values(self) -> Float[np.ndarray, " 2"]:
        """1, then 0."""
        return np.array([1.0, 0.0])
