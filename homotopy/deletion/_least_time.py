"""How soon a deletion can be done: the least horizon at which a given ℰ is reachable.

V(T) = min ℰ over E_s with the horizon T. The certificate bounds it on both sides at one T; two
inequalities carry the bounds to other horizons. Let ρ = ‖θ − target‖, and q(ε) the norm of the
velocity that the weight ε has at the target itself. Along the flow of any weights

    −λ₁ρ − max q  ≤  ρ̇  ≤  −λ₀ρ + q(ε),

as 0 ≤ λ₀ ≤ M ≤ H_ε ≤ H ≤ λ₁. To the right of a T every trajectory continues one of horizon T, so
that the lower inequality bounds V there. To the left every trajectory can be continued to T, with
the ε of least q: the upper one then turns a lower bound at T into one before T. Where some ε
keeps the target at rest, min q = 0 and V does not increase: what is reachable at T is
reachable ever after, and what is not at T never was before. It is so for the deleted fit (ε = 0:
M(target) = 0 drift and M is positive semidefinite) and for every other point of the response
path. For targets off it V may rise again, and the search goes from left to right in steps
that the two inequalities justify.

Where M is positive definite, λ₀ > 0, trajectories of one control forget where they began: what
T reaches from one state is within e^{−λ₀(T−s)}·D of what it reaches from another of the region,
of diameter D, that no trajectory leaves. So a lower bound at a late T holds for ever after, but
for that.
"""

from __future__ import annotations

import dataclasses
import time as clock
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from homotopy._checks import non_negative, number, seconds
from homotopy._progress import Progress, checked_progress
from homotopy.control.certificate import REACHED
from homotopy.control.certificate.switching import states
from homotopy.deletion._optimise import optimise
from homotopy.deletion.baselines import time_to_reach
from homotopy.deletion.bridges.residual_system import common_schedule, control_of
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.deletion.optimum import Optimum, OptimumStatus
from homotopy.deletion.searches.bang_bangs import BangBangs
from homotopy.deletion.searches.everything import Everything
from homotopy.schedules import AbstractSchedule, Step

_UNIT = float(np.finfo(float).eps)
_COARSE = 1e-16  # at which it is decided first whether ℰ falls so low by decay alone
_SECONDS = 10.0  # at most for one horizon
_MOST_SWITCHES = 6
_PATIENCE = 12  # horizons looked at around those at which the bounds do not decide
_LOOSE = 0.3  # a gap that decides at horizons which are not near the least
_DECAYS = 20.0  # decay times of the slowest mode up to the largest horizon
_SMALLEST_GAP = 1e-12
_EVALUATIONS = 200


class LeastTimeStatus(eqx.Enumeration):
    """How a search for the least time ended, and what it proves."""

    certified = "the least horizon, proved to the width asked for"
    bounded = "reached, and proved not to be before `lower`; the bracket is wider than asked for"
    at_start = "nothing to do: at the request ℰ is that small already"
    approached = "not met up to `lower`; then ℰ is next to zero by decay, which bounds cannot tell"
    out_of_reach = "not reached; proved not to be reachable at any horizon up to `lower`"
    never = "not reachable at any horizon"
    interrupted = "interrupted: the bracket found until then"


@dataclasses.dataclass(frozen=True, eq=False)
class LeastTime:
    """The least horizon at which ℰ ≤ tolerance is reachable, with proofs from both sides.

    Attributes
    ----------
    tolerance : float
    time : float
        A horizon at which `schedule` reaches the tolerance; infinite where none was found.
    lower : float
        No schedule in E_s reaches it at a horizon up to this one.
    schedule : AbstractSchedule or None
        In E_s for the horizon `time`.
    optimum : CertifiedOptimum or None
        At `time`; where nothing better than the baseline was reached, at the last horizon that was
        proved not to be enough.
    baseline_time : float or None
        When 1_[0,s] reaches the tolerance; None if never.
    status : LeastTimeStatus
    history : tuple of (horizon, cost, lower bound)
        Of V, as they were computed.
    start : float
        s.
    """

    tolerance: float
    time: float
    lower: float
    schedule: AbstractSchedule | None
    optimum: Optimum | None
    baseline_time: float | None
    status: LeastTimeStatus
    history: tuple[tuple[float, float, float], ...]
    start: float

    @property
    def width(self) -> float:
        """(time − lower)/(time − s): how closely the least time is known."""
        span = self.time - self.start
        return (self.time - self.lower) / span if 0.0 < span < np.inf else 0.0

    @property
    def saving(self) -> float | None:
        """1 − (time − s)/(baseline time − s): the part of the time saved; None without baseline."""
        if self.baseline_time is None or self.time == np.inf:
            return None
        span = self.baseline_time - self.start
        return 1.0 - (self.time - self.start) / span if span > 0.0 else 0.0

    def __repr__(self) -> str:
        return (
            f"LeastTime(time={self.time:.9g}, lower={self.lower:.9g}, "
            f"baseline_time={self.baseline_time}, {LeastTimeStatus[self.status]})"
        )


