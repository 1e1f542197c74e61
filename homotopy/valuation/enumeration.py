"""Values from all 2ⁿ coalitions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from homotopy._checks import integer
from homotopy.valuation.method import AbstractValuation, Asked, data_values_of
from homotopy.valuation.semivalues import AbstractSemivalue
from homotopy.valuation.values import DataValues, ValueStatus

_ROUNDING = 1e-8  # of m: what a sum over coalitions may miss before it counts as inaccurate


class Enumeration(AbstractValuation):
    """All coalitions: exact values, of few points.

    In linear regression up to 20 points, each coalition one insertion of O(d²) away from a smaller
    one; without a ridge θ(S) is the fit of least norm. In other models, with a ridge, up to 12
    points, by a refit of each coalition from `theta0`.

    Parameters
    ----------
    smallest : int
        Coalitions of fewer points count as the empty one.

    Raises
    ------
    ValueError
        Naming `smallest`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> values = hm.data_values(problem, hm.TestLoss([[1.0]], [2.0]), hm.Enumeration())
    >>> values.values.round(6).tolist()  # 7/18 and 25/18
    [0.388889, 1.388889]
    """

    kind: ClassVar[str] = "exact"
    in_parts: ClassVar[bool] = True

    smallest: int = 0

    def __check_init__(self):
        integer("smallest", self.smallest, 0)

    def values(self, asked: Asked) -> DataValues:
        game = asked.game
        if game.size > game.most:
            raise ValueError(
                f"problem: expected at most {game.most} points, whose 2ⁿ coalitions Enumeration() "
                f"goes through in {game.unit}, got {game.size}; Permutations(count) samples them."
            )
        total = game.total
        found = game.all_values(None if asked.alone else asked.mapped)
        # The last coalition, of all points, once more on its own.
        missed = np.abs(found[-1] - game.ends[1])
        found = enlarged(found, game.size, self.smallest)
        values = sum_over_coalitions(found, asked.semivalue)
        scale = np.max(np.abs(found), axis=0)
        accurate = bool(np.all(missed <= _ROUNDING * scale))
        status = ValueStatus.successful if accurate else ValueStatus.inaccurate
        return data_values_of(self, values, total, len(found) - 1, game.unit, status)


def enlarged(found: Float[np.ndarray, "c ..."], size: int, smallest: int):
    """Values of coalitions, where those of fewer points than `smallest` count as the empty one."""
    few = coalition_sizes(size) < smallest
    few[-1] = False  # all points are all points
    if np.any(few):
        found = found.copy()
        found[few] = found[0]
    return found


def coalition_sizes(size: int) -> np.ndarray:
    """How many bits are set in 0 … 2ⁿ − 1."""
    counts = np.zeros(1, int)
    for _ in range(size):
        counts = np.concatenate([counts, counts + 1])
    return counts


def sum_over_coalitions(
    found: Float[np.ndarray, "c ..."], semivalue: AbstractSemivalue
) -> Float[np.ndarray, "n ..."]:
    """Σ_{S∌j} p_|S| [m(S) − m(S∪j)] for every point, from the values of all 2ⁿ coalitions."""
    size = len(found).bit_length() - 1
    weights = semivalue.coalition_weights(size)
    others = coalition_sizes(size - 1) if size > 1 else np.zeros(1, int)
    shape, flat = found.shape[1:], found.reshape(len(found), -1)
    values = np.empty((size, flat.shape[1]))
    for point in range(size):
        halves = flat.reshape(-1, 2, 1 << point, flat.shape[1])
        changes = (halves[:, 0] - halves[:, 1]).reshape(-1, flat.shape[1])
        # NumPy sums along the last axis by halves, which loses few digits.
        values[point] = np.sum(np.ascontiguousarray((weights[others][:, None] * changes).T), axis=1)
    return values.reshape(size, *shape)
