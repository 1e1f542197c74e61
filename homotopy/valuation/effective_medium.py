"""Deterministic, efficient values of ridge regression, close to Shapley's."""

from __future__ import annotations

import functools
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import stats

from homotopy._checks import fraction, integer
from homotopy._threads import one_thread_of_blas
from homotopy.valuation.aumann_shapley import integrated, require_ridge
from homotopy.valuation.games import is_least_squares
from homotopy.valuation.measures import Quadratic
from homotopy.valuation.medium import Medium
from homotopy.valuation.method import AbstractValuation, Asked
from homotopy.valuation.permutations import Permutations, unit_values
from homotopy.valuation.values import DataValues, PermutationCheck

_NUMBERS = 2**17  # in the pairs of all nodes that are worked on together: of a cache


class EffectiveMedium(AbstractValuation):
    """Shapley values of ridge regression without sampling, by an effective medium (theory §8.4).

    The mean of m over random coalitions is estimated by one fit, whose weights stand for points
    that are in or out by chance, and its derivatives in the chances are integrated. The values sum
    to m(∅) − m(N); for one or two points and for orthogonal rows they are exact. It is an
    approximation **without a bound**: its error is small where the ridge is not small against
    single points, and no efficiency gap shows it. So a sample of permutations is taken besides, and
    `permutation_check` of the values says whether it can tell the two apart.

    Parameters
    ----------
    permutations : int
        Of the sample beside it; 0 for none.
    nodes : int
        Of the first Gauss rule, which is doubled until the values stand still.
    tolerance : float
        By how much of the largest value, and of |m(∅) − m(N)|, they may still change.
    max_nodes : int
    seed : int
        Of the permutations.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), hm.EffectiveMedium(0))
    >>> values.values.round(6).tolist()  # of two points they are Shapley's, 7/18 and 25/18
    [0.388889, 1.388889]
    """

    kind: ClassVar[str] = "approximate"

    permutations: int = 200
    nodes: int = 16
    tolerance: float = 1e-4
    max_nodes: int = 256
    seed: int = 0

    def __check_init__(self):
        integer("permutations", self.permutations, 0)
        if 0 < self.permutations < 4:
            raise ValueError(
                "permutations: expected 0, or at least 4, two pairs, whose spread gives an error, "
                f"got {self.permutations}."
            )
        integer("nodes", self.nodes, 2)
        fraction("tolerance", self.tolerance)
        integer("max_nodes", self.max_nodes, self.nodes)
        integer("seed", self.seed, 0)

    def values(self, asked: Asked) -> DataValues:
        if not is_least_squares(asked.problem):
            raise ValueError(
                "problem: expected a ridge regression for EffectiveMedium(), got a "
                f"{type(asked.problem.model).__name__} with {type(asked.problem.loss).__name__}; "
                "AumannShapley() and Permutations(count) take any model."
            )
        require_ridge(asked, "EffectiveMedium()")
        if not isinstance(asked.measure, Quadratic):
            raise ValueError(
                "measurement: expected TestLoss(X, y) for EffectiveMedium(), whose mean over "
                "coalitions it estimates, got another function of θ; Permutations(count) takes any."
            )
        game = asked.game
        medium = Medium(game.rows, game.targets, game.ridge, asked.measure)

        root = 1.0 / np.sqrt(game.ridge)
        gram = game.rows.T @ game.rows
        stretch = float(np.linalg.eigvalsh(root[:, None] * gram * root)[-1])
        pairs = game.size * min(game.size, gram.shape[0] * (gram.shape[0] + 1) // 2)
        together = max(1, _NUMBERS // pairs)

        def slopes(times):
            for first in range(0, len(times), together):
                p = np.array(times[first : first + together])
                p = np.full(game.size, p[0]) if together == 1 else np.tile(p[:, None], game.size)
                yield from -medium.value_and_gradient(p)[1].reshape(-1, game.size, 1)

        with one_thread_of_blas(pairs):
            rule = functools.partial(asked.semivalue.quadrature, stretch)
            found = integrated(self, asked, slopes, rule, game.total, (), "solves")
        if self.permutations == 0:
            return found
        check = checked(np.asarray(found.values), asked, self.permutations, self.seed)
        return eqx.tree_at(
            lambda own: own.permutation_check, found, check, is_leaf=lambda leaf: leaf is None
        )


def checked(values: Float[np.ndarray, " n"], asked: Asked, count: int, seed: int):
    """Values beside those of `count` permutations in antithetic pairs."""
    samples = unit_values(Permutations(count, seed=seed), asked)
    units = len(samples)
    mean = np.mean(samples, axis=0)
    away = (samples - mean) / np.sqrt(units * (units - 1))
    error, distance = float(np.sum(away**2)), float(np.sum((values - mean) ** 2))
    # ‖values − mean‖² has the mean tr Σ and the variance 2 tr Σ², Σ the covariance of the mean;
    # that of few samples has tr Σ² too large by (tr Σ)²/(units − 1).
    small = away @ away.T if units < values.size else away.T @ away
    spread = max(float(np.sum(small**2)) - error**2 / (units - 1), error**2 / values.size)
    freedom = error**2 / spread if spread > 0.0 else 1.0
    chi_square = freedom * distance / error if error > 0.0 else 0.0
    size = float(np.linalg.norm(mean)) or 1.0
    numbers = (
        *(np.sqrt(distance) / size, np.sqrt(error) / size),
        *(chi_square, freedom, stats.chi2.sf(chi_square, freedom)),
    )
    return PermutationCheck(jnp.asarray(2 * units), *map(jnp.asarray, map(np.float64, numbers)))
