"""Searches that keep their best, and hand it out however they end."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable

import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy._progress import Monitor, Progress
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.system import ControlAffine


class AbstractSearch(abc.ABC):
    """The best solution so far, and how it is improved.

    Attributes
    ----------
    best : Solution or None
    counts : dict
    """

    def __init__(
        self, system: ControlAffine, tolerance: float, deadline: Deadline, monitor: Monitor
    ):
        self.system, self.tolerance, self.deadline = system, tolerance, deadline
        self.monitor = monitor
        self.best: Solution | None = None
        self.counts = {"cells": 0, "evaluations": 0, "newton": 0, "rounds": 0}

    @abc.abstractmethod
    def run(self, *arguments) -> None:
        """Search; `best` holds what was found whenever an exception ends it."""

    def report(self, cost: float) -> None:
        """Progress, in seconds of the time limit."""
        limit = self.deadline.seconds
        least = cost if self.best is None else min(cost, self.best.cost)
        total = int(np.ceil(limit)) if np.isfinite(limit) else 0
        self.monitor.report(int(self.deadline.check()), total, least)

    def ended(self, best: Solution, status: SolutionStatus) -> Solution:
        """The best so far, which says how the search ended."""
        return dataclasses.replace(best, status=status, counts=dict(self.counts))


def found_by(
    start: Callable[[Deadline, Monitor], AbstractSearch],
    time_limit: float | Deadline,
    progress: bool | Callable[[Progress], None] | None,
    *arguments,
) -> Solution:
    """Run a search to its end, to the time limit, or until `KeyboardInterrupt`.

    Neither is passed on, unless nothing was found yet.
    """
    deadline = Deadline.of(time_limit)
    with Monitor(progress, "cost", deadline.seconds) as monitor:
        search = start(deadline, monitor)
        try:
            deadline.keep(lambda: search.run(*arguments), lambda: search.best is not None)
        except (OutOfTime, KeyboardInterrupt) as stop:
            # Once: where it is left while it compiles, it may go on to a better one meanwhile.
            best = search.best
            if best is None:
                raise
            timed = isinstance(stop, OutOfTime)
            status = SolutionStatus.time_limit if timed else SolutionStatus.interrupted
            return search.ended(best, status)
    return search.best
