"""How long a search may go on."""

from __future__ import annotations

import time

from homotopy._checks import seconds as checked_seconds


class OutOfTime(Exception):
    """Raised inside a search whose time is up, and caught where its best so far is known."""


class Deadline:
    """A point in time, so many seconds from now.

    Parameters
    ----------
    seconds : float
        > 0; infinite for no limit.

    Raises
    ------
    ValueError
        Naming `time_limit`, as the argument of a search is called.
    """

    def __init__(self, seconds: float = float("inf")):
        self.seconds = checked_seconds("time_limit", seconds)
        self._begin = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._begin

    @property
    def left(self) -> float:
        """Seconds until the time is up; a little more than none once it is."""
        return max(self.seconds - self.spent, 1e-9)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.spent > self.seconds

    def check(self) -> None:
        """Raise `OutOfTime` where the time is up."""
        if self.over:
            raise OutOfTime


UNLIMITED = Deadline()
