"""For how long loops have been compiled in this process: time limits do not count it."""

from __future__ import annotations

import threading
import time
from functools import cache


class Stopwatch:
    """Runs while there is at least one thing of those that were begun and have not ended."""

    def __init__(self):
        self._lock = threading.Lock()
        self._active, self._since, self._total = 0, 0.0, 0.0

    def begin(self) -> None:
        with self._lock:
            if self._active == 0:
                self._since = time.perf_counter()
            self._active += 1

    def end(self) -> None:
        with self._lock:
            self._active -= 1
            if self._active == 0:
                self._total += time.perf_counter() - self._since

    @property
    def running(self) -> bool:
        return self._active > 0

    @property
    def seconds(self) -> float:
        """In which it ran so far."""
        with self._lock:
            now = time.perf_counter() - self._since if self._active else 0.0
            return self._total + now


COMPILING = Stopwatch()


@cache
def listen() -> None:
    """Let the stopwatch run whenever Numba compiles; what it reads back from disk is not compiled.

    Not on import of this module, for Numba's takes longer than that of the package.
    """
    from numba.core import event

    class Timer(event.Listener):
        def on_start(self, event):
            COMPILING.begin()

        def on_end(self, event):
            COMPILING.end()

    event.register("numba:compile", Timer())
