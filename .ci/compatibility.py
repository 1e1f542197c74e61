"""Run the tests on every interpreter and choice of dependencies of .ci/matrix.toml.

    python .ci/compatibility.py [--only TEXT] [--list] [-- arguments of pytest]

Each run has its own environment in .compatibility/, kept from call to call, and writes what pytest
prints to a file beside it. A run whose interpreter is not found is passed over, and said so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".compatibility"
EXTRAS = ("tests", "bench")


def main() -> int:
    """Make the runs that the command line asks for; 1 where one fails or none was made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="runs with TEXT in their name")
    parser.add_argument("--list", action="store_true", help="print the runs as JSON, for a service")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    options = parser.parse_args()
    runs = tomllib.loads((ROOT / ".ci/matrix.toml").read_text(encoding="utf-8"))["runs"]
    runs = [run for run in runs if options.only in name_of(run)]
    if options.list:
        print(json.dumps([{"name": name_of(run), **run} for run in runs]))
        return 0
    verdicts = [test(run, options.arguments) for run in runs]
    print("\n".join(["", *verdicts]))
    passed = [" passed" in verdict and " failed" not in verdict for verdict in verdicts]
    missing = ["no interpreter" in verdict for verdict in verdicts]
    fine = all(one or other for one, other in zip(passed, missing, strict=True))
    return 0 if fine and any(passed) else 1


def name_of(run: dict) -> str:
    """What a run is called: "3.11 oldest", "3.11 newest OPENBLAS_CORETYPE=Haswell"."""
    variables = [f"{name}={value}" for name, value in run.get("environment", {}).items()]
    cores = [f"{run['cores']} core"] if "cores" in run else []
    return " ".join([run["python"], run["dependencies"], *variables, *cores])


def test(run: dict, arguments: list[str]) -> str:
    """Make one run, and say in a line how it ended."""
    name = name_of(run)
    interpreter = find_interpreter(run["python"])
    if interpreter is None:
        return f"{name}: no interpreter found"
    print(f"{name} ...", flush=True)
    python = environment(interpreter, run)
    output = FOLDER / f"{name.replace(' ', '-')}.log"
    workers = str(run.get("cores", 2))
    command = [python, "-m", "pytest", "-n", workers, "--dist", "loadfile", *arguments]
    if "cores" in run and shutil.which("taskset"):
        command = ["taskset", "--cpu-list", f"0-{run['cores'] - 1}", *command]
    started = time.monotonic()
    with output.open("w", encoding="utf-8") as stream:
        code = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **run.get("environment", {})},
            stdout=stream,
            stderr=subprocess.STDOUT,
        ).returncode
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    ending = lines[-1].strip("= ") if lines else "nothing printed"
    seconds = time.monotonic() - started
    verdict = ending if code == 0 else f"failed: {ending} (see {output.relative_to(ROOT)})"
    return f"{name}: {verdict} [{seconds:.0f} s]"


def find_interpreter(version: str) -> str | None:
    """A Python of this version, on the path or among pyenv's."""
    candidates = [shutil.which(f"python{version}"), sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))
    for candidate in filter(None, candidates):
        program = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            found = subprocess.run([candidate, "-c", program], capture_output=True, text=True)
        except OSError:
            continue
        if found.stdout.strip() == version:
            return candidate
    return None


def environment(interpreter: str, run: dict) -> str:
    """The interpreter of the run's virtual environment, installed anew when pyproject changed."""
    folder = FOLDER / f"{run['python']}-{run['dependencies']}"
    python = str(folder / "bin" / "python")
    project = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(project).hexdigest()
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install += ["--editable", f".[{','.join(EXTRAS)}]"]
    if run["dependencies"] == "oldest":
        constraints = folder / "oldest.txt"
        constraints.write_text("\n".join(oldest(tomllib.loads(project.decode()))) + "\n")
        install += ["--constraint", str(constraints)]
    subprocess.run(install, cwd=ROOT, check=True)
    stamp.write_text(wanted)
    return python


def oldest(pyproject: dict) -> list[str]:
    """Each requirement "name>=version" of the project and its extras as "name==version"."""
    project = pyproject["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in EXTRAS for line in optional[extra])]
    lines = set()
    for requirement in wanted:
        match = re.match(r"([\w.-]+)\s*>=\s*([\w.]+)", requirement)
        if match is None:
            raise ValueError(f"pyproject.toml: expected name>=version, got {requirement!r}.")
        lines.add(f"{match[1]}=={match[2]}")
    return sorted(lines)


if __name__ == "__main__":
    sys.exit(main())
