"""Work shared out among the processor's cores, by threads: compiled code frees the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

CORES = os.cpu_count() or 1


def side_by_side(function: Callable, items: Sequence) -> Iterator:
    """`map`, with calls in as many threads as there are cores; results in order."""
    return map(function, items) if len(items) == 1 else _threads().map(function, items)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CORES, thread_name_prefix="homotopy")
