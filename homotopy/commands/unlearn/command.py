"""`homotopy unlearn`: delete rows from a trained linear regression, with noise that hides them."""

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

RELEASED, RECORD = "released.csv", "unlearn.json"
REFIT = "refit until certified"

_EXPLANATION = """
[bold]Example.[/] homotopy unlearn --dataset diabetes --delete 169

[bold]What is computed.[/] A linear regression is trained from θ = 0 by gradient descent on the sum
of squared errors, T steps of size 1/λ with λ the largest eigenvalue of the Hessian. Then rows are
deleted in several ways. Retraining makes all T steps without them; rewinding goes back to a
checkpoint and makes the last K steps without them; descending makes K more steps without them;
refits go to the minimum θ*₋ without them, by Newton's method, or by conjugate gradients until the
distance to θ*₋ is certified to be hidden by the noise. What is released is this last one, with
Gaussian noise σ on every parameter. With [bold]--weights COLUMN[/] every squared error is
multiplied by the row's number there, in training and in refits, as weighted least squares do.

[bold]What it means.[/] An observer of the release cannot tell it from θ*₋ with the same noise, but
for a factor e^ε in the odds of any event and a probability δ. σ is fixed beforehand, by
[bold]--noise[/], and tells nothing of the rows; the method goes on until a distance of σ r(ε, δ)
is proved. This is a statement about one release, of the noisy parameters and nothing else.

[bold]Columns.[/] [italic]work[/]: gradients of single losses after the request. [italic]kept[/]:
bytes of training that had to be stored. [italic]own reference[/]: the true distance to what the
method is compared with, retraining by itself or θ*₋. [italic]certified[/]: what is proved of it
without knowing it. [italic]to θ*₋[/]: the true distance to the minimum. [italic]σ needed[/]: the
noise for the certified distance at (ε, δ), and, in brackets, for the true one.

[bold]Units.[/] Features and target are standardised by the means and deviations of all rows, the
deleted ones included, and so are θ and σ: where these must not leak either, give a table that is
standardised by numbers that are known. The column of ones of the intercept is not standardised.
{TABLES}
[bold]Files.[/] released.csv: the noisy parameters, and the coefficients that they are in the units
of the data: what may be published. unlearn.json: the table and the certificate. It tells of the
deleted rows; keep it where the data are.

[bold]Bad input[/] is refused with one line on stderr and exit code 2; nothing is written then.
"""
EPILOG = epilog(_EXPLANATION)


