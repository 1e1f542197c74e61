"""Each notebook from a fresh kernel, top to bottom, as a reader runs it: processor time and clock.

`python -m benchmarks.notebooks [NUMBER ...]`, as in "03 11". The kernel is Jupyter's, widgets are
made as they are in JupyterLab, and a cell that fails is said. Processor time is that of the kernel,
of all threads, in which what other processes do does not count; the target is 60 s of the clock on
two cores.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import jupytext
from nbclient import NotebookClient

SECONDS = 60.0
FOLDER = Path(__file__).resolve().parents[1] / "notebooks"


def executed(path: Path) -> tuple[float, float]:
    """Seconds of the processor, and of the clock; a `CellExecutionError` where a cell fails."""
    notebook = jupytext.read(path)
    began, used = time.perf_counter(), _children()
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=1800,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        ).execute()
    return _children() - used, time.perf_counter() - began


def _children() -> float:
    """Seconds of the processor of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """A line for each; the number of those over their time is the status."""
    wanted = sys.argv[1:]
    missed = 0
    for path in sorted(FOLDER.glob("[0-9]*.py")):
        if wanted and path.stem[:2] not in wanted:
            continue
        processor, clock = executed(path)
        over = clock > SECONDS
        missed += over
        print(
            f"{path.stem:55s} {processor:6.1f} s processor {clock:6.1f} s clock"
            f"{f'  over {SECONDS:g} s' if over else ''}",
            flush=True,
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
