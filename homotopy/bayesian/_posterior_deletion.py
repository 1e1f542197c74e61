"""The verb `posterior_deletion`: the whole change of a posterior expectation on deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag, instance
from homotopy._progress import Monitor, Progress
from homotopy._result import named
from homotopy.bayesian.deletion_method import AbstractDeletionMethod, DeletionStatus, Wanted
from homotopy.bayesian.deletion_result import PosteriorDeletion
from homotopy.bayesian.gaussian import gaussian_posterior, measured_shape
from homotopy.bayesian.posterior import LocalPosterior, Target, target_of
from homotopy.bayesian.thermodynamic_integration import ThermodynamicIntegration
from homotopy.influence.diagnostics.inputs import is_linear_regression
from homotopy.influence.weight_changes import WeightChanges, weight_changes
from homotopy.measurements import AbstractMeasurement, OwnLoss, as_measurement
from homotopy.problem import Problem, a_problem
from homotopy.sweeps.workers import checked_workers

POSTERIOR, METHOD = LocalPosterior(), ThermodynamicIntegration()


def posterior_deletion(
    problem: Problem,
    theta: ArrayInput,
    measurement: AbstractMeasurement | Callable,
    posterior: LocalPosterior = POSTERIOR,
    *,
    points: ArrayInput | None = None,
    groups: ArrayInput | None = None,
    changes: ArrayInput | None = None,
    method: AbstractDeletionMethod = METHOD,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], object] | None = None,
) -> PosteriorDeletion:
    """E φ without points minus E φ with them, under the local posterior: the whole change.

    `bayesian_influence` is its first order. Three ways lead to it, which agree where each applies
    (theory §10.5): an integral of β Cov(ℓⱼ, φ) along the weight, weights of the draws with all
    points, and the series in the weight.

    Parameters
    ----------
    problem : Problem
    theta : (d,)
        θ_ref, which stays where it is.
    measurement : AbstractMeasurement or callable
        φ, as of `bayesian_influence`.
    posterior : LocalPosterior
    points, groups, changes : optional
        What is deleted, as of `predict`; the problem's deleted set by default.
    method : AbstractDeletionMethod
        `ThermodynamicIntegration(sampler)`, `Reweighting(sampler)` or
        `CumulantExpansion(sampler, order)`, of `homotopy.bayesian`.
    throw : bool
        Raise where a change is not to be relied on; otherwise the status says why.
    devices : int or sequence of jax.Device, optional
        Shared out over them, one at a time on each, are the chains of `Reweighting` and
        `CumulantExpansion`, and the runs of `ThermodynamicIntegration`, one for each change and
        node.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        The same, over its processes. Either way the random numbers are the same: runs are those
        of the call without, and chains of one run differ by what roundings lead to.
    progress : bool or callable, optional
        As of `optimise`.

    Returns
    -------
    PosteriorDeletion

    Raises
    ------
    TypeError
        Naming `problem`, `measurement`, `posterior`, `method`, `devices` or `client`.
    ValueError
        Naming `theta`, `measurement`, `points`, `groups`, `changes`, `sampler`, `posterior`,
        `devices` or `client`.
    RuntimeError
        With the status, where a change is not to be relied on.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> asked = problem, [0.5], lambda theta: theta[0], hm.LocalPosterior(1.0, 2.0)
    >>> whole = hm.bayesian.ThermodynamicIntegration(hm.GaussianMoments())
    >>> first = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments()).change[1]
    >>> deletion = hm.bayesian.posterior_deletion(*asked, method=whole)
    >>> round(float(first / deletion.change), 9), float(deletion.damped_leverage)  # 1 − leverage
    (0.75, 0.25)
    """
    a_problem(problem)
    centre = problem.parameters(theta, "theta")
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected one that is the same for all points, got OwnLoss(); "
            "PointLosses() gives the losses of all of them."
        )
    known = as_measurement(measurement, problem)
    instance(
        "posterior", posterior, LocalPosterior, "a posterior such as LocalPosterior(beta, gamma)"
    )
    instance(
        "method", method, AbstractDeletionMethod, "a method such as ThermodynamicIntegration()"
    )
    flag("throw", throw)
    devices, client = checked_workers(devices, client)
    wanted = weight_changes(problem, points, groups, changes)
    target = target_of(problem, centre, posterior)
    leverage = damped_leverage(target, wanted)
    with Monitor(progress, "", what="deleting", keeps=False) as monitor:
        unknown = np.full(wanted.count, np.nan)
        asked = Wanted(
            target,
            known,
            wanted,
            unknown if leverage is None else leverage,
            lambda done, total: monitor.report(done, total, float("nan")),
            devices,
            client,
        )
        found = method.found(asked)
    if throw:
        _require_success(found.statuses)
    shape = measured_shape(known, target)

    def shaped(array, *between):
        if array is None:
            return None
        whole = np.asarray(array).reshape(wanted.count, *between, *shape)
        return jnp.asarray(whole[0] if wanted.single else whole, centre.dtype)

    def each(array):
        if array is None:
            return None
        return jnp.asarray(array[0] if wanted.single else array, centre.dtype)

    orders = () if found.terms is None else found.terms.shape[1:2]
    made = PosteriorDeletion(
        change=shaped(found.change),
        standard_error=shaped(found.error),
        effective_sample_size=each(found.sizes),
        pareto_shape=each(found.shapes),
        quadrature_error=shaped(found.quadrature),
        terms=shaped(found.terms, *orders),
        damped_leverage=each(leverage),
        status=found.statuses[0] if wanted.single else _stacked(found.statuses),
        weight_changes=wanted,
        kind=method.kind,
    )
    return named(made, problem)


def damped_leverage(target: Target, changes: WeightChanges):
    """The largest eigenvalue of −(H + δ)⁻¹ΣΔwᵢxᵢxᵢᵀ; None but of linear regression."""
    if not is_linear_regression(target.problem):
        return None
    law = gaussian_posterior(target, "posterior_deletion")
    found = np.empty(changes.count)
    for index in range(changes.count):
        rows, amounts = np.asarray(changes.rows[index]), np.asarray(changes.amounts[index], float)
        seen = law.X[rows] @ law.deviations
        strength = -float(target.beta) * (seen.T * amounts) @ seen
        found[index] = np.linalg.eigvalsh(strength)[-1]
    return found


def _require_success(statuses) -> None:
    failed = [one for one in statuses if not bool(one == DeletionStatus.successful)]
    if failed:
        raise RuntimeError(
            f"{DeletionStatus[failed[0]]} ({len(failed)} of {len(statuses)} changes). Pass "
            "throw=False for what was computed."
        )


def _stacked(statuses):
    return _of_numbers(tuple(statuses))


@eqx.filter_jit
def _of_numbers(statuses):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *statuses)
