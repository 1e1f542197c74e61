"""Scripts run as `python -W error script.py` runs them, one after the other in one process.

The process imports the libraries once, which takes longer than what a short script computes, and
keeps the compiled programs. What a script leaves behind is undone before the next one: see `reset`.
"""

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

# What most of them import, beside what `reset` needs.
LIBRARIES = (
    "diffrax", "lineax", "numba", "optax", "optimistix", "scipy.integrate", "scipy.optimize",
    "scipy.sparse.linalg", "scipy.stats", "sympy",
)  # fmt: skip
_MOST_BYTES = 700 * 2**20  # beside the tests' own process


class Scripts:
    """A context, of an environment, in which scripts run.

    A script that ends the process, or crashes it, has that exit status; the next one begins anew.

    Examples
    --------
    >>> with Scripts({**os.environ, "PYTHONPATH": root}) as scripts:
    ...     done = scripts.run(path, folder)
    ...     assert done.returncode == 0, done.stderr
    """

    def __init__(self, environment):
        # OpenBLAS begins its threads when it is loaded.
        self._environment = {**environment, "OPENBLAS_NUM_THREADS": "1"}
        self._server = None

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self._end()

    def run(self, path, folder):
        """The exit status of a script in a folder, and what it wrote: a CompletedProcess."""
        with tempfile.TemporaryDirectory() as output:
            out, error = Path(output) / "stdout", Path(output) / "stderr"
            code = self._code(json.dumps([str(path), str(folder), str(out), str(error)]))
            texts = [
                each.read_text(encoding="utf-8") if each.exists() else "" for each in (out, error)
            ]
        return subprocess.CompletedProcess(str(path), code, *texts)

    def _code(self, task):
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-W", "error", __file__], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True, encoding="utf-8", env=self._environment,
            )  # fmt: skip
        print(task, file=self._server.stdin, flush=True)
        if answer := self._server.stdout.readline():
            return json.loads(answer)
        return self._end() or 1

    def _end(self):
        if self._server is None:
            return 0
        with self._server:
            self._server.stdin.close()
        code, self._server = self._server.returncode, None
        return code


def serve():
    """Run the script of each line of the input; answer with its exit status."""
    for library in LIBRARIES:
        importlib.import_module(library)
    # Nor does the garbage collector go through what is imported.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if folder := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        quick_jax.keep_programs(Path(folder))
    # What scripts and their processes read and write is not what goes to and fro here.
    tasks, answers, memory = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w"), Memory()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    begun = state()
    for line in tasks:
        print(carry_out(*json.loads(line)), file=answers, flush=True)
        reset(begun)
        memory.bound(_MOST_BYTES)


def carry_out(path, folder, out, error):
    """The script, in a namespace of its own: its exit status."""
    for number, name in enumerate((out, error), 1):
        written = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(written, number)
        os.close(written)
    os.chdir(folder)
    sys.argv, sys.path[0] = [path], str(Path(path).parent)
    code = 0
    with warnings.catch_warnings():
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def state():
    """What a script may set for all that follows it in a process."""
    return {
        "jax": dict(jax.config.values),
        "matplotlib": matplotlib.rcParams.copy(),
        "numpy": (numpy.get_printoptions(), numpy.geterr()),
        "environment": dict(os.environ),
        "path": list(sys.path),
    }


def reset(begun):
    """All of `state` as it was, options of pandas as they are by default; figures are closed.

    Warnings are seen to by `carry_out`. What stays is the modules, with what they remember of
    compiled programs and of numbers that were computed once.
    """
    plt.close("all")
    matplotlib.rcParams.update(begun["matplotlib"])
    for name, value in begun["jax"].items():
        if jax.config.values[name] != value:
            jax.config.update(name, value)
    options, errors = begun["numpy"]
    numpy.set_printoptions(**options)
    numpy.seterr(**errors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of options that are going to go
        pandas.reset_option("all")
    os.environ.clear()
    os.environ.update(begun["environment"])
    sys.path[:] = begun["path"]
    gc.collect()


if __name__ == "__main__":
    import jax
    import matplotlib
    import matplotlib.pyplot as plt
    import numpy
    import pandas
    import quick_jax
    from worker_memory import Memory

    serve()
