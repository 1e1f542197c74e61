"""Flags of XLA and JAX: none that the installed jaxlib aborts on, and they are heard."""

import os
import subprocess
import sys

import jaxlib.version
import pytest

from homotopy._xla_flags import ONE_THREAD, QUICK_COMPILATION, ask_for, known

EVERY = (*QUICK_COMPILATION, *ONE_THREAD)


def test_xla_takes_what_is_asked_for():
    # In a process of its own: an unknown flag is the end of it.
    program = (
        "from homotopy._xla_flags import *\n"
        "ask_for(*QUICK_COMPILATION, *ONE_THREAD)\n"
        "leave_tracebacks_out()\n"
        "import jax, jax.numpy as jnp, os\n"
        "told = jax.jit(lambda x: x + 1).lower(1.0).as_text(debug_info=True)\n"
        "print(jnp.ones(3).sum(), '<string>' in told, os.environ['XLA_FLAGS'])"
    )
    own = "XLA_FLAGS", "JAX_TRACEBACK_IN_LOCATIONS_LIMIT"
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, result.stderr
    total, says_where, *flags = result.stdout.split()
    assert total == "3.0"
    assert says_where == "False"  # of an operation which line it is from
    assert "--xla_cpu_multi_thread_eigen=false" in flags


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("0.10.0", True),
        ("0.10.2", True),
        ("0.11.2", True),
        ("0.12.0", False),
        ("0.12.0.1", False),
        ("0.9.2", False),
        # not tried yet
        ("1.0.0", False),
    ],
)
def test_a_flag_is_known_to_the_releases_it_was_tried_on(version, knows):
    assert known("xla_cpu_use_fusion_emitters", version) is knows


def test_the_flags_were_tried_on_the_installed_release():
    version = jaxlib.version.__version__
    assert known("xla_cpu_multi_thread_eigen", version), (
        f"jaxlib {version} is newer than what homotopy/_xla_flags.py was tried on: try the flags "
        "there, then move the end of _TRIED."
    )


def test_what_the_user_says_goes_before(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    ask_for(*EVERY)
    flags = os.environ["XLA_FLAGS"].split()
    assert flags[0] == "--xla_cpu_multi_thread_eigen=true"
    assert not any(flag == "--xla_cpu_multi_thread_eigen=false" for flag in flags)
