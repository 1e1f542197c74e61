"""The loss at inputs that an adversary has moved: exact for linear scores, by search otherwise."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import ArrayInput, integer, matrix, non_negative
from homotopy._memory import owned
from homotopy._numbers import as_numbers
from homotopy._wording import described
from homotopy.losses import Logistic, SquaredError
from homotopy.measurements import AbstractMeasurement, check_inputs
from homotopy.models import LinearModel
from homotopy.problem import Problem


class _Attacked(AbstractMeasurement):
    X: Float[Array, "m p"]
    y: Array
    movable: Bool[Array, " p"]
    radius: Float[Array, ""]

    def _set(self, X, y, radius, movable):
        inputs = matrix("X", X)
        targets = as_numbers("y", y, data=True)
        if targets.shape[:1] != (len(inputs),):
            raise ValueError(
                f"y: expected {len(inputs)} targets, as X has rows, got shape {targets.shape}."
            )
        if movable is None:
            known = np.ptp(inputs, axis=0) > 0.0
        else:
            try:
                known = np.asarray(movable)
            except ValueError:  # rows of different lengths
                known = np.zeros(())
            if known.shape != (inputs.shape[1],) or known.dtype != bool:
                raise ValueError(
                    f"movable: expected {inputs.shape[1]} booleans, one for each column of X, got "
                    f"{described(movable)}."
                )
        self.X, self.y = owned(inputs, float), owned(targets)
        self.movable = owned(known)
        self.radius = jnp.asarray(non_negative("radius", radius), float)

    def check(self, problem: Problem) -> None:
        check_inputs(self.X, problem)
        output = jax.eval_shape(problem.model, _theta(problem), _input(problem))
        problem.loss.validate(np.asarray(self.y), output.shape)


class WorstCaseLoss(_Attacked):
    """The mean loss where each input is moved by at most r, the worst way; exact for linear scores.

    With the margin z = y(x·θ), y = ±1, of the logistic loss: mean of ln(1 + exp(−z + r‖θ‖)); of
    the squared error: mean of ½(|x·θ − y| + r‖θ‖)². Smooth where θ ≠ 0. Norms are Euclidean, over
    the entries of θ whose inputs may move.

    Parameters
    ----------
    X : (m, p)
    y : (m,)
    radius : float
        r ≥ 0.
    movable : (p,) of bool, optional
        Inputs that the adversary may move; by default all but constant columns, as an intercept's.

    Raises
    ------
    ValueError
        Naming the argument, or, with the problem, `measurement`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> worst = hm.reweighting.WorstCaseLoss([[1.0], [2.0]], [0.0, 0.0], radius=1.0)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # from θ = 0.5 to 0
    >>> float(change.measured(worst).round(12))  # ½ (½ 1² + ½ 1.5²) at θ = 0.5
    -0.8125
    """

    def __init__(
        self, X: ArrayInput, y: ArrayInput, radius: float, *, movable: ArrayInput | None = None
    ):
        self._set(X, y, radius, movable)

    def check(self, problem):
        super().check(problem)
        linear = isinstance(problem.model, LinearModel)
        if not linear or not isinstance(problem.loss, Logistic | SquaredError):
            raise ValueError(
                "measurement: WorstCaseLoss is for linear models with the logistic or the squared "
                f"loss, got {type(problem.model).__name__} with {type(problem.loss).__name__}; "
                "AdversarialLoss searches for the worst inputs of others."
            )

    def __call__(self, problem, theta, rows, amounts):
        scores = self.X.astype(theta.dtype) @ theta
        free = jnp.where(self.movable, theta, 0.0)
        square = jnp.sum(free**2)
        # The norm, with a derivative of 0 in place of none at 0.
        size = jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)
        reach = self.radius.astype(theta.dtype) * size
        y = self.y.astype(theta.dtype)
        if isinstance(problem.loss, SquaredError):
            return jnp.mean(0.5 * (jnp.abs(scores - y) + reach) ** 2)
        return jnp.mean(jax.nn.softplus(reach - (2.0 * y - 1.0) * scores))


class AdversarialLoss(_Attacked):
    """The mean loss at inputs that projected gradient ascent found within r: at least that bad.

    The attack is made against the model that is measured, from the inputs on, by steps of equal
    length along the gradient. A **lower bound** of the harm, as any search for the worst inputs: a
    better attack may do more. The derivative in θ is that at the inputs found (Danskin).

    Parameters
    ----------
    X : (m, p)
    y : (m,) or (m, k)
    radius : float
        r ≥ 0, Euclidean.
    steps : int
    movable : (p,) of bool, optional
        As of `WorstCaseLoss`.

    Raises
    ------
    ValueError
        Naming the argument, or, with the problem, `measurement`.

    References
    ----------
    Madry, Makelov, Schmidt, Tsipras, Vladu, "Towards deep learning models resistant to adversarial
    attacks", ICLR 2018.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> attacked = hm.reweighting.AdversarialLoss([[1.0], [2.0]], [0.0, 0.0], radius=1.0)
    >>> change = hm.predict(problem, hm.LeaveOneOut())  # from θ = 0.5 to 0
    >>> float(change.measured(attacked).round(12))  # as bad as the worst, which is known here
    -0.8125
    """

    steps: int = eqx.field(static=True)

    def __init__(
        self,
        X: ArrayInput,
        y: ArrayInput,
        radius: float,
        *,
        steps: int = 20,
        movable: ArrayInput | None = None,
    ):
        self._set(X, y, radius, movable)
        self.steps = integer("steps", steps)

    def __call__(self, problem, theta, rows, amounts):
        dtype = theta.dtype
        integral = jnp.issubdtype(self.y.dtype, jnp.integer)
        y = self.y if integral else self.y.astype(dtype)

        def loss(at, x, target):
            return problem.loss.value(problem.model(at, x), target)

        fixed, radius = jax.lax.stop_gradient(theta), self.radius.astype(dtype)

        def attacked(x, target):
            def ascend(_, moved):
                slope = jnp.where(self.movable, jax.grad(loss, 1)(fixed, x + moved, target), 0.0)
                step = 2.5 * radius / self.steps * slope / _size(slope)
                further = moved + step
                return further * jnp.minimum(1.0, radius / _size(further))

            moved = jax.lax.fori_loop(0, self.steps, ascend, jnp.zeros_like(x))
            # Where the ascent has found nothing worse, the input itself.
            worse = loss(fixed, x + moved, target) > loss(fixed, x, target)
            return jax.lax.stop_gradient(x + jnp.where(worse, moved, 0.0))

        inputs = jax.vmap(attacked)(self.X.astype(dtype), y)
        return jnp.mean(jax.vmap(lambda x, target: loss(theta, x, target))(inputs, y))


def _size(vector):
    return jnp.maximum(jnp.linalg.norm(vector), jnp.finfo(vector.dtype).tiny)


def _theta(problem):
    return jax.ShapeDtypeStruct((problem.dimension,), problem.X.dtype)


def _input(problem):
    return jax.ShapeDtypeStruct(problem.X.shape[1:], problem.X.dtype)
