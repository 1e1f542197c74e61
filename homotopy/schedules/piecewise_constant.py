"""Any weights, held between given times."""

from jaxtyping import Array, Float

from homotopy.schedules._arguments import ArrayInput, as_times, as_weights
from homotopy.schedules.base import AbstractPiecewiseConstant


class PiecewiseConstant(AbstractPiecewiseConstant):
    """ε = values[i] on the i-th of the intervals [0, t₀], (t₀, t₁], ..., (t₍ₖ₋₁₎, ∞).

    Parameters
    ----------
    times : array, shape (k,)
        Switch times, ascending and non-negative. Equal times make an empty piece.
    values : array, shape (k + 1,)
        The weights in [0, 1], one more than there are times.

    Raises
    ------
    ValueError
        If the times are negative, not finite or not ascending, a value leaves [0, 1], or there
        is not exactly one value more than there are times.

    Examples
    --------
    >>> from homotopy.schedules import PiecewiseConstant
    >>> schedule = PiecewiseConstant([1.0, 2.0], [1.0, 0.5, 0.0])
    >>> schedule
    PiecewiseConstant(times=[1, 2], values=[1, 0.5, 0])
    >>> float(schedule.integral(0.0, 5.0))
    1.5
    """

    times: Float[Array, " k"]
    values: Float[Array, " pieces"]

    def __init__(self, times: ArrayInput, values: ArrayInput):
        self.times = as_times("times", times, 1)
        self.values = as_weights("values", values, 1)
        if self.values.size != self.times.size + 1:
            raise ValueError(
                f"values must have one entry more than times, "
                f"got {self.values.size} values and {self.times.size} times"
            )

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """The times, (k,)."""
        return self.times

    @property
    def piece_values(self) -> Float[Array, " pieces"]:
        """The values, (k + 1,)."""
        return self.values
