"""`homotopy values`: what each row of a data set is worth to a regression fitted to it."""

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

PICTURES = ("values.png", "values.pdf")
TABLE = "values.csv"
RECORD = "values.json"
METHODS = ("permutations", "medium", "aumann")

_EXPLANATION = """
[bold]Example.[/] homotopy values --dataset diabetes --top 5

[bold]What is computed.[/] A regression with a ridge, linear, or of classes by --loss, is fitted to
coalitions of rows, and the mean loss on other rows is measured. What a row is worth is the change
of this loss when it is left out, averaged over the coalitions that it may be in: its Shapley value.
So the values of all rows sum to what the data as a whole are worth, the loss without data minus
that with all of them. Leave-one-out asks the same of one coalition alone, that of all other rows.
With [bold]--weights COLUMN[/] each row's loss is multiplied by its weight in every fit, and a row
is left out with its weight; rows that the loss is measured on count alike.

[bold]Methods.[/] [bold]permutations[/]: means over random orders of the rows, with standard errors;
[bold]medium[/]: an approximation without sampling, compared with a sample; [bold]aumann[/]: the
value of the homotopy in all weights, whose groups are worth the sum of their rows. Of classes a
coalition takes a refit in place of an insertion: permutations take long then, --truncation ends
them early, and aumann is the default.

[bold]Signs.[/] Every change is that on deletion: without the row minus with it. A row of positive
value helps; one of negative value does harm, as one that is mislabelled may.

[bold]Columns.[/] [italic]value[/] and its [italic]standard error[/]; [italic]leave-one-out[/]: the
true change of the test loss by a refit to all other rows; [italic]influence[/]: the same to first
order; [italic]leverage[/] and [italic]residual[/] of the fit to all rows.

[bold]Units.[/] Features, and a target of numbers, are standardised by the means and deviations of
the rows that are valued; losses and residuals are in these units.
{TABLES}
[bold]Files.[/] values.csv: one line a row; values.json: what is shown, with what it takes to repeat
and to judge it; values.png and .pdf: the values in order, and beside leave-one-out.

[bold]Bad input[/] is refused with one line on stderr and exit code 2; nothing is written then.
"""
EPILOG = epilog(_EXPLANATION)


@reads_a_table
def values(
    table: TableRequest,
    *,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="TEST.csv",
            help="Other data with the same columns, on which the loss is measured. Default: a part "
            "of the rows, by --holdout.",
            show_default=False,
        ),
    ] = None,
    holdout: Annotated[
        float,
        typer.Option(
            metavar="PART",
            help="Without --test: the part of the rows that the loss is measured on.",
        ),
    ] = 0.25,
    loss: LossOption = LOSSES[0],
    method: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help=f"{', '.join(METHODS)}. Default: permutations, or of classes aumann.",
            show_default=False,
        ),
    ] = None,
    permutations: Annotated[
        int, typer.Option(metavar="COUNT", help="Orders of the rows that are sampled.")
    ] = 4000,
    truncation: Annotated[
        float,
        typer.Option(
            metavar="PART",
            help="Of permutations: an order ends once the loss is within this part of what all "
            "data are worth from its end. The values then miss as much of the sum.",
        ),
    ] = 0.0,
    ridge: Annotated[
        float,
        typer.Option(
            metavar="RHO",
            help="ρ > 0, adds (ρ/2) ‖θ‖² to the risk: without it fits to few rows have errors "
            "without a mean.",
        ),
    ] = 1.0,
    top: Annotated[
        int, typer.Option(metavar="COUNT", help="How many rows to show from either end.")
    ] = 5,
    seed: Annotated[
        int, typer.Option(metavar="SEED", help="Of the rows held out, and of the orders.")
    ] = 0,
    weights: WeightsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write values.csv, values.json, values.png and values.pdf; made if need "
            "be, files of these names replaced. Default: a folder named after the data, here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Value the rows of a data set by what a regression loses on other rows without them."""
    check_choice("--loss", loss, LOSSES)
    linear = loss == LOSSES[0]
    method = (METHODS[0] if linear else METHODS[2]) if method is None else method
    check_choice("--method", method, METHODS)
    if method == "medium" and not linear:
        raise InputError(
            f"--method medium: it is for --loss squared, not for {loss}; permutations and aumann "
            "are for any."
        )
    if not 0.0 <= truncation < 1.0:
        raise InputError(f"--truncation: expected a part from 0 to below 1, got {truncation:g}.")
    if truncation > 0.0 and method != "permutations":
        raise InputError(f"--truncation: it is for --method permutations, not for {method}.")
    for option, given, least in (("--permutations", permutations, 4), ("--top", top, 1)):
        if given < least:
            raise InputError(f"{option}: expected {least} or more, got {given}.")
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}.")
    if not 0.0 < holdout < 1.0:
        raise InputError(f"--holdout: expected a part between 0 and 1, got {holdout:g}.")
    # Imported here so that --help and bad arguments are answered without the slow imports.
    from homotopy.commands.shared import inputs

    inputs.check_number("--ridge", ridge)
    if ridge == 0.0:
        raise InputError("--ridge: expected a number above 0, got 0; a small one will do.")
    table = table.weighted_by(weights)
    loaded = inputs.load(table)

    from homotopy.commands.influence.fit import (
        check_classes,
        fit_regression,
        load_test,
        with_classes,
    )
    from homotopy.commands.shared.console import standard_output
    from homotopy.commands.shared.record import write
    from homotopy.commands.values import files, numbers
    from homotopy.commands.values.report import show
    from homotopy.precision import enable_x64
    from homotopy.program_cache import keep_programs

    loaded = with_classes(loaded, loss)
    held = None if test is not None else numbers.held_out(len(loaded.y), holdout, seed)
    valued = loaded if held is None else numbers.some_rows(loaded, ~held)
    check_classes(valued, loss)
    design = inputs.design(valued, ridge, table.intercept)
    if held is None:
        test_data = load_test(test, design.original, loss)
    else:
        test_data = numbers.like(design.original, numbers.some_rows(loaded, held))
    folder = Path(f"values-{folder_stem(loaded.name)}") if out is None else out
    with output_folder(folder, (TABLE, RECORD, *PICTURES)) as staging:
        enable_x64()
        keep_programs()
        fit = fit_regression(design, loss, ridge, test_data)
        found = numbers.values_of(fit, method, permutations, seed, truncation)
        arguments = table.recorded(
            test=None if test is None else str(test), holdout=holdout, loss=loss,
            method=method, permutations=permutations, truncation=truncation, ridge=ridge, top=top,
            seed=seed,
        )  # fmt: skip
        files.write_csv(found, staging / TABLE)
        write(files.record(arguments, found, top), staging / RECORD)
        files.draw(found, [staging / name for name in PICTURES])
    console = standard_output(110)
    show(console, found, top)
    written = ", ".join((TABLE, RECORD, *PICTURES))
    console.print(f"Written to {folder}/: {written}", soft_wrap=True, markup=False)
