"""What is not asked for is not imported: a first call waits for no library that it does not use."""

import subprocess
import sys

import pytest

import homotopy

HEAVY = ("jax", "diffrax", "optax", "numba", "sympy", "sklearn", "pandas", "matplotlib", "scipy")


def loaded_by(code):
    """The heavy libraries that a fresh process has imported after the code."""
    report = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(ended.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import homotopy", set()),
        (
            "from homotopy.cli import app\ntry: app(['forget', '--help'])\nexcept SystemExit: 0",
            set(),
        ),
        ("import homotopy as hm; hm.LinearRegression, hm.Step", {"jax", "scipy"}),
    ],
    ids=["import", "help", "a regression and a schedule"],
)
def test_what_a_first_call_imports(code, allowed):
    assert loaded_by(code) <= allowed


def test_every_public_name_is_found_when_it_is_asked_for():
    assert set(homotopy.__all__) <= set(dir(homotopy))
    for name in homotopy.__all__:
        assert getattr(homotopy, name) is not None


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="no_such_name"):
        homotopy.no_such_name  # noqa: B018
