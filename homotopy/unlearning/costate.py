"""The costate and the switching function of a schedule, as functions of time (theory §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete
from homotopy.flow.method import require_success
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.reversed import Reversed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from homotopy.unlearning.deletion import Deletion


class _TimeFunction(eqx.Module):
    """A function on [0, T], evaluated exactly at any times, in any order."""

    deletion: Deletion
    schedule: AbstractSchedule

    def _at(self, function, t: ArrayInput):
        """Apply a function of ascending times (m,) to times of any shape."""
        known, horizon = concrete(t), concrete(self.deletion.horizon)
        if known is not None and horizon is not None:
            if not np.all((known >= 0) & (known <= horizon)):
                raise ValueError(f"t: expected times in [0, {horizon:g}], got {known}.")
        times = jnp.asarray(t, self.deletion.theta0.dtype)
        flat = times.reshape(-1)
        order = jnp.argsort(flat)
        values = function(flat[order])
        values = jnp.zeros_like(values).at[order].set(values)
        return values.reshape(*times.shape, *values.shape[1:])


class Costate(_TimeFunction):
    """p(t): how ℰ answers to a displacement of θ at time t.

    It obeys ṗ = ∇²R_ε p with p(T) = θ(T) − target: in reversed time the same kind of flow, with
    the schedule run backwards and nothing to fit, and so computed by the same propagators.
    Call it with a time or an array of times, for p of shape (..., d).

    Attributes
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
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
    def _parameters(self, times):
        return self.deletion.problem.modal.parameters(self.modal(times))

    def __call__(self, t: ArrayInput) -> Float[Array, "*m d"]:
        return self._at(self._parameters, t)


class SwitchingFunction(_TimeFunction):
    """φ(t) = Σ_{i∈G} σ_i v_i: where it is positive, ε = 1 lowers ℰ, and where negative, ε = 0.

    σ = x_iᵀp is the costate seen by a deleted point and v = x_iᵀθ − y_i its residual. Call it with
    a time or an array of times.

    Attributes
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
    costate : Costate
    """

    costate: Costate

    @eqx.filter_jit
    def _factors(self, times):
        modal = self.deletion.problem.modal
        sigma = self.costate.modal(times) @ modal.rows.T
        centred = self.deletion.centred_states(self.schedule, times)
        return jnp.stack([sigma, modal.deleted_residual(centred)], axis=1)

    def sigma(self, t: ArrayInput) -> Float[Array, "*m g"]:
        """σ_i(t) = x_iᵀp(t), of every deleted point."""
        return self._at(self._factors, t)[..., 0, :]

    def residual(self, t: ArrayInput) -> Float[Array, "*m g"]:
        """v_i(t) = x_iᵀθ(t) − y_i, of every deleted point."""
        return self._at(self._factors, t)[..., 1, :]

    def __call__(self, t: ArrayInput) -> Float[Array, "*m"]:
        factors = self._at(self._factors, t)
        return jnp.sum(factors[..., 0, :] * factors[..., 1, :], axis=-1)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """φ against time, with the schedule's switch times."""
        from homotopy.plotting.switching import draw_switching_function

        return draw_switching_function(self, ax, **options)
