"""θ(w), the minimum of the re-weighted risk, what is measured there, and how that depends on w."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Float

from homotopy._module import Module
from homotopy.influence.objectives import ProximalRisk
from homotopy.measurements import AbstractMeasurement
from homotopy.minima.minimise import minimise_each
from homotopy.problem import Problem

_TOLERANCE = 1e-13
_MAX_STEPS = 200


class Measured(NamedTuple):
    """Measurements at a minimum of the re-weighted risk.

    theta : (d,)
    values : (c,)
    slopes : (c, n)
        ∂m/∂wᵢ = −∇ℓᵢ·H(w)⁻¹∇m (theory §9): one solve for each measurement.
    """

    theta: Float[np.ndarray, " d"]
    values: Float[np.ndarray, " c"]
    slopes: Float[np.ndarray, "c n"]


class Refits(Module):
    """A problem, and what is measured where it is fitted with weights.

    The minimum is followed from where the last one was: of a model that is not affine in θ, another
    start may lead to another.
    """

    problem: Problem
    measurements: tuple[AbstractMeasurement, ...]

    def minimum(
        self, weights: Float[np.ndarray, " n"], start: Float[np.ndarray, " d"]
    ) -> Float[np.ndarray, " d"] | None:
        """The minimum of Σ wᵢ ℓᵢ + (ρ/2)‖θ‖² downhill of the start, to rounding; None without."""
        problem = self.problem
        zero = jnp.zeros((), problem.X.dtype)
        objective = eqx.Partial(_risk, problem, jnp.zeros(problem.dimension, problem.X.dtype), zero)
        arguments = (np.asarray(weights, problem.X.dtype)[None],)
        starts = np.asarray(start)[None]
        found = minimise_each(objective, arguments, starts, _TOLERANCE, _MAX_STEPS)
        reached = bool(np.asarray(found.stationary)[0] & np.asarray(found.definite)[0])
        return np.asarray(found.theta)[0] if reached else None

    def values(self, theta) -> Float[np.ndarray, " c"]:
        """All measurements, one after the other, at θ."""
        return np.asarray(_values(self, jnp.asarray(theta)))

    def measured(self, weights, theta) -> Measured:
        """Measurements and their derivatives in the weights, at a minimum θ = θ(w)."""
        values, slopes = _measured(self, jnp.asarray(weights), jnp.asarray(theta))
        return Measured(np.asarray(theta), np.asarray(values), np.asarray(slopes))

    def curvature(self, weights, theta, multipliers):
        """Second derivatives in w of Σ λ m(θ(w)): B = Σ qᵢ sᵢ qᵢᵀ, as (Q (n, r), S (r, r)).

        B = JᵀMJ + CJ + JᵀCᵀ with J = dθ/dw = −H⁻¹Gᵀ, the adjoint μ = −H⁻¹∇Σλm, M the second
        derivatives in θ of Σλm + μ·∇R_w, and C the rows ∇²ℓᵢμ.
        """
        jacobian, C, M = map(
            np.asarray,
            _second(self, jnp.asarray(weights), jnp.asarray(theta), jnp.asarray(multipliers)),
        )
        basis, triangle = np.linalg.qr(np.hstack([jacobian.T, C]))
        d = M.shape[0]
        left, right = triangle[:, :d], triangle[:, d:]
        cross = right @ left.T
        return basis, left @ M @ left.T + cross + cross.T


def _risk(problem, centre, proximity, weights):
    return ProximalRisk(problem, weights, centre, proximity)


def _all(refits, theta):
    none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)
    values = [jnp.ravel(each(refits.problem, theta, *none)) for each in refits.measurements]
    return jnp.concatenate([jnp.zeros(0, theta.dtype), *values])


@eqx.filter_jit
def _values(refits, theta):
    return _all(refits, theta)


@eqx.filter_jit
def _measured(refits, weights, theta):
    problem = refits.problem
    hessian = jax.hessian(problem.weighted_risk)(theta, weights)
    gradients = jax.jacrev(lambda at: _all(refits, at))(theta)
    products = cho_solve(cho_factor(hessian), gradients.T).T
    _, along = jax.linearize(problem.losses, theta)
    return _all(refits, theta), -jax.vmap(along)(products)


@eqx.filter_jit
def _second(refits, weights, theta, multipliers):
    problem = refits.problem
    factor = cho_factor(jax.hessian(problem.weighted_risk)(theta, weights))

    def combined(at):
        return jnp.dot(multipliers, _all(refits, at))

    adjoint = -cho_solve(factor, jax.grad(combined)(theta))

    def lagrangian(at):
        risk = jax.jvp(lambda t: problem.weighted_risk(t, weights), (at,), (adjoint,))[1]
        return combined(at) + risk

    def felt(at):
        return jax.jvp(problem.losses, (at,), (adjoint,))[1]

    jacobian = -cho_solve(factor, jax.jacfwd(problem.losses)(theta).T)
    return jacobian, jax.jacfwd(felt)(theta), jax.hessian(lagrangian)(theta)
