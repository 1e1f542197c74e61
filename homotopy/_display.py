"""Results in a few lines of numbers, for the prompt and for notebooks.

A class says in `_entries` what its results are told by: pairs of a name and a value, the most
telling first. Everything else is here. Values that are being traced, and results that `jax.vmap`
has stacked, are shown by dtype and shape: nothing is computed to print a result.
"""

from __future__ import annotations

import abc
import dataclasses
import html
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import jax
import numpy as np

_LINE = 88  # letters, up to which a result is one line
_MOST = 100  # letters of a line of several
_NAME = 24  # of the name of one of many numbers
_FEW = 6  # numbers that are written out
_FIELDS = 7  # lines of a result that is shown by its fields

Entries = Iterable[tuple[str, Any]]


class Displayed(abc.ABC):
    """Prints as its class says in `_entries`; `_axes` tells one result from a stack of them."""

    # Fields that are arrays, or statuses, and how many axes each has in one result; None for any.
    _axes: ClassVar[tuple[tuple[str, int | None], ...]] = ()

    @abc.abstractmethod
    def _entries(self) -> Entries:
        """Pairs of a name and a value: what the result is told by."""

    def _shown(self) -> list[tuple[str, str]]:
        """The entries as text; of what is traced or stacked, its fields by shape."""
        entries = self._entries() if self._is_one() else _by_shape(self)
        return [(name, text(value)) for name, value in entries if value is not None]

    def _is_one(self) -> bool:
        """Whether all numbers are known, and those of one result."""
        for name, axes in self._axes:
            array = getattr(self, name, None)
            if not isinstance(array, jax.Array):  # whose own `_value` is a copy in NumPy
                array = getattr(array, "_value", array)
            if not isinstance(array, jax.Array | np.ndarray) or axes not in (None, array.ndim):
                return False
        return all(map(_is_known, vars(self).values()))

    def __repr__(self) -> str:
        name, shown = called(type(self)), self._shown()
        line = ", ".join(f"{key}={value}" if key else value for key, value in shown)
        if len(name) + len(line) + 2 <= _LINE:
            return f"{name}({line})"
        width = max(letters(key) for key, _ in shown)
        rows = (f"  {padded(key, width)}  {value}" for key, value in shown)
        return "\n".join([name, *(shortened(row, _MOST) for row in rows)])

    def _repr_html_(self) -> str:
        return html_table(called(type(self)), self._shown())


class DisplayedByFields(Displayed):
    """Prints its fields with their values, without those that are as by default."""

    def _entries(self) -> Entries:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            plain = isinstance(value, bool | int | float | str | None)
            if value is not field.default and not (plain and value == field.default):
                yield field.name, value if hasattr(value, "dtype") else repr(value)


def called(kind: type) -> str:
    """What a class is called: by its public name, where it is only a way to make another."""
    return next(one.__name__ for one in kind.__mro__ if one.__dict__.get("_called", _named(one)))


def _named(kind: type) -> bool:
    return not kind.__name__.startswith("_")


def _is_known(part) -> bool:
    """Whether no number in it is being traced."""
    if isinstance(part, jax.Array | np.ndarray):
        return not isinstance(part, jax.core.Tracer)
    return all(map(_known, jax.tree.leaves(part)))


def _known(leaf) -> bool:
    if isinstance(leaf, jax.core.Tracer):
        return False
    # What stands for an array in the axes of `jax.vmap`, or where only shapes were evaluated.
    return not isinstance(leaf, jax.ShapeDtypeStruct) and type(leaf) is not object


def _by_shape(result) -> Entries:
    fields = [(name, part) for name, part in vars(result).items() if not name.startswith("_")]
    arrays = [(name, shape_of(part)) for name, part in fields if hasattr(part, "dtype")]
    others = [(name, part) for name, part in fields if not hasattr(part, "dtype")]
    others.sort(key=lambda field: not hasattr(field[1], "_enumeration"))  # the status first
    return [*arrays, *others][:_FIELDS]


