"""What is known of the sign of each residual: the nodes of branch and bound."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from homotopy.control.certificate.residual_range import ResidualRange


class Knowledge(Enum):
    """Of the residual v throughout a region."""

    positive = "v >= 0"
    negative = "v <= 0"
    unknown = "either sign"
    vanishing = "v = 0 somewhere"


_LONGEST = 100.0  # exponent of what can hide before a zero
SIGNED = (Knowledge.positive, Knowledge.negative)


@dataclass(frozen=True)
class Region:
    """An interval of time, divided into cells on which low <= v <= high.

    Attributes
    ----------
    knowledge : Knowledge
    edges : (m+1,)
        Of the cells; a signed region is one cell.
    low, high : (m, rows)
        Of the rows of one control.
    """

    knowledge: Knowledge
    edges: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def left(self) -> float:
        return float(self.edges[0])

    @property
    def right(self) -> float:
        return float(self.edges[-1])

    @property
    def signed(self) -> bool:
        return self.knowledge in SIGNED

    def known(self, knowledge: Knowledge) -> Region:
        """The same interval as one cell of known sign."""
        low, high = self.low.min(axis=0)[None], self.high.max(axis=0)[None]
        if knowledge is Knowledge.positive:
            low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
        else:
            low, high = np.minimum(low, 0.0), np.minimum(high, 0.0)
        return Region(knowledge, self.edges[[0, -1]], low, high)

    def vanishing(self, found: ResidualRange, row: int, feedback: float) -> Region:
        """The same interval, if v has a zero in it: |v| is at most its length times the slope.

        Before the zero, ε‖b‖²v can hide a larger v than after it: hence the exponential.
        """
        length = self.right - self.left
        slope = max(abs(slope) for slope in found.slope_range(self.left, self.right, row))
        exponent = feedback * length
        if exponent > _LONGEST:  # the zero says nothing of v so long before it
            return Region(Knowledge.vanishing, self.edges, self.low, self.high)
        reach = (1.0 + 1e-12) * length * slope * np.exp(exponent)
        return Region(
            Knowledge.vanishing,
            self.edges,
            np.maximum(self.low, -reach),
            np.minimum(self.high, reach),
        )

    def unsigned(self) -> Region:
        """The same interval and bounds, without the knowledge of a zero."""
        return Region(Knowledge.unknown, self.edges, self.low, self.high)

    def halves(self) -> tuple[Region, Region]:
        """Cut in two, between cells where there are several."""
        if len(self.low) == 1:
            middle = 0.5 * (self.left + self.right)
            first, second = np.array([self.left, middle]), np.array([middle, self.right])
            return (
                Region(self.knowledge, first, self.low, self.high),
                Region(self.knowledge, second, self.low, self.high),
            )
        cut = len(self.low) // 2
        return (
            Region(self.knowledge, self.edges[: cut + 1], self.low[:cut], self.high[:cut]),
            Region(self.knowledge, self.edges[cut:], self.low[cut:], self.high[cut:]),
        )


Node = tuple[tuple[Region, ...], ...]  # for each control, its regions in the order of time


def root_node(found: ResidualRange, control: np.ndarray) -> Node:
    """What the range of the residuals tells."""
    return tuple(
        _runs(found, np.flatnonzero(control == index)) for index in range(control.max() + 1)
    )


def _runs(found: ResidualRange, rows: np.ndarray) -> tuple[Region, ...]:
    low, high = found.cell_low[:, rows], found.cell_high[:, rows]
    if rows.size > 1:  # with a control in common no sign decides by itself
        return (Region(Knowledge.unknown, found.times, low, high),)
    sign = np.where(low[:, 0] >= 0.0, 1, np.where(high[:, 0] <= 0.0, -1, 0))
    changes = np.flatnonzero(np.diff(sign)) + 1
    regions = []
    for start, stop in zip([0, *changes], [*changes, len(sign)], strict=True):
        region = Region(
            Knowledge.unknown, found.times[start : stop + 1], low[start:stop], high[start:stop]
        )
        if sign[start]:
            known = Knowledge.positive if sign[start] > 0 else Knowledge.negative
            region = region.known(known)
        regions.append(region)
    return tuple(regions)


def unsigned_cells(node: Node) -> int:
    """On how many cells no sign is known."""
    return sum(len(region.low) for regions in node for region in regions if not region.signed)


def refreshed(node: Node, found: ResidualRange) -> Node | None:
    """A node with the bounds of a narrower range, for a row a control; None if it is empty."""
    refreshed = []
    for row, regions in enumerate(node):
        new: list[Region] = []
        for region in regions:
            parts = [region] if region.signed else _narrowed(region, found, row)
            if not parts:
                return None
            new += parts
        refreshed.append(_joined(new))
    return tuple(refreshed)


def _narrowed(region: Region, found: ResidualRange, row: int) -> list[Region]:
    """A region without a sign, cut where the range gives one; nothing if it cannot be."""
    middles = 0.5 * (region.edges[:-1] + region.edges[1:])
    cells = np.searchsorted(found.times, middles) - 1
    low = np.maximum(region.low, found.cell_low[cells, row, None])
    high = np.minimum(region.high, found.cell_high[cells, row, None])
    if np.any(low > high):
        return []
    sign = np.where(low[:, 0] > 0.0, 1, np.where(high[:, 0] < 0.0, -1, 0))
    changes = np.flatnonzero(np.diff(sign)) + 1
    parts = []
    for start, stop in zip([0, *changes], [*changes, len(sign)], strict=True):
        part = Region(
            Knowledge.unknown, region.edges[start : stop + 1], low[start:stop], high[start:stop]
        )
        if sign[start]:
            part = part.known(Knowledge.positive if sign[start] > 0 else Knowledge.negative)
        parts.append(part)
    if region.knowledge is Knowledge.vanishing:
        open_parts = [place for place, part in enumerate(parts) if not part.signed]
        if not open_parts:
            return []
        if len(open_parts) == 1:  # the zero is there
            part = parts[open_parts[0]]
            parts[open_parts[0]] = Region(region.knowledge, part.edges, part.low, part.high)
    return parts


def replaced(regions: tuple[Region, ...], index: int, new: list[Region]) -> tuple[Region, ...]:
    """With one region replaced by several."""
    return _joined([*regions[:index], *new, *regions[index + 1 :]])


def _joined(regions: list[Region]) -> tuple[Region, ...]:
    """Neighbours of the same sign made one."""
    joined: list[Region] = []
    for region in regions:
        if joined and region.signed and joined[-1].knowledge is region.knowledge:
            left = joined[-1]
            joined[-1] = Region(
                region.knowledge,
                np.array([left.left, region.right]),
                np.minimum(left.low, region.low),
                np.maximum(left.high, region.high),
            )
        else:
            joined.append(region)
    return tuple(joined)
