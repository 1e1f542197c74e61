"""The command line, `homotopy`: each command is a file in `homotopy.commands`."""

import gc
import logging
import os
import sys

import typer
from typer.core import TyperGroup

from homotopy._xla_flags import ONE_THREAD, QUICK_COMPILATION, ask_for, leave_tracebacks_out
from homotopy.commands.claims import EPILOG as CLAIMS_EPILOG
from homotopy.commands.claims import claims
from homotopy.commands.explore.command import EPILOG as EXPLORE_EPILOG
from homotopy.commands.explore.command import explore
from homotopy.commands.forget.command import EPILOG, forget
from homotopy.commands.influence.command import EPILOG as INFLUENCE_EPILOG
from homotopy.commands.influence.command import influence
from homotopy.commands.unlearn.command import EPILOG as UNLEARN_EPILOG
from homotopy.commands.unlearn.command import unlearn
from homotopy.commands.values.command import EPILOG as VALUES_EPILOG
from homotopy.commands.values.command import values

_OBJECTS = 100_000  # new ones before Python looks for what nothing refers to


class OneLineErrors(TyperGroup):
    """Every error is one line on stderr, wherever it was found."""

    def main(self, args=None, prog_name=None, standalone_mode=True, **extra):
        """Run a command and end with its exit code: 0, 1 where it failed, 2 for bad input."""
        args = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(args or ["--help"], prog_name, standalone_mode=False, **extra)
        except typer.Abort:
            code = 1
        except typer.TyperException as error:
            typer.echo(f"Error: {' '.join(error.format_message().split())}", err=True)
            context = getattr(error, "ctx", None)
            if context is not None:
                typer.echo(f"'{context.command_path} --help' explains the options.", err=True)
            code = error.exit_code
        code = code if isinstance(code, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    name="homotopy",
    cls=OneLineErrors,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def describe():
    """What a trained model becomes when data points are gradually forgotten.

    Each command explains itself: homotopy forget --help
    """


app.command(epilog=EPILOG)(forget)
app.command(epilog=INFLUENCE_EPILOG)(influence)
app.command(epilog=VALUES_EPILOG)(values)
app.command(epilog=UNLEARN_EPILOG)(unlearn)
app.command(epilog=CLAIMS_EPILOG)(claims)
app.command(epilog=EXPLORE_EPILOG)(explore)


def main() -> None:
    """The entry point of the installed command."""
    # A command compiles much and computes little. All of it is read when JAX first computes.
    ask_for(*QUICK_COMPILATION, *ONE_THREAD)
    leave_tracebacks_out()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # Modules and traces are many small objects that stay: looking through them costs a tenth.
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    # Its first use on a machine is announced on stderr, which is for errors.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks Greek letters shows question marks instead of failing.
        stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
