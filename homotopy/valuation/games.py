"""The game whose players are the data points: S ↦ m(θ(S)), θ(S) what training on S ends in."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from homotopy.existence import affine_in_parameters
from homotopy.influence.objectives import ProximalRisk
from homotopy.linear import LinearRegression
from homotopy.losses import SquaredError
from homotopy.minima.minimise import minimise_each
from homotopy.models import LinearModel
from homotopy.problem import Problem
from homotopy.valuation import kernels
from homotopy.valuation.measures import Measure, Quadratic, output_shape
from homotopy.weighted_rows import least_squares_rows

_TOLERANCE, _MAX_STEPS = 1e-10, 2000  # of refits, as of `LeaveOneOut`
_SHARED = 4  # bits: so many players' coalitions are parts of their own, where they are shared out
_LOW = 12  # players whose coalitions are gone through in one call of a kernel


class AbstractGame(abc.ABC):
    """A number, or several, for each coalition S of n players.

    Attributes
    ----------
    size : int
        n.
    most : int
        Players whose 2ⁿ coalitions may all be gone through.
    unit : str
        What its work is counted in.
    """

    size: int
    most: int
    unit: str

    @abc.abstractmethod
    def values(self, members: Bool[np.ndarray, "k n"]) -> Float[np.ndarray, "k ..."]:
        """m of coalitions."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of m."""

    @functools.cached_property
    def ends(self) -> Float[np.ndarray, "2 ..."]:
        """m(∅) and m(N)."""
        return self.values(np.array([[False] * self.size, [True] * self.size]))

    @property
    def total(self) -> Float[np.ndarray, ...]:
        """m(∅) − m(N), which the Shapley values sum to."""
        return self.ends[0] - self.ends[1]

    def all_values(self, mapped: Callable | None = None) -> Float[np.ndarray, "c ..."]:
        """m of all 2ⁿ coalitions, point b a member where bit b of the number is set.

        `mapped` shares them out in parts, as `map` would call a function of each.
        """
        numbers = np.arange(1 << self.size)
        if mapped is None:
            return self._of_numbers(numbers)
        parts = np.split(numbers, min(1 << _SHARED, numbers.size))
        return np.concatenate(list(mapped(self._of_numbers, parts)))

    def _of_numbers(self, numbers: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k ..."]:
        return self.values((numbers[:, None] >> np.arange(self.size) & 1).astype(bool))

    # Whether ending an order early saves work.
    truncates: ClassVar[bool] = True

    def along(
        self, order: Int[np.ndarray, "k n"], truncation: float = 0.0
    ) -> tuple[Float[np.ndarray, "k m ..."], int]:
        """m of the n + 1 beginnings of each order of the points, and how many points were put in.

        With a `truncation` an order ends, and m stays as it is, once m has been within this share
        of |m(∅) − m(N)| from m(N) at six places in a row, in every output.
        """
        count, size = order.shape
        found = np.empty((count, size + 1, *self.shape))
        members, going = np.zeros((count, size), bool), np.arange(count)
        close, before, work = np.zeros(count, int), None, 0
        for place in range(size + 1):
            found[going, place], before = self.next_values(members[going], before)
            work += 0 if place == 0 else going.size
            if truncation > 0.0:
                rest = np.abs(found[going, place] - self.ends[1])
                within = rest <= truncation * np.abs(self.total)
                within = within.reshape(going.size, -1).all(axis=1)
                close[going] = np.where(within, close[going] + 1, 0)
                ended = close[going] >= kernels.CLOSE
                found[going[ended], place + 1 :] = found[going[ended], place][:, None]
                before = None if before is None else before[~ended]
                going = going[~ended]
                if going.size == 0:
                    break
            if place < size:
                members[going, order[going, place]] = True
        return found, work

    def next_values(
        self, members: Bool[np.ndarray, "k n"], before: Float[np.ndarray, "k d"] | None
    ) -> tuple[Float[np.ndarray, "k ..."], Float[np.ndarray, "k d"] | None]:
        """m of coalitions with a point more than those before, and what the next may begin with."""
        return self.values(members), None


class FittedGame(AbstractGame):
    """m(θ(S)), a measurement of what training on the coalition ends in.

    Attributes
    ----------
    measure : Quadratic or Measure
        m.
    """

    measure: Quadratic | Measure

    @abc.abstractmethod
    def fits(self, members: Bool[np.ndarray, "k n"]) -> Float[np.ndarray, "k d"]:
        """θ(S) of coalitions."""

    def values(self, members):
        return self.measure(self.fits(members))

    @property
    def shape(self):
        return output_shape(self.measure)


class LeastSquaresGame(FittedGame):
    """Of linear and ridge regression: points are put into a fit at O(d²) each.

    Without a ridge θ(S) is the fit of least norm, or the one nearest to θ₀.
    """

    most, unit = 20, "insertions"

    def __init__(self, problem: Problem, measure: Quadratic | Measure, theta0=None):
        rows, targets = (np.ascontiguousarray(part, float) for part in least_squares_rows(problem))
        self.size, self.measure = len(rows), measure
        self.rows = rows
        self.ridge = np.broadcast_to(np.asarray(problem.ridge, float), (rows.shape[1],)).copy()
        start = np.zeros(rows.shape[1]) if theta0 is None else np.asarray(theta0, float)
        # With a ridge fits do not depend on where they start.
        self.start = start if self.least_norm else np.zeros_like(start)
        self.targets = targets - rows @ self.start

    @property
    def least_norm(self) -> bool:
        """Whether there is no ridge."""
        return bool(np.min(self.ridge) == 0.0)

    @property
    def fast(self) -> bool:
        """Whether changes of m have a closed form that nothing cancels in."""
        return isinstance(self.measure, Quadratic) and not self.least_norm

    def fits(self, members):
        found = np.empty((len(members), self.rows.shape[1]))
        for row, inside in enumerate(members):
            X, y = self.rows[inside], self.targets[inside]
            if self.least_norm:
                found[row] = np.linalg.lstsq(X, y, rcond=None)[0] if len(X) else 0.0
            else:
                found[row] = np.linalg.solve(X.T @ X + np.diag(self.ridge), X.T @ y)
        return found + self.start

    def all_values(self, mapped=None):
        low = min(self.size if mapped is None else max(self.size - _SHARED, 0), _LOW)
        prefixes = range(0, 1 << self.size, 1 << low)
        of_prefix = functools.partial(self._of_prefix, low)
        return np.concatenate(list((map if mapped is None else mapped)(of_prefix, prefixes)))

    def _of_prefix(self, low, prefix):
        theta = kernels.coalition_fits(self.rows, self.targets, self.ridge, prefix, low)
        return self.measure(theta + self.start)

    truncates = False  # a look at m takes longer than to put a point in

    def along(self, order, truncation=0.0):
        theta = kernels.permutation_fits(self.rows, self.targets, self.ridge, order)
        count, size, dimension = theta.shape
        values = self.measure((theta + self.start).reshape(-1, dimension))
        empty = np.broadcast_to(self.ends[0], (count, 1, *self.shape))
        values = values.reshape(count, size, *self.shape)
        return np.concatenate([empty, values], axis=1), order.size


class RefitGame(FittedGame):
    """Of any model with a ridge: each coalition is refitted by Newton's method and trust regions.

    From θ₀, so that θ(S) is one minimum whatever was fitted before; along a permutation of a model
    affine in θ, whose minimum is the only one, from the fit before.
    """

    most, unit = 12, "refits"

    def __init__(self, problem: Problem, measure: Measure, theta0=None):
        if float(np.min(np.asarray(problem.ridge))) <= 0.0:
            raise ValueError(
                "problem: expected a ridge > 0 on every parameter, as small coalitions have no "
                f"unique minimum without one, got ridge={np.asarray(problem.ridge).tolist()}; "
                "FiniteTime(time) values training that stops."
            )
        self.problem, self.size, self.measure = problem, problem.size, measure
        self.start = np.zeros(problem.dimension)
        if theta0 is not None:
            self.start = np.asarray(theta0)
        elif not affine_in_parameters(problem):
            raise ValueError(
                f"theta0: a {type(problem.model).__name__} has several minima; expected the vector "
                f"of length {problem.dimension} where fits start, got None."
            )

    def fits(self, members, starts=None):
        if starts is None:
            starts = np.broadcast_to(self.start, (len(members), self.start.size))
        return refitted(self.problem, members.astype(float), starts)

    def next_values(self, members, before):
        if not affine_in_parameters(self.problem):
            return super().next_values(members, before)
        theta = self.fits(members, before)
        return self.measure(theta), theta


def refitted(
    problem: Problem, weights: Float[np.ndarray, "k n"], starts: Float[np.ndarray, "k d"]
) -> Float[np.ndarray, "k d"]:
    """argmin R(·; w) for k weights of the points, each downhill of its start.

    Raises `RuntimeError` where one is not reached.
    """
    objective = eqx.Partial(_objective, problem)
    found = minimise_each(objective, (weights,), starts, _TOLERANCE, _MAX_STEPS, size=problem.size)
    missing = np.flatnonzero(~np.asarray(found.reached))
    if missing.size:
        inside = np.flatnonzero(weights[missing[0]]).tolist()
        shown = f"{str(inside[:8])[:-1]}, ...]" if len(inside) > 8 else str(inside)
        raise RuntimeError(
            f"no minimum was reached of the risk of the coalition {shown}; a larger ridge makes it "
            "better posed, and FiniteTime(time) needs no minimum."
        )
    return np.asarray(found.theta)


def _objective(problem, weights):
    centre = jnp.zeros(problem.dimension, problem.X.dtype)
    return ProximalRisk(problem, weights, centre, jnp.zeros((), centre.dtype))


def is_least_squares(problem: Problem) -> bool:
    """Whether fits are those of linear regression: ridge on all parameters, or on none."""
    if isinstance(problem, LinearRegression):
        return True
    squares = isinstance(problem.loss, SquaredError) and problem.y.ndim == 1
    ridge = np.asarray(problem.ridge)
    whole = bool(np.all(ridge > 0.0) or np.all(ridge == 0.0))
    return squares and isinstance(problem.model, LinearModel) and whole


def game_of(problem: Problem, measure: Quadratic | Measure, theta0=None) -> AbstractGame:
    """The game of training to the end on any of the points.

    Raises
    ------
    ValueError
        Naming `problem`, for want of a ridge, or `theta0`.
    """
    kind = LeastSquaresGame if is_least_squares(problem) else RefitGame
    return kind(problem, measure, theta0)
