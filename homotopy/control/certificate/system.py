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
from typing import NamedTuple

import numpy as np

from homotopy.control.certificate.rounding import (
    DataErrors,
    StateBound,
    decay_and_integral,
    gamma,
)
from homotopy.control.switched import SwitchedFlow

Weights = tuple[float, ...]


@dataclass(frozen=True)
class Spectrum:
    """A = Λ + Σ_c κ_c Σ_{i∈c} b_i b_iᵀ = W diag(rates) Wᵀ, and what the rows see of it.

    Attributes
    ----------
    rates : (d,), rotation : (d, d), observed : (d, g)
        Of A, W and WᵀBᵀ.
    absolute : (d, d), seen : (d, g)
        |W| and |W|ᵀ|B|ᵀ.
    residue, perturbation, skew : (d, d)
        Bounds of |AW − W diag(rates)|, of what the errors of the data make of A, and of |1 − WWᵀ|.
    defect : (d, d)
        Of |AW − W diag(rates)| for the A that is meant.
    """

    rates: np.ndarray
    rotation: np.ndarray
    observed: np.ndarray
    absolute: np.ndarray
    seen: np.ndarray
    residue: np.ndarray
    perturbation: np.ndarray
    skew: np.ndarray
    defect: np.ndarray

    def decay_integral(self, duration) -> np.ndarray:
        """(1 − e^{−λh})/λ for every rate λ; h where λ = 0."""
        return decay_and_integral(self.rates, duration)[1]

    def backward(self, costate: np.ndarray, duration: float) -> np.ndarray:
        """The costate of ṗ = (Λ + Σκbbᵀ)p a duration earlier."""
        return self.rotation @ (np.exp(-self.rates * duration) * (self.rotation.T @ costate))

    def forward(self, columns: np.ndarray, duration: float, push: np.ndarray) -> np.ndarray:
        """Columns a duration later; the first is the state, on which Bᵀ·push acts as well."""
        inside = np.exp(-self.rates * duration)[:, None] * (self.rotation.T @ columns)
        inside[:, 0] += self.decay_integral(duration) * (self.observed @ push)
        return self.rotation @ inside


class Sizes(NamedTuple):
    """|B|, |r|, |u(0)| and |goal|."""

    rows: np.ndarray
    residual: np.ndarray
    start: np.ndarray
    goal: np.ndarray


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
    control : (g,)
        Which control owns each row: the first owns all, or each row has its own.
    decompose : callable
        From the weights κ (g,) of the rows to (eigenvalues, eigenvectors) of Λ + Bᵀdiag(κ)B, with
        small eigenvalues to high relative accuracy.
    rounding : float
        Distance from the goal that rounding of what is controlled cannot tell from none.
    errors : DataErrors, optional
        Of the numbers; none by default. Bounds hold for all that lies within.
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
    errors: DataErrors | None = None
    _spectra: dict[Weights, Spectrum] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        rows = len(self.rows)
        if not (np.all(self.control == 0) or np.array_equal(self.control, np.arange(rows))):
            raise ValueError(
                f"control: expected all 0, or 0, 1, ..., {rows - 1}, got {self.control}."
            )
        if self.errors is None:
            object.__setattr__(self, "errors", DataErrors.none(self.rates.size, rows))

    @property
    def controls(self) -> int:
        return int(self.control.max()) + 1

    @cached_property
    def operations(self) -> int:
        """More than any number passes when a state or a costate is carried on."""
        return 4 * self.rates.size + 2 * len(self.rows) + 24

    @cached_property
    def sizes(self) -> Sizes:
        """Absolute values, of whatever is within the errors."""
        errors, slack = self.errors, 1.0 + gamma(4)
        return Sizes(
            *(
                slack * (np.abs(part) + error)
                for part, error in (
                    (self.rows, errors.rows),
                    (self.residual, errors.residual),
                    (self.start, errors.start),
                    (self.goal, errors.goal),
                )
            )
        )

    @cached_property
    def reach(self) -> StateBound:
        """How far the state can come at all."""
        return StateBound(self)

    def spectrum(self, weights: Weights) -> Spectrum:
        """For weights κ_c of the controls; kept, since the same few come again and again."""
        found = self._spectra.get(weights)
        if found is None:
            kappa = np.asarray(weights)[self.control]
            still = self.rates, np.eye(self.rates.size)
            found = self._measured(kappa, *(self.decompose(kappa) if kappa.any() else still))
            self._spectra[weights] = found
        return found

    def rough_spectrum(self, weights: Weights) -> Spectrum:
        """By LAPACK, whose small eigenvalues are right to the largest only; not kept."""
        kappa = np.asarray(weights)[self.control]
        return self._measured(
            kappa, *np.linalg.eigh(np.diag(self.rates) + (self.rows.T * kappa) @ self.rows)
        )

    def _measured(self, kappa: np.ndarray, rates: np.ndarray, rotation: np.ndarray) -> Spectrum:
        """A decomposition, and how much of the matrix it leaves."""
        rates = np.maximum(rates, 0.0)
        errors, sizes = self.errors, self.sizes
        absolute, relative = np.abs(rotation), gamma(rates.size + len(self.rows) + 4)
        seen, weighed = absolute.T @ sizes.rows.T, kappa[:, None] * self.rows
        left = self.rates[:, None] * rotation + weighed.T @ (self.rows @ rotation)
        size = self.rates[:, None] * absolute + np.abs(weighed).T @ seen.T + absolute * rates
        residue = np.abs(left - rotation * rates) + relative * size
        skew = np.abs(np.eye(rates.size) - rotation @ rotation.T)
        skew += relative * (absolute @ absolute.T)
        if not kappa.any():
            residue, skew = np.zeros_like(residue), np.zeros_like(skew)
        cross = (kappa[:, None] * errors.rows).T @ sizes.rows
        perturbation = (1.0 + relative) * (errors.matrix + cross + cross.T)
        return Spectrum(
            rates=rates,
            rotation=rotation,
            observed=rotation.T @ self.rows.T,
            absolute=absolute,
            seen=seen,
            residue=residue,
            perturbation=perturbation,
            skew=skew,
            defect=(1.0 + relative) * (residue + perturbation @ absolute),
        )

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
