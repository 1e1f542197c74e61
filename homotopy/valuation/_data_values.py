"""The verb `data_values`: what each point of a problem is worth, by a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from homotopy._checks import ArrayInput, flag, instance
from homotopy._progress import Monitor, Progress
from homotopy._result import named
from homotopy._status import require_success
from homotopy.measurements import AbstractMeasurement
from homotopy.problem import Problem, a_problem
from homotopy.valuation.measures import checked_measurement, measure_of
from homotopy.valuation.method import AbstractValuation, Asked, workers_for
from homotopy.valuation.semivalues import SHAPLEY, AbstractSemivalue
from homotopy.valuation.values import DataValues


def data_values(
    problem: Problem,
    measurement: AbstractMeasurement | Callable,
    method: AbstractValuation,
    semivalue: AbstractSemivalue = SHAPLEY,
    *,
    theta0: ArrayInput | None = None,
    resume: DataValues | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | Callable[[Progress], object] | None = None,
) -> DataValues:
    """What each point is worth: Δ_j, the average of m(θ(S)) − m(θ(S∪j)) over coalitions S.

    The change of a measurement on deletion of the point, averaged over what else there is to learn
    from: for the coalition of all others alone it is that of `LeaveOneOut`, on the same scale and
    with the same sign. θ(S) is trained on the points of S with the problem's ridge, whatever its
    deleted set (theory §8).

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    measurement : AbstractMeasurement or callable
        m: `TestLoss(X, y)`, `Predictions(X)`, or a function of θ; of several numbers, values come
        for each.
    method : AbstractValuation
        `Enumeration()`, exact for few points; `Permutations(count)`, sampled, with standard errors;
        `EffectiveMedium()`, close and deterministic, for ridge regression; `AumannShapley()`, the
        value of the homotopy in all weights, of any model; `FiniteTime(time)`, of training that
        stops; and others in `homotopy.valuation`.
    semivalue : AbstractSemivalue
        How coalitions count by their size: `Shapley()`, `Banzhaf()`, `BetaShapley(a, b)`, and
        others in `homotopy.valuation`.
    theta0 : (d,), optional
        Where training starts: zeros by default for linear models, needed for others.
    resume : DataValues, optional
        Sampled values of the same problem by the same method, to add samples to.
    throw : bool
        Raise where the values are not to be relied on; otherwise the status says why.
    devices : int or sequence of jax.Device, optional
        Parts of the work are shared out over them; by default those of `Permutations` over
        threads of this process. Samples of `Permutations`, `SampleReuse` and `GradientShapley`,
        coalitions of `Enumeration`, points of `FiniteTime`; not methods that follow minima.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Parts of the work are shared out over its processes. Parts and their random numbers do not
        depend on who computes them, and go together in their order: on processors of one kind
        values are the same, to the last bit.
    progress : bool or callable, optional
        As of `optimise`.

    Returns
    -------
    DataValues

    Raises
    ------
    TypeError
        Naming `problem`, `measurement`, `method`, `semivalue`, `devices` or `client`.
    ValueError
        Naming `measurement`; `problem`, where the method does not take it, as without a ridge;
        `theta0`, `semivalue`, `resume`, `devices` or `client`.
    RuntimeError
        With the status, where the values are not to be relied on.

    References
    ----------
    .. [1] Ghorbani, Zou, "Data Shapley: equitable valuation of data for machine learning", 2019.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [1.0, 3.0], deleted=0, ridge=1.0)
    >>> loss = hm.TestLoss([[1.0]], [2.0])
    >>> hm.data_values(problem, loss, hm.Enumeration()).values.round(6).tolist()
    [0.388889, 1.388889]
    >>> hm.data_values(problem, loss, hm.AumannShapley()).values.round(6).tolist()
    [0.222222, 1.555556]
    """
    a_problem(problem)
    known = checked_measurement(measurement, problem)
    instance(
        "method", method, AbstractValuation, "a method such as Permutations(1000) or Enumeration()"
    )
    instance("semivalue", semivalue, AbstractSemivalue, "a semivalue such as Shapley()")
    start = None if theta0 is None else np.asarray(problem.parameters(theta0))
    if resume is not None:
        instance("resume", resume, DataValues, "the values to go on from")
    flag("throw", throw)
    devices, client = workers_for(method, devices, client)
    with Monitor(progress, "", what="valuing points", keeps=False) as monitor:
        asked = Asked(
            problem, known, measure_of(known, problem), semivalue, start, resume,
            lambda done, total: monitor.report(done, total, float("nan")),
            devices=devices, client=client,
        )  # fmt: skip
        found = method.values(asked)
    if throw:
        require_success(found.values, found.status)
    return named(found, problem)
