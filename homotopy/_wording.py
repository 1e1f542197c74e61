"""Lists and values in error messages."""

import difflib
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType


def listed(items: Iterable[str], limit: int = 5, word: str = "") -> str:
    """The first items, and how many more there are."""
    items = list(items)
    shown = ", ".join(items[:limit])
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    noun = f"{word}{'s' if len(items) > 1 else ''} " if word else ""
    return f"{noun}{shown}{more}"


def meant(name: str, names: Iterable[str], limit: int = 1) -> str:
    """ " Did you mean 'b'?" of the nearest names, in any case; nothing where none is near."""
    folded = {each.casefold(): each for each in names}
    wanted = name.casefold()
    near = difflib.get_close_matches(wanted, folded, n=limit)
    near = near or [each for each in folded if wanted and wanted in each][:limit]
    return f" Did you mean {' or '.join(repr(folded[each]) for each in near)}?" if near else ""


def no_column(name: str, columns: Iterable[str]) -> str:
    """Says, after what a table is called, that it lacks a column, and which it has."""
    columns = list(columns)
    has = listed(map(repr, columns), limit=30)
    return f"has no column {name!r}.{meant(name, columns)} Its columns are: {has}."


def described(value) -> str:
    """What was given instead, in a few words: its value where that is short, its kind otherwise."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bool | int | float | complex | str):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return f"the function {value.__name__}"
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{_article(name)} of shape {shape}"
    return _article(name)


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
