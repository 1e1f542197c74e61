"""Stochastic gradient descent: how far deletion leads is random, by which batches hit the points.

The original run and retraining are coupled by their batches: step t holds M_t ~ Bin(b, m/n) slots
of deleted rows, and each moves the two apart by at most c. So ‖θ_U − θ_R‖ is at most
W = q^K Σ_t q^{T−K−1−t} c M_t (theory §6.5).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats
from scipy.special import log_ndtr, ndtr

from homotopy._checks import integer, number, positive
from homotopy._display import DisplayedByFields
from homotopy._saving import Saved
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism

_CELLS = 2**15  # of the grid on which W is rounded up
_TAIL = 1e-6  # of δ: what may lie beyond the grid


@dataclasses.dataclass(frozen=True, repr=False)
class HitLaw(DisplayedByFields, Saved):
    """The law of W, a bound of the distance that a random run with batches ends at.

    Where the slot of a deleted row stays empty in retraining, a hit adds at most η(n/b)L, L a bound
    of ‖∇ℓ_i‖ of the deleted rows; where a retained row takes its place, η(n/b)·2L, L a bound of all
    rows. η is a step on the sum risk; on the mean risk α = nη.

    Parameters
    ----------
    hit : float
        c > 0, what one hit adds.
    factor : float
        q > 0, a Lipschitz constant of a step on the retained rows of any batch.
    batch_size : int
        b.
    share : float
        m/n in (0, 1), of deleted rows.
    steps, rewound : int
        T, and how many of them, K, are without the points.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> law = hm.unlearning.HitLaw(0.88, 0.96, 5, 1e-3, steps=400, rewound=50)
    >>> round(law.mean, 4), round(law.noise(hm.GaussianMechanism(1.0, 1e-5)), 3)
    (0.0143, 0.443)
    """

    hit: float
    factor: float
    batch_size: int
    share: float
    steps: int
    rewound: int

    def __post_init__(self):
        share = number("share", self.share, "a number in (0, 1)", lambda x: 0.0 < x < 1.0)
        steps = integer("steps", self.steps)
        known = {
            "hit": positive("hit", self.hit),
            "factor": positive("factor", self.factor),
            "batch_size": integer("batch_size", self.batch_size),
            "share": share,
            "steps": steps,
            "rewound": integer("rewound", self.rewound, 0, steps),
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    @property
    def weights(self) -> Float[np.ndarray, " t"]:
        """What a hit of each step before the request adds in the end, c q^{T−1−t}."""
        powers = np.arange(self.steps - 1, self.rewound - 1, -1)
        return self.hit * np.exp(powers * math.log(self.factor))

    @property
    def mean(self) -> float:
        """E W, which bounds E‖θ_U − θ_R‖; no noise follows from it alone but by Markov's bound."""
        return self.batch_size * self.share * float(self.weights.sum())

    @property
    def largest(self) -> float:
        """W where every slot is a hit."""
        return self.batch_size * float(self.weights.sum())

    def law(self, tail: float) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], float]:
        """Values of W, rounded up to a grid, their probabilities, and that of still larger ones.

        By convolution of positive numbers, so that small probabilities have their digits.

        Parameters
        ----------
        tail : float
            Of the probability beyond the grid, in (0, 1).
        """
        tail = number("tail", tail, "a number in (0, 1)", lambda x: 0.0 < x < 1.0)
        weights = self.weights
        top = min(self._beyond(weights, tail), self.largest)
        if weights.size == 0 or top <= 0.0:
            return np.zeros(1), np.ones(1), 0.0
        cell = top / (_CELLS - 2)
        hits = np.arange(self.batch_size + 1)
        chances = stats.binom.pmf(hits, self.batch_size, self.share)
        law, beyond = np.zeros(_CELLS), 0.0
        law[0] = 1.0
        for weight in weights:
            added = np.zeros(_CELLS)
            for count, chance in zip(hits.tolist(), chances.tolist(), strict=True):
                shift = min(math.ceil(count * weight / cell), _CELLS)
                added[shift:] += chance * law[: _CELLS - shift]
                beyond += chance * float(law[_CELLS - shift :].sum()) if shift else 0.0
            law = added
        return cell * np.arange(_CELLS), law, beyond

    def _beyond(self, weights, tail: float) -> float:
        """w with P(W > w) ≤ tail, by Chernoff's bound."""
        if weights.size == 0:
            return 0.0
        slopes = np.geomspace(1e-3, 1e3, 200)[:, None] / weights.max()
        exponents = np.minimum(slopes * weights[None, :], 700.0)
        rise = self.batch_size * np.log1p(self.share * np.expm1(exponents)).sum(axis=1)
        usable = slopes[:, 0] * weights.max() < 700.0
        return float(np.min(((rise - math.log(tail)) / slopes[:, 0])[usable]))

    def noise(self, mechanism: GaussianMechanism) -> float:
        """σ with E δ_G(ε; W/σ) ≤ δ: by the whole law of W, and joint convexity of δ.

        Parameters
        ----------
        mechanism : GaussianMechanism
            ε and δ ≥ 1e-12.

        Raises
        ------
        TypeError
            Naming `mechanism`.
        ValueError
            Naming `mechanism`, for a smaller δ, which is lost in rounding.
        """
        a_mechanism(mechanism)
        if mechanism.delta < 1e-12:
            raise ValueError(
                "mechanism: expected δ >= 1e-12, which a sum over the law of W can tell, got "
                f"{mechanism.delta:g}."
            )
        values, chances, beyond = self.law(_TAIL * mechanism.delta)
        seen = (chances > 0.0) & (values > 0.0)
        values, chances = values[seen], chances[seen]
        if values.size == 0:
            return 0.0

        def excess(log_noise):
            deltas = _delta(mechanism.privacy_epsilon, values / math.exp(log_noise))
            return math.log(float(chances @ deltas) + beyond + 1e-18) - math.log(mechanism.delta)

        high = math.log(mechanism.noise(float(values.max())))
        low = high - 1.0
        if excess(high) > 0.0:  # rounding
            high += 1.0
        while excess(low) < 0.0:
            low -= 2.0
        return math.exp(optimize.brentq(excess, low, high, xtol=1e-12)) * (1.0 + 1e-11)

    def markov_noise(self, mechanism: GaussianMechanism) -> float:
        """σ by the mean alone: P(W > E W/δ₁) ≤ δ₁, and noise for the rest; for comparison.

        Parameters
        ----------
        mechanism : GaussianMechanism
        """
        a_mechanism(mechanism)
        epsilon, delta, mean = mechanism.privacy_epsilon, mechanism.delta, self.mean

        def needed(share):
            rest = GaussianMechanism(epsilon, delta * (1.0 - share))
            return rest.noise(mean / (share * delta))

        found = optimize.minimize_scalar(
            needed, bounds=(0.02, 0.999), method="bounded", options={"xatol": 1e-4}
        )
        return float(found.fun)

    def envelope_noise(self, mechanism: GaussianMechanism) -> float:
        """σ = E W max_r δ_G(ε; r)/r / δ: the best that the mean alone allows; for comparison.

        Parameters
        ----------
        mechanism : GaussianMechanism
        """
        a_mechanism(mechanism)
        ratios = np.geomspace(1e-3, 1e3, 40001)
        steepest = float(np.max(_delta(mechanism.privacy_epsilon, ratios) / ratios))
        # δ_G is increasing: between two ratios of the grid its quotient is larger by a cell.
        return self.mean * steepest * float(ratios[1] / ratios[0]) / mechanism.delta


