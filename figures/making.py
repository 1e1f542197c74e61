"""One figure, made in a process of its own: what a worker does."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Task(NamedTuple):
    """A figure to make: its name, on coarse grids or not, where, and where programs are kept."""

    name: str
    fast: bool
    folder: Path
    compiled: Path


def make(task: Task, say: Callable[[str], None]) -> float:
    """Compute, draw and write a figure; the seconds of processor time that it took."""
    began = time.process_time()
    _begin(task.compiled)
    from figures.output import write

    module = importlib.import_module(f"figures.{task.name}")
    say("computing")
    data = module.compute(fast=task.fast)
    say("drawing")
    write(task.name, data, module.draw, task.folder)
    return time.process_time() - began


@cache
def _begin(compiled: Path) -> None:
    """Once in a process: figures are drawn in memory, and JAX computes in float64 on one thread.

    A process has one core, as there are several of them.
    """
    # Before anything imports NumPy and matplotlib, and before JAX first computes.
    os.environ |= {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    from homotopy._xla_flags import LIGHT_COMPILATION, ONE_THREAD, ask_for, leave_tracebacks_out

    ask_for(*ONE_THREAD, *LIGHT_COMPILATION)
    leave_tracebacks_out()
    import homotopy as hm

    hm.enable_x64()
    hm.keep_programs(compiled)
