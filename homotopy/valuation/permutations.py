"""Values sampled along random orders of the points, with errors that can be trusted."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from scipy import stats

from homotopy._checks import flag, fraction, integer, non_negative
from homotopy.valuation import kernels
from homotopy.valuation.games import AbstractGame, LeastSquaresGame
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.moments import Moments
from homotopy.valuation.semivalues import AbstractSemivalue, Shapley
from homotopy.valuation.values import DataValues, Sampling, ValueStatus, moments_of

_PART = 32  # units in a part, at most: the first look at the errors is after as many
_NUMBERS = 2**22  # changes in a part, at most
_TAILS, _LEAST_TAILS = 0.25, 5.0  # excess kurtosis, over the units: a few make up the variance
_ENOUGH = 10  # units a point: with fewer, each is seldom early, and its tails are those of chance
_ROUNDING = 1e-6  # of |m(∅)| + |m(N)|: what the sum of values may miss


class Permutations(AbstractValuation):
    """Means over random orders, of the change of m where the point is put in: with their errors.

    Each order shares out m(∅) − m(N) to rounding. Samples are put together in **units**, of which
    the standard errors are: with `antithetic`, an order and its reverse, which is exact for games
    of pairs; with `strata` q, an order and its q − 1 cyclic shifts, in which every point comes at
    places spread evenly over the order: stratified by the size of the coalition, and still
    efficient (theory §8.2).

    Parameters
    ----------
    count : int
        Permutations, at most; rounded up to whole units, of which there are two at least.
    antithetic : bool
    strata : int
        From 1 to n.
    truncation : float
        An order ends once m has been within this share of |m(∅) − m(N)| from m(N) at six places in
        a row: a bias no standard error shows, up to that share in `efficiency_gap`. 0 for none, as
        in least squares without a ridge or with another measurement than a test loss, where a look
        at m takes longer than to go on.
    tolerance : float, optional
        Stop when every value is known to this share of |m(∅) − m(N)|, all of them together with
        the `confidence`. Looked at after 32, 64, 128, … units, and corrected for the number of
        values and of looks.
    confidence : float
        In (0, 1).
    smallest : int
        Coalitions of fewer points count as the empty one.
    seed : int
        The same seed gives the same values, on any number of processors.

    Raises
    ------
    ValueError
        Naming the argument.

    References
    ----------
    .. [1] Mitchell, Cooper, Frank, Holmes, "Sampling permutations for Shapley value estimation",
       2022.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> method = hm.Permutations(10)  # of two points an order and its reverse are all there is
    >>> hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), method).values.round(6).tolist()
    [0.388889, 1.388889]
    """

    kind: ClassVar[str] = "sampled"
    in_parts: ClassVar[bool] = True

    count: int = 1000
    antithetic: bool = True
    strata: int = 1
    truncation: float = 0.0
    tolerance: float | None = None
    confidence: float = 0.95
    smallest: int = 0
    seed: int = 0

    def __check_init__(self):
        integer("count", self.count, 2)
        flag("antithetic", self.antithetic)
        integer("strata", self.strata, 1)
        non_negative("truncation", self.truncation)
        if self.tolerance is not None:
            fraction("tolerance", self.tolerance)
        fraction("confidence", self.confidence)
        integer("smallest", self.smallest, 0)
        integer("seed", self.seed, 0)

    def values(self, asked: Asked) -> DataValues:
        game = asked.game
        if self.strata > game.size:
            raise ValueError(
                f"method: expected strata <= {game.size}, the number of points, got {self.strata}."
            )
        if self.truncation > 0.0 and not (_fast(game) or game.truncates):
            raise ValueError(
                "method: expected truncation=0, as it saves no work in least squares without a "
                f"ridge, or of a measurement other than TestLoss(X, y), got {self.truncation:g}."
            )
        length = self.strata * (2 if self.antithetic else 1)
        units = max(2, math.ceil(self.count / length))
        total = game.total
        size = game.size * math.prod(game.shape)
        part = _part(length * size)
        moments, done, work = self._begin(asked, size)
        target, ended = (0 if moments is None else moments.count) + units, False
        sample = _Sampler(self, game, asked.semivalue)
        while True:
            have = 0 if moments is None else moments.count
            look = _PART
            while look <= have:
                look *= 2
            look = target if self.tolerance is None else min(look, target)
            sizes = [min(part, look - first) for first in range(have, look, part)]
            try:
                for found, insertions in asked.mapped(sample, list(enumerate(sizes, start=done))):
                    moments = found if moments is None else moments.merged(found)
                    work, done = work + insertions, done + 1
                    asked.report(moments.count * length, target * length)
            except KeyboardInterrupt:
                if moments is None or moments.count < 2:
                    raise
                ended = True
            settled = self.tolerance is not None and self._settled(moments, total)
            if ended or settled or moments.count >= target:
                break
        status = self._status(moments, total, game, asked.semivalue, settled, ended)
        shape = (game.size, *game.shape)
        sampling = Sampling(
            jnp.asarray(moments.count), jnp.asarray(done), jnp.asarray(moments.second),
            jnp.asarray(moments.third), jnp.asarray(moments.fourth),
        )  # fmt: skip
        return data_values_of(
            self, moments.mean.reshape(shape), total, work, game.unit, status,
            standard_error=moments.standard_error.reshape(shape), sampling=sampling,
        )  # fmt: skip

    def _begin(self, asked: Asked, size: int) -> tuple[Moments | None, int, int]:
        earlier = asked.resume
        if earlier is None:
            return None, 0, 0
        if earlier.sampling is None or earlier.kind != self.kind:
            raise ValueError(f"resume: expected sampled values, got {earlier.kind} ones.")
        moments = moments_of(earlier)
        if moments.mean.size != size:
            raise ValueError(
                f"resume: expected {size} values, as of this problem, got {moments.mean.size}."
            )
        game, total = asked.game, np.asarray(earlier.total)
        if not np.all(np.abs(total - game.total) <= _ROUNDING * scale_of(game)):
            raise ValueError(
                f"resume: expected values of this problem, whose m(∅) − m(N) is {game.total}, got "
                f"those of one where it is {total}."
            )
        return moments, int(earlier.sampling.parts), int(earlier.work)

    def _settled(self, moments: Moments, total) -> bool:
        """Whether all values are known well enough, at this look."""
        if moments.count < _PART:
            return False
        look = 1 + max(0, math.ceil(math.log2(moments.count / _PART)))
        # 6/π² Σ 1/look² = 1: however many looks there will be.
        risk = (1.0 - self.confidence) * 6.0 / (math.pi * look) ** 2 / moments.mean.size
        half = stats.t.isf(risk / 2.0, moments.count - 1) * moments.standard_error
        wide = half.reshape(-1, max(1, total.size)) <= self.tolerance * np.abs(total).reshape(-1)
        return bool(np.all(wide))

    def _status(self, moments, total, game, semivalue, settled, ended) -> ValueStatus:
        variance = moments.second
        tails = np.sum(variance * moments.excess_kurtosis) / max(np.sum(variance), 1e-300)
        gap = moments.mean.reshape(game.size, -1).sum(axis=0) - total.reshape(-1)
        scale = scale_of(game).reshape(-1)
        whole = isinstance(semivalue, Shapley) and self.truncation == 0.0
        ridgeless = isinstance(game, LeastSquaresGame) and game.least_norm
        telling = ridgeless or moments.count >= _ENOUGH * game.size
        if telling and tails > max(_TAILS * moments.count, _LEAST_TAILS):
            return ValueStatus.heavy_tails
        if whole and not bool(np.all(np.abs(gap) <= _ROUNDING * scale)):
            return ValueStatus.inaccurate
        if ended:
            return ValueStatus.interrupted
        if self.tolerance is not None and not settled:
            return ValueStatus.not_settled
        return ValueStatus.successful


def _fast(game: AbstractGame) -> bool:
    return isinstance(game, LeastSquaresGame) and game.fast


def _part(numbers: int) -> int:
    """Units in a part: a power of two, the same on every machine."""
    return max(1, min(_PART, 1 << max(0, int(math.log2(max(1, _NUMBERS // numbers))))))


def scale_of(game: AbstractGame) -> np.ndarray:
    """|m(∅)| + |m(N)|."""
    return np.asarray(np.abs(game.ends).sum(axis=0))


def unit_values(method: Permutations, asked: Asked) -> np.ndarray:
    """The values of every unit of a sample, (units, n), whose means the values are."""
    length = method.strata * (2 if method.antithetic else 1)
    sample = _Sampler(method, asked.game, asked.semivalue)
    units = max(2, math.ceil(method.count / length))
    changes, _ = sample.changes(sample.orders(0, units))
    return np.mean(changes.reshape(units, length, -1), axis=1)


class _Sampler:
    """Units of a part of the stream of random numbers; parts are drawn in any order."""

    def __init__(self, method: Permutations, game: AbstractGame, semivalue: AbstractSemivalue):
        self.method, self.game = method, game
        self.weights = None
        if not isinstance(semivalue, Shapley):
            self.weights = game.size * semivalue.size_probabilities(game.size)
        self.total = game.total

    def orders(self, part: int, units: int) -> np.ndarray:
        """(units · length, n)."""
        n, strata = self.game.size, self.method.strata
        generator = np.random.default_rng([self.method.seed, part])
        orders = generator.permuted(np.tile(np.arange(n, dtype=np.int32), (units, 1)), axis=1)
        if strata > 1:
            shifts = np.round(np.arange(strata) * (n / strata)).astype(int)
            orders = orders[:, (np.arange(n) + shifts[:, None]) % n].reshape(-1, n)
        if self.method.antithetic:
            orders = np.stack([orders, orders[:, ::-1]], axis=1).reshape(-1, n)
        return np.ascontiguousarray(orders)

    def __call__(self, item: tuple[int, int]) -> tuple[Moments, int]:
        part, units = item
        orders = self.orders(part, units)
        changes, work = self.changes(orders)
        means = np.mean(changes.reshape(units, len(orders) // units, -1), axis=1)
        return Moments.of(means), work

    def changes(self, orders: np.ndarray) -> tuple[np.ndarray, int]:
        """m before minus m after each point is put in, by point, weighted as the semivalue does."""
        game = self.game
        if _fast(game):
            form = game.measure
            within = self.method.truncation * abs(float(self.total))
            changes, work = kernels.permutation_changes(
                game.rows, game.targets, game.ridge, form.A, form.g, orders,
                float(self.total), within if within > 0.0 else -1.0,
            )  # fmt: skip
            if self.weights is None and self.method.smallest <= 1:
                return changes, work
            placed = np.take_along_axis(changes, orders, axis=1)
        else:
            values, work = game.along(orders, self.method.truncation)
            placed = -np.diff(values, axis=1)
        first = min(self.method.smallest, game.size)
        if first > 1:
            placed[:, first - 1] = placed[:, :first].sum(axis=1)
            placed[:, : first - 1] = 0.0
        if self.weights is not None:
            placed = placed * self.weights.reshape(-1, *[1] * (placed.ndim - 2))
        changes = np.empty_like(placed)
        changes[np.arange(len(orders))[:, None], orders] = placed
        return changes, work
