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
class Limit:
    """The seconds that the machine needs at the least for the work, and how they were found.

    Of the toolkit's own way to do it: another way may need less. `share` is the part of the limit
    that the toolkit promises to reach.
    """

    seconds: float
    how: str
    share: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Contenders at one problem; the first is the toolkit, the others its peers.

    `targets` gives, for peers by name, how many times faster the toolkit promises to be.
    """

    title: str
    contenders: tuple[Contender, ...]
    targets: dict[str, float] = field(default_factory=dict)
    limit: Limit | None = None

    def share(self, contender: Contender) -> float:
        """The limit as a part of a contender's time."""
        return self.limit.seconds / contender.timing.best

    def ratio(self, contender: Contender) -> float:
        """How many times longer than the toolkit a contender takes."""
        return contender.timing.best / self.contenders[0].timing.best
