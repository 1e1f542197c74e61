"""The systems that the certificate is for: stable linear flows with residuals switched on and off.

    u̇ = −Λu − Σ_c ε_c(t) Σ_{i∈c} b_i v_i,    v = Bu − r,    0 ≤ ε_c ≤ 1,    cost ½‖u(T) − goal‖²,

with Λ ≥ 0 diagonal. One control weighs the residuals of all rows, or each row has a control of
its own (theory §4's convex heart). Times count from 0 to the span of the interval in which the
controls are free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from homotopy.control.switched import SwitchedFlow

Weights = tuple[float, ...]


@dataclass(frozen=True)
class Spectrum:
    """Λ + Σ_c κ_c Σ_{i∈c} b_i b_iᵀ = W diag(rates) Wᵀ, and WᵀBᵀ, what the rows see of it."""

    rates: np.ndarray
    rotation: np.ndarray
    observed: np.ndarray

    def decay_integral(self, duration) -> np.ndarray:
        """(1 − e^{−λh})/λ for every rate λ; h where λ = 0."""
        exponents = self.rates * duration
        safe = np.where(exponents > 1e-300, self.rates, 1.0)
        return np.where(exponents > 1e-300, -np.expm1(-exponents) / safe, duration)

    def backward(self, costate: np.ndarray, duration: float) -> np.ndarray:
        """The costate of ṗ = (Λ + Σκbbᵀ)p a duration earlier."""
        return self.rotation @ (np.exp(-self.rates * duration) * (self.rotation.T @ costate))

    def forward(self, columns: np.ndarray, duration: float, push: np.ndarray) -> np.ndarray:
        """Columns a duration later; the first is the state, on which Bᵀ·push acts as well."""
        inside = np.exp(-self.rates * duration)[:, None] * (self.rotation.T @ columns)
        inside[:, 0] += self.decay_integral(duration) * (self.observed @ push)
        return self.rotation @ inside


@dataclass(frozen=True)
class ResidualSystem:
    """See the module's text.

    Parameters
    ----------
    rates : (d,)
        Λ.
    rows : (g, d)
        B.
    residual : (g,)
        r.
    start, goal : (d,)
    span : float
        Length of the interval.
    rounding : float
        Distance from the goal that rounding of the data cannot tell from none.
    control : (g,)
        Which control owns each row: the first owns all, or each row has its own.
    decompose : callable
        From the weights κ (g,) of the rows to (eigenvalues, eigenvectors) of Λ + Bᵀdiag(κ)B, with
        small eigenvalues to high relative accuracy.
    """

    rates: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    start: np.ndarray
    goal: np.ndarray
    span: float
    control: np.ndarray
    decompose: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    rounding: float = 0.0
    _spectra: dict[Weights, Spectrum] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        rows = len(self.rows)
        if not (np.all(self.control == 0) or np.array_equal(self.control, np.arange(rows))):
            raise ValueError(
                f"control: expected all 0, or 0, 1, ..., {rows - 1}, got {self.control}."
            )

    @property
    def controls(self) -> int:
        return int(self.control.max()) + 1

    def spectrum(self, weights: Weights) -> Spectrum:
        """For weights κ_c of the controls; kept, since the same few come again and again."""
        found = self._spectra.get(weights)
        if found is None:
            rates, rotation = self.decompose(np.asarray(weights)[self.control])
            found = Spectrum(np.maximum(rates, 0.0), rotation, rotation.T @ self.rows.T)
            self._spectra[weights] = found
        return found

    @cached_property
    def switched(self) -> SwitchedFlow:
        """The flow of a control that all rows share, where it is 0 or 1."""
        full = self.spectrum((1.0,))
        safe = np.where(full.rates > 0.0, full.rates, 1.0)
        return SwitchedFlow(
            rates=np.array(self.rates),
            full_rates=np.array(full.rates),
            rotation=np.array(full.rotation, order="C"),
            transposed=np.array(full.rotation.T, order="C"),
            rows=np.array(self.rows),
            residual=np.array(self.residual),
            limit=np.where(full.rates > 0.0, full.observed @ self.residual / safe, 0.0),
            initial=np.array(self.start),
            goal=np.array(self.goal),
            delay=0.0,
            span=self.span,
        )

    def residuals(self, state: np.ndarray) -> np.ndarray:
        """v = Bu − r."""
        return self.rows @ state - self.residual

    def deviation(self, state: np.ndarray) -> np.ndarray:
        """u − goal: at the end, the costate."""
        return state - self.goal
