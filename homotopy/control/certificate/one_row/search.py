"""Nodes of branch and bound for one row: what is known of the sign of v at some times.

At the root the tube is exact. It is narrowed to the schedules that beat the best one known, with
the best q of the dual as normal, in rounds; that alone closes most instances. A node is divided by
the sign of v at one time, in the middle of the gap that promises most. From there on changes of
sign are counted (`changes`), and a short gap between equal signs is probed for the other one.
"""

from __future__ import annotations

import itertools

import numpy as np

from homotopy.control.certificate.one_row.changes import dipping, most_changes
from homotopy.control.certificate.one_row.kernels import Tube
from homotopy.control.certificate.one_row.node import (
    Bounder,
    Dual,
    Point,
    copied,
    refined,
    whole_tube,
)
from homotopy.control.certificate.one_row.order import order_bound
from homotopy.control.certificate.one_row.row import OneRow
from homotopy.control.certificate.rounding import UNIT
from homotopy.control.certificate.search import OpenNode, Search
from homotopy.control.certificate.switching import final_deviation
from homotopy.control.certificate.system import ResidualSystem

_CELLS, _GEOMETRIC = 64, 48
_ROUNDS, _CHILD_ROUNDS = 8, 1  # of cuts
_PLACES, _CHILD_PLACES = 120, 4  # edges that are cut in a round
_ADJUSTMENTS = 3  # of κ
# A gap is probed further where the bound so far is poor, of what would be enough, or where the
# first try gains so much of what it is short of.
_PROBED_BELOW, _PROBED_GAIN = 0.9, 0.5
_GAP_CELLS = 8  # least number of cells in a gap without sign
_SHORTEST = 1e-13  # gap that is divided, of the span
_READY: list[bool] = []  # once the loops are compiled


