"""How soon a deletion can be done: the least horizon at which a given ℰ is reachable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from homotopy._checks import non_negative, number, seconds
from homotopy._progress import Progress, checked_progress
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.deletion.minimum_time.result import LeastTime
from homotopy.deletion.minimum_time.search import Search


def least_time(
    deletion: Deletion,
    cost: float,
    *,
    width: float = 1e-6,
    max_horizon: float | None = None,
    time_limit: float = np.inf,
    progress: bool | Callable[[Progress], None] | None = None,
) -> LeastTime:
    """The smallest horizon T at which some schedule in E_s has ℰ ≤ cost.

    Parameters
    ----------
    deletion : Deletion
        Its horizon does not matter.
    cost : float
        ≥ 0, in the units of ℰ. At 0 the question is whether, and when, the target itself can
        be met; ℰ counts as zero below 1e-20 of its value at s.
    width : float
        (time − lower)/(time − s) to reach, in [1e-12, 1).
    max_horizon : float, optional
        The largest T to look at; by default 20 decay times of the slowest mode after s, or the
        baseline's time if that is later.
    time_limit : float
        Seconds of computing after which the bracket so far is returned, counted as by `Everything`.
        What sets the problem up in a new process is waited for, with the baseline's time, one or
        two seconds: longer limits are kept to within a tenth. No horizon is given more than ten.
    progress : bool or callable, optional
        As of `optimise`, for each horizon looked at.

    Returns
    -------
    LeastTime
        Look at its `status`.

    Raises
    ------
    TypeError
        Naming `deletion`.
    ValueError
        Naming `cost`, `width`, `max_horizon` or `time_limit`.

    Notes
    -----
    The least time is the least root of V(T) = cost. At both ends of the bracket stands
    a certificate of `Everything`; Newton's method in between uses that, by the envelope theorem,
    dV/dT is the derivative of ½‖u‖² at T under the best weight there.

    The target itself is met at a finite T only if the moments ∫ e^{λt} w dt of w = εv can be, in
    every mode, those that u(s) asks for, with 0 ≤ ε ≤ 1. Whether they can is decided by the
    certificate, not by a criterion: `approached` says that up to `lower` they cannot, and that ℰ
    then, below 1e-16 of its value at s, falls no faster than modes decay.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion.minimum_time import least_time
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> met = least_time(deletion, 0.0)  # towards the larger target, up to θ*₋ = 0: log(3)/2
    >>> round(met.time, 5), met.baseline_time is None
    (0.54931, True)
    """
    a_deletion(deletion).require_closed_form("least_time")
    non_negative("cost", cost)
    number("width", width, "a number in [1e-12, 1)", lambda x: 1e-12 <= x < 1.0)
    seconds("time_limit", time_limit)
    start = float(deletion.start)
    if max_horizon is not None:
        later = f"a finite time after start = {start:g}"
        number("max_horizon", max_horizon, later, lambda x: start < x < np.inf)
    checked_progress(progress)
    return Search(deletion, float(cost), width, max_horizon, time_limit, progress).run()
