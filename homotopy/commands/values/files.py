"""The files of `homotopy values`: all numbers as CSV, what is shown as JSON, and a picture."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from homotopy.commands.influence.record import units_of
from homotopy.commands.shared.console import row_name
from homotopy.commands.shared.record import data, plain, versions
from homotopy.commands.values.numbers import Valued
from homotopy.plotting import house_style
from homotopy.plotting.by_row import draw_by_row

MEANINGS = {
    "row": "counts from 0, below the header",
    "name": "what the row is called",
    "value": "test loss without the row minus with it, averaged over coalitions of other rows",
    "standard_error": "of the value, by the spread over permutations",
    "leave_one_out": "test loss of the fit to all other rows minus that of the fit to all",
    "influence": "the same to first order, by the influence function",
    "leverage": "x'inv(H)x with the Hessian H = sum xx' + ridge",
    "residual": "target - prediction of the fit to all rows, standardised",
    "loss": "-log of the probability of the row's class in the fit to all rows",
}
_WEIGHTED = {
    "weight": "the row's sample weight w, which its loss is multiplied by",
    "leverage": "w x'inv(H)x with the Hessian H = sum w xx' + ridge",
    "loss": "weight times " + MEANINGS["loss"],
}


def write_csv(found: Valued, path: Path) -> None:
    """A line for each row that is valued; empty cells where a number is not defined."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(found.columns)
        for cells in zip(*found.columns.values(), strict=True):
            writer.writerow([_cell(cell) for cell in cells])


def _cell(cell):
    value = cell.item() if isinstance(cell, np.generic) else cell
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def record(arguments: dict, found: Valued, top: int) -> dict:
    """A dictionary that JSON can hold."""
    fit, values, order = found.fit, found.values, found.order

    def rows(places):
        return [{name: column[place] for name, column in found.columns.items()} for place in places]

    check = values.permutation_check
    meanings = MEANINGS | ({} if fit.original.weights is None else _WEIGHTED)
    return plain(
        {
            "command": "values",
            "arguments": arguments,
            "units": units_of(fit),
            "signs": "Changes are on deletion: without the row minus with it. The risk is a sum.",
            "columns": {name: meanings[name] for name in found.columns},
            "versions": versions(),
            "data": data(fit.original, fit.standardisation),
            "test_rows": int(fit.test.y.shape[0]),
            "test_notes": fit.test_notes,
            "status": found.status,
            "kind": values.kind,
            "total": float(values.total),
            "efficiency_gap": float(values.efficiency_gap),
            "work": f"{int(values.work)} {values.unit}",
            "beside_permutations": None
            if check is None
            else {name: float(part) for name, part in vars(check).items()},
            "most_helpful": rows(order[:top]),
            "most_harmful": rows(order[::-1][:top]),
        }
    )


def draw(found: Valued, paths: Sequence[Path]) -> None:
    """Values by row, and beside leave-one-out."""
    original = found.fit.original
    values, alone = found.columns["value"], found.columns["leave_one_out"]
    names = [row_name(original, place).replace("$", r"\$") for place in range(len(values))]
    with house_style():
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        FigureCanvasAgg(figure)  # which knows how large names are
        by_row, beside = figure.subplots(1, 2)
        draw_by_row(found.columns["row"], values, names, "value (change of the test loss)", by_row)
        error = found.columns.get("standard_error")
        if error is not None:
            style = {"fmt": "none", "elinewidth": 0.6, "color": "0.6", "zorder": 1}
            beside.errorbar(alone, values, 2.0 * error, **style)
        beside.plot(alone, values, "o", markersize=2.5)
        beside.axline((0.0, 0.0), slope=1.0, color="0.6", linewidth=0.8, zorder=0)
        beside.set(xlabel="leave-one-out", ylabel="value")
        beside.xaxis.set_major_locator(MaxNLocator(4))
        beside.set_title("on one scale; the line: equal")
        figure.suptitle(f"{original.name}: what a row is worth".replace("$", r"\$"))
        for path in paths:
            # No date in the file: the same run gives the same bytes.
            metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
            figure.savefig(path, metadata=metadata)
            figure.set_layout_engine("none")  # everything has its place now
