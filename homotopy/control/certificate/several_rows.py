"""Nodes of branch and bound for several rows: signs of each residual, region by region.

The range of the residuals comes from ellipsoids and from sweeps with the dual (`residual_range`):
the theorem behind the exact tube is one of a single row.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from homotopy.control.certificate.branching import alternatives, branching_place
from homotopy.control.certificate.dual import SupportPoint, support_point
from homotopy.control.certificate.regions import (
    Node,
    Region,
    refreshed,
    replaced,
    root_node,
    unsigned_cells,
)
from homotopy.control.certificate.residual_range import RangeFinder, ResidualRange
from homotopy.control.certificate.rounding import UNIT
from homotopy.control.certificate.search import OpenNode, Search
from homotopy.control.certificate.switching import final_deviation
from homotopy.control.certificate.system import ResidualSystem

_CELLS, _EARLY_CELLS = 64, 12
_ROUNDS = 8  # of narrowing the range at the root
_WIDE, _CHILD_SWEEPS = 3, 3  # cells without a sign for which the range of a child is computed


class SeveralRowsNodes:
    """The nodes of a search: the root, and how they are divided."""

    def __init__(self, search: Search):
        self.search = search

    def root(self) -> None:
        """Bound the root, narrowing the range of the residuals while that helps."""
        search, system, deadline = self.search, self.search.system, self.search.deadline
        grid = time_grid(system)
        finder = self.finder = deadline.within(RangeFinder, system, grid, deadline)
        found = finder.find()
        costate = final_deviation(system, search.controls)
        bound, last_bound, last_width = 0.0, 0.0, np.inf
        apart = system.controls == system.control.size
        for round_ in range(_ROUNDS + 1):
            node = root_node(found, system.control)
            point = self._evaluated(node, found, costate)
            bound, costate = max(bound, point.bound), point.costate
            search.root_bound = search.pending = bound
            widths = found.cell_high - found.cell_low
            # Of rows that share a control, signs do not decide: all that they can be counts.
            width = float(np.sum(widths[found.uncertain()] if apart else widths))
            progress = width < 0.9 * last_width or bound > last_bound + 0.3 * (
                search.best - last_bound
            )
            branching = branching_place(node, point, search.enough) is not None
            if bound >= search.enough or round_ == _ROUNDS or not progress or search.late:
                break
            if not branching and apart:
                break
            last_bound, last_width = bound, width
            found = self._tightened(found, costate, bound)
        if search.poor:
            search.look_further()
        self._keep(node, found, point, bound)

    def branch(self, opened: OpenNode) -> bool:
        """Divide a node; False where there was no time to."""
        search = self.search
        node, found = opened.node
        place = branching_place(node, opened.point, search.enough)
        if place is None:
            search.closed = min(search.closed, opened.bound)
            return True
        control, index = place
        regions = node[control]
        row = int(np.flatnonzero(search.system.control == control)[0])
        before = regions[index - 1].knowledge if index > 0 else None
        for pieces in alternatives(regions[index], before, row, found, search.system):
            if search.late:
                return False
            child, narrower = list(node), found
            child[control] = replaced(regions, index, pieces)
            child = tuple(child)
            if unsigned_cells(child) > _WIDE:
                narrower = self._narrowed(opened, pieces, row)
                child = None if narrower.empty() else refreshed(child, narrower)
            if child is not None:  # else no controls that beat the incumbent are there
                point = self._evaluated(child, narrower, opened.point.costate)
                self._keep(child, narrower, point, opened.bound)
        return True

    def _evaluated(self, node: Node, found: ResidualRange, costate: np.ndarray) -> SupportPoint:
        states = self.finder.states(found)
        dual = partial(support_point, self.search.system, node, states=states)
        return self.search.evaluate(dual, costate)

    def _keep(self, node: Node, found: ResidualRange, point: SupportPoint, parent: float) -> None:
        divisible = branching_place(node, point, self.search.enough) is not None
        self.search.keep((node, found), point, parent, divisible)

    def _narrowed(self, opened: OpenNode, pieces: list[Region], row: int) -> ResidualRange:
        """The range of the residuals on a child: what holds on it narrows all that comes later."""
        _, found = opened.node
        for piece in pieces:
            for place in range(len(piece.low)):
                left, right = piece.edges[place], piece.edges[place + 1]
                found = found.restricted(
                    left, right, row, piece.low[place, 0], piece.high[place, 0]
                )
        found = self.finder.find(found, _CHILD_SWEEPS)
        return self._tightened(found, opened.point.costate, opened.bound)

    def _tightened(self, found: ResidualRange, costate, bound: float) -> ResidualRange:
        """To the controls that beat the best known."""
        radius = radius_of(self.search.best)
        normal = costate / np.linalg.norm(costate)
        return self.finder.tighten(found, normal, radius, radius - np.sqrt(2.0 * bound))


def radius_of(cost: float) -> float:
    """How far from the goal controls of that cost end, at least."""
    return float(np.sqrt(2.0 * cost)) * (1.0 + 4 * UNIT)


def time_grid(system: ResidualSystem) -> np.ndarray:
    """Equal cells, and finer ones at first, where the fastest modes of the state die out.

    Always the same number of times, for one compilation a dimension.
    """
    uniform = np.linspace(0.0, system.span, _CELLS + 1)
    fastest = system.rates.max() + np.sum(system.rows**2)
    first = min(0.5 / max(fastest, 1e-300), 0.5 * uniform[1])
    early = np.geomspace(first, uniform[1], _EARLY_CELLS + 1)[:-1]
    return np.sort(np.concatenate([uniform, early]))
