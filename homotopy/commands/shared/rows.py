"""Rows that the user names: by number, or by what the table calls them."""

import csv

from homotopy._wording import listed, meant
from homotopy.commands.shared.console import row_name
from homotopy.commands.shared.errors import InputError
from homotopy.datasets import Dataset


def rows_to_delete(given: list[str], dataset: Dataset) -> list[int]:
    """Places of the rows among those of the data.

    Each of `given` is a name, or a list with commas of names and numbers. Names come first: where
    rows are called by numbers, a number is a name. A name with a comma may stand alone, or in
    double quotes.
    """
    names = {name: place for place, name in enumerate(dataset.row_names or ())}
    numbers = {dataset.row_number(place): place for place in range(len(dataset.y))}
    # A number is that of a row, unless rows are called by numbers.
    numbered = not any(_is_number(name) for name in names)
    places = []
    for text in given:
        if text.strip() in names:
            places.append(names[text.strip()])
            continue
        for part in _parts(text):
            if part in names:
                places.append(names[part])
            elif numbered and _is_number(part):
                places.append(_by_number(int(part), numbers, dataset))
            else:
                raise InputError(_unknown(part, text, names))
    twice = sorted({place for place in places if places.count(place) > 1})
    if twice:
        which = [row_name(dataset, place) for place in twice]
        raise InputError(f"--delete: named twice: {listed(which, word='row')}.")
    if len(places) == len(dataset.y):
        raise InputError(
            f"--delete: all {len(places)} rows would be deleted; at least one must stay."
        )
    return places


def _parts(text: str) -> list[str]:
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        parts = text.split(",")
    return [part.strip() for part in parts]


def _is_number(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


def _by_number(number: int, numbers: dict[int, int], dataset: Dataset) -> int:
    if number in numbers:
        return numbers[number]
    last = max(numbers)
    if 0 <= number < last:
        raise InputError(f"--delete: row {number} was left out for missing values (--dropna).")
    left_out = dataset.coding is not None and dataset.coding.options.dropna
    but = ", those that --dropna leaves out not among them" if left_out else ""
    raise InputError(
        f"--delete: {dataset.name} has rows 0 to {last} (they count from 0, below the header)"
        f"{but}, got row {number}."
    )


def _unknown(part: str, text: str, names: dict[str, int]) -> str:
    if not names:
        return (
            f"--delete: expected row numbers separated by commas, such as 3,8, got {text!r}; "
            "--index COLUMN names the rows."
        )
    return (
        f"--delete: no row is called {part!r}.{meant(part, names, 3)} Rows are called "
        f"{listed(map(repr, names), limit=3)}."
    )
