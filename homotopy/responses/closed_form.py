"""θ(ε) of a linear regression in closed form (theory §2)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.evidence import stationarity
from homotopy.flows.method import Status
from homotopy.linear import LinearRegression
from homotopy.problem import Problem
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, chord_deviation, largest_norm


class ClosedForm(AbstractResponse):
    """θ(ε) of a `LinearRegression`, the default there.

    For one point θ(ε) = θ*₋ + ε r M⁻¹x/(1 + εh): a straight segment, travelled at uneven speed,
    with θ̇(1)/θ̇(0) = (1 − leverage)². For a group, a sum of such terms along the eigenvectors of
    X_G M⁻¹ X_Gᵀ (theory §2). Works under `jax.jit`, `jax.vmap` and `jax.jacfwd`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.response(problem, [0.0, 1.0], method=hm.ClosedForm()).theta[:, 0].tolist()
    [0.0, 0.5]
    """

    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε, to rounding."""
        if not isinstance(problem, LinearRegression):
            raise TypeError(
                f"problem: the closed form needs a LinearRegression, got {type(problem).__name__}."
            )
        return _path(problem, epsilons, theta0)


@eqx.filter_jit
def _path(problem, epsilons, start):
    modal = problem.modal

    def derivatives(epsilon):
        scale = 1.0 / (1.0 + epsilon * modal.leverages)
        velocity = modal.modes @ (modal.mode_residuals * scale**2)
        acceleration = modal.modes @ (-2.0 * modal.leverages * modal.mode_residuals * scale**3)
        return modal.parameters(velocity), modal.parameters(acceleration)

    def fit(epsilon):
        return problem.fit(epsilon, start)

    velocity, acceleration = jax.vmap(derivatives)(epsilons)
    theta = jax.vmap(fit)(epsilons)
    unit = jnp.asarray([0.0, 1.0], start.dtype)
    full = fit(unit[1])
    # From the right: the whole move, without the part of the modes that needs ε > 0.
    change = modal.modes @ (modal.mode_residuals / (1.0 + modal.leverages))
    ends = jnp.stack([full - modal.parameters(change), full])
    bend = chord_deviation(jnp.where((epsilons > 0)[:, None], theta, ends[0][None, :]), ends)
    jumps = jnp.any(modal.kernel_offset != 0.0)
    size = largest_norm(theta)
    evidence = jax.vmap(lambda at, epsilon: stationarity(problem, at, epsilon, size))(
        theta, epsilons
    )
    # The spectrum in extended precision knows the kernel exactly, however ill-conditioned.
    unseen = modal.kernel & (modal.rows == 0.0).all(axis=0)
    singular = jnp.any(unseen) | ((epsilons == 0.0) & jnp.any(modal.kernel))
    return ResponsePath(
        epsilons=epsilons,
        theta=theta,
        velocity=velocity,
        acceleration=acceleration,
        ends=ends,
        end_velocities=jax.vmap(derivatives)(unit)[0],
        bend=bend,
        status=Status.where(jumps, Status.jump, Status.successful),
        gradient_norm=evidence.gradient_norm,
        smallest_eigenvalue=evidence.smallest_eigenvalue,
        minimum=~singular,
    )
