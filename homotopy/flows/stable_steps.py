"""Steps of an explicit solver that stay where it is stable, for the sake of derivatives."""

from __future__ import annotations

from collections.abc import Callable

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_SAFETY = 0.9
_ITERATIONS = 4


class StableSteps(diffrax.AbstractAdaptiveStepSizeController):
    """Another controller's steps, cut to where an explicit Runge–Kutta method damps every mode.

    An error estimate sees only modes that the state still has. Once those of the largest
    eigenvalues have died out, it lets steps grow past the stable ones until rounding shows; but
    derivatives have these modes, and are blown up on the way: a gradient may be wrong by orders of
    magnitude where the state is right to the tolerance. The largest rate is followed by one step
    of the power method for every step of the solver.

    Parameters
    ----------
    controller : diffrax.AbstractAdaptiveStepSizeController
    velocity : callable
        The right-hand side, of time, state and arguments.
    reach : float
        Largest product of a step and a rate; see `stable_reach`.
    """

    controller: diffrax.AbstractAdaptiveStepSizeController
    velocity: Callable
    reach: float

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
        # Without symmetry, so that it has a part of every mode.
        change = jnp.cos(jnp.arange(1, y0.shape[0] + 1, dtype=y0.dtype))
        change, rate = lax.fori_loop(
            0,
            _ITERATIONS,
            lambda _, state: self._faster(t0, y0, args, state[0]),
            (change / jnp.linalg.norm(change), jnp.zeros((), y0.dtype)),
        )
        return self._cut(t0, t1, rate), (inner, change)

    def adapt_step_size(self, t0, t1, y0, y1_candidate, args, y_error, error_order, state):
        inner, change = state
        keep, next_t0, next_t1, jumped, inner, result = self.controller.adapt_step_size(
            t0, t1, y0, y1_candidate, args, y_error, error_order, inner
        )
        change, rate = self._faster(t0, y0, args, change)
        return keep, next_t0, self._cut(next_t0, next_t1, rate), jumped, (inner, change), result

    def _faster(self, t, y, args, change):
        """One step of the power method on the Jacobian: a unit vector, and its rate."""
        t, y, args, change = lax.stop_gradient((t, y, args, change))
        _, moved = jax.jvp(lambda at: self.velocity(t, at, args), (y,), (change,))
        rate = jnp.linalg.norm(moved)
        usable = jnp.isfinite(rate) & (rate > 0.0)
        return jnp.where(usable, moved / jnp.where(usable, rate, 1.0), change), rate

    def _cut(self, t0, t1, rate):
        longest = self.reach / jnp.where(rate > 0.0, rate, 1.0)
        return jnp.where((rate > 0.0) & (t1 > t0 + longest), t0 + longest, t1)


def stable_reach(solver: diffrax.AbstractSolver) -> float | None:
    """Within what product of step and rate an explicit method damps decay; None for any other.

    The interval of its stability function R(−x), |R| ≤ 1, a little shortened.
    """
    if not isinstance(solver, diffrax.AbstractERK):
        return None
    tableau = solver.tableau
    count = tableau.num_stages
    matrix = np.zeros((count, count))
    for row, entries in enumerate(tableau.a_lower, 1):
        matrix[row, : len(entries)] = entries
    rates = np.linspace(0.0, 64.0, 6401)
    systems = np.eye(count) + rates[:, None, None] * matrix
    stages = np.linalg.solve(systems, np.ones((count, 1)))[..., 0]
    growth = np.abs(1.0 - rates * (stages @ np.asarray(tableau.b_sol)))
    return _SAFETY * float(rates[np.argmax(growth > 1.0 + 1e-9)])
