"""The deletion problem as one of optimal control (theory §4)."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.control import ControlAffine
from homotopy.deletion.request import Request
from homotopy.deletion.terminal_cost import AbstractTerminalCost
from homotopy.problem import Problem


class _WithoutThePoint(Module):
    """f₀(θ) = −∇R₋."""

    problem: Problem

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        return -self.problem.gradient(theta, 0.0)


class _OfThePoint(Module):
    """f₁(θ) = −Σ_G ∇ℓ."""

    problem: Problem

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        return -self.problem.deleted_gradient(theta)


class _Terminal(Module):
    """The cost of θ(T)."""

    terminal_cost: AbstractTerminalCost
    problem: Problem
    target: Float[Array, " d"] | None

    def __call__(self, theta: Float[Array, " d"]) -> Float[Array, ""]:
        return self.terminal_cost(self.problem, self.target, theta)


def control_system(request: Request, at_request: Float[Array, " d"]) -> ControlAffine:
    """On [s, T], from θ(s); see `Deletion.control_system`."""
    return _system(request, at_request, request.start)


def from_the_beginning(request: Request) -> ControlAffine:
    """The same from θ₀ at time 0, where the control is to be ε itself: 1 until s."""
    return _system(request, request.theta0, jnp.zeros_like(request.start))


def _system(request, initial, start) -> ControlAffine:
    return ControlAffine(
        drift=_WithoutThePoint(request.problem),
        control_field=_OfThePoint(request.problem),
        cost=_Terminal(request.terminal_cost, request.problem, request.target),
        initial=initial,
        start=start,
        horizon=request.horizon,
    )
