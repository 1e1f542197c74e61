"""Bang-bang schedules with a bounded number of switches: multi-start Newton in the arc lengths."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy.schedules import AbstractSchedule, BangBang
from homotopy.unlearning.deletion import Deletion
from homotopy.unlearning.optimum import LocalMinimum, Optimum, OptimumStatus, unfinished
from homotopy.unlearning.searches import _arc_newton as newton
from homotopy.unlearning.searches._stacking import alike, stacked
from homotopy.unlearning.searches._switch_starts import allowed_arcs, arc_count, switch_starts
from homotopy.unlearning.searches._switching_flow import switching_data, switching_flow
from homotopy.unlearning.searches.base import AbstractSearch
from homotopy.unlearning.searches.progress import Monitor

_LANES = 5  # searches of one problem that go on together
_GLANCE, _CHUNK = 4, 12  # steps of every search, and of the promising ones before the next look
_PROGRESS = 1e-12  # relative decrease of ℰ that makes needles worth another look
_NEEDLE = 1e-7  # gain, relative to the largest of |φ|, from which a needle counts
# Where needles are tried, in fractions of T − s: fast modes act near the ends.
_END = 1e-12
_NEAR_START = np.geomspace(1e-4, 1 / 32, 8, endpoint=False)
_NEEDLE_TIMES = np.concatenate(
    [[_END], _NEAR_START, np.arange(1, 32) / 32, 1.0 - _NEAR_START[::-1], [1.0 - _END]]
)
# What a search that begins anew has, beside its arcs.
_FRESH = {"arcs": None, "allowed": None, "cost": np.inf, "done": False, "steps": 0}
_SHORTEST = 8 * np.finfo(np.float64).eps  # arc, as a part of T − s


class BangBangs(AbstractSearch):
    """The bang-bang schedules in E_s with at most so many switches between s and T.

    For linear regression every optimal schedule is of this form (theory §4). ε may jump at s and
    at T besides: both values are tried after s. The search evaluates a few hundred schedules of
    every structure, and from the best of each follows Newton's method with the exact Hessian in
    the arc lengths, all at once; arcs that close are dropped. Switch times of the result are
    stationary to rounding.

    Parameters
    ----------
    max_switches : int
        ≥ 0, of the switches strictly between s and T.
    max_steps : int
        Of Newton's method.

    Raises
    ------
    ValueError
        Naming the argument.

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
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name}: expected an integer >= {least}, got {value!r}.")

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
        data = [switching_data(deletion) for deletion in deletions]
        optima: list[Optimum | None] = [None] * len(deletions)
        stopped = False
        for group in alike(data):
            if stopped:
                found = [unfinished(deletions[index]) for index in group]
            else:
                found = self._search_group(
                    [deletions[index] for index in group],
                    stacked([data[index] for index in group]),
                    [warm_starts[index] for index in group],
                    monitor,
                )
            stopped = bool(found[0].status == OptimumStatus.interrupted)
            for index, optimum in zip(group, found, strict=True):
                optima[index] = optimum
        return optima

    def _search_group(self, deletions, data, warm_starts, monitor) -> list[Optimum]:
        states, interrupted = None, False
        try:
            given = [
                self._nearest(deletion, schedule)
                for deletion, schedule in zip(deletions, warm_starts, strict=True)
            ]
            warm_arcs, warm_allowed = (np.stack(part) for part in zip(*given, strict=True))
            states = _start(self.max_switches, data, warm_arcs, warm_allowed)
            least = np.full(len(deletions), np.inf)
            while True:
                for advanced, limit in self._rest(data, states):
                    states = advanced
                    best = float(np.min(states.cost[-1]))
                    monitor.report(limit, self.max_steps, best)
                costs = np.min(np.asarray(states.cost), axis=1)
                lowered = costs < least * (1.0 - _PROGRESS)
                states, changed = self._with_needles(data, states, lowered)
                if not changed:
                    break
                least = np.where(lowered, costs, least)
        except KeyboardInterrupt:
            interrupted = True
        if states is None or not np.all(np.isfinite(np.min(states.cost, axis=1))):
            return [unfinished(deletion) for deletion in deletions]
        return _optima(deletions, states, interrupted, len(switch_starts(self.max_switches).arcs))

    def _rest(self, data, states):
        """Newton's method until the best of each problem is done, or the budget is spent.

        A generator of states, and of how many steps they have taken at most.
        """
        glances = -(-states.cost.shape[1] // _LANES)
        limit, settled = 0, False
        while limit < self.max_steps and not settled:
            limit = min(limit + 4 * _CHUNK, self.max_steps)
            limits = np.minimum([_GLANCE] * glances + [_CHUNK, limit], self.max_steps)
            states, settled = _advance(data, states, limits)
            yield states, limit

    def _with_needles(self, data, states, wanted):
        """New searches from the best of each problem, where turning ε over for an instant helps.

        They take the places of the worst. Nothing changes where Pontryagin's condition holds, or
        where the best has as many switches as are allowed; nor in problems that are not wanted.
        """
        if self.max_switches == 0:
            return states, False
        best, gains, size = (np.asarray(part) for part in _probe(data, states))
        gains = np.where(gains > _NEEDLE * size[:, None], gains, 0.0)
        arcs = np.asarray(states.arcs)
        flagged = np.flatnonzero(np.any(gains > 0.0, axis=1) & wanted)
        new = [(row, self._needled(arcs[row, best[row]], gains[row])) for row in flagged]
        if not any(starts for _, starts in new):
            return states, False
        parts = {name: np.array(getattr(states, name)) for name in _FRESH}
        for row, starts in new:
            worst = np.argsort(-parts["cost"][row], kind="stable")
            worst = worst[worst != best[row]]
            for lane, start in zip(worst, starts, strict=False):
                parts["arcs"][row, lane], parts["allowed"][row, lane] = start
                for name, value in _FRESH.items():
                    if value is not None:
                        parts[name][row, lane] = value
        fresh = jax.device_put(list(parts.values()))
        return eqx.tree_at(lambda s: [getattr(s, name) for name in parts], states, fresh), True

    def _needled(self, arcs, gains):
        """Schedules with a needle of no width where the gains peak, most promising first."""
        values, lengths = _merged([1 - index % 2 for index in range(arcs.size)], arcs.tolist())
        spare = self.max_switches - (len(values) - 1)
        padded = np.concatenate([[-1.0], gains, [-1.0]])
        peaks = np.flatnonzero((gains > 0.0) & (gains >= padded[:-2]) & (gains > padded[2:]))
        starts = []
        for peak in peaks[np.argsort(-gains[peaks], kind="stable")][:_LANES]:
            new_values, new_lengths = _split(values, lengths, _NEEDLE_TIMES[peak])
            # At an end one of the two halves has no length, and one new switch is enough.
            if len(new_values) - 1 <= self.max_switches and spare > 0:
                starts.append(self._as_arcs(new_values, new_lengths))
        return starts

    def _as_arcs(self, values, lengths):
        arcs, first = np.zeros(arc_count(self.max_switches)), 1 - values[0]
        arcs[first : first + len(lengths)] = lengths
        return arcs / arcs.sum(), allowed_arcs(self.max_switches, values[0])

    def _nearest(self, deletion: Deletion, schedule: AbstractSchedule | None):
        """A schedule as arcs: rounded to 0 or 1, its shortest arcs dropped; 1_[0,s] for None."""
        values, lengths = [0], [1.0]
        if schedule is not None:
            start, horizon = float(deletion.start), float(deletion.horizon)
            values, lengths = _rounded(schedule, start, horizon)
        while len(values) - 1 > self.max_switches:
            shortest = int(np.argmin(lengths))
            values[shortest] = 1 - values[shortest]
            values, lengths = _merged(values, lengths)
        return self._as_arcs(values, lengths)


def _rounded(schedule, start, horizon):
    """Values 0 or 1, and the lengths of the arcs on which a schedule is nearest to them."""
    edges = np.clip(np.asarray(schedule.breakpoints), start, horizon)
    parts = np.concatenate([[start], edges, [horizon]])
    if all(schedule.constant_pieces):
        values = np.asarray(schedule.piece_values)
    else:
        parts = np.union1d(parts, np.linspace(start, horizon, 257))
        values = np.asarray(schedule((parts[:-1] + parts[1:]) / 2))
    return _merged((values > 0.5).astype(int).tolist(), np.diff(parts).tolist())


def _merged(values, lengths):
    """Arcs of no length dropped, and neighbours of the same value made one."""
    merged_values, merged_lengths = [], []
    for value, length in zip(values, lengths, strict=True):
        if length <= 0.0:
            continue
        if merged_values and merged_values[-1] == value:
            merged_lengths[-1] += length
        else:
            merged_values.append(value)
            merged_lengths.append(length)
    return merged_values, merged_lengths


def _split(values, lengths, time):
    """Arcs with a needle, of the other value and of no length, at a time between 0 and 1."""
    begins = np.cumsum(lengths) - lengths
    index = int(np.searchsorted(begins, time, side="right")) - 1
    value, before = values[index], time - begins[index]
    middle = [(value, before), (1 - value, 0.0), (value, lengths[index] - before)]
    if time <= _END:
        middle = middle[1:]
    elif time >= 1.0 - _END:
        middle = middle[:-1]
    values = [*values[:index], *(v for v, _ in middle), *values[index + 1 :]]
    return values, [*lengths[:index], *(length for _, length in middle), *lengths[index + 1 :]]


@eqx.filter_jit
def _probe(data, states):
    """The best search of each problem, what needles would gain, and the largest of |φ|."""

    def one(data, states):
        flow, best = switching_flow(data), jnp.argmin(states.cost)
        times = jnp.asarray(_NEEDLE_TIMES) * flow.span
        gains = flow.needle_gains(states.arcs[best] * flow.span, times)
        return best, gains, jnp.max(jnp.abs(gains))

    return jax.vmap(one)(data, states)


@eqx.filter_jit
def _start(max_switches: int, data, warm_arcs, warm_allowed):
    """States at the best sample of each structure and at the warm start, for stacked problems."""
    starts = switch_starts(max_switches)

    def one(data, warm_arcs, warm_allowed):
        flow = switching_flow(data)
        arcs = jnp.asarray(starts.arcs, warm_arcs.dtype)
        costs = jax.vmap(lambda arcs: flow.cost(arcs * flow.span))(arcs)
        chosen = jnp.argmin(jnp.where(starts.groups, costs[None, :], jnp.inf), axis=1)
        arcs = jnp.concatenate([arcs[chosen], warm_arcs[None]])
        allowed = jnp.concatenate([jnp.asarray(starts.allowed)[chosen], warm_allowed[None]])
        return jax.vmap(newton.first_state)(arcs, allowed)

    return jax.vmap(one)(data, warm_arcs, warm_allowed)


@eqx.filter_jit
def _advance(data, states, limits):
    """Rounds of Newton steps for stacked problems; whether the best of each is done.

    A round takes up a few searches of each problem: those that have hardly begun before others,
    then those of least cost. Most end within the first steps. The last round ends with the best of
    each problem; what never comes among the best is left behind, not done.
    """
    pick = jax.vmap(lambda part, index: part[index])
    put = jax.vmap(lambda part, index, new: part.at[index].set(new))

    def one(data, some):
        function = _derivatives(switching_flow(data))
        return jax.vmap(lambda state: newton.improved(function, state))(some)

    def one_round(index, states):
        limit = jnp.asarray(limits)[index]
        costs = jnp.where(states.steps < _GLANCE, -jnp.inf, states.cost)
        ranks = jnp.where(states.done, jnp.inf, costs)
        chosen = jnp.argsort(ranks, axis=1)[:, :_LANES]
        least = _least(states.cost)
        last = index == len(limits) - 1

        def unfinished(some):
            wanted = jnp.where(last, some.cost <= jnp.minimum(least, _least(some.cost)), True)
            return jnp.any(wanted & ~some.done & (some.steps < limit))

        some = jax.lax.while_loop(
            unfinished,
            lambda some: jax.vmap(one)(data, some),
            jax.tree.map(lambda part: pick(part, chosen), states),
        )
        return jax.tree.map(lambda part, new: put(part, chosen, new), states, some)

    states = jax.lax.fori_loop(0, len(limits), one_round, states)
    best = jnp.argmin(states.cost, axis=1)
    settled = jnp.all(jnp.take_along_axis(states.done, best[:, None], axis=1))
    return states, settled


def _least(costs):
    return jnp.min(costs, axis=1, keepdims=True)


def _derivatives(flow):
    """ℰ and its derivatives in the arcs as fractions of T − s."""

    def function(arcs):
        cost, gradient, hessian = flow.derivatives(arcs * flow.span)
        return cost, gradient * flow.span, hessian * flow.span**2

    return function


class _Minima(Sequence):
    """The local minima of one problem; their schedules are built when they are asked for."""

    def __init__(self, deletion, arcs, costs):
        self._deletion, self._arcs, self._costs = deletion, arcs, costs
        self._shown = None

    def _list(self) -> list[LocalMinimum]:
        if self._shown is None:
            shown: list[tuple[tuple, LocalMinimum]] = []
            for index in np.argsort(self._costs, kind="stable"):
                switches = tuple(_switches(self._deletion, self._arcs[index]))
                if not any(_same(switches, other) for other, _ in shown):
                    schedule = _bang_bang(jnp.asarray(switches))
                    minimum = LocalMinimum(schedule, float(self._costs[index]))
                    shown.append((switches, minimum))
            self._shown = [minimum for _, minimum in shown]
        return self._shown

    def __getitem__(self, index):
        return self._list()[index]

    def __len__(self) -> int:
        return len(self._list())

    def __repr__(self) -> str:
        return repr(self._list())


def _same(switches, other) -> bool:
    """Whether two schedules are one minimum, reached by ways that end in different roundings."""
    return len(switches) == len(other) and np.allclose(switches, other, rtol=1e-7, atol=0.0)


def _switches(deletion: Deletion, arcs: np.ndarray) -> list[float]:
    """Switch times of 1 → 0 → 1 → ... for arcs of ε = 1, 0, 1, ...; without those that cancel."""
    arcs = np.where(arcs <= _SHORTEST, 0.0, arcs)
    values, lengths = _merged([1 - index % 2 for index in range(arcs.size)], arcs.tolist())
    start, horizon = float(deletion.start), float(deletion.horizon)
    # Counted from the nearer end, so that short arcs before T are not lost in rounding.
    before = np.cumsum(lengths)[:-1]
    after = np.cumsum(lengths[::-1])[::-1][1:]
    span = horizon - start
    times = np.where(before < after, start + span * before, horizon - span * after)
    opening = [start] if values[0] == 0 else []
    return opening + times.tolist() + ([horizon] if values[-1] == 1 else [])


def _optima(deletions, states, interrupted: bool, sampled: int) -> list[Optimum]:
    """The results of stacked problems; their arrays are put on the device in one call."""
    arcs, costs, done, steps = (
        np.asarray(part) for part in (states.arcs, states.cost, states.done, states.steps)
    )
    best = np.argmin(costs, axis=1)
    switches = [
        np.array(_switches(deletion, own[index]))
        for deletion, own, index in zip(deletions, arcs, best, strict=True)
    ]
    optima = []
    for row, given in enumerate(jax.device_put(switches)):
        if interrupted:
            status = OptimumStatus.interrupted
        elif done[row, best[row]]:
            status = OptimumStatus.local_optimum
        else:
            status = OptimumStatus.step_limit
        ended = done[row] & np.isfinite(costs[row])
        optimum = Optimum(
            schedule=_bang_bang(given),
            cost=float(costs[row, best[row]]),
            deletion=deletions[row],
            status=status,
            minima=_Minima(deletions[row], arcs[row, ended], costs[row, ended]),
            evaluations=sampled + int(np.sum(steps[row])),
        )
        optima.append(optimum)
    return optima


def _bang_bang(switches) -> BangBang:
    """The schedule of valid switch times, without the checks, which take most of the time."""
    return jax.tree.unflatten(_bang_bang_structure(switches.size), [switches])


@cache
def _bang_bang_structure(size: int):
    return jax.tree.structure(BangBang(np.zeros(size), initial=1))
