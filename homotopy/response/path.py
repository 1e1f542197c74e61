"""The response path θ(ε): what training converges to, as a function of the weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput
from homotopy.flow.homotopy import checked_epsilons
from homotopy.flow.method import Status
from homotopy.linear import LinearRegression

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ResponsePath(eqx.Module):
    """θ(ε) and its derivatives.

    Attributes
    ----------
    epsilons : (k,)
    theta, velocity, acceleration : (k, d)
        θ(ε), θ̇(ε), θ̈(ε), derivatives in ε: influence functions are θ̇(0) and θ̇(1) (theory §2).
        At ε = 0 they are limits from the right.
    ends : (2, d)
        θ(0), limit from the right, and θ(1).
    end_velocities : (2, d)
        θ̇(0) and θ̇(1).
    bend : ()
        Largest distance of the path from its chord θ(0)θ(1), over the length of the chord; taken
        over `epsilons`. Zero for one deleted point in linear regression.
    status : Status
        `Status.jump` where θ is not continuous at ε = 0: then `theta` at ε = 0 is the limit of
        the gradient flow from θ₀ without the deleted points, and `ends` has the other value.
    """

    epsilons: Float[Array, " k"]
    theta: Float[Array, "k d"]
    velocity: Float[Array, "k d"]
    acceleration: Float[Array, "k d"]
    ends: Float[Array, "2 d"]
    end_velocities: Float[Array, "2 d"]
    bend: Float[Array, ""]
    status: Status

    @property
    def velocity_change(self) -> Float[Array, ""]:
        """‖θ̇(1) − θ̇(0)‖: how much it matters where an influence function is taken."""
        return jnp.linalg.norm(self.end_velocities[1] - self.end_velocities[0])

    @property
    def velocity_change_bound(self) -> Float[Array, ""]:
        """max ‖θ̈(ε)‖ over `epsilons`: no less than `velocity_change` on a fine grid."""
        return jnp.max(jnp.linalg.norm(self.acceleration, axis=1))

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The path in the parameter plane (d = 2), or each coordinate against ε."""
        from homotopy.plotting.response import draw_response

        return draw_response(self, ax, **options)


def response(
    problem: LinearRegression,
    epsilons: ArrayInput,
    theta0: ArrayInput | None = None,
) -> ResponsePath:
    """θ(ε) = argmin R_ε of a linear regression in closed form (theory §2).

    For one point θ(ε) = θ*₋ + ε r M⁻¹x/(1 + εh): a straight segment, travelled at uneven speed,
    with θ̇(1)/θ̇(0) = (1 − leverage)². For a group, a sum of such terms along the eigenvectors of
    X_G M⁻¹ X_Gᵀ.

    Parameters
    ----------
    problem : LinearRegression
    epsilons : (k,)
        In [0, 1].
    theta0 : (d,), optional
        Where the Hessian is singular, θ(ε) is the limit of the gradient flow from θ₀ (default:
        zeros, the fit of least norm).

    Raises
    ------
    TypeError
        For a problem that is not a `LinearRegression`.
    ValueError
        Naming `epsilons` or `theta0`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.response(problem, [0.0, 1.0])
    >>> path.theta[:, 0].tolist(), path.velocity[:, 0].tolist()
    ([0.0, 0.5], [1.0, 0.25])
    """
    if not isinstance(problem, LinearRegression):
        raise TypeError(
            f"problem: the closed form needs a LinearRegression, got {type(problem).__name__}."
        )
    dtype = problem.X.dtype
    start = problem.parameters(jnp.zeros(problem.dimension) if theta0 is None else theta0)
    epsilons = checked_epsilons(epsilons, dtype)
    return _response(problem, epsilons, start)


@eqx.filter_jit
def _response(problem, epsilons, start):
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
    status = Status.where(jumps, Status.jump, Status.successful)
    end_velocities = jax.vmap(derivatives)(unit)[0]
    return ResponsePath(
        epsilons, theta, velocity, acceleration, ends, end_velocities, bend, status
    )


def chord_deviation(
    theta: Float[Array, "k d"], ends: Float[Array, "2 d"]
) -> Float[Array, ""]:
    """Largest distance of points from the segment's line, over its length; 0 for no segment."""
    chord = ends[1] - ends[0]
    length = jnp.linalg.norm(chord)
    direction = chord / jnp.where(length > 0, length, 1.0)
    offset = theta - ends[0][None, :]
    across = offset - (offset @ direction)[:, None] * direction[None, :]
    farthest = jnp.max(jnp.linalg.norm(across, axis=1))
    return jnp.where(length > 0, farthest / jnp.where(length > 0, length, 1.0), 0.0)
