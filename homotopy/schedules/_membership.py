"""The admissible schedules E_s of a deletion (theory §4)."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Membership:
    """Whether a schedule may be used for a deletion, and why (not). Truthy when it may.

    Attributes
    ----------
    admissible : bool
        Whether the schedule belongs to E_s.
    reason : str
        The condition that fails, where, and the value found; or what was verified.
    """

    admissible: bool
    reason: str

    def __bool__(self) -> bool:
        return self.admissible


def check_membership(schedule, start: float, horizon: float, unit: float = 0.0) -> Membership:
    """Test the conditions of E_s piece by piece; see `AbstractSchedule.membership`.

    `unit` is the relative precision of start and horizon, where it is coarser than that of the
    schedule's own times.
    """
    if not 0 <= start <= horizon < np.inf:
        raise ValueError(
            f"start and horizon must satisfy 0 <= start <= horizon < inf, "
            f"got start={start:g} and horizon={horizon:g}"
        )
    breakpoints = np.asarray(schedule.breakpoints)
    edges = np.concatenate([[0.0], breakpoints, [np.inf]])
    if not (np.isfinite(breakpoints).all() and (edges[1:] >= edges[:-1]).all()):
        found = np.array2string(breakpoints, precision=6, threshold=10)
        return Membership(
            False, f"switch times must be finite, non-negative and ascend, but are {found}"
        )
    conditions = (
        (0.0, start, 1.0, 1.0, f"1 on [0, {start:g}]"),
        (horizon, np.inf, 0.0, 0.0, f"0 after {horizon:g}"),
        (0.0, np.inf, 0.0, 1.0, "in [0, 1]"),
    )
    slack = 8 * max(float(np.finfo(breakpoints.dtype).eps), unit) * horizon
    for begin, end, least, most, text in conditions:
        for index in range(breakpoints.size + 1):
            left, right = max(edges[index], begin), min(edges[index + 1], end)
            if right - left <= slack:
                continue
            times, values = schedule.sample(index, left, min(right, left + max(1.0, horizon)), 33)
            # Written so that NaN counts as a violation, and as the worst one.
            excess = np.maximum(values - most, least - values)
            worst = int(np.argmax(excess))
            if not excess[worst] <= 0:
                return Membership(
                    False,
                    f"ε must be {text}, but it is {values[worst]:.6g} at t = {times[worst]:g}",
                )
    return Membership(True, f"ε is 1 on [0, {start:g}] and 0 after {horizon:g}")
