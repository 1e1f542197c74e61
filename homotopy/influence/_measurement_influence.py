"""Which points a measurement of a trained model depends on: one solve an output, for all points."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, flag
from homotopy._display import Entries, largest, number
from homotopy._jit import filter_jit_numbers
from homotopy._module import Module
from homotopy._result import Result, in_order, named
from homotopy._status import Reported
from homotopy._tables import Table
from homotopy._wording import described
from homotopy.influence._predict import (
    if_stationary,
    require_stationary,
    require_success,
    stationarity,
)
from homotopy.influence.change import ChangeStatus, from_product
from homotopy.influence.curvature import GaussNewtonCurvature, HessianCurvature
from homotopy.influence.estimators import GaussNewton, Influence
from homotopy.influence.layered_products import LayeredProducts
from homotopy.influence.refits import if_full_minimum
from homotopy.measurements import AbstractMeasurement, OwnLoss, as_measurement
from homotopy.problem import Problem, a_problem
from homotopy.seen_directions import seen_directions
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERS = 2**26  # in the gradients of outputs that are solved for together
_FEWEST = 64  # outputs whose solves draw on each other: a worker is not given fewer


class MeasurementInfluence(Result, Reported, Module):
    """The first-order change of a measurement on deletion of each point.

    Attributes
    ----------
    change : (n, *m)
        ∇m·Δ_i: what leaving out point i adds to m.
    value : (*m)
        m(θ).
    residual : (*m)
        Of each inverse-Hessian product, relative.
    status : ChangeStatus
        Of each output, flat.
    """

    change: Float[Array, "n ..."]
    value: Float[Array, ...]
    residual: Float[Array, ...]
    status: ChangeStatus

    # The statuses of one result are flat, whatever the shape of the measurement.
    _axes = (("change", None), ("status", 1))

    def _sizes(self) -> np.ndarray:
        """|∇m·Δ_i|, over the outputs."""
        change = np.asarray(self.change)
        return np.linalg.norm(change.reshape(len(change), -1), axis=1)

    def _entries(self) -> Entries:
        change = np.asarray(self.change)
        single = change.size == len(change)
        yield "m(θ)", self.value
        yield (
            "change" if single else "‖change‖",
            largest(change if single else self._sizes(), self._names.row),
        )
        yield "residual", f"at most {number(np.max(np.asarray(self.residual)), 2)}"
        yield "status", self.status

    def _table(self) -> Table:
        change = np.asarray(self.change)
        outputs = [str(list(place)).strip("[]") for place in np.ndindex(change.shape[1:])]
        names = ["change" if not name else f"change of output {name}" for name in outputs]
        columns = list(zip(names, change.reshape(len(change), -1).T, strict=True))
        index = [(self._names.row_heading, self._names.rows_of(range(len(change))))]
        about = "change of the measurement on deletion, to first order, largest first"
        return Table(columns, index, in_order(self._sizes()), about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The change on deletion of each point, with the names of the largest; its size over all
        outputs, where they are several.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        change, rows = np.asarray(self.change), np.arange(len(self.change))
        single = change.size == len(change)
        values = change.reshape(-1) if single else self._sizes()
        label = "change on deletion (first order)"
        names = [self._names.row(row) for row in rows]
        return draw_by_row(rows, values, names, label if single else f"‖{label}‖", ax, **options)


def measurement_influence(
    problem: Problem,
    estimator: Influence | GaussNewton,
    theta: ArrayInput,
    measurement,
    *,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
) -> MeasurementInfluence:
    """How a measurement changes, to first order, where any one point is deleted.

    The transpose of `predict(...).linearised(measurement)`: C⁻¹∇m is computed once for each output
    of the measurement, and its product with ∇ℓ_i by one forward derivative of all losses. For few
    outputs and many points it is the way to go; no (n, d) array is made.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    estimator : Influence or GaussNewton
        `Influence()` at ε = 1, or `GaussNewton(damping)`, with its solver.
    theta : (d,)
    measurement
        As of `Change.measured`, but `OwnLoss()`, which is another one for every point.
    throw : bool
        Raise where a product did not succeed.
    devices : int or sequence of jax.Device, optional
        Outputs of the measurement are shared out over them, at least 64 at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Outputs are shared out over its processes. Either way results differ by roundings, and
        those of iterative solvers by as much as their tolerances allow.

    Raises
    ------
    ValueError, TypeError
        Naming `theta`, `estimator`, `measurement`, `devices` or `client`.
    RuntimeError
        With the status, as of `predict`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> on_prediction = hm.measurement_influence(
    ...     problem, hm.Influence(), [0.5], hm.Predictions([[2.0]])
    ... )
    >>> on_prediction.change.tolist()
    [[0.5], [-0.5]]
    """
    a_problem(problem)
    known = isinstance(estimator, GaussNewton | Influence)
    if not known or getattr(estimator, "at", 1.0) != 1.0:
        raise TypeError(
            "estimator: expected Influence() at ε = 1 or GaussNewton(damping), got "
            f"{described(estimator)}."
        )
    flag("throw", throw)
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected one that is the same for all points, got OwnLoss(); "
            "predict(...).linearised takes it."
        )
    theta = problem.parameters(theta, "theta")
    measurement = as_measurement(measurement, problem)
    devices, client = checked_workers(devices, client)
    norm, scale, stationary = stationarity(problem, theta)
    if throw and estimator.assumes_stationary and not estimator.needs_layers:
        require_stationary(problem, theta, norm, scale, stationary)
    basis = None if estimator.needs_layers else seen_directions(problem)
    asked = problem, estimator, theta, measurement
    if basis is not None:
        seen, z = problem.along(basis, theta)
        along = _Along(measurement, problem, theta - basis @ z, basis)
        asked = seen, estimator.along(problem, basis, theta)[0], z, along
    if devices is None and client is None:
        value, change, residual, status = _transposed(*asked, None)
    else:
        value = _value(problem, theta, measurement)
        part = functools.partial(_some, asked)
        found = in_parts(part, value.size, devices, client, fewest=_FEWEST)
        change, residual, status = found
    if estimator.assumes_stationary:
        status = if_full_minimum(problem, if_stationary(stationary, status), theta)
    if throw:
        require_success(status, residual, norm, scale)
    shape = value.shape
    change = change.T.reshape(problem.size, *shape)
    return named(MeasurementInfluence(change, value, residual.reshape(shape), status), problem)


class _Along(AbstractMeasurement):
    """A measurement of θ = c + Qz, as a function of z."""

    measurement: AbstractMeasurement
    problem: Problem
    centre: Float[Array, " d"]
    basis: Float[Array, "d r"]

    def __call__(self, problem, theta, rows, amounts):
        return self.measurement(self.problem, self.centre + self.basis @ theta, rows, amounts)


def _some(asked, outputs):
    """Of some of the outputs, with a leading axis of them."""
    return _transposed(*asked, outputs)[1:]


@eqx.filter_jit
def _value(problem, theta, measurement):
    return measurement(problem, theta, jnp.zeros(1, int), jnp.zeros(1, theta.dtype))


@filter_jit_numbers
def _transposed(problem, estimator, theta, measurement, outputs):
    """m(θ), and of some outputs, or all: what each point does, the residual and the status."""
    none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)

    def flat(at):
        value = measurement(problem, at, *none)
        return jnp.ravel(value), value

    value, pullback, measured = jax.vjp(flat, theta, has_aux=True)
    kind = GaussNewtonCurvature if isinstance(estimator, GaussNewton) else HessianCurvature
    weights = jnp.ones(problem.size, theta.dtype)
    curvature = kind(problem, theta, weights, jnp.asarray(estimator.damping, theta.dtype))
    # Of some outputs at a time, as many as a solver takes together: (m, d) is not made for all.
    outputs = jnp.arange(value.size) if outputs is None else outputs
    count = outputs.size
    size = min(count, max(1, _NUMBERS // problem.dimension))
    blocks = math.ceil(count / size)
    size = math.ceil(count / blocks)

    def one(outputs):
        chosen = jax.vmap(lambda output: jnp.zeros_like(value).at[output].set(1.0))(outputs)
        (slopes,) = jax.vmap(pullback)(chosen)
        # Of outputs that only fill up the last block.
        slopes = jnp.where((outputs >= 0)[:, None], slopes, 0.0)
        product = estimator.solver.solve(curvature, slopes)
        minus, residual, status = from_product(product)
        return _loss_changes(curvature, -minus), residual, status

    outputs = jnp.pad(outputs, (0, blocks * size - count), constant_values=-1)
    outputs = outputs.reshape(blocks, size)
    if blocks == 1:
        change, residual, status = one(outputs[0])
    else:
        found = jax.lax.map(one, outputs)
        change, residual, status = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], found
        )
    return measured, change, residual, status


def _loss_changes(curvature, vectors):
    """∇ℓ_i·v of each row v and each point, without the gradients."""
    prepared = curvature.prepared()
    if isinstance(prepared, LayeredProducts):
        return prepared.loss_changes(vectors)
    _, along = jax.linearize(curvature.problem.losses, curvature.theta)
    return jax.lax.map(along, vectors, batch_size=16)
