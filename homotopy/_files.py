"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A name beside the target to write to, which takes its place where no error is raised.

    Each process has its own, so that several may write the same file: one of them wins.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield part
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
