"""Lists and values in error messages."""

from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType


def listed(items: Iterable[str], limit: int = 5, word: str = "") -> str:
    """The first items, and how many more there are."""
    items = list(items)
    shown = ", ".join(items[:limit])
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    noun = f"{word}{'s' if len(items) > 1 else ''} " if word else ""
    return f"{noun}{shown}{more}"


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
