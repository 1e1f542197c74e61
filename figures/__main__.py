"""python -m figures: make the figures, each as PDF, PNG and the JSON of the numbers shown."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from figures import NAMES


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; exits with code 2 and a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m figures",
        description="Make the figures: PDF, PNG and a JSON of the numbers shown, for each.",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="make this figure only; the beginning of its name will do; may be repeated",
    )
    parser.add_argument("--fast", action="store_true", help="coarser grids, for a quick look")
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
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line asks for."""
    options = parse(arguments)
    if options.list:
        print("\n".join(NAMES))
        return 0
    # Before anything imports matplotlib: figures are drawn in memory, with or without a screen.
    os.environ["MPLBACKEND"] = "Agg"
    import importlib

    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    import homotopy as hm
    from figures.output import DEFAULT_FOLDER, write
    from homotopy._xla_flags import ONE_THREAD, ask_for

    # Read when JAX first computes.
    ask_for(*ONE_THREAD)

    hm.enable_x64()
    folder = DEFAULT_FOLDER if options.out is None else options.out
    console = Console()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("figures", total=2 * len(options.names))
        for name in options.names:
            began = time.monotonic()
            module = importlib.import_module(f"figures.{name}")
            progress.update(task, description=f"{name}: computing")
            data = module.compute(fast=options.fast)
            progress.update(task, advance=1, description=f"{name}: drawing")
            paths = write(name, data, module.draw, folder)
            kinds = ", ".join(path.suffix[1:] for path in paths)
            progress.update(task, advance=1, description=name)
            took = time.monotonic() - began
            console.print(f"{folder / name}: {kinds} ({took:.0f} s)", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
