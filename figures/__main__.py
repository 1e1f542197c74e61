"""python -m figures: make the figures, each as PDF, PNG and the JSON of the numbers shown."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from figures import NAMES, ORDER
from figures.record import Record
from figures.workers import run

DEFAULT_FOLDER = Path(__file__).parent / "output"
# Of one process: what it may hold when it begins another figure, and what has to be free for it.
MOST_BYTES, NEEDED_BYTES = 1_200 * 2**20, 2_000 * 2**20


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; exits with code 2 and a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m figures",
        description="Make the figures: PDF, PNG and a JSON of the numbers shown, for each. "
        "A figure whose sources did not change since it was made is left as it is.",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="make this figure only; the beginning of its name will do; may be repeated",
    )
    parser.add_argument("--fast", action="store_true", help="coarser grids, for a quick look")
    parser.add_argument("--force", action="store_true", help="make also what did not change")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes; default: one for each core, as far as the memory goes",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: figures/output")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args(arguments)
    options.names = list(NAMES)
    if options.only:
        chosen = set()
        for wanted in options.only:
            matching = [name for name in NAMES if name.startswith(wanted)]
            if not matching:
                parser.error(f"--only: no figure {wanted!r}; there are {', '.join(NAMES)}")
            chosen.update(matching)
        options.names = [name for name in NAMES if name in chosen]
    if options.out is not None and options.out.exists() and not options.out.is_dir():
        parser.error(f"--out: {options.out} is not a folder")
    if options.jobs is None:
        options.jobs = default_jobs()
    elif options.jobs < 1:
        parser.error(f"--jobs: expected a number of processes, 1 or more, got {options.jobs}")
    return options


def default_jobs() -> int:
    """As many processes as there are cores for this one, and memory for them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _free_bytes() // NEEDED_BYTES))


def _free_bytes() -> int:
    """What new processes can have without swapping; plenty where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return 2**50
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    return 1024 * int(lines["MemAvailable"].split()[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line asks for; 1 where a figure fails, 130 where one interrupts."""
    options = parse(arguments)
    if options.list:
        print("\n".join(NAMES))
        return 0
    folder = DEFAULT_FOLDER if options.out is None else options.out
    record = Record(folder, fast=options.fast)
    # Sources are read now: what changes while the figures are made is a change.
    stale = {name for name in options.names if not record.current(name) or options.force}
    names = [name for name in ORDER if name in stale]
    kept = len(options.names) - len(names)
    try:
        failed = _make(names, options, folder, record)
    except KeyboardInterrupt:
        print("interrupted; the figures written so far are complete", file=sys.stderr)
        return 130
    if kept:
        print(f"{kept} unchanged (--force makes them anew)")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _make(names, options, folder, record) -> list[str]:
    """Make figures side by side, and say so in one display; the names of those that failed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    from figures.making import Task, make

    if not names:
        return []
    failed, stages, began = [], {}, {}
    compiled = DEFAULT_FOLDER / ".compiled"
    tasks = [Task(name, options.fast, folder, compiled) for name in names]
    console = Console(soft_wrap=True)
    columns = (
        *(SpinnerColumn(), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn()),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(names))
        for kind, task, value in run(tasks, make, min(options.jobs, len(names)), MOST_BYTES):
            name = task.name
            if kind == "began":
                began[name], stages[name] = time.monotonic(), "beginning"
            elif kind == "says":
                stages[name] = value
            else:
                del stages[name]
                progress.advance(bar)
                took = f"{time.monotonic() - began[name]:.0f} s"
                if kind == "done":
                    record.made(name)
                    took += f", {value:.0f} s of the processor"
                    line = f"{folder / name}: pdf, png, json ({took})"
                    console.print(line, highlight=False, soft_wrap=True, markup=False)
                else:
                    failed.append(name)
                    if kind == "crashed":
                        value = f"its process ended with exit code {value}"
                    console.print(f"[red]{name} failed[/]: {escape(value)}", highlight=False)
            running = (f"{name} {stage}" for name, stage in stages.items())
            progress.update(bar, description=", ".join(running))
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
