"""What retraining minimises: the re-weighted risk, with or without proximity, and the PBRF's."""

from __future__ import annotations

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.influence.curvature import point_gradients
from homotopy.problem import Problem

_ROUNDINGS = 32.0  # units in the last place that a number of zero may have
_BATCH = 2**20  # numbers in the gradients that are worked on together


class AbstractObjective(eqx.Module):
    """A function of θ, and how large the terms are that cancel in its gradient."""

    @abc.abstractmethod
    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """Its value."""

    @abc.abstractmethod
    def gradient_scale(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """The sum of the norms of the gradient's terms."""

    @abc.abstractmethod
    def rounding(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """What the gradient's norm may be from rounding alone."""

    def value_scale(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        """The size of the terms of its value, whose rounding the value's is."""
        return jnp.abs(self(theta))


class ProximalRisk(AbstractObjective):
    """R(θ; w) + (δ/2)‖θ − c‖²: the re-weighted risk; δ > 0 keeps θ near c."""

    problem: Problem
    weights: Float[Array, " n"]
    centre: Float[Array, " d"]
    proximity: Float[Array, ""]

    def __call__(self, theta):
        near = 0.5 * self.proximity * jnp.sum((theta - self.centre) ** 2)
        return self.problem.weighted_risk(theta, self.weights) + near

    def gradient_scale(self, theta):
        return (
            jnp.sum(self.weights * gradient_norms(self.problem, theta))
            + self.problem.ridge * jnp.linalg.norm(theta)
            + self.proximity * jnp.linalg.norm(theta - self.centre)
        )

    def rounding(self, theta):
        return jnp.sum(self.weights * gradient_roundings(self.problem, theta))


class ProximalBregman(AbstractObjective):
    """Σ Dᵢ(f(θ; xᵢ), f(θˢ; xᵢ)) + Σ Δwᵢ ℓᵢ(θ) + ((ρ + δ)/2)‖θ − θˢ‖² (theory §5), but a constant.

    As ℓᵢ = Dᵢ + ∇ℓᵢ(θˢ)·(f − fˢ) + ℓᵢ(θˢ), that is Σ (1 + Δwᵢ) Dᵢ + Σ Δwᵢ ∇ℓᵢ(θˢ)·(f − fˢ) and
    the last term: for a deletion, linear in the deleted point's output, and bounded from below
    whatever the loss. The ridge's own Bregman divergence is (ρ/2)‖θ − θˢ‖².
    """

    problem: Problem
    changes: Float[Array, " n"]
    reference: Float[Array, " d"]
    damping: Float[Array, ""]
    outputs: Float[Array, "n ..."]

    def __init__(self, problem, changes, reference, damping, outputs=None):
        self.problem = problem
        self.changes = changes
        self.reference = reference
        self.damping = damping
        self.outputs = problem.predict(reference) if outputs is None else outputs

    def __call__(self, theta):
        problem = self.problem
        outputs = problem.predict(theta)
        divergences = jax.vmap(problem.loss.bregman)(outputs, self.outputs, problem.y)
        slopes = jax.vmap(problem.loss.gradient)(self.outputs, problem.y)
        moved = jnp.sum((slopes * (outputs - self.outputs)).reshape(problem.size, -1), axis=1)
        strength = problem.ridge + self.damping
        near = 0.5 * strength * jnp.sum((theta - self.reference) ** 2)
        return jnp.sum((1.0 + self.changes) * divergences + self.changes * moved) + near

    def gradient_scale(self, theta):
        # The divergences' gradients are of the size of what they balance.
        forced = jnp.sum(jnp.abs(self.changes) * gradient_norms(self.problem, self.reference))
        strength = self.problem.ridge + self.damping
        return forced + strength * jnp.linalg.norm(theta - self.reference)

    def value_scale(self, theta):
        # Of the changed points' terms, in which f − fˢ cancels.
        slopes = jax.vmap(self.problem.loss.gradient)(self.outputs, self.problem.y)
        terms = jnp.abs(slopes * self.outputs).reshape(self.problem.size, -1)
        return jnp.abs(self(theta)) + jnp.sum(jnp.abs(self.changes) * jnp.sum(terms, axis=1))

    def rounding(self, theta):
        # Of differences of gradients, which the deletion of a point that fits well is not above.
        unit = _ROUNDINGS * jnp.finfo(theta.dtype).eps
        terms = jnp.sum(gradient_norms(self.problem, self.reference))
        changed = jnp.abs(self.changes) * gradient_roundings(self.problem, self.reference)
        return unit * terms + jnp.sum(changed)


def gradient_norms(problem: Problem, theta: Float[Array, " d"]) -> Float[Array, " n"]:
    """‖∇ℓ_i(θ)‖ of every point."""
    return _of_every_point(
        problem, lambda row: jnp.linalg.norm(point_gradients(problem, theta, row[None])[0])
    )


def gradient_roundings(problem: Problem, theta: Float[Array, " d"]) -> Float[Array, " n"]:
    """What rounding may leave of ∇ℓ_i(θ) = Jᵢᵀ∂ℓᵢ/∂ŷ where it is zero, of every point.

    Of a point that is fitted exactly ∂ℓᵢ/∂ŷ is the difference of numbers that cancel: of the size
    of Wᵢŷᵢ and of ∂ℓᵢ/∂ŷ at ŷ = 0, W = ∂²ℓ/∂ŷ², which for the squared loss are ŷ and y. And ŷ
    carries the rounding of ‖Jᵢ‖‖θ‖. 32 units in the last place of those, times ‖Jᵢ‖.
    """
    size = jnp.linalg.norm(theta)

    def of(row):
        x, y = problem.X[row], problem.y[row]
        output = problem.model(theta, x)
        slope = jnp.linalg.norm(jax.jacrev(lambda at: problem.model(at, x))(theta))
        curvature = jnp.linalg.norm(problem.loss.hessian(output, y))
        target = jnp.linalg.norm(problem.loss.gradient(jnp.zeros_like(output), y))
        return slope * (curvature * (jnp.linalg.norm(output) + slope * size) + target)

    return _ROUNDINGS * jnp.finfo(theta.dtype).eps * _of_every_point(problem, of)


def _of_every_point(problem, function):
    """In blocks of a bounded number of numbers."""
    batch = max(1, _BATCH // problem.dimension)
    if batch >= problem.size:
        return jax.vmap(function)(jnp.arange(problem.size))
    return jax.lax.map(function, jnp.arange(problem.size), batch_size=batch)
