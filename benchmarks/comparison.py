"""What a benchmark reports: rows of contenders, and the ratios that are promised."""

from dataclasses import dataclass, field

from benchmarks.timing import Timing


@dataclass(frozen=True)
class Contender:
    """One way to do the work: its time, and its relative difference from the first."""

    name: str
    timing: Timing
    difference: float


@dataclass(frozen=True)
class Comparison:
    """Contenders at one problem; the first is the toolkit, the others its peers.

    `targets` gives, for peers by name, how many times faster the toolkit promises to be.
    """

    title: str
    contenders: tuple[Contender, ...]
    targets: dict[str, float] = field(default_factory=dict)

    def ratio(self, contender: Contender) -> float:
        """How many times longer than the toolkit a contender takes."""
        return contender.timing.best / self.contenders[0].timing.best
