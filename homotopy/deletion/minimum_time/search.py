"""The search for the least horizon T with V(T) = min ℰ over E_s below a level.

The certificate bounds V on both sides at one T; `inequalities` carry the bounds to other horizons.
Where some ε keeps the target at rest V does not increase, and the least T is bracketed and found by
Newton's method. Elsewhere V may rise again, and the search goes from left to right in steps that
the inequalities justify.
"""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._deadline import Deadline, OutOfTime
from homotopy._progress import Monitor, Progress
from homotopy.control.certificate import REACHED
from homotopy.control.certificate.switching import states
from homotopy.deletion._optimise import optimise
from homotopy.deletion._time_to_reach import time_to_reach
from homotopy.deletion.bridges.bang_bang_schedules import control_of
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.minimum_time.inequalities import inequalities_of
from homotopy.deletion.minimum_time.result import LeastTime, LeastTimeStatus
from homotopy.deletion.optimum import Optimum, OptimumStatus
from homotopy.deletion.searches.bang_bangs import BangBangs
from homotopy.deletion.searches.everything import Everything
from homotopy.schedules import Step

_COARSE = 1e-16  # at which it is decided first whether ℰ falls so low by decay alone
_SECONDS = 10.0  # at most for one horizon
_MOST_SWITCHES = 6
_PATIENCE = 12  # horizons looked at around those at which the bounds do not decide
_LOOSE = 0.3  # a gap that decides at horizons which are not near the least
_DECAYS = 20.0  # decay times of the slowest mode up to the largest horizon
_SMALLEST_GAP = 1e-12
_EVALUATIONS = 200


