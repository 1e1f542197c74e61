"""What is minimised to rounding: a function that knows how large its own rounding is."""

from __future__ import annotations

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module


class AbstractObjective(Module):
    """A function of θ, and how large the terms are that cancel in its gradient."""

    @abc.abstractmethod
    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """Its value."""

    @abc.abstractmethod
    def gradient_scale(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """The sum of the norms of the gradient's terms."""

    @abc.abstractmethod
    def rounding(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """What the gradient's norm may be from rounding alone."""

    def value_scale(self, theta: Float[Array, " d"], value: Float[Array, ""]) -> Float[Array, ""]:
        """The size of the terms of its value there, whose rounding the value's is."""
        return jnp.abs(value)
