import ast
import importlib.util
import pkgutil
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import config, njit
from numba.core.dispatcher import Dispatcher

import homotopy
from homotopy.numerics import compiled as compilation
from homotopy.numerics.compiled import borrowing, compiled, inner, summing

CALLER = """
from homotopy.numerics.compiled import compiled
from {package}.callee import FACTOR, twice, doubled

@compiled
def called(x):
    return FACTOR * twice(x) + doubled(x)
"""
CALLEE = """
from homotopy.numerics.compiled import alias, borrowing

FACTOR = {factor}

@borrowing
def twice(x):
    return {times} * x

@alias
def doubled(x):
    return {times} * x
"""


@pytest.fixture
def write_and_load(tmp_path, monkeypatch):
    """A package of two files, as a new process would import it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "package_of_compiled_functions"

    def load(**numbers):
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / "caller.py").write_text(CALLER.format(package=folder.name))
        (folder / "callee.py").write_text(CALLEE.format(**numbers))
        forget()
        importlib.invalidate_caches()
        # Python's own cache looks at whole seconds and sizes.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(f"{folder.name}.caller").called

    def forget():
        for name in [name for name in sys.modules if name.startswith(folder.name)]:
            del sys.modules[name]

    yield load
    forget()


def loaded_from_disk(function):
    return sum(function.stats.cache_hits.values())


def test_a_change_in_a_file_that_is_called_reaches_the_caller(write_and_load):
    first = write_and_load(factor=1.0, times=2)
    assert first(5.0) == 20.0
    same = write_and_load(factor=1.0, times=2)
    assert same(5.0) == 20.0
    assert (loaded_from_disk(first), loaded_from_disk(same)) == (0, 1)
    other = write_and_load(factor=1.0, times=3)
    assert other(5.0) == 30.0
    assert loaded_from_disk(other) == 0
    constant = write_and_load(factor=2.0, times=3)
    assert constant(5.0) == 45.0
    again = write_and_load(factor=2.0, times=3)
    assert again(5.0) == 45.0
    assert loaded_from_disk(again) == 1


def test_other_releases_of_numba_compile_as_they_do(monkeypatch):
    """Their insides may be others: nothing of them is touched."""
    monkeypatch.setattr(numba, "__version__", "0.99.0")
    spec = importlib.util.spec_from_file_location("compiled_by_others", compilation.__file__)
    others = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(others)
    assert not others.TRANSLATED_ONCE

    @others.borrowing
    def square(x):
        return x * x

    @others.inner
    def fourth(x):
        return square(square(x))

    assert njit(lambda x: fourth(x))(2.0) == 16.0
    assert fourth.targetoptions.get("pipeline_class") is None


@pytest.mark.skipif(
    not compilation.TRANSLATED_ONCE, reason="of a release of Numba whose insides are not known"
)
@pytest.mark.parametrize("within", [borrowing, inner, summing])
def test_what_is_called_by_compiled_functions_is_translated_once_and_in_them(within, monkeypatch):
    monkeypatch.setattr(config, "LLVM_PASS_TIMINGS", True)

    @within
    def scaled(values, factor):
        total = 0.0
        for i in range(values.size):
            total += factor * values[i]
        return total

    @within
    def both(values, factor):
        return scaled(values, 2) + scaled(values, factor)

    @njit
    def called(values, factor):
        return both(values, factor) + both(values, 3)

    assert called(np.ones(4), 5) == 4 * (2 + 5) + 4 * (2 + 3)
    for function in (both, scaled):
        (signature,) = function.signatures  # one for the constants too
        assert len(function.get_metadata(signature)["llvm_pass_timings"]) == 0
    (signature,) = called.signatures
    assert len(called.get_metadata(signature)["llvm_pass_timings"]) > 0


def test_arrays_that_may_not_be_written_to_are_of_the_same_kind():
    @compiled
    def last(pair):
        return pair[0][1] + pair[1][1]

    numbers, others = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert last((numbers, others)) == 6.0
    numbers.flags.writeable = False
    assert last((numbers, others)) == 6.0
    assert len(last.signatures) == 1


def test_what_is_compiled_stays_in_its_folder():
    """What a compiled function reads from elsewhere would not be in the stamp of the cache."""
    seen = 0
    for module in pkgutil.walk_packages(homotopy.__path__, "homotopy."):
        source = Path(module.module_finder.path, f"{module.name.rsplit('.', 1)[-1]}.py")
        if not source.exists() or "numerics.compiled import" not in source.read_text():
            continue
        imported = {
            alias.asname or alias.name: node.module
            for node in ast.walk(ast.parse(source.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        loaded = importlib.import_module(module.name)
        for function in vars(loaded).values():
            if not isinstance(function, Dispatcher):
                continue
            if function.py_func.__module__ != module.name:
                continue
            seen += 1
            for name in function.py_func.__code__.co_names:
                origin = imported.get(name, "numpy")
                if origin.startswith("homotopy"):
                    assert origin.rpartition(".")[0] == module.name.rpartition(".")[0], (
                        f"{module.name}.{function.py_func.__name__} reads {name} of {origin}"
                    )
    assert seen >= 30