def epoch_distance(
    hit: float,
    factor: float,
    deleted: int,
    batches: int,
    epochs: int,
    rewound: int,
) -> float:
    """A bound of ‖θ_U − θ_R‖ of training in epochs: every row is hit once each, so W is certain.

    m c Σ_e q^{eL}, over the epochs with the rows, e counting epochs until the end and L their
    steps, with the hits where they count most: at the end of each epoch if q ≤ 1, else at its
    beginning. No δ is spent on chance (theory §6.5).

    Parameters
    ----------
    hit, factor : float
        c > 0 and q > 0, as of `HitLaw`.
    deleted, batches : int
        m and L = n/b, of rows and of steps of an epoch.
    epochs, rewound : int
        Of training, and how many of them are without the rows.

    Returns
    -------
    float
        Infinite where it overflows.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.epoch_distance(0.1, 1.0, deleted=2, batches=10, epochs=6, rewound=2)
    0.8
    """
    hit, factor = positive("hit", hit), positive("factor", factor)
    deleted, length = integer("deleted", deleted), integer("batches", batches)
    epochs = integer("epochs", epochs, 0)
    after = np.arange(integer("rewound", rewound, 0, epochs), epochs) * length
    steps = after + (length - 1 if factor > 1.0 else 0)
    if steps.size == 0:
        return 0.0
    exponents = steps * math.log(factor)
    return math.inf if exponents.max() > 700.0 else deleted * hit * float(np.exp(exponents).sum())


def _delta(epsilon: float, ratios: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """δ_G(ε; r) of many r > 0, to rounding of one."""
    near, far = ratios / 2.0 - epsilon / ratios, ratios / 2.0 + epsilon / ratios
    return np.maximum(ndtr(near) - np.exp(epsilon + log_ndtr(-far)), 0.0) + 1e-17
