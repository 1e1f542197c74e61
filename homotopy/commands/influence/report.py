"""What `homotopy influence` prints."""

import math

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from homotopy._wording import listed
from homotopy.commands.influence.fit import LOGISTIC, SOFTMAX
from homotopy.commands.influence.numbers import Influences
from homotopy.commands.shared.console import described, row_name, say, say_notes
from homotopy.commands.shared.inputs import looks_like_classes

_GROUPS_SHOWN = 10
_PARAMETERS_SHOWN = 15


def show(console: Console, influences: Influences, ranking: str, change: str) -> None:
    """Print the data, the most influential rows, those of highest leverage, and duplicates.

    `ranking` says in words what ranks; `change` is the measured change that is shown.
    """
    fit = influences.fit
    say(console, _data(fit))
    say_notes(console, fit.original.notes)
    if fit.linear and looks_like_classes(fit.original):
        say(
            console,
            "The target is 0 or 1 in every row, and taken for a number; --loss logistic takes it "
            "for a class.",
            indent=2,
        )
    if fit.test is not None:
        rows, loss = fit.test.y.shape[0], influences.evidence["test_loss"]
        of = "row" if rows == 1 else f"{rows} rows"
        say(console, f"Mean loss on the {of} of test data: {loss:.4g}.")
        say_notes(console, fit.test_notes)
    for title, numbers in (
        (f"Most influential by {ranking}", influences.ranked),
        ("Highest leverage", influences.highest_leverage),
    ):
        console.print()
        console.print(_fitting(console, title, numbers, influences, change))
    say(console, "Changes on deletion: predicted to first order, and true by a refit.")
    console.print()
    console.print(_parameters(fit))
    _say_duplicates(console, influences)
    say(console, _conclusion(influences))
    console.print()


def _data(fit) -> str:
    data = fit.original
    if fit.linear:
        return described(fit.design, fit.ridge)
    size, features = data.X.shape
    how = "with an intercept" if fit.design.intercept else "without an intercept"
    scaled = (
        "features standardised over all rows"
        if fit.design.intercept
        else "features divided by their root mean square"
    )
    which = ""
    if data.classes is not None:
        first = f"0 is {data.classes[0]!r} and 1 {data.classes[-1]!r}"
        many = f"{len(data.classes)} classes: {listed(map(repr, data.classes), limit=10)}"
        which = f"; {first if fit.loss == LOGISTIC else many}"
    counts = f", which counts the intercept{'s' * (fit.loss == SOFTMAX)} too"
    also = counts if fit.design.intercept else ""
    return (
        f"{data.name}: {size} rows, {features} feature{'s' if features > 1 else ''}, target "
        f"{data.target_name}; {fit.loss} regression {how}; {scaled}{which}"
        f"{f'; ridge ρ = {fit.ridge:g}{also}' if fit.ridge else ''}."
    )


def _parameters(fit) -> Table:
    """θ* by name, of many the largest: beside it, for linear regression, in units of the data."""
    design = fit.design
    values = fit.theta.reshape(-1, len(design.names)).T
    headers = ["fit θ*"] if len(values[0]) == 1 else [f"fit θ*\n{c}" for c in fit.original.classes]
    if fit.linear:
        coefficients, constant = design.original_coefficients(fit.theta)
        own = [constant, *coefficients] if design.intercept else list(coefficients)
        values, headers = np.column_stack([values, own]), [*headers, "in units\nof the data"]
    size = np.abs(fit.theta).max()
    largest = np.argsort(
        -np.abs(fit.theta.reshape(-1, len(design.names))).sum(axis=0), kind="stable"
    )[:_PARAMETERS_SHOWN]
    shown = sorted(largest.tolist())
    more = "" if len(shown) == len(values) else f", the {len(shown)} largest of {len(values)}"
    table = _table(f"Parameters{more}")
    table.add_column("parameter", no_wrap=True)
    for header in headers:
        table.add_column(Text(header), justify="right", no_wrap=True)
    for i in shown:
        # What is left of an intercept of 0 is rounding.
        cells = [f"{0.0 if abs(value) < 1e-13 * size else value:.4g}" for value in values[i]]
        table.add_row(Text(design.names[i]), *cells)
    return table


