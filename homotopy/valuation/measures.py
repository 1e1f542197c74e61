"""A measurement as a function of many θ at once, and what is known of it in closed form."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy.losses import SquaredError
from homotopy.measurements import AbstractMeasurement, OwnLoss, TestLoss, as_measurement
from homotopy.models import LinearModel
from homotopy.problem import Problem

_BATCH = 256  # θ measured together, so that all counts share a program


@dataclasses.dataclass(frozen=True)
class Quadratic:
    """m(θ) = ½θᵀAθ − gᵀθ + c, A (d, d) symmetric."""

    A: np.ndarray
    g: np.ndarray
    c: float

    def __call__(self, theta: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " k"]:
        return 0.5 * np.sum(theta @ self.A * theta, axis=1) - theta @ self.g + self.c

    def slopes(self, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, "1 d"]:
        return (self.A @ theta - self.g)[None]


@dataclasses.dataclass(frozen=True)
class Measure:
    """m(θ) of (k, d) parameters as (k, *out), and ∇m as (outputs, d)."""

    problem: Problem
    measurement: AbstractMeasurement
    shape: tuple[int, ...]

    def __call__(self, theta: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k ..."]:
        found = np.empty((len(theta), *self.shape))
        for first in range(0, len(theta), _BATCH):
            some = theta[first : first + _BATCH]
            padded = np.resize(some, (_BATCH, theta.shape[1]))
            measured = _measured(self.measurement, self.problem, padded)
            found[first : first + _BATCH] = np.asarray(measured)[: len(some)]
        return found

    def slopes(self, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, "k d"]:
        return np.asarray(_slopes(self.measurement, self.problem, theta))


def checked_measurement(measurement, problem: Problem) -> AbstractMeasurement:
    """The measurement, where it is the same function of θ for every coalition.

    Raises
    ------
    TypeError, ValueError
        Naming `measurement`.
    """
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected one that is the same for every coalition, got OwnLoss(): the "
            "loss of a point is another function for each of them; give TestLoss(X, y)."
        )
    return as_measurement(measurement, problem)


def measure_of(measurement: AbstractMeasurement, problem: Problem) -> Quadratic | Measure:
    """A checked measurement as a function: of a mean squared loss on other data in closed form."""
    linear = isinstance(problem.model, LinearModel) and isinstance(problem.loss, SquaredError)
    if linear and isinstance(measurement, TestLoss) and measurement.y.ndim == 1:
        X, y = np.asarray(measurement.X, float), np.asarray(measurement.y, float)
        return Quadratic(X.T @ X / len(y), X.T @ y / len(y), 0.5 * float(np.mean(y**2)))
    none = jnp.zeros(1, int), jnp.zeros(1, problem.X.dtype)
    theta = jax.ShapeDtypeStruct((problem.dimension,), problem.X.dtype)
    shape = eqx.filter_eval_shape(measurement, problem, theta, *none).shape
    return Measure(problem, measurement, shape)


def output_shape(measure: Quadratic | Measure) -> tuple[int, ...]:
    """Of what it measures; () for a number."""
    return () if isinstance(measure, Quadratic) else measure.shape


@eqx.filter_jit
def _measured(measurement, problem, theta):
    none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)
    return jax.vmap(lambda at: measurement(problem, at, *none))(theta)


@eqx.filter_jit
def _slopes(measurement, problem, theta):
    none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)
    return jax.jacrev(lambda at: jnp.ravel(measurement(problem, at, *none)))(theta)
