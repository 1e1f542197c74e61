"""The verb `response`: θ(ε) of any problem, by a method."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, concrete, flag, instance
from homotopy._progress import clock
from homotopy._result import named
from homotopy.flows._train import TrainingStatus
from homotopy.flows.arguments import checked_epsilons
from homotopy.linear import LinearRegression
from homotopy.models import LinearModel
from homotopy.problem import Problem, a_problem
from homotopy.responses.closed_form import ClosedForm
from homotopy.responses.continuation import Continuation
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, ResponseStatus
from homotopy.seen_directions import seen_directions
from homotopy.sweeps.workers import checked_workers


def response(
    problem: Problem,
    epsilons: ArrayInput,
    theta0: ArrayInput | None = None,
    *,
    method: AbstractResponse | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> ResponsePath:
    """θ(ε): the local minimum of R_ε as a function of the deleted points' weight (theory §2).

    Parameters
    ----------
    problem : Problem
    epsilons : (k,)
        In [0, 1].
    theta0 : (d,), optional
        Where training starts, at ε = 1 for `Continuation` and at each ε for `FlowLimits`. Zeros by
        default for linear models, needed for others. For models affine in θ it matters only where
        the Hessian is singular: θ(ε) is then the limit of the gradient flow from θ₀ (from zeros,
        of least norm), and `minimum` is False, as it is not a strict one.
    method : AbstractResponse, optional
        `ClosedForm()` by default for a `LinearRegression`, `Continuation()` otherwise;
        `FlowLimits()` trains at each ε from scratch.
    throw : bool
        Raise where no minimum was reached at some ε; otherwise θ is NaN there, and the status
        says why. Folds and jumps do not raise: they are answers. Nor does a θ(ε) that diverges as
        ε → 0, as of classes that can be separated without the deleted points, where only ε > 0 are
        asked for: `ends` has a NaN for θ(0).
    devices : int or sequence of jax.Device, optional
        Weights are shared out over them, a part at a time on each. `Continuation` follows the
        branch here, one step after another, and shares out the weights asked for, each of which is
        solved from there; `FlowLimits` trains each where there is room.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Weights are shared out over its processes. Either way results differ by roundings, and those
        of `FlowLimits` by as much as its tolerance allows.
    progress : bool, optional
        As of `train`.

    Raises
    ------
    TypeError
        Naming `problem`, `method`, `devices` or `client`; for `ClosedForm` of a problem that is
        not a `LinearRegression`.
    ValueError
        Naming `epsilons`, `theta0`, `devices` or `client`.
    RuntimeError
        With the status, where no minimum was reached at some ε.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.response(problem, [0.0, 1.0])
    >>> path.theta[:, 0].tolist(), path.velocity[:, 0].tolist()
    ([0.0, 0.5], [1.0, 0.25])

    A perceptron, whose risk needs a ridge for a minimum to exist:

    >>> problem = hm.Problem(
    ...     hm.mlp([1, 2, 1]), hm.SquaredError(), [[-1.0], [0.5], [1.0]], [0.0, 1.0, 0.5],
    ...     deleted=2, ridge=0.1,
    ... )
    >>> path = hm.response(problem, [0.0, 0.5, 1.0], [1.0, -1.0, 0.5, 0.0, 1.0, 0.5, 0.0])
    >>> path.theta.shape, bool(path.minimum.all())
    ((3, 7), True)
    """
    linear = isinstance(a_problem(problem, rows=False), LinearRegression)
    flag("throw", throw)
    if method is not None:
        instance("method", method, AbstractResponse, "ClosedForm(), Continuation() or FlowLimits()")
    devices, client = checked_workers(devices, client)
    epsilons = checked_epsilons(epsilons, problem.X.dtype)
    if method is None:
        method = ClosedForm() if linear else Continuation()
    if theta0 is None:
        if not linear and not isinstance(problem.model, LinearModel):
            raise ValueError(
                f"theta0: a {type(problem.model).__name__} has several minima; expected the "
                f"vector of length {problem.dimension} where training starts, got None."
            )
        theta0 = jnp.zeros(problem.dimension, problem.X.dtype)
    start = problem.parameters(theta0)
    basis = None if isinstance(method, ClosedForm) else seen_directions(problem)
    with clock(progress, "following θ(ε)"):
        if basis is None:
            path = _path(method, problem, epsilons, start, devices, client)
        else:
            seen, z = problem.along(basis, start)
            path = _path(method, seen, epsilons, z, devices, client)
    if throw and not isinstance(method, ClosedForm):
        _require_minima(path)
    path = path if basis is None else _unfolded(path, basis, start - basis @ z)
    for branch in path.branches:
        named(branch, problem)
    return named(path, problem)


def _path(method, problem, epsilons, start, devices, client) -> ResponsePath:
    if devices is None and client is None:
        return method.path(problem, epsilons, start)
    return method.path_over(problem, epsilons, start, devices, client)


def _unfolded(path: ResponsePath, basis, centre) -> ResponsePath:
    """θ = c + Qz of a path of z, along which the Hessian is singular in what no point sees."""

    def lifted(tree, points, directions=()):
        fields = {name: getattr(tree, name) @ basis.T for name in (*points, *directions)}
        for name in points:
            fields[name] = fields[name] + jnp.broadcast_to(centre, fields[name].shape)
        return dataclasses.replace(tree, **fields)

    def trained(training):
        return None if training is None else lifted(training, ("theta", "flow_theta"))

    path = lifted(path, ("theta", "ends"), ("velocity", "acceleration", "end_velocities"))
    events = (lifted(event, ("theta",), ("direction",)) for event in path.events)
    return dataclasses.replace(
        path,
        smallest_eigenvalue=jnp.minimum(path.smallest_eigenvalue, 0.0),
        minimum=jnp.zeros_like(path.minimum),
        branches=tuple(lifted(one, ("theta",), ("theta_tangent",)) for one in path.branches),
        events=tuple(
            dataclasses.replace(event, landing=trained(event.landing)) for event in events
        ),
        training=trained(path.training),
    )


def _require_minima(path: ResponsePath) -> None:
    """A `RuntimeError` with the status, and where, if some θ(ε) was not reached."""
    if bool(path.successful):
        return
    missing = np.asarray(path.epsilons)[~concrete(path.minimum)]
    diverges = bool(path.status == ResponseStatus.diverges)
    if diverges and not missing.size:
        return
    where = ""
    if diverges:
        pass  # that says it
    elif path.events and path.events[-1].landing is not None:
        event = path.events[-1]
        ended = TrainingStatus[event.landing.status]
        where = f" (the last at ε = {float(event.epsilon):.6g}; from there: {ended})"
    elif path.branches:
        where = f" (ε = {float(path.branches[-1].epsilons[-1]):.6g} was reached)"
    elif path.training is not None:
        where = f" ({_failure(path.training.status)})"
    at = f"; no minimum at {missing.size} of {path.epsilons.size} epsilons" if missing.size else ""
    raise RuntimeError(
        f"{ResponseStatus[path.status]}{where}{at}. Pass throw=False for what was reached."
    )


def _failure(status: TrainingStatus) -> str:
    """What training said, the first time that it reached no minimum."""
    failed = np.atleast_1d(np.asarray(status != TrainingStatus.successful))
    first = int(np.argmax(failed))
    return TrainingStatus[jax.tree.map(lambda leaf: np.asarray(np.atleast_1d(leaf)[first]), status)]
