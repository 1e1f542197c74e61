"""How a two-layer network learns: the result of `learn`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from homotopy._display import Entries, array_text, span
from homotopy._module import Module
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.two_layer.reductions import AbstractReduction
from homotopy.two_layer.targets import Target

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LearningStatus(Status):
    """How the flow ended."""

    unsolved = (
        "the solver gave up before the last time: a shorter horizon, a larger rtol or a ratio that "
        "is less small helps"
    )


class Learning(Result, Reported, Module):
    """The overlaps of a network along its training, and what it has learned of the target.

    Attributes
    ----------
    times : (t,)
    amplitudes : (t, m)
        a.
    directions : (t, m, K)
        s, projections of the neurons' directions on those of the target.
    overlaps : (t, m, m), optional
        r, of `FiniteWidth`.
    learned : (t, c)
        The network's coefficient of each term of the target; in the end φ.
    risk : (t,)
        ½E(y − f)².
    half_times : (c,)
        When |ρ| first is half of |φ|, of each term, to the solver's accuracy; infinity where it is
        not by the last time, 0 where it is so from the beginning, and for terms of φ = 0.
    evaluations : int
        Of the velocity, by the solver.
    status : LearningStatus
    target, ratio, reduction, initial_amplitudes, initial_directions, rtol
        What was asked for.
    """

    times: Float[np.ndarray, " t"]
    amplitudes: Float[np.ndarray, "t m"]
    directions: Float[np.ndarray, "t m k"]
    overlaps: Float[np.ndarray, "t m m"] | None
    learned: Float[np.ndarray, "t c"]
    risk: Float[np.ndarray, " t"]
    half_times: Float[np.ndarray, " c"]
    evaluations: int
    status: LearningStatus
    target: Target
    ratio: float
    reduction: AbstractReduction
    initial_amplitudes: Float[np.ndarray, " m"]
    initial_directions: Float[np.ndarray, "m k"]
    rtol: float

    _axes = (("times", 1), ("learned", 2))

    @property
    def residual(self) -> Float[np.ndarray, "t c"]:
        """ρ = φ − what is learned."""
        return self.target.coefficients - self.learned

    def _entries(self) -> Entries:
        yield "ε", self.ratio
        yield "times", span(self.times)
        yield "neurons", f"{self.initial_amplitudes.size}, {self.reduction!r}"
        yield "learned", array_text(self.learned[-1])
        yield "half learned at", array_text(self.half_times)
        yield "risk", self.risk[-1]
        yield "status", self.status

    def _table(self) -> Table:
        columns = [("risk", self.risk), *zip(self.target.names, self.learned.T, strict=True)]
        about = "risk and the network's coefficient of each term"
        return Table(columns, [("time", self.times)], None, about, spread=True)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The share of each term that is learned against log t, with the times of half.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.stages import draw_stages

        wanted = np.flatnonzero(self.target.coefficients)
        shares = self.learned[:, wanted] / self.target.coefficients[wanted]
        names = [self.target.names[place] for place in wanted]
        times = self.half_times[wanted]
        return draw_stages(self.times, shares, times, names, "share learned", ax, **options)
