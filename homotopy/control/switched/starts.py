"""Where to start a search for switch times: bang-bang controls of every structure."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise

import numpy as np

from homotopy.control.switched.arcs import Samples

# Where samples switch, in fractions of T − s: fast modes act near the ends.
_NEAR = np.array([1e-4, 1.5e-3, 0.012, 0.05, 0.12, 0.22, 0.35])
_NODES = np.concatenate([[0.0], _NEAR, [0.5], 1.0 - _NEAR[::-1], [1.0]])
_MOST = 40  # samples of a structure


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
    """Controls with 0 to `max_switches` switches, both values after s, switching at the nodes."""
    arcs, allowed, groups, passages = [], [], [], []
    known: dict[tuple[int, int, int], int] = {}
    for opening in (1, 0):
        mask = allowed_arcs(max_switches, opening)
        for switches in range(max_switches + 1):
            for chosen in _subsets(switches):
                edges = [0, *chosen, len(_NODES) - 1]
                row, places = np.zeros(mask.size), np.full(mask.size, -1)
                for arc, (left, right) in enumerate(pairwise(edges), start=1 - opening):
                    row[arc] = _NODES[right] - _NODES[left]
                    places[arc] = known.setdefault((1 - arc % 2, left, right), len(known))
                arcs.append(row)
                allowed.append(mask)
                groups.append((1 - opening) * (max_switches + 1) + switches)
                passages.append(places)
    weights = [weight for weight, _, _ in known]
    lengths = [_NODES[right] - _NODES[left] for _, left, right in known]
    parts = (arcs, allowed, groups, weights, lengths, passages)
    return Samples(*(np.array(part) for part in parts))


def _subsets(size: int) -> list[tuple[int, ...]]:
    """Inner nodes in ascending order: every choice of so many, or some, evenly chosen."""
    choices = list(combinations(range(1, len(_NODES) - 1), size))
    places = np.linspace(0, len(choices) - 1, min(len(choices), _MOST)).round().astype(int)
    return [choices[place] for place in places]
