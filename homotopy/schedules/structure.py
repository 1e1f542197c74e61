"""A schedule in words."""

from __future__ import annotations

import numpy as np

from homotopy.schedules.base import AbstractSchedule

_MOST_SHOWN = 8


def structure_in_words(
    schedule: AbstractSchedule, start: float, horizon: float, varying: str | None = None
) -> str:
    """What a schedule does between two times, such as "0→1→0 with switches at 0.1, 0.25".

    Parameters
    ----------
    schedule : AbstractSchedule
    start, horizon : float
    varying : str, optional
        The word for a piece on which ε varies; then every piece is listed. By default a schedule
        that varies is named as a whole, and of more than eight values only how many they are and
        between which they lie.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.schedules.structure import structure_in_words
    >>> hm.enable_x64()
    >>> structure_in_words(hm.BangBang([0.1, 0.25, 1.0], 1), 0.1, 1.0)
    '0→1 with switch at 0.25'
    """
    constant_pieces = schedule.constant_pieces
    if varying is None and not all(constant_pieces):
        return f"varying, {schedule!r}"
    times, values = np.asarray(schedule.breakpoints), np.asarray(schedule.piece_values)
    edges = np.clip(np.concatenate([[0.0], times, [np.inf]]), start, horizon)
    shown: list[str] = []
    switches: list[str] = []
    for left, right, value, constant in zip(
        edges, edges[1:], values, constant_pieces, strict=False
    ):
        word = f"{value:.4g}" if constant else str(varying)
        if not left < right or (shown and shown[-1] == word):
            continue
        if shown:
            switches.append(f"{left:.6g}")
        shown.append(word)
    if varying is None and len(shown) > _MOST_SHOWN:
        inside = sorted(map(float, shown))
        return f"{len(shown)} values between {inside[0]:.4g} and {inside[-1]:.4g}"
    if not switches:
        return f"{shown[0]} throughout"
    noun = "switch" if len(switches) == 1 else "switches"
    return f"{'→'.join(shown)} with {noun} at {', '.join(switches)}"
