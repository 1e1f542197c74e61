"""Greedy deletion: following the greedy rule from the request to the horizon."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, array
from homotopy._display import Entries, number
from homotopy._result import Result
from homotopy._tables import Table
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.deletion.greedy_feedback.rule import Arc, Rule
from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.schedules.piecewise_chebyshev import PiecewiseChebyshev, chebyshev_panels
from homotopy.schedules.structure import structure_in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GreedyFeedback(Result):
    """The schedule of the greedy rule, and where it leads.

    Attributes
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
        In E_s. A `BangBang` where the rule does not slide; else zeros and ones with smooth pieces.
    cost : float
        Its ℰ = ½‖θ(T) − target‖².
    sliding : tuple of (float, float)
        The intervals of time on which the flow follows the surface S = 0.
    advantage : callable
        S(t), by how much faster ½‖u‖² falls under ε = 1 than under ε = 0: an array of times in
        [s, T] to an array of that shape.
    """

    deletion: Deletion
    schedule: AbstractSchedule
    cost: float
    sliding: tuple[tuple[float, float], ...]
    advantage: Callable[[ArrayInput], np.ndarray]

    @property
    def structure(self) -> str:
        """Between s and T, in words, such as "1→sliding→0 with switches at 0.1, 0.3"."""
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        return structure_in_words(self.schedule, start, horizon, varying="sliding")

    def _entries(self) -> Entries:
        yield "deleted", self.deletion.problem.deleted_names
        yield "schedule", self.structure
        yield "cost", self.cost
        if self.sliding:
            shown = ", ".join(f"[{number(a, 4)}, {number(b, 4)}]" for a, b in self.sliding[:3])
            yield "sliding", f"{shown}{', …' if len(self.sliding) > 3 else ''}"

    def _table(self) -> Table:
        horizon = float(self.deletion.horizon)
        edges = np.union1d([0.0, horizon], np.asarray(self.schedule.breakpoints))
        edges = edges[(edges >= 0.0) & (edges <= horizon)]
        middles = (edges[1:] + edges[:-1]) / 2
        slides = [any(a < middle < b for a, b in self.sliding) for middle in middles]
        columns = [("until", edges[1:]), ("weight", np.asarray(self.schedule(middles)))]
        columns.append(("sliding", np.array(slides, bool)))
        return Table(columns, [("from", edges[:-1])], about="ε, in the middle of each piece")

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Axes | Sequence[Axes]:
        """ε(t) above S(t), whose sign decides it; intervals of sliding are shaded.

        Parameters
        ----------
        ax : Axes, or two of them, optional
            For ε alone, or for ε and S; those of a new figure by default.

        Returns
        -------
        Axes, or two of them
        """
        from homotopy.plotting.greedy import draw_greedy

        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        edges = np.clip(np.asarray(self.schedule.breakpoints), start, horizon)
        times = np.union1d(np.linspace(start, horizon, 513), edges)
        alone = hasattr(ax, "get_figure")
        axes = draw_greedy(times, self.advantage(times), self.sliding, [ax] if alone else ax)
        self.schedule.plot(axes[0], horizon=horizon)
        axes[0].set(xlabel="time t" if alone else "", xlim=(0.0, horizon))
        return axes[0] if alone else axes


def greedy(deletion: Deletion) -> GreedyFeedback:
    """Follow the greedy rule from s to T: at each time the ε that brings θ closer the fastest.

    ε = 1 where S = Σ_{i∈G} (x_iᵀu)(x_iᵀθ − y_i) > 0, with u = θ − target, and ε = 0 where S < 0.
    Where the flows of both sides lead to the surface S = 0 the state slides along it, with the
    weight in (0, 1) that keeps it there. All deleted points share one ε.

    Parameters
    ----------
    deletion : Deletion

    Returns
    -------
    GreedyFeedback
        Its ℰ is not the least, in general: what is gained at once may have to be paid for later.
        Constant weights are followed in closed form, and no sign change of S is missed (its next
        one is bounded from below by a bound of its third derivative). Sliding is integrated with
        a relative tolerance of 1e-12.

    Raises
    ------
    TypeError
        For anything but a `Deletion`.

    Notes
    -----
    Theory §4, after the notes' (0.14), which concludes that ε = 0 always: so it is if S < 0
    throughout. Sliding modes: Filippov, Differential Equations with Discontinuous Righthand
    Sides (1988), §4.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion.greedy_feedback import greedy
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> rule = greedy(deletion)  # train towards the larger target, up to θ*₋ = 0; there remain
    >>> rule.structure
    '1→0 with switch at 0.549306'
    >>> rule.cost < 1e-20
    True
    """
    a_deletion(deletion).require_closed_form("greedy")
    rule = Rule(deletion)
    path, apart = rule.follow()
    arcs = _merged(path)
    start, horizon = float(deletion.start), float(deletion.horizon)
    sliding = tuple(
        (start + arc.start, min(start + arc.stop, horizon)) for arc in arcs if arc.weight is None
    )
    advantage = _Advantage(rule, path, start, horizon)

    cost = 0.5 * float(apart @ apart)
    return GreedyFeedback(deletion, _schedule(deletion, arcs), cost, sliding, advantage)


@dataclasses.dataclass(frozen=True)
class _Advantage:
    """S(t) along the arcs."""

    rule: Rule
    path: list[Arc]
    start: float
    horizon: float

    def __call__(self, t: ArrayInput) -> np.ndarray:
        times, path = np.asarray(array("t", t, "times")), self.path
        if not np.all((times >= self.start) & (times <= self.horizon)):
            raise ValueError(
                f"t: expected times in [{self.start:g}, {self.horizon:g}], got {times}."
            )
        owners = np.searchsorted([arc.stop for arc in path[:-1]], times - self.start)
        values = [
            self.rule.surface(path[owner].state(time - self.start - path[owner].start))[0]
            for owner, time in zip(owners.ravel(), times.ravel(), strict=True)
        ]
        return np.array(values).reshape(times.shape)


def _merged(arcs: list[Arc]) -> list[Arc]:
    """Without empty arcs, and neighbours of one weight as one."""
    merged: list[Arc] = []
    for arc in arcs:
        if arc.stop <= arc.start:
            continue
        if merged and arc.weight is not None and merged[-1].weight == arc.weight:
            arc = dataclasses.replace(arc, start=merged.pop().start)
        merged.append(arc)
    return merged


def _schedule(deletion: Deletion, arcs: list[Arc]) -> AbstractSchedule:
    """The arcs as a schedule in E_s: 1 before, 0 after."""
    start, horizon = float(deletion.start), float(deletion.horizon)
    pieces: list[tuple[float, float | None]] = [(0.0, 1.0)]
    for arc in arcs:
        weight = None if arc.weight is None else float(arc.weight)
        if weight is None or weight != pieces[-1][1]:
            pieces.append((min(start + arc.start, horizon), weight))
    if pieces[-1][1] != 0.0:
        pieces.append((horizon, 0.0))
    times = jnp.array([time for time, _ in pieces[1:]], float)
    weights = tuple(weight for _, weight in pieces)
    if None not in weights:
        return BangBang(times, 1)
    fits = [_panels(arc) for arc in arcs if arc.weight is None]
    return PiecewiseChebyshev(
        times,
        weights,
        tuple(jnp.asarray(fractions, float) for fractions, _ in fits),
        tuple(jnp.asarray(coefficients, float) for _, coefficients in fits),
    )


def _panels(arc: Arc) -> tuple[np.ndarray, np.ndarray]:
    length = arc.stop - arc.start
    return chebyshev_panels(lambda fractions: arc.control(length * fractions))
