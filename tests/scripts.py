"""Scripts run as `python -W error script.py` runs them, each in a process of its own.

The processes are forked from one that has imported the libraries, which takes as long as what a
short script computes. The package itself is imported by each script. Where there is no fork, each
begins anew.
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
from pathlib import Path

# None of them begins a thread when it is imported, as pandas does by PyArrow: threads do not go on
# in a forked process, and what they hold stays held.
LIBRARIES = (
    "diffrax", "jax", "lineax", "matplotlib.backends.backend_agg", "matplotlib.pyplot", "numba",
    "optax", "optimistix", "scipy.integrate", "scipy.optimize", "scipy.sparse.linalg",
    "scipy.stats", "sympy",
)  # fmt: skip


class Scripts:
    """A context, of an environment, in which scripts run.

    Examples
    --------
    >>> with Scripts({**os.environ, "PYTHONPATH": root}) as scripts:
    ...     done = scripts.run(path, folder)
    ...     assert done.returncode == 0, done.stderr
    """

    def __init__(self, environment):
        # OpenBLAS begins its threads when it is loaded.
        self._environment = {**environment, "OPENBLAS_NUM_THREADS": "1"}
        self._python = [sys.executable, "-W", "error"]
        self._server = None

    def __enter__(self):
        if hasattr(os, "fork"):
            self._server = subprocess.Popen(
                [*self._python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, encoding="utf-8", env=self._environment,
            )  # fmt: skip
        return self

    def __exit__(self, *raised):
        if self._server is not None:
            with self._server:
                self._server.stdin.close()

    def run(self, path, folder):
        """The exit status of a script in a folder, and what it wrote: a CompletedProcess."""
        with tempfile.TemporaryDirectory() as output:
            out, error = Path(output) / "stdout", Path(output) / "stderr"
            code = self._code(path, folder, out, error)
            texts = [each.read_text(encoding="utf-8") for each in (out, error)]
        return subprocess.CompletedProcess(str(path), code, *texts)

    def _code(self, path, folder, out, error):
        if self._server is not None:
            task = json.dumps([str(path), str(folder), str(out), str(error)])
            print(task, file=self._server.stdin, flush=True)
            return json.loads(self._server.stdout.readline())
        with out.open("wb") as written, error.open("wb") as wrong:
            return subprocess.run(
                [*self._python, str(path)], stdout=written, stderr=wrong,
                env=self._environment, cwd=folder,
            ).returncode  # fmt: skip


def serve():
    """Fork for each line of the input; answer with the exit status."""
    for library in LIBRARIES:
        importlib.import_module(library)
    threads = Path("/proc/self/task")
    assert not threads.exists() or len(list(threads.iterdir())) == 1
    # Nor does the garbage collector go through what is imported, in any of the processes.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            carry_out(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def carry_out(path, folder, out, error):
    """The script, in this process, which ends with it."""
    for number, name in enumerate(("/dev/null", out, error)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags), number)
    os.chdir(folder)
    sys.argv, sys.path[0] = [path], str(Path(path).parent)
    code = 0
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
