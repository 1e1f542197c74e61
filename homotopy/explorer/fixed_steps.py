"""Training without a closed form while something is dragged: one small compiled program.

`hm.flow` chooses its steps and compiles each piece of a schedule; it is what the Python lines of
a picture call, and what the tests compare with. Here the classical Runge–Kutta method takes steps
that are fixed beforehand, short for the largest curvature met on the way (hλ ≤ 1, and ≤ 1/3 at
first), with one weight each: any schedule is one and the same program. φ is minus the derivative of
ℰ in the weight of a step, over its length, by reverse mode through all steps (theory §4).
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
_EARLY, _FINER = 100.0, 3.0  # λt up to which steps are so many times shorter


def step_edges(state: State, largest: float) -> Float[np.ndarray, " edges"]:
    """Times from 0 to T at which steps meet, s and the cells among them; T again where padded.

    Their number is one of a few, each twice the one before: programs serve many states.

    Raises
    ------
    ValueError
        Where so many steps are needed that nobody would wait for them.
    """
    cells = np.linspace(state.start, state.horizon, CELLS + 1)
    marks = np.concatenate([[0.0], cells]) if state.start > 0.0 else cells
    # At the beginning all moves, and what is lost there is not won back.
    finer = np.where(marks[:-1] * largest < _EARLY, _FINER, 1.0)
    counts = np.maximum(2, np.ceil(finer * np.diff(marks) * largest).astype(int))
    needed = int(counts.sum())
    if needed > MOST:
        raise ValueError(
            f"horizon: expected a time that is followed in at most {MOST} steps, got "
            f"T = {state.horizon:g}, which takes {needed}, as the largest curvature is "
            f"{largest:.3g}: choose a shorter one."
        )
    count = 256
    while count < needed:
        count *= 2
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

    def cost(own):
        end = _followed(problem, theta0, own, widths)[-1]
        return 0.5 * jnp.sum((end - target) ** 2)

    return jax.grad(cost)(weights)


def _followed(problem, theta0, weights, widths):
    def step(theta, own):
        weight, width = own

        def force(at):
            return -problem.gradient(at, weight)

        first = force(theta)
        second = force(theta + width / 2 * first)
        third = force(theta + width / 2 * second)
        fourth = force(theta + width * third)
        after = theta + width / 6 * (first + 2 * second + 2 * third + fourth)
        return after, after

    # What reverse mode needs of a step is computed again, not kept.
    _, reached = jax.lax.scan(jax.checkpoint(step), jnp.asarray(theta0), (weights, widths))
    return jnp.concatenate([jnp.asarray(theta0)[None, :], reached])


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
