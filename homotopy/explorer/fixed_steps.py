"""Training without a closed form while something is dragged: one small compiled program.

`hm.flow` chooses its steps and compiles each piece of a schedule; it is what the Python lines of
a picture call, and what the tests compare with. Here steps are fixed beforehand, with one weight
each: any schedule is one and the same program. After a time at which ε may jump, and after 0, a
step is at most 3 % of the time since: modes that are faster have died out by then. A step is one of
eight stages of a stabilised method of order four (theory §15), which the largest curvature λ met on
the way lets grow to hλ = 14.8, where a classical one of four stages ends at 2.8. φ is minus the
derivative of ℰ in the weight of a step, over its length, by going back through all steps (theory
§4).
"""

from __future__ import annotations

from functools import cache, partial
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.explorer.schedules import cell_edges
from homotopy.explorer.state import State
from homotopy.numerics.namespace import AnyArray
from homotopy.numerics.stability_polynomials import tables
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule

MOST = 2**14  # steps
# Thousands of steps a picture: the commands compile as quickly as can be, and these would then take
# four times as long.
_optimised = partial(eqx.filter_jit, compiler_options={"xla_backend_optimization_level": 3})
_TOGETHER, _MET = 9, 40  # sequences of weights, and parameters, that one program takes
_FIRST, _AGAIN = 1.0 / 3.0, 1.0  # hλ of the first steps after 0, and after a jump of ε
_GROWTH = 0.03  # of the time since; with a tenth θ(T) is wrong by 1e-3
_STAGES = 8
_REACH = 0.75  # of the interval of stability: λ is an estimate
_SMOOTH = 100  # steps at least while ε falls smoothly, as each has one weight


def step_edges(state: State, largest: float) -> Float[np.ndarray, " edges"]:
    """Times from 0 to T at which steps meet, s and the cells among them; T again where padded.

    Their number is one of a few, each four times the one before: programs serve many states.

    Raises
    ------
    ValueError
        Where so many steps are needed that nobody would wait for them.
    """
    falls = state.family in ("ramp", "polynomial") and state.switch > state.start
    if state.family in ("step", "ramp", "polynomial"):
        marks = np.unique([0.0, state.start, state.switch, state.horizon])
    else:
        marks = np.unique([0.0, *cell_edges(state)])
    longest = _REACH * _table()["reach"] / largest
    parts = []
    for left, right in pairwise(marks):
        smooth = falls and left == state.start
        most = min(longest, (right - left) / _SMOOTH) if smooth else longest
        first = (_AGAIN if left > 0.0 else _FIRST) / largest
        parts.append(left + _graded(right - left, min(first, most), most))
    needed = sum(map(len, parts))
    if needed > MOST:
        raise ValueError(
            f"horizon: expected a time that is followed in at most {MOST} steps, got "
            f"T = {state.horizon:g}, which takes {needed}, as the largest curvature is "
            f"{largest:.3g}: choose a shorter one."
        )
    count = 256
    while count < needed:
        count *= 4
    edges = np.concatenate([[0.0], *parts])
    return np.append(edges, np.full(count + 1 - len(edges), state.horizon))


def _graded(length, first, most):
    """Ends of steps from 0 to a length: some even ones, growing ones, and even ones again."""
    even = first * np.arange(1.0, 1.0 + np.ceil(1.0 / _GROWTH))
    turns = np.floor(np.log(most / first) / np.log1p(_GROWTH))
    grown = even[-1] * (1.0 + _GROWTH) ** np.arange(1.0, 1.0 + turns)
    reached = np.concatenate([even, grown])
    left = max(0.0, length - reached[-1]) / most
    if left > MOST:
        return np.full(MOST + 1, length)  # more than anybody waits for
    reached = np.append(reached, reached[-1] + most * np.arange(1.0, 1.0 + np.ceil(left)))
    ends = reached[: 1 + np.searchsorted(reached, length)]
    return ends * (length / ends[-1])


@cache
def _table():
    """Stages of the stabilised method (`RungeKuttaChebyshev`), of one number of them."""
    every = tables()
    row = int(np.searchsorted(every["degree"], _STAGES))
    kept = {name: every[name][row] for name in ("reach", "finish")}
    return kept | {name: every[name][row, : _STAGES - 4] for name in ("step", "weight")}


