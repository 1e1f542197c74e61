"""Where a problem comes from, as lines of Python."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

_MOST = 400  # numbers that are written into the lines


@dataclasses.dataclass(frozen=True)
class Origin:
    """Lines of Python after which `X` and `y` are the data, and `deleted` of a problem counts rows.

    Attributes
    ----------
    lines : tuple of str
        They may use `hm`, `np`, `datasets`, and, where `reads_numbers`, a file beside.
    title : str
        What the data are called.
    needs_numbers : bool
        Whether the lines read the exported numbers, from explorer.json.
    has_model : bool
        Whether `model` is there after them too.
    """

    lines: tuple[str, ...]
    title: str
    needs_numbers: bool = False
    has_model: bool = False


def of_arrays(X: Float[np.ndarray, "n p"], y: np.ndarray, title: str = "your data") -> Origin:
    """Data that have no file: written out where they are few, else read from the exported JSON."""
    if X.size + y.size <= _MOST:
        rows = [f"    {np.asarray(row).tolist()}," for row in X]
        lines = ("X = np.array([", *rows, "])", f"y = np.array({y.tolist()})")
        return Origin(lines, title)
    lines = (
        'numbers = json.loads(Path("explorer.json").read_text())  # exported beside these lines',
        'X, y = np.array(numbers["data"]["X"]), np.array(numbers["data"]["y"])',
    )
    return Origin(lines, title, needs_numbers=True)
