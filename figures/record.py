"""What was made from what: a file beside the figures, by which one that is current is known."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from figures.sources import digest

KINDS = ("pdf", "png", "json")


class Record:
    """The figures of a folder: from which sources each was made, and to which files.

    Parameters
    ----------
    folder : Path
    fast : bool
        Whether figures are made on coarse grids, which makes them other figures.
    """

    def __init__(self, folder: Path, fast: bool):
        self._folder, self._fast = folder, fast
        self._path = folder / "made.json"
        self._entries = _read(self._path)

    def current(self, name: str) -> bool:
        """Whether a figure's files are there, untouched, and made from what is there now."""
        return self._entries.get(name) == self._entry(name)

    def made(self, name: str) -> None:
        """Take note of a figure that was just made."""
        self._entries[name] = self._entry(name)
        # Whole or not at all.
        text = json.dumps(dict(sorted(self._entries.items())), indent=1)
        beside = self._path.with_suffix(".new")
        beside.write_text(text + "\n", encoding="utf-8")
        os.replace(beside, self._path)

    def _entry(self, name: str) -> dict:
        files = [self._folder / f"{name}.{kind}" for kind in KINDS]
        return {
            "sources": digest(f"figures.{name}", f"fast={self._fast}"),
            "files": {path.suffix[1:]: _hash(path) for path in files},
        }


def _hash(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
