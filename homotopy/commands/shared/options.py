"""Arguments that several commands take: which data, how they are read, what is predicted."""

from pathlib import Path
from typing import Annotated

import typer


def _of_table(*names: str, **how):
    """An option in the panel of those that say how a table is read."""
    return typer.Option(*names, rich_help_panel="The table", **how)


DataArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA.csv",
        help="A table: CSV, Parquet or Excel, under a line of column names; every column but the "
        "target is a feature.",
        show_default=False,
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Data that come along, in place of a file: diabetes (442 × 10)."
    ),
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column that is predicted.")
]
FormulaOption = Annotated[
    str | None,
    _of_table(
        metavar="FORMULA",
        help="Target and features at once, as 'y ~ a*b + C(c)' (formulaic's grammar); - 1 leaves "
        "the intercept out. In place of --target.",
    ),
]
InterceptOption = Annotated[
    bool,
    _of_table(
        "--intercept/--no-intercept",
        help="A column of ones beside the features; without it the fit passes through the origin.",
    ),
]
IndexOption = Annotated[
    str | None,
    _of_table(metavar="COLUMN", help="The column that names the rows."),
]
DropOption = Annotated[
    list[str] | None,
    _of_table(metavar="COLUMN", help="A column to leave out; may be repeated."),
]
DropnaOption = Annotated[
    bool,
    _of_table("--dropna", help="Leave rows with missing values out; they are refused otherwise."),
]
SeparatorOption = Annotated[
    str | None,
    _of_table(
        metavar="CHARACTER", help="Between cells, as ';' or tab. Default: told from the file."
    ),
]
DecimalOption = Annotated[
    str | None,
    _of_table(
        metavar="[.|,]",
        help="Point or comma. Default: told from the file, where no number could be 1,500.",
    ),
]
EncodingOption = Annotated[
    str | None,
    _of_table(
        metavar="NAME",
        help="Such as cp1252. Default: UTF-8 or UTF-16, else Western European, and said.",
    ),
]
CommentOption = Annotated[
    str | None,
    _of_table(metavar="CHARACTER", help="Leave lines out that begin with it."),
]

# For the help of both commands.
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
