"""The posterior of a linear regression, which is normal, and covariances in it (theory §10.2)."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import linalg

from homotopy._checks import concrete
from homotopy.bayesian.posterior import Target
from homotopy.influence.diagnostics.inputs import is_linear_regression
from homotopy.measurements import AbstractMeasurement
from homotopy.weighted_rows import least_squares_rows

_SINGULAR = 64.0  # units in the last place of the largest eigenvalue, for each dimension
_SPREAD = 30.0  # posterior deviations within which a measurement is to be quadratic
_QUADRATIC = 1e-9  # of the terms of its second-order expansion: what it may miss there


@dataclasses.dataclass(frozen=True)
class GaussianPosterior:
    """A normal law of θ.

    Attributes
    ----------
    mean : (d,)
    deviations : (d, d)
        L with LLᵀ = (βH_w + γ)⁻¹.
    X, y : (n, d), (n,)
        Rows √cᵢ(xᵢ, yᵢ), c the sample weights.
    """

    mean: Float[np.ndarray, " d"]
    deviations: Float[np.ndarray, "d d"]
    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]

    @property
    def covariance(self) -> Float[np.ndarray, "d d"]:
        return self.deviations @ self.deviations.T


def gaussian_posterior(target: Target, sampler: str) -> GaussianPosterior:
    """Of a linear regression; errors that name what is missing.

    Raises
    ------
    ValueError
        Naming `sampler`, of any other problem; or `posterior`, where it is not proper.
    TypeError
        Naming `problem`, where it is being traced.
    """
    problem = target.problem
    if not is_linear_regression(problem):
        raise ValueError(
            f"sampler: {sampler} is for linear models with squared loss, whose posterior is "
            f"normal, got a {type(problem.model).__name__} with {type(problem.loss).__name__}; "
            "NUTS(), MALA() and SGLD() take any."
        )
    rows = least_squares_rows(problem)
    parts = [*rows, target.weights, problem.ridge, target.centre, target.beta, target.localisation]
    known = [concrete(part) for part in parts]
    if any(part is None for part in known):
        raise TypeError("problem: expected concrete numbers, outside jax.jit and jax.vmap.")
    X, y, weights, ridge, centre, beta, localisation = (np.asarray(part, float) for part in known)
    scaled = X * weights[:, None]
    precision = beta * (X.T @ scaled + ridge * np.eye(centre.size)) + localisation * np.eye(
        centre.size
    )
    values, vectors = linalg.eigh(precision)
    if values[0] <= _SINGULAR * centre.size * np.finfo(float).eps * values[-1]:
        raise ValueError(
            "posterior: expected localisation > 0 or a ridge, as the data do not determine all "
            f"parameters and the posterior is not proper, got localisation="
            f"{float(localisation):g}."
        )
    pulled = beta * (scaled.T @ y) + localisation * centre
    mean = vectors @ ((vectors.T @ pulled) / values)
    # One step of refinement: the residual is that of the equations themselves.
    mean = mean + vectors @ ((vectors.T @ (pulled - precision @ mean)) / values)
    return GaussianPosterior(mean, vectors / np.sqrt(values), X, y)


def exact_covariances(
    law: GaussianPosterior, target: Target, measurement: AbstractMeasurement
) -> Float[np.ndarray, "n m"]:
    """Cov(ℓⱼ, φ) = ∇ℓⱼᵀC∇φ + ½tr(∇²ℓⱼ C∇²φC), at the mean, of a quadratic measurement.

    Raises
    ------
    ValueError
        Naming `measurement`, where it is not quadratic within thirty deviations.
    """
    slopes, bends = quadratic_parts(law, target, measurement)
    residuals = law.X @ law.mean - law.y
    seen = law.X @ law.deviations  # (n, d): xⱼᵀL
    first = (residuals[:, None] * seen) @ (slopes @ law.deviations).T
    inner = np.einsum("ad,mde,eb->mab", law.deviations.T, bends, law.deviations)
    return first + 0.5 * np.einsum("na,mab,nb->nm", seen, inner, seen)


def exact_means(
    law: GaussianPosterior, target: Target, measurement: AbstractMeasurement
) -> Float[np.ndarray, " m"]:
    """E φ = φ(mean) + ½tr(∇²φ C) of a quadratic measurement; errors as of the covariances."""
    _, bends = quadratic_parts(law, target, measurement)
    value = np.asarray(_values(measurement, target.problem, jnp.asarray(law.mean)[None])[0])
    return value + 0.5 * np.einsum("mab,ab->m", bends, law.covariance)


def quadratic_parts(
    law: GaussianPosterior, target: Target, measurement: AbstractMeasurement
) -> tuple[Float[np.ndarray, "m d"], Float[np.ndarray, "m d d"]]:
    """∇φ and ∇²φ at the mean, of each output; a `ValueError` where φ has further terms."""
    dtype = target.centre.dtype
    value, slope, bend = _expansion(measurement, target.problem, jnp.asarray(law.mean, dtype))
    value, slope, bend = np.asarray(value), np.asarray(slope), np.asarray(bend)
    steps = np.random.default_rng(0).normal(size=(6, law.mean.size)) @ law.deviations.T
    steps[::2] *= _SPREAD
    found = np.asarray(_values(measurement, target.problem, jnp.asarray(law.mean + steps, dtype)))
    first, second = steps @ slope.T, 0.5 * np.einsum("sa,mab,sb->sm", steps, bend, steps)
    size = np.abs(value) + np.abs(first) + np.abs(second) + np.abs(found)
    if not np.all(np.abs(found - value - first - second) <= _QUADRATIC * size + 1e-300):
        raise ValueError(
            "measurement: expected a quadratic function of θ, of which moments are known in closed "
            "form; GaussianDraws() takes any."
        )
    return slope, bend


@eqx.filter_jit
def _expansion(measurement, problem, mean):
    function = flat_measurement(measurement, problem)
    return function(mean), jax.jacrev(function)(mean), jax.jacfwd(jax.jacrev(function))(mean)


@eqx.filter_jit
def _values(measurement, problem, theta):
    return jax.vmap(flat_measurement(measurement, problem))(theta)


def flat_measurement(measurement: AbstractMeasurement, problem):
    """θ ↦ φ(θ) as a vector."""

    def function(theta: Float[Array, " d"]) -> Float[Array, " m"]:
        none = jnp.zeros(1, int), jnp.zeros(1, theta.dtype)
        return jnp.ravel(measurement(problem, theta, *none))

    return function


def measured_shape(measurement: AbstractMeasurement, target: Target) -> tuple[int, ...]:
    """Of what is measured; () for a number."""
    none = jnp.zeros(1, int), jnp.zeros(1, target.centre.dtype)
    found = eqx.filter_eval_shape(measurement, target.problem, target.centre, *none)
    return found.shape
