"""The state of a branch and bound: the best controls, open nodes, and what is proved so far."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from homotopy._deadline import Deadline
from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.dual_point import AbstractDualPoint
from homotopy.control.certificate.known_cost import cost_interval
from homotopy.control.certificate.switching import (
    Controls,
    cost,
    final_deviation,
    polish,
)
from homotopy.control.certificate.system import ResidualSystem
from homotopy.control.switched import SwitchedFlow, best_arcs

_MOST_SWITCHES = 16
_SWITCHES, _MANY_SWITCHES = 3, 6  # of the controls from which the search starts
_POLISH = 1000  # steps of Newton's method
_POOR = 0.9  # of the cost: a bound at the root below it calls for more starts
_DRAWN, _DRAWN_EACH = 24, 3  # starts drawn after a root that does not close, and at every node
_DRAWN_SWITCHES = 8  # of those, at most
_EVALUATIONS, _SHARED_EVALUATIONS = 90, 30  # of the dual, at most, at a node
_QUICK = 64  # parameters up to which compiled steps are not waited for in another thread
_COMPILED: set = set()  # steps that have run in this process


@dataclass(order=True)
class OpenNode:
    """A node to be divided."""

    bound: float
    order: int
    node: Any = field(compare=False)
    point: AbstractDualPoint = field(compare=False)


class Search:
    def __init__(self, system, gap, floor, blur, deadline, report):
        self.system, self.gap, self.floor, self.blur = system, gap, floor, blur
        self.deadline, self.report = deadline, report
        # All at once, so that an interruption does not come in between.
        self.incumbent: tuple[float, Controls | None] = (np.inf, None)
        self._errors: dict[Controls, float] = {}  # of their costs
        # Where no sign decides by itself κ changes with the grid only: an evaluation is long, and
        # the last digits of the bound are not to be had.
        shared = system.controls < len(system.rows)
        self.effort = _SHARED_EVALUATIONS if shared else _EVALUATIONS
        self.tried: set = set()
        self.evaluations = self.nodes = 0
        self.heap: list[OpenNode] = []
        self.closed = np.inf  # the least bound among nodes that need no branching
        self.root_bound = 0.0
        self.pending = 0.0  # of the node being divided, or of the root as far as known
        self.order = itertools.count()
        self.history: list[tuple[int, float, float]] = []
        self._generator = np.random.default_rng(0)  # of starts that are drawn

    def within(self, step: Callable, *arguments):
        """A step that compiles what it calls, waited for until the time is up.

        In another thread, which costs as long as a short search: not once everything of this kind
        is compiled and quick.
        """
        kind = step, self.system.controls == 1
        if kind in _COMPILED and self.system.rates.size <= _QUICK:
            self.deadline.check()
            return step(*arguments)
        found = self.deadline.within(step, *arguments)
        _COMPILED.add(kind)
        return found

    # ---------------------------------------------------------------- controls
    @property
    def best(self) -> float:
        return self.incumbent[0]

    @property
    def controls(self) -> Controls | None:
        return self.incumbent[1]

    @property
    def error(self) -> float:
        value, controls = self.incumbent
        if controls is None:
            return 0.0
        if controls not in self._errors:
            low, high = cost_interval(self.system, controls)
            self._errors[controls] = max(high - value, value - low)
        return self._errors[controls]

    def offer(self, value: float, controls: Controls) -> None:
        if value < self.best:
            self.incumbent = value, controls

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
        polished = self.within(_polished, *arguments)
        if polished is not None:
            self.tried.add(key)
            self.offer(*polished)

    @property
    def enough(self) -> float:
        """A node with that bound needs no branching.

        Where the cost is not known well enough for the gap, as much as there is to know; nothing
        where the goal is reached.
        """
        if self.best <= self.floor:
            return 0.0
        known = self.error <= 0.5 * self.gap * self.best
        bound = self.most * (1.0 - self.gap) if known else self.best * (1.0 - self.gap) - self.error
        return max(bound - self.blur, 0.0)

    @property
    def most(self) -> float:
        """What the best controls may cost."""
        return self.best + self.error

    @property
    def late(self) -> bool:
        return self.deadline.over

    # ------------------------------------------------------------------- nodes
    def evaluate(
        self,
        dual: Callable[[np.ndarray], AbstractDualPoint],
        costate: np.ndarray,
        hasty: bool = False,
    ) -> AbstractDualPoint:
        """The best bound found on a node; its controls are looked at."""
        self.deadline.check()
        point, count = maximise(
            dual, costate, self.enough, self.effort, deadline=self.deadline, hasty=hasty
        )
        self.evaluations += count
        if not self.late:
            self.consider(point.controls())
        return point

    def keep(self, node: Any, point: AbstractDualPoint, parent: float, divisible: bool) -> None:
        """Close a node whose bound is known, or put it among those to divide."""
        self.nodes += 1
        bound = max(point.bound, parent)
        if bound >= self.enough or not divisible:
            self.closed = min(self.closed, bound)
        else:
            heapq.heappush(self.heap, OpenNode(bound, next(self.order), node, point))

    def begin_searching(self, starts: tuple[Controls, ...]) -> None:
        """Good controls, before anything is bounded."""
        for controls in (*starts, *_starts(self, _SWITCHES)):
            self.consider(controls, np.inf)

    def look_further(self) -> None:
        """After a poor bound at the root better controls are likely: from more starts."""
        for controls in _starts(self, _MANY_SWITCHES):
            self.consider(controls, np.inf)

    def look_around(self, at_root: bool = False) -> None:
        """Polish a few controls that are drawn, all arcs alike: the best known may be no optimum.

        Of one control for all rows and few parameters, which takes no longer than a part of a node.
        """
        if self.system.controls > 1 or self.system.rates.size > _QUICK:
            return
        for _ in range(_DRAWN if at_root else _DRAWN_EACH):
            if self.late or self.best <= self.floor:
                return
            count = self._generator.integers(3, _DRAWN_SWITCHES + 2)
            arcs = self._generator.dirichlet(np.ones(count))
            self.consider((BangBangControl.of_arcs(arcs, self.system.span),), np.inf)

    @property
    def poor(self) -> bool:
        """Whether the bound at the root is."""
        return self.root_bound < _POOR * self.best and not self.late

    def lower_bound(self) -> float:
        opened = self.heap[0].bound if self.heap else np.inf
        return min(self.best, self.closed, self.pending, opened)

    def note(self) -> None:
        self.history.append((self.evaluations, self.best, self.lower_bound()))
        if self.report is not None:
            self.report(self.nodes, self.best, self.lower_bound())


def _polished(
    system: ResidualSystem, controls: Controls, most: float, deadline: Deadline
) -> tuple[float, Controls] | None:
    """The nearest local minimum and its cost; None from controls that cost more than `most`."""
    return None if cost(system, controls) > most else polish(system, controls, deadline=deadline)


def _starts(search: Search, switches: int) -> Iterator[Controls]:
    """Where to look for good controls; for one control, local minima with so many switches."""
    system = search.system
    if system.controls == 1:
        flow = SwitchedFlow(*(np.asarray(part)[None] for part in system.switched))
        found = search.within(best_arcs, flow, switches, _POLISH, [None])
        best = int(found.cost[0].argmin())
        yield (BangBangControl.of_arcs(found.arcs[0, best], system.span),)
        return
    grid = np.linspace(0.0, 1.0, switches + 1)[1:-1] * system.span
    for initial in (0, 1):
        for given in ((), *itertools.combinations_with_replacement(grid.tolist(), 2)):
            distinct = tuple(sorted(set(given)))
            yield (BangBangControl(initial, distinct),) * system.controls


def _roughly(control: BangBangControl, span: float) -> tuple:
    """A control with its switches to four digits, counted from the nearer end."""
    shares = [time / span for time in control.switches]
    return control.initial, *(f"{min(share, share - 1.0, key=abs):.3e}" for share in shares)
