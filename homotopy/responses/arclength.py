"""One step along the curve ∇R_ε(θ) = 0 in pseudo-arclength: predictor, corrector, tangent.

A point of the curve is z = (θ/s, ε), with s the size of the parameters, so that both parts count
alike. The derivative of the equations, J = [sH ∇ℓ_G], has one row less than columns; with a row c
below it, that makes a square system which is regular at folds too, where H alone is singular.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from homotopy.evidence import gradient_rounding
from homotopy.problem import Problem
from homotopy.responses.derivatives import eigenvalue_slope

_MAX_STEPS = 10


class Point(eqx.Module):
    """A point of the curve.

    Attributes
    ----------
    z : (d + 1,)
        θ/s and ε.
    tangent : (d + 1,)
        Of unit length.
    eigenvalue, eigenvalue_slope : ()
        The smallest of H, and its derivative in the arclength.
    eigenvector : (d,)
    """

    z: Float[Array | np.ndarray, " e"]
    tangent: Float[Array | np.ndarray, " e"]
    eigenvalue: Float[Array | np.ndarray, ""]
    eigenvalue_slope: Float[Array | np.ndarray, ""]
    eigenvector: Float[Array | np.ndarray, " d"]


class Correction(eqx.Module):
    """Where the corrector came to, and how.

    Attributes
    ----------
    point : Point
    converged : ()
        Whether the gradient vanished to rounding, or Newton's steps did.
    moved : ()
        Distance of the point from the prediction.
    """

    point: Point
    converged: Bool[Array, ""]
    moved: Float[Array, ""]


@eqx.filter_jit
def corrected(
    problem: Problem,
    predicted: Float[Array, " e"],
    constraint: Float[Array, " e"],
    before: Float[Array, " e"],
    scale: Float[Array, ""],
    max_steps: Int[Array, ""],
) -> Correction:
    """The point of the curve on the plane c·(z − predicted) = 0, by Newton's method.

    Parameters
    ----------
    problem : Problem
    predicted : (d + 1,)
    constraint : (d + 1,)
        c: the tangent before, for a step in arclength; (0, …, 0, 1) for a given ε.
    before : (d + 1,)
        The tangent before, which orients the new one.
    scale : ()
        s.
    max_steps : ()
        Of Newton's method; with none the prediction is only evaluated.
    """

    def gradient(z):
        return problem.gradient(scale * z[:-1], z[-1])

    def bordered(z, row):
        theta, epsilon = scale * z[:-1], z[-1]
        hessian = scale * problem.hessian(theta, epsilon)
        jacobian = jnp.hstack([hessian, problem.deleted_gradient(theta)[:, None]])
        size = jnp.max(jnp.abs(jacobian))
        return jnp.vstack([jacobian / size, row[None, :]]), size

    def improve(state):
        z, length, _, steps = state
        matrix, size = bordered(z, constraint)
        residual = jnp.append(gradient(z) / size, constraint @ (z - predicted))
        step = jnp.linalg.solve(matrix, residual)
        now = jnp.linalg.norm(step)
        # Steps that do not shrink are rounding, or Newton's method is lost: not taken either way.
        shrinks = now < length
        resting = ~shrinks | (now <= 1e-13)
        z = jnp.where(shrinks, z - step, z)
        return z, jnp.where(shrinks, now, length), resting, steps + 1

    infinite = jnp.asarray(jnp.inf, predicted.dtype)
    start = (predicted, infinite, jnp.asarray(False), jnp.zeros((), int))
    z, length, _, _ = jax.lax.while_loop(
        lambda state: ~state[2] & (state[3] < max_steps), improve, start
    )
    theta, epsilon = scale * z[:-1], z[-1]
    spectrum, vectors = jnp.linalg.eigh(problem.hessian(theta, epsilon))
    matrix, _ = bordered(z, before)
    tangent = jnp.linalg.solve(matrix, jnp.zeros_like(z).at[-1].set(1.0))
    tangent = tangent / jnp.linalg.norm(tangent)
    rounding = gradient_rounding(problem, theta, epsilon, jnp.max(jnp.abs(spectrum)) * scale)
    slope = eigenvalue_slope(
        problem, theta, epsilon, vectors[:, 0], scale * tangent[:-1], tangent[-1]
    )
    point = Point(z, tangent, spectrum[0], slope, vectors[:, 0])
    finite = jnp.all(jnp.isfinite(z)) & jnp.all(jnp.isfinite(tangent))
    converged = (length <= 1e-10) | (jnp.linalg.norm(gradient(z)) <= rounding)
    return Correction(point, finite & converged, jnp.linalg.norm(z - predicted))


def corrected_on_host(problem: Problem, predicted, constraint, before, scale, max_steps=_MAX_STEPS):
    """`corrected`, of and with NumPy arrays."""
    arguments = (
        jnp.asarray(value, problem.X.dtype) for value in (predicted, constraint, before, scale)
    )
    return jax.tree.map(np.asarray, corrected(problem, *arguments, jnp.asarray(max_steps)))
