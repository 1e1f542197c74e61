"""Games whose players are groups of points, and games that users play themselves."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int

from homotopy.valuation.games import AbstractGame, FittedGame, LeastSquaresGame

_SHAPE = "game: expected finite numbers of one shape"


class GroupGame(FittedGame):
    """Each group of points is in a coalition as a whole, or out of it.

    Parameters
    ----------
    points : FittedGame
        Of single points.
    groups : (n,)
        The number of each point's group.
    """

    most = 12

    def __init__(self, points: FittedGame, groups: Int[np.ndarray, " n"]):
        self.points, self.groups = points, groups
        self.size, self.measure = int(groups.max()) + 1, points.measure
        self.unit = "fits" if isinstance(points, LeastSquaresGame) else points.unit

    def fits(self, members):
        return self.points.fits(members[:, self.groups])


class FunctionGame(AbstractGame):
    """Any function of who is in."""

    most, unit = 16, "calls"

    def __init__(self, function: Callable[[Bool[np.ndarray, " n"]], object], size: int):
        self.function, self.size = function, size
        self._shape: tuple[int, ...] | None = None

    @property
    def shape(self):
        if self._shape is None:
            self._one(np.zeros(self.size, bool))
        return self._shape

    def values(self, members):
        return np.array([self._one(inside) for inside in members])

    def _one(self, inside):
        try:
            found = np.asarray(self.function(inside.copy()), float)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{_SHAPE} for a mask of {self.size} players ({error}).") from error
        self._shape = found.shape if self._shape is None else self._shape
        if found.shape != self._shape or not np.all(np.isfinite(found)):
            inside = np.flatnonzero(inside).tolist()
            given = found.tolist() if math.prod(found.shape) < 4 else f"shape {found.shape}"
            raise ValueError(f"{_SHAPE}, got {given} for the coalition {inside[:8]}.")
        return found
