"""`homotopy influence`: which rows of a data set shape a regression fitted to it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from homotopy.commands.shared.errors import InputError
from homotopy.commands.shared.options import (
    LOSSES,
    LossOption,
    TableRequest,
    WeightsOption,
    check_choice,
    epilog,
    reads_a_table,
)
from homotopy.commands.shared.output import folder_stem, output_folder

PICTURES = ("influence.png", "influence.pdf")
TABLE = "influence.csv"
RECORD = "influence.json"

# What --by takes, the column it ranks by, and its name in a title.
RANKINGS = {
    "own-loss": ("own_loss_change_predicted", "the predicted change of their own loss"),
    "parameters": ("parameter_change_predicted", "the predicted length of the change ‖Δ‖"),
    "leverage": ("leverage", "leverage"),
    "residual": ("residual", "the size of their residual"),
    "cooks-distance": ("cooks_distance", "Cook's distance"),
    "test-loss": ("test_loss_change_predicted", "the predicted change of the test loss"),
}

_EXPLANATION = """
[bold]Example.[/] homotopy influence --dataset diabetes --top 5

[bold]What is computed.[/] A regression is fitted to all rows, θ* = argmin Σ ℓᵢ(θ) + (ρ/2) ‖θ‖²:
linear, ℓ = ½ (x·θ − y)², or with [bold]--loss logistic[/] and a target of two classes, 0 and 1 or
text, logistic, ℓ = −log of the probability of the row's class; [bold]--loss softmax[/] is the same
for more classes, with a θ for each, which sum to 0. What deleting a row does is predicted by the
influence function, Δ = H⁻¹∇ℓᵢ with the Hessian H of all rows: the first order of the change in the
row's weight, at weight 1. The rows that are shown are then deleted in earnest, one at a time, and
the regression is fitted again without them. With [bold]--weights COLUMN[/] each ℓᵢ is multiplied
by the row's weight: so diagnostics and refits are those of weighted least squares (R's lm with
weights, statsmodels' WLS). Means and deviations are weighted then.

[bold]Signs.[/] Every change is that on deletion: θ(0) − θ(1), without the row minus with it. The
row's own loss grows when it is deleted. A negative change of the test loss means that the fit does
better without the row. The risk is a sum, not a mean: a row has weight 1, and not 1/n.

[bold]Columns.[/] [italic]leverage[/]: how much of a row's own target is in its fitted value, from 0
to 1 (logistic: Pregibon's; softmax: up to the number of classes less 1). [italic]residual[/]: y −
x·θ*. [italic]Cook's distance[/]: the squared change of all predictions on deletion, over the number
of parameters and the residual variance;
without a ridge only. [italic]own loss[/]: change of the row's own loss; to first order ∇ℓᵢ·Δ,
which is residual² times leverage for linear regression. [italic]‖Δ‖[/]: length of the change of
the parameters. [italic]test loss[/]: change of the mean loss on --test. [italic]predicted[/] is
the influence function, [italic]true[/] the refit; for ‖Δ‖ in linear regression their ratio is 1 −
leverage. A dash: not defined, or there is no fit without the row.

[bold]Duplicates.[/] Rows that are the same in every column are named. When one goes its twin
stays, and the fit moves about half as far as if both had gone: read them together.

[bold]Units.[/] Features are standardised by the means and deviations of all rows; so is the target
of a linear regression. Losses, residuals and parameters are in these units. The files also have
targets and predictions in the units of the data (of classes: probabilities).
{TABLES}
[bold]Files.[/] influence.csv: one line a row of the data, with all numbers; influence.json: what is
shown, with what it takes to repeat and to judge it; influence.png and .pdf: predictions against
refits, and leverage against residuals.

[bold]Bad input[/] is refused with one line on stderr and exit code 2; nothing is written then.
"""
EPILOG = epilog(_EXPLANATION)


@reads_a_table
def influence(
    table: TableRequest,
    *,
    loss: LossOption = LOSSES[0],
    ridge: Annotated[
        float,
        typer.Option(
            metavar="RHO",
            help="ρ ≥ 0, adds (ρ/2) ‖θ‖² to the risk; above 0, collinear columns, more features "
            "than rows and separable classes are allowed.",
        ),
    ] = 0.0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE",
            help=f"What ranks the rows, by its size: {', '.join(RANKINGS)}. Default: own-loss, or "
            "test-loss with --test.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            help="How many rows to show and to refit, by influence and by leverage each.",
        ),
    ] = 10,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="TEST.csv",
            help="Other data with the same columns: also predict the change of the mean loss on "
            "them.",
            show_default=False,
        ),
    ] = None,
    weights: WeightsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write influence.csv, influence.json, influence.png and influence.pdf; "
            "made if need be, files of these names replaced. Default: a folder named after the "
            "data, here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Rank the rows of a data set by their influence on a regression, and check it by refits."""
    table = table.weighted_by(weights)
    check_choice("--loss", loss, LOSSES)
    if by is None:
        by = "own-loss" if test is None else "test-loss"
    check_choice("--by", by, tuple(RANKINGS))
    linear = loss == LOSSES[0]
    if by == "test-loss" and test is None:
        raise InputError("--by test-loss: name the test data, --test TEST.csv.")
    if by == "cooks-distance" and (not linear or ridge > 0):
        has = "a regression with a ridge" if linear else f"{loss} regression"
        raise InputError(
            f"--by cooks-distance: it is defined for least squares, not for {has}; rank by "
            "parameters or leverage."
        )
    if top < 1:
        raise InputError(f"--top: expected a number of rows, 1 or more, got {top}.")
    # Imported here so that --help and bad arguments are answered without the slow imports.
    from homotopy.commands.shared import inputs

    inputs.check_number("--ridge", ridge)
    loaded = inputs.load(table)

    from homotopy.commands.influence import numbers, picture, record
    from homotopy.commands.influence.fit import (
        check_classes,
        fit_regression,
        load_test,
        with_classes,
    )
    from homotopy.commands.influence.report import show
    from homotopy.commands.shared.console import standard_output
    from homotopy.commands.shared.record import write
    from homotopy.precision import enable_x64
    from homotopy.program_cache import keep_programs

    loaded = with_classes(loaded, loss)
    check_classes(loaded, loss)
    design = inputs.design(loaded, ridge, table.intercept)
    original = design.original
    test_data = None if test is None else load_test(test, original, loss)
    folder = _default_folder(original.name) if out is None else out
    column, ranking = RANKINGS[by]
    # One loss is shown beside ‖Δ‖.
    change = "own_loss_change" if test is None or by == "own-loss" else "test_loss_change"

    with output_folder(folder, (TABLE, RECORD, *PICTURES)) as staging:
        enable_x64()
        keep_programs()
        fit = fit_regression(design, loss, ridge, test_data)
        with _progress() as report:
            found = numbers.influences(fit, column, top, report)
        test_file = None if test is None else str(test)
        arguments = table.recorded(loss=loss, ridge=ridge, by=by, top=top, test=test_file)
        record.write_csv(found, staging / TABLE)
        write(record.record(arguments, column, found), staging / RECORD)
        drawn = "parameter_change" if by == "parameters" else change
        picture.write(found, drawn, [staging / name for name in PICTURES])

    console = standard_output(110)
    show(console, found, ranking, change)
    written = ", ".join((TABLE, RECORD, *PICTURES))
    console.print(f"Written to {folder}/: {written}", soft_wrap=True, markup=False)


@contextmanager
def _progress() -> Iterator:
    """Takes how many refits are done, and of how many; a bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("refitting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _default_folder(name: str) -> Path:
    return Path(f"influence-{folder_stem(name)}")
