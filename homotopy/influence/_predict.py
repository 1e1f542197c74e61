"""The verb `predict`: what deleting data does to a trained model, by any estimator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import ArrayInput, concrete, flag, instance
from homotopy._progress import checked_progress, counted
from homotopy._status import is_one_of
from homotopy.evidence import gradient_roundings
from homotopy.influence.change import Change, ChangeStatus, squeezed
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.least_squares import least_squares, regression_gradient
from homotopy.influence.refits import if_full_minimum
from homotopy.influence.weight_changes import weight_changes
from homotopy.linear import LinearRegression
from homotopy.models import LinearModel
from homotopy.point_gradients import gradient_norms
from homotopy.problem import Problem, a_problem
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers

_STATIONARY = 1e-6  # of Σ‖∇ℓ_i‖ + ρ‖θ‖: the gradient of what counts as trained to the end


def predict(
    problem: Problem,
    estimator: AbstractEstimator,
    theta: ArrayInput | None = None,
    *,
    points: ArrayInput | None = None,
    groups: ArrayInput | None = None,
    changes: ArrayInput | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[int], None] | None = None,
) -> Change:
    """θ(0) − θ(1), the change of the parameters on deletion, as an estimator predicts it.

    Every estimator predicts the same thing on the same scale with the same sign (theory §1, §2,
    §5). What is deleted is the problem's own deleted set, each of several points, each of several
    groups, or any change of the points' weights.

    Parameters
    ----------
    problem : Problem
        All its data count as trained on.
    estimator : AbstractEstimator
        `LeaveOneOut()` (the truth), `Influence(at)`, `NewtonStep()`, `Taylor(order)`,
        `PathIntegration()`, `GaussNewton(damping)`, `ProximalBregman(damping)`.
    theta : (d,), optional
        The trained parameters: θ(1), or an early-stopped θˢ. The full fit by default where the
        model is linear in θ; needed for others.
    points : int, sequence of int or (n,) of bool, optional
        Rows, each deleted on its own; a mask stands for the rows where it is true.
    groups : sequence of sequences of int, optional
        Sets of rows, or masks of them, each deleted together; one sequence of rows is one group.
    changes : (n,) or (k, n), optional
        Δw of every point; −1 is a deletion, +1 counts it twice.
    throw : bool
        Raise where a prediction did not succeed; otherwise the status says what happened, with the
        number that came out.
    devices : int or sequence of jax.Device, optional
        Changes are shared out over them, a part at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Changes are shared out over its processes. Either way each is computed by the same
        operations, in a batch of another size: results differ by roundings, and those of
        iterative solvers by as much as their tolerances allow.
    progress : bool or callable, optional
        Of estimators that retrain. By default a line shows how many changes are done, in a
        terminal or a notebook, after two seconds; True shows it always, False never. A callable is
        called with how many changes are done.

    Returns
    -------
    Change
        With a leading axis of the changes, but for the problem's own deleted set, one point, one
        group or one vector of changes. `KeyboardInterrupt` ends refits, once some are done: the
        others have Δ = 0 and the status `interrupted`.

    Raises
    ------
    TypeError
        Naming `problem`, `estimator`, `devices` or `client`.
    ValueError
        Naming `theta`, `points`, `groups`, `changes`, `devices` or `client`.
    RuntimeError
        With the status and the numbers that tell, where a prediction did not succeed: θ far from
        stationary, an indefinite Hessian, a solver or a refit that did not converge.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0], [1.0]], [0.0, 1.0, 2.0], deleted=2)
    >>> truth = hm.predict(problem, hm.LeaveOneOut(), points=[0, 1, 2])
    >>> first_order = hm.predict(problem, hm.Influence(), points=[0, 1, 2])
    >>> (first_order.delta / truth.delta)[:, 0].round(6).tolist()  # 1 − leverage
    [0.833333, 0.333333, 0.833333]
    >>> truth.measured(hm.OwnLoss()).shape
    (3,)
    """
    own = points is None and groups is None and changes is None
    a_problem(problem, rows=not own)
    instance(
        "estimator",
        estimator,
        AbstractEstimator,
        "one of LeaveOneOut(), Influence(), NewtonStep(), Taylor(order), PathIntegration(), "
        "GaussNewton(damping), ProximalBregman(damping)",
    )
    flag("throw", throw)
    checked_progress(progress, "the number of changes done")
    devices, client = checked_workers(devices, client)
    wanted = weight_changes(problem, points, groups, changes)
    if theta is None:
        if not isinstance(problem.model, LinearModel):
            raise ValueError(
                f"theta: expected the trained parameters, of length {problem.dimension}: a "
                f"{type(problem.model).__name__} has several fits, got None."
            )
        theta = _full_fit(problem)
    theta = problem.parameters(theta, "theta")
    norm, scale, stationary = stationarity(problem, theta)
    # What asks for layers first says whether there are any.
    if throw and estimator.assumes_stationary and not estimator.needs_layers:
        require_stationary(problem, theta, norm, scale, stationary)
    with counted(progress, wanted.count, "refitting") as report:
        if devices is None and client is None:
            delta, residual, status = estimator.estimate(problem, theta, wanted, report)
        else:
            part = functools.partial(_estimated, estimator, problem, theta, wanted)
            delta, residual, status = in_parts(part, wanted.count, devices, client, report)
    if estimator.assumes_stationary:
        status = if_full_minimum(problem, if_stationary(stationary, status), theta)
    change = Change(
        delta=delta,
        status=status,
        residual=residual,
        theta=theta,
        gradient_norm=norm,
        gradient_scale=scale,
        stationary=stationary,
        problem=problem,
        weight_changes=wanted,
    )
    if throw:
        require_success(status, residual, norm, scale)
    return squeezed(change)


def _estimated(estimator, problem, theta, wanted, places):
    """Of some of the changes."""
    return estimator.estimate(problem, theta, wanted.some(places), lambda done: None)


def _full_fit(problem: Problem) -> Float[Array, " d"]:
    """θ*: of a linear regression that has no spectra of its own from the factorisation too."""
    origin = jnp.zeros(problem.dimension, problem.X.dtype)
    exact = None if isinstance(problem, LinearRegression) else least_squares(problem, origin)
    return problem.full_fit() if exact is None else jnp.asarray(exact.undone, origin.dtype)


def stationarity(problem: Problem, theta: Float[Array, " d"]):
    """‖∇R(θ)‖, the sum of its terms' norms, and whether the first is zero beside the second.

    That is, at most 1e-6 of it, or what rounding leaves: where the model interpolates, the terms
    themselves are rounding.
    """
    known = regression_gradient(problem, theta)
    if known is None:
        return _stationarity(problem, theta)
    norm, scale, rounding = known
    stationary = norm <= _STATIONARY * scale + rounding
    return jnp.asarray(norm, theta.dtype), jnp.asarray(scale, theta.dtype), jnp.asarray(stationary)


@eqx.filter_jit
def _stationarity(problem, theta):
    norm = jnp.linalg.norm(problem.gradient(theta))
    scale = jnp.sum(gradient_norms(problem, theta)) + problem.ridge_force(theta)
    rounding = jnp.sum(gradient_roundings(problem, theta))
    return norm, scale, norm <= _STATIONARY * scale + rounding


@eqx.filter_jit
def if_stationary(stationary: Bool[Array, ""], status: ChangeStatus) -> ChangeStatus:
    """The status of each row, or `not_stationary` of all."""
    return jax.vmap(lambda one: ChangeStatus.where(stationary, one, ChangeStatus.not_stationary))(
        status
    )


def require_stationary(
    problem: Problem,
    theta: Float[Array, " d"],
    gradient_norm: Float[Array, ""],
    gradient_scale: Float[Array, ""],
    stationary: Bool[Array, ""],
) -> None:
    """A `RuntimeError` where θ is known not to be, before anything is computed that assumes it."""
    if concrete(stationary) is None or bool(stationary):
        return
    value = np.asarray(ChangeStatus.not_stationary._value)[None]
    status = eqx.tree_at(lambda one: one._value, ChangeStatus.not_stationary, value)
    told = if_full_minimum(problem, status, theta)
    status = jax.tree.map(lambda leaf: np.asarray(leaf[0]), told)
    raise RuntimeError(
        f"{ChangeStatus[status]} (‖∇R(theta)‖ = {float(gradient_norm):.3g}, its terms "
        f"{float(gradient_scale):.3g}). Pass throw=False for a number all the same."
    )


def require_success(
    status: ChangeStatus,
    residual: Float[Array, " k"],
    gradient_norm: Float[Array, ""],
    gradient_scale: Float[Array, ""],
) -> None:
    """A `RuntimeError` with the first status that is not success, where it is known."""
    known = concrete(is_one_of(status, ChangeStatus.successful))
    if known is None or np.all(known):
        return
    known = known | np.asarray(is_one_of(status, ChangeStatus.interrupted))  # as was asked for
    if np.all(known):
        return
    index = int(np.argmin(known))
    failed = int(known.size - known.sum())
    message = ChangeStatus[jax.tree.map(lambda leaf: leaf[index], status)]
    raise RuntimeError(
        f"{message} ({failed} of {known.size} predictions; residual "
        f"{float(residual[index]):.2g} of the first; ‖∇R(theta)‖ = {float(gradient_norm):.3g}, "
        f"its terms {float(gradient_scale):.3g}). Pass throw=False for what was computed."
    )