class OneRowNodes:
    """The nodes of a search: the root, and how they are divided."""

    def __init__(self, search: Search):
        self.search, self.system = search, search.system

    def root(self) -> None:
        """Bound the root, and keep it."""
        search, system = self.search, self.system
        self.bounder, tube = search.within(_compiled_tube, system)
        costate = final_deviation(system, search.controls)
        if not costate.any():
            costate = np.array(system.rows[0])
        # By the order of ends first: where that is enough, however wide the gaps.
        if width_of(tube) > 0.0:
            search.root_bound = search.pending = order_bound(self.bounder, tube)
            if search.root_bound >= search.enough:
                search.closed = search.root_bound
                search.nodes += 1
                return
        kept = self._bounded(tube, costate, search.root_bound)
        if kept is None:  # nothing beats the best known
            search.root_bound = search.closed = search.enough
            search.nodes += 1
            return
        tube, point = kept
        if search.root_bound < search.enough and width_of(tube) > 0.0:
            # What signs at some times leave for others, from here on.
            self.bounder.changes = most_changes(system)
            before = width_of(tube)
            narrower = copied(tube)
            if not self.bounder.narrow(narrower):
                kept = None
            elif width_of(narrower) < before:
                kept = self._bounded(narrower, point.costate, search.root_bound, (tube, point))
            if kept is None:
                search.root_bound = search.closed = search.enough
                search.nodes += 1
                return
            tube, point = kept
        if search.poor:
            search.look_further()
        if search.root_bound < search.enough:
            search.look_around(at_root=True)
        search.keep(tube, point, search.root_bound, self._place(tube, point) is not None)

    def branch(self, opened: OpenNode) -> bool:
        """Divide a node; False where there was no time to."""
        search, tube = self.search, opened.node
        search.look_around()
        place = self._place(tube, opened.point)
        if place is None:
            search.closed = min(search.closed, opened.bound)
            return True
        edges, mark = divided(tube, opened.point.promise(tube), *place)
        finer = refined(tube, edges)
        for sign in (1, -1):
            if search.late:
                return False
            child = copied(finer)
            if sign > 0:
                child.low[mark] = max(child.low[mark], 0.0)
            else:
                child.high[mark] = min(child.high[mark], 0.0)
            self.bounder.narrow_end(child, self._radius)
            if not self.bounder.narrow(child):
                continue
            first, last = np.searchsorted(edges, tube.edges[list(place)]).tolist()
            if not self._without_dips(child, (first, mark, last), opened):
                continue
            kept = self._bounded(child, opened.point.costate, opened.bound, (tube, opened.point))
            if kept is not None:
                divisible = self._place(*kept) is not None
                search.keep(*kept, opened.bound, divisible)
        return True

    def _without_dips(self, tube: Tube, ends: tuple[int, ...], opened: OpenNode) -> bool:
        """Give a sign, in place, to gaps between equal ones in which no other one is any good.

        To have it somewhere in a short gap v has to be small throughout. False where that leaves
        no schedule.
        """
        search, bounder, found = self.search, self.bounder, False
        for first, last in itertools.pairwise(ends):
            dip = dipping(tube, first, last, bounder.row.feedback)
            if dip is None or search.late:
                continue
            if bounder.narrow(dip):
                dual = bounder.dual(dip, (opened.node, opened.point))
                point = dual(opened.point.costate)
                needed = opened.bound + _PROBED_GAIN * (search.enough - opened.bound)
                if point.bound >= needed or opened.bound < _PROBED_BELOW * search.enough:
                    point = search.evaluate(dual, point.costate, hasty=True)
                if point.bound < search.enough:
                    continue
                search.closed = min(search.closed, point.bound)
            cells = slice(first, last)
            if tube.low[first] >= 0.0:
                tube.cell_low[cells] = np.maximum(tube.cell_low[cells], 0.0)
            else:
                tube.cell_high[cells] = np.minimum(tube.cell_high[cells], 0.0)
            found = True
        return not found or bounder.narrow(tube)

    def _bounded(
        self,
        tube: Tube,
        costate: np.ndarray,
        parent: float,
        before: tuple[Tube, Point] | None = None,
    ) -> tuple[Tube, Point] | None:
        """A narrower tube and the dual's best point on it; None where nothing better is left."""
        search, best, width, at_root = self.search, parent, np.inf, before is None
        rounds, places = (_ROUNDS, _PLACES) if at_root else (_CHILD_ROUNDS, _CHILD_PLACES)
        for round_ in range(rounds + 1):
            dual = self.bounder.dual(tube, before)
            dual.count_changes(costate)
            point = self._adjusted(dual, costate)
            gained = point.bound > best + 0.1 * (search.best - best)
            best = max(best, point.bound)
            if at_root:
                search.root_bound = search.pending = best
            if point.bound > 0.0:
                costate = point.costate
            now = width_of(tube)
            done = best >= search.enough or now == 0.0 or round_ == rounds or search.late
            if done or not (gained or now < 0.9 * width):
                break
            width = now
            dual.take(point)
            narrower = self._cut(dual, costate, places)
            if narrower is None:
                return None
            before, tube = (tube, point), narrower
        return tube, point

    def _adjusted(self, dual: Dual, costate: np.ndarray) -> Point:
        """The best point of a dual whose κ is adjusted while that helps."""
        search, signed = self.search, width_of(dual.tube) == 0.0
        hasty = not signed and self.bounder.changes is not None
        point = search.evaluate(dual, costate, hasty)
        if signed and point.bound < search.enough and not search.late:
            # No sign is left to ask for: there is only another q.
            end = final_deviation(self.system, search.controls)
            other = search.evaluate(dual, end) if end.any() else point
            point = max(point, other, key=lambda each: each.bound)
        for _ in range(_ADJUSTMENTS):
            if point.bound >= search.enough or search.late or not dual.adjust(point):
                break
            better = search.evaluate(dual, point.costate if point.bound > 0.0 else costate, hasty)
            gained = better.bound - point.bound
            if gained > 0.0:
                point = better
            if gained < 0.1 * (search.best - point.bound):
                break
        return point

    def _cut(self, dual: Dual, costate: np.ndarray, most: int) -> Tube | None:
        """The tube of the schedules that beat the best known; None where there are none."""
        tube = dual.tube
        unsigned = (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
        beside = np.append(False, unsigned) | np.append(unsigned, False)
        places = np.flatnonzero(beside)
        if places.size > most:
            places = places[np.linspace(0, places.size - 1, most).astype(int)]
        normal = costate / np.linalg.norm(costate)
        if not dual.cut(normal, self._radius, places, True):
            return None
        narrower = copied(tube)
        self.bounder.narrow_end(narrower, self._radius)
        return narrower if self.bounder.narrow(narrower) else None

    @property
    def _radius(self) -> float:
        """How far from the goal schedules end that beat the best known."""
        return float(np.sqrt(2.0 * self.search.best)) * (1.0 + 4 * UNIT)

    def _place(self, tube: Tube, point: Point) -> tuple[int, int] | None:
        """The gap whose sign promises most; None where none is worth it.

        It is not where rounding is what the bound is short of, and where nothing is long enough.
        """
        needed = np.linalg.norm(point.costate) * np.sqrt(2.0 * self.search.enough)
        if point.value + 2.0 * point.error >= needed:
            return None
        best, place = -np.inf, None
        promise = point.promise(tube)
        for first, last in gaps(tube):
            length = tube.edges[last] - tube.edges[first]
            if length <= _SHORTEST * self.system.span:
                continue
            weight = float(promise[first:last].sum())
            if weight > best:
                best, place = weight, (first, last)
        return place


def _compiled_tube(system: ResidualSystem) -> tuple[Bounder, Tube]:
    """The exact tube; the first time in a process, all the loops are compiled on the way."""
    bounder, tube = exact_tube(system)
    if not _READY:
        dual = bounder.dual(copied(tube))
        dual.adjust(dual(bounder.row.row))
        dual.cut(bounder.row.row, np.inf, np.array([0]), True)
        order_bound(bounder, tube)
        _READY.append(True)
    return bounder, tube


def exact_tube(system: ResidualSystem, edges: np.ndarray | None = None) -> tuple[Bounder, Tube]:
    """Of all measurable controls; on the base grid by default."""
    bounder = Bounder(OneRow(system), base_grid(system) if edges is None else edges)
    tube = whole_tube(bounder.row, bounder.edges)
    bounder.narrow(tube)
    if bounder.sharpen(tube):
        bounder.narrow(tube)
    return bounder, tube


def base_grid(system: ResidualSystem) -> np.ndarray:
    """Equal cells, and finer ones at first, where the fastest modes of the state die out."""
    uniform = np.linspace(0.0, system.span, _CELLS + 1)
    fastest = float(system.rates.max() + np.sum(system.rows**2))
    first = min(0.2 / max(fastest, 1e-300), 0.5 * uniform[1])
    early = np.geomspace(first, system.span, _GEOMETRIC)[:-1]
    edges = np.unique(np.concatenate([uniform, early]))
    keep = np.append(np.diff(edges) > 1e-12 * system.span, True)
    keep[0] = True
    return edges[keep]


def gaps(tube: Tube) -> list[tuple[int, int]]:
    """First and last edge of each run of cells without sign, between edges that have one."""
    unsigned = (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
    known = (tube.low >= 0.0) | (tube.high <= 0.0)
    found: list[tuple[int, int]] = []
    for cell in np.flatnonzero(unsigned).tolist():
        if found and found[-1][1] == cell and not known[cell]:
            found[-1] = found[-1][0], cell + 1
        else:
            found.append((cell, cell + 1))
    return found


def divided(tube: Tube, promise: np.ndarray, first: int, last: int) -> tuple[np.ndarray, int]:
    """A grid with enough cells in a gap, and the edge in the middle of its promise."""
    edges, lost = tube.edges[first : last + 1], promise[first:last]
    lost = lost + (1e-3 * lost.sum() + 1e-300) * np.diff(edges) / (edges[-1] - edges[0])
    share = np.append(0.0, np.cumsum(lost)) / lost.sum()
    time = float(np.interp(0.5, share, edges))
    width = edges[-1] - edges[0]
    time = min(max(time, edges[0] + 0.1 * width), edges[-1] - 0.1 * width)
    near = edges[np.argmin(np.abs(edges - time))]
    if abs(near - time) <= 0.05 * width and edges[0] < near < edges[-1]:
        time = float(near)
    parts = int(np.ceil(_GAP_CELLS / len(lost)))
    inner = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(parts) / parts
    grid = np.unique(np.concatenate([tube.edges, inner.ravel(), [time]]))
    return grid, int(np.searchsorted(grid, time))


def width_of(tube: Tube) -> float:
    """Of what has no sign."""
    unsigned = (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
    return float((tube.cell_high - tube.cell_low)[unsigned] @ np.diff(tube.edges)[unsigned])


def residual_tube(system: ResidualSystem, times: np.ndarray):
    """The exact range of v at some times, and at others between them.

    Returns
    -------
    times, lower, upper : (m,)
    signs : (m−1,)
        1, −1, or 0 where it can be either.
    """
    _, tube = exact_tube(system, np.unique(np.concatenate([base_grid(system), times])))
    signs = np.where(tube.cell_low >= 0.0, 1, np.where(tube.cell_high <= 0.0, -1, 0))
    return tube.edges, tube.low, tube.high, signs
