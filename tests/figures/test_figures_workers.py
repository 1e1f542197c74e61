"""Figures side by side: one error loses one figure, an interruption ends all, nothing is redone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_tasks import work

from figures import NAMES, ORDER, __main__, sources
from figures.record import KINDS, Record
from figures.workers import Event, resident, run

LITTLE = 2**40  # bytes no process takes


def outcomes(tasks, jobs=2, most_bytes=LITTLE):
    return list(run(tasks, work, jobs, most_bytes))


def test_every_task_ends_in_one_way():
    events = outcomes(["double 2", "err luck", "crash 7", "double 5", "double 1"])
    ended = {event.task: event for event in events if event.kind in ("done", "failed", "crashed")}
    assert sum(event.kind == "began" for event in events) == len(ended) == 5
    assert [ended[f"double {n}"].value for n in (2, 5, 1)] == [4, 10, 2]
    assert ended["err luck"].kind == "failed" and "ValueError: no luck" in ended["err luck"].value
    assert ended["crash 7"] == Event("crashed", "crash 7", 7)
    assert Event("says", "double 2", "doubling") in events


def test_tasks_begin_in_order():
    tasks = [f"double {n}" for n in range(5)]
    assert [event.task for event in outcomes(tasks) if event.kind == "began"] == tasks


def test_a_process_serves_until_it_holds_too_much():
    tasks = [f"process {n}" for n in range(3)]
    for most, processes in ((LITTLE, 1), (0, 3)):
        done = [event.value for event in outcomes(tasks, 1, most) if event.kind == "done"]
        assert len(set(done)) == processes and os.getpid() not in done
    assert resident() > 2**20


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody asks about, in a container without init, say.
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_ends_all_processes(tmp_path, interruption):
    files = [tmp_path / name for name in "ab"]
    program = (
        "from figures.workers import run\n"
        "from toy_tasks import work\n"
        "import signal\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"    list(run({[f'sleep {path}' for path in files]}, work, 2, 2**40))\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    # In a session of its own, as a terminal's foreground group: all of it gets the signal.
    parent = subprocess.Popen(
        [sys.executable, script], env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        while not all(path.exists() and path.read_text() for path in files):
            assert parent.poll() is None
            time.sleep(0.05)
        sleeping, deaf = zip(*(path.read_text().split() for path in files), strict=True)
        sleeping = [int(process) for process in sleeping]
        began = time.monotonic()
        if interruption == signal.SIGINT:
            os.killpg(parent.pid, interruption)
    finally:
        if interruption == signal.SIGKILL or sys.exc_info()[0]:
            parent.kill()
        _, errors = parent.communicate()
    # An interruption is for the parent alone: they say nothing, however slowly it ends them.
    assert deaf == ("True", "True")
    while any(alive(process) for process in sleeping):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
    assert time.monotonic() - began < 2
    assert errors.count(b"Traceback") == (interruption == signal.SIGINT)


def test_figures_of_the_notes_begin_first():
    assert sorted(ORDER) == list(NAMES)
    assert ORDER[:4] == NAMES[:4]


# --- what has changed


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, in the place of this one."""
    files = {
        "homotopy/__init__.py": "from homotopy import core\n",
        "homotopy/core.py": "def f():\n    from homotopy.data import rows\n",
        "homotopy/data/__init__.py": "from homotopy.data.rows import X\n",
        "homotopy/data/rows.py": "X = 1\n",
        "homotopy/data/style.mplstyle": "a\n",
        "homotopy/other.py": "import homotopy.core\n",
        "figures/__init__.py": "",
        "figures/__main__.py": "import figures.shared\n",
        "figures/shared.py": "",
        "figures/fig01_a.py": "import homotopy as hm\nfrom figures.__main__ import main\n",
        "figures/fig02_b.py": "import numpy\nfrom figures import shared\n",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path / "project")
    forget()
    yield tmp_path / "project"
    forget()


def forget():
    sources._content.cache_clear()
    sources._imports.cache_clear()


def test_sources_of_a_figure(project):
    def names(module):
        return {str(path.relative_to(project)) for path in sources.sources(module)}

    package = {f"homotopy/{name}" for name in ("__init__.py", "core.py", "data/__init__.py")}
    package |= {"homotopy/data/rows.py", "homotopy/data/style.mplstyle"}
    assert names("figures.fig01_a") == {"figures/fig01_a.py", "figures/__init__.py", *package}
    shared = {"figures/__init__.py", "figures/shared.py"}
    assert names("figures.fig02_b") == {"figures/fig02_b.py", *shared}