class Search:
    """The bracket: nothing is reached up to `lower`; at `upper` the cost is."""

    def __init__(self, deletion, cost, width, max_horizon, time_limit, progress):
        self.deletion, self.cost, self.width = deletion, cost, width
        self.progress, self.deadline = progress, Deadline(time_limit)
        system = self.system = common_schedule(deletion)
        self.start = float(deletion.start)
        # ρ at s, and later what it is proved to be at least, at the last horizon not enough.
        self.initial = self.distance = float(np.linalg.norm(system.deviation(system.start)))
        self.ask(max(cost, 0.5 * (REACHED if cost else _COARSE) * self.initial**2))

        full = system.spectrum((1.0,)).rates
        self.inequalities = inequalities_of(system)
        fast = self.inequalities.fastest
        moving = np.concatenate([system.rates, full])
        moving = moving[moving > 1e-14 * fast] if fast > 0.0 else np.ones(1)
        self.last = self.start + _DECAYS / float(moving.min())
        self.limited = max_horizon is not None
        if self.limited:
            self.last = float(max_horizon)

        self.lower = self.start
        self.upper, self.best = np.inf, None  # `best`: the optimum at `upper`
        self.last_seen = None
        self.below = None  # the optimum at the last horizon that was not enough
        self.history: list[tuple[float, float, float]] = []
        self.interrupted = self.approached = False

    def ask(self, level: float) -> None:
        """From now on, for ℰ ≤ level."""
        self.level, self.wanted = level, float(np.sqrt(2.0 * level))

    # ------------------------------------------------------------------- evaluation
    def look(self, horizon: float, gap: float) -> Optimum:
        """V at a horizon, to a relative gap; moves the ends of the bracket that it proves."""
        deletion = eqx.tree_at(
            lambda d: d.horizon, self.deletion, jnp.asarray(horizon, self.deletion.horizon.dtype)
        )
        everything = Everything(gap=max(gap, _SMALLEST_GAP), time_limit=self.seconds())
        optimum = optimise(
            deletion, over=everything, warm_start=self.last_seen, progress=self.progress
        )
        if self.undecided(optimum) and optimum.status == OptimumStatus.bounded:
            # A target that can be met leaves no costate to tell how: many starts find it instead.
            better = self.from_many_starts(deletion, optimum)
            if better is None or better.status == OptimumStatus.interrupted:
                self.interrupted = better is not None
            elif better.cost <= self.level:
                optimum = optimise(
                    deletion,
                    over=Everything(gap=everything.gap, time_limit=self.seconds()),
                    warm_start=better,
                    progress=self.progress,
                )
        self.last_seen = optimum
        self.history.append((horizon, optimum.cost, optimum.lower_bound))
        if optimum.status == OptimumStatus.interrupted:
            self.interrupted = True
        if optimum.cost <= self.level:
            if horizon < self.upper:
                self.upper, self.best = horizon, optimum
        elif optimum.lower_bound > self.level:
            distance = float(np.sqrt(2.0 * optimum.lower_bound))
            if (
                horizon > self.lower
                and horizon - self.inequalities.was_above(distance, self.wanted) <= self.lower
            ):
                self.distance, self.below = distance, optimum
                self.lower = min(
                    horizon + self.inequalities.stays_above(distance, self.wanted), self.upper
                )
        return optimum

    def from_many_starts(self, deletion: Deletion, warm_start: Optimum) -> Optimum | None:
        """The best of few switches; None where there is no time for it."""
        family = BangBangs(min(self.system.start.size + 1, _MOST_SWITCHES))
        with Monitor(self.progress) as monitor:

            def report(progress: Progress) -> None:
                if self.deadline.over:  # it was left, and nobody waits for it
                    raise KeyboardInterrupt
                monitor.report(progress.done, progress.total, progress.best)

            search = partial(optimise, over=family, warm_start=warm_start, progress=report)
            try:
                return self.deadline.within(search, deletion)
            except OutOfTime:
                return None

    def seconds(self) -> float:
        """For one certificate."""
        return min(self.deadline.left, _SECONDS)

    def undecided(self, optimum: Optimum) -> bool:
        """Whether the bounds do not tell on which side of the level V is."""
        return optimum.lower_bound <= self.level < optimum.cost

    @property
    def spent(self) -> bool:
        over = self.deadline.over or len(self.history) >= _EVALUATIONS
        return over or self.interrupted

    @property
    def close(self) -> bool:
        if self.upper == np.inf:
            return False
        least = 8 * np.spacing(self.upper)
        return bool(self.upper - self.lower <= max(self.width * (self.upper - self.start), least))

    # ----------------------------------------------------------------------- search
    def run(self) -> LeastTime:
        baseline = None
        if self.initial <= self.wanted:
            schedule = Step(self.deletion.start)
            return self._result(LeastTimeStatus.at_start, schedule, self.start, self.start)
        if self.cost > 0.0:
            baseline = time_to_reach(self.deletion, Step(self.deletion.start), self.level)
            if baseline is not None and not self.limited:
                self.last = max(self.last, baseline * (1.0 + 1e-9))
        try:
            self.lower += self.inequalities.stays_above(self.initial, self.wanted)
            if self.inequalities.least_drift == 0.0:
                self._rightmost(baseline)
                self._bracket()
            else:
                self._march()
            if self.cost == 0.0 and self.best is not None and not self.spent:
                self.approached = self._decayed()
                if not self.approached:
                    self._to_resolution()
        except KeyboardInterrupt:
            self.interrupted = True
        return self._finish(baseline)

    def _rightmost(self, baseline: float | None) -> None:
        """A horizon that is enough, if there is one."""
        if self.lower == np.inf:
            return
        limit = self.last if baseline is None else min(self.last, baseline)
        # Early horizons are the cheaper ones to look at, and in most instances enough.
        horizon = max(self.lower, min(float(self.deletion.horizon), limit))
        horizon = self.start + max(horizon - self.start, (limit - self.start) / 64)
        while not self.spent and self.upper == np.inf:
            horizon = min(horizon, limit)
            self.look(horizon, _LOOSE)
            if self.upper < np.inf or horizon >= limit:
                break
            horizon = self.start + 2.0 * (horizon - self.start)
        if self.upper == np.inf and baseline is not None and baseline <= self.last:
            # Equal to the cost but for rounding.
            for excess in (1e-15, 1e-14, 1e-13, 1e-12):
                if self.spent or self.upper < np.inf:
                    break
                self.look(baseline + excess * (1.0 + baseline), self._gap())

    def _to_resolution(self) -> None:
        """From a coarse meeting of the target to one that is exact to rounding."""
        self.ask(0.5 * REACHED * self.initial**2)
        coarse, step = self.upper, 1e-10 * (self.upper - self.start)
        if self.best.cost <= self.level:
            return
        self.upper = np.inf
        while not self.spent and self.upper == np.inf and coarse + step <= self.last:
            self.look(coarse + step, self._gap())
            step *= 4.0
        self._bracket()

    def _gap(self) -> float:
        return min(1e-3, 0.02 * self.width)

    def _bracket(self) -> None:
        """Newton's method on the distance, within the bracket; by halves where it fails."""
        undecided: tuple[float, float] | None = None
        gap, turn = _LOOSE, 0
        while np.isfinite(self.upper) and not self.close and not self.spent:
            before = self.upper - self.lower
            horizon = self._estimate(turn)
            optimum = self.look(horizon, gap)
            if self.undecided(optimum):
                if gap > 1e-4:
                    gap = 1e-4
                elif gap > self._gap():
                    gap = self._gap()
                elif gap > _SMALLEST_GAP and optimum.status == OptimumStatus.certified:
                    gap = max(gap / 100.0, _SMALLEST_GAP)
                elif undecided is None:
                    undecided = (horizon, horizon)
                    break
                continue
            turn = turn + 1 if self.upper - self.lower > 0.5 * before else 0
        if undecided is not None:
            self._around(undecided, gap)

    def _around(self, undecided: tuple[float, float], gap: float) -> None:
        """Bring both ends of the bracket close to horizons at which the bounds do not decide."""
        left, right = undecided
        for _ in range(_PATIENCE):
            if self.spent:
                return
            small = 0.25 * self.width * (right - self.start)
            side = max((left - self.lower, "left"), (self.upper - right, "right"))
            if side[0] <= small:
                return
            middle = (self.lower + left) / 2 if side[1] == "left" else (right + self.upper) / 2
            optimum = self.look(middle, gap)
            if self.undecided(optimum):
                left, right = min(left, middle), max(right, middle)

    def _estimate(self, turn: int) -> float:
        """Where to look next."""
        low, high = self.lower, self.upper
        if turn >= 3:
            return (low + high) / 2
        guesses = []
        for optimum in (self.best, self.below):
            if optimum is None:
                continue
            distance, slope = self._distance_and_slope(optimum)
            # Where the target is met V is zero from there on, and its slope says nothing.
            if slope < 0.0 and distance > 0.5 * self.wanted:
                at = float(optimum.deletion.horizon)
                # As if ρ decayed, or went to zero on a straight line; in turn.
                steps = [
                    distance * np.log(distance / self.wanted) / -slope,
                    (distance - self.wanted) / -slope,
                ]
                for order, step in enumerate(steps):
                    guesses.append(((order + turn) % 2, abs(step), at + step))
        margin = 0.3 * self.width * (high - self.start)
        for _, _, guess in sorted(guesses):
            # A little beyond on the side that is further away, to move that end past the root.
            guess = guess - margin if guess - low > high - guess else guess + margin
            if low + 0.05 * margin < guess < high - 0.05 * margin:
                return guess
        # Without a horizon known to be too short, `lower` is worth more than what is in between.
        return low + (0.5 if self.below is not None else 0.1) * (high - low)

    def _distance_and_slope(self, optimum: Optimum) -> tuple[float, float]:
        """ρ(T) of the optimum and its derivative in T, by the envelope theorem."""
        system = common_schedule(optimum.deletion)
        control = control_of(optimum.deletion, optimum.schedule)
        end = states(system, (control,), np.array([system.span]))[0]
        apart = system.deviation(end)
        distance = float(np.linalg.norm(apart))
        pull = -float((system.rows @ apart) @ system.residuals(end))
        rate = -float(apart @ (system.rates * end)) + min(pull, 0.0)
        return distance, rate / distance if distance > 0.0 else 0.0

    def _march(self) -> None:
        """From left to right, where V may rise again: every step is covered by the inequalities."""
        share, gap = 0.7, 1e-3
        while not (self.spent or self.close or self.lower >= self.last or self._never()):
            least = 0.9 * self.width * (self.lower - self.start)
            jump = max(share * self.inequalities.was_above(self.distance, self.wanted), least)
            horizon = min(self.lower + jump, self.last)
            if self.upper < np.inf:
                horizon = min(horizon, (self.lower + self.upper) / 2)
            before, high = self.lower, self.upper
            optimum = self.look(horizon, gap)
            if self.lower > before:
                share = min(1.5 * share, 0.9)
            elif self.undecided(optimum):
                if gap <= self._gap():
                    return
                gap = self._gap()
            elif self.upper == high:
                if jump <= least:
                    return
                share *= 0.5

    # ----------------------------------------------------------------------- results
    def _finish(self, baseline: float | None) -> LeastTime:
        status = LeastTimeStatus
        if not np.isfinite(self.upper):
            if self.lower == np.inf or self._never():
                return self._result(status.never, None, np.inf, np.inf, self.below, baseline)
            if baseline is not None and baseline <= self.last:
                # Nothing better was found in time, but 1_[0,s] is known to do.
                ended = status.interrupted if self.interrupted else status.bounded
                once = Step(self.deletion.start)
                return self._result(ended, once, baseline, self.lower, self.below, baseline)
            ended = status.interrupted if self.interrupted else status.out_of_reach
            return self._result(ended, None, np.inf, self.lower, self.below, baseline)
        best, time = self.best, self.upper
        if self.approached:
            return self._result(status.approached, None, np.inf, self.lower, self.below, baseline)
        ended = status.certified if self.close else status.bounded
        if self.interrupted:
            ended = status.interrupted
        return self._result(ended, best.schedule, time, self.lower, best, baseline)

    def _decayed(self) -> bool:
        """Whether decay alone explains that ℰ is next to zero at `upper`.

        Decay has no rate above λ₁; where the target is met, ρ goes to zero on a straight line, at
        a relative rate without bound.
        """
        optimum = self.below
        if optimum is None:  # `lower` is known from an inequality alone
            optimum = self.look(self.lower - 1e-3 * (self.lower - self.start), _LOOSE)
        distance, slope = self._distance_and_slope(optimum)
        return bool(-slope <= 2.0 * self.inequalities.fastest * distance)

    def _never(self) -> bool:
        """Whether the bound at `lower` holds for ever after."""
        if self.below is None:
            return False
        span = float(self.below.deletion.horizon) - self.start
        forgotten = self.inequalities.forgets(
            span,
            float(np.linalg.norm(self.system.start)),
            float(np.linalg.norm(self.system.residual)),
        )
        return self.distance - forgotten > self.wanted

    def _result(self, status, schedule, time, lower, optimum=None, baseline=None) -> LeastTime:
        if status == LeastTimeStatus.at_start:
            baseline = self.start
        return LeastTime(
            cost=self.cost,
            time=float(time),
            lower=float(lower),
            schedule=schedule,
            optimum=optimum,
            baseline_time=baseline,
            status=status,
            history=tuple(self.history),
            start=self.start,
        )
