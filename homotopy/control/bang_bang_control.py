"""Controls that take the values 0 and 1 only, as one value object; times count from the start."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_EMPTY = 1e-12  # of the span: arcs that short are dropped


@dataclass(frozen=True)
class BangBangControl:
    """One control: its value, 0 or 1, at time 0 and the times at which it changes.

    The compiled searches have it as arcs: the lengths of the intervals on which it is 1, 0, 1, 0,
    ..., some of them none.
    """

    initial: int
    switches: tuple[float, ...]

    @classmethod
    def of_arcs(cls, arcs: np.ndarray, span: float) -> BangBangControl:
        """From arcs as fractions of the span, without those that are empty."""
        ends = itertools.accumulate(arcs[:-1].tolist())
        return cls(1, tuple(span * end for end in ends)).cleaned(span)

    def cleaned(self, span: float) -> BangBangControl:
        """Without empty arcs and without switches at either end."""
        initial, kept = self.initial, []
        for time in sorted(self.switches):
            if kept and time - kept[-1] <= _EMPTY * span:
                kept.pop()
            elif not kept and time <= _EMPTY * span:
                initial = 1 - initial
            elif time < span * (1 - _EMPTY):
                kept.append(float(time))
        return BangBangControl(initial, tuple(kept))

    @property
    def values(self) -> list[int]:
        """0 and 1 in turn, one for each arc."""
        return [(self.initial + turn) % 2 for turn in range(len(self.switches) + 1)]

    def lengths(self, span: float) -> list[float]:
        """How long each value lasts."""
        return np.diff([0.0, *self.switches, span]).clip(0.0).tolist()

    def arcs(self, span: float) -> np.ndarray:
        """Lengths of the arcs on which it is 1, 0, 1, 0, ..., an even number of them."""
        lengths = [0.0] * (1 - self.initial) + self.lengths(span)
        return np.array(lengths + [0.0] * (len(lengths) % 2))


def merged(
    values: Sequence[int], lengths: Sequence[float], keep: Sequence[bool] | None = None
) -> tuple[list[int], list[float]]:
    """Values and lengths of arcs without some of them, neighbours of the same value made one.

    The time of an arc that is not kept goes to the one before, or after the first. By default
    those of no length are dropped.
    """
    if keep is None:
        keep = [length > 0.0 for length in lengths]
    shown: list[int] = []
    times: list[float] = []
    spare = 0.0
    for value, length, kept in zip(values, lengths, keep, strict=True):
        if not kept:
            if times:
                times[-1] += length
            else:
                spare += length
        elif shown and shown[-1] == value:
            times[-1] += length
        else:
            shown.append(value)
            times.append(length + spare)
            spare = 0.0
    return shown, times
