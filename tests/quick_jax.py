"""JAX as the tests want it: they trace and compile much, and run each program a few times."""

import os
import shutil
import threading
from pathlib import Path

import jax
from jax._src import lru_cache
from jax._src.interpreters import mlir
from jax._src.lib.mlir import ir

# How many programs are lowered in one context, whose types and locations stay as long as it does.
_PROGRAMS = 50
# What the folder of compiled programs may hold. Those of sources that have changed stay in it.
_MOST_BYTES = 2**30


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
    lru_cache.LRUCache.put = _put_whole
    for name, value in {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def keep_programs_of_others(folder: Path):
    """Where processes that this one starts look for compiled programs, and leave them.

    They write as JAX does, in place: no two of them may use a folder at a time.
    """
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)


def bound(folder: Path):
    """Empty a folder of compiled programs that holds too many."""
    if sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) > _MOST_BYTES:
        shutil.rmtree(folder)


def _put_whole(cache, key, value):
    """Add a program under its name when all of it is there: other processes are reading."""
    path = cache.path / f"{key}-cache"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = cache.path / f"{key}-{os.getpid()}-{threading.get_ident()}"
        part.write_bytes(value)
        part.replace(path)
