"""Programs that JAX compiled, kept on disk for the processes that come later."""

from __future__ import annotations

import hashlib
import os
import platform
import threading
from pathlib import Path

import jax
import platformdirs
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from homotopy._checks import instance

_VARIABLE = "HOMOTOPY_CACHE"
_MOST_BYTES = 2**29  # of one folder; programs of sources that have changed stay in it


def keep_programs(folder: Path | str | None = None) -> Path | None:
    """Look for compiled programs in a folder, and leave new ones there.

    What XLA makes of a program depends on the program and the processor alone, so the numbers are
    the same with and without. The command line, the figures and the notebooks call this first; a
    folder that JAX has been given before is left as it is.

    Parameters
    ----------
    folder : path, optional
        By default the user's cache folder, or the one that the environment variable
        HOMOTOPY_CACHE names; where that is "off", nothing is kept.

    Returns
    -------
    Path or None
        Where programs are kept now.

    Raises
    ------
    TypeError
        Naming `folder`, where it is no path.

    Examples
    --------
    >>> import homotopy as hm
    >>> kept = hm.keep_programs()
    """
    if folder is not None:
        folder = Path(instance("folder", folder, str | os.PathLike, "a path, or None"))
    if (given := jax.config.jax_compilation_cache_dir) and folder is None:
        return Path(given)
    wanted = os.environ.get(_VARIABLE, "")
    if folder is None and wanted.lower() in ("off", "0", "no", "false"):
        return None
    if folder is None:
        root = Path(wanted) if wanted else platformdirs.user_cache_path("homotopy")
        folder = root / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        bound(folder)
    except OSError:  # a machine without a home: everything works as before
        return None
    _write_whole()
    if jax.config.jax_compilation_cache_dir not in (None, str(folder)):
        reset_cache()  # JAX stays with the folder that it has opened
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def bound(folder: Path, most: int = _MOST_BYTES) -> None:
    """Remove the oldest programs of a folder that holds too many."""
    entries = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in _files(folder))
    excess = sum(size for _, size, _ in entries) - most
    if excess <= 0:
        return
    for _, size, path in entries:
        path.unlink(missing_ok=True)
        excess -= size
        if excess <= -most // 2:
            return


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _processor() -> str:
    """A name for what programs are compiled for: a home folder may be shared by machines."""
    told = [platform.machine(), platform.processor()]
    described = Path("/proc/cpuinfo")
    if described.exists():
        told += sorted(
            {line for line in described.read_text().splitlines() if line.startswith("flags")}
        )
    return f"{platform.machine()}-{hashlib.sha256(repr(told).encode()).hexdigest()[:12]}"


def _write_whole() -> None:
    """Have entries appear under their names when all of them is there: others are reading.

    JAX writes in place, and never replaces an entry, also where a process ended half-way.
    """
    try:
        from jax._src.lru_cache import _CACHE_SUFFIX, LRUCache
    except ImportError:  # another release: what it does is what there is
        return

    def put(cache, key, value):
        path = cache.path / f"{key}{_CACHE_SUFFIX}"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = cache.path / f"{key}-{os.getpid()}-{threading.get_ident()}"
            part.write_bytes(value)
            part.replace(path)

    LRUCache.put = put
