"""The deletion problem as one of optimal control (theory §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.control import ControlAffine
from homotopy.problem import Problem
from homotopy.schedules import Constant

if TYPE_CHECKING:
    from homotopy.unlearning.deletion import Deletion


class _WithoutThePoint(eqx.Module):
    """f₀(θ) = −∇R₋."""

    problem: Problem

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        return -self.problem.gradient(theta, 0.0)


class _OfThePoint(eqx.Module):
    """f₁(θ) = −Σ_G ∇ℓ."""

    problem: Problem

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        return -self.problem.deleted_gradient(theta)


class _Distance(eqx.Module):
    """½‖θ − target‖²."""

    target: Float[Array, " d"]

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        return 0.5 * jnp.sum((theta - self.target) ** 2)


def control_system(deletion: Deletion) -> ControlAffine:
    """See `Deletion.control_system`."""
    modal = deletion.problem.modal
    centred = deletion.centred_states(Constant(1.0), deletion.start[None])[0]
    return ControlAffine(
        drift=_WithoutThePoint(deletion.problem),
        control_field=_OfThePoint(deletion.problem),
        cost=_Distance(deletion.target),
        initial=modal.parameters(centred + modal.equilibrium),
        start=deletion.start,
        horizon=deletion.horizon,
    )
