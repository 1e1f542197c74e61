"""The dual of a node at one q: what a maximiser needs, whatever the node looks like."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from homotopy.control.certificate.rounding import gamma
from homotopy.control.certificate.switching import Controls


@dataclass(frozen=True)
class AbstractDualPoint(abc.ABC):
    """The dual at one q.

    Attributes
    ----------
    costate : (d,)
        q.
    value : float
        D, less all that rounding and the errors of the data can add to it.
    end : (d,)
        u(T) − goal of the trajectory that attains it: the gradient of D.
    zero_effects : (d, k)
        Φ(T, ζ)b at each zero ζ of σ.
    zero_strengths : (k,)
        |v/σ̇| there.
    """

    costate: np.ndarray
    value: float
    end: np.ndarray
    zero_effects: np.ndarray
    zero_strengths: np.ndarray

    @property
    def bound(self) -> float:
        """½ (D/‖q‖)²: a lower bound of the cost."""
        square = float(self.costate @ self.costate)
        if not (self.value > 0.0 and square > 0.0):
            return 0.0
        return 0.5 * self.value**2 / square * (1.0 - gamma(self.costate.size + 8))

    @property
    def height(self) -> float:
        """D/‖q‖: how far the goal is beyond what is reached, along q; negative where it is not."""
        return self.value / max(float(np.linalg.norm(self.costate)), 1e-300)

    @abc.abstractmethod
    def controls(self) -> Controls:
        """ε as it was in the bound, going forwards, where it was 0 or 1 (elsewhere rounded)."""
