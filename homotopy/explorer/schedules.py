"""The schedule that a state names, and the times at which it is looked at."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.explorer.state import CELLS, SEARCHED, State
from homotopy.schedules import AbstractSchedule, PiecewiseConstant, Polynomial, Ramp, Step

# As many times for every schedule: what is compiled for them serves all, and pictures keep
# their length.
_EVEN, _SWITCHES = 160, 6
_AFTER = np.geomspace(1e-4, 0.5, 14)  # of the time left, where the fast modes move


def schedule_of(state: State) -> AbstractSchedule:
    """The schedule of a state, of a family that needs no search.

    A decay without length is the step that it tends to.

    Raises
    ------
    ValueError
        For a family that an optimiser has to find.
    """
    if state.family in SEARCHED:
        raise ValueError(f"family: {state.family!r} has to be searched for.")
    if state.family == "drawn":
        return PiecewiseConstant(cell_edges(state), [1.0, *state.drawn, 0.0])
    if state.family == "step" or not state.switch > state.start:
        return Step(state.switch)
    if state.family == "ramp":
        return Ramp(state.start, state.switch)
    return Polynomial(state.start, state.switch, state.power)


def cell_edges(state: State) -> Float[np.ndarray, " edges"]:
    """Where the cells of a drawn schedule meet: s, …, T."""
    edges = np.linspace(state.start, state.horizon, CELLS + 1)
    edges[-1] = state.horizon
    return edges


def drawn_from(state: State, schedule: AbstractSchedule) -> tuple[float, ...]:
    """The cells nearest to a schedule: its mean on each."""
    edges = cell_edges(state)
    means = np.asarray(schedule.integral(edges[:-1], edges[1:])) / np.diff(edges)
    return tuple(float(f"{value:.3f}") + 0.0 for value in np.clip(means, 0.0, 1.0))


def stroke(state: State, before: tuple[float, float], now: tuple[float, float]) -> State:
    """The state after a pointer went from one (t, ε) to another: cells on its way take its height.

    Points before s and after T do nothing; heights are cut off at 0 and 1.
    """
    (earlier, low), (later, high) = sorted((before, now))
    if later < state.start or earlier > state.horizon:
        return state
    edges = cell_edges(state)
    cells = np.searchsorted(edges, [earlier, later], side="right") - 1
    first, last = np.clip(cells, 0, CELLS - 1)
    middles = (edges[1:] + edges[:-1]) / 2
    drawn = list(state.drawn)
    for cell in range(first, last + 1):
        own = now[1] if first == last else np.interp(middles[cell], [earlier, later], [low, high])
        drawn[cell] = float(f"{min(max(own, 0.0), 1.0):.3f}")
    return state.but(family="drawn", drawn=tuple(drawn))


def looked_at(schedule: AbstractSchedule, start: float, horizon: float) -> Float[np.ndarray, " m"]:
    """Ascending times from 0 to T, always as many; dense after s and the first switches.

    The switches are among them, and T ends them.
    """
    inside = np.unique(np.asarray(schedule.breakpoints, dtype=float))
    inside = inside[(inside > 0.0) & (inside < horizon)]
    marks = np.unique(np.concatenate([[0.0, start], inside]))
    # Too many to be followed one by one are as many as the even times anyway.
    marks = np.resize(marks, min(len(marks), _SWITCHES + 1))
    ends = np.append(marks[1:], horizon)
    dense = (marks[:, None] + (ends - marks)[:, None] * _AFTER[None, :]).ravel()
    room = CELLS + 1
    shown = np.append(inside[:room], np.full(room - len(inside[:room]), horizon))
    count = (_SWITCHES + 1) * len(_AFTER)
    dense = np.append(dense, np.full(count - len(dense), horizon))
    before = np.linspace(0.0, start, _EVEN // 4, endpoint=False)
    after = np.linspace(start, horizon, _EVEN - _EVEN // 4)
    return np.clip(np.sort(np.concatenate([before, after, dense, shown])), 0.0, horizon)
