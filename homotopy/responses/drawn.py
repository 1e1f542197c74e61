"""What the picture of a response path shows: breaks between branches, and events by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from homotopy.responses.branch import Event, EventKind


def with_breaks(
    epsilons: Float[Array, " k"], theta: Float[Array, "k d"], events: Sequence[Event]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m d"]]:
    """ε and θ, with a NaN between two neighbours on different branches."""
    epsilons, theta = np.asarray(epsilons), np.asarray(theta)
    ends = np.array([float(event.epsilon) for event in events])
    if ends.size == 0:
        return epsilons, theta
    branch = np.sum(epsilons[:, None] < ends[None, :], axis=1)
    breaks = np.flatnonzero(np.diff(branch)) + 1
    return np.insert(epsilons, breaks, np.nan), np.insert(theta, breaks, np.nan, axis=0)


def labelled(
    events: Sequence[Event],
) -> list[tuple[float, Float[np.ndarray, " d"], str | None]]:
    """ε and θ of each event, with a label for the legend the first time that its kind appears."""
    named = (
        (EventKind.fold, "fold"),
        (EventKind.lost_definiteness, "definiteness lost"),
        (EventKind.merging, "branches merge"),
    )
    seen, found = set(), []
    for event in events:
        name = next(name for kind, name in named if event.kind == kind)
        label = None if name in seen else name
        found.append((float(event.epsilon), np.asarray(event.theta), label))
        seen.add(name)
    return found
