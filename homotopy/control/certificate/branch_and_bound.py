"""The globally optimal controls of a residual system, with a proof of how good they are.

Branch and bound on the signs of the residuals (theory §4). A node says of some times or intervals
which sign a residual has; the dual bounds its cost from below. Controls are found on the way:
those that attain the bound, with their switch times polished by Newton's method. The range of the
residuals is first narrowed to the controls that beat the incumbent, which alone closes most
instances. For one row that range is exact (`one_row`); for several it is what ellipsoids and sweeps
with the dual leave (`several_rows`).
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable

import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.one_row import OneRowNodes
from homotopy.control.certificate.result import Certificate
from homotopy.control.certificate.search import Search
from homotopy.control.certificate.several_rows import SeveralRowsNodes
from homotopy.control.certificate.switching import Controls
from homotopy.control.certificate.system import ResidualSystem

Nodes = type[OneRowNodes] | type[SeveralRowsNodes]

REACHED = 1e-20  # of the cost at the start: a cost that counts as zero


def certified_optimum(
    system: ResidualSystem,
    gap: float = 1e-6,
    time_limit: float | Deadline = np.inf,
    max_nodes: int = 100_000,
    starts: tuple[Controls, ...] = (),
    report: Callable[[int, float, float], None] | None = None,
    nodes: Nodes | None = None,
) -> Certificate:
    """Minimise the cost over all measurable controls, to a relative gap.

    Parameters
    ----------
    system : ResidualSystem
    gap : float
        Of the cost: (cost − lower bound) / cost.
    time_limit : float
        Seconds of computing, or a deadline; the honest gap so far is returned when they are over.
    max_nodes : int
    starts : tuple of controls
        Tried first.
    report : callable, optional
        Called with (nodes, cost, lower bound) now and then.
    nodes : OneRowNodes or SeveralRowsNodes, optional
        What a node knows; by default the first for one row, and the second for several. The second
        takes one row as well, without its exact range.
    """
    deadline = Deadline.of(time_limit)
    # The distance to the goal has shrunk by ten digits, or to what rounding cannot tell from none:
    # it is reached.
    initial = np.linalg.norm(system.deviation(system.start))
    blurred = np.linalg.norm(system.errors.start) + np.linalg.norm(system.errors.goal)
    blur = 0.5 * float(max(blurred, system.rounding)) ** 2
    floor = max(0.5 * REACHED * float(initial) ** 2, blur)
    search = Search(system, gap, floor, blur, deadline, report)
    for controls in ((BangBangControl(0, ()),) * system.controls, *starts):
        search.begin(controls)
    interrupted = False
    try:
        with contextlib.suppress(OutOfTime):
            _run(search, starts, max_nodes, nodes)
        search.note()
    except KeyboardInterrupt:
        interrupted, search.report = True, None  # no call that could interrupt again
        search.note()
    bound = search.lower_bound()
    return Certificate(
        controls=search.controls,
        cost=search.best,
        lower_bound=bound,
        cost_error=search.error,
        nodes=search.nodes,
        evaluations=search.evaluations,
        root_bound=search.root_bound,
        resolution=floor,
        history=tuple(search.history),
        finished=bool(bound >= search.most * (1.0 - gap)),
        interrupted=interrupted,
    )


def _run(search: Search, starts: tuple[Controls, ...], max_nodes: int, kind: Nodes | None) -> None:
    """Search; `search` holds what was found and proved whenever an exception ends it."""
    search.begin_searching(starts)
    kind = kind or (OneRowNodes if len(search.system.rows) == 1 else SeveralRowsNodes)
    nodes = kind(search)
    if search.best > search.floor:
        nodes.root()
        search.pending = np.inf
        search.note()
    while search.heap and search.heap[0].bound < search.enough:
        if search.nodes >= max_nodes or search.late:
            break
        search.pending = search.heap[0].bound  # first: an interruption loses no node
        cost_before = search.best
        if not nodes.branch(heapq.heappop(search.heap)):
            break  # late, with the node still pending, whose bound holds
        search.pending = np.inf
        if search.best < cost_before or search.nodes % 10 == 0:
            search.note()
