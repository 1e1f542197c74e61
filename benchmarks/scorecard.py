"""What a benchmark of many instances reports: a table of what was measured, and the targets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A number that the project promises: at least `target`, or at most."""

    name: str
    value: float
    target: float
    at_least: bool = True

    @property
    def reached(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        sense = "at least" if self.at_least else "at most"
        state = "reached" if self.reached else "MISSED"
        return f"{self.name}: {self.value:.3g} ({sense} {self.target:g}) {state}"


@dataclass(frozen=True)
class Scorecard:
    """Rows of cells that are already text; the first column is left-aligned."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
