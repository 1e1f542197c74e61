"""Searches that take their time, one after the other in a thread: the page answers meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# One for all sessions: compilers and searches use all cores as it is.
_WORKER = ThreadPoolExecutor(1, thread_name_prefix="explorer")


class Jobs:
    """The jobs of one page: of each kind the last one counts.

    Parameters
    ----------
    call_later
        Runs a function in the page's own thread, as `document.add_next_tick_callback`; None where
        there is no such thread: jobs are then done at once.
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
