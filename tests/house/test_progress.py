"""Long work says how far it is to who can see it, and is interrupted without loss."""

import io
import threading
import time

import equinox as eqx
import jax
import numpy as np
import pytest

import homotopy as hm
from homotopy import _progress
from homotopy._progress import Monitor, Progress, counted, line
from homotopy.results import ChangeStatus


class Terminal(io.StringIO):
    """Keeps what is written; says that it is a terminal, or not."""

    encoding = "utf-8"

    def __init__(self, seen=True):
        super().__init__()
        self.seen = seen

    def isatty(self):
        return self.seen


def shown(monkeypatch, progress, seen=True, seconds=0.3, patience=0.1):
    terminal = Terminal(seen)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(_progress, "_PATIENCE", patience)
    monkeypatch.setattr(_progress, "_TICK", 0.05)
    with Monitor(progress, limit=60.0) as monitor:
        monitor.report(3, 12, 0.5)
        time.sleep(seconds)
    return terminal.getvalue()


def test_a_line_appears_in_a_terminal_once_the_work_takes_long(monkeypatch):
    written = shown(monkeypatch, None)
    assert "searching  ####------------  3/12  ℰ = 0.5  0:00  about 0:0" in written
    last = written.rsplit("\r", 2)
    assert not last[1].strip() and last[2] == ""  # it is gone
    assert shown(monkeypatch, None, patience=10.0) == ""
    assert shown(monkeypatch, None, seen=False) == ""


def test_it_is_shown_always_or_never_where_that_is_asked_for(monkeypatch):
    assert "3/12" in shown(monkeypatch, True, seen=False, patience=10.0)
    assert shown(monkeypatch, False) == ""
    reports = []
    assert shown(monkeypatch, reports.append, seen=False) == ""
    assert reports == [Progress(3, 12, 0.5)]


