"""JAX as the tests want it: they trace and compile much, and run each program a few times."""

import os
import threading
from pathlib import Path

import jax
from jax._src.interpreters import mlir
from jax._src.lib.mlir import ir

from homotopy import program_cache

# How many programs are lowered in one context, whose types and locations stay as long as it does.
_PROGRAMS = 50


def reuse_lowering_contexts():
    """Lower the programs of a thread in one MLIR context, rather than each in its own.

    To make a context loads every dialect and takes as long as to lower a small program. From
    release 0.11 on JAX reuses them itself.
    """
    if not hasattr(mlir, "_thread_local_context"):
        mlir.make_ir_context = _Contexts(mlir.make_ir_context)


class _Contexts(threading.local):
    def __init__(self, make):
        self.make, self.context, self.programs = make, None, _PROGRAMS

    def __call__(self):
        # A program lowered on the way in the lowering of another one has its own, lest it lands in
        # the other's module.
        if ir.Context.current is not None:
            return self.make()
        if self.programs >= _PROGRAMS:
            self.context, self.programs = self.make(), 0
        self.programs += 1
        return self.context


def keep_programs(folder: Path):
    """Look for compiled programs in a folder, and leave them there for the other processes.

    So do the processes that this one starts, unless `keep_programs_of_others` tells otherwise.
    """
    program_cache.keep_programs(folder)
    for name in (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ):
        os.environ[name.upper()] = str(getattr(jax.config, name))


def keep_programs_of_others(folder: Path):
    """Where processes that this one starts look for compiled programs, and leave them.

    They write as JAX does, in place: no two of them may use a folder at a time.
    """
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
