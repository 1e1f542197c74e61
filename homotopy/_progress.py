"""How far a long search has come: a bar for people, a call for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from homotopy._wording import described


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


def checked_progress(progress) -> None:
    """Refuse what is neither True, nor False, nor to be called with a `Progress`."""
    if not isinstance(progress, bool) and (not callable(progress) or isinstance(progress, type)):
        raise TypeError(
            f"progress: expected True, False or a function of a Progress, got "
            f"{described(progress)}."
        )


class Monitor:
    """Takes reports of progress, and shows them as the user wished.

    Parameters
    ----------
    progress : bool or callable
        As of `optimise`.
    symbol : str
        What is minimised, for people.

    Raises
    ------
    TypeError
        Naming `progress`.
    """

    def __init__(self, progress: bool | Callable[[Progress], None] = False, symbol: str = "ℰ"):
        checked_progress(progress)
        self._symbol = symbol
        self._call = progress if callable(progress) else None
        self._draw = progress is True
        self._bar = None
        self._task = None

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *raised) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def report(self, done: int, total: int, best: float) -> None:
        """Take note that `done` of at most `total` steps are taken and `best` is the least cost."""
        if self._call is not None:
            self._call(Progress(done, total, best))
        if not self._draw:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("searching"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn(f"{self._symbol} = {{task.fields[best]:.6g}}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=total or None, best=best)
        self._bar.update(self._task, completed=done, total=total or None, best=best)