def mean_weights(
    schedule: AbstractSchedule, edges: Float[np.ndarray, " edges"]
) -> Float[np.ndarray, " steps"]:
    """The mean of ε over each step; 0 on those of no length."""
    widths = np.diff(edges)
    integrals = np.asarray(schedule.integral(edges[:-1], edges[1:]))
    return np.clip(integrals / np.where(widths > 0.0, widths, 1.0), 0.0, 1.0)


def trained(
    problem: Problem,
    theta0: Float[AnyArray, " d"],
    weights: Float[np.ndarray, "k steps"],
    widths: Float[AnyArray, " steps"],
) -> Float[np.ndarray, "k edges d"]:
    """θ where steps meet, for several sequences of weights."""
    every = _padded(weights, _TOGETHER)
    return np.asarray(_trained(problem, theta0, every, widths))[: len(weights)]


def _padded(rows, count):
    """More of the last row, to a multiple of a count: few shapes, few programs to wait for."""
    missing = -len(rows) % count
    return np.concatenate([rows, np.broadcast_to(rows[-1:], (missing, *rows.shape[1:]))])


@_optimised
def _trained(problem, theta0, weights, widths):
    return jax.vmap(lambda own: _followed(problem, theta0, own, widths))(weights)


@_optimised
def weight_gradient(
    problem: Problem,
    theta0: Float[AnyArray, " d"],
    target: Float[AnyArray, " d"],
    weights: Float[AnyArray, " steps"],
    widths: Float[AnyArray, " steps"],
) -> Float[Array, " steps"]:
    """dℰ/dε of each step."""
    weights, widths = jnp.asarray(weights), jnp.asarray(widths)
    reached = _followed(problem, theta0, weights, widths)

    def back(turn):
        place, adjoint, slopes = turn
        place = place - 1
        _, pull = jax.vjp(
            lambda theta, weight: _step(problem, theta, weight, widths[place]),
            reached[place],
            weights[place],
        )
        adjoint, slope = pull(adjoint)
        return place, adjoint, slopes.at[place].set(slope)

    end = reached[-1] - jnp.asarray(target)
    begin = jnp.sum(widths > 0.0), end, jnp.zeros_like(weights)
    return jax.lax.while_loop(lambda turn: turn[0] > 0, back, begin)[2]


def _followed(problem, theta0, weights, widths):
    """θ where steps meet; those of no length, which stand at the end, are not taken."""
    count = jnp.sum(widths > 0.0)
    theta0 = jnp.asarray(theta0)
    reached = jnp.broadcast_to(theta0, (len(widths) + 1, theta0.size))

    def take(place, turn):
        theta, reached = turn
        theta = _step(problem, theta, weights[place], widths[place])
        return theta, reached.at[place + 1].set(theta)

    end, reached = jax.lax.fori_loop(0, count, take, (theta0, reached))
    return jnp.where(jnp.arange(len(reached))[:, None] > count, end, reached)


def _step(problem, theta, weight, width):
    table = _table()

    def moved(at):
        return -width * problem.gradient(at, weight)

    def stage(pair, own):
        last, current = pair
        step, share = own
        return (current, share * current + (1.0 - share) * last + step * moved(current)), None

    stages = jnp.asarray(table["step"]), jnp.asarray(table["weight"])
    (_, end), _ = jax.lax.scan(stage, (theta, theta), stages)

    def finish(turn, own):
        points, at = turn
        row, place = own
        points = points + jnp.outer(row, moved(at))
        return (points, points[place]), None

    rows = jnp.asarray(table["finish"])[:4, :4], jnp.arange(4)
    (_, end), _ = jax.lax.scan(finish, (jnp.broadcast_to(end, (4, end.size)), end), rows)
    return end


def curvatures(problem: Problem, theta: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
    """The eigenvalue of ∇²R₁ of largest size at some parameters, by power iteration."""
    return np.asarray(_curvatures(problem, _padded(theta, _MET)))[: len(theta)]


@eqx.filter_jit
def _curvatures(problem, theta):
    def largest(at):
        def turn(vector, _):
            image = problem.hvp(at, vector, 1.0)
            size = jnp.linalg.norm(image)
            return image / jnp.where(size > 0, size, 1.0), size

        begin = jnp.ones_like(at) / jnp.sqrt(at.size) + 0.1 * jnp.cos(jnp.arange(at.size))
        return jax.lax.scan(turn, begin / jnp.linalg.norm(begin), None, length=30)[1][-1]

    return jax.vmap(largest)(theta)
