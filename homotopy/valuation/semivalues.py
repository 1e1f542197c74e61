"""Semivalues: how much a coalition counts by its size, as a measure on the chance of inclusion.

A point's value is Δ_j = Σ_{S∌j} p_|S| [m(S) − m(S∪j)] with p_k = ∫ tᵏ(1−t)ⁿ⁻¹⁻ᵏ dμ(t): each other
point is in the coalition with probability t, and t is drawn from μ (theory §8.1).
"""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from homotopy._checks import ArrayInput, positive
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._numbers import as_numbers

_TOTAL = 1e-9  # how far masses may sum from 1: they are divided by their sum


class AbstractSemivalue(DisplayedByFields, Module):
    """A probability measure μ on the chance t of inclusion."""

    # Whether the values of all points sum to m(∅) − m(N), whatever the game.
    efficient: ClassVar[bool] = False

    @abc.abstractmethod
    def size_probabilities(self, size: int) -> Float[np.ndarray, " n"]:
        """C(n−1, k) p_k for k = 0 … n − 1: how often the coalition has k other points."""

    @abc.abstractmethod
    def quadrature(
        self, stretch: float, count: int
    ) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
        """Nodes and weights of ∫ f dμ, for f smooth in s = log(1 + t·stretch).

        Exact, with as many nodes as there are masses, where μ is discrete.
        """

    def coalition_weights(self, size: int) -> Float[np.ndarray, " n"]:
        """p_k for k = 0 … n − 1: the weight of one coalition of k other points."""
        return self.size_probabilities(size) / special.comb(size - 1, np.arange(size))


class BetaShapley(AbstractSemivalue):
    """Beta(a, b)-Shapley of Kwon and Zou: the chance of inclusion is drawn from Beta(b, a).

    Beta(1, 1) is Shapley's; Beta(16, 1) stresses small coalitions, Beta(1, 16) large ones.

    Parameters
    ----------
    a, b : float
        > 0.

    Raises
    ------
    ValueError
        Naming `a` or `b`.

    References
    ----------
    .. [1] Kwon, Zou, "Beta Shapley: a unified and noise-reduced data valuation framework", 2022.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.BetaShapley(2, 1).size_probabilities(3).round(12).tolist()
    [0.5, 0.333333333333, 0.166666666667]
    """

    a: float
    b: float

    def __init__(self, a: float | int, b: float | int):
        self.a, self.b = positive("a", a), positive("b", b)

    def size_probabilities(self, size):
        return stats.betabinom.pmf(np.arange(size), size - 1, self.b, self.a)

    def quadrature(self, stretch, count):
        return _beta_quadrature(self.b, self.a, stretch, count)


class Shapley(AbstractSemivalue):
    """The Shapley value: every size of coalition counts alike; the chance t is uniform.

    The only semivalue whose values sum to m(∅) − m(N) in every game.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Shapley().size_probabilities(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    efficient: ClassVar[bool] = True

    def size_probabilities(self, size):
        return np.full(size, 1.0 / size)

    def quadrature(self, stretch, count):
        return _beta_quadrature(1.0, 1.0, stretch, count)


SHAPLEY = Shapley()  # the default of `data_values`


class InclusionMeasure(AbstractSemivalue):
    """Any measure μ on the chance of inclusion, by its point masses.

    A density is given by the nodes of a quadrature and its values there times their weights.

    Parameters
    ----------
    probabilities : (q,)
        In [0, 1].
    masses : (q,)
        ≥ 0, of sum 1.

    Raises
    ------
    ValueError
        Naming `probabilities` or `masses`.

    Examples
    --------
    >>> import homotopy as hm
    >>> both = hm.valuation.InclusionMeasure([0.5, 1.0], [0.5, 0.5])
    >>> both.size_probabilities(3).round(12).tolist()
    [0.125, 0.25, 0.625]
    """

    probabilities: tuple[float, ...]
    masses: tuple[float, ...]

    def __init__(self, probabilities: ArrayInput, masses: ArrayInput):
        at = _numbers("probabilities", probabilities)
        if np.any((at < 0.0) | (at > 1.0)):
            raise ValueError(f"probabilities: expected numbers in [0, 1], got {at.tolist()}.")
        weights = _numbers("masses", masses)
        if weights.shape != at.shape:
            raise ValueError(
                f"masses: expected {at.size} masses, one a probability, got {weights.size}."
            )
        total = float(np.sum(weights))
        if np.any(weights < 0.0) or abs(total - 1.0) > _TOTAL:
            raise ValueError(
                "masses: expected a probability measure, numbers >= 0 of sum 1, got "
                f"{weights.tolist()} of sum {total:g}; divide them by their sum."
            )
        self.probabilities = tuple(at.tolist())
        self.masses = tuple((weights / total).tolist())

    def size_probabilities(self, size):
        sizes = np.arange(size)
        parts = [stats.binom.pmf(sizes, size - 1, at) for at in self.probabilities]
        return np.asarray(self.masses) @ np.array(parts)

    def quadrature(self, stretch, count):
        return np.asarray(self.probabilities), np.asarray(self.masses)


class Banzhaf(AbstractSemivalue):
    """The Banzhaf value: every coalition counts alike; each point is in with probability ½.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Banzhaf().size_probabilities(3).round(12).tolist()
    [0.25, 0.5, 0.25]
    """

    def size_probabilities(self, size):
        return stats.binom.pmf(np.arange(size), size - 1, 0.5)

    def quadrature(self, stretch, count):
        return np.array([0.5]), np.ones(1)


class LeaveOneOutValue(AbstractSemivalue):
    """Leave-one-out: the coalition of all other points alone counts; the chance t is 1.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.valuation.LeaveOneOutValue().size_probabilities(3).tolist()
    [0.0, 0.0, 1.0]
    """

    def size_probabilities(self, size):
        return np.eye(size)[size - 1]

    def quadrature(self, stretch, count):
        return np.ones(1), np.ones(1)


def _numbers(name: str, value) -> np.ndarray:
    known = as_numbers(name, value)
    if known.ndim != 1 or known.size == 0:
        raise ValueError(f"{name}: expected a non-empty vector, got shape {known.shape}.")
    return known.astype(float)


def _beta_quadrature(first: float, second: float, stretch: float, count: int):
    """Of the density t^{first−1} (1−t)^{second−1}/B on [0, 1], by Gauss and Jacobi in s.

    s = log(1 + t·stretch): near t = 0 the integrands change on the scale 1/stretch. The density's
    powers at both ends are those of s and of its distance from the end, times smooth factors.
    """
    nodes, weights = special.roots_jacobi(count, second - 1.0, first - 1.0)
    longest = np.log1p(stretch)
    s, rest = longest * (1.0 + nodes) / 2.0, longest * (1.0 - nodes) / 2.0
    t = np.expm1(s) / stretch
    left = -np.expm1(-rest) * (1.0 + stretch) / stretch  # 1 − t, without cancellation
    # dt = e^s ds / stretch, and ds^{first+second−1} of the interval's half.
    factor = (t / s) ** (first - 1.0) * (left / rest) ** (second - 1.0) * np.exp(s) / stretch
    factor *= (longest / 2.0) ** (first + second - 1.0)
    return t, weights * factor / special.beta(first, second)
