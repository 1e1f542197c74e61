"""Flags of XLA, and of JAX, for processes that compile much and compute little.

XLA aborts the whole process on a flag that it does not know, before Python can catch anything. So a
flag is asked for only of releases on which it was tried.
"""

import os

import jaxlib.version

# The detour of fused loops over MLIR and the split into parts cost more than they save, also where
# programs run for a minute.
LIGHT_COMPILATION = (
    "xla_cpu_use_fusion_emitters=false",
    "xla_cpu_parallel_codegen_split_count=1",
)
# Where each compiled program is run a few times, so does the optimiser. Long loops are several
# times slower without it.
QUICK_COMPILATION = ("xla_backend_optimization_level=0", *LIGHT_COMPILATION)
# XLA's own threads can wait for each other for ever in vmapped linear algebra.
ONE_THREAD = ("xla_cpu_multi_thread_eigen=false",)

# The releases of jaxlib on which the flags were tried: from the first up to, not including, the
# last. A flag of _DROPPED ends earlier.
_TRIED = ((0, 10), (0, 13))
_DROPPED = {"xla_cpu_use_fusion_emitters": (0, 12)}


def ask_for(*flags: str) -> None:
    """Add "name=value" flags to XLA_FLAGS, before JAX first computes.

    A flag that the installed jaxlib may not know is left out, and so is one that XLA_FLAGS names
    already: what the user says goes before.

    Examples
    --------
    >>> from homotopy._xla_flags import ONE_THREAD, ask_for
    >>> ask_for(*ONE_THREAD)
    """
    given = os.environ.get("XLA_FLAGS", "")
    wanted = [f"--{flag}" for flag in flags if _name(flag) not in given and known(_name(flag))]
    os.environ["XLA_FLAGS"] = " ".join([given, *wanted]).strip()


def leave_tracebacks_out() -> None:
    """Compiled programs do not say of each operation which calls of Python led to it.

    To be asked for before JAX is imported. Nothing reads it but profilers, and a tenth of what a
    program takes to be lowered and compiled goes into it. JAX_TRACEBACK_IN_LOCATIONS_LIMIT in the
    environment goes before.
    """
    os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")


def known(name: str, version: str = jaxlib.version.__version__) -> bool:
    """Whether a release of jaxlib is known to take the flag."""
    release = tuple(int(part) for part in version.split(".")[:2])
    first, last = _TRIED
    return first <= release < min(last, _DROPPED.get(name, last))


def _name(flag: str) -> str:
    return flag.partition("=")[0]
