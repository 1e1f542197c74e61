"""What branch and bound returns: controls, and a bound that none can beat."""

from __future__ import annotations

from dataclasses import dataclass

from homotopy._display import Displayed, Entries, number
from homotopy._saving import Saved
from homotopy.control.certificate.switching import Controls


@dataclass(frozen=True, repr=False)
class Certificate(Displayed, Saved):
    """The best controls found and a bound that none can beat.

    Attributes
    ----------
    controls : tuple of BangBangControl
    cost, lower_bound : float
        No measurable control has a cost below `lower_bound`, whatever rounding and the errors of
        the data did (`rounding`).
    cost_error : float
        The cost of the controls that is meant differs from `cost` by no more.
    nodes, evaluations : int
        Of branch and bound, and of the dual.
    root_bound : float
        The lower bound before branching.
    resolution : float
        A cost that rounding does not tell from zero.
    history : tuple of (evaluations, cost, lower bound)
    finished : bool
        Whether the gap asked for was reached, `cost_error` included.
    interrupted : bool
    """

    controls: Controls
    cost: float
    lower_bound: float
    cost_error: float
    nodes: int
    evaluations: int
    root_bound: float
    resolution: float
    history: tuple[tuple[int, float, float], ...]
    finished: bool
    interrupted: bool

    def _entries(self) -> Entries:
        yield "controls", len(self.controls)
        yield "cost", f"{number(self.cost)}, error at most {self.cost_error:.1e}"
        yield "lower bound", f"{number(self.lower_bound)}, at the root {number(self.root_bound)}"
        yield "gap", f"{self.gap:.1e}"
        yield "work", f"{self.nodes} nodes, {self.evaluations} evaluations"
        yield "finished", self.finished

    @property
    def reached(self) -> bool:
        """Whether the cost is none, to rounding."""
        return self.cost <= self.resolution

    @property
    def gap(self) -> float:
        """By how much of itself the cost can at most be lowered: (most − lower bound)/most.

        `most` is the most that it may be, `cost_error` added; 0 where the goal is reached.
        """
        most = self.cost + self.cost_error
        return 0.0 if self.reached else (most - self.lower_bound) / most
