"""Output folders that are written wholly or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from homotopy.commands.shared.errors import CommandError, InputError


@contextmanager
def output_folder(path: Path, names: Sequence[str]) -> Iterator[Path]:
    """A hidden folder to write files of these names in; they move to `path` when all went well.

    A folder that is not there is made, with those above it; in one that is there, files of these
    names are replaced and others left alone. Whatever goes wrong inside the `with` block, nothing
    stays behind.

    Raises
    ------
    InputError
        If the path is a file, or cannot be written to: before the block is entered.
    CommandError
        If writing fails later on, a full disk for example.
    """
    existing = path
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"--out: {str(existing)!r} is a file, not a folder.")
    for name in names:
        if (path / name).is_dir():
            raise InputError(f"--out: {str(path / name)!r} is a folder, and not a file to replace.")
    try:
        staging = Path(tempfile.mkdtemp(prefix=".homotopy-", dir=existing))
    except OSError as error:
        raise InputError(
            f"--out: cannot write in {str(existing)!r}: {error.strerror or error}."
        ) from None
    try:
        yield staging
        _move(staging, path, names)
    except OSError as error:
        raise CommandError(
            f"the results could not be written to {str(path)!r}: {error.strerror or error}."
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def folder_stem(name: str) -> str:
    """What names a folder after data: their name, with signs that shells and disks take."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name) or "data"


def _move(staging: Path, path: Path, names: Sequence[str]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Temporary folders are private; this one becomes an ordinary one.
        mask = os.umask(0)
        os.umask(mask)
        staging.chmod(0o777 & ~mask)
        staging.rename(path)
        return
    for name in names:
        os.replace(staging / name, path / name)
