"""The deletion problem as one of optimal control (theory §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.control import ControlAffine
from homotopy.deletion.terminal_cost import AbstractTerminalCost
from homotopy.flows.method import require_success
from homotopy.problem import Problem
from homotopy.schedules import Constant

if TYPE_CHECKING:
    from homotopy.deletion.deletion import Deletion


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


class _Terminal(eqx.Module):
    """The cost of θ(T)."""

    terminal_cost: AbstractTerminalCost
    problem: Problem
    target: Float[Array, " d"] | None

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        return self.terminal_cost(self.problem, self.target, theta)


def control_system(deletion: Deletion) -> ControlAffine:
    """See `Deletion.control_system`."""
    return _system(deletion, _at_request(deletion), deletion.start)


@eqx.filter_jit
def _at_request(deletion):
    """θ(s)."""
    states, status = deletion.dynamics.states(Constant(1.0), deletion.start[None])
    return deletion.dynamics.parameters(require_success(states, status))[0]


def from_the_beginning(deletion: Deletion) -> ControlAffine:
    """The same from θ₀ at time 0, where the control is to be ε itself: 1 until s."""
    return _system(deletion, deletion.theta0, jnp.zeros_like(deletion.start))


def _system(deletion, initial, start) -> ControlAffine:
    return ControlAffine(
        drift=_WithoutThePoint(deletion.problem),
        control_field=_OfThePoint(deletion.problem),
        cost=_Terminal(deletion.terminal_cost, deletion.problem, deletion.target),
        initial=initial,
        start=start,
        horizon=deletion.horizon,
    )
