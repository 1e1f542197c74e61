"""Steps of an explicit solver that stay where it is stable, for the sake of derivatives."""

from __future__ import annotations

from collections.abc import Callable

import diffrax
import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from homotopy._module import Module
from homotopy.flows.explicit_steps import ExplicitSteps, square

_SAFETY = 0.9
ITERATIONS = 3
_NEAR = 0.5  # the part of the longest stable step up to which others are short
_SELDOM = 3  # short steps between two looks


class StableSteps(diffrax.AbstractAdaptiveStepSizeController):
    """Another controller's steps, cut to where an explicit Runge–Kutta method damps every mode.

    An error estimate sees only modes that the state still has. Once those of the largest
    eigenvalues have died out, it lets steps grow past the stable ones until rounding shows; but
    derivatives have these modes, and are blown up on the way: a gradient may be wrong by orders of
    magnitude where the state is right to the tolerance. The largest rate is followed by steps of
    the power method, each some three gradients: one for each step of the solver where that is more
    than half of the longest stable one, were the rate to grow once more as it last did; one for
    every fourth of shorter steps. What stages tell for nothing, differences of slopes over those of
    states, is small where the state no longer has the fastest modes: just where it matters.

    Parameters
    ----------
    controller : diffrax.AbstractAdaptiveStepSizeController
    velocity : callable
        The right-hand side, of time, state and arguments.
    reach : float
        Largest product of a step and a rate; see `stable_reach`.
    change : (d,)
        A unit vector that the power method goes on from; see `fastest_change`.
    """

    controller: diffrax.AbstractAdaptiveStepSizeController
    velocity: Callable
    reach: float
    change: Float[Array, " d"]

    @property
    def rtol(self):
        return self.controller.rtol

    @property
    def atol(self):
        return self.controller.atol

    @property
    def norm(self):
        return self.controller.norm

    def wrap(self, direction):
        return eqx.tree_at(lambda s: s.controller, self, self.controller.wrap(direction))

    def init(self, terms, t0, t1, y0, dt0, args, func, error_order):
        t1, inner = self.controller.init(terms, t0, t1, y0, dt0, args, func, error_order)
        change, rate = self._faster(t0, y0, args, self.change)
        whole = jnp.zeros((), jnp.int32)
        state = Followed(inner, change, rate, jnp.ones_like(rate), whole, whole + 1)
        return self._cut(t0, t1, rate), state

    def adapt_step_size(self, t0, t1, y0, y1_candidate, args, y_error, error_order, state):
        keep, next_t0, next_t1, jumped, inner, result = self.controller.adapt_step_size(
            t0, t1, y0, y1_candidate, args, y_error, error_order, state.inner
        )
        near = (next_t1 - next_t0) * state.rate * state.growth > _NEAR * self.reach
        # Of many at once all are looked at where one is to be: a branch for each would be both.
        due = eqxi.unvmap_any(near | (state.since >= _SELDOM))

        def looked():
            change, rate = self._faster(t0, y0, args, state.change)
            growth = jnp.where(state.rate > 0.0, rate / state.rate, 1.0)
            return change, rate, jnp.maximum(growth, 1.0), jnp.zeros_like(state.since)

        change, rate, growth, since = lax.cond(
            due, looked, lambda: (state.change, state.rate, state.growth, state.since + 1)
        )
        state = Followed(inner, change, rate, growth, since, state.looks + due)
        return keep, next_t0, self._cut(next_t0, next_t1, rate), jumped, state, result

    def _faster(self, t, y, args, change):
        """One step of the power method on the Jacobian: a unit vector, and its rate."""
        t, y, args, change = lax.stop_gradient((t, y, args, change))
        return faster(lambda at: self.velocity(t, at, args), y, change)

    def _cut(self, t0, t1, rate):
        longest = self.reach / jnp.where(rate > 0.0, rate, 1.0)
        return jnp.where((rate > 0.0) & (t1 > t0 + longest), t0 + longest, t1)


class Followed(Module):
    """The state of `StableSteps`.

    Attributes
    ----------
    inner : PyTree
        Of its controller.
    change : (d,), rate
        A unit vector, and how fast it decays.
    growth
        By what factor the rate was last seen to have grown, at least 1.
    since : int
        Steps since it was looked at.
    looks : int
        How many times it was.
    """

    inner: PyTree
    change: Float[Array, " d"]
    rate: Float[Array, ""]
    growth: Float[Array, ""]
    since: Int[Array, ""]
    looks: Int[Array, ""]


def fastest_change(velocity: Callable, state: Float[Array, " d"]) -> Float[Array, " d"]:
    """A unit vector along which the velocity changes about as fast as along any."""
    # Without symmetry, so that it has a part of every mode.
    change = jnp.cos(jnp.arange(1, state.shape[0] + 1, dtype=state.dtype))
    return lax.fori_loop(
        0,
        ITERATIONS,
        lambda _, change: faster(velocity, state, change)[0],
        change / jnp.linalg.norm(change),
    )


def faster(velocity, state, change):
    """One step of the power method on the velocity's Jacobian: a unit vector, and its rate."""
    _, moved = jax.jvp(velocity, (state,), (change,))
    rate = jnp.linalg.norm(moved)
    usable = jnp.isfinite(rate) & (rate > 0.0)
    return jnp.where(usable, moved / jnp.where(usable, rate, 1.0), change), rate


def stable_reach(solver: diffrax.AbstractSolver) -> float | None:
    """Within what product of step and rate an explicit method damps decay; None for any other.

    The interval of its stability function R(−x), |R| ≤ 1, a little shortened.
    """
    if isinstance(solver, ExplicitSteps):
        solver = solver.solver
    if not isinstance(solver, diffrax.AbstractERK):
        return None
    tableau = solver.tableau
    matrix, _ = square(tableau)
    rates = np.linspace(0.0, 64.0, 6401)
    systems = np.eye(len(matrix)) + rates[:, None, None] * matrix
    stages = np.linalg.solve(systems, np.ones((len(matrix), 1)))[..., 0]
    growth = np.abs(1.0 - rates * (stages @ np.asarray(tableau.b_sol)))
    return _SAFETY * float(rates[np.argmax(growth > 1.0 + 1e-9)])
