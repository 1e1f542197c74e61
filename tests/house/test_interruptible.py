"""Ctrl-C comes through compiled code, and searches answer it with what they have."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pytest

from homotopy._compiling import COMPILING
from homotopy._deadline import Deadline, OutOfTime
from homotopy._threads import interruptible


@jax.jit
def slow(x, count):
    """Minutes of work that no signal reaches."""
    return jax.lax.fori_loop(0, count, lambda i, x: jnp.sin(x) + 1e-3, x)


def seconds(function, *arguments):
    begin = time.perf_counter()
    function(*arguments).block_until_ready()
    return time.perf_counter() - begin


def test_an_interruption_does_not_wait_for_compiled_code():
    x = jnp.zeros(1000)
    slow(x, 1).block_until_ready()
    count = int(1000 * 6.0 / min(seconds(slow, x, 1000) for _ in range(5)))  # 6 s of work
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    # A shell starts what runs in its background with the signal ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interruptible(slow, x, count)
    finally:
        timer.cancel()  # nobody else is to be interrupted
        signal.signal(signal.SIGINT, handler)
    assert time.perf_counter() - sent[0] < 2.0


def test_a_search_that_does_not_look_at_the_time_is_left_at_the_deadline():
    found = []

    def search():
        found.append("first")
        time.sleep(4.0)  # as while something is compiled

    begin = time.perf_counter()
    with pytest.raises(OutOfTime):
        Deadline(0.5).keep(search, lambda: bool(found))
    assert 0.5 <= time.perf_counter() - begin < 2.5


@pytest.mark.parametrize("kept", [False, True])
def test_a_limit_waits_while_loops_are_compiled_and_no_longer(kept):
    deadline = Deadline(1.0)
    within = (lambda step: deadline.keep(step, lambda: True)) if kept else deadline.within

    def compiles():
        COMPILING.begin()
        time.sleep(1.5)
        COMPILING.end()
        return "ended"

    assert within(compiles) == "ended"
    assert not deadline.over
    with pytest.raises(OutOfTime):
        within(lambda: time.sleep(4.0))
    assert 1.0 <= deadline.spent < 3.0


def test_only_loops_that_are_compiled_are_counted_as_such():
    function = numba.njit(lambda x: x + 1.0)
    Deadline(1.0)  # which listens
    before = COMPILING.seconds
    function(1.0)
    compiled = COMPILING.seconds
    assert compiled > before and not COMPILING.running
    function(2.0)
    assert COMPILING.seconds == compiled


def test_where_nothing_is_found_the_search_is_waited_for():
    found = []

    def search():
        time.sleep(0.5)
        found.append("first")
        time.sleep(4.0)

    begin = time.perf_counter()
    with pytest.raises(OutOfTime):
        Deadline(0.1).keep(search, lambda: bool(found))
    assert 0.5 <= time.perf_counter() - begin < 2.5


def test_what_a_search_returns_and_raises_within_its_time():
    assert Deadline(60.0).keep(lambda: 5, lambda: False) == 5
    assert Deadline().keep(lambda: 5, lambda: False) == 5
    for raised in (ZeroDivisionError, TimeoutError, KeyboardInterrupt):

        def search(raised=raised):
            raise raised

        with pytest.raises(raised):
            Deadline(60.0).keep(search, lambda: True)


@pytest.mark.parametrize("anything", [True, False])
def test_ctrl_c_ends_a_search_with_or_without_a_result(anything):
    """By `check` in the search's thread; one that compiles, and does not look, is left."""
    looking, deadline, sent, seen = threading.Event(), Deadline(), [], []

    def search():
        looking.set()
        if anything:
            return time.sleep(4.0)
        while True:
            try:
                deadline.check()
            except KeyboardInterrupt:
                seen.append("told")
                raise
            time.sleep(0.01)

    def interrupt():
        looking.wait()
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.2, interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            deadline.keep(search, lambda: anything)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert time.perf_counter() - sent[0] < 2.0
    assert anything or seen == ["told"]


def test_what_is_called_returns_raises_and_keeps_its_settings():
    assert interruptible(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0)
    with jax.enable_x64(False):
        assert interruptible(lambda: jnp.asarray(np.pi)).dtype == np.float32
    assert interruptible(lambda: jnp.asarray(np.pi)).dtype == np.float64


def test_a_step_is_left_at_the_deadline_and_not_begun_after_it():
    deadline, begin, begun = Deadline(0.3), time.perf_counter(), []
    with pytest.raises(OutOfTime):
        deadline.within(time.sleep, 4.0)  # as while something is compiled
    assert 0.3 <= time.perf_counter() - begin < 2.3
    with pytest.raises(OutOfTime):
        deadline.within(begun.append, "late")
    assert not begun


@pytest.mark.parametrize("seconds", [60.0, float("inf")])
def test_a_step_within_its_time_returns_and_raises_as_ever(seconds):
    deadline = Deadline(seconds)
    assert deadline.within(lambda a, b: a + b, 1, 2) == 3
    for raised in (ZeroDivisionError, TimeoutError, KeyboardInterrupt):

        def step(raised=raised):
            raise raised

        with pytest.raises(raised):
            deadline.within(step)


def test_what_compiles_side_by_side_or_within_another_counts_once(monkeypatch):
    from homotopy import _compiling

    now = [0.0]
    monkeypatch.setattr(_compiling, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    watch = _compiling.Stopwatch()
    for at, event in ((1.0, watch.begin), (2.0, watch.begin), (4.0, watch.end), (7.0, watch.end)):
        now[0] = at
        event()
    now[0] = 9.0
    assert watch.seconds == 6.0 and not watch.running
    watch.begin()
    now[0] = 10.5
    assert watch.seconds == 7.5 and watch.running
