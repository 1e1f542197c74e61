"""What every test runs under: float64, strict shapes, no display."""

import contextlib
import gc
import os
import sys
from pathlib import Path

# Before anything imports matplotlib: figures are drawn in memory, with or without a screen.
os.environ["MPLBACKEND"] = "Agg"
# As many test processes as cores, whose threads would spin in wait for each other: half the
# processor time of tests of dense matrices. For the processes to come, and what is not loaded yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Before JAX is imported, and for the processes to come: see `leave_tracebacks_out`, which is of a
# package that must not be imported yet.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
import checked_shapes
import hypothesis
import jax
import jaxtyping
import pytest
import threadpoolctl

# NumPy's own is loaded: jaxtyping's plugin of pytest has imported it before this file is read.
threadpoolctl.threadpool_limits(int(os.environ["OPENBLAS_NUM_THREADS"]), user_api="blas")

jax.config.update("jax_enable_x64", True)
# A (n,) array that meets a (n, k) array is a bug to report, not something to broadcast.
jax.config.update("jax_numpy_rank_promotion", "raise")

# Where JupyterLab is installed, jsonschema has a grammar of addresses built when it is imported:
# five seconds of the processor, for a format that no notebook is checked for.
sys.modules.setdefault("rfc3987_syntax", None)

# Every annotated function and module of the package checks its array shapes and dtypes when it is
# called. This has to come before the package's first import, hence here.
checked_shapes.check_shapes("homotopy")

from homotopy._xla_flags import ONE_THREAD, QUICK_COMPILATION, ask_for  # noqa: E402

# Before JAX first computes. The tests compile many small programs and run each a few times; there
# are as many test processes as cores. XLA_FLAGS in the environment goes before, as in XLA_FLAGS=
# for what users have.
if "XLA_FLAGS" not in os.environ:
    ask_for(*QUICK_COMPILATION, *ONE_THREAD)

import quick_jax  # noqa: E402
from worker_memory import Memory  # noqa: E402

quick_jax.reuse_lowering_contexts()
with contextlib.suppress(ImportError):  # of a JAX whose insides are others: slower, no different
    import eager_moves

    eager_moves.move_with_numpy()

# The first example of a property test compiles, which says nothing about the others' speed; and a
# test suite gives the same verdict on the same code twice.
hypothesis.settings.register_profile(
    "homotopy",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("homotopy")
with contextlib.suppress(ImportError, AttributeError):  # of a release without them
    from hypothesis.internal.conjecture import providers

    # Numbers that stand in the modules imported so far would be among the examples: they would
    # depend on which files a worker was given before.
    if hasattr(providers, "_get_local_constants"):
        providers._get_local_constants = providers.Constants


# The files that take longest, longest first: begun last, one of them would keep one worker busy
# while the other has nothing left.
_LONGEST = (
    "test_notebooks.py",
    "test_figures_learned.py",
    "test_figures_influence.py",
    "test_figures_perceptrons.py",
    "test_deletion_models.py",
    "test_optimise_families.py",
    "test_figures_response.py",
    "test_figures_optimum.py",
    "test_influence_predict.py",
    "test_influence_gaps.py",
    "test_influence_solvers.py",
    "test_schedules.py",
    "test_schedules_learned.py",
)


def pytest_configure(config):
    """Compiled programs are kept for the next run; pytest --cache-clear forgets them."""
    # Of pytest-xdist, which else begins with the files of most tests.
    config.option.loadscopereorder = False
    if (folder := os.environ.get("JAX_COMPILATION_CACHE_DIR")) is None:
        if not hasattr(config, "cache"):
            return
        folder = config.cache.mkdir("jax")
    quick_jax.keep_programs(Path(folder))


def pytest_collection_modifyitems(items):
    """The longest files first."""
    rank = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_collection_finish():
    """What is imported by now stays, and traces make many objects that live for long.

    The garbage collector would go through all of them again and again, a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


_MOST_AT_FIRST = 1_250 * 2**20  # where a file begins; those after it share some of its programs


@pytest.fixture(autouse=True, scope="module")
def begin_light(worker_memory):
    """Room for what the file's own fixtures compile, before they do."""
    worker_memory.bound(_MOST_AT_FIRST)


@pytest.fixture(autouse=True, scope="module")
def keep_programs_of_others(request):
    """Processes that a file's tests start have a folder of their own: files run side by side."""
    if folder := jax.config.jax_compilation_cache_dir:
        quick_jax.keep_programs_of_others(Path(folder) / request.path.stem)


@pytest.fixture(autouse=True)
def forget_compiled_programs(worker_memory):
    """Before there are too many: a process without maps or memory to give crashes."""
    yield
    worker_memory.bound()


@pytest.fixture(scope="session")
def worker_memory():
    """What this process takes, where the system tells."""
    return Memory()


@pytest.fixture
def without_shape_checks():
    """Run as users do, without the import hook: for tests of the package's own error messages.

    Under the hook a wrong shape raises jaxtyping.TypeCheckError before the package's ValueError.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
