"""What a change of parameters does: measurements of a model."""

from __future__ import annotations

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, concrete
from homotopy.problem import Problem


class AbstractMeasurement(eqx.Module):
    """A function of θ, and of which points change; passed to `Change.measured`."""

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
            return problem.loss.value(problem.model(theta, x), y)

        return -jnp.sum(amounts * jax.vmap(loss)(problem.X[rows], problem.y[rows]))


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
        self.X = _inputs(X)
        targets = concrete(y)
        if targets is None or targets.shape[:1] != self.X.shape[:1]:
            shape = np.shape(y)
            raise ValueError(f"y: expected {self.X.shape[0]} targets, as X has rows, got {shape}.")
        self.y = jnp.asarray(targets)

    def check(self, problem):
        _check_inputs(self.X, problem)
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
        self.X = None if X is None else _inputs(X)

    def check(self, problem):
        if self.X is not None:
            _check_inputs(self.X, problem)

    def __call__(self, problem, theta, rows, amounts):
        return problem.predict(theta, None if self.X is None else self.X.astype(problem.X.dtype))


class FunctionMeasurement(AbstractMeasurement):
    """Any function of θ: what a callable becomes."""

    function: Callable

    def __call__(self, problem, theta, rows, amounts):
        return jnp.asarray(self.function(theta))


def as_measurement(given, problem: Problem) -> AbstractMeasurement:
    """A measurement checked against the problem, a callable wrapped."""
    if isinstance(given, AbstractMeasurement):
        given.check(problem)
        return given
    if not callable(given):
        raise TypeError(
            "measurement: expected OwnLoss(), TestLoss(X, y), Predictions(X) or a function of θ, "
            f"got {type(given).__name__}."
        )
    if not isinstance(given, eqx.Module | jax.tree_util.Partial):
        given = jax.tree_util.Partial(given)
    return FunctionMeasurement(given)


def _inputs(X) -> Float[Array, "m p"]:
    known = concrete(X)
    if known is None or known.ndim != 2 or known.size == 0 or not np.all(np.isfinite(known)):
        raise ValueError(f"X: expected a finite matrix (m, p), got shape {np.shape(X)}.")
    return jnp.asarray(known, float)


def _check_inputs(X, problem) -> None:
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
