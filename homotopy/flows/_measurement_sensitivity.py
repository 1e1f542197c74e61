"""Which points a measurement depends on: one backward solve for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, flag
from homotopy._checks import time as checked_time
from homotopy._display import Entries, largest
from homotopy._module import Module
from homotopy._result import Result, in_order, named
from homotopy._status import Reported, require_success
from homotopy._tables import Table
from homotopy.flows._flow import default_method, flow
from homotopy.flows._sensitivity import sensitivity
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.flows.method import (
    AbstractMethod,
    FlowStatus,
    a_method,
    finite_status,
)
from homotopy.measurements import AbstractMeasurement, OwnLoss, as_scalar_measurement
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class MeasurementSensitivity(Result, Reported, Module):
    """The first-order change of m(θ(t)) on deletion of each point, −∂m(θ(t; w))/∂w_i at w = 1.

    Attributes
    ----------
    time : ()
    value : ()
        m(θ(t)).
    influence : (n,)
        What deleting point i from the beginning of training adds to m, to first order, as
        `influence_in_time` has it: positive where the point makes m smaller.
    status : FlowStatus
    """

    time: Float[Array, ""]
    value: Float[Array, ""]
    influence: Float[Array, " n"]
    status: FlowStatus

    _axes = (("influence", 1), ("time", 0), ("value", 0))

    def _entries(self) -> Entries:
        yield "time", self.time
        yield "m(θ(t))", self.value
        yield "influence", largest(self.influence, self._names.row)
        yield "status", self.status

    def _table(self) -> Table:
        influence = np.asarray(self.influence)
        rows = self._names.rows_of(range(influence.size))
        index = [(self._names.row_heading, rows)]
        about = "change of the measurement on deletion, to first order, largest first"
        return Table([("influence", influence)], index, in_order(influence), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The influence of each point, with the names of the largest.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        influence = np.asarray(self.influence)
        rows = np.arange(influence.size)
        names = [self._names.row(row) for row in rows]
        label = "change on deletion (first order)"
        return draw_by_row(rows, influence, names, label, ax, **options)


def measurement_sensitivity(
    problem: Problem,
    theta0: ArrayInput,
    measurement: AbstractMeasurement | Callable,
    time: ArrayLike,
    *,
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
    measurement : AbstractMeasurement or callable
        m: `TestLoss(X, y)`, or a function from θ (d,) to a scalar, such as a prediction or a
        parameter. Compiled once for each function.
    time : float
        ≥ 0, from the beginning of training on all the data.
    method : AbstractMethod, optional
        `Exact()` (the default for linear regression) or `Adaptive()`, whose `adjoint` is used.
    throw : bool
        Raise where the method does not succeed.

    Raises
    ------
    ValueError
        Naming `theta0`, `time`, or a `measurement` that is not a scalar, or one for each point, as
        `OwnLoss` is.
    TypeError
        Naming `problem`, `measurement` or `method`, which must not be one in discrete time.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> late = hm.flows.measurement_sensitivity(problem, [0.0], lambda theta: 2.0 * theta[0], 60.0)
    >>> [round(x, 6) for x in late.influence.tolist()]
    [0.5, -0.5]
    """
    theta0 = a_problem(problem).parameters(theta0)
    checked_time("time", time, traceable=True)
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected one that is the same for all points, got OwnLoss(); "
            "influence_in_time takes it."
        )
    measurement = as_scalar_measurement(measurement, problem)
    flag("throw", throw)
    method = default_method(problem) if method is None else a_method(method)
    none = jnp.zeros(1, int), jnp.zeros(1, theta0.dtype)
    measure = eqx.Partial(_measured, measurement, problem, none)
    time = jnp.asarray(time, theta0.dtype)
    if isinstance(method, Exact):
        moved = sensitivity(problem, theta0, time[None], method=method, throw=throw)
        along = problem, Constant(1.0), theta0, time[None]
        path = flow(*along, method=method, throw=throw, progress=False)
        value, slope = _value_and_slope(measure, path.theta[0])
        derivative, status = moved.derivative[0] @ slope, path.status
    elif isinstance(method, Adaptive):
        value, derivative, status = _adjoint(method, problem, theta0, time, measure)
    else:
        raise TypeError(
            f"method: expected Exact() or Adaptive(), got {type(method).__name__}: sensitivities "
            "are defined along the gradient flow."
        )
    if throw:
        derivative = require_success(derivative, status)
    # Deletion is δw_i = −1.
    return named(MeasurementSensitivity(time, value, -derivative, status), problem)


def _measured(measurement, problem, change, theta):
    return measurement(problem, theta, *change)


@eqx.filter_jit
def _value_and_slope(measure, theta):
    return jax.value_and_grad(measure)(theta)


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
