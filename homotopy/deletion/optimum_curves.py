"""The curves that show why a schedule is optimal, sampled for a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from homotopy.deletion.deletion import Deletion
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.sampling import sampling_times

if TYPE_CHECKING:
    from homotopy.plotting.optimum import OptimumCurves


def sample_optimum(deletion: Deletion, schedule: AbstractSchedule) -> OptimumCurves:
    """ε, v, σ and φ from 0 to T, of an optimum or of any other schedule."""
    from homotopy.plotting.optimum import OptimumCurves

    start, horizon = float(deletion.start), float(deletion.horizon)
    times = np.union1d(sampling_times(schedule, horizon), [start])
    phi = deletion.switching_function(schedule)
    residual, sigma = map(np.asarray, phi.factors(times))
    # One evaluation of σ and v serves all three.
    linear = residual.shape[1] > 0
    values = np.sum(residual * sigma, axis=1) if linear else np.asarray(phi(times))
    weights = np.asarray(schedule((times[1:] + times[:-1]) / 2))
    switches = np.unique(np.asarray(schedule.breakpoints, dtype=float))
    return OptimumCurves(
        start=start,
        horizon=horizon,
        times=times,
        weights=weights,
        residual=residual,
        sigma=sigma,
        switching_function=values,
        switches=switches[(switches >= start) & (switches < horizon)],
    )
