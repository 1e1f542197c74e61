"""Training without a closed form while something is dragged: one small compiled program.

`hm.flow` chooses its steps and compiles each piece of a schedule; it is what the Python lines of
a picture call, and what the tests compare with. Here the classical Runge–Kutta method takes steps
that are fixed beforehand, short for the largest curvature met on the way (hλ ≤ 1/3 at first; 2 later,
where the fast modes are at rest and 2.78 would let them grow), with one weight each: any schedule
is one and the same program. φ is minus the derivative of ℰ in the weight of a step, over its
length, by going back through all steps (theory §4).
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.explorer.state import CELLS, State
from homotopy.numerics.namespace import AnyArray
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule

MOST = 2**14  # steps
_TOGETHER, _MET = 9, 40  # sequences of weights, and parameters, that one program takes
_EARLY = 100.0  # λt, up to which steps are the shorter ones
_SHORT, _LONG = 1.0 / 3.0, 2.0  # hλ


def step_edges(state: State, largest: float) -> Float[np.ndarray, " edges"]:
    """Times from 0 to T at which steps meet, s and the cells among them; T again where padded.

    Their number is one of a few, each four times the one before: programs serve many states.

    Raises
    ------
    ValueError
        Where so many steps are needed that nobody would wait for them.
    """
    cells = np.linspace(state.start, state.horizon, CELLS + 1)
    marks = np.concatenate([[0.0], cells]) if state.start > 0.0 else cells
    # At the beginning all moves, and what is lost there is not won back.
    longest = np.where(marks[:-1] * largest < _EARLY, _SHORT, _LONG) / largest
    counts = np.maximum(2, np.ceil(np.diff(marks) / longest).astype(int))
    needed = int(counts.sum())
    if needed > MOST:
        raise ValueError(
            f"horizon: expected a time that is followed in at most {MOST} steps, got "
            f"T = {state.horizon:g}, which takes {needed}, as the largest curvature is "
            f"{largest:.3g}: choose a shorter one."
        )
    count = 256
    while count < needed:
        count *= 4
    parts = [
        np.linspace(left, right, own, endpoint=False)
        for left, right, own in zip(marks, marks[1:], counts, strict=False)
    ]
    edges = np.append(np.concatenate(parts), state.horizon)
    return np.append(edges, np.full(count + 1 - len(edges), state.horizon))


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
    return np.asarray(_trained(problem, theta0, _padded(weights, _TOGETHER), widths))[
        : len(weights)
    ]


def _padded(rows, count):
    """More of the last row, to a multiple of a count: few shapes, few programs to wait for."""
    missing = -len(rows) % count
    return np.concatenate([rows, np.broadcast_to(rows[-1:], (missing, *rows.shape[1:]))])


@eqx.filter_jit
def _trained(problem, theta0, weights, widths):
    return jax.vmap(lambda own: _followed(problem, theta0, own, widths))(weights)


@eqx.filter_jit
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
    def force(at):
        return -problem.gradient(at, weight)

    first = force(theta)
    second = force(theta + width / 2 * first)
    third = force(theta + width / 2 * second)
    fourth = force(theta + width * third)
    return theta + width / 6 * (first + 2 * second + 2 * third + fourth)


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
