"""Wall-clock times, with compilation measured apart."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the least of several, after the first, which also compiles.

    The least, as `timeit` advises: what else a shared machine does only ever adds.
    """

    best: float
    first: float
    repeats: int


def timed(call: Callable, repeats: int) -> tuple[Timing, object]:
    """Time a call without arguments; also returns its value."""
    start = time.perf_counter()
    value = jax.block_until_ready(call())
    first = time.perf_counter() - start
    gc.collect()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        value = jax.block_until_ready(call())
        seconds.append(time.perf_counter() - start)
    return Timing(min(seconds), first, repeats), value


def gemm_rate() -> float:
    """Operations a second of large products of matrices in float64, by NumPy on all its threads."""
    size = 1500
    matrix = np.random.default_rng(0).normal(size=(size, size))
    result = np.empty_like(matrix)
    return 2 * size**3 / timed(lambda: np.matmul(matrix, matrix, out=result), 10)[0].best


def timed_once(call: Callable) -> tuple[Timing, object]:
    """Time a single call of a peer that compiles nothing and takes long."""
    start = time.perf_counter()
    value = call()
    return Timing(time.perf_counter() - start, 0.0, 1), value


def relative_difference(value, reference) -> float:
    """Frobenius norm of the difference over that of the reference."""
    value, reference = np.asarray(value), np.asarray(reference)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))
