"""Where to start a search for switch times: bang-bang controls of every structure."""

from __future__ import annotations

from functools import cache

import numpy as np

from homotopy.control.switched.arcs import Samples

_SAMPLES = 12  # of each structure, spread evenly; and as many crowded towards s and T
_SHORTEST = 1e-4  # of T − s: how close to an end the crowded ones come


def arc_count(max_switches: int) -> int:
    """Arcs of ε = 1, 0, ..., 0 that hold any schedule with so many switches between s and T."""
    return 2 * ((max_switches + 3) // 2)


def allowed_arcs(max_switches: int, opening: int) -> np.ndarray:
    """The arcs of a schedule with the value `opening` after s and so many switches."""
    allowed = np.zeros(arc_count(max_switches), dtype=bool)
    first = 1 - opening
    allowed[first : first + max_switches + 1] = True
    return allowed


@cache
def switch_starts(max_switches: int) -> Samples:
    """Schedules with 0 to `max_switches` switches, both values after s, evenly spread in time."""
    rows, allowed, groups = [], [], []
    opening_count = max_switches + 1
    for opening in (1, 0):
        mask = allowed_arcs(max_switches, opening)
        for switches in range(max_switches + 1):
            lengths = np.diff(_samples(switches), prepend=0.0, append=1.0, axis=1)
            block = np.zeros((len(lengths), mask.size))
            block[:, 1 - opening : 2 - opening + switches] = lengths
            groups.extend([opening_count * (1 - opening) + switches] * len(block))
            rows.extend(block)
            allowed.extend([mask] * len(block))
    return Samples(np.array(rows), np.array(allowed), np.array(groups))


def _samples(switches: int) -> np.ndarray:
    """Ordered times in (0, 1), evenly spread in their simplex and crowded towards its ends."""
    if switches == 0:
        return np.zeros((1, 0))
    # The additive recurrence with the generalised golden ratio, which fills the cube evenly.
    ratio = 2.0
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (switches + 1))
    steps = ratio ** -np.arange(1.0, switches + 1)
    points = (0.5 + np.arange(1, _SAMPLES + 1)[:, None] * steps) % 1.0
    depth = _SHORTEST ** np.abs(2.0 * points - 1.0) / 2.0
    crowded = np.where(points < 0.5, depth, 1.0 - depth)
    return np.sort(np.concatenate([points, crowded]), axis=1)