def least_time(
    deletion: Deletion,
    tolerance: float,
    *,
    width: float = 1e-6,
    max_horizon: float | None = None,
    time_limit: float = np.inf,
    progress: bool | Callable[[Progress], None] = False,
) -> LeastTime:
    """The smallest horizon T at which some schedule in E_s has ℰ ≤ tolerance.

    Parameters
    ----------
    deletion : Deletion
        Its horizon does not matter.
    tolerance : float
        ≥ 0, in the units of ℰ. At 0 the question is whether, and when, the target itself can
        be met; ℰ counts as zero below 1e-20 of its value at s.
    width : float
        (time − lower)/(time − s) to reach, in [1e-12, 1).
    max_horizon : float, optional
        The largest T to look at; by default 20 decay times of the slowest mode after s, or the
        baseline's time if that is later.
    time_limit : float
        Seconds after which the bracket so far is returned. No horizon is given more than ten.
    progress : bool or callable
        As of `optimise`, for each horizon looked at.

    Returns
    -------
    LeastTime
        Look at its `status`.

    Raises
    ------
    TypeError
        Naming `deletion`.
    ValueError
        Naming `tolerance`, `width`, `max_horizon` or `time_limit`.

    Notes
    -----
    The least time is the least root of V(T) = tolerance. At both ends of the bracket stands
    a certificate of `Everything`; Newton's method in between uses that, by the envelope theorem,
    dV/dT is the derivative of ½‖u‖² at T under the best weight there.

    The target itself is met at a finite T only if the moments ∫ e^{λt} w dt of w = εv can be, in
    every mode, those that u(s) asks for, with 0 ≤ ε ≤ 1. Whether they can is decided by the
    certificate, not by a criterion: `approached` says that up to `lower` they cannot, and that ℰ
    then, below 1e-16 of its value at s, falls no faster than modes decay.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion._least_time import least_time
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [-1.0], start=0.0, horizon=1.0)
    >>> met = least_time(deletion, 0.0)  # towards the larger target, up to θ*₋ = 0: log(3)/2
    >>> round(met.time, 5), met.baseline_time is None
    (0.54931, True)
    """
    a_deletion(deletion).require_closed_form("least_time")
    non_negative("tolerance", tolerance)
    number("width", width, "a number in [1e-12, 1)", lambda x: 1e-12 <= x < 1.0)
    seconds("time_limit", time_limit)
    start = float(deletion.start)
    if max_horizon is not None:
        later = f"a finite time after start = {start:g}"
        number("max_horizon", max_horizon, later, lambda x: start < x < np.inf)
    checked_progress(progress)
    return _Search(deletion, float(tolerance), width, max_horizon, time_limit, progress).run()


