"""Paragraphs on a console."""

from rich.console import Console
from rich.text import Text


def standard_output(width: int) -> Console:
    """Standard output; so wide at least where it is a file or a pipe, which have no width."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = max(made.width, width)
    return made


def say(console: Console, text: str, indent: int = 0) -> None:
    """A paragraph, in which column names are text whatever brackets they hold."""
    from rich.padding import Padding

    console.print(Padding(Text(text), (0, 0, 0, indent)))


def described(design, ridge: float) -> str:
    """The data of a linear regression and how they are fitted, in a sentence."""
    data = design.original
    size, features = data.X.shape
    how = (
        "standardised over all rows, with an intercept"
        if design.intercept
        else "divided by the root mean square of all rows, without an intercept"
    )
    also = ", which counts the intercept too" if design.intercept else ""
    return (
        f"{data.name}: {size} rows, {features} feature{'s' if features > 1 else ''}, target "
        f"{data.target_name}; {how}{f'; ridge ρ = {ridge:g}{also}' if ridge else ''}."
    )


def say_notes(console: Console, notes) -> None:
    """What was assumed of the data, a line each."""
    for note in notes:
        say(console, note, indent=2)


def row_name(data, place: int, room: int = 28) -> str:
    """What a row is called where the word "row" stands already, cut off where it is long."""
    name = str(data.row_number(place)) if data.row_names is None else data.row_names[place]
    return name if len(name) <= room else f"{name[: room - 1]}…"
