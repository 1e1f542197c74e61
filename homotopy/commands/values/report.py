"""What `homotopy values` prints."""

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from homotopy.commands.shared.console import described, row_name, say, say_notes
from homotopy.commands.values.numbers import Valued

_HEADERS = {
    "value": "value",
    "standard_error": "standard\nerror",
    "leave_one_out": "leave-\none-out",
    "influence": "influence",
    "leverage": "leverage",
    "residual": "residual",
    "loss": "loss",
}


def show(console: Console, found: Valued, top: int) -> None:
    """Print the data, the rows of largest and of smallest value, and how sure they are."""
    fit, values = found.fit, found.values
    say(console, described(fit.design, fit.ridge))
    say_notes(console, fit.original.notes)
    rows = int(fit.test.y.shape[0])
    say(console, f"The loss is measured on {rows} other row{'s' * (rows > 1)}.")
    say_notes(console, fit.test_notes)
    order = found.order
    for title, places in (("Most helpful", order[:top]), ("Most harmful", order[::-1][:top])):
        console.print()
        console.print(_rows(title, places, found))
    sure = f"{values.kind}, {int(values.work)} {values.unit}"
    say(
        console,
        f"The values sum to {float(np.sum(np.asarray(values.values))):.4g}; all data are worth "
        f"{float(values.total):.4g} ({sure}).",
    )
    check = values.permutation_check
    if check is not None:
        say(
            console,
            f"Beside {int(check.permutations)} permutations they are {float(check.difference):.2g} "
            f"apart, of which {float(check.noise):.2g} is noise (p = {float(check.p_value):.2g}).",
        )
    if not bool(values.successful):
        say(console, f"Not to be relied on: {found.status}.")
    console.print()


def _rows(title, places, found) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title=title,
        title_justify="left", title_style="bold",
    )  # fmt: skip
    original = found.fit.original
    table.add_column("row", justify="right" if original.row_names is None else "left", no_wrap=True)
    shown = [name for name in _HEADERS if name in found.columns]
    for name in shown:
        table.add_column(_HEADERS[name], justify="right", no_wrap=True)
    for place in places:
        numbers = [float(found.columns[name][place]) for name in shown]
        cells = ["–" if not np.isfinite(number) else f"{number:.4g}" for number in numbers]
        table.add_row(Text(row_name(original, place)), *cells)
    return table
