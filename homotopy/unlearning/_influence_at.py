"""What each point does to a training run at chosen steps: the derivative of its steps."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag, integer, row_numbers, sequence
from homotopy._result import named
from homotopy._status import require_success
from homotopy.influence import InfluenceInTime, InfluenceInTimeStatus
from homotopy.influence._influence_in_time import checked_dependence
from homotopy.measurements import as_measurement
from homotopy.models import LinearModel
from homotopy.numerics.namespace import all_finite
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers, mapped
from homotopy.unlearning._training_run import TrainingRun, a_run
from homotopy.unlearning.steps import batches_of, weighted_gradient
from homotopy.unlearning.training_methods import ProjectedSGD

_PART = 256  # steps that are followed, and gone back, together


def influence_at(
    run: TrainingRun,
    steps: ArrayInput | int,
    measurement=None,
    *,
    points: ArrayInput | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
) -> InfluenceInTime:
    """The change of θ_k, or of a measurement of it, on deletion of each point from a training run.

    To first order, and exact for the run as it was made, steps, batches and projections included:
    θ_{k+1} = Π(θ_k − η_k g_k) has the derivative S ← DΠ[(1 − η_k∇²R_k)S − η_k c_j∇ℓ_j(θ_k)] in the
    weight of point j, which stands c_j times in the batch, and the change on deletion is −∇m·S
    (theory §11.1). The influence at the end is one of them; before it a point may help and harm in
    turn [1]_. Deletion leaves the point's slots in batches empty, as retraining in `unlearn` does.

    Forwards for few points or many outputs, back through the run (one pass for each step and
    output, all points at once) otherwise: the same numbers. Runs outside `jax.jit`.

    Parameters
    ----------
    run : TrainingRun
        Of `training_run`, by full or stochastic gradient descent, of any problem.
    steps : int or sequence of int
        k, from 0 to the steps made; they need no checkpoints.
    measurement : optional
        `OwnLoss()`, `TestLoss(X, y)`, `Predictions(X)`, or a function of θ (d,) that returns an
        array; θ itself by default.
    points : int or sequence of int, optional
        Row numbers; all n by default.
    throw : bool
        Raise where a number is not finite.
    devices : int or sequence of jax.Device, optional
        Points are shared out over them, a part at a time on each; back through the run, steps.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Points, or steps, are shared out over its processes. Either way results differ by roundings.

    Returns
    -------
    InfluenceInTime
        Whose `times` are the steps, ascending.

    Raises
    ------
    TypeError
        Naming `run`, `measurement`, `devices` or `client`.
    ValueError
        Naming `steps`, `points`, `measurement`, `devices` or `client`.
    RuntimeError
        With the status, where `throw`.

    References
    ----------
    .. [1] Lee, Smith, Adam, Hoogland, "Influence dynamics and stagewise data attribution", 2025.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [2.0], 8, hm.GradientDescent(0.25))
    >>> found = hm.influence_at(run, [1, 8])  # the model learns 0 and 1, coming from 2
    >>> found.influence[:, :, 0].round(3).tolist()
    [[0.5, 0.25], [0.272, -0.226]]
    """
    problem = a_run(run).problem
    given = [steps] if isinstance(steps, int | np.integer) else sequence("steps", steps, "steps")
    known = sorted({integer("steps", step, 0, run.steps) for step in given})
    if not known:
        raise ValueError("steps: expected at least one number of steps, got none.")
    flag("throw", throw)
    rows = (
        np.arange(problem.size) if points is None else row_numbers("points", points, problem.size)
    )
    measured = _itself if measurement is None else as_measurement(measurement, problem)
    path = _path(run, known[-1])
    theta = jnp.stack([path[step] if step in path else _at(run, path, step) for step in known])
    depends = checked_dependence(measured, problem, theta[0])
    shape = jax.eval_shape(lambda one: _value(measured, problem, one, rows[0]), theta[0])
    outputs = int(np.prod(shape.shape)) if shape.shape else 1
    backwards = len(known) * outputs * 2 < rows.size and not depends
    devices, client = checked_workers(devices, client)
    if backwards:
        back = functools.partial(_back, run, path, measured, rows, shape.shape)
        found = mapped(back, zip(known, theta, strict=True), devices, client)
        influence = jnp.asarray(np.stack([np.asarray(one) for one in found]))
    elif devices is None and client is None:
        influence = _forth(run, path, known, measured, rows)
    else:
        forth = functools.partial(_some_forth, run, path, known, measured, rows)
        influence = jnp.moveaxis(in_parts(forth, rows.size, devices, client), 0, 1)
    value = _values(measured, problem, theta, rows, depends)
    finite = all_finite(influence, value)
    status = InfluenceInTimeStatus.successful if finite else InfluenceInTimeStatus.not_finite
    if throw:
        influence = require_success(influence, status)
    found = InfluenceInTime(
        jnp.asarray(known, theta.dtype), jnp.asarray(rows), influence, theta, value, status
    )
    return named(found, problem)


def _itself(problem, theta, points, amounts):
    return theta


def _value(measured, problem, theta, point):
    """The measurement once a point is deleted: those of the point's own loss depend on it."""
    amounts = -jnp.ones(1, theta.dtype)
    return measured(problem, theta, jnp.asarray(point)[None], amounts)


# The steps --------------------------------------------------------------------------------------


