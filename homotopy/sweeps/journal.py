"""What of a sweep is done, on disk: a folder with a file for each call that has ended."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import re
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from homotopy._code_names import OWN, home
from homotopy._encoding import Encoder
from homotopy._files import whole
from homotopy._saving import load, write
from homotopy._wording import described

_FACE, _LETTERS = "sweep.json", 16


class Journal:
    """Results by the place of their call, written when they are there, whole or not at all.

    Parameters
    ----------
    path : str or path
        Of a folder, made if it is not there.
    function : callable
        What is called: the journal of another function is refused.
    own : sequence, optional
        Of `load`.

    Raises
    ------
    TypeError, ValueError
        Naming `journal`.
    """

    def __init__(self, path, function, own: Sequence = ()):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"journal: expected the name of a folder, got {described(path)}.")
        self._folder, self._own = Path(path), own
        if self._folder.exists() and not self._folder.is_dir():
            raise ValueError(f"journal: expected a folder, got the file {self._folder.name}.")
        self._folder.mkdir(parents=True, exist_ok=True)
        face, mine = self._folder / _FACE, {"function": fingerprint(function)}
        if face.exists():
            known = json.loads(face.read_text())
            if known != mine:
                raise ValueError(
                    f"journal: {self._folder.name} is of another sweep, of other data, settings or "
                    "another function; name another folder, or delete it."
                )
        else:
            with whole(face) as part:
                part.write_text(json.dumps(mine))
        found = (re.fullmatch(r"(\d+)-(\w+)\.npz", file.name) for file in self._folder.iterdir())
        self._done = {int(name[1]): name[2] for name in found if name}

    def __len__(self) -> int:
        return len(self._done)

    def has(self, place: int, case: Any) -> bool:
        """Whether a call is done; a `ValueError` where it was of another case."""
        if place not in self._done:
            return False
        if self._done[place] != fingerprint(case):
            raise ValueError(
                f"journal: case {place} of {self._folder.name} was another one; name another "
                "folder, or delete it."
            )
        return True

    def read(self, place: int) -> Any:
        """What a call returned."""
        return load(self._file(place, self._done[place]), own=self._own)

    def write(self, place: int, case: Any, result: Any) -> None:
        """Keep what a call returned."""
        mark = fingerprint(case)
        write(result, self._file(place, mark))
        self._done[place] = mark

    def _file(self, place: int, mark: str) -> Path:
        return self._folder / f"{place:08d}-{mark}.npz"


def fingerprint(value: Any) -> str:
    """The same of the same numbers, settings and functions in every process; of others another.

    A function counts by its name and its code, by its defaults and the variables around it that it
    uses; not by variables of its module.

    Raises
    ------
    TypeError
        Naming `journal`, for what has no numbers that are known.
    """
    if (given := getattr(value, "fingerprint", None)) is not None:
        return given
    if isinstance(value, functools.partial):
        value = [value.func, list(value.args), dict(value.keywords)]
    if isinstance(value, list | tuple):
        return _digest(",".join(map(fingerprint, value)))
    if isinstance(value, dict):
        return _digest(",".join(f"{key!r}:{fingerprint(value[key])}" for key in sorted(value)))
    if isinstance(value, types.FunctionType):
        value = inspect.unwrap(value)
        if home(value) == OWN:
            return _digest(f"{_name(value)} of {sys.modules[OWN].__version__}")
        around = [cell.cell_contents for cell in value.__closure__ or ()]
        marks = map(fingerprint, [*around, *(value.__defaults__ or ())])
        return _digest(",".join([_name(value), *_code(value.__code__), *marks]))
    if callable(value) and hasattr(value, "__qualname__"):
        return _digest(_name(value))
    encoder = Encoder()
    try:
        text = json.dumps([encoder.encode(value), encoder.objects], sort_keys=True)
    except TypeError as error:
        raise TypeError(
            "journal: expected a function and cases of numbers, arrays and objects of this "
            f"package, by which a sweep is known again, got {described(value)}."
        ) from error
    digest = hashlib.sha256(text.encode())
    for array in map(np.asarray, encoder.arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:_LETTERS]


def _name(function) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _code(code: types.CodeType) -> list[str]:
    """What it does, without where it stands."""
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    constants = [repr(one) for one in code.co_consts if not isinstance(one, types.CodeType)]
    return [code.co_code.hex(), *code.co_names, *constants, *(p for c in inner for p in _code(c))]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LETTERS]
