"""How the flow of a deletion problem is followed: in closed form or by a solver."""

from __future__ import annotations

import abc

import numpy as np
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.request import Request
from homotopy.flows.method import FlowStatus
from homotopy.schedules import AbstractSchedule


class AbstractDynamics(Module):
    """θ(t) under a schedule, in coordinates of its own, and the adjoint of its end."""

    request: Request

    @abc.abstractmethod
    def states(
        self, schedule: AbstractSchedule, times: Float[Array, " m"]
    ) -> tuple[Float[Array, "m d"], FlowStatus]:
        """States at ascending times in [0, T], and how the computation ended."""

    def known_costs(
        self, schedule: AbstractSchedule, times: Float[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m d"], FlowStatus] | None:
        """Terminal costs at times, the states, and how it ended, where nothing is compiled for it.

        None where a program has to be, and where something is being traced.
        """
        return None

    def known_step_costs(
        self, taus: Float[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]] | None:
        """ℰ(1_[0,τ]) and its derivative at some τ, where nothing is compiled; None as above."""
        return None

    def known_value_and_gradient(
        self, schedule: AbstractSchedule
    ) -> tuple[Float[np.ndarray, ""] | np.floating, AbstractSchedule] | None:
        """ℰ and its derivative in the schedule, where little is compiled for it; None as above."""
        return None

    @abc.abstractmethod
    def parameters(self, states: Float[Array, "*m d"]) -> Float[Array, "*m d"]:
        """θ of states."""

    @abc.abstractmethod
    def cost(self, state: Float[Array, " d"]) -> Float[Array, ""]:
        """The terminal cost of a state."""

    @abc.abstractmethod
    def costate(self, schedule: AbstractSchedule) -> Costate:
        """p(t), a function of time."""

    @abc.abstractmethod
    def switching_function(self, schedule: AbstractSchedule) -> SwitchingFunction:
        """φ(t), a function of time."""

    @abc.abstractmethod
    def pmp_residual(self, schedule: AbstractSchedule) -> float:
        """See `Deletion.pmp_residual`."""
