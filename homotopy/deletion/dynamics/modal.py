"""The flow of a deletion problem in linear regression: closed form, in modal coordinates."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._status import known_success, require_success
from homotopy.deletion.dynamics.base import AbstractDynamics
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.dynamics.known_gradient import known_value_and_gradient
from homotopy.deletion.dynamics.known_steps import known_step_costs
from homotopy.deletion.dynamics.modal_pontryagin import relative_residual
from homotopy.deletion.request import Request
from homotopy.deletion.terminal_cost import ParameterDistance
from homotopy.numerics.namespace import AnyArray, in_numpy
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed


class ModalDynamics(AbstractDynamics):
    """States are z − α, modal coordinates centred at the deleted fit."""

    def states(self, schedule, times):
        request = self.request
        states, status, _ = request.method.modal_states(
            request.problem.modal,
            jnp.zeros_like(request.theta0),
            request.centred_start,
            schedule,
            times,
            jnp.where(times[-1] > request.horizon, times[-1], request.horizon),
        )
        return states, status

    def known_costs(self, schedule, times):
        request = self.request
        known = in_numpy((request.centred_start, request.centred_goal, request.horizon, times))
        modal = in_numpy(request.problem.modal)
        distance = isinstance(request.terminal_cost, ParameterDistance)
        if not distance or known is None or modal is None or in_numpy(schedule) is None:
            return None
        start, goal, horizon, times = known
        with np.errstate(all="ignore"):
            states, status, _ = request.method.modal_states(
                modal, np.zeros_like(start), start, schedule, times, max(times[-1], horizon)
            )
            return 0.5 * np.sum((states - goal) ** 2, axis=1), states, status

    def known_step_costs(self, taus):
        if not isinstance(self.request.terminal_cost, ParameterDistance):
            return None
        return known_step_costs(self.request, taus)

    def known_value_and_gradient(self, schedule):
        if not isinstance(self.request.terminal_cost, ParameterDistance):
            return None
        return known_value_and_gradient(self.request, schedule)

    def parameters(self, states):
        modal = self.request.problem.modal
        return modal.parameters(jnp.broadcast_to(modal.equilibrium, states.shape) + states)

    def cost(self, state):
        request = self.request
        if isinstance(request.terminal_cost, ParameterDistance):
            return 0.5 * jnp.sum((state - request.centred_goal) ** 2)
        return request.terminal_cost(request.problem, request.target, self.parameters(state))

    def final_costate(self, schedule: AbstractSchedule) -> Float[Array, " d"]:
        """p(T), in modal coordinates: θ(T) − target, where that is what ℰ measures."""
        request = self.request
        goal = in_numpy(request.centred_goal)
        if goal is not None and isinstance(request.terminal_cost, ParameterDistance):
            ends = known_states(request, request.centred_start, schedule, request.horizon[None])
            if ends is not None:
                return jnp.asarray(ends[0] - goal)
        return self._traced_final_costate(schedule)

    @eqx.filter_jit
    def _traced_final_costate(self, schedule):
        states, status = self.states(schedule, self.request.horizon[None])
        return jax.grad(self.cost)(require_success(states, status)[0])

    def costate(self, schedule):
        return ModalCostate(self.request, schedule, self.final_costate(schedule))

    def switching_function(self, schedule):
        return ModalSwitchingFunction(self.request, schedule, self.costate(schedule))

    def pmp_residual(self, schedule):
        switching = self.switching_function(schedule)
        if self._is_rounding(schedule, switching.costate.final):
            return 0.0
        return relative_residual(switching)

    def _is_rounding(self, schedule, final) -> bool:
        """Whether p(T) is no more than what rounding the schedule and θ₀ makes of it."""
        shift, request = 2.0**-30, self.request

        def moved_apart(leaf):
            """With signs in turn: what switches from 0 to 1 and from 1 to 0 do must not cancel."""
            if not eqx.is_inexact_array(leaf):
                return leaf
            signs = 1.0 - 2.0 * (np.arange(leaf.size).reshape(leaf.shape) % 2)
            return jnp.asarray(np.asarray(leaf) * (1.0 + shift * signs), leaf.dtype)

        shifted = jax.tree.map(moved_apart, schedule)
        # θ₀ and the deleted fit are each rounded, and what counts is their difference.
        start = np.asarray(request.centred_start)
        fit = np.asarray(request.problem.modal.equilibrium)
        moved_start = start + shift * np.sign(start) * (np.abs(start) + np.abs(fit))
        elsewhere = eqx.tree_at(
            lambda dynamics: dynamics.request.centred_start,
            self,
            jnp.asarray(moved_start, start.dtype),
        )
        moved, final = np.asarray(elsewhere.final_costate(shifted)), np.asarray(final)
        unit = 4.0 * np.finfo(moved.dtype).eps
        if not all(schedule.constant_pieces):
            unit += request.method.tolerance
        rounding = unit * np.linalg.norm(moved - final) / shift
        return bool(np.linalg.norm(final) <= rounding)


def known_states(
    request: Request,
    start: Float[AnyArray, " d"],
    schedule: AbstractSchedule,
    times: Float[AnyArray, " m"],
    at_rest: bool = False,
) -> Float[np.ndarray, "m d"] | None:
    """z − α of numbers that are known, by NumPy and at once; `at_rest` with nothing to fit.

    None where something is traced, and where the flow does not come to its end: JAX says why.
    """
    known = in_numpy((request.problem.modal, start, times, request.horizon))
    if known is None or in_numpy(schedule) is None or times.size == 0:
        return None
    modal, start, times, horizon = known
    with np.errstate(all="ignore"):
        states, status, _ = request.method.modal_states(
            modal.nothing_to_fit() if at_rest else modal,
            np.zeros_like(start),
            start,
            schedule,
            times,
            max(times[-1], horizon),
        )
    return states if known_success(status) and np.isfinite(states).all() else None


class ModalCostate(Costate):
    """p(t) of linear regression: in reversed time the same kind of flow as θ(t).

    With the schedule run backwards and nothing to fit, and so by the same propagators.

    Attributes
    ----------
    final : (d,)
        p(T), in modal coordinates.
    """

    _called = False  # but by the name of its kind

    final: Float[Array, " d"]

    def modal(self, times: Float[Array, " m"]) -> Float[Array, "m d"]:
        """p at ascending times, in modal coordinates."""
        request = self.request
        modal = request.problem.modal
        states, status, _ = request.method.modal_states(
            modal.nothing_to_fit(),
            jnp.zeros_like(self.final),
            self.final,
            Reversed(self.schedule, request.horizon),
            (request.horizon - times)[::-1],
            request.horizon,
        )
        return require_success(states, status)[::-1]

    def known_modal(self, times: Float[AnyArray, " m"]) -> Float[np.ndarray, "m d"] | None:
        """The same of numbers that are known, by NumPy; else None."""
        known = in_numpy((self.request.horizon, times))
        if known is None:
            return None
        horizon, times = known
        backwards, mirrored = Reversed(self.schedule, horizon), (horizon - times)[::-1]
        states = known_states(self.request, self.final, backwards, mirrored, at_rest=True)
        return None if states is None else states[::-1]

    def ascending(self, times):
        states = self.known_modal(times)
        if states is None:
            return self._traced(times)
        return jnp.asarray(in_numpy(self.request.problem.modal).parameters(states))

    @eqx.filter_jit
    def _traced(self, times):
        return self.request.problem.modal.parameters(self.modal(times))


class ModalSwitchingFunction(SwitchingFunction):
    """φ(t) = Σ_{i∈G} σ_i v_i of linear regression.

    σ = x_iᵀp is the costate seen by a deleted point and v = x_iᵀθ − y_i its residual.

    Attributes
    ----------
    costate : Costate
    """

    _called = False  # but by the name of its kind

    costate: ModalCostate

    def _factors(self, times):
        known = self._known_factors(times)
        return self._traced_factors(times) if known is None else jnp.asarray(known)

    def _known_factors(self, times):
        costates = self.costate.known_modal(times)
        states = known_states(self.request, self.request.centred_start, self.schedule, times)
        if costates is None or states is None:
            return None
        modal = in_numpy(self.request.problem.modal)
        return np.stack([costates @ modal.rows.T, modal.deleted_residual(states)], axis=1)

    @eqx.filter_jit
    def _traced_factors(self, times):
        modal = self.request.problem.modal
        sigma = self.costate.modal(times) @ modal.rows.T
        states, status = ModalDynamics(self.request).states(self.schedule, times)
        centred = require_success(states, status)
        return jnp.stack([sigma, modal.deleted_residual(centred)], axis=1)

    def sigma(self, t) -> Float[Array, "*m g"]:
        """σ_i(t) = x_iᵀp(t), of every deleted point."""
        return self._at(self._factors, t)[..., 0, :]

    def residual(self, t) -> Float[Array, "*m g"]:
        """v_i(t) = x_iᵀθ(t) − y_i, of every deleted point."""
        return self._at(self._factors, t)[..., 1, :]

    def factors(self, t):
        both = self._at(self._factors, t)
        return both[..., 1, :], both[..., 0, :]

    def ascending(self, times):
        known = self._known_factors(times)
        factors = self._traced_factors(times) if known is None else known
        return jnp.asarray((factors[:, 0, :] * factors[:, 1, :]).sum(axis=-1))
