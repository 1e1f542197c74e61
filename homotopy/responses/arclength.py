"""One step along the curve ∇R_ε(θ) = 0 in pseudo-arclength: predictor, corrector, tangent.

A point of the curve is z = (θ/s, ε), with s the size of the parameters, so that both parts count
alike. The derivative of the equations, J = [sH ∇ℓ_G], has one row less than columns; with a row c
below it, that makes a square system which is regular at folds too, where H alone is singular.

All that is asked of a point is found by one program, `corrected`: a response of a small network
waits for JAX to trace programs, and hardly for their work.
"""

from __future__ import annotations

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array, Bool, Float, Int

from homotopy._module import Module
from homotopy.evidence import Stationarity, gradient_terms, rounding_of
from homotopy.problem import Problem
from homotopy.sweeps.sharing import whole_or_in_parts

_MAX_STEPS = 10


class Point(Module):
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
    largest_eigenvalue : ()
        Of H, in absolute value.
    gradient_norm, gradient_terms : ()
        ‖∇R_ε‖, and the sum of the sizes of its terms.
    velocity, acceleration : (d,)
        θ̇(ε) and θ̈(ε), by the implicit function theorem (theory §2): ∞ or NaN where H is singular.
    """

    z: Float[Array | np.ndarray, " e"]
    tangent: Float[Array | np.ndarray, " e"]
    eigenvalue: Float[Array | np.ndarray, ""]
    eigenvalue_slope: Float[Array | np.ndarray, ""]
    eigenvector: Float[Array | np.ndarray, " d"]
    largest_eigenvalue: Float[Array | np.ndarray, ""]
    gradient_norm: Float[Array | np.ndarray, ""]
    gradient_terms: Float[Array | np.ndarray, ""]
    velocity: Float[Array | np.ndarray, " d"]
    acceleration: Float[Array | np.ndarray, " d"]

    def evidence(self, size: float) -> Stationarity:
        """Whether it is a minimum, where parameters are of this size."""
        rounding = rounding_of(self.gradient_terms + self.largest_eigenvalue * size, self.z.dtype)
        return Stationarity(self.gradient_norm, rounding, self.eigenvalue, self.largest_eigenvalue)


class Correction(Module):
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

    # Compiled as parts, so that each is traced once for all the places where it stands.
    @jax.jit
    def gradient(z):
        return problem.gradient(scale * z[:-1], z[-1])

    jacobian = jax.jit(jax.jacfwd(gradient))

    @jax.jit
    def bent(z, one, other):
        """The second derivative of the gradient along two directions."""
        return jax.jvp(lambda at: jax.jvp(gradient, (at,), (one,))[1], (z,), (other,))[1]

    def bordered(matrix, row):
        size = jnp.max(jnp.abs(matrix))
        return jnp.vstack([matrix / size, row[None, :]]), size

    def improve(state):
        z, length, _, steps = state
        matrix, size = bordered(jacobian(z), constraint)
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
    slopes = jacobian(z)
    hessian = slopes[:, :-1] / scale
    spectrum, vectors = jnp.linalg.eigh(0.5 * (hessian + hessian.T))
    largest = jnp.max(jnp.abs(spectrum))
    matrix, _ = bordered(slopes, before)
    down = jnp.zeros_like(z).at[-1].set(1.0)
    tangent = jnp.linalg.solve(matrix, down)
    tangent = tangent / jnp.linalg.norm(tangent)
    terms = gradient_terms(problem, scale * z[:-1], z[-1])
    slope = vectors[:, 0] @ bent(z, jnp.append(vectors[:, 0], 0.0), tangent) / scale
    factors = lu_factor(slopes[:, :-1])
    velocity = -lu_solve(factors, slopes[:, -1])
    along = jnp.append(velocity, 1.0)
    acceleration = -lu_solve(factors, bent(z, along, along))
    size = jnp.linalg.norm(gradient(z))
    point = Point(
        z=z,
        tangent=tangent,
        eigenvalue=spectrum[0],
        eigenvalue_slope=slope,
        eigenvector=vectors[:, 0],
        largest_eigenvalue=largest,
        gradient_norm=size,
        gradient_terms=terms,
        velocity=scale * velocity,
        acceleration=scale * acceleration,
    )
    rounding = rounding_of(terms + largest * scale, z.dtype)
    finite = jnp.all(jnp.isfinite(z)) & jnp.all(jnp.isfinite(tangent))
    converged = (length <= 1e-10) | (size <= rounding)
    return Correction(point, finite & converged, jnp.linalg.norm(z - predicted))


def corrected_on_host(problem: Problem, predicted, constraint, before, scale, max_steps=_MAX_STEPS):
    """`corrected`, of and with NumPy arrays."""
    # JAX's own arrays, made one by one, would take longer than the program.
    arguments = (
        np.asarray(value, problem.X.dtype) for value in (predicted, constraint, before, scale)
    )
    return jax.tree.map(np.asarray, corrected(problem, *arguments, np.asarray(max_steps)))


def at_weight(problem: Problem, theta, epsilon, scale: float, max_steps: int = 0) -> Correction:
    """The stationary point at a weight near θ by Newton's method, of NumPy arrays; θ as it is, by
    default.
    """
    theta = np.asarray(theta)
    row = np.eye(theta.size + 1)[-1]
    return corrected_on_host(
        problem, np.append(theta / scale, float(epsilon)), row, row, scale, max_steps
    )


def at_weights(
    problem: Problem, theta, epsilons, scale: float, max_steps: int = 0, devices=None, client=None
) -> list[Point]:
    """The points of `at_weight` near each θ, shared out as of `sharing.in_parts`."""
    theta, epsilons = np.asarray(theta), np.asarray(epsilons)
    some = functools.partial(_some, problem, theta, epsilons, scale, max_steps)
    found = whole_or_in_parts(some, len(theta), devices, client)
    found = jax.tree.map(np.asarray, found)
    return [jax.tree.map(lambda leaf, at=at: leaf[at], found) for at in range(len(theta))]


def _some(problem, theta, epsilons, scale, max_steps, places):
    """The points at some places, one array of each of their numbers."""
    points = [
        at_weight(problem, theta[place], epsilons[place], scale, max_steps).point
        for place in places
    ]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *points)
