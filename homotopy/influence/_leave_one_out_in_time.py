"""The truth beside influence in training time: training once more without each point."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag, row_numbers
from homotopy._progress import clock
from homotopy._result import named
from homotopy._status import require_success
from homotopy.flows._flow import flow
from homotopy.flows.method import AbstractMethod, FlowStatus
from homotopy.influence._influence_in_time import (
    InfluenceInTime,
    InfluenceInTimeStatus,
)
from homotopy.influence.dependence import checked_dependence, of_deletion
from homotopy.measurements import as_measurement
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant
from homotopy.sweeps.workers import checked_workers, mapped


def leave_one_out_in_time(
    problem: Problem,
    theta0: ArrayInput,
    measurement,
    times: ArrayInput,
    *,
    points: ArrayInput | None = None,
    method: AbstractMethod | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> InfluenceInTime:
    """What `influence_in_time` estimates: the change of a measurement when each point is left out.

    m(θ₋ⱼ(t)) − m(θ(t)), θ₋ⱼ the flow from the same start without point j: one flow a point.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta0 : (d,)
    measurement
        As of `influence_in_time`.
    times : (m,)
        Ascending, ≥ 0.
    points : int or sequence of int, optional
        Row numbers; all n by default.
    method : AbstractMethod, optional
        Of `flow`.
    throw : bool
        Raise where the method does not succeed.
    devices : int or sequence of jax.Device, optional
        Points are shared out over them, one at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Points are shared out over its processes. Either way the same flows are followed.
    progress : bool, optional
        By default a line shows the time that it has taken after two seconds; True shows it always,
        False never.

    Returns
    -------
    InfluenceInTime
        Whose `influence` is the change itself.

    Raises
    ------
    ValueError
        Naming `theta0`, `times`, `points`, `devices`, `client`, or a `measurement` that does not
        fit the problem.
    TypeError
        Naming `problem`, `method`, `devices`, `client` or `measurement`.
    RuntimeError
        With the status, where `throw`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> truth = hm.influence.leave_one_out_in_time(problem, [2.0], lambda theta: theta[0], [60.0])
    >>> truth.influence.round(3).tolist()
    [[0.5, -0.5]]
    """
    theta0 = a_problem(problem).parameters(theta0)
    flag("throw", throw)
    measurement = as_measurement(measurement, problem)
    by_point = checked_dependence(measurement, problem, theta0)
    rows = (
        np.arange(problem.size) if points is None else row_numbers("points", points, problem.size)
    )
    devices, client = checked_workers(devices, client)
    others = []
    with clock(progress, "retraining") as monitor:
        whole = flow(
            problem, Constant(1.0), theta0, times, method=method, throw=throw, progress=False
        )
        without = functools.partial(_without, problem, theta0, times, method, throw)
        for one in mapped(without, rows.tolist(), devices, client):
            others.append(one)
            monitor.report(len(others), len(rows), math.nan)
    status = whole.status
    for _, ended in others:
        status = FlowStatus.where(ended == FlowStatus.successful, status, ended)
    apart = jnp.asarray(np.stack([theta for theta, _ in others], axis=1))
    change, value = _changes(measurement, problem, by_point, whole.theta, apart, jnp.asarray(rows))
    status = InfluenceInTimeStatus.promote(status)
    finite = jnp.all(jnp.isfinite(change)) & jnp.all(jnp.isfinite(value))
    failed = (status == InfluenceInTimeStatus.successful) & ~finite
    status = InfluenceInTimeStatus.where(failed, InfluenceInTimeStatus.not_finite, status)
    if throw:
        change = require_success(change, status)
    found = InfluenceInTime(whole.times, jnp.asarray(rows), change, whole.theta, value, status)
    return named(found, problem)


def _without(problem, theta0, times, method, throw, row):
    """θ₋ⱼ at the times, and how the flow ended."""
    options = {"method": method, "throw": throw, "progress": False}
    found = flow(problem.deleting(row), Constant(0.0), theta0, times, **options)
    return np.asarray(found.theta), jax.tree.map(np.asarray, found.status)


@eqx.filter_jit
def _changes(measurement, problem, by_point, path, apart, rows):
    def at(each):
        theta, without = each

        def of_point(row, other):
            measure = of_deletion(measurement, problem, row)
            now = measure(theta)
            return measure(other) - now, now

        return jax.vmap(of_point, out_axes=(0, 0 if by_point else None))(rows, without)

    return jax.lax.map(at, (path, apart))
