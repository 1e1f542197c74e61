"""The local posterior: the law of θ that a risk and a point of reference define (theory §10)."""

from __future__ import annotations

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from homotopy._checks import non_negative, positive
from homotopy._display import DisplayedByFields
from homotopy._module import Module
from homotopy.bayesian.mass import Root, pulled_back, stretched
from homotopy.measurements import AbstractMeasurement
from homotopy.models import LinearModel
from homotopy.problem import Problem


class LocalPosterior(DisplayedByFields, Module):
    """p(θ) ∝ exp(−β R(θ; w) − (γ/2)‖θ − θ_ref‖²), around the θ that a verb is given.

    R is the sum risk with its ridge, at the weights w, one for each point. For quadratic R it is
    normal with covariance β⁻¹(H + δ)⁻¹, where δ = γ/β is what `damping` is elsewhere (theory §10).

    Parameters
    ----------
    beta : float
        β > 0, the inverse temperature: one for Bayes' posterior of losses that are negative
        log-likelihoods; the larger, the nearer is Bayesian influence to the influence function.
    localisation : float
        γ ≥ 0. Without it and without a ridge the law of a network is not proper.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.LocalPosterior(beta=10.0, localisation=2.0).damping
    0.2
    """

    beta: float
    localisation: float

    def __init__(self, beta: float = 1.0, localisation: float = 1.0):
        self.beta = positive("beta", beta)
        self.localisation = non_negative("localisation", localisation)

    @property
    def damping(self) -> float:
        """δ = γ/β, on the scale of the sum risk."""
        return self.localisation / self.beta


class Target(Module):
    """What is sampled: the local posterior of a problem around `centre`, at weights of its points.

    Attributes
    ----------
    problem : Problem
    centre : (d,)
        θ_ref.
    weights : (n,)
    beta, localisation : ()
    """

    problem: Problem
    centre: Float[Array, " d"]
    weights: Float[Array, " n"]
    beta: Float[Array, ""]
    localisation: Float[Array, ""]

    def risk(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """R(θ; w)."""
        return self.problem.weighted_risk(theta, self.weights)

    def log_density(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """−βR(θ; w) − (γ/2)‖θ − θ_ref‖², the logarithm of the density but for a constant."""
        return -self.beta * self.risk(theta) - self._pull(theta)

    def _pull(self, theta):
        return 0.5 * self.localisation * jnp.sum((theta - self.centre) ** 2)

    def gradient_estimate(
        self, theta: Float[Array, " d"], key: PRNGKeyArray, batch_size: int | None
    ) -> Float[Array, " d"]:
        """∇ log p, or its estimate from points that are drawn with replacement: without bias."""
        if batch_size is None:
            return jax.grad(self.log_density)(theta)
        problem = self.problem
        rows = jax.random.randint(key, (batch_size,), 0, problem.size)
        X, y, share = problem.X[rows], problem.targets[rows], self.weights[rows]

        def log_density(at):
            def loss(x, target):
                return problem.point_loss.value(problem.model(at, x), target)

            data = problem.size / batch_size * jnp.sum(share * jax.vmap(loss)(X, y))
            return -self.beta * (data + problem.penalty(at)) - self._pull(at)

        return jax.grad(log_density)(theta)


class WholeParameters(AbstractMeasurement):
    """θ itself, (d,)."""

    def __call__(self, problem, theta, rows, amounts):
        return theta


class WholeRisk(AbstractMeasurement):
    """R(θ; w)."""

    weights: Float[Array, " n"]

    def __call__(self, problem, theta, rows, amounts):
        return problem.weighted_risk(theta, self.weights)


def target_of(
    problem: Problem, theta: Float[Array, " d"], posterior: LocalPosterior, weights=None
) -> Target:
    """The posterior of a problem around θ; a warning where it may not be proper."""
    dtype = problem.X.dtype
    whole = jnp.ones(problem.size, dtype) if weights is None else jnp.asarray(weights, dtype)
    flat = not isinstance(problem.model, LinearModel) and not np.all(np.asarray(problem.ridge) > 0)
    if posterior.localisation == 0.0 and flat:
        warnings.warn(
            "localisation: without one and without a ridge the posterior of a "
            f"{type(problem.model).__name__} is not proper where the risk stays bounded: its "
            "chains never settle.",
            stacklevel=3,
        )
    beta, localisation = posterior.beta, posterior.localisation
    return Target(problem, theta, whole, jnp.asarray(beta, dtype), jnp.asarray(localisation, dtype))


@eqx.filter_jit
def largest_curvature(target: Target, root: Root = None, steps: int = 40) -> Float[Array, ""]:
    """An estimate, from below, of the largest |eigenvalue| of −∇² log p at the centre.

    By so many steps of the power method: what the step of a Langevin chain must not exceed. With
    the root A of an inverse mass of −Aᵀ(∇² log p)A.
    """
    start = jax.random.normal(jax.random.key(0), target.centre.shape, target.centre.dtype)

    def step(_, vector):
        vector = vector / jnp.linalg.norm(vector)
        along = stretched(root, vector)
        bent = jax.jvp(jax.grad(target.log_density), (target.centre,), (along,))[1]
        return -pulled_back(root, bent)

    return jnp.linalg.norm(jax.lax.fori_loop(0, steps, step, start))
