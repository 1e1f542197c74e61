"""A learned schedule: the sigmoid of a cubic spline."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy.schedules._arguments import ArrayInput, _as_real, _is_finite, as_times, require
from homotopy.schedules._quadrature import composite_mean
from homotopy.schedules.base import AbstractSchedule


class Spline(AbstractSchedule):
    """ε = sigmoid of the natural cubic spline through (knots, logits); 1 before, 0 after them.

    In [0, 1] by construction and twice continuously differentiable from the first knot to the
    last, where it may jump. Exactly 0 and 1 are approached by large logits only.

    Parameters
    ----------
    knots : array, shape (k,)
        Times, strictly ascending and non-negative; at least two.
    logits : array, shape (k,)
        log ε/(1 − ε) at the knots.

    Raises
    ------
    ValueError
        If the knots are fewer than two, negative or not strictly ascending, there is not one
        logit for each, or a number is not finite.

    Examples
    --------
    >>> from homotopy.schedules import Spline
    >>> schedule = Spline([1.0, 2.0, 3.0], [2.0, 0.0, -2.0])
    >>> [round(float(schedule(t)), 4) for t in (0.5, 1.5, 2.0, 3.5)]
    [1.0, 0.7311, 0.5, 0.0]
    """

    knots: Float[Array, " k"]
    logits: Float[Array, " k"]

    def __init__(self, knots: ArrayInput, logits: ArrayInput):
        self.knots = as_times("knots", knots, 1)
        raw, array, got = _as_real("logits", logits, 1)
        self.logits = require(array, _is_finite(raw), f"logits must be finite{got}")
        if self.knots.size < 2:
            raise ValueError(f"knots must be at least two, got {self.knots.size}")
        if self.knots.size != self.logits.size:
            raise ValueError(
                f"logits must be one for each knot, got {self.logits.size} logits and "
                f"{self.knots.size} knots"
            )
        ascend = self.knots[1:] > self.knots[:-1]
        self.knots = require(self.knots, ascend, "knots must strictly ascend")

    @property
    def breakpoints(self) -> Float[Array, " 2"]:
        """The first and the last knot, (2,)."""
        return self.knots[jnp.array([0, -1])]

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return (True, False, True)

    @property
    def piece_values(self) -> Float[Array, " 3"]:
        """1, the value at the first knot, and 0."""
        opening = jax.nn.sigmoid(self.logits[0])
        return jnp.stack([jnp.ones_like(opening), opening, jnp.zeros_like(opening)])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        value = jax.nn.sigmoid(self._spline(t))
        return jnp.where(index == 0, 1.0, jnp.where(index == 2, 0.0, value))

    def _spline(self, t):
        """The spline at one time; beyond its knots it goes on along its last cubic."""
        widths, bend = jnp.diff(self.knots), self._second_derivatives()
        index = jnp.searchsorted(self.knots, t, side="right") - 1
        index = jnp.clip(index, 0, self.knots.size - 2)
        width = widths[index]
        a = (self.knots[index + 1] - t) / width
        b = (t - self.knots[index]) / width
        straight = a * self.logits[index] + b * self.logits[index + 1]
        bent = (a**3 - a) * bend[index] + (b**3 - b) * bend[index + 1]
        return straight + width**2 / 6.0 * bent

    def _second_derivatives(self):
        """Those of the natural spline at the knots: zero at both ends."""
        if self.knots.size == 2:
            return jnp.zeros_like(self.logits)
        widths = jnp.diff(self.knots)
        slopes = jnp.diff(self.logits) / widths
        matrix = jnp.diag(2.0 * (widths[:-1] + widths[1:]))
        matrix = matrix + jnp.diag(widths[1:-1], 1) + jnp.diag(widths[1:-1], -1)
        return jnp.pad(jnp.linalg.solve(matrix, 6.0 * jnp.diff(slopes)), 1)

    def _integral(self, a, b):
        # The sigmoid of a cubic is no polynomial: composite quadrature between the knots.
        lower, upper = self._between_knots(a), self._between_knots(b)
        means = jax.vmap(lambda *ends: composite_mean(lambda t: self.piece(1, t), *ends))(
            lower[1:-1], upper[1:-1]
        )
        inside = jnp.sum((upper - lower)[1:-1] * means)
        return inside + (upper - lower)[0]

    def _between_knots(self, t):
        """The time t moved into each of the k + 1 intervals around the knots, as `_clip` does."""
        holds = jnp.searchsorted(self.knots, t, side="left")
        index = jnp.arange(self.knots.size + 1)
        left, right = jnp.pad(self.knots, (1, 0)), jnp.pad(self.knots, (0, 1))
        return jnp.where(index < holds, right, jnp.where(index > holds, left, t))
