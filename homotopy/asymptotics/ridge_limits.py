"""The limits of a ridge regression's quantities, of each γ: the result of `ridge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput
from homotopy._display import Entries, array_text, span
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.asymptotics.population import Population, non_negative_numbers
from homotopy.asymptotics.resolvent import Unresolved, decay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LimitStatus(Status):
    """Whether there is a limit."""

    near_one = (
        "the limits diverge at γ = 1 without a ridge, and within 0.05 of it samples of any usual "
        "size are far from them"
    )
    diverges = "without a ridge the limits diverge at γ = 1: what is infinite is given as such"


class RidgeLimits(Result, Reported, Module):
    """What ridge regression becomes for n, p → ∞ with p/n → γ and ρ/n → λ (theory §12).

    Of a risk without σ², for a new row of the same population.

    Attributes
    ----------
    gamma : (m,)
        γ = p/n.
    ridge_per_point : (m,)
        λ = ρ/n, ρ the ridge of the sum risk.
    effective_ridge : (m,)
        κ: directions of variance s are learned to the share s/(s + κ).
    leverage : (m, j)
        xᵀ(XᵀX + ρ)⁻¹x of rows of each scale τ.
    bias, variance : (m,)
        Parts of `risk`, from what is not learned of b and from the noise.
    leave_one_out : (m,)
        Mean square residual of models without the row.
    generalised_cross_validation : (m,)
        Mean square of ê/(1 − mean leverage).
    training_error : (m,)
        Mean square of ê.
    optimal_ridge_per_point, optimal_risk : (m,)
        The λ ≥ 0 of least risk, infinity where to learn nothing is best, and that risk.
    deletion_size : (m,)
        n E‖θ(1) − θ(0)‖² of the deletion of a row.
    cooks_distance : (m,)
        n E of Cook's distance, ‖X(θ(1) − θ(0))‖²/(p σ²).
    status : LimitStatus
        Of each γ.
    noise_variance, signal : float
        σ² and ‖b‖².
    population : Population
    """

    gamma: Float[np.ndarray, " m"]
    ridge_per_point: Float[np.ndarray, " m"]
    effective_ridge: Float[np.ndarray, " m"]
    leverage: Float[np.ndarray, "m j"]
    bias: Float[np.ndarray, " m"]
    variance: Float[np.ndarray, " m"]
    leave_one_out: Float[np.ndarray, " m"]
    generalised_cross_validation: Float[np.ndarray, " m"]
    training_error: Float[np.ndarray, " m"]
    optimal_ridge_per_point: Float[np.ndarray, " m"]
    optimal_risk: Float[np.ndarray, " m"]
    deletion_size: Float[np.ndarray, " m"]
    cooks_distance: Float[np.ndarray, " m"]
    status: LimitStatus
    noise_variance: float
    signal: float
    population: Population

    _axes = (("gamma", 1), ("leverage", 2))

    @property
    def risk(self) -> Float[np.ndarray, " m"]:
        """E(xᵀ(θ − b))² of a new row: `bias` + `variance`."""
        return self.bias + self.variance

    @property
    def mean_leverage(self) -> Float[np.ndarray, " m"]:
        """The share of degrees of freedom tr S/n."""
        return self.leverage @ self.population.scale_masses

    @property
    def influence_over_truth(self) -> Float[np.ndarray, "m j"]:
        """What the influence function predicts over what deletion does, 1 − leverage."""
        return 1.0 - self.leverage

    @property
    def velocity_ratio(self) -> Float[np.ndarray, "m j"]:
        """θ̇(1)/θ̇(0) of the response path θ(ε), (1 − leverage)²."""
        return (1.0 - self.leverage) ** 2

    def descend_to_delete(self, times: ArrayInput | float) -> Float[np.ndarray, "m t"]:
        """n E ℰ: half the square of what is left of a row by training on without it.

        From the converged fit, E ½‖e^{−(M+ρ)T}(θ(1) − θ(0))‖², M = Σxxᵀ of the other rows
        (theory §12.4).

        Parameters
        ----------
        times : float or (t,)
            nT ≥ 0: time of the flow of the sum risk, times n.

        Raises
        ------
        ValueError
            Naming `times`.
        RuntimeError
            Where the spectral integral is not resolved, as for eigenvalues over very many orders.
        """
        times = non_negative_numbers("times", times)
        left = np.ones((self.gamma.size, times.size))
        for place, (gamma, ridge) in enumerate(zip(self.gamma, self.ridge_per_point, strict=True)):
            # Without a ridge and with p ≥ n the change lies where no other row sees it: it stays.
            if gamma < 1.0 or ridge > 0.0:
                try:
                    left[place] = decay(float(gamma), float(ridge), times, self.population)
                except Unresolved:
                    raise RuntimeError(
                        f"descend_to_delete: the integral over the spectrum at γ = {gamma:g} was "
                        "not resolved; fewer, or less different, eigenvalues and scales help."
                    ) from None
        return 0.5 * self.deletion_size[:, None] * left

    @property
    def _curves(self) -> dict[str, np.ndarray]:
        return {
            "risk": self.risk,
            "bias": self.bias,
            "variance": self.variance,
            "n E‖θ(1) − θ(0)‖²": self.deletion_size,
        }

    def _entries(self) -> Entries:
        yield "γ", span(self.gamma)
        yield "λ = ρ/n", span(self.ridge_per_point)
        yield "risk", array_text(self.risk)
        yield "leave-one-out", array_text(self.leave_one_out)
        yield "influence over truth", array_text(1.0 - self.mean_leverage)
        yield "n E‖θ(1) − θ(0)‖²", array_text(self.deletion_size)
        yield "status", self.status

    def _table(self) -> Table:
        scales = self.population.scales
        names = (
            ["leverage"]
            if scales.size == 1
            else [f"leverage at scale {scale:g}" for scale in scales]
        )
        columns = [
            ("risk", self.risk),
            ("bias", self.bias),
            ("variance", self.variance),
            ("leave-one-out", self.leave_one_out),
            ("GCV", self.generalised_cross_validation),
            ("n E‖Δθ‖²", self.deletion_size),
            *zip(names, self.leverage.T, strict=True),
            ("n E Cook", self.cooks_distance),
            ("κ", self.effective_ridge),
            ("best λ", self.optimal_ridge_per_point),
            ("best risk", self.optimal_risk),
            ("training error", self.training_error),
        ]
        index = [("γ", self.gamma), ("λ", self.ridge_per_point)]
        about = "limits for n, p → ∞, p/n → γ, ρ/n → λ; Δθ is the change on deletion of a row"
        return Table(columns, index, None, about, spread=True)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Risk, bias, variance and the size of a deletion against γ, or λ where γ does not vary.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.limits import draw_limits

        by_ridge = self.gamma.size > 1 and np.all(self.gamma == self.gamma[0])
        across = self.ridge_per_point if by_ridge else self.gamma
        name = "λ = ρ/n" if by_ridge else "γ = p/n"
        pole = None if by_ridge or np.any(self.ridge_per_point > 0.0) else 1.0
        return draw_limits(across, self._curves, name, pole, ax, **options)
