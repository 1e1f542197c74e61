"""What goes wrong on the command line: one line on stderr and an exit code, no traceback."""

import typer


class CommandError(typer.TyperException):
    """A computation or a file operation that failed: exit code 1."""

    exit_code = 1


class InputError(CommandError):
    """Something that the user gave and can mend: exit code 2."""

    exit_code = 2
