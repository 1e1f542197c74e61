"""Arcs: where a control sits at a bound, and where it is singular."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np

from homotopy._checks import vector

# A cell counts as interior where its value is this far from both bounds, of their distance.
_INTERIOR = 1e-6
# A run of this many interior cells is taken for a singular arc, a shorter one for switches.
_SINGULAR_RUN = 3


class ArcKind(enum.StrEnum):
    """What the control does on an arc."""

    lower = "lower"
    upper = "upper"
    singular = "singular"

    @property
    def opposite(self) -> ArcKind:
        """The other bound; a singular arc has none and stays what it is."""
        return {ArcKind.lower: ArcKind.upper, ArcKind.upper: ArcKind.lower}.get(self, self)


@dataclasses.dataclass(frozen=True)
class Arc:
    """One arc of a control.

    Attributes
    ----------
    kind : ArcKind
    start, stop : float
    """

    kind: ArcKind
    start: float
    stop: float


def read_arcs(
    edges: np.ndarray, fractions: np.ndarray, switching: np.ndarray | None = None
) -> tuple[Arc, ...]:
    """The arcs that a control on cells suggests.

    Runs of cells at a bound are bang arcs. Three or more interior cells in a row are a singular
    arc; one or two are the cells in which the control switches, and the switches are placed so
    that the integral of u stays the same. Bang cells enclosed by singular arcs, at most two, are
    taken for the ripple that cells have there.

    Parameters
    ----------
    edges : (n + 1,)
        Of the cells.
    fractions : (n,)
        (u − lower) / (upper − lower), in [0, 1].
    switching : (n,), optional
        The mean of H₁ over every cell: with it, interior cells where H₁ is not small (above 1 %
        of its largest) are bang cells that the optimiser has not finished with.

    Returns
    -------
    tuple of Arc
        From the first edge to the last, neighbours of different kinds.

    Examples
    --------
    >>> import numpy as np
    >>> from homotopy.control import read_arcs
    >>> arcs = read_arcs(np.linspace(0, 4, 5), np.array([0.0, 0.25, 1.0, 1.0]))
    >>> [(arc.kind.value, float(arc.start), float(arc.stop)) for arc in arcs]
    [('lower', 0.0, 1.75), ('upper', 1.75, 4.0)]
    """
    edges, fractions = (
        np.asarray(vector(name, value))
        for name, value in (("edges", edges), ("fractions", fractions))
    )
    if edges.size != fractions.size + 1 or np.any(np.diff(edges) < 0):
        raise ValueError(
            f"edges: expected {fractions.size + 1} ascending times, one more than fractions, got "
            f"{edges}."
        )
    if np.any(np.abs(fractions - 0.5) > 0.5 + 1e-9):
        raise ValueError(f"fractions: expected numbers in [0, 1], got {fractions}.")
    kinds = np.where(fractions <= _INTERIOR, "lower", "singular")
    kinds = np.where(fractions >= 1 - _INTERIOR, "upper", kinds)
    if switching is not None:
        switching = np.asarray(vector("switching", switching, fractions.size))
        clear = np.abs(switching) > 0.01 * np.max(np.abs(switching))
        clear &= kinds == "singular"
        kinds = np.where(clear, np.where(np.asarray(switching) > 0, "lower", "upper"), kinds)
    runs = _without_ripple(_runs(kinds))
    arcs: list[Arc] = []
    for position, (kind, first, last) in enumerate(runs):
        opening, closing = edges[first], edges[last]
        if kind in ("lower", "upper") or (kind == "singular" and last - first >= _SINGULAR_RUN):
            arcs.append(Arc(ArcKind(kind), opening, closing))
            continue
        before = runs[position - 1][0] if position > 0 else None
        after = runs[position + 1][0] if position + 1 < len(runs) else None
        amount = np.sum(fractions[first:last] * np.diff(edges[first : last + 1]))
        arcs.extend(_switches(before, after, opening, closing, amount))
    return joined(arcs)


def joined(arcs) -> tuple[Arc, ...]:
    """Without arcs of no length, and with neighbours of one kind made one."""
    result: list[Arc] = []
    for arc in arcs:
        if arc.stop <= arc.start:
            continue
        if result and result[-1].kind == arc.kind:
            arc = Arc(arc.kind, result.pop().start, arc.stop)
        result.append(arc)
    return tuple(result)


def without(arcs: Sequence[Arc], index: int) -> tuple[Arc, ...]:
    """The arcs without one, whose place its neighbours share."""
    gone, rest = arcs[index], list(arcs)
    middle = (gone.start + gone.stop) / 2
    rest.pop(index)
    if index == 0:
        middle = gone.start
    elif index == len(rest):
        middle = gone.stop
    if index > 0:
        rest[index - 1] = dataclasses.replace(rest[index - 1], stop=middle)
    if index < len(rest):
        rest[index] = dataclasses.replace(rest[index], start=middle)
    return joined(rest)


def inserted(arcs: Sequence[Arc], new: Arc) -> tuple[Arc, ...]:
    """The arcs with another one in place of what they do there."""
    if not new.stop > new.start:
        return tuple(arcs)
    result = []
    for arc in arcs:
        result.append(dataclasses.replace(arc, stop=min(arc.stop, new.start)))
        if arc.start <= new.start < arc.stop:
            result.append(new)
        result.append(dataclasses.replace(arc, start=max(arc.start, new.stop)))
    return joined(result)


def _runs(kinds):
    """Maximal runs (kind, first, last + 1) of equal kinds."""
    changes = np.flatnonzero(kinds[1:] != kinds[:-1]) + 1
    firsts, lasts = [0, *changes], [*changes, kinds.size]
    return [(str(kinds[i]), int(i), int(j)) for i, j in zip(firsts, lasts, strict=True)]


def _without_ripple(runs):
    """Bang runs of at most two cells between long singular ones become part of them."""

    def long(run):
        return run[0] == "singular" and run[2] - run[1] >= _SINGULAR_RUN

    result = list(runs)
    for i in range(1, len(runs) - 1):
        if runs[i][2] - runs[i][1] <= 2 and long(runs[i - 1]) and long(runs[i + 1]):
            result[i] = ("singular", runs[i][1], runs[i][2])
    joint: list = []
    for run in result:
        if joint and joint[-1][0] == run[0]:
            run = (run[0], joint.pop()[1], run[2])
        joint.append(run)
    return joint


def _switches(before, after, opening, closing, amount):
    """Bang arcs in place of a few interior cells, with the same integral of u."""
    length = closing - opening
    upper, lower = ArcKind.upper, ArcKind.lower
    if "upper" in (before, after) and before == after:
        # A short visit of the other bound, in the middle.
        gap = (length - amount) / 2
        middle = (opening + closing) / 2
        return [
            Arc(upper, opening, middle - gap),
            Arc(lower, middle - gap, middle + gap),
            Arc(upper, middle + gap, closing),
        ]
    if "lower" in (before, after) and before == after:
        half = amount / 2
        middle = (opening + closing) / 2
        return [
            Arc(lower, opening, middle - half),
            Arc(upper, middle - half, middle + half),
            Arc(lower, middle + half, closing),
        ]
    if before == "upper" or after == "lower":
        switch = opening + amount
        return [Arc(upper, opening, switch), Arc(lower, switch, closing)]
    switch = closing - amount
    return [Arc(lower, opening, switch), Arc(upper, switch, closing)]
