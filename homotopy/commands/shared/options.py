"""Arguments that several commands take: which data, how they are read, what is predicted."""

from pathlib import Path
from typing import Annotated

import typer

_TABLE = "The table"

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
    typer.Option(
        metavar="FORMULA",
        help="Target and features at once, as 'y ~ a*b + C(c)' (formulaic's grammar); - 1 leaves "
        "the intercept out. In place of --target.",
        rich_help_panel=_TABLE,
    ),
]
InterceptOption = Annotated[
    bool,
    typer.Option(
        "--intercept/--no-intercept",
        help="A column of ones beside the features; without it the fit passes through the origin.",
        rich_help_panel=_TABLE,
    ),
]
IndexOption = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column that names the rows.", rich_help_panel=_TABLE),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN", help="A column to leave out; may be repeated.", rich_help_panel=_TABLE
    ),
]
DropnaOption = Annotated[
    bool,
    typer.Option(
        "--dropna",
        help="Leave rows with missing values out; they are refused otherwise.",
        rich_help_panel=_TABLE,
    ),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="Between cells, as ';' or tab. Default: told from the file.",
        rich_help_panel=_TABLE,
    ),
]
DecimalOption = Annotated[
    str | None,
    typer.Option(
        metavar="[.|,]",
        help="Point or comma. Default: told from the file, where no number could be 1,500.",
        rich_help_panel=_TABLE,
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Such as cp1252. Default: UTF-8 or UTF-16, else Western European, and said.",
        rich_help_panel=_TABLE,
    ),
]
CommentOption = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER", help="Leave lines out that begin with it.", rich_help_panel=_TABLE
    ),
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
