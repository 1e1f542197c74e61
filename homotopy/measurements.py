"""What a change of parameters does: measurements of a model."""

from __future__ import annotations

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, matrix
from homotopy._display import DisplayedByFields
from homotopy._memory import owned
from homotopy._module import Module
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.problem import Problem

__all__ = ["AbstractMeasurement", "OwnLoss", "PointLosses", "Predictions", "TestLoss"]


class AbstractMeasurement(DisplayedByFields, Module):
    """A function of θ, and of which points change.

    Wherever a measurement is asked for, a plain function of θ (d,) is taken as well: by
    `Change.measured`, `measurement_influence`, `influence_in_time`, `measurement_sensitivity`, and
    as the `terminal_cost` of a `Deletion`.
    """

    @abc.abstractmethod
    def __call__(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        rows: Int[Array, " g"],
        amounts: Float[Array, " g"],
    ) -> Float[Array, ...]:
        """Its value at θ, for the change `amounts` of the weights of the points `rows`."""

    def check(self, problem: Problem) -> None:
        """Raise `ValueError` where the measurement does not fit the problem."""


class OwnLoss(AbstractMeasurement):
    """The loss of the deleted points themselves, Σ_{i∈G} ℓ_i(θ); of other changes, −Σ Δw_i ℓ_i.

    Its linear change on deletion is the *influence loss difference* 𝒬 = ∇ℓ_jᵀH⁻¹∇ℓ_j ≥ 0: how
    much worse the model does on the point once it has not seen it (theory §7).
    """

    def __call__(self, problem, theta, rows, amounts):
        def loss(x, y):
            return problem.point_loss.value(problem.model(theta, x), y)

        return -jnp.sum(amounts * jax.vmap(loss)(problem.X[rows], problem.targets[rows]))


class TestLoss(AbstractMeasurement):
    """The mean loss on other data.

    Parameters
    ----------
    X : (m, p), y : (m,) or (m, k)

    Raises
    ------
    ValueError
        Naming X or y, where they do not fit each other or, with the problem, its data.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # from θ = 0.5 to 0
    >>> round(change.measured(hm.TestLoss([[2.0]], [0.0])).item(), 12)
    -0.5
    """

    __test__ = False  # pytest would collect it

    X: Float[Array, "m p"]
    y: Array

    def __init__(self, X: ArrayInput, y: ArrayInput):
        inputs = matrix("X", X)
        targets = as_numbers("y", y, data=True)
        if targets.ndim not in (1, 2) or targets.shape[0] != inputs.shape[0]:
            raise ValueError(
                f"y: expected {inputs.shape[0]} targets, as X has rows, got shape {targets.shape}."
            )
        self.X, self.y = owned(inputs, float), owned(targets)

    def check(self, problem):
        check_inputs(self.X, problem)
        output = jax.eval_shape(problem.model, *_one(problem))
        problem.loss.validate(np.asarray(self.y), output.shape)

    def __call__(self, problem, theta, rows, amounts):
        outputs = problem.predict(theta, self.X.astype(problem.X.dtype))
        integral = jnp.issubdtype(self.y.dtype, jnp.integer)
        y = self.y if integral else self.y.astype(problem.X.dtype)
        return jnp.mean(jax.vmap(problem.loss.value)(outputs, y))


class Predictions(AbstractMeasurement):
    """The model's outputs f(θ; x), (m,) or (m, k).

    Parameters
    ----------
    X : (m, p), optional
        The inputs; those of the data by default.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.LeaveOneOut()).measured(hm.Predictions([[2.0]])).round(12).tolist()
    [-1.0]
    """

    X: Float[Array, "m p"] | None

    def __init__(self, X: ArrayInput | None = None):
        self.X = None if X is None else owned(matrix("X", X), float)

    def check(self, problem):
        if self.X is not None:
            check_inputs(self.X, problem)

    def __call__(self, problem, theta, rows, amounts):
        return problem.predict(theta, None if self.X is None else self.X.astype(problem.X.dtype))


class PointLosses(AbstractMeasurement):
    """ℓ_i(θ) of every point of the data, (n,), its sample weight included.

    The change of the n losses on deletion of each of n points is an n × n array, whose diagonal is
    that of `OwnLoss()`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # from θ = 0.5 to 0
    >>> change.measured(hm.PointLosses()).round(12).tolist()
    [-0.125, 0.375]
    """

    def __call__(self, problem, theta, rows, amounts):
        return problem.losses(theta)


class FunctionMeasurement(AbstractMeasurement):
    """Any function of θ: what a callable becomes."""

    function: Callable

    def __call__(self, problem, theta, rows, amounts):
        return jnp.asarray(self.function(theta))


def as_measurement(given, problem: Problem, name: str = "measurement") -> AbstractMeasurement:
    """A measurement checked against the problem, a callable wrapped."""
    if isinstance(given, AbstractMeasurement):
        given.check(problem)
        return given
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            f"{name}: expected OwnLoss(), TestLoss(X, y), Predictions(X) or a function of θ, got "
            f"{described(given)}."
        )
    if not isinstance(given, eqx.Module | jax.tree_util.Partial):
        # A pytree without leaves, so that it passes through jax.jit and jax.vmap.
        given = jax.tree_util.Partial(given)
    measurement = FunctionMeasurement(given)
    _output_shape(measurement, problem, name)
    return measurement


def as_scalar_measurement(
    given, problem: Problem, name: str = "measurement"
) -> AbstractMeasurement:
    """As `as_measurement`, of one number."""
    measurement = as_measurement(given, problem, name)
    shape = _output_shape(measurement, problem, name)
    if shape != ():
        raise ValueError(
            f"{name}: expected a scalar, got shape {shape}; a function of θ can choose one, as "
            "lambda theta: problem.predict(theta, X)[0]."
        )
    return measurement


def _output_shape(measurement, problem, name) -> tuple[int, ...]:
    """Of a measurement at parameters of the problem; an error that names it where it has none."""
    theta = jax.ShapeDtypeStruct((problem.dimension,), problem.X.dtype)
    none = jnp.zeros(1, int), jnp.zeros(1, problem.X.dtype)
    try:
        output = eqx.filter_eval_shape(measurement, problem, theta, *none)
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(
            f"{name}: expected a function of θ, of shape ({problem.dimension},), that returns "
            f"numbers ({error})."
        ) from error
    return output.shape


def check_inputs(X, problem) -> None:
    if X.shape[1] != problem.X.shape[1]:
        raise ValueError(
            f"measurement: expected inputs of length {problem.X.shape[1]}, as the data have, got "
            f"{X.shape[1]}."
        )


def _one(problem):
    dtype = problem.X.dtype
    return (
        jax.ShapeDtypeStruct((problem.dimension,), dtype),
        jax.ShapeDtypeStruct(problem.X.shape[1:], dtype),
    )