def _parts(run: TrainingRun, first: int, last: int):
    """(first, η, batches) of parts of `_PART` steps, η = 0 where nothing is done."""
    method = run.method
    for begin in range(first, last, _PART):
        end = min(begin + _PART, last)
        sizes = np.zeros(_PART)
        sizes[: end - begin] = method.sizes(begin, end)
        batches = None
        if isinstance(method, ProjectedSGD):
            batches = np.zeros((_PART, method.batch_size), int)
            batches[: end - begin] = batches_of(method, run.problem.size, begin, end)
            batches = jnp.asarray(batches)
        yield begin, jnp.asarray(sizes, run.theta.dtype), batches


def _follow(problem, radius, sizes, batches, theta, weights):
    """θ after the steps, differentiable in θ and in the weights."""
    linear = isinstance(problem.model, LinearModel)
    scale = 1.0 if batches is None else problem.size / batches.shape[1]

    def step(theta, here):
        eta, rows = here
        used = weights if rows is None else weights[rows]
        gradient = weighted_gradient(problem, theta, rows, used, linear)
        moved = theta - eta * (scale * gradient + problem.ridge * theta)
        if radius is not None:
            square = moved @ moved
            outside = square > radius**2
            # The root of what is safe: at 0 it has no derivative.
            moved *= jnp.where(outside, radius / jnp.sqrt(jnp.where(outside, square, 1.0)), 1.0)
        return moved, None

    return jax.lax.scan(step, theta, (sizes, batches))[0]


def _radius(run):
    return float(run.method.radius) if np.isfinite(run.method.radius) else None


def _ones(run):
    return jnp.ones(run.problem.size, run.theta.dtype)


@eqx.filter_jit
def _followed(problem, radius, sizes, batches, theta, weights):
    return _follow(problem, radius, sizes, batches, theta, weights)


def _path(run, last):
    """θ at the multiples of `_PART` below the last step asked for."""
    path, theta = {0: run.theta0}, run.theta0
    for begin, sizes, batches in _parts(run, 0, last):
        theta = _followed(run.problem, _radius(run), sizes, batches, theta, _ones(run))
        path[min(begin + _PART, last)] = theta
    return path


def _at(run, path, step):
    """θ after a step between two of the path."""
    begin = step // _PART * _PART
    ((_, sizes, batches),) = _parts(run, begin, step)
    return _followed(run.problem, _radius(run), sizes, batches, path[begin], _ones(run))


# Forwards ----------------------------------------------------------------------------------------


def _forth(run, path, known, measured, rows):
    theta = run.theta0
    tangents = jnp.zeros((rows.size, theta.size), theta.dtype)
    at, found = 0, []
    for stop in known:
        while at < stop:
            end = min(stop, at // _PART * _PART + _PART)
            ((_, sizes, batches),) = _parts(run, at, end)
            theta, tangents = _pushed(
                run.problem, _radius(run), sizes, batches, theta, tangents, jnp.asarray(rows)
            )
            at = end
        found.append(_measured_change(run.problem, measured, theta, tangents, jnp.asarray(rows)))
    return jnp.stack(found)


def _some_forth(run, path, known, measured, rows, places):
    """Of the points at some places, with a leading axis of them."""
    return jnp.moveaxis(_forth(run, path, known, measured, rows[places]), 1, 0)


@eqx.filter_jit
def _pushed(problem, radius, sizes, batches, theta, tangents, rows):
    weights = jnp.ones(problem.size, theta.dtype)

    def follow(theta, weights):
        return _follow(problem, radius, sizes, batches, theta, weights)

    def one(tangent, row):
        along = jnp.zeros_like(weights).at[row].set(1.0)
        return jax.jvp(follow, (theta, weights), (tangent, along))

    return jax.vmap(one, out_axes=(None, 0))(tangents, rows)


@eqx.filter_jit
def _measured_change(problem, measured, theta, tangents, rows):
    def one(tangent, row):
        return jax.jvp(lambda t: _value(measured, problem, t, row), (theta,), (-tangent,))[1]

    return jax.vmap(one)(tangents, rows)


# Backwards ---------------------------------------------------------------------------------------


def _back(run, path, measured, rows, shape, at):
    """Of all points, from one number of steps and θ there."""
    end, theta = at
    pulled = _gradients(run.problem, measured, theta, rows[0])
    total = jnp.zeros((pulled.shape[0], run.problem.size), theta.dtype)
    while end > 0:
        begin = (end - 1) // _PART * _PART
        ((_, sizes, batches),) = _parts(run, begin, end)
        pulled, part = _pulled(run.problem, _radius(run), sizes, batches, path[begin], pulled)
        total, end = total + part, begin
    return -total[:, rows].T.reshape(rows.size, *shape)


@eqx.filter_jit
def _gradients(problem, measured, theta, row):
    jacobian = jax.jacrev(lambda one: _value(measured, problem, one, row))(theta)
    return jacobian.reshape(-1, theta.size)


@eqx.filter_jit
def _pulled(problem, radius, sizes, batches, theta, covectors):
    weights = jnp.ones(problem.size, theta.dtype)

    def follow(theta, weights):
        return _follow(problem, radius, sizes, batches, theta, weights)

    return jax.vmap(jax.vjp(follow, theta, weights)[1])(covectors)


@eqx.filter_jit
def _values(measured, problem, theta, rows, depends):
    if not depends:
        return jax.vmap(lambda one: _value(measured, problem, one, rows[0]))(theta)
    each = jax.vmap(lambda one, row: _value(measured, problem, one, row), in_axes=(None, 0))
    return jax.vmap(each, in_axes=(0, None))(theta, jnp.asarray(rows))
