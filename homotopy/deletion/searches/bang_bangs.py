"""Bang-bang schedules with a bounded number of switches: multi-start Newton in the arc lengths."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import equinox as eqx
import numpy as np

from homotopy._checks import integer
from homotopy._progress import Monitor
from homotopy._threads import CORES, side_by_side
from homotopy.control.bang_bang_control import merged
from homotopy.control.certificate import REACHED
from homotopy.control.switched import Searches, SwitchedFlow, best_arcs
from homotopy.deletion._deletions import Deletions
from homotopy.deletion.bridges.bang_bang_schedules import control_of, switch_times, unchecked
from homotopy.deletion.bridges.switched_flow import kind_of, switched_flows
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus, unfinished
from homotopy.deletion.request import has_closed_form
from homotopy.deletion.searches._switch_times import best_switch_times
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.schedules import AbstractSchedule

_SHORTEST = 8 * np.finfo(np.float64).eps  # arc, as a part of T − s
_CHUNK = 32  # problems, at most, between two reports of progress
_SETTLED, _UNSETTLED = OptimumStatus.local_optimum, OptimumStatus.step_limit


class BangBangs(AbstractSearch):
    """The bang-bang schedules in E_s with at most so many switches between s and T.

    For linear regression every optimal schedule is of this form (theory §4). ε may jump at s and
    at T besides: both values are tried after s. There the search evaluates a few hundred schedules
    of every structure, and from the best of each follows Newton's method with the exact Hessian in
    the arc lengths; arcs that close are dropped. Switch times of the result are stationary to
    rounding. It runs on the processor, in double precision, wherever the problem's arrays are. The
    first search on a machine compiles for half a minute; what is compiled is kept on disk.

    For other models, or another terminal cost, switch times descend by the adjoint's gradient from
    a few starting points, and Newton's method polishes the best: a local optimum only.

    Parameters
    ----------
    max_switches : int
        ≥ 0, of the switches strictly between s and T.
    max_steps : int
        Of Newton's method.

    Raises
    ------
    ValueError
        For a negative `max_switches`, or where no step is allowed.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> hm.optimise(deletion, over=hm.BangBangs(1)).cost < 1e-25
    True
    """

    max_switches: int = eqx.field(static=True)
    max_steps: int = eqx.field(default=256, static=True)

    def __check_init__(self):
        for name, least in (("max_switches", 0), ("max_steps", 1)):
            integer(name, getattr(self, name), least)

    def search(
        self, deletion: Deletion, warm_start: AbstractSchedule | None, monitor: Monitor
    ) -> Optimum:
        return self.search_all([deletion], [warm_start], monitor)[0]

    def search_all(
        self,
        deletions: Sequence[Deletion],
        warm_starts: Sequence[AbstractSchedule | None],
        monitor: Monitor,
    ) -> list[Optimum]:
        if isinstance(deletions, Deletions) or all(map(has_closed_form, deletions)):
            return self._compiled(deletions, warm_starts, monitor)
        if not any(map(has_closed_form, deletions)):
            return best_switch_times(
                deletions, warm_starts, self.max_switches, self.max_steps, monitor
            )
        return super().search_all(deletions, warm_starts, monitor)

    def _compiled(
        self,
        deletions: Sequence[Deletion],
        warm_starts: Sequence[AbstractSchedule | None],
        monitor: Monitor,
    ) -> list[Optimum]:
        """In linear regression."""
        optima: list[Optimum | None] = [None] * len(deletions)
        chunks = list(_chunks(deletions))
        warm = [_nearest(deletions, index, given) for index, given in enumerate(warm_starts)]

        def search(chunk: list[int]) -> tuple[SwitchedFlow, Searches]:
            if isinstance(deletions, Deletions):
                flows = deletions.flows(chunk)
            else:
                flows = switched_flows([deletions[index] for index in chunk])
            return flows, best_arcs(
                flows, self.max_switches, self.max_steps, [warm[i] for i in chunk]
            )

        done = 0
        try:
            # In other threads, while the results of the chunks before are put together here.
            for chunk, (flows, found) in zip(chunks, side_by_side(search, chunks), strict=True):
                some = [_Place(deletions, index) for index in chunk]
                for index, optimum in zip(chunk, _optima(some, flows, found), strict=True):
                    optima[index] = optimum
                done += len(chunk)
                monitor.report(done, len(deletions), optima[chunk[-1]].cost)
        except KeyboardInterrupt:
            pass
        return [
            unfinished(deletions[index]) if optimum is None else optimum
            for index, optimum in enumerate(optima)
        ]


def _nearest(deletions: Sequence[Deletion], index: int, schedule: AbstractSchedule | None):
    if schedule is None:
        return None
    deletion = deletions[index]
    return control_of(deletion, schedule)


def _chunks(deletions: Sequence[Deletion]) -> Iterator[list[int]]:
    """Indices of some problems of the same kind at a time."""
    alike: dict[tuple, Sequence[int]] = {}
    if isinstance(deletions, Deletions):
        alike[deletions.kind] = range(len(deletions))
    else:
        for index, deletion in enumerate(deletions):
            alike.setdefault(kind_of(deletion), []).append(index)
    for indices in alike.values():
        # As many for every thread.
        count = math.ceil(len(indices) / (_CHUNK * CORES)) * CORES
        edges = np.linspace(0, len(indices), min(count, len(indices)) + 1).astype(int)
        yield from (list(indices[begin:end]) for begin, end in pairwise(edges))


class _Place:
    """A problem among others, which is made, where it need be, when it is asked for."""

    def __init__(self, deletions: Sequence[Deletion], index: int):
        if not isinstance(deletions, Deletions):  # whose members share what they are made from
            deletions, index = [deletions[index]], 0
        self._deletions, self._index = deletions, index

    @property
    def deletion(self) -> Deletion:
        return self._deletions[self._index]

    def __getstate__(self):
        # Not the other problems.
        return {"_deletions": [self.deletion], "_index": 0}


class _Minima(Sequence):
    """The local minima of one problem; their schedules are built when they are asked for."""

    def __init__(self, place: _Place, found: Searches, row: int):
        self._place, self._found, self._row = place, found, row
        self._shown: list[LocalMinimum] | None = None

    def _list(self) -> list[LocalMinimum]:
        if self._shown is None:
            costs, shown = self._found.cost[self._row], []
            ended = self._found.done[self._row] & np.isfinite(costs)
            for index in np.argsort(np.where(ended, costs, np.inf), kind="stable")[: ended.sum()]:
                switches = _switches(self._place.deletion, self._found.arcs[self._row, index])
                if not any(_same(switches, other) for other, _ in shown):
                    shown.append((switches, LocalMinimum(unchecked(switches), float(costs[index]))))
            self._shown = [minimum for _, minimum in shown]
        return self._shown

    def __getitem__(self, index):
        return self._list()[index]

    def __len__(self) -> int:
        return len(self._list())

    def __repr__(self) -> str:
        return repr(self._list())

    def __getstate__(self):
        # Not what was found for the other problems.
        return {"_place": self._place, "_found": None, "_row": 0, "_shown": self._list()}


def _same(switches, other) -> bool:
    """Whether two schedules are one minimum, reached by ways that end in different roundings."""
    return len(switches) == len(other) and np.allclose(switches, other, rtol=1e-7, atol=0.0)


def _switches(deletion: Deletion, arcs: np.ndarray) -> np.ndarray:
    """Switch times of 1 → 0 → 1 → ... for arcs of ε = 1, 0, 1, ...; without those that cancel."""
    lengths = [length if length > _SHORTEST else 0.0 for length in arcs.tolist()]
    values, lengths = merged([1, 0] * (len(lengths) // 2), lengths)
    own = vars(deletion)
    start, horizon = float(np.asarray(own["start"])), float(np.asarray(own["horizon"]))
    # Counted from the nearer end, so that short arcs before T are not lost in rounding.
    span, before, after = horizon - start, 0.0, sum(lengths)
    times = []
    for length in lengths[:-1]:
        before, after = before + length, after - length
        times.append(start + span * before if before < after else horizon - span * after)
    return switch_times(values[0], times, start, horizon, own["theta0"].dtype)


class _SwitchingOptimum(Optimum):
    """An optimum whose schedule and problem are built when they are asked for: of many only a few
    are looked at."""

    @cached_property
    def deletion(self) -> Deletion:
        return self._place.deletion

    @cached_property
    def schedule(self) -> AbstractSchedule:
        return unchecked(_switches(self.deletion, self._arcs))

    def __getstate__(self):
        # As the others keep it; what it would be made from belongs to all the problems.
        made = {field.name: getattr(self, field.name) for field in dataclasses.fields(Optimum)}
        return {"fields": {**made, "_place": self._place, "_arcs": self._arcs}, "names": None}


def _optima(places: Sequence[_Place], flows: SwitchedFlow, found: Searches) -> Iterator[Optimum]:
    """What was found for each problem, as the user sees it."""
    best = found.cost.argmin(axis=1)
    # Where several meet the target, the one of fewest switches is as good as any.
    initial_cost = 0.5 * np.sum((flows.initial - flows.goal) ** 2, axis=1)
    reached = found.done & (found.cost <= REACHED * initial_cost[:, None])
    if reached.any():
        arcs = np.where(reached, (found.arcs > _SHORTEST).sum(axis=2), np.inf)
        best = np.where(reached.any(axis=1), arcs.argmin(axis=1), best)
    rows = np.arange(len(places))
    costs, done = found.cost[rows, best].tolist(), found.done[rows, best].tolist()
    evaluations, arcs = found.steps.sum(axis=1).tolist(), found.arcs[rows, best]
    for row, place in enumerate(places):
        optimum = object.__new__(_SwitchingOptimum)
        vars(optimum).update(
            cost=costs[row],
            status=_SETTLED if done[row] else _UNSETTLED,
            lower_bound=0.0,
            minima=_Minima(place, found, row),
            evaluations=evaluations[row],
            _place=place,
            _arcs=arcs[row],
        )
        yield optimum