def test_a_figure_is_current_until_what_it_is_made_from_changes(project, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()

    def write():
        for kind in KINDS:
            (folder / f"fig01_a.{kind}").write_text(kind)

    def current(fast=False):
        forget()
        return Record(folder, fast).current("fig01_a")

    assert not current()
    write()
    assert not current()
    Record(folder, False).made("fig01_a")
    assert current() and not current(fast=True)
    for name, counts in (
        ("homotopy/data/rows.py", True),
        ("homotopy/data/style.mplstyle", True),
        ("figures/fig01_a.py", True),
        ("homotopy/other.py", False),
        ("figures/fig02_b.py", False),
        ("figures/__main__.py", False),
    ):
        text = (project / name).read_text()
        (project / name).write_text(text + "# changed\n")
        assert current() is not counts, name
        (project / name).write_text(text)
        assert current()
    (folder / "fig01_a.png").write_text("by hand")
    assert not current()
    write()
    assert current()
    (folder / "fig01_a.pdf").unlink()
    assert not current()
    (folder / "made.json").write_text("{")
    assert not current()


def test_versions_and_inputs_count(project, monkeypatch):
    before = sources.digest("figures.fig01_a")
    assert sources.digest("figures.fig01_a", "fast") != before
    monkeypatch.setattr(sources, "_versions", lambda: ("jax 99",))
    assert sources.digest("figures.fig01_a") != before


# --- the command


@pytest.fixture
def toy_figures(monkeypatch, tmp_path):
    """The command, with work that writes names; what is made, in order."""
    made = []

    def run_here(tasks, make, jobs, most_bytes):
        for task in tasks:
            yield Event("began", task)
            made.append(task.name)
            if task.name == "fig02_homotopy" and task.fast:
                yield Event("failed", task, "ValueError: [no] ink")
                continue
            task.folder.mkdir(exist_ok=True)
            for kind in KINDS:
                (task.folder / f"{task.name}.{kind}").write_text(kind)
            yield Event("done", task, 1.0)

    monkeypatch.setattr(__main__, "run", run_here)
    monkeypatch.setattr(__main__, "DEFAULT_FOLDER", tmp_path / "default")
    return made


def test_what_did_not_change_is_not_made_again(toy_figures, tmp_path, capsys):
    arguments = ["--out", str(tmp_path / "out"), "--only", "fig04", "--only", "fig05"]
    assert __main__.main(arguments) == 0
    assert toy_figures == ["fig04_phase_portraits", "fig05_deletion_time"]
    assert __main__.main(arguments) == 0
    assert "2 unchanged" in capsys.readouterr().out
    assert len(toy_figures) == 2
    assert __main__.main([*arguments, "--force"]) == 0
    assert len(toy_figures) == 4
    assert __main__.main([*arguments, "--fast"]) == 0
    assert len(toy_figures) == 6
    assert set(json.loads((tmp_path / "out" / "made.json").read_text())) == set(toy_figures)


def test_a_figure_that_fails_is_named_and_loses_no_other(toy_figures, tmp_path, capsys):
    only = [f"--only={name}" for name in ("fig02", "fig04", "fig05")]
    assert __main__.main(["--out", str(tmp_path), "--fast", *only]) == 1
    printed = capsys.readouterr()
    assert "fig02_homotopy failed: ValueError: [no] ink" in printed.out
    assert "failed: fig02_homotopy" in printed.err
    assert set(json.loads((tmp_path / "made.json").read_text())) == set(toy_figures[1:])


def test_an_interruption_is_reported(toy_figures, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(__main__, "run", interrupted)
    assert __main__.main(["--out", str(tmp_path), "--only", "fig05"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_as_many_jobs_as_cores_and_memory_allow(monkeypatch):
    gigabytes = 2**30
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for free, jobs in ((64, 6), (7, 3), (1, 1)):
        monkeypatch.setattr(__main__, "_free_bytes", lambda free=free: free * gigabytes)
        assert __main__.default_jobs() == jobs
    assert __main__.parse(["--jobs", "3"]).jobs == 3


def test_no_jobs_are_an_error_that_names_the_argument(capsys):
    with pytest.raises(SystemExit) as stop:
        __main__.parse(["--jobs", "0"])
    assert stop.value.code == 2
    assert "--jobs: expected" in capsys.readouterr().err
