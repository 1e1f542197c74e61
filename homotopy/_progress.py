"""How far long work has come: a line for people, a call for programs.

The line is drawn on the error stream, where a person can see it: a terminal or a notebook. It says
for how long the work has gone on and for how long it may still, and vanishes at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from homotopy._compiling import COMPILING
from homotopy._wording import described

_PATIENCE = 2.0  # seconds of work that nobody need be told of
_TICK = 0.5  # seconds between two lines
_CELLS = 16  # of the bar
_drawing = threading.Lock()  # held by who draws a line


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a search has come.

    Attributes
    ----------
    done, total : int
        Steps taken, and steps there may be at most: a search may end before.
        In seconds, where a search is bounded by its time limit alone; 0 for no bound.
    best : float
        The least cost, or ℰ, found so far; of several problems, of the one looked at last.
    """

    done: int
    total: int
    best: float


def checked_progress(progress, of: str = "a Progress") -> None:
    """Refuse what is neither None, True, False, nor to be called with what `of` says."""
    if progress is None or isinstance(progress, bool):
        return
    if not callable(progress) or isinstance(progress, type):
        raise TypeError(
            f"progress: expected True, False or a function of {of}, got {described(progress)}."
        )


def seen_by_people() -> bool:
    """Whether the error stream is a terminal, or a notebook's."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if type(shell).__name__ == "ZMQInteractiveShell":
        return True
    isatty = getattr(sys.stderr, "isatty", None)
    return isatty is not None and isatty()


class Monitor:
    """Takes reports of progress, and shows them as the user wished.

    Parameters
    ----------
    progress : bool or callable, optional
        True draws a line at once and False none; by default it is drawn in a terminal or a
        notebook, once the work has taken two seconds. A callable is called with a `Progress`.
    symbol : str
        What is minimised, for people; "" for nothing.
    limit : float
        Seconds that the work may take at most.
    what : str
        What is done.
    keeps : bool
        Whether Ctrl-C leaves what is found so far.

    Raises
    ------
    TypeError
        Naming `progress`.
    """

    def __init__(
        self,
        progress: bool | Callable[[Progress], Any] | None = None,
        symbol: str = "ℰ",
        limit: float = math.inf,
        what: str = "searching",
        keeps: bool = True,
    ):
        checked_progress(progress)
        self._call = None if progress is None or isinstance(progress, bool) else progress
        shown = progress is True or (progress is None and seen_by_people())
        patience = 0.0 if progress is True else _PATIENCE
        self._line = _Line(symbol, limit, what, patience, keeps) if shown else None

    def __enter__(self) -> Monitor:
        # Of work within other work the outer line tells: two would write over each other.
        if self._line is not None and not _drawing.acquire(blocking=False):
            self._line = None
        if self._line is not None:
            self._line.begin()
        return self

    def __exit__(self, *raised) -> None:
        if self._line is not None:
            self._line.end()
            _drawing.release()

    def report(self, done: int, total: int, best: float) -> None:
        """Take note that `done` of at most `total` steps are taken and `best` is the least cost."""
        if self._call is not None:
            self._call(Progress(done, total, best))
        if self._line is not None:
            self._line.progress = Progress(done, total, best)


_SILENT = Monitor(False, "")


def shown(progress: bool | None) -> None:
    """A `TypeError` unless it is None, True or False."""
    if progress is not None and not isinstance(progress, bool):
        raise TypeError(f"progress: expected True or False, got {described(progress)}.")


def clock(progress: bool | None, what: str, arguments: Any = None) -> Monitor:
    """Shows for how long something has gone on that can say no more, as the user wished.

    Nothing is shown where some of the arguments are being traced: then it only begins later.
    """
    shown(progress)
    if progress is False or (progress is None and not seen_by_people()):
        return _SILENT
    if arguments is not None:
        import jax

        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            progress = False
    return Monitor(progress, "", what=what, keeps=False)


@contextlib.contextmanager
def counted(
    progress: bool | Callable[[int], Any] | None, total: int, what: str
) -> Iterator[Callable[[int], None]]:
    """What takes how many of `total` pieces of work are done, and shows it as the user wished.

    A callable is called with that number alone.
    """
    call = None if progress is None or isinstance(progress, bool) else progress
    with Monitor(progress if call is None else False, "", what=what) as monitor:

        def report(done: int) -> None:
            if call is not None:
                call(done)
            monitor.report(done, total, math.nan)

        yield report


class _Line:
    """Drawn again and again by a thread of its own, for compiled code reports nothing."""

    def __init__(self, symbol: str, limit: float, what: str, patience: float, keeps: bool):
        self.progress: Progress | None = None
        self._symbol, self._limit, self._what = symbol, limit, what
        self._patience, self._width, self._keeps = patience, 0, keeps
        self._ended, self._thread = threading.Event(), None

    def begin(self) -> None:
        self._begin, self._compiled = time.monotonic(), COMPILING.seconds
        self._thread = threading.Thread(target=self._draw, name="homotopy-progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        if self._width:
            self._write(" " * self._width, "\r")

    def _draw(self) -> None:
        wait = self._patience
        while not self._ended.wait(wait):
            spent = time.monotonic() - self._begin
            # A limit counts no compilation of loops: it comes by so much later.
            limit = self._limit + COMPILING.seconds - self._compiled
            what = "compiling, once on this machine" if COMPILING.running else self._what
            words = line(self.progress, spent, self._symbol, limit, what)
            words += "  (Ctrl-C keeps what there is)" if self._keeps else ""
            words = words[: shutil.get_terminal_size().columns - 1]  # lest it is broken
            self._write(words + " " * max(0, self._width - len(words)))
            self._width, wait = len(words), _TICK

    def _write(self, *words: str) -> None:
        encoding = getattr(sys.stderr, "encoding", None) or "ascii"
        for part in words:
            sys.stderr.write("\r" + part.encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()


def line(progress: Progress | None, spent: float, symbol: str, limit: float, what: str) -> str:
    """What is shown: how far, the least so far, for how long, and for how long still."""
    parts, left, sure = [what], limit - spent, "at most"
    if progress is not None:
        if progress.total > 0:
            part = min(1.0, progress.done / progress.total)
            filled = round(_CELLS * part)
            parts += ["#" * filled + "-" * (_CELLS - filled), f"{progress.done}/{progress.total}"]
            if part > 0.0 and spent * (1.0 - part) / part < left:
                left, sure = spent * (1.0 - part) / part, "about"
        if symbol and math.isfinite(progress.best):
            parts.append(f"{symbol} = {progress.best:.6g}")
    parts.append(_clock(spent))
    if math.isfinite(left):
        parts.append(f"{sure} {_clock(max(left, 0.0))} more")
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
