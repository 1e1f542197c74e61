"""Zeros, ones, and Chebyshev polynomials between them."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real

from homotopy.schedules.base import _NODES, _WEIGHTS, AbstractSchedule

_DEGREES = 24  # of the polynomials of a panel: within what the quadrature integrates exactly
_MOST_PANELS = 256
_FIT = 1e-13


class PiecewiseChebyshev(AbstractSchedule):
    """Zeros, ones, and between them Chebyshev polynomials: a bang-bang schedule that also slides.

    Attributes
    ----------
    times : (k,)
        Where the pieces meet.
    weights : tuple of k + 1
        0 or 1 for a constant piece, None for one that varies.
    fractions : for each varying piece, (p + 1,)
        From 0 to 1: where the panels meet, each with a polynomial of its own.
    coefficients : for each varying piece, (p, n)
        Of Chebyshev polynomials on the panels. The values are clipped to [0, 1].
    """

    times: Float[Array, " k"]
    weights: tuple[float | None, ...] = eqx.field(static=True)
    fractions: tuple[Float[Array, " panels_and_one"], ...]
    coefficients: tuple[Float[Array, "panels n"], ...]

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """The times, (k,)."""
        return self.times

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return tuple(weight is not None for weight in self.weights)

    @property
    def piece_values(self) -> Float[Array | np.ndarray, " pieces"]:
        if all(self.constant_pieces):
            return np.array(self.weights)
        left = jnp.pad(self.times, (1, 0))
        return jnp.stack([self.piece(index, left[index]) for index in range(len(self.weights))])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        constants = jnp.array([0.0 if weight is None else weight for weight in self.weights])
        value = constants[index]
        for number, own in enumerate(self._varying()):
            value = jnp.where(index == own, self._polynomial(number, own, t), value)
        return value

    def _varying(self) -> list[int]:
        return [index for index, constant in enumerate(self.constant_pieces) if not constant]

    def _panels(self, number, own):
        """Edges of the panels of a varying piece; they move with its ends."""
        left, right = self.times[own - 1], self.times[own]
        return left + self.fractions[number] * (right - left)

    def _polynomial(self, number, own, t):
        edges, coefficients = self._panels(number, own), self.coefficients[number]
        panel = jnp.searchsorted(edges[1:-1], t, side="left")
        left, width = edges[panel], edges[panel + 1] - edges[panel]
        x = 2.0 * (t - left) / jnp.where(width > 0, width, 1.0) - 1.0
        first = second = jnp.zeros_like(x)
        for order in range(coefficients.shape[1] - 1, 0, -1):  # Clenshaw's recurrence
            first, second = coefficients[panel, order] + 2.0 * x * first - second, first
        value = coefficients[panel, 0] + x * first - second
        return jnp.where(value < 0.0, 0.0, jnp.where(value > 1.0, 1.0, value))

    def _integral(self, a, b):
        # Panel by panel, on each of which the quadrature is exact.
        lower, upper = self._clip(a), self._clip(b)
        total = jnp.zeros_like(lower[0])
        varying = self._varying()
        for index, weight in enumerate(self.weights):
            if weight is not None:
                total = total + weight * (upper[index] - lower[index])
                continue
            number = varying.index(index)
            edges = self._panels(number, index)
            left, right = edges[:-1], edges[1:]
            low = _between(lower[index], left, right)
            high = _between(upper[index], left, right)
            points = low[:, None] + (high - low)[:, None] * _NODES[None, :]

            def value(t, number=number, index=index):
                return self._polynomial(number, index, t)

            means = jax.vmap(jax.vmap(value))(points) @ _WEIGHTS
            total = total + jnp.sum((high - low) * means)
        return total


def _between(t, left, right):
    return jnp.where(t <= left, left, jnp.where(t >= right, right, t))


def chebyshev_panels(
    weight: Callable[[np.ndarray], np.ndarray],
) -> tuple[Float[np.ndarray, " panels_and_one"], Float[np.ndarray, "panels n"]]:
    """Panels of [0, 1], halved until polynomials resolve a weight on them, and the coefficients.

    Parameters
    ----------
    weight : callable
        From an array of fractions to its values there, which are clipped to [0, 1].

    Returns
    -------
    fractions : (p + 1,)
        Where the panels meet.
    coefficients : (p, n)
        Of Chebyshev polynomials on the panels.
    """
    angles = (np.arange(_DEGREES) + 0.5) * np.pi / _DEGREES
    nodes = np.cos(angles)
    transform = 2.0 / _DEGREES * np.cos(np.arange(_DEGREES)[:, None] * angles[None, :])
    transform[0] /= 2.0
    done, waiting = [], [(0.0, 1.0)]
    while waiting:
        left, right = waiting.pop()
        fractions = left + (right - left) * (nodes + 1.0) / 2.0
        coefficients = transform @ np.clip(weight(fractions), 0.0, 1.0)
        resolved = np.max(np.abs(coefficients[-3:])) <= _FIT
        if resolved or len(done) + len(waiting) >= _MOST_PANELS:
            done.append((left, right, coefficients))
        else:
            middle = (left + right) / 2.0
            waiting += [(middle, right), (left, middle)]
    edges = np.array([done[0][0], *(right for _, right, _ in done)])
    return edges, np.stack([coefficients for _, _, coefficients in done])
