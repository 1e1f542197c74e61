"""The costate and the switching function of a schedule, as functions of time (theory §4)."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array, concrete
from homotopy.schedules import AbstractSchedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from homotopy.deletion.deletion import Deletion


class _TimeFunction(eqx.Module):
    """A function on [0, T], evaluated at any times, in any order."""

    deletion: Deletion
    schedule: AbstractSchedule

    @abc.abstractmethod
    def ascending(self, times: Float[Array, " m"]) -> Float[Array, "m ..."]:
        """At ascending times."""

    def _at(self, function, t: ArrayInput):
        """Apply a function of ascending times (m,) to times of any shape."""
        times = array("t", t, "times", dtype=self.deletion.theta0.dtype)
        known, horizon = concrete(times), concrete(self.deletion.horizon)
        if known is not None and horizon is not None:
            if not np.all((known >= 0) & (known <= horizon)):
                raise ValueError(f"t: expected times in [0, {horizon:g}], got {known}.")
        flat = times.reshape(-1)
        order = jnp.argsort(flat)
        values = function(flat[order])
        values = jnp.zeros_like(values).at[order].set(values)
        return values.reshape(*times.shape, *values.shape[1:])


class Costate(_TimeFunction):
    """p(t): how ℰ answers to a displacement of θ at time t.

    It obeys ṗ = ∇²R_ε p, and p(T) is the gradient of the terminal cost: θ(T) − target for a
    distance in parameters. Call it with a time or an array of times, for p of shape (..., d).

    Attributes
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
    """

    def __call__(self, t: ArrayInput) -> Float[Array, "*m d"]:
        return self._at(self.ascending, t)


class SwitchingFunction(_TimeFunction):
    """φ(t) = p·Σ_G∇ℓ: where it is positive, ε = 1 lowers ℰ, and where negative, ε = 0.

    For linear regression it is Σ_{i∈G} σ_i v_i, and `sigma` and `residual` give the factors. Call
    it with a time or an array of times.

    Attributes
    ----------
    deletion : Deletion
    schedule : AbstractSchedule
    """

    def __call__(self, t: ArrayInput) -> Float[Array, "*m"]:
        return self._at(self.ascending, t)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """φ against time, with the schedule's switch times."""
        from homotopy.plotting.switching import draw_switching_function

        return draw_switching_function(self, ax, **options)
