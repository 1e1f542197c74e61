"""`homotopy forget`: delete rows from a linear regression, and compare ways to do it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from homotopy.commands.shared.errors import CommandError, InputError
from homotopy.commands.shared.options import (
    RidgeOption,
    TableRequest,
    WeightsOption,
    epilog,
    reads_a_table,
)
from homotopy.commands.shared.output import folder_stem, output_folder

PICTURES = ("portrait.png", "portrait.pdf")
RECORD = "forget.json"
TOLERANCE = 1e-9  # of the decays, relative to the state; steps are exact to rounding

_EXPLANATION = """
[bold]Example.[/] homotopy forget --dataset diabetes --delete 169

[bold]What is computed.[/] A linear regression is trained from θ = 0 by gradient flow on the sum of
squared errors ½ Σ wᵢ (xᵢ·θ − yᵢ)². At time s somebody asks for rows to be forgotten, and at time T
the result is judged. A schedule says what these rows weigh: ε(t) = 1 up to s, and anything in
[0, 1] from s to T. A good one ends close to θ*₋, the fit without the rows, and so has a small
[bold]ℰ = ½ ‖θ(T) − θ*₋‖²[/]. Leaving the rows out at once, ε = 0 from s on, is the baseline; it is
not always the best. The flow is computed in
closed form where ε is constant, and to nine digits where it decays. With [bold]--weights
COLUMN[/] every wᵢ is multiplied by the row's number there: the fits are those of weighted least
squares, and means and deviations are weighted.

[bold]Columns.[/] [italic]ℰ[/]: the error left at T. [italic]/ at once[/]: ℰ over that of the
baseline; below 1 is better. [italic]left to undo[/]: ‖θ(T) − θ*₋‖ in per cent of ‖θ* − θ*₋‖, the
distance by which the rows move the fit. [italic]reaches best ℰ[/]: the time at which training
under that schedule has come as close to θ*₋ as the best one is at T, or never.

[bold]--optimise[/] finds the best of all schedules ε(t), whatever their shape, and a lower bound of
ℰ that none can beat. The gap is (ℰ − bound)/ℰ. The best schedule switches between 0 and 1; where
two or more rows share it the bound is proved all the same, but the gap need not close.

[bold]Units.[/] Features and target are standardised by the means and deviations of all rows, the
deleted ones included; the column of ones of the intercept is not. The risk is a sum, not a mean: a
mode of the Hessian Σ xᵢxᵢᵀ with eigenvalue λ decays as e^(−λt).
{TABLES}
[bold]Default times.[/] s: the first time at which ‖θ(t) − θ*‖ ≤ ‖θ* − θ*₋‖, as training begins to
resolve what the rows contribute. (Much later it has arrived at θ*, and deleting at once is best.)
T: s plus the time in which the flow without the rows goes nine tenths of the way from θ* to θ*₋.

