"""`homotopy explore`: a table, or data that come along, behind sliders in a browser."""

from __future__ import annotations

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

_EXPLANATION = """
[bold]Example.[/] homotopy explore cars.csv --target mpg --index model --delete "Fiat 128"

[bold]What is shown.[/] A linear regression is trained by gradient flow; at time s somebody asks for
rows to be forgotten, and at time T the result is judged, by ℰ = ½ ‖θ(T) − θ*₋‖² (homotopy forget
--help). Drag θ₀, draw the weight ε(t), click on points, move the sliders: path, ℰ and the switching
function follow. The address of the page holds all that was chosen; Save takes pictures, numbers and
the Python lines that make them.

[bold]Data.[/] A table as of the other commands, or --dataset: [italic]line[/], one that a
point pulls at (the default), [italic]diabetes[/], or [italic]perceptron[/], the notes' perceptron
with three neurons, whose first neuron is drawn. --neurons N trains a perceptron with N hidden
neurons on a table. With --weights COLUMN the squared error of each row of a table is multiplied by
its number there.

[bold]The server[/] listens on this machine alone (127.0.0.1), and ends with Ctrl-C. It needs Panel
and Bokeh, pip install 'homotopy\\[explorer]', and loads nothing from the network.
{TABLES}
"""
EPILOG = epilog(_EXPLANATION)


@reads_a_table
def explore(
    table: TableRequest,
    *,
    delete: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROW[,ROW…]",
            help="The rows to forget first, by number, from 0 below the header, or by name. "
            "Default: the row whose deletion moves the fit most.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="When the deletion is asked for, ≥ 0.", show_default="as of forget"
        ),
    ] = None,
    horizon: Annotated[
        float | None,
        typer.Option(
            metavar="T", help="When the result is judged, > S.", show_default="as of forget"
        ),
    ] = None,
    ridge: RidgeOption = 0.0,
    neurons: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="A perceptron with N hidden neurons in place of a linear regression; its ridge is "
            "0.01 unless --ridge says otherwise.",
            show_default=False,
        ),
    ] = None,
    weights: WeightsOption = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Of the address.", show_default="a free one"
        ),
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """See it move: an explorer of a data set in the browser."""
    from homotopy.explorer.needs import require_panel

    try:
        require_panel()
    except ImportError as error:
        raise CommandError(str(error)) from None
    from homotopy.commands.shared.inputs import check_number

    table = table.weighted_by(weights)

    for option, value in (("--start", start), ("--horizon", horizon), ("--ridge", ridge)):
        check_number(option, value)

    from homotopy.commands.explore.data import explored_data
    from homotopy.precision import enable_x64
    from homotopy.program_cache import keep_programs

    enable_x64()
    keep_programs()
    create, notes = explored_data(table, delete, start, horizon, ridge, neurons)

    from homotopy.commands.shared.console import say_notes, standard_output
    from homotopy.explorer.server import serve

    console = standard_output(100)
    say_notes(console, notes)
    try:
        server = serve(create, port=port, show=browser)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"--port: {port} cannot be listened on ({reason}).") from None
    console.print(
        f"The explorer is at http://127.0.0.1:{server.port}/ until Ctrl-C.", soft_wrap=True
    )
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
