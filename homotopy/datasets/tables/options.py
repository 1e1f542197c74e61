"""How a table is to be read, and what these choices are called by whoever made them."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class TableOptions:
    """The arguments of `from_table`, or the options of a command.

    Attributes
    ----------
    command
        Whether they come from the command line: errors then name `--dropna`, and not `dropna=True`.
    """

    target: str | None = None
    formula: str | None = None
    weights: str | None = None
    index: str | None = None
    drop: tuple[str, ...] = ()
    dropna: bool = False
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    comment: str | None = None
    command: bool = False

    def called(self, name: str, value: str | None = None) -> str:
        """An option, with a value, as it is written where it was given."""
        if self.command:
            return f"--{name}" if value is None else f"--{name} {_quoted(value)}"
        several = isinstance(getattr(self, name), tuple)
        return f"{name}=True" if value is None else f"{name}={[value] if several else value!r}"

    def leaving_out(self, column: str) -> str:
        """What leaves a column out, to end a sentence with; nothing does with the target."""
        if self.formula is not None and column != self.weights:
            return f"; a formula without {column!r} leaves the column out"
        if column == self.target:
            return ""
        if column == self.weights:
            return f"; without {self.called('weights', column)} all rows weigh the same"
        return f"; {self.called('drop', column)} leaves the column out"

    def bare(self, name: str) -> str:
        """An option's name alone, as errors begin."""
        return f"--{name}" if self.command else name


def _quoted(value: str) -> str:
    """As a shell takes it."""
    plain = value.replace("_", "").replace("-", "").replace(".", "").isalnum()
    return value if plain else "'" + value.replace("'", "'\\''") + "'"
