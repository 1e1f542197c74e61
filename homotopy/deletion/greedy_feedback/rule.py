"""The greedy rule: the ε under which θ comes closer to the target as fast as it can now.

With u = θ − target, w = X_G u and v = X_G θ − y_G, the flow changes ½‖u‖² by

    d/dt ½‖u‖² = −⟨u, ∇R₋(θ)⟩ − ε S,    S = Σ_{i∈G} w_i v_i,

so that the greatest decrease is at ε = 1 where S > 0, and at ε = 0 where S < 0 (theory §4; the
notes' (0.14) without its slip). S = 0 is a surface, and the rule does not say what happens there.
Under ε it changes by Ṡ = a − εk, with

    a = −(w + v)ᵀ X_G ∇R₋(θ),    k = (w + v)ᵀ X_G X_Gᵀ v.

Where 0 < a < k the flow of either side leads to the surface. The solution of the feedback, in
Filippov's sense and as the limit of decisions taken at ever shorter intervals, then slides along
it with ε = a/k, the weight that keeps S = 0, until that weight leaves [0, 1]. For one deleted
point this happens on xᵀu = 0; on v = 0 both flows agree and the surface is crossed.
Where k < a < 0 the flow of either side leads away (possible for several points only): there the
solution is not unique, and ε = 0 is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp

from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.deletion import Deletion

_UNIT = float(np.finfo(float).eps)
_ARRIVED = 1e-12  # of ‖u(s)‖: what is left then is decided by rounding
_LEAST_STEP = 1e-10  # of T − s: what is always taken after a switch
_MOST_ARCS = 10_000


@dataclasses.dataclass(frozen=True)
class Arc:
    """A stretch of time on which ε = 0 or 1, or None where it slides; times count from s.

    `state(t)` is z − α and `control(t)` the weight of a sliding arc, t counting from its start.
    """

    weight: int | None
    start: float
    stop: float
    state: Callable[[float], np.ndarray]
    control: Callable[[np.ndarray], np.ndarray] | None = None


class Rule:
    """The greedy feedback in modal coordinates centred at the deleted fit."""

    def __init__(self, deletion: Deletion):
        system = self.system = common_schedule(deletion)
        self.rates, self.rows, self.span = system.rates, system.rows, system.span
        self.offset = system.rows @ system.goal
        self.sizes = np.linalg.norm(system.rows, axis=1)
        size = np.linalg.norm(np.asarray(deletion.problem.modal.equilibrium))
        apart = np.linalg.norm(system.deviation(system.start))
        self.arrived = max(_ARRIVED * apart, 16 * _UNIT * (size + np.linalg.norm(system.goal)))
        self.rests = not np.any(system.rates * system.goal)  # without the points, at the target

    # ------------------------------------------------------------ the surface S = 0
    def parts(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """w and v."""
        seen = self.rows @ state
        return seen - self.offset, seen - self.system.residual

    def surface(self, state: np.ndarray) -> tuple[float, float]:
        """S, and what it is uncertain by for rounding."""
        w, v = self.parts(state)
        apart = self.sizes * np.linalg.norm(self.system.deviation(state))
        size = self.sizes * np.linalg.norm(state) + np.abs(self.system.residual)
        return float(w @ v), 32 * _UNIT * float(apart @ np.abs(v) + np.abs(w) @ size)

    def slopes(self, state: np.ndarray) -> tuple[float, float, float]:
        """a and k of Ṡ = a − εk, and what they are uncertain by for rounding."""
        w, v = self.parts(state)
        gradient, pull = (w + v) @ self.rows, v @ self.rows
        noise = np.abs(gradient) @ (np.abs(self.rates * state) + np.abs(pull))
        a, k = -gradient @ (self.rates * state), gradient @ pull
        return float(a), float(k), 64 * _UNIT * float(noise)

    def curvature(self, state: np.ndarray, weight: int) -> float:
        """S̈ under a constant weight."""
        w, v = self.parts(state)
        velocity = -self.rates * state - weight * (v @ self.rows)
        first = self.rows @ velocity
        acceleration = -self.rates * velocity - weight * (first @ self.rows)
        return float(2 * first @ first + (w + v) @ (self.rows @ acceleration))

    def on_surface(self, state: np.ndarray) -> int | None:
        """The weight of the feedback where S = 0; None to slide.

        Where a slope vanishes to rounding the second derivative decides, as it does to first
        order in time.
        """
        a, k, noise = self.slopes(state)
        without, with_ = a, a - k
        if abs(without) <= noise and abs(with_) <= noise:
            return int(self.curvature(state, 0) > 0.0)
        if abs(without) <= noise:
            if with_ > 0.0:
                return 1
            return None if self.curvature(state, 0) > 0.0 else 0
        if abs(with_) <= noise:
            if without < 0.0:
                return 0
            return None if self.curvature(state, 1) < 0.0 else 1
        if without > 0.0:
            return 1 if with_ > 0.0 else None
        return 0

    # ------------------------------------------------------------------------ arcs
    def follow(self) -> tuple[list[Arc], np.ndarray]:
        """The arcs from s to T, and u(T)."""
        state, now, arcs = self.system.start, 0.0, []
        value, noise = self.surface(state)
        touching = abs(value) <= noise
        weight = self.on_surface(state) if touching else int(value > 0.0)
        while len(arcs) < _MOST_ARCS:
            left = self.span - now
            if self.rests and np.linalg.norm(self.system.deviation(state)) <= self.arrived:
                arcs.append(Arc(0, now, self.span, partial(self.after, state, 0)))
                return arcs, self.system.deviation(self.after(state, 0, left))
            if weight is None:
                duration, after, path, control = self.slide(state, left)
                arcs.append(Arc(None, now, now + duration, path, control))
                state = path(duration)
            else:
                duration = self.next_contact(state, weight, left, touching)
                if touching:
                    duration = min(max(duration, _LEAST_STEP * self.span), left)
                path = partial(self.after, state, weight)
                arcs.append(Arc(weight, now, now + duration, path))
                state = path(duration)
                after = self.on_surface(state)
            now, weight, touching = now + duration, after, True
            if duration >= left:
                return arcs, self.system.deviation(state)
        raise RuntimeError(f"greedy: more than {_MOST_ARCS} switches before T.")

    def after(self, state: np.ndarray, weight: int, duration: float) -> np.ndarray:
        """The state a duration later, under a constant weight."""
        push = weight * self.system.residual
        spectrum = self.system.spectrum((float(weight),))
        return spectrum.forward(state[:, None], duration, push)[:, 0]

    def next_contact(self, state: np.ndarray, weight: int, left: float, touching: bool) -> float:
        """How long S keeps its sign under a constant weight, at most `left`; 0 if it does not.

        From its value and two derivatives at a time, and a bound of the third from then on, S has
        no zero before the first zero of a cubic. Steps to there come ever closer to a zero of S
        from the side on which it has none, quadratically, and pass none.
        """
        spectrum, residual = self.system.spectrum((float(weight),)), self.system.residual
        sign, rates, seen = 2 * weight - 1, spectrum.rates, spectrum.observed
        opening, sizes = spectrum.rotation.T @ state, np.abs(seen)
        push = seen @ (weight * residual)
        speed = push - rates * opening
        now = 0.0
        while True:
            decay = np.exp(-rates * now)
            reached = decay * opening + spectrum.decay_integral(now) * push
            v, moving = reached @ seen - residual, decay * speed
            w = v + residual - self.offset
            first, second = moving @ seen, -(rates * moving) @ seen
            fast, faster, fastest = ((rates**n * np.abs(moving)) @ sizes for n in range(3))
            beyond = (spectrum.decay_integral(left - now) * np.abs(moving)) @ sizes
            third = float(6 * fast @ faster + (np.abs(w + v) + 2 * beyond) @ fastest)
            values = [
                sign * float(w @ v),
                sign * float((w + v) @ first),
                sign * float(2 * first @ first + (w + v) @ second),
            ]
            if now == 0.0 and touching:
                # On the surface to rounding; the slope is known to lead away from it, or is none.
                values[:2] = 0.0, max(values[1], 0.0)
            elif values[0] <= self.surface(spectrum.rotation @ reached)[1]:
                return now
            step = _first_zero(*values, third)
            if now + step >= left:
                return left
            now += step
            if step <= 4 * np.spacing(now):
                return now

    def slide(self, state: np.ndarray, left: float):
        """Duration, the weight afterwards, and the state and ε as functions of time."""

        def velocity(_, state):
            a, k, _ = self.slopes(state)
            _, v = self.parts(state)
            return -self.rates * state - a / k * (v @ self.rows)

        def at_zero(_, state):
            return self.slopes(state)[0]

        def at_one(_, state):
            a, k, _ = self.slopes(state)
            return k - a

        def at_target(_, state):
            apart = np.linalg.norm(self.system.deviation(state))
            return apart - 0.5 * self.arrived if self.rests else 1.0

        events = (at_zero, at_one, at_target)
        for event in events:
            event.terminal, event.direction = True, -1
        found = solve_ivp(
            velocity,
            (0.0, left),
            state,
            method="LSODA",
            rtol=1e-12,
            atol=1e-14 * max(float(np.linalg.norm(state)), 1e-300),
            dense_output=True,
            events=events,
        )
        if not found.success:
            raise RuntimeError(f"greedy: the sliding arc could not be integrated: {found.message}")

        duration = min(float(found.t[-1]), left)
        after = 1 if found.t_events[1].size else 0
        return duration, after, found.sol, partial(self.sliding_weight, found.sol)

    def sliding_weight(self, states: Callable, times: np.ndarray) -> np.ndarray:
        """The ε that keeps states on the surface, at times (m,)."""
        a, k, _ = np.array([self.slopes(state) for state in states(times).T]).T
        return a / k


def _first_zero(value: float, slope: float, curvature: float, third: float) -> float:
    """The first h > 0 at which value + slope h + curvature h²/2 − third h³/6 falls to zero."""
    largest = max(abs(value), abs(slope), abs(curvature), third)
    if largest == 0.0:
        return np.inf
    coefficients = np.array([-third / 6, curvature / 2, slope, value]) / largest
    if value == 0.0:
        coefficients = coefficients[:-1]
        if slope == 0.0:
            coefficients = coefficients[:-1]
    coefficients = np.trim_zeros(coefficients, "f")
    roots = np.roots(coefficients)
    roots = roots.real[(np.abs(roots.imag) <= 1e-9 * np.abs(roots)) & (roots.real > 0.0)]
    if roots.size:
        return float(roots.min())
    return np.inf if coefficients.size and coefficients[0] > 0.0 else 0.0
