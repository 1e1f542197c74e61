"""What weights are chosen for: least change, or a measurement itself."""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from homotopy._display import DisplayedByFields
from homotopy._module import Module

SMALLEST = 1e-9  # a weight, to which entropies keep


class AbstractChange(DisplayedByFields, Module):
    """How far weights are from 1: a sum of one convex function of each."""

    least: ClassVar[float] = 0.0

    @abc.abstractmethod
    def value(self, weights: Float[np.ndarray, " n"]) -> float:
        """The distance, 0 at ones."""

    @abc.abstractmethod
    def derivatives(
        self, weights: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """First and second derivatives in each weight."""


class LeastSquares(AbstractChange):
    """½‖w − 1‖²."""

    def value(self, weights):
        return 0.5 * float(np.sum((weights - 1.0) ** 2))

    def derivatives(self, weights):
        return weights - 1.0, np.ones_like(weights)


class RelativeEntropy(AbstractChange):
    """Σ wᵢ log wᵢ − wᵢ + 1: weights stay above 0 by themselves."""

    least: ClassVar[float] = SMALLEST

    def value(self, weights):
        return float(np.sum(weights * np.log(weights) - weights + 1.0))

    def derivatives(self, weights):
        return np.log(weights), 1.0 / weights
