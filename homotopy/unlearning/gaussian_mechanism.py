"""Gaussian noise that makes two parameter vectors (ε, δ)-indistinguishable."""

from __future__ import annotations

import dataclasses
import math

from homotopy._checks import number, positive
from homotopy._display import DisplayedByFields
from homotopy._saving import Saved
from homotopy._wording import described
from homotopy.unlearning.gaussian_pair import (
    GaussianPair,
    a_delta,
    a_privacy_epsilon,
    ratio_of,
)

_ROUNDING = 1e-12  # of the ratio: what solving for it leaves open, and more


@dataclasses.dataclass(frozen=True, repr=False)
class GaussianMechanism(DisplayedByFields, Saved):
    """Noise N(0, σ²I) on what is released, such that it is (ε, δ)-indistinguishable.

    Unlearning releases θ_U + σξ, retraining would release θ_R + σξ, **with the same σ**. The two
    are (ε, δ)-indistinguishable, in both directions, if and only if ‖θ_U − θ_R‖ ≤ σ r(ε, δ), where
    r solves Φ(r/2 − ε/r) − e^ε Φ(−r/2 − ε/r) = δ (Balle, Wang, ICML 2018). Without noise two
    different outputs can be told apart, however near they are.

    Parameters
    ----------
    privacy_epsilon : float
        ε ≥ 0: the odds of any event differ by no more than e^ε ...
    delta : float
        ... but for a probability δ in (0, 1), which may be as small as 1e-300.

    Raises
    ------
    ValueError
        Naming `privacy_epsilon` or `delta`.

    Examples
    --------
    >>> import homotopy as hm
    >>> mechanism = hm.GaussianMechanism(1.0, 1e-5)
    >>> round(mechanism.noise(1.0), 5), round(mechanism.ratio, 5)
    (3.73063, 0.26805)
    >>> round(mechanism.classical_noise(1.0), 5), round(mechanism.concentrated_noise(1.0), 5)
    (4.84481, 4.90056)
    """

    privacy_epsilon: float
    delta: float

    def __post_init__(self):
        epsilon = a_privacy_epsilon(self.privacy_epsilon)
        object.__setattr__(self, "privacy_epsilon", epsilon)
        object.__setattr__(self, "delta", a_delta(self.delta))

    @property
    def ratio(self) -> float:
        """r(ε, δ), the largest ‖θ_U − θ_R‖/σ that is allowed, rounded down."""
        return ratio_of(self.privacy_epsilon, self.delta) * (1.0 - _ROUNDING)

    @property
    def pair(self) -> GaussianPair:
        """The two Gaussians that are as far apart as is allowed: trade-off, advantage, AUC."""
        return GaussianPair(self.ratio)

    def noise(self, distance: float) -> float:
        """σ = Δ/r(ε, δ), the least noise for a distance Δ.

        Parameters
        ----------
        distance : float
            Δ ≥ 0. An infinite one is refused: no noise hides it.
        """
        return a_distance(distance) / self.ratio

    def distance(self, noise: float) -> float:
        """Δ = σ r(ε, δ), the largest distance that noise σ hides: what to descend to.

        Parameters
        ----------
        noise : float
            σ > 0.
        """
        return positive("noise", noise) * self.ratio

    def classical_noise(self, distance: float) -> float:
        """σ = Δ √(2 ln(1.25/δ))/ε, for comparison: proved for ε < 1 only.

        It is too small from ε = 8.42 on, at δ = 1e-5; see `classical_holds`.

        Parameters
        ----------
        distance : float
            Δ ≥ 0.
        """
        distance = a_distance(distance)
        if self.privacy_epsilon == 0.0:
            return 0.0 if distance == 0.0 else math.inf
        return distance * math.sqrt(2.0 * math.log(1.25 / self.delta)) / self.privacy_epsilon

    @property
    def classical_holds(self) -> bool:
        """Whether the classical noise is enough here, as the exact one decides."""
        return self.classical_noise(1.0) * self.ratio >= 1.0 - _ROUNDING

    def concentrated_noise(self, distance: float) -> float:
        """σ by way of zero-concentrated privacy, for comparison: enough for all ε, never least.

        Δ/(√2 (√(ln(1/δ) + ε) − √ln(1/δ))) (Bun, Steinke, TCC 2016).

        Parameters
        ----------
        distance : float
            Δ ≥ 0.
        """
        distance = a_distance(distance)
        if self.privacy_epsilon == 0.0:
            return 0.0 if distance == 0.0 else math.inf
        tail = -math.log(self.delta)
        # √(a + ε) − √a without the difference.
        step = self.privacy_epsilon / (math.sqrt(tail + self.privacy_epsilon) + math.sqrt(tail))
        return distance / (math.sqrt(2.0) * step)


def a_distance(value, name: str = "distance") -> float:
    """Δ, a finite number ≥ 0; infinity is refused with its reason."""
    distance = number(name, value, "a number >= 0", lambda x: x >= 0.0)
    if math.isinf(distance):
        raise ValueError(
            f"{name}: expected a finite number >= 0, got inf: the certificate is vacuous, and no "
            "noise hides an unbounded distance; its field `vacuous` says why."
        )
    return distance


def a_mechanism(value, name: str = "mechanism") -> GaussianMechanism:
    """The value if it is a Gaussian mechanism; a `TypeError` otherwise."""
    if not isinstance(value, GaussianMechanism):
        raise TypeError(
            f"{name}: expected GaussianMechanism(privacy_epsilon, delta), got {described(value)}."
        )
    return value
