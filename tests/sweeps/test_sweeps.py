"""Sweeps: shared out, gone on with, and the same as the serial ones to the last bit."""

import functools
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from same import assert_same

import homotopy as hm

ROOT = Path(hm.__file__).parents[1]
X = np.array([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0], [1.0, 0.25], [1.0, -0.5]])
Y = np.array([0.3, -1.0, 1.5, 0.7, 0.1])


@functools.cache
def problem():
    return hm.LinearRegression(X, Y, deleted=2)


def moved(problem, horizon):
    """A result of a verb, with a problem in it."""
    return hm.flow(problem, hm.Step(horizon / 2), jnp.ones(2), [0.0, horizon])


def test_results_come_in_the_order_of_the_cases():
    function = functools.partial(moved, problem())
    serial = [function(horizon) for horizon in (0.5, 1.0, 2.0)]
    with ThreadPoolExecutor(2) as pool:
        for options in ({}, {"devices": 1}, {"client": pool}):
            found = hm.sweep(function, [0.5, 1.0, 2.0], **options)
            assert_same(found, serial, str(options))
    assert hm.sweep(function, []) == []


def test_a_killed_sweep_makes_the_missing_calls_only(tmp_path):
    made = []

    def function(case, offset=1.0):
        made.append(case)
        if case == 3 and len(made) == 4:
            raise KeyboardInterrupt
        return {"value": np.float64(case) + offset, "text": ["a", case]}

    function.fingerprint = "counts its calls"
    with pytest.raises(KeyboardInterrupt):
        hm.sweep(function, range(6), journal=tmp_path / "journal")
    told = []
    found = hm.sweep(function, range(6), journal=tmp_path / "journal", progress=told.append)
    assert made == [0, 1, 2, 3, 3, 4, 5]
    assert found == [{"value": case + 1.0, "text": ["a", case]} for case in range(6)]
    assert told == [1, 2, 3, 4, 5, 6]


def test_a_file_that_was_not_finished_does_not_count(tmp_path):
    hm.sweep(abs, [1, 2], journal=tmp_path)
    one = next(tmp_path.glob("*.npz"))
    one.rename(one.with_name(f".{one.name}.123"))
    assert hm.sweep(abs, [1, 2], journal=tmp_path) == [1, 2]


def cost(problem, horizon):
    return float(hm.Deletion(problem, [0.0, 0.0], 0.0, horizon).cost(hm.Step(horizon)))


def test_the_journal_of_another_sweep_is_refused(tmp_path):
    function = functools.partial(cost, problem())
    known = hm.sweep(function, [0.5, 1.0], journal=tmp_path)
    assert hm.sweep(function, [0.5, 1.0, 2.0], journal=tmp_path)[:2] == known
    others = functools.partial(cost, hm.LinearRegression(X, Y + 1e-9, deleted=2))
    for given, cases in ((others, [0.5]), (cost, [0.5]), (function, [0.25])):
        with pytest.raises(ValueError, match=r"^journal: "):
            hm.sweep(given, cases, journal=tmp_path)


def test_functions_are_known_by_what_they_hold(tmp_path):
    def times(factor):
        return lambda case: factor * case

    assert hm.sweep(times(2.0), [1.0], journal=tmp_path) == [2.0]
    assert hm.sweep(times(2.0), [1.0], journal=tmp_path) == [2.0]
    with pytest.raises(ValueError, match="journal: "):
        hm.sweep(times(3.0), [1.0], journal=tmp_path)
    with pytest.raises(TypeError, match="journal: expected a function and cases"):
        hm.sweep(times(object()), [1.0], journal=tmp_path / "other")


def fails(case):
    if case == 2:
        raise RuntimeError("no minimum")
    return case


def test_an_error_says_in_which_call_it_was():
    with ThreadPoolExecutor(2) as pool:
        for options in ({}, {"devices": 1}, {"client": pool}):
            with pytest.raises(RuntimeError, match="no minimum") as caught:
                hm.sweep(fails, [0, 1, 2, 3], **options)
            assert caught.value.__notes__ == ["in call 2, counted from 0"]


@pytest.mark.usefixtures("without_shape_checks")
def test_what_cannot_be_asked_for():
    with pytest.raises(ValueError, match=r"^client: .*beside devices"):
        hm.sweep(abs, [1], devices=1, client=ThreadPoolExecutor(1))
    with pytest.raises(ValueError, match=r"^devices: "):
        hm.sweep(abs, [1], devices=10_000)


def started(name, *arguments):
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / name), *map(str, arguments)], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XLA_FLAGS": "", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
    )  # fmt: skip


def ended(process):
    """What it prints last, as JSON."""
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("devices", [0, 2])
def test_a_sweep_goes_on_after_kill_9(tmp_path, devices):
    """What was written is not computed again; what was on its way is; results are the serial ones.

    With devices as many calls may be lost as are handed out at a time, three for each.
    """
    first = started("killed.py", tmp_path, devices)
    first.communicate(timeout=300)
    assert first.returncode == -9
    kept = len(list((tmp_path / "journal").glob("*.npz")))
    assert 4 <= kept < 12
    found = ended(started("killed.py", tmp_path, devices))
    assert found == (np.arange(12.0)[:, None] * np.arange(3.0)).tolist()
    calls = [int(line) for line in (tmp_path / "calls").read_text().split()]
    assert set(calls) == set(range(12))
    again = len(calls) - 12
    assert 1 <= again <= max(1, 3 * devices) and calls.count(7) == 2


# By how much results may differ: roundings of batches of another size, of a few thousand
# operations on numbers next to the largest; of `Adaptive` also of what its steps depend on, and of
# conjugate gradients their tolerance; of training its own.
APART = {"homotopy": 1e-9, "on measurements": 1e-9, "response, trained": 1e-9}


def test_every_verb_over_devices_is_the_serial_one():
    """To rounding; and to the last bit the same over several devices, one, and two processes."""
    found = ended(started("sharded.py", 8))
    for name, serial in found["serial"].items():
        serial, shared = np.array(serial), np.array(found["devices"][name])
        apart = np.max(np.abs(shared - serial)) / np.max(np.abs(serial))
        assert apart <= APART.get(name, 1e-12), name
        assert found["one"][name] == found["devices"][name], name
    assert found["serial"].keys() == found["devices"].keys() == found["one"].keys()
    assert len(found["processes"]) == 9
    for name, shared in found["processes"].items():
        assert shared == found["devices"][name], name
    for name in (
        "left out in time",
        "data values",
        "optimise",
        "response, followed",
        "path of weights",
        "integrals of posteriors",
        "bounds",
        "scales",
        "sweep of θ₀",
        "sweep of seeds",
        "sweep of horizons",
    ):
        assert found["serial"][name] == found["devices"][name], name


def test_a_surface_over_the_devices_of_two_processes():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    processes = [started("processes.py", port, place) for place in range(2)]
    first, second = map(ended, processes)
    assert first == second
    X, y = np.array([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0]]), np.array([0.3, -1.0, 1.5])
    known = hm.homotopy(
        hm.LinearRegression(X, y, deleted=2), np.ones(2), [0.1, 0.5], np.linspace(0.0, 1.0, 7)
    )
    np.testing.assert_allclose(first, known.theta, rtol=1e-7)  # of `Adaptive` and of `Exact`
