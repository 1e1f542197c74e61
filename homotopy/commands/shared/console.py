"""Paragraphs on a console."""

from rich.console import Console
from rich.text import Text


def say(console: Console, text: str, indent: int = 0) -> None:
    """A paragraph, in which column names are text whatever brackets they hold."""
    from rich.padding import Padding

    console.print(Padding(Text(text), (0, 0, 0, indent)))