def _table(title) -> Table:
    return Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title=title,
        title_justify="left",
        title_style="bold",
    )


def _fitting(console, title, numbers, influences, change) -> Table:
    """The table, in a narrow terminal without some of its columns."""
    columns = _columns(influences, change)
    for dispensable in (None, "cooks_distance", "parameter_change_true", f"{change}_true"):
        columns = {header: column for header, column in columns.items() if column[0] != dispensable}
        table = _rows(title, numbers, columns, influences)
        wanted = Measurement.get(console, console.options.update(max_width=1000), table)
        if wanted.maximum <= console.width:
            break
    return table


def _columns(influences, change) -> dict[str, tuple[str, str]]:
    """Which column of numbers stands under each header, and how it is written."""
    fit = influences.fit
    known = influences.columns
    shown = {}
    if not fit.linear:
        of = "prob. of\nclass 1" if fit.loss == LOGISTIC else "prob. of\nthis class"
        shown |= {"class": ("target", "g"), of: ("prediction", ".4f")}
    shown["leverage"] = ("leverage", ".4f")
    if fit.linear:
        shown["residual"] = ("residual", ".4f")
    if "cooks_distance" in known:
        shown["Cook's\ndistance"] = ("cooks_distance", "#.3g")
    loss = {"own_loss_change": "own loss", "test_loss_change": "test loss"}[change]
    for quantity, column, ratio in (
        (loss, change, "predicted\n/ true"),
        ("‖Δ‖", "parameter_change", "‖Δ‖ pred.\n/ true"),
    ):
        shown[f"{quantity}\npredicted"] = (f"{column}_predicted", ".3e")
        shown[f"{quantity}\ntrue"] = (f"{column}_true", ".3e")
        shown[ratio] = (f"{column}_ratio", ".4f")
    return shown


def _rows(title, numbers, shown, influences) -> Table:
    table = _table(title)
    data = influences.fit.original
    table.add_column("row", justify="right" if data.row_names is None else "left", no_wrap=True)
    for header in shown:
        table.add_column(header, justify="right", no_wrap=True)
    for row in numbers:
        name = row_name(data, row)
        table.add_row(
            Text(f"{name}{' =' if influences.twins(row) else ''}"),
            *(_cell(influences.columns[column][row], how) for column, how in shown.values()),
        )
    return table


def _cell(value, how: str) -> str | Text:
    if isinstance(value, str):
        return Text(value)
    return f"{value:{how}}" if math.isfinite(value) else "—"


def _say_duplicates(console, influences) -> None:
    duplicates = influences.duplicates
    if not duplicates.identical:
        say(console, "No row occurs twice.")
    for groups, meaning in (
        (
            duplicates.identical,
            "Identical rows, marked =: {}. A twin stays when a row goes, so that each shows about "
            "half of what the two do together.",
        ),
        (duplicates.same_inputs, "Equal features, different targets: rows {}."),
    ):
        if groups:
            words = ["{" + ", ".join(_names(influences, group)) + "}" for group in groups]
            say(console, meaning.format(listed(words, limit=_GROUPS_SHOWN)))


def _conclusion(influences) -> str:
    fit = influences.fit
    count = len(influences.statuses)
    failed = [row for row, status in influences.statuses.items() if status != "minimum"]
    text = f"Refitted without each of {count} rows"
    if failed:
        text += (
            f"; there is no fit without {listed(_names(influences, sorted(failed)), word='row')}"
        )
    ratios = influences.columns["parameter_change_ratio"]
    ratios = ratios[np.isfinite(ratios)]
    if ratios.size:
        text += f"; ‖Δ‖ predicted / true from {ratios.min():.4f} to {ratios.max():.4f}"
        if fit.linear:
            text += " (1 − leverage)"
    return f"{text}."


def _names(influences, rows) -> list[str]:
    """What rows are called, after the word "row"."""
    return [row_name(influences.fit.original, row) for row in rows]
