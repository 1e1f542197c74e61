"""Multi-start Newton in the arc lengths, from controls of every structure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from homotopy.control.bang_bang_control import BangBangControl, merged
from homotopy.control.switched.multistart import multistart
from homotopy.control.switched.newton import improve_first
from homotopy.control.switched.records import Searches, SwitchedFlow, new_searches
from homotopy.control.switched.starts import arc_count, switch_starts

_NOTHING = BangBangControl(0, ())
# Where needles are tried, in fractions of the span: fast modes act near the ends.
_NEAR_START = np.geomspace(1e-4, 1 / 32, 8, endpoint=False)
_NEEDLE_TIMES = np.concatenate(
    [[1e-12], _NEAR_START, np.arange(1, 32) / 32, 1.0 - _NEAR_START[::-1], [1.0 - 1e-12]]
)


def best_arcs(
    flows: SwitchedFlow,
    max_switches: int,
    max_steps: int,
    warm: Sequence[BangBangControl | None],
) -> Searches:
    """Local minima of ℰ among controls with so many switches; where searches start and end.

    The search evaluates a few hundred controls of every structure, follows Newton's method from the
    best of each, and goes on where turning ε over for an instant lowers ℰ (Pontryagin's condition).
    Most of the time the interpreter's lock is free: other threads can work.

    Parameters
    ----------
    flows : SwitchedFlow
        Of N problems: every array, and `delay` and `span`, with a leading axis.
    max_switches : int
        ≥ 0, strictly inside the interval.
    max_steps : int
        Of Newton's method.
    warm : sequence of BangBangControl or None
        For each problem a further control to start from, whose shortest arcs are dropped until it
        has few enough switches.

    Returns
    -------
    Searches
        With a leading axis for the problems.
    """
    if any(warm):
        given = [
            _as_arcs(start or _NOTHING, float(span), max_switches)
            for start, span in zip(warm, flows.span, strict=True)
        ]
        arcs, first = (np.array(part) for part in zip(*given, strict=True))
    else:
        arcs, first = _nothing(max_switches, len(warm))
    samples = switch_starts(max_switches)
    found = new_searches((len(warm), samples.blocks.size), arcs.shape[1], max_switches + 1)
    multistart(flows, samples, arcs, first, max_switches, max_steps, _NEEDLE_TIMES, found)
    return found


@lru_cache(maxsize=64)
def _nothing(max_switches: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """As warm starts: ε = 0 throughout, for each of so many problems."""
    arcs, first = _as_arcs(_NOTHING, 1.0, max_switches)
    return np.tile(arcs, (count, 1)), np.full(count, first)


def polish(flow: SwitchedFlow, arcs: np.ndarray, max_steps: int) -> tuple[float, np.ndarray]:
    """The nearest local minimum in the arc lengths, as fractions of the span: its ℰ, and them."""
    search = new_searches((1,), arcs.size, arcs.size)
    search.arcs[0], search.done[0] = arcs, False
    improve_first(flow, search, max_steps)
    return float(search.cost[0]), search.arcs[0]


def _as_arcs(control: BangBangControl, span: float, max_switches: int):
    """Fractions of the span, with few enough switches; and which of the arcs is the first."""
    values, lengths = control.values, control.lengths(span)
    while len(values) - 1 > max_switches:
        shortest = int(np.argmin(lengths))
        values[shortest] = 1 - values[shortest]
        values, lengths = merged(values, lengths)
    arcs, first = np.zeros(arc_count(max_switches)), 1 - values[0]
    arcs[first : first + len(lengths)] = lengths
    return arcs / sum(lengths), first
