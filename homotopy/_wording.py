"""Lists in error messages."""

from collections.abc import Iterable


def listed(items: Iterable[str], limit: int = 5, word: str = "") -> str:
    """The first items, and how many more there are."""
    items = list(items)
    shown = ", ".join(items[:limit])
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    noun = f"{word}{'s' if len(items) > 1 else ''} " if word else ""
    return f"{noun}{shown}{more}"
