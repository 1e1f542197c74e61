"""A process for the scripts of the documents: notebooks, and examples of pages."""

import os
from pathlib import Path

import jax
import pytest
from scripts import Scripts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def scripts():
    """Scripts run in this process, one after the other, each as in a fresh one."""
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
    }
    # A script switches 64-bit mode on by itself.
    environment.pop("JAX_ENABLE_X64", None)
    # It writes as the tests themselves do, whose programs it shares.
    if folder := jax.config.jax_compilation_cache_dir:
        environment["JAX_COMPILATION_CACHE_DIR"] = folder
    with Scripts(environment) as scripts:
        yield scripts
