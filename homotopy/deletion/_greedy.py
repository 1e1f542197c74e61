"""Greedy deletion: the ε(t) under which θ comes closer to the target as fast as it can now.

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
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Real
from scipy.integrate import solve_ivp

from homotopy._checks import ArrayInput, array
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.deletion.deletion import Deletion, a_deletion
from homotopy.schedules import AbstractSchedule, BangBang

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UNIT = float(np.finfo(float).eps)
_SLIDING = "sliding"
_ARRIVED = 1e-12  # of ‖u(s)‖: what is left then is decided by rounding
_LEAST_STEP = 1e-10  # of T − s: what is always taken after a switch
_MOST_ARCS = 10_000
_NODES = 24  # of Chebyshev polynomials; their degree is within what the quadrature integrates
_MOST_PANELS = 256
_FIT = 1e-13
_POINTS, _QUADRATURE = (part / 2 for part in np.polynomial.legendre.leggauss(16))
_POINTS = _POINTS + 0.5


class PiecewiseChebyshev(AbstractSchedule):
    """Zeros, ones, and between them Chebyshev polynomials: a bang-bang schedule that also slides.

    Attributes
    ----------
    times : (k,)
        Where the pieces meet.
    weights : tuple of k + 1
        0 or 1 for a constant piece, None for one that varies.
    fractions : for each varying piece, (p + 1,)
        From 0 to 1: where the panels meet, each with a polynomial of its own.
    coefficients : for each varying piece, (p, n)
        Of Chebyshev polynomials on the panels. The values are clipped to [0, 1].
    """

    times: Float[Array, " k"]
    weights: tuple[float | None, ...] = eqx.field(static=True)
    fractions: tuple[Float[Array, " panels_and_one"], ...]
    coefficients: tuple[Float[Array, "panels n"], ...]

    @property
    def breakpoints(self) -> Float[Array, " k"]:
        """The times, (k,)."""
        return self.times

    @property
    def constant_pieces(self) -> tuple[bool, ...]:
        return tuple(weight is not None for weight in self.weights)

    @property
    def piece_values(self) -> Float[Array | np.ndarray, " pieces"]:
        if all(self.constant_pieces):
            return np.array(self.weights)
        left = jnp.pad(self.times, (1, 0))
        return jnp.stack([self.piece(index, left[index]) for index in range(len(self.weights))])

    def piece(self, index: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, ""]:
        constants = jnp.array([0.0 if weight is None else weight for weight in self.weights])
        value = constants[index]
        for number, own in enumerate(self._varying()):
            value = jnp.where(index == own, self._polynomial(number, own, t), value)
        return value

    def _varying(self) -> list[int]:
        return [index for index, constant in enumerate(self.constant_pieces) if not constant]

    def _panels(self, number, own):
        """Edges of the panels of a varying piece; they move with its ends."""
        left, right = self.times[own - 1], self.times[own]
        return left + self.fractions[number] * (right - left)

    def _polynomial(self, number, own, t):
        edges, coefficients = self._panels(number, own), self.coefficients[number]
        panel = jnp.searchsorted(edges[1:-1], t, side="left")
        left, width = edges[panel], edges[panel + 1] - edges[panel]
        x = 2.0 * (t - left) / jnp.where(width > 0, width, 1.0) - 1.0
        first = second = jnp.zeros_like(x)
        for order in range(coefficients.shape[1] - 1, 0, -1):  # Clenshaw's recurrence
            first, second = coefficients[panel, order] + 2.0 * x * first - second, first
        value = coefficients[panel, 0] + x * first - second
        return jnp.where(value < 0.0, 0.0, jnp.where(value > 1.0, 1.0, value))

    def _integral(self, a, b):
        # Panel by panel, on each of which the quadrature is exact.
        lower, upper = self._clip(a), self._clip(b)
        total = jnp.zeros_like(lower[0])
        varying = self._varying()
        for index, weight in enumerate(self.weights):
            if weight is not None:
                total = total + weight * (upper[index] - lower[index])
                continue
            number = varying.index(index)
            edges = self._panels(number, index)
            left, right = edges[:-1], edges[1:]
            low = _between(lower[index], left, right)
            high = _between(upper[index], left, right)
            points = low[:, None] + (high - low)[:, None] * _POINTS[None, :]

            def value(t, number=number, index=index):
                return self._polynomial(number, index, t)

            means = jax.vmap(jax.vmap(value))(points) @ _QUADRATURE
            total = total + jnp.sum((high - low) * means)
        return total


def _between(t, left, right):
    return jnp.where(t <= left, left, jnp.where(t >= right, right, t))


@dataclasses.dataclass(frozen=True, eq=False)
class GreedyFeedback:
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
        times = np.asarray(self.schedule.breakpoints)
        edges = np.clip(np.concatenate([[0.0], times, [np.inf]]), start, horizon)
        shown: list[str] = []
        switches: list[str] = []
        for index, constant in enumerate(self.schedule.constant_pieces):
            if not edges[index] < edges[index + 1]:
                continue
            value = float(self.schedule.piece_values[index]) if constant else 0.0
            if shown:
                switches.append(f"{edges[index]:.6g}")
            shown.append(f"{value:.4g}" if constant else _SLIDING)
        if not switches:
            return f"{shown[0]} throughout"
        noun = "switch" if len(switches) == 1 else "switches"
        return f"{'→'.join(shown)} with {noun} at {', '.join(switches)}"

    def plot(self, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
        """ε(t) above S(t), whose sign decides it; intervals of sliding are shaded.

        Parameters
        ----------
        axes : two Axes, optional
            For ε and for S; those of a new figure by default.
        """
        from homotopy.plotting.style import colours_of

        if axes is None:
            from matplotlib import pyplot

            _, axes = pyplot.subplots(2, 1, sharex=True, layout="constrained")
        upper, lower = axes
        colours = colours_of(lower)
        start, horizon = float(self.deletion.start), float(self.deletion.horizon)
        self.schedule.plot(upper, horizon=horizon)
        edges = np.clip(np.asarray(self.schedule.breakpoints), start, horizon)
        times = np.union1d(np.linspace(start, horizon, 513), edges)
        lower.axhline(0.0, color=colours.shade(0.4), linewidth=0.6)
        lower.plot(times, self.advantage(times), color=colours.ink)
        for ax in axes:
            for interval in self.sliding:
                ax.axvspan(*interval, color=colours.shade(0.9), lw=0, zorder=0)
        upper.set(xlabel="", xlim=(0.0, horizon))
        lower.set(xlabel="time t", ylabel="advantage of ε = 1, S(t)")
        return axes

    def __repr__(self) -> str:
        return f"GreedyFeedback({self.structure}, cost={self.cost:.6g})"


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
    >>> from homotopy.deletion._greedy import greedy
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
    rule = _Rule(deletion)
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
class _Arc:
    """ε = 0 or 1, or None where it slides; times count from s.

    `state(t)` is z − α and `control(t)` the weight of a sliding arc, t counting from its start.
    """

    weight: int | None
    start: float
    stop: float
    state: Callable[[float], np.ndarray]
    control: Callable[[np.ndarray], np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class _Advantage:
    """S(t) along the arcs."""

    rule: _Rule
    path: list[_Arc]
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


class _Rule:
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
    def follow(self) -> tuple[list[_Arc], np.ndarray]:
        """The arcs from s to T, and u(T)."""
        state, now, arcs = self.system.start, 0.0, []
        value, noise = self.surface(state)
        touching = abs(value) <= noise
        weight = self.on_surface(state) if touching else int(value > 0.0)
        while len(arcs) < _MOST_ARCS:
            left = self.span - now
            if self.rests and np.linalg.norm(self.system.deviation(state)) <= self.arrived:
                arcs.append(_Arc(0, now, self.span, partial(self.after, state, 0)))
                return arcs, self.system.deviation(self.after(state, 0, left))
            if weight is None:
                duration, after, path, control = self.slide(state, left)
                arcs.append(_Arc(None, now, now + duration, path, control))
                state = path(duration)
            else:
                duration = self.next_contact(state, weight, left, touching)
                if touching:
                    duration = min(max(duration, _LEAST_STEP * self.span), left)
                path = partial(self.after, state, weight)
                arcs.append(_Arc(weight, now, now + duration, path))
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


def _merged(arcs: list[_Arc]) -> list[_Arc]:
    """Without empty arcs, and neighbours of one weight as one."""
    merged: list[_Arc] = []
    for arc in arcs:
        if arc.stop <= arc.start:
            continue
        if merged and arc.weight is not None and merged[-1].weight == arc.weight:
            arc = dataclasses.replace(arc, start=merged.pop().start)
        merged.append(arc)
    return merged


def _schedule(deletion: Deletion, arcs: list[_Arc]) -> AbstractSchedule:
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
    fits = [_fitted(arc) for arc in arcs if arc.weight is None]
    return PiecewiseChebyshev(
        times,
        weights,
        tuple(jnp.asarray(fractions, float) for fractions, _ in fits),
        tuple(jnp.asarray(coefficients, float) for _, coefficients in fits),
    )


def _fitted(arc: _Arc) -> tuple[np.ndarray, np.ndarray]:
    """Panels, in fractions of the arc, and Chebyshev coefficients; halved until they resolve ε."""
    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    nodes = np.cos(angles)
    transform = 2.0 / _NODES * np.cos(np.arange(_NODES)[:, None] * angles[None, :])
    transform[0] /= 2.0
    done, waiting = [], [(0.0, 1.0)]
    length = arc.stop - arc.start
    while waiting:
        left, right = waiting.pop()
        fractions = left + (right - left) * (nodes + 1.0) / 2.0
        coefficients = transform @ np.clip(arc.control(length * fractions), 0.0, 1.0)
        resolved = np.max(np.abs(coefficients[-3:])) <= _FIT
        if resolved or len(done) + len(waiting) >= _MOST_PANELS:
            done.append((left, right, coefficients))
        else:
            middle = (left + right) / 2.0
            waiting += [(middle, right), (left, middle)]
    edges = np.array([done[0][0], *(right for _, right, _ in done)])
    return edges, np.stack([coefficients for _, _, coefficients in done])
