"""Fuller's phenomenon: controls that switch infinitely often in finite time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from homotopy.control.arcs import ArcKind
from homotopy.control.solution import Solution

# So many bang arcs in a row, each shorter than the one before by a factor, are a sequence without
# end that was cut off; in Fuller's problem the factor is 4.13.
_ARCS = 4
_FACTOR = 1.5


def chatters(solution: Solution) -> bool:
    """Whether an optimal control is to be expected to switch infinitely often.

    There are two signs of it. A singular arc of order two beside a bang arc: where both satisfy
    the Legendre–Clebsch conditions strictly they cannot meet in a single junction (McDanell and
    Powers, SIAM J. Control 9, 1971), only in an infinity of them. And, before such an arc is
    recognised, bang arcs whose lengths fall in a geometric sequence towards a point.

    Parameters
    ----------
    solution : Solution
    """
    orders = {each.arc.start: each.order for each in solution.singular_arcs}
    for one, other in pairwise(solution.arcs):
        singular = [arc for arc in (one, other) if arc.kind == ArcKind.singular]
        if len(singular) == 1 and orders.get(singular[0].start) == 2:
            return True
    if solution.finished:
        return False
    rows = _bang_lengths(solution.arcs)
    return any(_shrinks(lengths) or _shrinks(lengths[::-1]) for lengths in rows)


def _bang_lengths(arcs) -> list[np.ndarray]:
    """The lengths of bang arcs in a row; arcs at the ends of time are cut off and left out."""
    rows: list[list[float]] = [[]]
    for arc in arcs[1:-1]:
        if arc.kind == ArcKind.singular:
            rows.append([])
        else:
            rows[-1].append(arc.stop - arc.start)
    return [np.array(row) for row in rows]


def _shrinks(lengths: np.ndarray) -> bool:
    """Whether some arcs in a row shrink by a factor each."""
    run = 1
    for before, after in pairwise(lengths):
        run = run + 1 if before > _FACTOR * after else 1
        if run >= _ARCS:
            return True
    return False
