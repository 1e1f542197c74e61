"""Work shared out among the processor's cores, by threads: compiled code frees the interpreter."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

CORES = os.cpu_count() or 1
_LARGE = 2**20  # entries of a matrix


def side_by_side(function: Callable, items: Sequence) -> Iterator:
    """`map`, with calls in as many threads as there are cores; results in order."""
    return map(function, items) if len(items) == 1 else _threads().map(function, items)


@contextlib.contextmanager
def one_thread_of_blas(size: int) -> Iterator[None]:
    """Products of small matrices on one thread: several wait for each other, and for others' work.

    `size` is the number of entries of the largest matrix; nothing is changed for large ones.
    """
    if size > _LARGE:
        yield
        return
    libraries = _libraries("scipy.linalg" in sys.modules)
    several = [(library, library.get_num_threads()) for library in libraries]
    several = [(library, threads) for library, threads in several if threads != 1]
    try:
        for library, _ in several:
            library.set_num_threads(1)
        yield
    finally:
        for library, threads in several:
            library.set_num_threads(threads)


@cache
def _libraries(of_scipy: bool) -> list:
    """Those of BLAS that are loaded: to look for them takes milliseconds. SciPy has its own."""
    from threadpoolctl import ThreadpoolController

    loaded = ThreadpoolController().lib_controllers
    return [library for library in loaded if library.user_api == "blas"]


def interruptible(function: Callable, *arguments):
    """`function(*arguments)`, waited for so that `KeyboardInterrupt` comes through at once.

    Compiled code and compilers do not look at signals, which the main thread alone receives. After
    an interruption the call goes on to its end in the background, and its result is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*arguments)
    return in_the_background(function, *arguments).result()


def interruptible_unless_traced(function: Callable, *arguments):
    """As `interruptible`, of numbers; in a trace the call itself."""
    import jax

    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
        return function(*arguments)
    return interruptible(function, *arguments)


def in_the_background(function: Callable, *arguments) -> Future:
    """`function(*arguments)`, computed in another thread; whoever drops the future loses it."""
    import jax

    wide, device, result = jax.config.jax_enable_x64, jax.config.jax_default_device, Future()

    def work():
        try:
            # What a context manager has set belongs to the thread it was set in.
            with jax.enable_x64(wide), jax.default_device(device):
                result.set_result(jax.block_until_ready(function(*arguments)))
        except BaseException as error:
            result.set_exception(error)

    # Not a daemon: Python, at its exit, would tear down compiled code that still runs.
    threading.Thread(target=work, name="homotopy-call").start()
    return result


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CORES, thread_name_prefix="homotopy")