@reads_a_table
def unlearn(
    table: TableRequest,
    *,
    delete: Annotated[
        list[str],
        typer.Option(
            metavar="ROW[,ROW…]",
            help="The rows to delete, by number, from 0 below the header, or by name. May be "
            "repeated.",
        ),
    ] = ...,
    privacy_epsilon: Annotated[
        float,
        typer.Option(
            metavar="EPSILON",
            help="ε ≥ 0: odds differ by no more than e^ε, with the deleted rows or without them.",
        ),
    ] = 1.0,
    delta: Annotated[
        float,
        typer.Option(metavar="DELTA", help="δ in (0, 1): but for that probability."),
    ] = 1e-5,
    noise: Annotated[
        float,
        typer.Option(
            metavar="SIGMA",
            help="σ > 0 of the noise on each standardised parameter, fixed before the request.",
        ),
    ] = 0.01,
    steps: Annotated[
        int,
        typer.Option(metavar="T", help="Of gradient descent in training; a multiple of 10."),
    ] = 1000,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="Of the noise, for tests only: who knows it can take the noise off. Default: "
            "from the system.",
            show_default=False,
        ),
    ] = None,
    ridge: RidgeOption = 0.0,
    weights: WeightsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write released.csv and unlearn.json; made if need be, files of these "
            "names replaced. Default: a folder named after the data, here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Delete rows from a trained regression: work, proved distances, and parameters to release."""
    # Imported here so that --help and bad arguments are answered without the slow imports.
    from homotopy.commands.shared import inputs
    from homotopy.commands.shared.rows import rows_to_delete

    table = table.weighted_by(weights)
    for option, value in (("--privacy-epsilon", privacy_epsilon), ("--ridge", ridge)):
        inputs.check_number(option, value)
    if not 0.0 < delta < 1.0:
        raise InputError(f"--delta: expected a number between 0 and 1, got {delta:g}.")
    if not 0.0 < noise < float("inf"):
        raise InputError(f"--noise: expected a finite number above 0, got {noise:g}.")
    if steps < 10 or steps % 10:
        raise InputError(f"--steps: expected a multiple of 10, from 10 on, got {steps}.")
    if seed is not None and seed < 0:
        raise InputError(f"--seed: expected an integer, 0 or above, got {seed}.")
    loaded = inputs.load(table)
    if loaded.classes is not None:
        raise InputError(
            f"--target: {loaded.target_name!r} is text, and unlearn is for linear regression, "
            "whose target is a number; hm.unlearn deletes from other models in Python."
        )
    rows = rows_to_delete(delete, loaded)
    design = inputs.design(loaded, ridge, table.intercept)
    folder = Path(f"unlearn-{folder_stem(design.original.name)}") if out is None else out

    from homotopy.commands.shared.console import standard_output
    from homotopy.commands.shared.record import write
    from homotopy.commands.unlearn.record import record, write_released
    from homotopy.commands.unlearn.report import show
    from homotopy.labels import keep_labels
    from homotopy.linear import LinearRegression
    from homotopy.precision import enable_x64
    from homotopy.program_cache import keep_programs
    from homotopy.unlearning import GaussianMechanism

    with output_folder(folder, (RELEASED, RECORD)) as staging:
        enable_x64()
        keep_programs()
        options = {"ridge": ridge, "weights": design.original.weights}
        problem = LinearRegression(design.X, design.scaled.y, deleted=rows, **options)
        keep_labels(problem.X, inputs.labels(design))
        mechanism = GaussianMechanism(privacy_epsilon, delta)
        found = _compared(problem, rows, mechanism, noise, steps)
        kept = found.results[found.names.index(REFIT)]
        released = kept.release(mechanism, noise, seed=seed)
        arguments = table.recorded(
            delete=[design.original.row_number(row) for row in rows],
            ridge=ridge,
            privacy_epsilon=privacy_epsilon,
            delta=delta,
            noise=noise,
            steps=steps,
        )
        write_released(design, released, staging / RELEASED)
        write(record(arguments, design, found, released), staging / RECORD)

    console = standard_output(110)
    show(console, design, ridge, rows, steps, found, released)
    console.print(f"Written to {folder}/: {RELEASED}, {RECORD}", soft_wrap=True, markup=False)


def _compared(problem, rows, mechanism, noise, steps):
    import numpy as np

    from homotopy.flows import GradientDescent
    from homotopy.unlearning import (
        ConjugateGradientRefit,
        DescendToDelete,
        NewtonRefit,
        Retrain,
        RewindToDelete,
        WhenCertified,
        compare,
        training_run,
    )
    from homotopy.unlearning.curvature import known_curvature

    half, tenth = steps // 2, steps // 10
    size = 1.0 / known_curvature(problem).upper
    start = np.zeros(problem.dimension)
    run = training_run(
        problem, start, steps, GradientDescent(size), checkpoints=[half, steps - tenth]
    )
    stop = WhenCertified(mechanism.distance(noise))
    methods = {
        "retrain": Retrain(),
        f"rewind by {half}": RewindToDelete(half),
        f"rewind by {tenth}": RewindToDelete(tenth),
        f"descend by {tenth}": DescendToDelete(tenth),
        "one Newton step": NewtonRefit(1),
        REFIT: (ConjugateGradientRefit(20 * problem.dimension + 100), stop),
    }
    try:
        return compare(run, rows, methods, mechanism)
    except ValueError as error:
        if not str(error).startswith("stop: "):
            raise
        raise InputError(
            "--delete: the rows that remain do not determine the fit, so that no distance to it "
            "can be certified: add a small --ridge, such as 1e-3."
        ) from None
    except RuntimeError:
        raise CommandError(
            f"a distance of {stop.distance:.3g} could not be certified, as rounding is larger: "
            "choose a larger --noise, or add a --ridge."
        ) from None
