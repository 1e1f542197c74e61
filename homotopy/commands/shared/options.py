"""Arguments that several commands take: which data, and which column is predicted."""

from pathlib import Path
from typing import Annotated

import typer

DataArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA.csv",
        help="Comma-separated numbers under a line of column names; every column but the "
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
