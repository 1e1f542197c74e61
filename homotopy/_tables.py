"""Results as tables: of text in the manner of statsmodels, of HTML, and as data frames.

A class says in `_table` what its table holds; `summary` and `to_frame` are made of it here. pandas
is imported when a frame is asked for.
"""

from __future__ import annotations

import abc
import dataclasses
import html
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homotopy._checks import integer
from homotopy._display import Displayed, called, html_table, letters, number, padded, shortened

if TYPE_CHECKING:
    import pandas

_WIDTH = 78  # letters of a summary, at least
_MOST = 110  # and about the most, so that lines fit on a screen
_LABEL = 28  # of the name of a row
_HEADING = 22  # of a column


def by_output(parts: Sequence[tuple[str, Any]]) -> list[tuple[str, np.ndarray]]:
    """Columns of arrays (m, *out), one for each output; those of None are left out."""
    columns = []
    for what, part in parts:
        if part is not None:
            values = np.asarray(part)
            outputs = [str(list(place)).strip("[]") for place in np.ndindex(values.shape[1:])]
            names = [what if not name else f"{what} of output {name}" for name in outputs]
            columns += zip(names, values.reshape(len(values), -1).T, strict=True)
    return columns


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers or words, with named rows.

    Attributes
    ----------
    columns : sequence of (str, (m,))
        Names may occur twice, as those of features may.
    index : sequence of (str, (m,))
        What the rows are told by, a name and a value for each: several for a table on a grid.
    order : (m,), optional
        Row numbers, those that matter most first, for what shows a part of them.
    about : str
        What the rows are and how they are ordered, in a few words.
    spread : bool
        Whether rows from the first to the last, evenly spread, show a part of them best.
    """

    columns: Sequence[tuple[str, Any]]
    index: Sequence[tuple[str, Any]]
    order: np.ndarray | None = None
    about: str = ""
    spread: bool = False

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.index[0][1])

    def frame(self) -> pandas.DataFrame:
        """All of it as a data frame."""
        import pandas

        names, parts = zip(*self.index, strict=True)
        parts = [_plain(part) for part in parts]
        index = (
            pandas.Index(parts[0], name=names[0])
            if len(parts) == 1
            else pandas.MultiIndex.from_arrays(parts, names=names)
        )
        data = {place: _plain(part) for place, (_, part) in enumerate(self.columns)}
        frame = pandas.DataFrame(data, index=index)
        return frame.set_axis([name for name, _ in self.columns], axis=1)

    def rows(self, count: int) -> tuple[list[str], list[list[str]]]:
        """Headings, and the first rows by the order, as text; as many columns as fit."""
        order = np.arange(self.size) if self.order is None else np.asarray(self.order)
        if self.spread and self.size > count:
            order = order[np.linspace(0, self.size - 1, count).round().astype(int)]
        order = order[:count]
        labels, columns = [name for name, _ in self.index], []
        for _, part in self.index:
            known = _plain(part)
            columns.append([shortened(_cell(known[place]), _LABEL) for place in order])
        used = sum(max([letters(name), *map(letters, cells)]) + 2
                   for name, cells in zip(labels, columns, strict=True))  # fmt: skip
        for place, (name, part) in enumerate(self.columns):
            known = _plain(part)
            cells = [_cell(known[row]) for row in order]
            heading = shortened(name, _HEADING)
            used += max([letters(heading), *map(letters, cells)]) + 2
            if used > _MOST and place:
                labels.append(f"+ {len(self.columns) - place}")
                columns.append(["…"] * len(order))
                break
            labels.append(heading)
            columns.append(cells)
        return labels, [list(row) for row in zip(*columns, strict=True)]


def _plain(part):
    """A column as NumPy's or a list; words stay words."""
    return part if isinstance(part, list | tuple) else np.asarray(part)


