"""Loops give the same numbers, to the last digit, whoever runs them; and which are right.

What they compute is compared with fifty digits where it is used: `test_linear_deletions`.
"""

import inspect
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from mpmath import mp, mpf

from homotopy import data_spectrum, modal_downdates
from homotopy.numerics.compiled import is_kept
from homotopy.numerics.loops_of_python import Loops
from homotopy.numerics.small_downdates import without_each
from homotopy.numerics.small_spectrum import spectrum_of_rows

LIMITS = np.array([1e-28, 2.0**-54, 1.8e-15, 1e-140, 1e-27])
RESOLUTION = 1e-14


def data(seed):
    generator = np.random.default_rng(seed)
    d = 1 + seed % 6
    X = generator.normal(size=(int(generator.integers(d + 2, 25)), d))
    X *= 10.0 ** generator.uniform(-3, 3, d)
    if seed % 5 == 0 and d > 1:
        X[:, 1] = X[:, 0]
    if seed % 7 == 0 and d > 1:
        X[:, -1] = 0.0
    return X, generator.normal(size=len(X)), 0.7 * (seed % 3 == 0)


def written(loops):
    def run(*arguments):
        with np.errstate(all="ignore"):
            return loops.written(*arguments)

    return run


def both(spectrum, downdates, seed):
    X, y, ridge = data(seed)
    found = spectrum(X, y, ridge, RESOLUTION)
    _, values, _, fit, _, basis, unseen = found
    return *found, *downdates(X, y, values, basis, fit, unseen, ridge, LIMITS)


@pytest.mark.parametrize("seed", range(24))
def test_python_and_numba_agree_to_the_last_digit(seed):
    interpreted = both(written(spectrum_of_rows), written(without_each), seed)
    compiled = both(spectrum_of_rows.compiled(), without_each.compiled(), seed)
    for one, other in zip(interpreted, compiled, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", [1, 4, 8, 11])
@mp.workdps(60)
def test_the_fit_to_sixty_digits(seed):
    X, y, ridge = data(seed)
    settled, _, moment, _, parameters, _, unseen = spectrum_of_rows(X, y, ridge, RESOLUTION)
    assert settled and not unseen.any()
    matrix = mp.matrix(X.tolist())
    exact = matrix.T * mp.matrix(y.tolist())
    H = matrix.T * matrix + ridge * mp.eye(X.shape[1])
    fit = mp.lu_solve(H, exact)
    norm = mp.mnorm(H, 1)
    allowed = mpf("1e-30") * norm * mp.mnorm(H**-1, 1)
    for k in range(X.shape[1]):
        size = sum(abs(mpf(a) * mpf(b)) for a, b in zip(X[:, k].tolist(), y.tolist(), strict=True))
        assert abs(mpf(moment[0, k]) + mpf(moment[1, k]) - exact[k]) <= mpf("1e-30") * size
    off = max(
        abs(mpf(parameters[0, k]) + mpf(parameters[1, k]) - fit[k]) for k in range(X.shape[1])
    )
    assert off <= allowed * mp.norm(fit)


@pytest.mark.parametrize("omitted", [None, [3], [0, 5]])
def test_small_problems_and_large_ones_have_the_same_spectrum(omitted, monkeypatch):
    X, y, ridge = data(3)
    omitted = None if omitted is None else np.array(omitted)
    small = data_spectrum.data_spectrum(X, y, ridge, omitted)
    monkeypatch.setattr(data_spectrum, "_SMALL", 0)
    large = data_spectrum.data_spectrum(X, y, ridge, omitted)
    assert small.numbers is not None and large.numbers is None
    apart = small.error + large.error
    assert np.abs((small.values - large.values).rounded()).max() <= apart
    rows, targets = X[:4], y[:4]
    for one, other in zip(
        modal_downdates.downdates(rows, targets, small),
        modal_downdates.downdates(rows, targets, large),
        strict=True,
    ):
        if not isinstance(one, dict):
            np.testing.assert_array_equal(one, other)
            continue
        for name in ("eigenvalues", "rows", "residual", "leverages", "full_limit"):
            np.testing.assert_allclose(np.abs(one[name]), np.abs(other[name]), rtol=1e-12)


def test_equal_eigenvalues_are_left_to_others():
    X = np.vstack([np.eye(3), np.eye(3)])
    full = data_spectrum.data_spectrum(X, np.arange(6.0), 0.0)
    assert full.numbers is not None
    assert modal_downdates._by_loops(X[:1], np.zeros(1), full) is None
    fields, _ = modal_downdates.downdates(X[:1], np.zeros(1), full)
    np.testing.assert_allclose(np.sort(fields["eigenvalues"][0]), [1.0, 2.0, 2.0], rtol=1e-15)


def test_loops_are_compiled_once_it_is_worth_it(monkeypatch):
    asked, clock = [], iter(np.arange(0.0, 100.0, 0.4).tolist())
    loops = Loops(lambda x: x + 1.0)
    monkeypatch.setattr(Loops, "compiled", lambda self: asked.append(1) or self.written)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))  # 0.4 s a call
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert [loops(1.0) for _ in range(5)] == [2.0] * 5
    assert not asked
    assert [loops(1.0) for _ in range(3)] == [2.0] * 3
    assert asked == [1]


def added(x):
    return x + 1.0


def test_a_problem_after_numba_waits_for_no_compiler_but_takes_what_it_left(tmp_path, monkeypatch):
    """Where another process has compiled the loops they are taken; else Python runs them."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def runs_compiled():
        loops = Loops(added)
        assert loops(1.0) == 2.0
        return loops._compiled is not None

    assert not runs_compiled()
    function = Loops(added).compiled()
    assert not is_kept(function)
    assert function(1.0) == 2.0 and is_kept(function)
    assert is_kept(Loops(added).compiled()) and runs_compiled()


@pytest.mark.parametrize("loops", [spectrum_of_rows, without_each])
def test_what_loops_call_stands_in_their_folder(loops):
    """What a compiled function calls from elsewhere would not be in the stamp of the cache."""
    here, seen, waiting = Path(loops.written.__code__.co_filename).parent, set(), [loops.written]
    while waiting:
        function = waiting.pop()
        assert Path(function.__code__.co_filename).parent == here
        seen.add(function)
        called = (function.__globals__.get(name) for name in function.__code__.co_names)
        waiting += [one for one in called if inspect.isfunction(one) and one not in seen]
    assert len(seen) >= 4


def test_a_first_problem_does_not_import_numba():
    code = (
        "import sys, homotopy as hm; hm.enable_x64();"
        "hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1);"
        "print('numba' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False"]
