"""Newton's method on a function of θ, for three questions.

| function | where it goes | how |
| --- | --- | --- |
| `to_stationary_point` | the stationary point next to θ, of any kind | whole steps |
| `to_flow_limit` | the limit of the gradient flow through θ | by eigenvalues, damped |
| `downhill` | a minimum that can be reached downhill of θ | Cholesky factors, halved steps |

From near a minimum all three end in it. From elsewhere the answers differ, and so do the questions:
a branch of stationary points may be one of saddles; the flow's limit need not be the minimum that
is nearest; and what is downhill may be beyond it. All work under `jax.jit` and `jax.vmap`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, lu_factor, lu_solve
from jaxtyping import Array, Bool, Float, Int

from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import SHORT, SINGULAR, Minimum, ended

INDEFINITE = 1e-6  # of the largest eigenvalue: what a flow at rest may have below zero
_LARGEST_DAMPING = 1e8


def to_stationary_point(
    function: Callable[[Float[Array, " d"]], Float[Array, ""]],
    theta: Float[Array, " d"],
    max_steps: int = 30,
) -> tuple[Float[Array, " d"], Bool[Array, ""]]:
    """The stationary point next to θ, by whole steps until they get no nearer.

    It asks where the gradient vanishes, and not for a minimum. From far away it may end anywhere,
    and the caller has to look.

    Returns
    -------
    theta : (d,)
    resting : ()
        Whether a step got no nearer, within the number of steps.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> at, resting = to_stationary_point(lambda t: jnp.cos(t[0]), jnp.array([0.5]))
    >>> round(float(at[0]), 6), bool(resting)  # a maximum
    (0.0, True)
    """
    gradient, hessian = jax.grad(function), jax.hessian(function)

    def improve(state):
        theta, slope, _, steps = state
        factors = lu_factor(hessian(theta))
        step = lu_solve(factors, slope)
        after = gradient(theta - step)
        # Along a flat valley that bends the gradient may grow on the way, and the next step not.
        flatter = jnp.linalg.norm(after) < jnp.linalg.norm(slope)
        nearer = jnp.linalg.norm(lu_solve(factors, after)) < jnp.linalg.norm(step)
        better = flatter | nearer
        theta, slope = jnp.where(better, theta - step, theta), jnp.where(better, after, slope)
        return theta, slope, ~better, steps + 1

    state = (theta, gradient(theta), jnp.asarray(False), jnp.zeros((), int))
    theta, _, resting, _ = jax.lax.while_loop(
        lambda state: ~state[2] & (state[3] < max_steps), improve, state
    )
    return theta, resting


def to_flow_limit(
    function: Callable[[Float[Array, " d"]], Float[Array, ""]],
    theta: Float[Array, " d"],
    rounding: Callable[[Float[Array, " d"], Float[Array, ""]], Float[Array, ""]],
    max_steps: int = 64,
) -> tuple[Float[Array, " d"], Int[Array, ""]]:
    """Where the gradient flow tends to from θ, near its limit, with the steps it took.

    By the absolute values of the Hessian's eigenvalues, damped while neither the function nor its
    gradient falls. At a saddle, where the flow came to rest, by the eigenvalues themselves: it
    stays there.

    Parameters
    ----------
    function : callable
    theta : (d,)
    rounding : callable
        Of θ and the Hessian's largest |eigenvalue| there: what the gradient's norm may be from
        rounding alone.
    max_steps : int

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> at, _ = to_flow_limit(lambda t: jnp.cos(t[0]), jnp.array([3.0]), lambda t, largest: 1e-15)
    >>> round(float(at[0]), 6)
    3.141593
    """
    value_and_gradient, hessian = jax.value_and_grad(function), jax.hessian(function)

    def improve(state):
        theta, value, gradient, at_saddle, damping, _, steps = state
        eigenvalues, vectors = jnp.linalg.eigh(hessian(theta))
        largest = jnp.max(jnp.abs(eigenvalues))
        at_saddle = jnp.where(steps == 0, eigenvalues[0] < -INDEFINITE * largest, at_saddle)
        # Along what is flat to rounding a gradient is rounding too.
        flat = (jnp.abs(eigenvalues) <= SINGULAR * largest) & (damping == 0.0)
        scale = jnp.where(at_saddle, eigenvalues, jnp.abs(eigenvalues) + damping * largest)
        scale = jnp.where(flat | (scale == 0.0), jnp.inf, scale)
        trial = theta - vectors @ ((vectors.T @ gradient) / scale)
        there, gradient_there = value_and_gradient(trial)
        fallen = value - there
        unit = 64 * jnp.finfo(theta.dtype).eps * jnp.abs(value)
        slope = jnp.linalg.norm(gradient)
        flatter = jnp.linalg.norm(gradient_there) < slope
        better = (~at_saddle & (fallen > unit)) | ((at_saddle | (fallen >= -unit)) & flatter)
        still = jnp.all(trial == theta) | (~better & (damping > _LARGEST_DAMPING))
        # At rounding no step is better, damped or not.
        still |= ~better & (slope <= rounding(theta, largest))
        raised = jnp.maximum(10.0 * damping, 1e-8)
        lowered = jnp.where(damping > 1e-8, damping / 100.0, 0.0)
        return (
            jnp.where(better, trial, theta),
            jnp.where(better, there, value),
            jnp.where(better, gradient_there, gradient),
            at_saddle,
            jnp.where(better, lowered, raised),
            still,
            steps + 1,
        )

    value, gradient = value_and_gradient(theta)
    no = jnp.asarray(False)
    start = (theta, value, gradient, no, jnp.zeros((), theta.dtype), no, jnp.zeros((), int))
    theta, *_, steps = jax.lax.while_loop(
        lambda state: ~state[-2] & (state[-1] < max_steps), improve, start
    )
    return theta, steps


def downhill(
    objective: AbstractObjective,
    start: Float[Array, " d"],
    tolerance: Float[Array, ""],
    max_steps: Int[Array, ""],
) -> Minimum:
    """A minimum downhill of the start, for as long as the Hessian is positive definite on the way.

    Steps are halved until they descend. It goes on past the tolerance for as long as the gradient
    halves: to rounding. Where the Hessian is not definite, or no step descends, it stops, and the
    result says that no minimum was reached: then it is for a trust region (`minimise_each`).
    """
    unit = jnp.finfo(start.dtype).eps
    # Compiled as a part, so that it is traced once for both places where it stands.
    value_and_gradient = jax.jit(jax.value_and_grad(objective))

    def improve(state):
        theta, value, gradient, _, _, _, steps = state
        hessian = jax.hessian(objective)(theta)
        lower = jnp.linalg.cholesky(hessian)
        definite = jnp.all(jnp.isfinite(lower))
        safe = jnp.where(definite, lower, jnp.eye(theta.size, dtype=theta.dtype))
        step = -cho_solve((safe, True), gradient)
        slope = jnp.dot(gradient, step)
        flat = 64 * unit * objective.value_scale(theta, value)

        def shorter(trial):
            length, _, _, _, halvings = trial
            length = jnp.where(halvings == 0, 1.0, 0.5 * length)
            there, gradient_there = value_and_gradient(theta + length * step)
            descends = there <= value + 1e-4 * length * slope
            # Where values differ by rounding only, the gradient tells.
            flatter = jnp.linalg.norm(gradient_there) < 0.5 * jnp.linalg.norm(gradient)
            level = jnp.abs(there - value) <= flat
            accepted = jnp.where(level, flatter, descends)
            return length, there, gradient_there, accepted, halvings + 1

        trial = (jnp.ones_like(value), value, gradient, ~definite, jnp.zeros((), int))
        length, there, gradient_there, accepted, _ = jax.lax.while_loop(
            lambda trial: ~trial[3] & (trial[4] < 30), shorter, trial
        )
        moved = definite & accepted
        return (
            jnp.where(moved, theta + length * step, theta),
            jnp.where(moved, there, value),
            jnp.where(moved, gradient_there, gradient),
            definite,
            jnp.linalg.norm(step),
            ~moved,
            steps + 1,
        )

    value, gradient = value_and_gradient(start)
    no = jnp.asarray(False)
    state = (start, value, gradient, no, jnp.zeros_like(value), no, jnp.zeros((), int))
    theta, _, gradient, definite, length, _, steps = jax.lax.while_loop(
        lambda state: ~state[5] & (state[6] < max_steps), improve, state
    )
    size = jnp.maximum(jnp.linalg.norm(theta), jnp.linalg.norm(theta - start))
    definite &= length <= SHORT * size
    return ended(objective, theta, gradient, definite, steps, tolerance)
