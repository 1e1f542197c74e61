"""The verb `bayesian_influence`: β Cov(ℓⱼ, φ) of all points, from one run of chains."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from homotopy._checks import ArrayInput, flag, instance
from homotopy._progress import Monitor, Progress
from homotopy._result import named
from homotopy._status import require_success
from homotopy.bayesian.chains import Chains
from homotopy.bayesian.found import from_chains, in_closed_form
from homotopy.bayesian.gaussian import measured_shape
from homotopy.bayesian.gaussian_draws import GaussianMoments
from homotopy.bayesian.no_u_turn import NUTS
from homotopy.bayesian.posterior import LocalPosterior, target_of
from homotopy.bayesian.result import PosteriorInfluence
from homotopy.bayesian.running import run_chains
from homotopy.bayesian.samplers import AbstractSampler
from homotopy.measurements import AbstractMeasurement, OwnLoss, as_measurement
from homotopy.problem import Problem, a_problem
from homotopy.sweeps.workers import checked_workers

POSTERIOR, SAMPLER = LocalPosterior(), NUTS()


def bayesian_influence(
    problem: Problem,
    theta: ArrayInput,
    measurement: AbstractMeasurement | Callable,
    posterior: LocalPosterior = POSTERIOR,
    *,
    sampler: AbstractSampler = SAMPLER,
    resume: PosteriorInfluence | None = None,
    checkpoint: str | os.PathLike | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], object] | None = None,
) -> PosteriorInfluence:
    """β Cov(ℓⱼ, φ) of every point j: how E φ changes, to first order, where the point is deleted.

    Under the posterior p_w ∝ exp(−βR(θ; w) − (γ/2)‖θ − θ_ref‖²) the derivative of E φ in a weight
    wⱼ is −β Cov(ℓⱼ, φ), of any loss, without a Hessian and where none can be inverted; a deletion
    is a change of −1 (theory §10). One run of chains serves all points and all outputs.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta : (d,)
        θ_ref, where chains start: trained parameters, converged or not.
    measurement : AbstractMeasurement or callable
        φ: `TestLoss(X, y)`, `Predictions(X)`, a function of θ, or `PointLosses()` for the n × n
        influences of all points on the losses of all, with memory of draws × n.
    posterior : LocalPosterior
        β and γ.
    sampler : AbstractSampler
        `GaussianMoments()` and `GaussianDraws(draws)` for linear regression; `NUTS(draws)`,
        `MALA(draws)` or `SGLD(step_size)` for any problem, with blackjax.
    resume : PosteriorInfluence, optional
        Of the same posterior, sampler and measurement, to go on from: `draws` more of each chain,
        which are those of one longer run.
    checkpoint : str or path, optional
        A file that chains are kept in, every half minute and at the end; where it exists they are
        gone on with, up to `draws`.
    throw : bool
        Raise where the numbers are not to be relied on; otherwise the status says why.
    devices : int or sequence of jax.Device, optional
        Chains are shared out over them, one at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Chains are shared out over its processes. Either way they have the same random numbers, and
        differ by what roundings lead to.
    progress : bool or callable, optional
        As of `optimise`. Ctrl-C keeps the draws done.

    Returns
    -------
    PosteriorInfluence

    Raises
    ------
    TypeError
        Naming `problem`, `measurement`, `posterior`, `sampler`, `devices` or `client`.
    ValueError
        Naming `theta`; `measurement`; `sampler`, of another problem than it takes; `posterior`,
        where it is not proper; `step_size`; `resume` or `checkpoint`, of another posterior;
        `devices` or `client`.
    ModuleNotFoundError
        Where the sampler needs blackjax and it is not installed.
    RuntimeError
        With the status, where the numbers are not to be relied on.

    References
    ----------
    .. [1] Kreer, Wu, Adam, Furman, Hoogland, "Bayesian influence functions for Hessian-free data
       attribution", 2025.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> asked = problem, [0.5], hm.TestLoss([[1.0]], [1.0]), hm.LocalPosterior(10.0, 20.0)
    >>> exact = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    >>> exact.change.round(6).tolist()  # ∓ 1/16, the damped influence, and 1/320 of noise
    [-0.059375, 0.065625]
    >>> sampled = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(1000))
    >>> bool(abs(sampled.change - exact.change).max() < 4.0 * sampled.standard_error.max())
    True
    """
    a_problem(problem)
    centre = problem.parameters(theta, "theta")
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected one that is the same for all points, got OwnLoss(); "
            "PointLosses() gives the losses of all of them, whose own are on the diagonal."
        )
    known = as_measurement(measurement, problem)
    _checked(posterior, sampler, checkpoint)
    flag("throw", throw)
    devices, client = checked_workers(devices, client)
    target = target_of(problem, centre, posterior)
    shape = measured_shape(known, target)
    if isinstance(sampler, GaussianMoments):
        if resume is not None or checkpoint is not None:
            raise ValueError("resume: expected None, as there is nothing to go on with, got some.")
        found = in_closed_form(target, known, shape)
    else:
        earlier = None if resume is None else _earlier(resume, shape)
        with Monitor(progress, "", what="sampling") as monitor:
            chains, interrupted = run_chains(
                sampler, target, known,
                lambda done, total: monitor.report(done, total, float("nan")),
                earlier, checkpoint, devices, client,
            )  # fmt: skip
        found = from_chains(chains, target, sampler, shape, interrupted)
    if throw:
        require_success(found.change, found.status)
    return named(found, problem)


def _checked(posterior, sampler, checkpoint=None) -> None:
    instance(
        "posterior", posterior, LocalPosterior, "a posterior such as LocalPosterior(beta, gamma)"
    )
    instance("sampler", sampler, AbstractSampler, "a sampler such as NUTS(draws)")
    if checkpoint is not None:
        instance("checkpoint", checkpoint, (str, os.PathLike), "the path of a file")


def _earlier(resume, shape) -> Chains:
    instance("resume", resume, PosteriorInfluence, "the influence to go on from")
    if resume.chains is None or resume.change.shape[1:] != shape:
        raise ValueError(
            f"resume: expected sampled changes of outputs of shape {shape}, got {resume.kind} ones "
            f"of shape {resume.change.shape[1:]}."
        )
    return resume.chains
