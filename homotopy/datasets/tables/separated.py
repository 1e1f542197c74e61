"""Lines of text as cells: the separator, comments, quotes, rows of one length."""

from __future__ import annotations

import csv
import io

from homotopy.datasets.tables.options import TableOptions
from homotopy.datasets.tables.raw import RawTable, check_names, first_twice, objects

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_SPELT = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";"}
_SAMPLE = 200  # lines that tell the separator

# What stands for a missing value, as in pandas.read_csv.
MISSING = frozenset(
    "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan"
    "|null".split("|")
)


def split_text(text: str, file: str, options: TableOptions) -> RawTable:
    """The table of a text: its first line names the columns.

    Raises
    ------
    ValueError
        Where the text is empty or broken, or the separator could be one of two.
    """
    lines = list(io.StringIO(text, newline=None))
    commented = _commented(lines, options)
    if options.comment is not None:
        # Blank lines are left out too, and count among the lines of the file.
        lines = ["\n" if line.lstrip().startswith(options.comment) else line for line in lines]
    separator, notes = _separator(lines, file, options)
    try:
        records = list(_records(lines, separator, strict=True))
    except csv.Error as error:
        reason = str(error).replace("unexpected end of data", "a quoted cell does not end")
        raise ValueError(f"{file} cannot be read as CSV: {reason}{commented}.") from None
    if not records:
        raise ValueError(f"{file} is empty.")
    (_, header), body = records[0], records[1:]
    widths = {len(cells) for _, cells in body}
    if widths == {len(header) + 1}:
        if any(cells[-1] for _, cells in body):
            header = ["", *header]  # as R writes row names
        else:
            header = [*header, ""]  # lines that end in a separator
    for line, cells in body:
        if len(cells) > len(header):
            raise ValueError(
                f"{file} cannot be read as CSV: line {line} has {len(cells)} cells, and the first "
                f"line names {len(header)} columns{commented or _hint(header, options)}."
            )
    # A short line ends in missing values.
    rows = [
        [None if cell in MISSING else cell for cell in cells] + [None] * (len(header) - len(cells))
        for _, cells in body
    ]
    columns = [objects(column) for column in zip(*rows, strict=True)] or [
        objects([]) for _ in header
    ]
    while len(header) > 1 and not header[-1] and all(cell is None for cell in columns[-1]):
        header, columns = header[:-1], columns[:-1]
    if commented and len(header) == 1:
        raise ValueError(f"{file} cannot be read as CSV{commented}.")
    return named_table(file, header, columns, notes, options)


def _records(lines, separator, strict):
    """Numbers of lines, from 1, and their cells; blank lines are left out."""
    reader = csv.reader(
        (line.rstrip(" \r\n") + "\n" if separator == " " else line for line in lines),
        delimiter=separator,
        skipinitialspace=True,
        strict=strict,
    )
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if cells and cells != [""]:
            yield reader.line_num, cells


def _separator(lines, file, options) -> tuple[str, list[str]]:
    """The separator, and a sentence where it is no comma."""
    if options.separator is not None:
        chosen = _SPELT.get(options.separator.casefold(), options.separator)
        if len(chosen) != 1 or chosen in '"\r\n':
            raise ValueError(
                f"{options.bare('separator')}: expected one character, such as ';' or tab, got "
                f"{options.separator!r}."
            )
        return chosen, []
    sample = [line for line in lines if line.strip()]
    sample, cut = sample[:_SAMPLE], len(sample) > _SAMPLE
    regular, named = [], []
    for candidate in SEPARATORS:
        try:
            records = [cells for _, cells in _records(sample, candidate, strict=False)]
        except csv.Error:
            continue
        if cut:
            records = records[:-1]  # may be half of one
        if not records:
            continue
        header, widths = len(records[0]), {len(cells) for cells in records[1:]}
        if header < 2:
            continue
        named.append(candidate)
        if widths in ({header}, {header + 1}, set()):
            regular.append(candidate)
    # Blanks stand in names and in text: they separate where nothing else can.
    for found in (regular, named):
        found = [one for one in found if one != " "] or (found if found is regular else [])
        if len(found) == 1:
            (chosen,) = found
            return chosen, [] if chosen == "," else [f"Separated by {SEPARATORS[chosen]}."]
        if found:
            either = " or ".join(SEPARATORS[one] for one in found)
            raise ValueError(
                f"{file} may be separated by {either}: say which, as in "
                f"{options.called('separator', found[-1])}."
            )
    return ",", []


def named_table(file, header, columns, notes, options) -> RawTable:
    """The table, with a first column that has no name as names of the rows."""
    index = None
    if len(header) > 1 and not header[0] and options.index != "":
        entries = ["" if cell is None else cell for cell in columns[0]]
        twice = first_twice(entries)
        if "" in entries or twice is not None:
            why = (
                f"has no entry in row {entries.index('')}"
                if "" in entries
                else f"has {entries[twice[0]]!r} in rows {twice[0]} and {twice[1]}"
            )
            raise ValueError(
                f"{file}: the first column has no name, as that of a saved index, but {why}, so "
                "that it does not name the rows; give it a name in the first line."
            )
        index, header, columns = tuple(entries), header[1:], columns[1:]
        notes = [*notes, "The first column has no name: its entries are taken as the rows' names."]
    check_names(file, header)
    return RawTable(
        file=file, names=tuple(header), columns=tuple(columns), notes=tuple(notes), index=index
    )


def _commented(lines, options) -> str:
    """A hint, where the text begins as a comment and no option says so."""
    first = next((line.strip() for line in lines if line.strip()), "")
    if options.comment is None and first[:1] in ("#", "%"):
        called = options.called("comment", first[0])
        return f"; its first line begins with {first[0]!r}: {called} leaves such lines out"
    return ""


def _hint(header, options) -> str:
    if options.separator is None and len(header) == 1:
        return f"; {options.bare('separator')} names the separator"
    return ""
