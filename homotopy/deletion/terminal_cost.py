"""What a deletion is judged by at the horizon: a cost of θ(T), and so a problem of Mayer's form."""

from __future__ import annotations

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, matrix
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy._wording import described
from homotopy.measurements import AbstractMeasurement, as_scalar_measurement
from homotopy.problem import Problem


class AbstractTerminalCost(DisplayedByFields, Module):
    """A cost of the final parameters; passed to `Deletion` as `terminal_cost`."""

    @abc.abstractmethod
    def __call__(
        self, problem: Problem, target: Float[Array, " d"] | None, theta: Float[Array, " d"]
    ) -> Float[Array, ""]:
        """The cost of θ(T)."""

    def check(self, problem: Problem) -> None:
        """Raise `ValueError` where the cost does not fit the problem."""

    @property
    def needs_target(self) -> bool:
        """Whether the cost is a distance from the deleted fit."""
        return True


class ParameterDistance(AbstractTerminalCost):
    """½‖θ(T) − θ*₋‖² (theory §4)."""

    def __call__(self, problem, target, theta):
        return 0.5 * jnp.sum((theta - target) ** 2)


_PARAMETER_DISTANCE = ParameterDistance()


class PredictionDistance(AbstractTerminalCost):
    """½ Σ_x ‖f(θ(T); x) − f(θ*₋; x)‖²: models that predict alike count as one.

    Parameters
    ----------
    X : (m, p), optional
        Inputs at which predictions are compared; those of the data by default, the deleted ones
        among them, with their sample weights.

    Raises
    ------
    ValueError
        Where X is not a finite matrix, or, with the problem, has rows of another length.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0]], [0.0, 1.0], deleted=1)
    >>> distance = hm.deletion.PredictionDistance([[3.0]])
    >>> deletion = hm.Deletion(problem, [1.0], start=0.0, horizon=50.0, terminal_cost=distance)
    >>> round(float(deletion.cost(hm.Step(50.0))), 6)  # ½ (3 · 0.4)²
    0.72
    """

    X: Float[Array, "m p"] | None

    def __init__(self, X: ArrayInput | None = None):
        self.X = None if X is None else jnp.asarray(matrix("X", X), float)

    def check(self, problem):
        if self.X is not None and self.X.shape[1] != problem.X.shape[1]:
            raise ValueError(
                f"terminal_cost: expected inputs of length {problem.X.shape[1]}, as the data "
                f"have, got {self.X.shape[1]}."
            )

    def __call__(self, problem, target, theta):
        X = None if self.X is None else self.X.astype(problem.X.dtype)
        difference = problem.predict(theta, X) - problem.predict(target, X)
        if self.X is None and problem.point_weights is not None:  # a point of weight 2 is two
            weights = problem.point_weights.reshape(-1, *[1] * (difference.ndim - 1))
            return 0.5 * jnp.sum(weights * difference**2)
        return 0.5 * jnp.sum(difference**2)


class MeasurementCost(AbstractTerminalCost):
    """A measurement of θ(T), for the deletion of the problem's own points."""

    measurement: AbstractMeasurement

    def __call__(self, problem, target, theta):
        amounts = -jnp.ones(problem.deleted.size, theta.dtype)
        return self.measurement(problem, theta, problem.deleted, amounts)

    @property
    def needs_target(self) -> bool:
        return False


def as_terminal_cost(given, problem: Problem) -> AbstractTerminalCost:
    """A cost that fits the problem: the default for None, a measurement or callable wrapped."""
    if given is None:
        return _PARAMETER_DISTANCE
    if isinstance(given, AbstractTerminalCost):
        given.check(problem)
        return given
    if not isinstance(given, AbstractMeasurement) and (
        not callable(given) or isinstance(given, type)
    ):
        raise TypeError(
            "terminal_cost: expected ParameterDistance(), PredictionDistance(), TestLoss(X, y) or "
            f"a function of θ, got {described(given)}."
        )
    return MeasurementCost(as_scalar_measurement(given, problem, "terminal_cost"))
