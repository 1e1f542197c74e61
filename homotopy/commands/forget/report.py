"""What `homotopy forget` prints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from homotopy.commands.forget.summary import DeletionSummary, Spectrum
from homotopy.commands.shared.console import described, row_name, say, say_notes
from homotopy.commands.shared.inputs import Design, looks_like_classes
from homotopy.datasets import Dataset
from homotopy.deletion.comparison import BASELINE, Comparison
from homotopy.deletion.default_times import ChosenTime
from homotopy.deletion.optimum import OptimumStatus
from homotopy.schedules import AbstractSchedule, BangBang, Polynomial, Step

if TYPE_CHECKING:  # it brings what only --optimise needs
    from homotopy.deletion.searches.everything import CertifiedOptimum

_ROWS_SHOWN = 10
_VALUES_SHOWN = 12


def show(
    console: Console,
    design: Design,
    ridge: float,
    summary: DeletionSummary,
    comparison: Comparison,
    optimum: CertifiedOptimum | None,
    start: ChosenTime,
    horizon: ChosenTime,
) -> None:
    """Print the data, what is deleted, the scales of the problem, and the comparison."""
    dataset = design.original
    say(console, described(design, ridge))
    say_notes(console, dataset.notes)
    if looks_like_classes(dataset):
        say(
            console,
            "The target is 0 or 1 in every row, and taken for a number here; homotopy influence "
            "--loss logistic takes it for a class.",
            indent=2,
        )
    console.print()
    console.print(_deleted_rows(dataset, summary))
    for row in summary.rows[:_ROWS_SHOWN]:
        say(console, f"{dataset.row_label(row.row)}: {_values(dataset, row)}", indent=2)
    if len(summary.rows) > _ROWS_SHOWN:
        say(console, f"and {len(summary.rows) - _ROWS_SHOWN} more, in the JSON", indent=2)
    console.print()
    size_of_fit = math.sqrt(sum(value**2 for value in summary.full_fit))
    nothing = summary.displacement <= 1e-12 * size_of_fit
    say(
        console,
        f"Deleting moves the fit by ‖θ* − θ*₋‖ = {summary.displacement:.4g}"
        f"{': by nothing but rounding, the rows lie on the fit' if nothing else ''}.",
    )
    console.print(_parameters(design, summary))
    say(console, f"Hessian of all rows: {_spectrum(summary.full_spectrum)}.")
    say(console, f"Without the deleted: {_spectrum(summary.deleted_spectrum)}.")
    unseen = sum(value == 0 for value in summary.deleted_spectrum.eigenvalues)
    if unseen:
        directions = (
            "1 direction that no other row sees"
            if unseen == 1
            else (f"{unseen} directions that no other row sees")
        )
        say(console, f"There are {directions}: what training learned there before stays for ever.")
    say(console, "Trained from θ₀ = 0, by gradient flow on the summed squared errors.")
    say(console, f"Request at s = {start.value:g}: {start.reason}.")
    say(console, f"Judged at T = {horizon.value:g}: {horizon.reason}.")
    console.print()
    console.print(_schedules(comparison))
    if not all(entry.membership for entry in comparison.entries):
        say(console, "† to compare with only: these do not carry out the request.")
    say(console, _conclusion(comparison))
    if optimum is not None:
        console.print()
        console.print(_certificate(optimum))
    console.print()


def _deleted_rows(dataset: Dataset, summary: DeletionSummary) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Deleted",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("row", justify="right")
    table.add_column(Text(dataset.target_name), justify="right")
    table.add_column("standardised", justify="right")
    table.add_column("leverage", justify="right")
    table.add_column("residual\nin fit θ*", justify="right")
    table.add_column("residual\nwithout, θ*₋", justify="right")
    for row in summary.rows[:_ROWS_SHOWN]:
        table.add_row(
            Text(row_name(dataset, row.row)),
            f"{row.target:g}",
            f"{row.standardised_target:.4g}",
            f"{row.leverage:.4g}",
            f"{row.residual:.4g}",
            f"{row.deleted_residual:.4g}",
        )
    return table


def _parameters(design: Design, summary: DeletionSummary) -> Table:
    """θ by name: of many, those that the deletion moves most."""
    full, deleted = np.array(summary.full_fit), np.array(summary.deleted_fit)
    moved = np.argsort(-np.abs(deleted - full), kind="stable")[:_VALUES_SHOWN]
    more = len(full) - len(moved)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"Parameters{f', the {len(moved)} of {len(full)} that move most' if more else ''}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("parameter")
    for header in ("fit θ*", "without, θ*₋", "change"):
        table.add_column(header, justify="right", no_wrap=True)
    for i in sorted(moved.tolist()):
        values = (full[i], deleted[i], deleted[i] - full[i])
        # What is left of an intercept of 0 is rounding.
        cells = [0.0 if abs(value) < 1e-13 * np.abs(full).max() else value for value in values]
        table.add_row(Text(design.names[i]), *(f"{value:.4g}" for value in cells))
    return table


def _values(dataset: Dataset, row) -> str:
    pairs = list(zip(dataset.feature_names, row.values, strict=True))
    text = ", ".join(f"{name} {value:g}" for name, value in pairs[:_VALUES_SHOWN])
    more = len(pairs) - _VALUES_SHOWN
    return f"{text} and {more} more features" if more > 0 else text


def _spectrum(spectrum: Spectrum) -> str:
    condition = spectrum.condition
    size = "singular" if math.isinf(condition) else f"condition {condition:.4g}"
    return f"eigenvalues λ from {spectrum.smallest:.4g} to {spectrum.largest:.4g}, {size}"


def _schedules(comparison: Comparison) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Ways to forget: ℰ = ½ ‖θ(T) − θ*₋‖²",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("schedule")
    table.add_column("weight ε(t)")
    for header in ("ℰ", "/ at once", "left\nto undo", "reaches\nbest ℰ"):
        table.add_column(header, justify="right", no_wrap=True)
    best = comparison.best.cost
    for entry in comparison.entries:
        table.add_row(
            entry.name if entry.membership else f"{entry.name} †",
            in_words(entry.schedule),
            f"{entry.cost:.3e}",
            _ratio(entry.ratio),
            _per_cent(entry.remainder),
            "never" if entry.time is None else f"t = {entry.time:.4g}",
            style="bold" if entry.membership and entry.cost == best else None,
        )
    return table


def _certificate(optimum: CertifiedOptimum) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_header=False,
        title="Certificate: the best of all ε(t)",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("what", no_wrap=True)
    table.add_column("value")
    theorem = optimum.controllability
    rows = {
        "status": OptimumStatus[optimum.status],
        "ε between s and T": optimum.structure,
        "ℰ": f"{optimum.cost:.9e}",
        "no ε(t) has less than": f"{optimum.lower_bound:.9e}",
        "gap": f"{optimum.gap:.1e}, after {optimum.nodes} node{'s' * (optimum.nodes != 1)}",
        "Pontryagin residual": f"{optimum.pmp_residual:.1e}",
        "no singular arcs": (
            f"{'proved' if theorem else 'not claimed'}: {theorem.reason}"
            f" (controllability margin {theorem.margin:.2g})"
        ),
    }
    for what, value in rows.items():
        table.add_row(what, Text(value))
    return table


def in_words(schedule: AbstractSchedule) -> str:
    """What a standard schedule does."""
    match schedule:
        case Step(switch=switch) if float(switch) == 0:
            return "0"
        case Step(switch=switch):
            return f"1 until {float(switch):.6g}"
        case Polynomial(start=start, stop=stop, power=power):
            how = {1.0: "linear", 2.0: "quadratic"}.get(float(power), f"power {float(power):g}")
            return f"{how}, {float(start):.6g} to {float(stop):.6g}"
        case BangBang(initial=initial) if schedule.breakpoints.size == 0:
            return str(initial)
        case BangBang(initial=initial):
            return _bang_bang(initial, schedule.breakpoints.tolist())
    return repr(schedule)


def _bang_bang(value: int, switches: list[float]) -> str:
    parts = []
    for switch in switches:
        if switch > 0.0:
            parts.append(f"{value} until {switch:.6g}")
        value = 1 - value
    return ", ".join([*parts, f"then {value}"])


def _ratio(ratio: float) -> str:
    if math.isinf(ratio):
        return "∞"
    return f"{ratio:.3f}" if 0.01 <= ratio < 1000 else f"{ratio:.1e}"


def _per_cent(part: float) -> str:
    if math.isnan(part):
        return "—"
    return f"{100 * part:.0f} %" if 0.1 <= part < 100 else f"{100 * part:.2g} %"


def _conclusion(comparison: Comparison) -> str:
    best, baseline = comparison.best, comparison[BASELINE]
    horizon = float(comparison.deletion.horizon)
    if baseline.cost <= best.cost:
        return "Closest to θ*₋ at T: deleting at once."
    text = f"Closest to θ*₋ at T: {best.name} (ε = {in_words(best.schedule)})."
    if baseline.time is None:
        return f"{text} Deleting at once never gets as close."
    return (
        f"{text} Deleting at once gets as close {baseline.time - horizon:.4g} later, "
        f"at t = {baseline.time:.4g}."
    )
