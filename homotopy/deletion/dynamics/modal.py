"""The flow of a deletion problem in linear regression: closed form, in modal coordinates."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy.deletion.dynamics.base import AbstractDynamics
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.dynamics.modal_pontryagin import pmp_residual
from homotopy.deletion.terminal_cost import ParameterDistance
from homotopy.flows.method import require_success
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed


class ModalDynamics(AbstractDynamics):
    """States are z − α, modal coordinates centred at the deleted fit."""

    def states(self, schedule, times):
        deletion = self.deletion
        states, status, _ = deletion.method.modal_states(
            deletion.problem.modal,
            jnp.zeros_like(deletion.theta0),
            deletion.centred_start,
            schedule,
            times,
            jnp.where(times[-1] > deletion.horizon, times[-1], deletion.horizon),
        )
        return states, status

    def parameters(self, states):
        modal = self.deletion.problem.modal
        return modal.parameters(jnp.broadcast_to(modal.equilibrium, states.shape) + states)

    def cost(self, state):
        deletion = self.deletion
        if isinstance(deletion.terminal_cost, ParameterDistance):
            return 0.5 * jnp.sum((state - deletion._goal) ** 2)
        return deletion.terminal_cost(deletion.problem, deletion.target, self.parameters(state))

    @eqx.filter_jit
    def final_costate(self, schedule: AbstractSchedule) -> Float[Array, " d"]:
        """p(T), in modal coordinates: θ(T) − target, where that is what ℰ measures."""
        states, status = self.states(schedule, self.deletion.horizon[None])
        return jax.grad(self.cost)(require_success(states, status)[0])

    def costate(self, schedule):
        return ModalCostate(self.deletion, schedule, self.final_costate(schedule))

    def switching_function(self, schedule):
        return ModalSwitchingFunction(self.deletion, schedule, self.costate(schedule))

    def pmp_residual(self, schedule):
        return pmp_residual(self.deletion, schedule)


class ModalCostate(Costate):
    """p(t) of linear regression: in reversed time the same kind of flow as θ(t).

    With the schedule run backwards and nothing to fit, and so by the same propagators.

    Attributes
    ----------
    final : (d,)
        p(T), in modal coordinates.
    """

    final: Float[Array, " d"]

    def modal(self, times: Float[Array, " m"]) -> Float[Array, "m d"]:
        """p at ascending times, in modal coordinates."""
        deletion = self.deletion
        modal = deletion.problem.modal
        nothing_to_fit = eqx.tree_at(
            lambda m: (m.residual, m.mode_residuals, m.kernel_offset),
            modal,
            replace_fn=jnp.zeros_like,
        )
        states, status, _ = deletion.method.modal_states(
            nothing_to_fit,
            jnp.zeros_like(self.final),
            self.final,
            Reversed(self.schedule, deletion.horizon),
            (deletion.horizon - times)[::-1],
            deletion.horizon,
        )
        return require_success(states, status)[::-1]

    @eqx.filter_jit
    def ascending(self, times):
        return self.deletion.problem.modal.parameters(self.modal(times))


class ModalSwitchingFunction(SwitchingFunction):
    """φ(t) = Σ_{i∈G} σ_i v_i of linear regression.

    σ = x_iᵀp is the costate seen by a deleted point and v = x_iᵀθ − y_i its residual.

    Attributes
    ----------
    costate : Costate
    """

    costate: ModalCostate

    @eqx.filter_jit
    def _factors(self, times):
        modal = self.deletion.problem.modal
        sigma = self.costate.modal(times) @ modal.rows.T
        states, status = self.deletion.dynamics.states(self.schedule, times)
        centred = require_success(states, status)
        return jnp.stack([sigma, modal.deleted_residual(centred)], axis=1)

    def sigma(self, t) -> Float[Array, "*m g"]:
        """σ_i(t) = x_iᵀp(t), of every deleted point."""
        return self._at(self._factors, t)[..., 0, :]

    def residual(self, t) -> Float[Array, "*m g"]:
        """v_i(t) = x_iᵀθ(t) − y_i, of every deleted point."""
        return self._at(self._factors, t)[..., 1, :]

    def ascending(self, times):
        factors = self._factors(times)
        return jnp.sum(factors[:, 0, :] * factors[:, 1, :], axis=-1)
