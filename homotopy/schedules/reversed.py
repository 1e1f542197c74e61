"""A schedule run backwards from a horizon: what the costate flow sees."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy.numerics.namespace import in_numpy
from homotopy.schedules.base import AbstractSchedule


class Reversed(AbstractSchedule):
    """t ↦ ε(T − t) on [0, T].

    Parameters
    ----------
    schedule : AbstractSchedule
    horizon : float
        T.

    Examples
    --------
    >>> from homotopy.schedules import Step
    >>> [float(Reversed(Step(1.0), 3.0)(t)) for t in (0.0, 2.5)]
    [0.0, 1.0]
    """

    schedule: AbstractSchedule
    horizon: Float[ArrayLike, ""]

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """Those of the schedule before the horizon; later ones fall together at zero."""
        given = self.schedule.breakpoints, self.horizon
        if (known := in_numpy(given)) is None:
            return _mirrored(jnp, *given)
        # Nothing is compiled for a handful of numbers.
        return jnp.asarray(_mirrored(np, *known), jnp.result_type(*given))

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return self.schedule.constant_pieces[::-1]

    @property
    def piece_values(self):
        values = self.schedule.piece_values
        if all(self.constant_pieces):
            return values[::-1]
        return self._opening_values()[::-1]

    def _opening_values(self):
        """Pieces of the schedule at their right ends, which open the pieces of this one."""
        ends = jnp.append(self.schedule.breakpoints, self.horizon)
        ends = jnp.where(ends <= self.horizon, ends, self.horizon)
        pieces = range(len(self.schedule.constant_pieces))
        return jnp.stack([self.schedule.piece(index, ends[index]) for index in pieces])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        last = len(self.schedule.constant_pieces) - 1
        return self.schedule.piece(last - index, self.horizon - t)

    def _integral(self, a, b):
        # Between the mirrored limits, by the schedule's own formula: not every piece is a
        # polynomial.
        return self.schedule._integral(self.horizon - b, self.horizon - a)


def _mirrored(numbers, breakpoints, horizon):
    # `where`, not `minimum`, which halves the derivative of a switch at the horizon.
    return numbers.where(breakpoints <= horizon, horizon - breakpoints, 0.0)[::-1]
