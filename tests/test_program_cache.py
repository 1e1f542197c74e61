"""Compiled programs are kept for later processes, whole, and not without end."""

import os
import subprocess
import sys

import pytest

from homotopy import program_cache

CODE = """
import homotopy as hm
hm.enable_x64()
print(hm.keep_programs())
import jax
jax.jit(lambda x: x * 3.0 + 1.0)(2.0)
"""


def run(folder, value):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    environment |= {"HOMOTOPY_CACHE": value, "XDG_CACHE_HOME": str(folder)}
    command = [sys.executable, "-W", "error", "-c", CODE]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_programs_are_kept_where_the_environment_says(tmp_path):
    told = run(tmp_path / "home", str(tmp_path / "kept"))
    assert told.startswith(str(tmp_path / "kept"))
    names = [path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    # Nothing but entries under their own names: what is being written has another one.
    assert names and all(name.endswith("-cache") for name in names)
    assert not (tmp_path / "home").exists()


def test_nothing_is_kept_where_that_is_off(tmp_path):
    assert run(tmp_path / "home", "off") == "None"
    assert not (tmp_path / "home").exists()


def test_the_oldest_programs_go_when_there_are_too_many(tmp_path):
    for age, name in enumerate(["new", "older", "oldest"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age,) * 2)
    program_cache.bound(tmp_path, most=400)
    assert len(list(tmp_path.iterdir())) == 3
    program_cache.bound(tmp_path, most=220)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_is_no_path_is_refused():
    with pytest.raises(TypeError, match="folder"):
        program_cache.keep_programs(3)
