"""The verb: between which values the residual of a deleted point can lie, over every schedule."""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.one_row import residual_tube
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.deletion.reachable_residual import ReachableResidual

_SAMPLES = 201


def reachable(deletion: Deletion) -> ReachableResidual:
    """The exact range of the deleted residual v(t) = xᵀθ(t) − y over all schedules in E_s.

    At each time, v is least under the feedback "ε = 1 where v > 0" and largest under "ε = 1 where
    v < 0" (docs/certificate.md, Theorem 1): two trajectories are the range, for all times at once.
    Where v has one sign throughout, finding the best schedule is a convex problem.

    Parameters
    ----------
    deletion : Deletion
        Of a linear regression, with one deleted row, or several that are multiples of one: those
        act as one row b with v = b·θ − (their mean target, weighted alike). Not for other groups:
        the theorem is one of a single row.

    Returns
    -------
    ReachableResidual
        `plot(schedule=optimum)` draws the range with a residual inside.

    Raises
    ------
    TypeError
        Naming `deletion`.
    ValueError
        Naming `deletion`, where it is none of a linear regression, or its rows are not multiples of
        one.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [2.0], start=0.0, horizon=1.0)
    >>> tube = hm.reachable(deletion)
    >>> tube.keeps_sign, round(float(tube.lower[-1]), 6), round(float(tube.upper[-1]), 6)
    (False, -0.362814, -0.229329)
    """
    a_deletion(deletion).require_closed_form("reachable")
    system = common_schedule(deletion)
    if len(system.rows) != 1:
        raise ValueError(
            "deletion: expected one deleted row, or several that are multiples of one, got "
            f"{len(np.atleast_1d(deletion.problem.deleted))} rows of rank {len(system.rows)}. "
            "Ask for each of them alone."
        )
    times, lower, upper, signs = residual_tube(system, np.linspace(0.0, system.span, _SAMPLES))
    start, horizon = float(deletion.start), float(deletion.horizon)
    times = np.minimum(start + times, horizon)
    times[-1] = horizon
    return ReachableResidual(deletion, times, lower, upper, signs)
