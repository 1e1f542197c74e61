"""How long a search may go on: in seconds of computing, those of compiling loops not counted.

Numba compiles its loops once on a machine, which may take longer than a search, and on a busy
machine longer than any limit that is meant for one. What JAX compiles is part of the computation.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as StillRunning
from typing import TypeVar

from homotopy._checks import seconds as checked_seconds
from homotopy._compiling import COMPILING, listen
from homotopy._threads import in_the_background

Value = TypeVar("Value")
_POLL, _PATIENCE = 0.02, 75  # seconds, and how often


class OutOfTime(Exception):
    """Raised inside a search whose time is up, and caught where its best so far is known."""


class Deadline:
    """A point in time, so many seconds from now; it waits while loops are compiled.

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
        if self.seconds < float("inf"):
            listen()
        self._begin = time.perf_counter() - COMPILING.seconds
        self._interrupted = False

    @classmethod
    def of(cls, limit: float | Deadline) -> Deadline:
        """The same deadline, for a part of a search; or a new one, so many seconds from now."""
        return limit if isinstance(limit, cls) else cls(limit)

    @property
    def spent(self) -> float:
        """Seconds of computing since the beginning."""
        return time.perf_counter() - COMPILING.seconds - self._begin

    @property
    def left(self) -> float:
        """Seconds until the time is up; a little more than none once it is."""
        return max(self.seconds - self.spent, 1e-9)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.spent > self.seconds

    def check(self) -> float:
        """Seconds since the beginning; raises where there are to be no more.

        `OutOfTime` where the time is up, `KeyboardInterrupt` after `interrupt`.
        """
        if self._interrupted:
            raise KeyboardInterrupt
        spent = self.spent
        if spent > self.seconds:
            raise OutOfTime
        return spent

    def interrupt(self) -> None:
        """End what looks at this deadline, in another thread, as Ctrl-C would."""
        self._interrupted = True

    def within(self, step: Callable[..., Value], *arguments) -> Value:
        """`step(*arguments)`, waited for until the time is up or Ctrl-C, also while it compiles.

        It then goes on to its end in another thread, and what it returns is lost.

        Raises
        ------
        OutOfTime
            Where it was left, or is not to begin.
        """
        self.check()
        main = threading.current_thread() is threading.main_thread()
        if self.seconds == float("inf") and not main:  # which alone Ctrl-C reaches
            return step(*arguments)
        running = in_the_background(step, *arguments)
        wait = self.left
        while True:
            try:
                return running.result(min(wait, threading.TIMEOUT_MAX))
            except StillRunning:
                if running.done():  # it raised that itself, or ended just now
                    return running.result()
                if self.over:
                    raise OutOfTime from None
            wait = max(self.left, _POLL)  # loops were compiled meanwhile

    def keep(self, search: Callable[[], Value], found: Callable[[], bool]) -> Value:
        """`search()`, left where it is when the time is up or on Ctrl-C, also while it compiles.

        It goes on in another thread up to its next `check`, and is to keep what it finds where
        `found` sees it: nothing is left before that. After Ctrl-C that is waited for by no more
        than one and a half seconds.

        Raises
        ------
        OutOfTime, KeyboardInterrupt
            Where it was left; and what the search raises.
        """
        if threading.current_thread() is not threading.main_thread():
            return search()
        running = in_the_background(search)
        ended, patience = None, _PATIENCE
        wait = self.left
        while True:
            seconds = min(wait, threading.TIMEOUT_MAX) if ended is None else _POLL
            try:
                return running.result(seconds)
            except StillRunning:
                if running.done():
                    raise
                if ended is None and not self.over:
                    wait = max(self.left, _POLL)  # loops were compiled meanwhile
                    continue
                ended = ended or OutOfTime()
            except KeyboardInterrupt as stop:
                if running.done():
                    raise
                ended = stop
                self.interrupt()
            patience -= isinstance(ended, KeyboardInterrupt)
            if found() or patience < 0:
                raise ended


UNLIMITED = Deadline()