def test_training_shows_its_time(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    for progress, told in ((None, True), (True, True), (False, False)):
        terminal.truncate(0)
        hm.train(problem, [3.0], progress=progress)
        assert ("training  0:0" in terminal.getvalue()) == told
        assert "Ctrl-C" not in terminal.getvalue()


def two_points():
    data = [[1.0], [1.0]], [0.0, 1.0]
    return hm.Problem(hm.linear_model(1), hm.SquaredError(), *data, deleted=1)


LONG = {
    "flow": lambda problem, **o: hm.flow(problem, hm.Constant(1.0), [3.0], [1.0], **o),
    "homotopy": lambda problem, **o: hm.homotopy(
        problem, [3.0], [1.0], np.linspace(0.0, 1.0, 40), **o
    ),
    "sensitivity": lambda problem, **o: hm.sensitivity(problem, [3.0], [1.0], **o),
    "influence_in_time": lambda problem, **o: hm.influence_in_time(
        problem, [3.0], hm.OwnLoss(), [1.0], **o
    ),
}


@pytest.mark.parametrize("verb", LONG)
def test_long_flows_are_timed(verb, monkeypatch):
    """By default in a terminal, once; not where they are traced, nor where nobody looks."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    problem = hm.Problem(
        hm.linear_model(1), hm.SquaredError(), [[1.0], [1.0]], [0.0, 1.0], deleted=1
    )
    for progress, told in ((None, True), (False, False)):
        terminal.truncate(0)
        terminal.seek(0)
        LONG[verb](problem, progress=progress)
        lines = [part for part in terminal.getvalue().split("\r") if part.strip("\0 ")]
        assert bool(lines) == told
        assert len({part.split("  ")[0] for part in lines}) == told  # one line, not one in another
    assert _progress._drawing.acquire(blocking=False)
    _progress._drawing.release()
    terminal.truncate(0)
    terminal.seek(0)

    @jax.jit
    def traced(y):
        return LONG[verb](eqx.tree_at(lambda one: one.y, problem, y), throw=False).times

    if verb != "influence_in_time":  # which asks for known data
        traced(problem.y)
        assert not terminal.getvalue().strip("\0")


def test_a_homotopy_says_how_many_weights_are_done(monkeypatch):
    """Some at a time: the numbers are those of all at once."""
    counts = []
    monkeypatch.setattr(
        Monitor, "report", lambda self, done, total, best: counts.append((done, total))
    )
    monkeypatch.setattr("homotopy.flows._homotopy._TOGETHER", 8)
    monkeypatch.setattr("homotopy.flows._homotopy.CORES", 2)
    problem = hm.Problem(
        hm.linear_model(1), hm.SquaredError(), [[1.0], [1.0]], [0.0, 1.0], deleted=1
    )
    epsilons = np.linspace(0.0, 1.0, 21)
    surface = hm.homotopy(problem, [3.0], [0.5, 2.0], epsilons)
    assert counts == [(8, 21), (16, 21), (21, 21)]
    # θ' = −(1 + ε)θ + ε in closed form.
    rates, times = 1.0 + epsilons[:, None], np.array([[0.5, 2.0]])
    limit = epsilons[:, None] / rates
    expected = limit + (3.0 - limit) * np.exp(-rates * times)
    np.testing.assert_allclose(surface.theta[:, :, 0], expected, atol=1e-7)


def test_a_notebook_is_seen_by_people(monkeypatch):
    shell = type("ZMQInteractiveShell", (), {})()
    module = type("IPython", (), {"get_ipython": staticmethod(lambda: shell)})
    monkeypatch.setitem(__import__("sys").modules, "IPython", module)
    monkeypatch.setattr("sys.stderr", Terminal(False))
    assert _progress.seen_by_people()


def test_nothing_goes_on_after_the_end(monkeypatch):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        monkeypatch.setattr("sys.stderr", Terminal())
        with Monitor(True):
            raise ZeroDivisionError
    assert threading.active_count() == before


def test_what_a_line_says():
    def said(progress, spent, limit=float("inf"), symbol="ℰ"):
        return line(progress, spent, symbol, limit, "searching")

    assert said(None, 3.2) == "searching  0:03"
    assert said(None, 3.2, 60.0) == "searching  0:03  at most 0:57 more"
    # A tenth in 6 s: 54 s more, unless the limit comes first.
    tenth = Progress(10, 100, 0.25)
    assert said(tenth, 6.0).endswith("10/100  ℰ = 0.25  0:06  about 0:54 more")
    assert said(tenth, 6.0, 20.0).endswith("at most 0:14 more")
    assert said(Progress(5, 0, np.nan), 3700.0) == "searching  1:01:40"
    assert "ℰ" not in said(Progress(1, 2, 0.5), 1.0, symbol="")


def test_words_that_a_stream_cannot_write_are_replaced(monkeypatch):
    terminal = Terminal()
    terminal.encoding = "ascii"
    monkeypatch.setattr("sys.stderr", terminal)
    with Monitor(True) as monitor:
        monitor.report(1, 2, 0.5)
        time.sleep(0.6)
    assert terminal.getvalue().isascii() and "? = 0.5" in terminal.getvalue()


def test_a_count_is_told_to_a_function_as_a_number(monkeypatch):
    done = []
    with counted(done.append, 3, "refitting") as report:
        report(1)
        report(3)
    assert done == [1, 3]


def test_what_is_no_progress_is_refused(without_shape_checks):
    with pytest.raises(TypeError, match=r"^progress: expected True, False or a function of"):
        Monitor("yes")


X = np.array([[-1.0], [0.5], [1.0], [0.2], [-0.4], [0.9]])
Y = np.array([0.0, 1.0, 0.5, 0.3, -0.2, 0.8])


@pytest.fixture(scope="module")
def network():
    problem = hm.Problem(hm.mlp([1, 2, 1]), hm.SquaredError(), X, Y, deleted=2, ridge=0.1)
    theta = hm.train(problem, problem.model.initial_parameters(jax.random.key(1))).theta
    return problem, theta


def interrupt_at(count):
    def progress(done):
        if done >= count:
            raise KeyboardInterrupt

    return progress


def test_interrupted_refits_keep_those_that_are_done(network, monkeypatch):
    problem, theta = network
    whole = hm.predict(problem, hm.LeaveOneOut(), theta, points=range(6))
    monkeypatch.setattr("homotopy.minima.minimise._PART", 2)
    parts = hm.predict(problem, hm.LeaveOneOut(), theta, points=range(6))
    np.testing.assert_allclose(parts.delta, whole.delta, rtol=1e-8, atol=1e-12)
    assert np.all(parts.status == ChangeStatus.successful)
    left = hm.predict(
        problem, hm.LeaveOneOut(), theta, points=range(6), progress=interrupt_at(3)
    )  # fmt: skip
    done = np.asarray(left.status == ChangeStatus.successful)
    assert done.sum() in (3, 4)  # of a part, or one by one
    np.testing.assert_allclose(left.delta[done], parts.delta[done], rtol=1e-8, atol=1e-12)
    assert not np.any(left.delta[~done]) and np.all(left.residual[~done] == np.inf)
    assert np.all(np.asarray(left.status == ChangeStatus.interrupted) == ~done)
    assert f"{6 - done.sum()} interrupted before it was computed" in repr(left)


def test_training_that_is_interrupted_keeps_its_best(network):
    problem, theta = network
    told = []

    def progress(epoch):
        told.append(epoch)
        if epoch == 3:
            raise KeyboardInterrupt

    options = {"max_epochs": 9, "batch_size": 3}
    short = hm.influence.early_stopping(problem, 0.5 * theta, X, Y, progress=progress, **options)
    whole = hm.influence.early_stopping(problem, 0.5 * theta, X, Y, progress=False, **options)
    assert told == [1, 2, 3] and short.validation_loss.shape == (4,)
    np.testing.assert_array_equal(short.validation_loss, whole.validation_loss[:4])


def test_an_interruption_before_anything_is_done_is_passed_on(network, monkeypatch):
    problem, theta = network

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("homotopy.minima.minimise.interruptible", stopped)
    with pytest.raises(KeyboardInterrupt):
        hm.predict(problem, hm.LeaveOneOut(), theta, points=range(6))
