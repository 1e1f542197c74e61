"""Arguments that several commands take: which data, how they are read, what is predicted."""

import dataclasses
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from homotopy.commands.shared.errors import InputError
from homotopy.datasets.tables.options import TableOptions


def _parameter(name: str, kind, how, default=None) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, annotation=Annotated[kind, how], default=default)


def _reading(name: str, kind, default=None, *names: str, **how) -> inspect.Parameter:
    """In a panel of their own: what says how a table is read."""
    option = typer.Option(*names, rich_help_panel="The table", **how)
    return _parameter(name, kind, option, default)


_WHICH = (
    _parameter(
        "data",
        Path | None,
        typer.Argument(
            metavar="DATA.csv",
            help="A table: CSV, Parquet or Excel, under a line of column names; every column but "
            "the target is a feature.",
            show_default=False,
        ),
    ),
    _parameter(
        "dataset",
        str | None,
        typer.Option(
            metavar="NAME", help="Data that come along, in place of a file: diabetes (442 × 10)."
        ),
    ),
)
_TARGET = _parameter(
    "target", str | None, typer.Option(metavar="COLUMN", help="The column that is predicted.")
)
_READING = (
    _reading(
        "formula",
        str | None,
        metavar="FORMULA",
        help="Target and features at once, as 'y ~ a*b + C(c)' (formulaic's grammar); - 1 leaves "
        "the intercept out. In place of --target.",
    ),
    _reading("index", str | None, metavar="COLUMN", help="The column that names the rows."),
    _reading(
        "drop", list[str] | None, metavar="COLUMN", help="A column to leave out; may be repeated."
    ),
    _reading(
        *("dropna", bool, False, "--dropna"),
        help="Leave rows with missing values out; they are refused otherwise.",
    ),
    _reading(
        *("intercept", bool, True, "--intercept/--no-intercept"),
        help="A column of ones beside the features; without it the fit passes through the origin.",
    ),
    _reading(
        "separator",
        str | None,
        metavar="CHARACTER",
        help="Between cells, as ';' or tab. Default: told from the file.",
    ),
    _reading(
        "decimal",
        str | None,
        metavar="[.|,]",
        help="Point or comma. Default: told from the file, where no number could be 1,500.",
    ),
    _reading(
        "encoding",
        str | None,
        metavar="NAME",
        help="Such as cp1252. Default: UTF-8 or UTF-16, else Western European, and said.",
    ),
    _reading(
        "comment",
        str | None,
        metavar="CHARACTER",
        help="Leave lines out that begin with it.",
    ),
)


LOSSES = ("squared", "logistic", "softmax")
LossOption = Annotated[
    str,
    typer.Option(
        metavar="LOSS",
        help="squared; logistic where the target is 0 or 1 in every row, or text of two classes; "
        "softmax for classes of any number.",
    ),
]

# Of linear regression.
RidgeOption = Annotated[
    float,
    typer.Option(
        metavar="RHO",
        help="ρ ≥ 0, adds (ρ/2) ‖θ‖² to the risk; above 0, collinear columns and more features "
        "than rows are allowed.",
    ),
]


WeightsOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column of sample weights, positive numbers: each row's loss is multiplied by its "
        "own (WLS), and a deletion takes the row with its weight. It is no feature.",
        rich_help_panel="The table",
    ),
]


def check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    """`InputError` unless it is one of the choices."""
    if value not in choices:
        raise InputError(f"{option}: expected one of {', '.join(choices)}, got {value!r}.")


@dataclasses.dataclass(frozen=True)
class TableRequest:
    """The table that a command is asked to read.

    Attributes
    ----------
    data
        A file; None where `dataset` names data that come along.
    options
        How the table is read.
    intercept
        Whether the fit has one.
    """

    data: Path | None
    dataset: str | None
    options: TableOptions
    intercept: bool

    def weighted_by(self, column: str | None) -> "TableRequest":
        """With a column of sample weights."""
        return dataclasses.replace(self, options=dataclasses.replace(self.options, weights=column))

    def recorded(self, **own) -> dict:
        """What was asked for, with a command's own options, as its record has it."""
        given = dataclasses.asdict(self.options)
        del given["command"]
        return {
            "data": None if self.data is None else str(self.data),
            "dataset": self.dataset,
            "target": given.pop("target"),
            **given,
            "intercept": self.intercept,
            **own,
        }


def reads_a_table(command: Callable) -> Callable:
    """A command that takes a `TableRequest` first, with the options that make one in its place.

    No warnings are shown while it runs, unless Python is asked for them.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    def run(**given):
        told = {each.name: given.pop(each.name) for each in (_TARGET, *_READING)}
        which = [given.pop(each.name) for each in _WHICH]
        intercept, drop = told.pop("intercept"), tuple(told.pop("drop") or ())
        options = TableOptions(**told, drop=drop, command=True)
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            command(TableRequest(*which, options, intercept), **given)

    parameters = [*_WHICH, _TARGET, *own, *_READING]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    # What Typer reads in place of (**given).
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


# For the help of these commands.
TABLES = """
[bold]Tables.[/] Columns of text are categories, coded as 0 and 1 for each level but the first of
the alphabet, the baseline; true and false are 1 and 0. A first column without a name names the
rows, as --index does. What was assumed of a file is printed. Rows count from 0, below the header,
and keep the numbers of the file where --dropna leaves some out.

[bold]Intercept.[/] The fit has one, as R's lm: a column of ones, the first parameter, is not
standardised. So leverage, Cook's distance and refits are those of lm and statsmodels. A constant
column of the table is left out. With --ridge the intercept is penalised as every parameter. It is 0
in the fit to all rows all the same, as features and target have mean 0 there: that fit is the usual
ridge regression. What a deletion changes of the intercept of a linear regression is smaller than
with a free one, to first order by the factor n/(n + ρ).
--no-intercept shifts nothing; columns are divided by their root mean square.
"""


def epilog(explanation: str) -> str:
    """What stands below the options in a command's help; {TABLES} is what it says of tables."""
    # A paragraph is one line: the terminal's width decides where it breaks.
    paragraphs = explanation.replace("{TABLES}", TABLES).split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs)
