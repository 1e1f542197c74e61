"""The globally optimal controls of a residual system, with a proof of how good they are.

Branch and bound on the signs of the residuals (theory §4). A node says of some intervals that a
residual is positive, negative, or has a zero there; `dual` bounds its cost from below. Controls
are found on the way: those that attain the bound, with their switch times polished by Newton's
method. The range of the residuals is first narrowed to the controls that beat the incumbent, which
alone closes most instances.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.branching import alternatives, branching_place
from homotopy.control.certificate.dual import SupportPoint
from homotopy.control.certificate.regions import (
    Node,
    Region,
    refreshed,
    replaced,
    root_node,
    unsigned_cells,
)
from homotopy.control.certificate.residual_range import RangeFinder, ResidualRange
from homotopy.control.certificate.result import Certificate
from homotopy.control.certificate.rounding import UNIT
from homotopy.control.certificate.switching import (
    Controls,
    cost,
    cost_interval,
    final_deviation,
    polish,
)
from homotopy.control.certificate.system import ResidualSystem
from homotopy.control.switched import SwitchedFlow, best_arcs

REACHED = 1e-20  # of the cost at the start: a cost that counts as zero

_CELLS, _EARLY_CELLS = 64, 12
_ROUNDS = 8  # of narrowing the range at the root
_MOST_SWITCHES = 16
_SWITCHES, _MANY_SWITCHES = 3, 6  # of the controls from which the search starts
_POLISH = 1000  # steps of Newton's method
_POOR = 0.9  # of the cost: a bound at the root below it calls for more starts
_WIDE, _CHILD_SWEEPS = 3, 3  # cells without a sign for which the range of a child is computed
_EVALUATIONS, _SHARED_EVALUATIONS = 90, 30  # of the dual, at most, at a node


@dataclass(order=True)
class _Open:
    bound: float
    order: int
    node: Node = field(compare=False)
    point: SupportPoint = field(compare=False)
    found: ResidualRange = field(compare=False)


class _Search:
    def __init__(self, system, gap, floor, deadline, report):
        self.system, self.gap, self.floor = system, gap, floor
        self.deadline, self.report = deadline, report
        # All at once, so that an interruption does not come in between.
        self.incumbent: tuple[float, Controls | None, float] = (np.inf, None, 0.0)
        # Where no sign decides by itself κ changes with the grid only: an evaluation is long, and
        # the last digits of the bound are not to be had.
        shared = system.controls < len(system.rows)
        self.effort = _SHARED_EVALUATIONS if shared else _EVALUATIONS
        self.tried: set = set()
        self.evaluations = self.nodes = 0
        self.heap: list[_Open] = []
        self.closed = np.inf  # the least bound among nodes that need no branching
        self.compiled = False  # what polishes controls
        self.root_bound = 0.0
        self.pending = 0.0  # of the node being divided, or of the root as far as known
        self.order = itertools.count()
        self.history: list[tuple[int, float, float]] = []

    # ---------------------------------------------------------------- controls
    @property
    def best(self) -> float:
        return self.incumbent[0]

    @property
    def controls(self) -> Controls | None:
        return self.incumbent[1]

    @property
    def error(self) -> float:
        return self.incumbent[2]

    def offer(self, value: float, controls: Controls) -> None:
        if value < self.best:
            low, high = cost_interval(self.system, controls)
            self.incumbent = value, controls, max(high - value, value - low)

    def begin(self, controls: Controls) -> None:
        """Controls as they are, by what needs no compiled loops."""
        apart = final_deviation(self.system, controls)
        self.offer(0.5 * float(apart @ apart), controls)

    def consider(self, controls: Controls, hopeless: float = 2.0) -> None:
        """Polish controls, unless the like were tried, and keep them if they are the best.

        Those of more than `hopeless` times the best cost are not polished.
        """
        controls = tuple(control.cleaned(self.system.span) for control in controls)
        count = sum(len(control.switches) for control in controls)
        if count > _MOST_SWITCHES * len(controls):
            return
        key = tuple(_roughly(control, self.system.span) for control in controls)
        if key in self.tried:
            return
        arguments = self.system, controls, hopeless * self.best, self.deadline
        # In another thread, which takes as long as a polish, as long as something is compiled.
        wait = self.deadline.within
        polished = _polished(*arguments) if self.compiled else wait(_polished, *arguments)
        if polished is not None:
            self.tried.add(key)
            self.offer(*polished)

    @property
    def enough(self) -> float:
        """A node with that bound needs no branching.

        Where the cost is not known well enough for the gap, as much as there is to know.
        """
        known = self.error <= 0.5 * self.gap * self.best
        bound = self.most * (1.0 - self.gap) if known else self.best * (1.0 - self.gap) - self.error
        return max(bound - self.floor, 0.0)

    @property
    def most(self) -> float:
        """What the best controls may cost."""
        return self.best + self.error

    @property
    def late(self) -> bool:
        return self.deadline.over

    # ------------------------------------------------------------------- nodes
    def evaluate(self, node: Node, found: ResidualRange, costate: np.ndarray) -> SupportPoint:
        self.deadline.check()
        states = self.finder.states(found)
        point, count = maximise(
            self.system, node, costate, self.enough, self.effort, states, deadline=self.deadline
        )
        self.evaluations += count
        if not self.late:
            self.consider(attaining_controls(point, node))
        return point

    def add(self, node: Node, found: ResidualRange, costate: np.ndarray, parent: float) -> None:
        self.keep(node, found, self.evaluate(node, found, costate), parent)

    def keep(self, node: Node, found: ResidualRange, point: SupportPoint, parent: float) -> None:
        """Close a node whose bound is known, or put it among those to divide."""
        self.nodes += 1
        bound = max(point.bound, parent)
        if bound >= self.enough or branching_place(node, point, self.enough) is None:
            self.closed = min(self.closed, bound)
        else:
            heapq.heappush(self.heap, _Open(bound, next(self.order), node, point, found))

    def lower_bound(self) -> float:
        opened = self.heap[0].bound if self.heap else np.inf
        return min(self.best, self.closed, self.pending, opened)

    def note(self) -> None:
        self.history.append((self.evaluations, self.best, self.lower_bound()))
        if self.report is not None:
            self.report(self.nodes, self.best, self.lower_bound())


def certified_optimum(
    system: ResidualSystem,
    gap: float = 1e-6,
    time_limit: float | Deadline = np.inf,
    max_nodes: int = 100_000,
    starts: tuple[Controls, ...] = (),
    report: Callable[[int, float, float], None] | None = None,
) -> Certificate:
    """Minimise the cost over all measurable controls, to a relative gap.

    Parameters
    ----------
    system : ResidualSystem
    gap : float
        Of the cost: (cost − lower bound) / cost.
    time_limit : float
        Seconds, or a deadline; the honest gap so far is returned when they are over, and what is
        being compiled then goes on in the background.
    max_nodes : int
    starts : tuple of controls
        Tried first.
    report : callable, optional
        Called with (nodes, cost, lower bound) now and then.
    """
    deadline = Deadline.of(time_limit)
    # The distance to the goal has shrunk by ten digits, or to what rounding cannot tell from none:
    # it is reached.
    initial = np.linalg.norm(system.deviation(system.start))
    blurred = np.linalg.norm(system.errors.start) + np.linalg.norm(system.errors.goal)
    floor = 0.5 * max(REACHED * float(initial) ** 2, float(max(blurred, system.rounding)) ** 2)
    search = _Search(system, gap, floor, deadline, report)
    for controls in ((BangBangControl(0, ()),) * system.controls, *starts):
        search.begin(controls)
    interrupted = False
    try:
        with contextlib.suppress(OutOfTime):
            _run(search, starts, max_nodes)
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


def _run(search: _Search, starts: tuple[Controls, ...], max_nodes: int) -> None:
    """Search; `search` holds what was found and proved whenever an exception ends it."""
    for controls in (*starts, *_starts(search, _SWITCHES)):
        search.consider(controls, np.inf)
    search.compiled = True
    if search.best > search.floor:
        _root(search)
    while search.heap and search.heap[0].bound < search.enough:
        if search.nodes >= max_nodes or search.late:
            break
        _branch(search)


def _polished(
    system: ResidualSystem, controls: Controls, most: float, deadline: Deadline
) -> tuple[float, Controls] | None:
    """The nearest local minimum and its cost; None from controls that cost more than `most`."""
    return None if cost(system, controls) > most else polish(system, controls, deadline=deadline)


def _starts(search: _Search, switches: int) -> Iterator[Controls]:
    """Where to look for good controls; for one control, local minima with so many switches."""
    system = search.system
    if system.controls == 1:
        flow = SwitchedFlow(*(np.asarray(part)[None] for part in system.switched))
        found = search.deadline.within(best_arcs, flow, switches, _POLISH, [None])
        best = int(found.cost[0].argmin())
        yield (BangBangControl.of_arcs(found.arcs[0, best], system.span),)
        return
    grid = np.linspace(0.0, 1.0, switches + 1)[1:-1] * system.span
    for initial in (0, 1):
        for given in ((), *itertools.combinations_with_replacement(grid.tolist(), 2)):
            distinct = tuple(sorted(set(given)))
            yield (BangBangControl(initial, distinct),) * system.controls


def _root(search: _Search) -> None:
    """Bound the root, narrowing the range of the residuals while that helps."""
    system, deadline = search.system, search.deadline
    finder = search.finder = deadline.within(RangeFinder, system, time_grid(system), deadline)
    found = finder.find()
    costate = final_deviation(system, search.controls)
    bound, last_bound, last_width = 0.0, 0.0, np.inf
    for round_ in range(_ROUNDS + 1):
        node = root_node(found, system.control)
        point = search.evaluate(node, found, costate)
        bound, costate = max(bound, point.bound), point.costate
        search.root_bound = search.pending = bound
        width = float(np.sum((found.cell_high - found.cell_low)[found.uncertain()]))
        progress = width < 0.9 * last_width or bound > last_bound + 0.3 * (search.best - last_bound)
        branching = branching_place(node, point, search.enough) is not None
        if bound >= search.enough or round_ == _ROUNDS or not progress or search.late:
            break
        if not branching and system.controls == system.control.size:
            break
        last_bound, last_width = bound, width
        radius = _radius(search.best)
        normal = costate / np.linalg.norm(costate)
        found = finder.tighten(found, normal, radius, radius - np.sqrt(2.0 * bound))
    if bound < _POOR * search.best and not search.late:
        # Better controls are likely: look for them from more starts.
        for controls in _starts(search, _MANY_SWITCHES):
            search.consider(controls, np.inf)
    search.keep(node, found, point, bound)
    search.pending = np.inf
    search.note()


def _roughly(control: BangBangControl, span: float) -> tuple:
    """A control with its switches to four digits, counted from the nearer end."""
    shares = [time / span for time in control.switches]
    return control.initial, *(f"{min(share, share - 1.0, key=abs):.3e}" for share in shares)


def _radius(cost: float) -> float:
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


def _branch(search: _Search) -> None:
    search.pending = search.heap[0].bound  # first: an interruption loses no node
    opened = heapq.heappop(search.heap)
    place = branching_place(opened.node, opened.point, search.enough)
    if place is None:
        search.closed = min(search.closed, opened.bound)
        search.pending = np.inf
        return
    control, index = place
    regions = opened.node[control]
    row = int(np.flatnonzero(search.system.control == control)[0])
    before = regions[index - 1].knowledge if index > 0 else None
    cost_before = search.best
    for pieces in alternatives(regions[index], before, row, opened.found, search.system):
        if search.late:
            return  # with the node still pending, whose bound holds
        node, found = list(opened.node), opened.found
        node[control] = replaced(regions, index, pieces)
        node = tuple(node)
        if unsigned_cells(node) > _WIDE:
            found = _narrowed(search, opened, pieces, row)
            node = None if found.empty() else refreshed(node, found)
        if node is not None:  # else no controls that beat the incumbent are there
            search.add(node, found, opened.point.costate, opened.bound)
    search.pending = np.inf
    if search.best < cost_before or search.nodes % 10 == 0:
        search.note()


def _narrowed(search: _Search, opened: _Open, pieces: list[Region], row: int) -> ResidualRange:
    """The range of the residuals on a child: what holds on it narrows all that comes later."""
    found = opened.found
    for piece in pieces:
        for place in range(len(piece.low)):
            left, right = piece.edges[place], piece.edges[place + 1]
            found = found.restricted(left, right, row, piece.low[place, 0], piece.high[place, 0])
    found = search.finder.find(found, _CHILD_SWEEPS)
    costate, radius = opened.point.costate, _radius(search.best)
    normal = costate / np.linalg.norm(costate)
    return search.finder.tighten(found, normal, radius, radius - np.sqrt(2.0 * opened.bound))


def attaining_controls(point: SupportPoint, node: Node) -> Controls:
    """ε as it was in the bound, going forwards, where it was 0 or 1 (elsewhere rounded)."""
    controls = []
    for index in range(len(node)):
        now, value, initial, switches = 0.0, None, 0, []
        for piece in reversed(point.pieces):
            weight = piece.weights[index]
            new = value if weight == 0.5 and value is not None else int(weight > 0.5)
            if value is None:
                initial = new
            elif new != value:
                switches.append(now)
            value = new
            now += piece.duration
        controls.append(BangBangControl(initial, tuple(switches)))
    return tuple(controls)
