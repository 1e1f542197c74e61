"""The schedule that never changes."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.schedules._arguments import ArrayInput, as_weights
from homotopy.schedules.base import AbstractPiecewiseConstant


class Constant(AbstractPiecewiseConstant):
    """ε(t) = value at all times: the curve t ↦ θ(t, ε) of the homotopy (theory §3).

    Parameters
    ----------
    value : float
        The weight, in [0, 1].

    Raises
    ------
    ValueError
        If the value is not a real number in [0, 1].

    Examples
    --------
    >>> from homotopy.schedules import Constant
    >>> Constant(0.25)
    Constant(value=0.25)
    >>> float(Constant(0.25).integral(0.0, 2.0))
    0.5
    """

    value: Float[Array, ""]

    def __init__(self, value: ArrayInput):
        self.value = as_weights("value", value, 0)

    @property
    def breakpoints(self) -> Float[Array, " 0"]:
        """No switch times: an empty array."""
        return jnp.zeros(0)

    @property
    def piece_values(self) -> Float[Array, " 1"]:
        """The value, (1,)."""
        return self.value[None]