def _cell(value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return "" if value is None else number(value, 4)


@dataclasses.dataclass(frozen=True)
class Summary:
    """A result as a table of text: `print` it, or let a notebook show it.

    Attributes
    ----------
    title : str
    entries : tuple of (str, str)
        Numbers of the whole.
    headings : tuple of str
    rows : tuple of tuples of str
        A cell for each heading; the first names the row.
    about : str
        What the rows are.
    """

    title: str
    entries: tuple[tuple[str, str], ...]
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    about: str = ""

    def __str__(self) -> str:
        body = self._columns()
        head = _two_columns(self.entries, max(_WIDTH, letters(body[0]) if body else 0))
        width = max([_WIDTH, *map(letters, [*head, *body])])
        double, single = "=" * width, "-" * width
        parts = [self.title.center(width).rstrip(), double, *head]
        if body:
            parts += [double, *([self.about] if self.about else []), body[0], single, *body[1:]]
        return "\n".join([*parts, double])

    def _columns(self) -> list[str]:
        table = [self.headings, *self.rows] if self.headings else []
        columns = list(zip(*table, strict=True))
        widths = [max(map(letters, column)) for column in columns]
        right = [all(map(_is_number, column[1:])) for column in columns]
        return [
            "  ".join(padded(*cell) for cell in zip(row, widths, right, strict=True)).rstrip()
            for row in table
        ]

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        whole = html_table(self.title, self.entries)
        if not self.headings:
            return whole
        headings = "".join(f"<th>{html.escape(name)}</th>" for name in self.headings)
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return (
            f"{whole}<table><caption>{html.escape(self.about)}</caption>"
            f"<thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"
        )


def _is_number(cell: str) -> bool:
    """Whether a cell is to stand at the right: numbers, and what stands for none."""
    try:
        float(cell)
    except ValueError:
        return cell in ("", "…", "yes", "no")
    return True


def _two_columns(entries, width: int) -> list[str]:
    """Short entries side by side, as regressions are summarised; long ones on their own."""
    if not entries:
        return []
    half = (width - 3) // 2
    lines, waiting = [], None
    for name, value in entries:
        line = f"{name}:{' ' * max(1, half - letters(name) - letters(value) - 1)}{value}"
        if letters(line) > half:
            if waiting is not None:
                lines.append(waiting)
            lines += textwrap.wrap(f"{name}:  {value}", max(width, _MOST), subsequent_indent="    ")
            waiting = None
        elif waiting is None:
            waiting = line
        else:
            lines.append(f"{waiting}   {line}")
            waiting = None
    return lines if waiting is None else [*lines, waiting]


class Tabled(Displayed):
    """A result that is a table, or has one."""

    @abc.abstractmethod
    def _table(self) -> Table:
        """What its rows and columns are."""

    def _require_one(self, what: str) -> None:
        if not self._is_one():
            raise ValueError(
                f"{what}: expected the result of one computation, outside jax.jit and jax.vmap, "
                f"got a {type(self).__name__} that is traced or stacked; "
                "jax.tree.map(lambda part: part[i], result) takes the i-th of a stack."
            )

    def summary(self, rows: int = 10) -> Summary:
        """A table of text in the manner of statsmodels: `print` it.

        Parameters
        ----------
        rows : int
            How many rows, those that matter most first.

        Raises
        ------
        ValueError
            Naming `rows`; or of a result that is traced or stacked.
        """
        integer("rows", rows, 1)
        self._require_one("summary")
        table = self._table()
        headings, body = table.rows(rows)
        more = f", {min(rows, table.size)} of {table.size}" if rows < table.size else ""
        return Summary(
            called(type(self)),
            tuple(self._shown()),
            tuple(headings),
            tuple(map(tuple, body)),
            f"{table.about}{more}",
        )

    def to_frame(self) -> pandas.DataFrame:
        """The table as a data frame of pandas, with the names of features and rows.

        Raises
        ------
        ValueError
            Of a result that is traced or stacked.
        """
        self._require_one("to_frame")
        return self._table().frame()
