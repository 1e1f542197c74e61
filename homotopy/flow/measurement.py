"""Which points a measurement depends on: one backward solve for all of them."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete
from homotopy.flow.adaptive import Adaptive
from homotopy.flow.exact import Exact
from homotopy.flow.method import AbstractMethod, Status, finite_status, require_success
from homotopy.flow.sensitivity import sensitivity
from homotopy.flow.trajectory import default_method
from homotopy.problem import Problem
from homotopy.schedules import Constant


class MeasurementSensitivity(eqx.Module):
    """The first-order change of m(θ(t)) on deletion of each point, −∂m(θ(t; w))/∂w_i at w = 1.

    Attributes
    ----------
    time : ()
    value : ()
        m(θ(t)).
    influence : (n,)
        What deleting point i from the beginning of training adds to m, to first order, as
        `influence_in_time` has it: positive where the point makes m smaller.
    status : Status
    """

    time: Float[Array, ""]
    value: Float[Array, ""]
    influence: Float[Array, " n"]
    status: Status


def measurement_sensitivity(
    problem: Problem,
    theta0: ArrayInput,
    time: ArrayLike,
    measurement: Callable,
    method: AbstractMethod | None = None,
    throw: bool = True,
) -> MeasurementSensitivity:
    """How a measurement of the model trained up to a time changes where any one point is deleted.

    To first order, −∂m/∂w_i. The transpose of `sensitivity`: one costate p for the measurement,
    ṗ = ∇²R p backwards from p(t) = ∇m(θ(t)), serves all n points, as ∂m/∂w_i = −∫ p·∇ℓ_i dt
    (theory §3, §4). Its cost does not grow with n more than that of the risk does.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta0 : (d,)
    time : float
        ≥ 0, from the beginning of training on all the data.
    measurement : callable
        m, from θ (d,) to a scalar: a loss on test data, a prediction, a parameter. Compiled once
        for each function.
    method : AbstractMethod, optional
        `Exact()` (the default for linear regression) or `Adaptive()`, whose `adjoint` is used.
    throw : bool
        Raise where the method does not succeed.

    Raises
    ------
    ValueError
        Naming `theta0`, `time`, or a `measurement` that is not a scalar.
    TypeError
        For a method in discrete time.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> late = hm.measurement_sensitivity(problem, [0.0], 60.0, lambda theta: 2.0 * theta[0])
    >>> [round(x, 6) for x in late.influence.tolist()]
    [0.5, -0.5]
    """
    theta0 = problem.parameters(theta0)
    known = concrete(time)
    if known is not None and not (known.ndim == 0 and np.isfinite(known) and known >= 0):
        raise ValueError(f"time: expected a finite time >= 0, got {time}.")
    if not callable(measurement):
        raise ValueError(f"measurement: expected a function of θ, got {measurement!r}.")
    if not isinstance(measurement, eqx.Module | jax.tree_util.Partial):
        measurement = jax.tree_util.Partial(measurement)
    shape = getattr(eqx.filter_eval_shape(measurement, theta0), "shape", None)
    if shape != ():
        raise ValueError(f"measurement: expected a scalar for θ of shape (d,), got shape {shape}.")
    method = default_method(problem) if method is None else method
    time = jnp.asarray(time, theta0.dtype)
    if isinstance(method, Exact):
        moved = sensitivity(problem, theta0, time[None], method=method, throw=throw)
        fit, status, _ = method.states(problem, Constant(1.0), theta0, time[None])
        value, slope = eqx.filter_value_and_grad(measurement)(fit[0])
        derivative = moved.derivative[0] @ slope
    elif isinstance(method, Adaptive):
        value, derivative, status = _adjoint(method, problem, theta0, time, measurement)
    else:
        raise TypeError(
            f"method: expected Exact() or Adaptive(), got {type(method).__name__}: sensitivities "
            "are defined along the gradient flow."
        )
    if throw:
        derivative = require_success(derivative, status)
    # Deletion is δw_i = −1.
    return MeasurementSensitivity(time, value, -derivative, status)


@eqx.filter_jit
def _adjoint(method, problem, theta0, time, measurement):
    def measured(weights):
        field = eqx.Partial(_weighted_descent, problem, weights)
        states, status, _ = method.integrate(field, Constant(1.0), theta0, time[None])
        return measurement(states[0]), finite_status(states, status)

    weights = jnp.ones(problem.size, theta0.dtype)
    (value, status), derivative = jax.value_and_grad(measured, has_aux=True)(weights)
    return value, derivative, status


def _weighted_descent(problem, weights, theta, epsilon):
    return -jax.grad(problem.weighted_risk)(theta, weights)
