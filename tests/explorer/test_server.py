"""The server: many readers at once, memory given back, and the command's refusals."""

import contextlib
import gc
import math
import re
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import browser as driven
import numpy as np
import pytest
from typer.testing import CliRunner

from homotopy.cli import app

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def sooner(get_server):
    """Readers who have gone are looked for four times as often: nothing else is waited for."""

    def get(
        *given, check_unused_sessions_milliseconds, unused_session_lifetime_milliseconds, **named
    ):
        return get_server(
            *given,
            check_unused_sessions_milliseconds=check_unused_sessions_milliseconds // 4,
            unused_session_lifetime_milliseconds=unused_session_lifetime_milliseconds // 4,
            **named,
        )

    return get


@contextlib.contextmanager
def served():
    """A server in a thread of this process, whose objects can be counted; and its address."""
    import asyncio

    from panel.io import server as panels

    from homotopy.explorer._explore import explored_of
    from homotopy.explorer.examples import line_deletion
    from homotopy.explorer.server import serve

    deletion, origin = line_deletion()
    started, held = threading.Event(), {}

    def run():
        asyncio.set_event_loop(asyncio.new_event_loop())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(panels, "get_server", sooner(panels.get_server))
            held["server"] = serve(lambda: explored_of(deletion, origin=origin), show=False)
        started.set()
        held["server"].io_loop.start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(60)
    server = held["server"]
    try:
        yield server, f"http://127.0.0.1:{server.port}/"
    finally:
        server.io_loop.add_callback(server.io_loop.stop)
        thread.join(10)


@pytest.fixture(scope="module")
def server():
    with served() as (server, _):
        yield server


@pytest.fixture(scope="module")
def address(server):
    return f"http://127.0.0.1:{server.port}/"


@pytest.fixture(scope="module")
def sessions(server):
    """How many sessions there are: those that were begun, and have not been given back."""
    from homotopy.explorer.view.session import Session

    begun, own = weakref.WeakSet(), Session.__init__

    def begin(session, *given, **named):
        begun.add(session)
        own(session, *given, **named)

    def count():
        gc.collect()
        return len(begun)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "__init__", begin)
        yield count


@contextlib.contextmanager
def readers(address, count, rounds, pause=0.0):
    """Readers in a process of their own (`readers.py`): seconds that answers took; still there."""
    command = [sys.executable, str(Path(driven.__file__).with_name("readers.py"))]
    process = subprocess.Popen(
        [*command, address, str(count), str(rounds), str(pause)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip() == "there"
        process.stdin.write("\n")
        process.stdin.flush()
        yield np.array(process.stdout.readline().split(), dtype=float)
        process.communicate("\n", timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def resident() -> float:
    """Memory of this process in MB."""
    gc.collect()
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024


def test_twenty_readers_are_answered_and_their_memory_is_given_back(server, address, sessions):
    """All move a slider at the same time, twice; then they go, and two others come, twice."""
    before, used = sessions(), []
    for count in (20, 2, 2):
        with readers(address, count, rounds=2) as waits:
            assert sessions() == before + count and len(waits) == 2 * count
        # To collect garbage takes longer than to ask the server: it is done when there is some.
        for _ in range(300):
            if not server.get_sessions() and sessions() <= before:
                break
            time.sleep(0.2)
        assert sessions() <= before
        used.append(resident())
        print(f"{count} readers: median {1e3 * np.median(waits):.0f} ms, longest "
              f"{1e3 * waits.max():.0f} ms; {used[-1]:.0f} MB after they went")  # fmt: skip
    # A session holds some 5 MB: the later ones live in what the first ones gave back. What is kept
    # of each would show both times, what an allocator happens to ask for does not.
    assert not min(np.diff(used)) > 5.0


def test_a_page_that_is_slow_to_be_ready_misses_nothing():
    """The first page of a server waits for compilers, which here have nothing left to do."""
    from homotopy.explorer._explore import explored_of
    from homotopy.explorer.examples import line_deletion

    deletion, origin = line_deletion()
    explored_of(deletion, origin=origin).warm()
    with served() as (_, other), readers(other, 1, rounds=1, pause=1.0) as waits:
        assert len(waits) == 1


def test_the_server_is_reached_from_this_machine_alone(address):
    port = int(address.rsplit(":", 1)[1].strip("/"))
    outside = [
        info[4][0]
        for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        if not info[4][0].startswith("127.")
    ]
    if not outside:
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError), socket.create_connection((outside[0], port), timeout=5):
        pass


def run(*arguments):
    return CliRunner().invoke(app, ["explore", "--no-browser", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "cars.csv"
    path.write_text("car,wt,mpg\na,1,3\nb,2,5\nc,4,4\nd,3,9\n", encoding="utf-8")
    return path


def test_wrong_files_and_options_are_one_line_and_exit_code_2(table):
    given = {
        ("nowhere.csv", "--target", "mpg"): "nowhere.csv",
        (table,): "--target: name the column",
        (table, "--target", "mpq"): "mpq",
        (table, "--target", "mpg", "--index", "car", "--delete", "z"): "no row is called 'z'",
        (table, "--target", "car"): "is text",
        (table, "--target", "mpg", "--index", "car", "--start", "3", "--horizon", "2"): "horizon",
        ("--dataset", "line", "--delete", "77"): "--deleted: ",
        ("--dataset", "line", "--delete", "x"): "--delete: expected row numbers",
        ("--dataset", "irises"): "no data set 'irises'",
        ("--ridge", "-1"): "--ridge: expected",
        ("--dataset", "line", "--neurons", "3"): "--neurons",
    }
    for arguments, said in given.items():
        result = run(*arguments)
        assert result.exit_code == 2 and said in result.output, (arguments, result.output)
        assert result.output.startswith("Error: ") and "Traceback" not in result.output


def test_a_port_that_is_taken_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("--port", port)
    assert result.exit_code == 2 and f"--port: {port} cannot be listened on" in result.output


def test_a_table_is_read_again_by_its_lines(table):
    """The lines of a file's explorer give the same design as the command's."""
    from homotopy.commands.explore.data import explored_data
    from homotopy.commands.shared.options import TableRequest
    from homotopy.datasets.tables.options import TableOptions
    from homotopy.explorer.code_lines import python_lines
    from homotopy.explorer.schedules import schedule_of

    options = TableOptions(target="mpg", index="car", command=True)
    request = TableRequest(table, None, options, True)
    create, _ = explored_data(request, None, None, None, 0.0, None)
    explored = create()
    state = explored.initial
    picture = explored.picture(state, schedule_of(state))
    left = {}
    exec(compile(python_lines(explored, state, schedule_of(state)), "lines", "exec"), left)
    assert left["cost"] == pytest.approx(picture.cost, rel=1e-9, abs=1e-20)
    # The row that is forgotten by default moves the fit most.
    X, y = left["X"], left["y"]
    full = np.linalg.lstsq(X, y, rcond=None)[0]
    moves = [
        np.linalg.norm(
            np.linalg.lstsq(np.delete(X, row, 0), np.delete(y, row), rcond=None)[0] - full
        )
        for row in range(4)
    ]
    assert state.deleted == (int(np.argmax(moves)),)
