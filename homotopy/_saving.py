"""Results in files: `result.save(path)` and `load(path)`, bit for bit and without pickle.

A file is a zip archive as NumPy's npz: the arrays, and `metadata.json`, which any program reads. It
says which class was saved by which release, the seeds and the dtype, and of the data a SHA-256.
Times are not in it: the same result gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.lib import format as npy

from homotopy._checks import sequence
from homotopy._code_names import OWN
from homotopy._decoding import Decoder
from homotopy._encoding import Encoder
from homotopy._files import whole
from homotopy._wording import described

FORMAT = 1
_METADATA = "metadata.json"
_SUFFIX = ".npz"


class Saved:
    """What can be saved in a file and loaded again."""

    def save(self, path: str | os.PathLike) -> Path:
        """Write this to a file, which `homotopy.load` reads: bit for bit, without pickle.

        The file is an npz archive with `metadata.json` in it. Functions of a model or a measurement
        are kept by name, not as code: those of JAX and of Equinox are found again by it, and your
        own are to be handed to `load`. An existing file is replaced once the new one is complete.

        Parameters
        ----------
        path : str or path
            `.npz` is added where it does not end so.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        TypeError
            Where something in it cannot be kept, such as a lambda; with the remedy.
        """
        return write(self, path)


def write(value: Any, path: str | os.PathLike) -> Path:
    """See `Saved.save`."""
    target = with_suffix(path)
    encoder = Encoder()
    root = encoder.encode(value)
    floats = [array.dtype.name for array in encoder.arrays if array.dtype.kind == "f"]
    metadata = {
        "program": OWN,
        "format": FORMAT,
        "version": _version(),
        "class": type(value).__name__,
        "dtype": max(floats, default=None, key=lambda name: np.dtype(name).itemsize),
        "seeds": sorted(set(_seeds(encoder.objects))),
        "data": _data_hashes(encoder.values),
        "own": sorted(encoder.own),
        "root": root,
        "objects": encoder.objects,
    }
    text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, indent=1)
    with whole(target) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_METADATA), text, zipfile.ZIP_DEFLATED)
        for place, array in enumerate(encoder.arrays):
            # Not compressed: floats hardly become fewer bytes.
            with archive.open(f"array{place}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, np.asarray(array), allow_pickle=False)
    return target


def load(path: str | os.PathLike, own: Sequence = ()) -> Any:
    """What `save` has written, bit for bit.

    Nothing that a file holds is run: it names classes of this package, and functions of JAX and of
    a few others that compute and do nothing else. All other functions and classes, as yours of
    `function_model`, `module_model` or a measurement, are taken from `own` only.

    Parameters
    ----------
    path : str or path
    own : sequence of functions and classes, optional
        Of yours, that were in what was saved; the error says which are missing.

    Raises
    ------
    ValueError
        Naming `path`: of a file of another program, of a newer release, or damaged; or `own`, for a
        function or class that was not given.
    RuntimeError
        For float64 where JAX's 64-bit mode is off.

    Examples
    --------
    >>> import homotopy as hm, pathlib, tempfile
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> change = hm.predict(problem, hm.LeaveOneOut())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = change.save(pathlib.Path(folder) / "change.npz")
    ...     again = hm.load(path)
    >>> again.delta.tolist() == change.delta.tolist(), again.problem.deleted.tolist()
    (True, [1])
    """
    own = checked_own(own)
    source = with_suffix(path)
    source = Path(path) if Path(path).exists() else source
    metadata, arrays = _read(source)
    if not jax.config.jax_enable_x64 and metadata.get("dtype") == "float64":
        raise RuntimeError(
            f"path: {source.name} holds a {metadata.get('class')} in float64, and JAX's 64-bit "
            "mode is off: call homotopy.enable_x64() before."
        )
    decoder = Decoder(arrays, own)
    try:
        decoder.decode_objects(metadata["objects"])
        found = decoder.decode(metadata["root"])
        same = _data_hashes(decoder.objects) == metadata["data"]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"path: {source.name} cannot be put together by this release, {_release()}; it was "
            f"written by {metadata.get('version')} ({error})."
        ) from error
    if not same:
        raise ValueError(f"path: the data in {source.name} are not those that were saved in it.")
    return found


def checked_own(own) -> list:
    """Functions and classes of the user's; a `TypeError` that names `own` otherwise."""
    own = sequence("own", own, "a sequence of functions and classes")
    for given in own:
        if not callable(given) or "<" in getattr(given, "__qualname__", "<"):
            raise TypeError(
                f"own: expected functions and classes with a name in their module, got "
                f"{described(given)}."
            )
    return own


def _read(source: Path) -> tuple[dict, list[np.ndarray]]:
    try:
        with zipfile.ZipFile(source) as archive:
            metadata = json.loads(archive.read(_METADATA))
            ours = isinstance(metadata, dict) and metadata.get("program") == OWN
            newer = ours and metadata["format"] > FORMAT
            count = sum(name.endswith(".npy") for name in archive.namelist())
            arrays = []
            for place in range(count if ours and not newer else 0):
                with archive.open(f"array{place}.npy") as member:
                    arrays.append(npy.read_array(member, allow_pickle=False))
    # NumPy's, where numbers are cut off, and those of what is missing or of another kind.
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"{_foreign(source)} ({error})") from error
    if not ours:
        raise ValueError(_foreign(source))
    if newer:
        raise ValueError(
            f"path: {source.name} was written by {OWN} {metadata.get('version')}, in format "
            f"{metadata['format']}; this is {_release()}, which reads up to format "
            f"{FORMAT}: upgrade {OWN}."
        )
    return metadata, arrays


def _foreign(source: Path) -> str:
    return f"path: expected a file that {OWN} has saved, got {source.name}, which is none."


def _version() -> str:
    return sys.modules[OWN].__version__


def _release() -> str:
    return f"{OWN} {_version()}"


def with_suffix(path: str | os.PathLike) -> Path:
    """What `save` writes to."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected the name of a file, got {described(path)}.")
    path = Path(path)
    return path if path.suffix == _SUFFIX else path.with_name(f"{path.name}{_SUFFIX}")


def _seeds(objects: list[dict]) -> list[int]:
    """Of the strategies that draw."""
    states = (given["state"] for given in objects)
    states = (state.get("dict", ()) for state in states if isinstance(state, dict))
    fields = (field for state in states for field in state)
    return [value for name, value in fields if name == "seed" and isinstance(value, int)]


def _data_hashes(objects) -> list[str]:
    """SHA-256 of the data of every problem, and of what a result keeps of one."""
    found = {one._data_hash() for one in objects if hasattr(type(one), "_data_hash")}
    return sorted(found - {None})


def data_hash(*arrays) -> str:
    """SHA-256 of the numbers of arrays, with their dtypes and shapes."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
