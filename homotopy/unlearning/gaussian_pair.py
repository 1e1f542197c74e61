"""Two Gaussians of equal covariance σ²I, whose means are r σ apart: what can be told of them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import optimize
from scipy.special import erfcx, ndtr, ndtri

from homotopy._checks import non_negative, number
from homotopy._display import DisplayedByFields
from homotopy.numerics.gauss_legendre import quadrature

_NODES, _WEIGHTS = quadrature(24)
_ASYMPTOTIC = 12.0  # from where on 1 − s M(s) is summed by its asymptotic series
_TERMS = 30


@dataclasses.dataclass(frozen=True, repr=False)
class GaussianPair(DisplayedByFields):
    """N(a, σ²I) against N(b, σ²I) with ‖a − b‖ = r σ; all that matters of them is r.

    Each test of one against the other is at best the test of N(0, 1) against N(r, 1), so that what
    is said here is exact, in both directions (Dong, Roth, Su, "Gaussian differential privacy").

    Parameters
    ----------
    ratio : float
        r ≥ 0.

    Raises
    ------
    ValueError
        Naming `ratio`.

    Examples
    --------
    >>> import homotopy as hm
    >>> pair = hm.unlearning.GaussianPair(0.5)
    >>> round(pair.delta(1.0), 6), round(pair.advantage, 4), round(pair.auc, 4)
    (0.00683, 0.1974, 0.6382)
    """

    ratio: float

    def __post_init__(self):
        object.__setattr__(self, "ratio", non_negative("ratio", self.ratio))

    def log_delta(self, privacy_epsilon: float) -> float:
        """log δ(ε), δ(ε) = Φ(r/2 − ε/r) − e^ε Φ(−r/2 − ε/r); −∞ where the two are equal.

        As φ(t)(M(t) − M(t + r)) with t = ε/r − r/2 and Mills' ratio M, both terms of which have the
        same exponential.

        Parameters
        ----------
        privacy_epsilon : float
            ε ≥ 0.
        """
        return log_delta(a_privacy_epsilon(privacy_epsilon), self.ratio)

    def delta(self, privacy_epsilon: float) -> float:
        """δ(ε), the least with which the two are (ε, δ)-indistinguishable.

        Parameters
        ----------
        privacy_epsilon : float
            ε ≥ 0.
        """
        return math.exp(self.log_delta(privacy_epsilon))

    def privacy_epsilon(self, delta: float) -> float:
        """The least ε ≥ 0 with δ(ε) ≤ δ.

        Parameters
        ----------
        delta : float
            δ in (0, 1).
        """
        return privacy_epsilon_of(self.ratio, a_delta(delta))

    def trade_off(self, false_positives: float) -> float:
        """The least share of false negatives of a test with that share of false positives.

        Parameters
        ----------
        false_positives : float
            α in [0, 1].
        """
        alpha = number(
            "false_positives", false_positives, "a share in [0, 1]", lambda x: 0.0 <= x <= 1.0
        )
        return float(ndtr(ndtri(1.0 - alpha) - self.ratio)) if alpha > 0.0 else 1.0

    @property
    def advantage(self) -> float:
        """Of the best attack, true minus false positives: 2Φ(r/2) − 1."""
        return math.erf(self.ratio / math.sqrt(8.0))

    @property
    def auc(self) -> float:
        """The area under the best attack's curve, Φ(r/√2)."""
        return float(ndtr(self.ratio / math.sqrt(2.0)))


def a_privacy_epsilon(value, name: str = "privacy_epsilon") -> float:
    """ε, a finite number ≥ 0."""
    return non_negative(name, value)


def a_delta(value, name: str = "delta") -> float:
    """δ, a number in (0, 1)."""
    return number(name, value, "a number in (0, 1)", lambda x: 0.0 < x < 1.0)


def log_delta(epsilon: float, ratio: float) -> float:
    """log δ(ε) of two Gaussians r apart."""
    if ratio == 0.0:
        return -math.inf
    t = epsilon / ratio - ratio / 2.0
    if t < 0.0 and ratio > 1.0:
        # What δ lacks of one: both terms are positive.
        second = _mills(t + ratio) * math.exp(-0.5 * t * t) * _PEAK
        return math.log1p(-float(ndtr(t)) - second)
    return -0.5 * t * t + math.log(_PEAK) + math.log(_fall(t, ratio))


_PEAK = 1.0 / math.sqrt(2.0 * math.pi)


def _mills(t):
    """(1 − Φ(t))/φ(t)."""
    return math.sqrt(math.pi / 2.0) * erfcx(t / math.sqrt(2.0))


def _fall(t: float, ratio: float) -> float:
    """M(t) − M(t + r): the integral of 1 − s M(s), whose digits are kept where r is small."""
    if ratio > 1.0:
        return float(_mills(t) - _mills(t + ratio))
    s = t + ratio * _NODES
    return ratio * float(_WEIGHTS @ _slope(s))


def _slope(s: np.ndarray) -> np.ndarray:
    """1 − s M(s) > 0, for s ≥ −½."""
    near = np.minimum(s, _ASYMPTOTIC)
    far = 1.0 / np.maximum(s, _ASYMPTOTIC) ** 2
    terms = np.cumprod([far * (2 * k - 1) for k in range(1, _TERMS)], axis=0)
    signs = np.resize([1.0, -1.0], _TERMS - 1)
    return np.where(s < _ASYMPTOTIC, 1.0 - near * _mills(near), signs @ terms)


def ratio_of(epsilon: float, delta: float) -> float:
    """The largest r that is (ε, δ)-indistinguishable, to about 1e-13 of itself."""
    goal = math.log(delta)

    def above(x):
        return log_delta(epsilon, math.exp(x)) - goal

    low, high = -2.0, 2.0
    while above(low) > 0.0:
        low -= 2.0
    while above(high) < 0.0:
        high += 2.0
    return math.exp(optimize.brentq(above, low, high, xtol=1e-15, rtol=1e-15))


def privacy_epsilon_of(ratio: float, delta: float) -> float:
    """The least ε ≥ 0 with δ(ε; r) ≤ δ."""
    goal = math.log(delta)
    if ratio == 0.0 or log_delta(0.0, ratio) <= goal:
        return 0.0
    high = 1.0
    while log_delta(high, ratio) > goal:
        high *= 2.0
    return float(
        optimize.brentq(lambda e: log_delta(e, ratio) - goal, 0.0, high, xtol=1e-300, rtol=1e-14)
    )
