"""`python -m benchmarks`: every comparison, with the ratios that the project promises.

Times are the least of several calls; compilation is excluded and listed apart. All contenders of
a table run in the same process on the same data; "difference" is relative to the first contender,
whose own error is pinned by the tests against 50-digit arithmetic. "optimum", "certificate"
and "influential" measure many instances: their ratios are medians, and their targets are listed
below the tables.
"building" measures in fresh processes, first calls included.
"""

import argparse
import importlib
import sys

import jax
from rich.console import Console
from rich.table import Table

import homotopy as hm
from benchmarks.scorecard import Scorecard

BENCHMARKS = (
    "surface",
    "switch_gradient",
    "all_points",
    "building",
    "latency",
    "optimum",
    "certificate",
    "influential",
    "perceptron",
    "influence",
    "networks",
    "large_flow",
    "unlearning",
    "values",
    "bayesian",
    "scale",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or BENCHMARKS
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    hm.enable_x64()
    console = Console(width=110)
    console.print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}")
    missed = 0
    for name in names:
        for comparison in importlib.import_module(f"benchmarks.{name}").run():
            show = _show_scorecard if isinstance(comparison, Scorecard) else _show
            missed += show(comparison, console)
    console.print("all targets reached" if not missed else f"{missed} target(s) missed")
    return 1 if missed else 0


def _show(comparison, console) -> int:
    table = Table(title=comparison.title, title_justify="left")
    limit = comparison.limit
    headings = ("", "ms", "first call, ms", "difference", "ratio", "target")
    for heading in headings if limit is None else (*headings, "of the limit"):
        table.add_column(heading, justify="left" if not heading else "right")
    missed = 0
    for contender in comparison.contenders:
        target = comparison.targets.get(contender.name)
        ratio = comparison.ratio(contender)
        reached = target is None or ratio >= target
        missed += not reached
        table.add_row(
            contender.name,
            f"{1e3 * contender.timing.best:.3g}",
            f"{1e3 * contender.timing.first:.3g}" if contender.timing.first else "",
            f"{contender.difference:.1e}" if contender.difference else "",
            f"{ratio:.3g}×",
            "" if target is None else f"{target:g}× {'reached' if reached else 'MISSED'}",
            *([] if limit is None else [f"{comparison.share(contender):.1%}"]),
        )
    console.print(table)
    if limit is not None:
        said = f"limit {1e3 * limit.seconds:.3g} ms: {limit.how}"
        if limit.share is not None:
            reached = comparison.share(comparison.contenders[0]) >= limit.share
            missed += not reached
            said += f"; {limit.share:.0%} {'reached' if reached else 'MISSED'}"
        console.print(said)
    return missed


def _show_scorecard(card: Scorecard, console) -> int:
    table = Table(title=card.title, title_justify="left")
    for number, heading in enumerate(card.headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in card.rows:
        table.add_row(*row)
    console.print(table)
    for line in (*card.notes, *card.marks):
        console.print(str(line), markup=False, highlight=False)
    return sum(not mark.reached for mark in card.marks)


if __name__ == "__main__":
    sys.exit(main())