def text(value) -> str:
    """A value in a few letters: numbers, statuses, arrays, and whatever else by its name."""
    if isinstance(value, str):
        return value
    if hasattr(value, "_enumeration"):
        return status_text(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return number(value)
    if isinstance(value, jax.Array | np.ndarray):
        return array_text(value)
    return type(value).__name__


def number(value, digits: int = 6) -> str:
    """A number with a few digits; an integer with all of its own."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    return f"{float(value) + 0.0:.{digits}g}"  # not -0


def array_text(array) -> str:
    """The numbers of a short array, or the shape and the range of a long one."""
    if isinstance(array, jax.core.Tracer):
        return shape_of(array)
    known = np.asarray(array)
    if known.ndim == 0:
        return text(known[()])
    if known.ndim == 1 and known.size <= _FEW:
        return f"[{', '.join(_entry(one) for one in known)}]"
    if known.size == 0 or known.dtype.kind not in "iuf":
        return shape_of(known)
    finite = known[np.isfinite(known)]
    if finite.size == 0:
        return f"{shape_of(known)}, none finite"
    missing = known.size - finite.size
    unknown = f", {missing} not finite" if missing else ""
    return f"{shape_of(known)} from {_entry(finite.min())} to {_entry(finite.max())}{unknown}"


def _entry(value) -> str:
    return text(value) if isinstance(value, bool | np.bool_) else number(value, 4)


def shape_of(array) -> str:
    """The dtype and the shape, as float64[3, 2]."""
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def status_text(status) -> str:
    """The sentence of a status; of several, how many ended how."""
    kind, values = status._enumeration, status._value
    if isinstance(values, jax.core.Tracer) or not hasattr(values, "dtype"):
        return kind.__name__
    found, counts = np.unique(np.asarray(values), return_counts=True)
    sentences = [status_sentences(kind)[int(one)] for one in found]
    if len(sentences) == 1:
        return sentences[0] if np.size(values) == 1 else f"{sentences[0]} (all {counts[0]})"
    order = np.argsort(-counts, kind="stable")
    return "; ".join(f"{counts[place]} {sentences[place]}" for place in order)


def status_sentences(kind) -> list[str]:
    """Of all the members of an enumeration, by their number."""
    return list(kind._index_to_message)


def span(values) -> str:
    """How many numbers there are, and from where to where they go."""
    known = np.asarray(values)
    if known.size == 1:
        return number(known.ravel()[0])
    return f"{known.size} from {number(known.min())} to {number(known.max())}"


def largest(values, names: Sequence[str] | Callable[[int], str], count: int = 3) -> str:
    """The largest of some numbers in absolute value, by name, in their own order where few.

    Of names a function is taken too, which is asked for those that are shown only.
    """
    named = names if callable(names) else names.__getitem__
    known = np.asarray(values, dtype=float).ravel()
    few = known.size <= count + 1
    order = np.arange(known.size) if few else np.argsort(-np.abs(known), kind="stable")[:count]
    shown = ", ".join(
        f"{shortened(named(int(place)), _NAME)}: {number(known[place], 4)}" for place in order
    )
    return shown if few else f"{shown}, …"


def letters(word: str) -> int:
    """The width of text on a screen: combining accents take no room."""
    return sum(not unicodedata.combining(letter) for letter in word)


def padded(word: str, width: int, right: bool = False) -> str:
    """Text filled with blanks up to a width."""
    blanks = " " * max(0, width - letters(word))
    return blanks + word if right else word + blanks


def shortened(word: str, width: int) -> str:
    """Text that is no longer than a width, cut where it must be."""
    return word if len(word) <= width else f"{word[: width - 1]}…"


def html_table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Pairs as a table of HTML, whatever letters are in them."""
    body = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><caption>{html.escape(title)}</caption><tbody>{body}</tbody></table>"