[bold]Bad input[/] is refused with one line on stderr and exit code 2; nothing is written then.
"""
EPILOG = epilog(_EXPLANATION)


@reads_a_table
def forget(
    table: TableRequest,
    *,
    delete: Annotated[
        list[str],
        typer.Option(
            metavar="ROW[,ROW…]",
            help="The rows to forget, by number, from 0 below the header, or by name, as "
            "'Fiat 128,Valiant'. May be repeated; a name with a comma stands alone, or in double "
            "quotes.",
        ),
    ] = ...,
    start: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="When the deletion is asked for, ≥ 0. Default: when training resolves the rows "
            "(below).",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        float | None,
        typer.Option(
            metavar="T",
            help="When the result is judged, > S. Default: by the rates at which the deletion "
            "takes effect (below).",
            show_default=False,
        ),
    ] = None,
    ridge: RidgeOption = 0.0,
    optimise: Annotated[
        bool,
        typer.Option(
            "--optimise",
            help="Also find the best ε(t) of all, with a proof of how good it is (below).",
        ),
    ] = False,
    time_limit: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="With --optimise: after that time the bound proved so far is reported.",
        ),
    ] = 60.0,
    weights: WeightsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write portrait.png, portrait.pdf and forget.json; made if need be, "
            "files of these names replaced. Default: a folder named after the data and the rows, "
            "here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Forget rows of a data set: compare ways to do it, in numbers and in a picture."""
    # Imported here so that --help and bad arguments are answered without the slow imports.
    from homotopy.commands.shared import inputs
    from homotopy.commands.shared.rows import rows_to_delete

    table = table.weighted_by(weights)
    for option, value in (("--start", start), ("--horizon", horizon), ("--ridge", ridge)):
        inputs.check_number(option, value)
    if optimise and not time_limit > 0:
        raise InputError(f"--time-limit: expected a number of seconds > 0, got {time_limit:g}.")
    if start is not None and horizon is not None:
        _check_order(start, horizon)
    loaded = inputs.load(table)
    _check_regression(loaded)
    rows = rows_to_delete(delete, loaded)
    design = inputs.design(loaded, ridge, table.intercept)
    original = design.original
    folder = _default_folder(original.name, [loaded.row_number(row) for row in rows])
    folder = folder if out is None else out

    import numpy as np

    from homotopy.commands.forget import picture
    from homotopy.commands.forget.record import record as recorded
    from homotopy.commands.forget.report import show
    from homotopy.commands.forget.summary import summarise
    from homotopy.commands.shared.console import standard_output
    from homotopy.commands.shared.record import write
    from homotopy.deletion import Deletion
    from homotopy.deletion.comparison import OPTIMUM, compare, standard_schedules
    from homotopy.deletion.default_times import ChosenTime, default_horizon, default_start
    from homotopy.flows import Exact
    from homotopy.labels import keep_labels
    from homotopy.linear import LinearRegression
    from homotopy.precision import enable_x64
    from homotopy.program_cache import keep_programs

    with output_folder(folder, (*PICTURES, RECORD)) as staging:
        enable_x64()
        keep_programs()
        options = {"ridge": ridge, "weights": original.weights}
        problem = LinearRegression(design.X, design.scaled.y, deleted=rows, **options)
        keep_labels(problem.X, inputs.labels(design))
        try:
            begin = default_start(problem) if start is None else ChosenTime(start, "as asked for")
            end = (
                default_horizon(problem, begin.value)
                if horizon is None
                else ChosenTime(horizon, "as asked for")
            )
        except ValueError as error:
            raise InputError(f"--{error}") from None
        _check_order(begin.value, end.value)
        deletion = Deletion(
            problem,
            np.zeros(problem.dimension),
            begin.value,
            end.value,
            method=Exact(tolerance=TOLERANCE),
        )
        summary = summarise(problem, original, design.scaled)
        try:
            schedules, optimum = standard_schedules(deletion), None
            if optimise:
                optimum = _certified(deletion, schedules["best single step"], time_limit)
                schedules[OPTIMUM] = optimum.schedule
            comparison = compare(deletion, schedules)
            plane = picture.write(comparison, original, [staging / name for name in PICTURES])
        except RuntimeError:
            stiffness = summary.full_spectrum.largest * (end.value - begin.value)
            raise CommandError(
                f"a decay from s = {begin.value:g} to T = {end.value:g} could not be followed: it "
                f"lasts λ (T − s) = {stiffness:.2g} times as long as the fastest mode. Choose a "
                "--horizon nearer to the start, or add a --ridge."
            ) from None
        arguments = table.recorded(
            delete=[original.row_number(row) for row in rows],
            start=start,
            horizon=horizon,
            ridge=ridge,
            optimise=optimise,
        )
        numbers = recorded(arguments, design, summary, comparison, optimum, begin, end, plane)
        write(numbers, staging / RECORD)

    console = standard_output(100)
    show(console, design, ridge, summary, comparison, optimum, begin, end)
    written = ", ".join((*PICTURES, RECORD))
    console.print(f"Written to {folder}/: {written}", soft_wrap=True, markup=False)


def _certified(deletion, warm_start, time_limit):
    from homotopy.deletion._optimise import optimise
    from homotopy.deletion.searches import Everything

    return optimise(
        deletion,
        over=Everything(time_limit=time_limit),
        warm_start=warm_start,
        progress=sys.stderr.isatty(),
    )


def _check_regression(dataset) -> None:
    if dataset.classes is not None:
        name = dataset.target_name
        raise InputError(
            f"--target: {name!r} is text, with {len(dataset.classes)} classes, and forget is for "
            f"linear regression, whose target is a number: homotopy influence with --loss "
            f"{'logistic' if len(dataset.classes) == 2 else 'softmax'} ranks the rows of such a "
            "table, and hm.Problem with that loss forgets them in Python."
        )


def _check_order(start: float, horizon: float) -> None:
    if not horizon > start:
        raise InputError(
            f"--horizon: expected a time after the start s = {start:g}, got {horizon:g}: there "
            "must be time to forget (--start sets s)."
        )


def _default_folder(name: str, rows: list[int]) -> Path:
    """Named after the data and the rows, so that another deletion does not overwrite this one."""
    stem = folder_stem(name)
    if len(rows) == 1:
        return Path(f"forget-{stem}-row-{rows[0]}")
    if len(rows) <= 6:
        return Path(f"forget-{stem}-rows-{'-'.join(map(str, rows))}")
    import hashlib

    digest = hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()[:8]
    return Path(f"forget-{stem}-{len(rows)}-rows-{digest}")
