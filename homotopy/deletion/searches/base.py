"""What a search for the best schedule must provide."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from homotopy._module import Module
from homotopy._progress import Monitor
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import Optimum, OptimumStatus, unfinished
from homotopy.schedules import AbstractSchedule


class AbstractSearch(Module):
    """A family of schedules and the way it is searched; passed to `optimise` as `over`."""

    @abc.abstractmethod
    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> Optimum:
        """The best schedule for one problem.

        A search that may take long calls `monitor.report` now and then, and answers
        `KeyboardInterrupt` with the best found so far and the status `interrupted`.
        """

    def search_all(
        self,
        deletions: Sequence[Deletion],
        warm_starts: Sequence,
        monitor: Monitor,
    ) -> list:
        """The best schedules for many problems; one after the other unless a search does better.

        From and to lists of what `search` takes and returns.
        """
        optima: list = []
        quiet = monitor if len(deletions) == 1 else Monitor(False)
        try:
            for deletion, warm_start in zip(deletions, warm_starts, strict=True):
                optima.append(self.search(deletion, warm_start, quiet))
                monitor.report(len(optima), len(deletions), optima[-1].cost)
                if optima[-1].status is OptimumStatus.interrupted:  # `==` asks JAX
                    break
        except KeyboardInterrupt:
            pass
        return optima + [unfinished(deletion) for deletion in deletions[len(optima) :]]
