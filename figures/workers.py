"""Tasks in separate processes that outlive an error, and end at once with the one that began them.

A worker does one task after another, so that what it has imported and compiled serves the next. One
that has taken too much memory is followed by a fresh one; one that crashes loses its task alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple


class Event(NamedTuple):
    """What became of a task.

    Attributes
    ----------
    kind : str
        "began", "says", "done", "failed" or "crashed".
    task
        As given.
    value
        What the work said or returned; a traceback; the exit code of the process.
    """

    kind: str
    task: Any
    value: Any = None


def run(
    tasks: Sequence, work: Callable[[Any, Callable[[Any], None]], Any], jobs: int, most_bytes: int
) -> Iterator[Event]:
    """Do `work(task, say)` for every task, in at most `jobs` processes, and tell what happens.

    `work` has to be importable. Tasks begin in the order given. Whatever ends the iteration, an
    interruption too, ends the processes.

    Parameters
    ----------
    most_bytes : int
        A process that has taken more by the end of a task does not get another.
    """
    waiting, workers = list(tasks), []
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                workers.append(_Worker(work, most_bytes))
            for worker in [worker for worker in workers if worker.task is None]:
                if not waiting:
                    worker.end()
                    workers.remove(worker)
                    continue
                worker.begin(waiting.pop(0))
                yield Event("began", worker.task)
            # Without any process there would be no end to waiting.
            ready = wait([worker.connection for worker in workers]) if workers else []
            for worker in [worker for worker in workers if worker.connection in ready]:
                task = worker.task
                try:
                    kind, value = worker.connection.recv()
                except EOFError:
                    workers.remove(worker)
                    yield Event("crashed", task, worker.end())
                    continue
                if kind == "full":
                    worker.end()
                    workers.remove(worker)
                    continue
                if kind == "free":
                    worker.task = None
                    continue
                yield Event(kind, task, value)
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()


class _Worker:
    """A process, and what it is busy with."""

    def __init__(self, work, most_bytes):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, most_bytes))
        # An interruption from the keyboard reaches every process of the terminal. It is for the
        # one that waits here: it ends the others. They inherit the mask; the tracker that comes
        # with the first of them would lift it.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self.task = None

    def begin(self, task):
        self.task = task
        self.connection.send(task)

    def end(self) -> int:
        """No more tasks; its exit code."""
        self.connection.close()
        self.process.join()
        return self.process.exitcode


def _serve(connection: Connection, work, most_bytes):
    """What a worker does: tasks, until there are no more."""
    threading.Thread(target=_follow_parent, daemon=True).start()

    def say(value):
        connection.send(("says", value))

    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            message = "done", work(task, say)
        except Exception:
            message = "failed", traceback.format_exc()
        connection.send(message)
        if resident() > most_bytes:
            connection.send(("full", None))
            return
        connection.send(("free", None))


def _follow_parent():
    """End with the process that began this one, however it ends."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def resident() -> int:
    """Bytes that this process holds in memory; 0 where /proc does not tell."""
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else 0
    return pages * os.sysconf("SC_PAGESIZE")
