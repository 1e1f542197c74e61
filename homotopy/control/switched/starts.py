"""Where to start a search for switch times: bang-bang controls of every structure."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from homotopy.control.switched.records import Samples

# Where samples switch, in fractions of T − s: fast modes act near the ends.
_NEAR = np.array([1e-4, 1.5e-3, 0.012, 0.05, 0.12, 0.22, 0.35])
_NODES = np.concatenate([[0.0], _NEAR, [0.5], 1.0 - _NEAR[::-1], [1.0]])
_MOST = 40  # samples of a structure


def arc_count(max_switches: int) -> int:
    """Arcs of ε = 1, 0, ..., 0 that hold any schedule with so many switches between s and T."""
    return 2 * ((max_switches + 3) // 2)


@cache
def switch_starts(max_switches: int) -> Samples:
    """Controls with 0 to `max_switches` switches, both values after s, switching at the nodes."""
    chosen = [edges for switches in range(max_switches + 1) for edges in _subsets(switches)]
    parents, passages, arcs, blocks, samples = [], [], [], [0], [0]
    for first in (0, 1):
        known = {(0,): 0}  # place of each open branch one arc shorter
        for count in range(2, max_switches + 3):
            branches = list(dict.fromkeys(edges[:count] for edges in chosen if len(edges) >= count))
            ended = [edges for edges in branches if edges[-1] == len(_NODES) - 1]
            unfinished = [edges for edges in branches if edges[-1] < len(_NODES) - 1]
            for edges in unfinished + ended:
                parents.append(known[edges[:-1]])
                passages.append(edges[-2:])
            for edges in ended:
                row = np.zeros(arc_count(max_switches))
                row[first : first + count - 1] = np.diff(_NODES[list(edges)])
                arcs.append(row)
            known = {edges: place for place, edges in enumerate(unfinished)}
            blocks.append(len(parents))
            samples.append(len(arcs))
    # Numba takes a signed index for one that may count from the end.
    lefts, rights = np.array(passages, np.uintp).T.copy()
    return Samples(
        _NODES,
        np.array(parents, np.uintp),
        lefts,
        rights,
        np.array(blocks),
        np.array(samples),
        np.array(arcs),
    )


def _subsets(size: int) -> list[tuple[int, ...]]:
    """Nodes at the ends and so many between: every choice of them, or some, evenly chosen."""
    last = len(_NODES) - 1
    choices = list(combinations(range(1, last), size))
    places = np.linspace(0, len(choices) - 1, min(len(choices), _MOST)).round().astype(int)
    return [(0, *choices[place], last) for place in places]
