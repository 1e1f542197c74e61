"""What retraining minimises: the re-weighted risk, with or without proximity, and the PBRF's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.evidence import ROUNDINGS, gradient_roundings
from homotopy.minima.objective import AbstractObjective
from homotopy.point_gradients import gradient_norms
from homotopy.problem import Problem


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
            + self.problem.ridge_force(theta)
            + self.proximity * jnp.linalg.norm(theta - self.centre)
        )

    def rounding(self, theta):
        return jnp.sum(self.weights * gradient_roundings(self.problem, theta))


class AtReference(Module):
    """What every point's own part of the PBRF's objective is there, computed once for all changes.

    Attributes
    ----------
    outputs : (n, ...)
    norms, roundings : (n,)
        ‖∇ℓᵢ(θˢ)‖, and what rounding may make of it.
    """

    outputs: Float[Array, "n ..."]
    norms: Float[Array, " n"]
    roundings: Float[Array, " n"]

    def __init__(self, problem, reference):
        self.outputs = problem.predict(reference)
        self.norms = gradient_norms(problem, reference)
        self.roundings = gradient_roundings(problem, reference)


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
    at_reference: AtReference

    def __init__(self, problem, changes, reference, damping, at_reference=None):
        self.problem = problem
        self.changes = changes
        self.reference = reference
        self.damping = damping
        if at_reference is None:
            at_reference = AtReference(problem, reference)
        self.at_reference = at_reference

    @property
    def outputs(self):
        return self.at_reference.outputs

    def __call__(self, theta):
        problem = self.problem
        outputs = problem.predict(theta)
        divergences = jax.vmap(problem.point_loss.bregman)(outputs, self.outputs, problem.targets)
        slopes = jax.vmap(problem.point_loss.gradient)(self.outputs, problem.targets)
        moved = jnp.sum((slopes * (outputs - self.outputs)).reshape(problem.size, -1), axis=1)
        moved_by = theta - self.reference
        near = problem.penalty(moved_by) + 0.5 * self.damping * jnp.sum(moved_by**2)
        return jnp.sum((1.0 + self.changes) * divergences + self.changes * moved) + near

    def gradient_scale(self, theta):
        # The divergences' gradients are of the size of what they balance.
        forced = jnp.sum(jnp.abs(self.changes) * self.at_reference.norms)
        moved = theta - self.reference
        return forced + self.problem.ridge_force(moved) + self.damping * jnp.linalg.norm(moved)

    def value_scale(self, theta, value):
        # Of the changed points' terms, in which f − fˢ cancels.
        slopes = jax.vmap(self.problem.point_loss.gradient)(self.outputs, self.problem.targets)
        terms = jnp.abs(slopes * self.outputs).reshape(self.problem.size, -1)
        return jnp.abs(value) + jnp.sum(jnp.abs(self.changes) * jnp.sum(terms, axis=1))

    def rounding(self, theta):
        # Of differences of gradients, which the deletion of a point that fits well is not above.
        unit = ROUNDINGS * jnp.finfo(theta.dtype).eps
        terms = jnp.sum(self.at_reference.norms)
        return unit * terms + jnp.sum(jnp.abs(self.changes) * self.at_reference.roundings)
