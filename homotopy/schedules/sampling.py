"""Times at which a path under a schedule is to be looked at."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.schedules.base import AbstractSchedule

# Fractions of a piece of a schedule at which a path is sampled: equally spaced, and geometrically
# after its beginning, where the fast modes move.
_FRACTIONS = np.unique(np.concatenate([np.linspace(0, 1, 65), np.geomspace(1e-5, 1, 81)]))


def sampling_times(schedule: AbstractSchedule, horizon: float) -> Float[np.ndarray, " m"]:
    """Times from 0 to the horizon, dense after switches; the switch times are among them."""
    switches = np.clip(np.asarray(schedule.breakpoints, dtype=float), 0.0, horizon)
    edges = np.unique(np.concatenate([[0.0], switches, [horizon]]))
    pieces = edges[:-1, None] + np.diff(edges)[:, None] * _FRACTIONS[None, :]
    return np.unique(np.concatenate([pieces.ravel(), edges]))
