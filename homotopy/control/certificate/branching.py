"""Where a node is divided, and into which cases."""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.dual import SupportPoint
from homotopy.control.certificate.regions import SIGNED, Knowledge, Node, Region
from homotopy.control.certificate.residual_range import ResidualRange
from homotopy.control.certificate.rounding import gamma
from homotopy.control.certificate.system import ResidualSystem

_LEAST_LOSS = 1e-4  # of what the dual is short of, below which a region is not divided
_SHORTEST = 1e-13  # region that is divided, of the span


def branching_place(node: Node, point: SupportPoint, enough: float) -> tuple[int, int] | None:
    """The region without a sign on which the bound loses most; None where none is worth it.

    What is lost there must matter for the dual to rise to the bound that is enough; else it is
    rounding that keeps the bound below.
    """
    size = np.linalg.norm(point.costate)
    short = size * (np.sqrt(2.0 * enough) - np.sqrt(2.0 * point.bound))
    most, place = _LEAST_LOSS * max(short, 0.0), None
    for control, regions in enumerate(node):
        for index, region in enumerate(regions):
            if region.signed or region.low.shape[1] > 1:
                continue
            if region.right - region.left <= _SHORTEST * regions[-1].right:
                continue
            if point.losses[control][index] > most:
                most, place = point.losses[control][index], (control, index)
    return place


def alternatives(
    region: Region, before: Knowledge | None, row: int, found: ResidualRange, system: ResidualSystem
) -> list[list[Region]]:
    """Cases that cover all trajectories of a region, given what is known just before it."""
    feedback = float(np.sum(system.sizes.rows[row] ** 2)) * (1.0 + gamma(system.operations))
    positive, negative = Knowledge.positive, Knowledge.negative
    unknown = region.knowledge is Knowledge.unknown
    known = before in SIGNED
    if unknown and not (known and len(region.low) > 1):
        return [
            [region.known(positive)],
            [region.known(negative)],
            [region.vanishing(found, row, feedback)],
        ]
    least, most = found.slope_range(region.left, region.right, row)
    first, second = region.halves()
    early, late = (half.vanishing(found, row, feedback) for half in (first, second))
    if unknown:  # the first zero is in the first half, or not
        return [[first.known(before), second], [early, second]]
    # Where v̇ has one sign at every zero there is one zero, and the signs around it are known.
    falling = [[first.known(positive), late], [early, second.known(negative)]]
    rising = [[first.known(negative), late], [early, second.known(positive)]]
    if most < 0.0:
        return falling
    if least > 0.0:
        return rising
    if known:
        return [[first.known(before), late], [early, second.unsigned()]]
    return [*falling, *rising, [early, late]]
