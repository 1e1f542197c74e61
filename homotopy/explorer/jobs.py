"""Searches that take their time, one after the other in a thread: the page answers meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# One for all sessions: compilers and searches use all cores as it is.
_WORKER = ThreadPoolExecutor(1, thread_name_prefix="explorer")


class WhenReady:
    """Runs functions in a page's own thread, from when the page is there.

    What changes after a page has read its document and before it says that it is ready reaches
    neither: Panel takes it for part of what was read. So jobs that end sooner wait.

    Parameters
    ----------
    call_later
        Runs a function in the page's own thread, whether or not it is there.
    """

    def __init__(self, call_later: Callable):
        self._call_later, self._lock = call_later, threading.Lock()
        self._waiting: list | None = []

    def __call__(self, act: Callable) -> None:
        with self._lock:
            if self._waiting is not None:
                self._waiting.append(act)
                return
        self._call_later(act)

    def ready(self) -> None:
        """The page is there."""
        with self._lock:
            acts, self._waiting = self._waiting or [], None
        for act in acts:
            self._call_later(act)


class Jobs:
    """The jobs of one page: of each kind the last one counts.

    Parameters
    ----------
    call_later
        Runs a function in the page's own thread, as `WhenReady` does; None where there is no such
        thread: jobs are then done at once.
    """

    def __init__(self, call_later: Callable | None):
        self._call_later, self._asked, self._closed = call_later, {}, False

    def ask(self, kind: str, compute: Callable, then: Callable, failed: Callable) -> None:
        """Have something computed, and its result or its exception handed on."""
        number = self._asked[kind] = self._asked.get(kind, 0) + 1

        def stale():
            return self._closed or self._asked.get(kind) != number

        if self._call_later is None:
            _outcome(compute, then, failed)()
            return

        def work():
            if stale():
                return
            act = _outcome(compute, then, failed)
            if not stale():
                self._call_later(lambda: None if stale() else act())

        _WORKER.submit(work)

    def forget(self, kind: str) -> None:
        """The result of a job that was asked for is no longer wanted."""
        self._asked[kind] = self._asked.get(kind, 0) + 1

    def close(self) -> None:
        """Nothing is wanted any more."""
        self._closed = True


def _outcome(compute, then, failed) -> Callable:
    """Computes, and returns what hands the result or the exception on."""
    try:
        result = compute()
    except Exception as error:  # shown to the reader, whatever it is
        caught = error
        return lambda: failed(caught)
    return lambda: then(result)
