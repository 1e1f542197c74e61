"""Banzhaf values from coalitions that each serve all points."""

from __future__ import annotations

import functools
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from homotopy._checks import integer
from homotopy._wording import described
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.moments import Moments
from homotopy.valuation.semivalues import Banzhaf
from homotopy.valuation.values import DataValues, Sampling

_TOGETHER = 512
_PARTS = 16


class SampleReuse(AbstractValuation):
    """Banzhaf values by maximum sample reuse: the mean of m over random coalitions without the
    point, minus that with it.

    One coalition, each point in with probability ½, serves all points (Wang and Jia 2023). Each
    comes with its complement, so that every point is in one of the two. For `Banzhaf()` alone.

    Parameters
    ----------
    count : int
        Coalitions, at least 4; rounded up to pairs.
    seed : int

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> method = hm.valuation.SampleReuse(400)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), method, hm.Banzhaf())
    >>> bool(abs(values.values[1] - 25 / 18) < 4 * values.standard_error[1])
    True
    """

    kind: ClassVar[str] = "sampled"
    in_parts: ClassVar[bool] = True

    count: int = 1000
    seed: int = 0

    def __check_init__(self):
        integer("count", self.count, 4)
        integer("seed", self.seed, 0)

    def values(self, asked: Asked) -> DataValues:
        if not isinstance(asked.semivalue, Banzhaf):
            raise ValueError(
                "semivalue: expected Banzhaf() for SampleReuse(count), got "
                f"{described(asked.semivalue)}; Permutations(count) takes any."
            )
        game = asked.game
        generator = np.random.default_rng(self.seed)
        pairs = (self.count + 1) // 2
        members = generator.random((pairs, game.size)) < 0.5
        moments = None
        # However many share them, so that the values do not depend on it.
        size = _TOGETHER if asked.alone else min(_TOGETHER, -(-pairs // _PARTS))
        parts = [members[first : first + size] for first in range(0, pairs, size)]
        sample = functools.partial(_sampled, game)
        for found in map(sample, parts) if asked.alone else asked.mapped(sample, parts):
            moments = found if moments is None else moments.merged(found)
            asked.report(2 * moments.count, 2 * pairs)
        shape = (game.size, *game.shape)
        sampling = Sampling(
            jnp.asarray(pairs), jnp.asarray(1),
            *map(jnp.asarray, (moments.second, moments.third, moments.fourth)),
        )  # fmt: skip
        return data_values_of(
            self, moments.mean.reshape(shape), game.total, 2 * pairs, "fits",
            standard_error=moments.standard_error.reshape(shape), sampling=sampling,
        )  # fmt: skip


def _sampled(game, inside) -> Moments:
    """Of some of the coalitions, each with its complement."""
    difference = (game.values(inside) - game.values(~inside)).reshape(len(inside), 1, -1)
    changes = np.where(inside[:, :, None], -difference, difference)
    return Moments.of(changes.reshape(len(inside), -1))
