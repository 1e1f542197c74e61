"""What `homotopy influence` prints."""

import math

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from homotopy._wording import listed
from homotopy.commands.influence.numbers import Influences
from homotopy.commands.shared.console import say

_GROUPS_SHOWN = 10


def show(console: Console, influences: Influences, ranking: str, change: str) -> None:
    """Print the data, the most influential rows, those of highest leverage, and duplicates.

    `ranking` says in words what ranks; `change` is the measured change that is shown.
    """
    fit = influences.fit
    size, features = fit.original.X.shape
    standardised = (
        "logistic regression with an intercept; features standardised over all rows"
        if fit.logistic
        else "standardised over all rows, so no intercept"
    )
    say(
        console,
        f"{fit.original.name}: {size} rows, {features} feature{'s' if features > 1 else ''}, "
        f"target {fit.original.target_name}; {standardised}"
        f"{f'; ridge ρ = {fit.ridge:g}' if fit.ridge else ''}.",
    )
    if fit.test is not None:
        rows, loss = fit.test.y.shape[0], influences.evidence["test_loss"]
        of = "row" if rows == 1 else f"{rows} rows"
        say(console, f"Mean loss on the {of} of test data: {loss:.4g}.")
    for title, numbers in (
        (f"Most influential by {ranking}", influences.ranked),
        ("Highest leverage", influences.highest_leverage),
    ):
        console.print()
        console.print(_fitting(console, title, numbers, influences, change))
    say(console, "Changes on deletion: predicted to first order, and true by a refit.")
    _say_duplicates(console, influences)
    say(console, _conclusion(influences))
    console.print()


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
    if fit.logistic:
        shown |= {"class": ("target", "g"), "prob. of\nclass 1": ("prediction", ".4f")}
    shown["leverage"] = ("leverage", ".4f")
    if not fit.logistic:
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
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title=title,
        title_justify="left",
        title_style="bold",
    )
    for header in ("row", *shown):
        table.add_column(header, justify="right", no_wrap=True)
    for row in numbers:
        table.add_row(
            f"{row}{' =' if influences.twins(row) else ''}",
            *(_cell(influences.columns[column][row], how) for column, how in shown.values()),
        )
    return table


def _cell(value, how: str) -> str:
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
            words = ["{" + ", ".join(map(str, group)) + "}" for group in groups]
            say(console, meaning.format(listed(words, limit=_GROUPS_SHOWN)))


def _conclusion(influences) -> str:
    fit = influences.fit
    count = len(influences.statuses)
    failed = [row for row, status in influences.statuses.items() if status != "minimum"]
    text = f"Refitted without each of {count} rows"
    if failed:
        text += f"; there is no fit without {listed(map(str, sorted(failed)), word='row')}"
    ratios = influences.columns["parameter_change_ratio"]
    ratios = ratios[np.isfinite(ratios)]
    if ratios.size:
        text += f"; ‖Δ‖ predicted / true from {ratios.min():.4f} to {ratios.max():.4f}"
        if not fit.logistic:
            text += " (1 − leverage)"
    return f"{text}."
