"""The gradient flow θ' = −∇R(θ) by a linearly implicit method: no equation is solved by iteration.

RODAS of Hairer and Wanner, of order four with an estimate of order three, L-stable and stiffly
accurate. Each of its six stages solves a linear system with the same matrix, (1/(hγ) + ∇²R)u = r,
which is diagonal in the eigenvectors of the Hessian: one decomposition a step serves all stages,
and whoever asks whether the flow is at rest. What is traced is one gradient and one Hessian; a
general implicit solver takes JAX several times as long to trace, which is most of what a small
network waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

_GAMMA = 0.25
# Row i: the argument of stage i is y + Σ aᵢⱼuⱼ; the last row is the step itself, whose difference
# from the sixth argument is the sixth stage, the estimate of the error.
_A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.544, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.9466785280815826, 0.2557011698983284, 0.0, 0.0, 0.0, 0.0],
        [3.314825187068521, 2.896124015972201, 0.9986419139977817, 0.0, 0.0, 0.0],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 0.0, 0.0],
        [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0, 0.0],
    ]
)
# The right side of stage i is f(argument) + Σ cᵢⱼuⱼ/h.
_C = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-5.6688, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-2.430093356833875, -0.2063599157091915, 0.0, 0.0, 0.0, 0.0],
        [-0.1073529058151375, -9.594562251023355, -20.47028614809616, 0.0, 0.0, 0.0],
        [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160, 0.0, 0.0],
        [
            *(8.083246795921522, -7.981132988064893, -31.52159432874371),
            *(16.31930543123136, -6.058818238834054, 0.0),
        ],
    ]
)
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 6.0  # of the change of the step size
_ORDER = 4  # of the estimate in the step size
_FIRST = 0.01  # of the parameters' size: how far the first step goes


class FlowEnd(NamedTuple):
    """Where the flow was left: whether that was asked for, when, and after how many steps."""

    theta: Float[Array, " d"]
    time: Float[Array, ""]
    arrived: Bool[Array, ""]
    steps: Int[Array, ""]


class _Place(NamedTuple):
    """θ with what is known of the risk there."""

    theta: Float[Array, " d"]
    gradient: Float[Array, " d"]
    eigenvalues: Float[Array, " d"]
    vectors: Float[Array, "d d"]


def follow_gradient_flow(
    gradient: Callable[[Float[Array, " d"]], Float[Array, " d"]],
    hessian: Callable[[Float[Array, " d"]], Float[Array, "d d"]],
    start: Float[Array, " d"],
    arrived: Callable[
        [Float[Array, " d"], Float[Array, " d"], Float[Array, " d"]], Bool[Array, ""]
    ],
    max_steps: int,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> FlowEnd:
    """The flow from `start` until it has arrived.

    Parameters
    ----------
    gradient, hessian : callable
        Of θ (d,).
    start : (d,)
    arrived : callable
        Of θ, the gradient and the Hessian's eigenvalues, ascending, after every step.
    max_steps : int
        Those taken again counted.
    rtol, atol : float
        Of the error of a step, the root mean square over the parameters; `rtol` not below 64 units
        in the last place of the dtype.

    References
    ----------
    E. Hairer, G. Wanner, Solving Ordinary Differential Equations II (1996), IV.7, RODAS.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> end = follow_gradient_flow(
    ...     lambda z: 4.0 * z, lambda z: 4.0 * jnp.eye(1), jnp.ones(1),
    ...     lambda z, gradient, eigenvalues: z[0] < 1e-3, max_steps=200,
    ... )
    >>> bool(end.arrived), bool(jnp.abs(end.theta[0] - jnp.exp(-4.0 * end.time)) < 1e-6)
    (True, True)
    """

    # What cancels between stages leaves some roundings in the estimate.
    rtol = max(rtol, 64.0 * float(jnp.finfo(start.dtype).eps))

    def place(theta):
        return _Place(theta, gradient(theta), *jnp.linalg.eigh(hessian(theta)))

    def attempt(state):
        here, step, time, _, steps, shorter = state
        trial, error = _stages(gradient, here, step)
        allowed = atol + rtol * jnp.maximum(jnp.abs(here.theta), jnp.abs(trial))
        size = jnp.sqrt(jnp.mean((error / allowed) ** 2))
        taken = size <= 1.0
        factor = _SAFETY * jnp.maximum(size, 1e-12) ** (-1.0 / _ORDER)
        # Not longer at once after a step that was too long; a NaN is one.
        factor = jnp.clip(factor, _LEAST, jnp.where(shorter, 1.0, _MOST))
        factor = jnp.where(jnp.isfinite(size), factor, _LEAST)
        there = place(jnp.where(taken, trial, here.theta))
        ended = arrived(there.theta, there.gradient, there.eigenvalues)
        time = jnp.where(taken, time + step, time)
        return there, factor * step, time, ended, steps + 1, ~taken

    here = place(start)
    slope, size = jnp.linalg.norm(here.gradient), jnp.linalg.norm(start)
    first = _FIRST * jnp.where(slope > 0.0, (size + atol) / slope, 1.0)
    # No longer than the fastest mode takes.
    first = jnp.minimum(first, 1.0 / jnp.maximum(jnp.max(jnp.abs(here.eigenvalues)), 1e-6))
    ended = arrived(start, here.gradient, here.eigenvalues)
    zero = jnp.zeros((), start.dtype)
    state = (here, first, zero, ended, jnp.zeros((), int), jnp.asarray(False))
    here, _, time, ended, steps, _ = jax.lax.while_loop(
        lambda state: ~state[3] & (state[4] < max_steps), attempt, state
    )
    return FlowEnd(here.theta, time, ended, steps)


def _stages(gradient, here: _Place, step):
    """θ after a step, and the estimate of its error."""
    shifted = 1.0 / (_GAMMA * step) + here.eigenvalues
    dtype = here.theta.dtype

    def stage(u, row):
        index, a, c = row
        argument = here.theta + a @ u
        right = -gradient(argument) + (c @ u) / step
        new = here.vectors @ ((here.vectors.T @ right) / shifted)
        return u.at[index].set(new), argument

    rows = jnp.arange(6), jnp.asarray(_A, dtype), jnp.asarray(_C, dtype)
    u, arguments = jax.lax.scan(stage, jnp.zeros((6, here.theta.size), dtype), rows)
    return arguments[-1] + u[-1], u[-1]
