"""θ(ε) of a linear regression in closed form (theory §2)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import concrete
from homotopy.evidence import stationarity
from homotopy.linear import LinearRegression
from homotopy.problem import Problem
from homotopy.responses.method import AbstractResponse
from homotopy.responses.path import ResponsePath, ResponseStatus, chord_deviation
from homotopy.sweeps.sharing import in_parts


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
    >>> hm.response(problem, [0.0, 1.0], method=hm.responses.ClosedForm()).theta[:, 0].tolist()
    [0.0, 0.5]
    """

    def path(
        self, problem: Problem, epsilons: Float[Array, " k"], theta0: Float[Array, " d"]
    ) -> ResponsePath:
        """θ at each ε, to rounding."""
        return _path(_regression(problem), epsilons, theta0)

    def path_over(self, problem, epsilons, theta0, devices, client):
        """As `path`, of parts of the weights."""
        known = concrete(epsilons)
        if known is None:
            raise TypeError("epsilons: expected known numbers for devices and clients.")
        some = functools.partial(_some, _regression(problem), known, theta0)
        points = in_parts(some, known.size, devices, client)
        return _through(problem, epsilons, theta0, points)


def _regression(problem) -> LinearRegression:
    if isinstance(problem, LinearRegression):
        return problem
    raise TypeError(
        f"problem: the closed form needs a LinearRegression, got {type(problem).__name__}."
    )


class _Points(NamedTuple):
    """What is known at each of k weights."""

    theta: Float[Array, "k d"]
    velocity: Float[Array, "k d"]
    acceleration: Float[Array, "k d"]
    gradient_norm: Float[Array, " k"]
    smallest_eigenvalue: Float[Array, " k"]


@eqx.filter_jit
def _path(problem, epsilons, start):
    """In one program."""
    return _through(problem, epsilons, start, _points(problem, epsilons, start))


def _some(problem, epsilons, start, places):
    return _points(problem, jnp.asarray(epsilons[places]), start)


@eqx.filter_jit
def _points(problem, epsilons, start) -> _Points:
    theta = jax.vmap(lambda epsilon: problem.fit(epsilon, start))(epsilons)
    velocity, acceleration = jax.vmap(functools.partial(_derivatives, problem.modal))(epsilons)
    # Its bound of rounding, which would need the size of θ, is not asked for.
    unknown = jnp.zeros((), start.dtype)
    evidence = jax.vmap(lambda at, epsilon: stationarity(problem, at, epsilon, unknown))(
        theta, epsilons
    )
    return _Points(
        theta, velocity, acceleration, evidence.gradient_norm, evidence.smallest_eigenvalue
    )


def _derivatives(modal, epsilon):
    """θ̇(ε) and θ̈(ε)."""
    scale = 1.0 / (1.0 + epsilon * modal.leverages)
    velocity = modal.modes @ (modal.mode_residuals * scale**2)
    acceleration = modal.modes @ (-2.0 * modal.leverages * modal.mode_residuals * scale**3)
    return modal.parameters(velocity), modal.parameters(acceleration)


@eqx.filter_jit
def _through(problem, epsilons, start, points: _Points):
    modal = problem.modal
    unit = jnp.asarray([0.0, 1.0], start.dtype)
    full = problem.fit(unit[1], start)
    # From the right: the whole move, without the part of the modes that needs ε > 0.
    change = modal.modes @ (modal.mode_residuals / (1.0 + modal.leverages))
    ends = jnp.stack([full - modal.parameters(change), full])
    bend = chord_deviation(jnp.where((epsilons > 0)[:, None], points.theta, ends[:1]), ends)
    jumps = jnp.any(modal.kernel_offset != 0.0)
    # The spectrum in extended precision knows the kernel exactly, however ill-conditioned.
    unseen = modal.kernel & (modal.rows == 0.0).all(axis=0)
    singular = jnp.any(unseen) | ((epsilons == 0.0) & jnp.any(modal.kernel))
    return ResponsePath(
        epsilons=epsilons,
        ends=ends,
        end_velocities=jax.vmap(functools.partial(_derivatives, modal))(unit)[0],
        bend=bend,
        status=ResponseStatus.where(jumps, ResponseStatus.jump, ResponseStatus.successful),
        minimum=~singular,
        **points._asdict(),
    )
