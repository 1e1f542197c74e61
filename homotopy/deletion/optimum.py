"""What a search for the best schedule returns, with its evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from homotopy._display import Displayed, Entries, number
from homotopy._result import Names, Result, names_of
from homotopy._saving import Saved
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.optimum_curves import sample_optimum
from homotopy.schedules import AbstractSchedule, Step
from homotopy.schedules.structure import structure_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class OptimumStatus(Status):
    """What is known of the schedule that a search returns."""

    __successes__ = ("certified", "reached", "family_optimum", "local_optimum")

    certified = "a global optimum over all of E_s, to within the gap"
    reached = "a global optimum over all of E_s: the target itself is reached, to rounding"
    bounded = "the best found; the lower bound is proved, but short of the gap asked for"
    family_optimum = "the best of its family, up to the resolution of the search"
    local_optimum = "a local optimum of its family, the best of those found"
    step_limit = "the step budget was spent before the search came to rest: raise max_steps"
    interrupted = "interrupted: the best found until then"


@dataclasses.dataclass(frozen=True, repr=False)
class LocalMinimum(Displayed, Saved):
    """One of the local minima that a search came to.

    Attributes
    ----------
    schedule : AbstractSchedule
    cost : float
        ℰ.
    """

    schedule: AbstractSchedule
    cost: float

    def _entries(self) -> Entries:
        yield "schedule", repr(self.schedule)
        yield "cost", self.cost

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """ε(t), as of `AbstractSchedule.plot`."""
        return self.schedule.plot(ax, **options)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Optimum(Result, Reported):
    """The best schedule of a search, why it is optimal, and how far from optimal it can be.

    Attributes
    ----------
    schedule : AbstractSchedule
        In E_s.
    cost : float
        Its ℰ.
    deletion : Deletion
        The problem it solves.
    status : OptimumStatus
    lower_bound : float
        No schedule in E_s costs less. Zero, which is always true, unless the search proves more.
    minima : sequence of LocalMinimum
        Distinct local minima that the search came to, best first; the first is the optimum.
    evaluations : int
        Schedules whose ℰ was computed.
    """

    schedule: AbstractSchedule
    cost: float
    deletion: Deletion
    status: OptimumStatus
    lower_bound: float = 0.0
    minima: Sequence[LocalMinimum] = ()
    evaluations: int = 0

    @property
    def _names(self) -> Names:
        return names_of(self.deletion.problem)

    def _entries(self) -> Entries:
        yield "deleted", self.deletion.problem.deleted_names
        yield "schedule", self.structure
        yield "cost", self.cost
        if self.lower_bound > 0.0:
            yield "lower bound", f"{number(self.lower_bound)}, gap {self.gap:.1e}"
        yield "status", self.status
        yield "evaluations", self.evaluations

    def _table(self) -> Table:
        minima = list(self.minima) or [LocalMinimum(self.schedule, self.cost)]
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        words = [structure_in_words(one.schedule, start, horizon) for one in minima]
        costs = np.array([one.cost for one in minima])
        columns = [("cost", costs), ("more than the best", costs - self.cost)]
        columns.append(("schedule", words))
        return Table(columns, [("minimum", np.arange(len(minima)))], about="local minima found")

    @property
    def gap(self) -> float:
        """(cost − lower bound)/cost: by how much of itself ℰ can at most be lowered; 0 at ℰ = 0."""
        return (self.cost - self.lower_bound) / self.cost if self.cost > 0.0 else 0.0

    @property
    def costate(self) -> Costate:
        """p(t), as a function of time."""
        return self.deletion.costate(self.schedule)

    @property
    def switching_function(self) -> SwitchingFunction:
        """φ(t), as a function of time: ε = 1 where it is positive and 0 where negative, if ℰ is
        least."""
        return self.deletion.switching_function(self.schedule)

    @cached_property
    def pmp_residual(self) -> float:
        """By how much Pontryagin's condition fails, from 0 (an extremal) to 1."""
        return self.deletion.pmp_residual(self.schedule)

    @property
    def structure(self) -> str:
        """The schedule between s and T in words, such as "0→1→0 with switches at 0.1, 0.25"."""
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        return structure_in_words(self.schedule, start, horizon)

    def _structure_in_short(self) -> str:
        return self.structure

    def plot(self, ax: Axes | Iterable[Axes] | None = None) -> Axes | list[Axes]:
        """ε(t), v(t), σ(t) and φ(t) below each other: the schedule, and why it is optimal.

        Parameters
        ----------
        ax : Axes, or four of them, optional
            In one ε is drawn alone, on the colours of φ's sign. In four, those of a new figure by
            default, all of them; in two, ε and φ, where the model is not linear.

        Returns
        -------
        Axes, or a list of them
            The one that was given; all of them otherwise.

        Notes
        -----
        Where φ > 0, on an orange background, an optimal ε is 1; where φ < 0, on blue, it is 0.
        Before the request at s, on grey, nothing can be chosen. Dotted lines mark the switches; a
        ring marks the factor that vanishes there: v, the deleted point's residual, or σ, what it
        sees of the costate.

        Raises
        ------
        ValueError
            Naming `ax`, where there are as many as there are no curves for.

        Examples
        --------
        >>> import homotopy as hm
        >>> hm.enable_x64()
        >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
        >>> deletion = hm.Deletion(problem, [0.5], start=0.0, horizon=1.0)
        >>> axes = hm.optimise(deletion, over=hm.BangBangs(2)).plot()
        >>> [ax.get_ylabel() for ax in axes][1:]
        ['residual v(t)', 'σ(t) = xᵀp(t)', 'φ(t) = σ·v']
        """
        from homotopy.plotting.optimum import draw_optimum_curves

        axes = draw_optimum_curves(sample_optimum(self.deletion, self.schedule), ax)
        return axes[0] if len(axes) == 1 else axes


class _Unfinished(Optimum):
    """Its ℰ is computed when it is asked for: who interrupts a search does not want to wait."""

    @cached_property
    def cost(self) -> float:
        return float(self.deletion.cost(self.schedule))


def unfinished(deletion: Deletion, evaluations: int = 0) -> Optimum:
    """What is left where a search was interrupted before it found anything: delete at once."""
    optimum = object.__new__(_Unfinished)
    vars(optimum).update(
        schedule=Step(deletion.start),
        deletion=deletion,
        status=OptimumStatus.interrupted,
        lower_bound=0.0,
        minima=(),
        evaluations=evaluations,
    )
    return optimum
