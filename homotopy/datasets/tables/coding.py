"""Columns as the features of a regression: numbers as they are, categories by dummy coding."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from homotopy._wording import listed
from homotopy.datasets.tables.columns import Column
from homotopy.datasets.tables.options import TableOptions


@dataclasses.dataclass(frozen=True, eq=False)
class Coding:
    """How a table's columns become features and a target: for other tables of the same kind.

    Attributes
    ----------
    options
        How the table was read.
    columns
        Of the table, that features are made of.
    levels
        Of each column of text, the baseline first.
    classes
        Of a target of text; its numbers count them.
    design
        What a formula makes of the columns, as formulaic keeps it; None without a formula.
    """

    options: TableOptions
    columns: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    classes: tuple[str, ...] | None = None
    design: Any = None

    def column(self, feature: str) -> str:
        """The column of the table that a feature is made of."""
        made = {dummy_name(one, level): one for one, of in self.levels.items() for level in of}
        return made.get(feature, feature)

    @property
    def intercept(self) -> bool:
        """Whether a regression of these features has an intercept, as far as a formula says."""
        return self.design is None or "intercept" in self.design.features


def dummy_name(column: str, level: str) -> str:
    """As formulas name it: `origin[T.usa]`, where the baseline is another level."""
    return f"{column}[T.{level}]"


def features(
    columns: list[Column], levels: dict[str, tuple[str, ...]]
) -> tuple[Float[np.ndarray, "n p"], tuple[str, ...]]:
    """The features, and their names."""
    made, names = [], []
    for one in columns:
        if one.name in levels:
            for level in levels[one.name][1:]:
                made.append(np.equal(one.text, level).astype(float))
                names.append(dummy_name(one.name, level))
        else:
            made.append(one.values)
            names.append(one.name)
    size = len(columns[0].values) if columns else 0
    return np.column_stack(made) if made else np.zeros((size, 0)), tuple(names)


def learn_levels(
    columns: list[Column], options: TableOptions, file: str
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The levels of each column of text, and sentences that say how it is coded."""
    levels, notes = {}, []
    for one in columns:
        if one.kind != "text":
            continue
        found = one.found_levels()
        size = len(one.text)
        if len(found) == size > 1:
            raise ValueError(
                f"{file} has text that differs in every row, in column {one.name!r} (row 0: "
                f"{one.text[0]!r}): {options.called('index', one.name)} takes it for the rows' "
                f"names{options.leaving_out(one.name)}."
            )
        if len(found) > max(2, size // 2):
            raise ValueError(
                f"{file} has {len(found)} different texts in the {size} rows of column "
                f"{one.name!r} (row 0: {one.text[0]!r}), too many for categories"
                f"{options.leaving_out(one.name)}."
            )
        levels[one.name] = found
        if len(found) == 1:
            notes.append(f"Column {one.name!r} is {found[0]!r} in every row, and left out.")
        else:
            others = listed([repr(level) for level in found[1:]], limit=6)
            notes.append(
                f"Column {one.name!r} is categories, coded as {others} against the baseline "
                f"{found[0]!r}."
            )
    booleans = [repr(one.name) for one in columns if one.kind == "booleans"]
    if booleans:
        notes.append(f"True counts as 1, false as 0, in {listed(booleans, word='column')}.")
    return levels, notes


def check_levels(columns: list[Column], coding: Coding, where, file: str) -> None:
    """Other data must have the levels, and the kinds, that the features were made of."""
    for one in columns:
        if one.name in coding.levels:
            known = coding.levels[one.name]
            for row, cell in enumerate(one.text):
                if cell is None or cell not in known:
                    got = f"{one.values[row]:g}" if cell is None else repr(cell)
                    raise ValueError(
                        f"{file}: column {one.name!r} has {got} in {where(row)}, which is none of "
                        f"its levels in the data: {listed(map(repr, known), limit=10)}."
                    )
        elif one.kind == "text":
            raise ValueError(
                f"{file} has text where numbers are needed: column {one.name!r}, {one.text[0]!r} "
                f"in {where(0)}."
            )


def target_values(
    one: Column, where, file: str, coding: Coding | None = None
) -> tuple[Float[np.ndarray, " n"], tuple[str, ...] | None]:
    """The targets; of text the numbers of its classes, and the classes.

    With the coding of other data the classes are theirs, and numbers do not stand for them.
    """
    text = one.kind == "text"
    if coding is not None and text != (coding.classes is not None):
        is_, was = ("text", "numbers") if text else ("numbers", "text")
        raise ValueError(f"{file}: the target {one.name!r} is {is_} here, and {was} in the data.")
    if not text:
        return one.values, None
    found = one.found_levels() if coding is None else coding.classes
    places = {level: float(number) for number, level in enumerate(found)}
    for row, cell in enumerate(one.text):
        if cell not in places:
            raise ValueError(
                f"{file}: the target {one.name!r} is {cell!r} in {where(row)}, none of the "
                f"classes of the data: {listed(map(repr, found), limit=10)}."
            )
    return np.array([places[cell] for cell in one.text]), found