class _Search:
    """The bracket: nothing is reached up to `lower`; at `upper` the tolerance is."""

    def __init__(self, deletion, tolerance, width, max_horizon, time_limit, progress):
        self.deletion, self.tolerance, self.width = deletion, tolerance, width
        self.progress, self.until = progress, clock.perf_counter() + time_limit
        system = self.system = common_schedule(deletion)
        self.start = float(deletion.start)
        # ρ at s, and later what it is proved to be at least, at the last horizon not enough.
        self.initial = self.distance = float(np.linalg.norm(system.deviation(system.start)))
        self.ask(max(tolerance, 0.5 * (REACHED if tolerance else _COARSE) * self.initial**2))

        full = system.spectrum((1.0,)).rates
        self.slow, self.fast = float(system.rates.min()), float(full.max())
        still, pull = -system.rates * system.goal, -system.residuals(system.goal) @ system.rows
        size = self.fast * np.linalg.norm(system.goal) + np.linalg.norm(pull)
        weight = np.clip(-(still @ pull) / max(pull @ pull, 1e-300), 0.0, 1.0)
        self.least_drift = float(np.linalg.norm(still + weight * pull))
        self.most_drift = float(max(np.linalg.norm(still), np.linalg.norm(still + pull)))
        if self.least_drift <= 64 * _UNIT * size:
            self.least_drift = 0.0
        moving = np.concatenate([system.rates, full])
        moving = moving[moving > 1e-14 * self.fast] if self.fast > 0.0 else np.ones(1)
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

    # ---------------------------------------------------------------- inequalities
    def stays_above(self, distance: float) -> float:
        """How long a distance stays above the wanted one, whatever the weights (less rounding)."""
        if distance <= self.wanted:
            return 0.0
        if self.fast == 0.0:
            return np.inf if self.most_drift == 0.0 else (distance - self.wanted) / self.most_drift
        offset = self.most_drift / self.fast
        if self.wanted + offset == 0.0:
            return np.inf
        duration = np.log1p((distance - self.wanted) / (self.wanted + offset)) / self.fast
        return float(duration) * (1.0 - 1e-9)

    def was_above(self, distance: float) -> float:
        """How long before a distance that cannot be undercut the wanted one could not be reached.

        ρ(T) ≤ e^{−λ₀h}ρ(T − h) + q(1 − e^{−λ₀h})/λ₀ for the least drift q.
        """
        if distance <= self.wanted:
            return 0.0
        if self.least_drift == 0.0:
            return np.inf
        return (distance - self.wanted) / self.least_drift

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
            family = BangBangs(min(self.system.start.size + 1, _MOST_SWITCHES))
            better = optimise(deletion, over=family, warm_start=optimum, progress=self.progress)
            if better.status == OptimumStatus.interrupted:
                self.interrupted = True
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
            if horizon > self.lower and horizon - self.was_above(distance) <= self.lower:
                self.distance, self.below = distance, optimum
                self.lower = min(horizon + self.stays_above(distance), self.upper)
        return optimum

    def seconds(self) -> float:
        """For one certificate."""
        return min(max(self.until - clock.perf_counter(), 1e-3), _SECONDS)

    def undecided(self, optimum: Optimum) -> bool:
        """Whether the bounds do not tell on which side of the level V is."""
        return optimum.lower_bound <= self.level < optimum.cost

    @property
    def spent(self) -> bool:
        over = clock.perf_counter() > self.until or len(self.history) >= _EVALUATIONS
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
        if self.tolerance > 0.0:
            baseline = time_to_reach(self.deletion, Step(self.deletion.start), self.level)
            if baseline is not None and not self.limited:
                self.last = max(self.last, baseline * (1.0 + 1e-9))
        try:
            self.lower += self.stays_above(self.initial)
            if self.least_drift == 0.0:
                self._rightmost(baseline)
                self._bracket()
            else:
                self._march()
            if self.tolerance == 0.0 and self.best is not None and not self.spent:
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
            # Equal to the tolerance but for rounding.
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
            jump = max(share * self.was_above(self.distance), least)
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
        return bool(-slope <= 2.0 * self.fast * distance)

    def _never(self) -> bool:
        """Whether the bound at `lower` holds for ever after, by contraction."""
        if self.slow <= 0.0 or self.below is None:
            return False
        begin = float(np.linalg.norm(self.system.start))
        # ½ d‖z − α‖²/dt ≤ −λ₀‖z − α‖² + ‖r‖²/4.
        far = max(begin, float(np.linalg.norm(self.system.residual)) / (2.0 * self.slow**0.5))
        span = float(self.below.deletion.horizon) - self.start
        return bool(self.distance - np.exp(-self.slow * span) * (begin + far) > self.wanted)

    def _result(self, status, schedule, time, lower, optimum=None, baseline=None) -> LeastTime:
        if status == LeastTimeStatus.at_start:
            baseline = self.start
        return LeastTime(
            tolerance=self.tolerance,
            time=float(time),
            lower=float(lower),
            schedule=schedule,
            optimum=optimum,
            baseline_time=baseline,
            status=status,
            history=tuple(self.history),
            start=self.start,
        )
