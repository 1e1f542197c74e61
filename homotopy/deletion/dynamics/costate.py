"""The costate and the switching function of a schedule, as functions of time (theory §4)."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array, concrete
from homotopy._display import Entries
from homotopy._module import Module
from homotopy._result import Names, Result, names_of
from homotopy._tables import Table
from homotopy.deletion.request import Request
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.sampling import sampling_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _TimeFunction(Result, Module):
    """A function on [0, T], evaluated at any times, in any order."""

    request: Request
    schedule: AbstractSchedule

    def _is_one(self) -> bool:
        return super()._is_one() and self.request._is_one()

    @property
    def _names(self) -> Names:
        return names_of(self.request.problem)

    def _entries(self) -> Entries:
        yield "deleted", self.request.problem.deleted_names
        yield "schedule", repr(self.schedule)
        yield "start", float(self.request.start)
        yield "horizon", float(self.request.horizon)

    def _evenly(self) -> np.ndarray:
        """Times for a table, with those of the switches."""
        horizon = float(self.request.horizon)
        switches = np.clip(np.asarray(self.schedule.breakpoints), 0.0, horizon)
        return np.union1d(np.linspace(0.0, horizon, 65), switches)

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Times from 0 to T that show it, and its values."""
        times = sampling_times(self.schedule, float(self.request.horizon))
        return times, np.asarray(self(times))

    @abc.abstractmethod
    def ascending(self, times: Float[Array, " m"]) -> Float[Array, "m ..."]:
        """At ascending times."""

    def _at(self, function, t: ArrayInput):
        """Apply a function of ascending times (m,) to times of any shape."""
        times = array("t", t, "times", dtype=self.request.theta0.dtype)
        known, horizon = concrete(times), concrete(self.request.horizon)
        if known is not None and horizon is not None:
            if not np.all((known >= 0) & (known <= horizon)):
                raise ValueError(f"t: expected times in [0, {horizon:g}], got {known}.")
        flat = times.reshape(-1)
        if known is not None and np.all(np.diff(known.reshape(-1)) >= 0.0):
            values = function(flat)
        else:
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
    request : Request
    schedule : AbstractSchedule
    """

    def __call__(self, t: ArrayInput) -> Float[Array, "*m d"]:
        return self._at(self.ascending, t)

    def _table(self) -> Table:
        times = self._evenly()
        values = np.asarray(self(times))
        columns = zip(self._names.parameter_names(values.shape[1]), values.T, strict=True)
        return Table(list(columns), [("time", times)], about="p(t)", spread=True)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Each coordinate of p(t) on [0, T], with the schedule's switch times, dotted.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.costate import draw_costate

        switches, names = np.asarray(self.schedule.breakpoints), self._names.own_parameters
        return draw_costate(*self._sampled(), switches, ax, names, **options)


class SwitchingFunction(_TimeFunction):
    """φ(t) = p·Σ_G∇ℓ: where it is positive, ε = 1 lowers ℰ, and where negative, ε = 0.

    For linear regression it is Σ_{i∈G} σ_i v_i, and `sigma` and `residual`, or both at once
    `factors`, give the factors. Call it with a time or an array of times.

    Attributes
    ----------
    request : Request
    schedule : AbstractSchedule
    """

    def __call__(self, t: ArrayInput) -> Float[Array, "*m"]:
        return self._at(self.ascending, t)

    def factors(self, t: ArrayInput) -> tuple[Float[Array, "*m g"], Float[Array, "*m g"]]:
        """v and σ of every deleted point, whose products sum to φ.

        There are none, g = 0, of a model that is not linear in θ.
        """
        none = self._at(lambda times: jnp.zeros((times.size, 0), times.dtype), t)
        return none, none

    def _table(self) -> Table:
        times = self._evenly()
        columns = [("φ", np.asarray(self(times))), ("ε", np.asarray(self.schedule(times)))]
        return Table(columns, [("time", times)], about="φ(t) and ε(t)", spread=True)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """φ(t) on [0, T], with its sign as a background and the schedule's switch times, dotted.

        Where the background is orange (φ > 0), raising ε lowers ℰ; where it is blue (φ < 0),
        lowering ε does. Before the deletion request at s nothing can be chosen, and it is grey.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.switching import draw_switching_function

        times, values = self._sampled()
        switches = np.asarray(self.schedule.breakpoints)
        start = float(self.request.start)
        return draw_switching_function(times, values, start, switches, ax, **options)
