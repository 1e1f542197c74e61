"""The deletion problem: reach θ*₋ by the horizon, choosing when the deleted points count."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete
from homotopy.control import ControlAffine
from homotopy.flow.exact import Exact
from homotopy.flow.method import require_success
from homotopy.flow.propagator import piecewise_states
from homotopy.linear import LinearRegression
from homotopy.schedules import AbstractSchedule, Membership
from homotopy.unlearning.control_system import control_system
from homotopy.unlearning.costate import Costate, SwitchingFunction
from homotopy.unlearning.pontryagin import pmp_residual


class Deletion(eqx.Module):
    """ℰ(ε) = ½‖θ(T) − θ*₋‖² over schedules E_s = {ε = 1 on [0, s], ε = 0 from T on} (theory §4).

    The flow θ̇ = −∇R_{ε(t)}(θ) starts at θ₀ at time 0 with all the data; the deletion request
    comes at `start` s, and the result is judged at `horizon` T.

    Parameters
    ----------
    problem : LinearRegression
    theta0 : (d,)
    start : float
        s ≥ 0.
    horizon : float
        T > s.
    target : (d,), optional
        The deleted fit θ*₋ by default: the limit of the flow from θ₀ without the deleted points,
        which where M = H₋ is singular keeps the part of θ₀ that no retained point sees.
    method : Exact
        Its tolerance is that of schedules that vary continuously.

    Raises
    ------
    TypeError
        For a problem that is not a `LinearRegression`.
    ValueError
        Naming `theta0`, `target`, `start` (negative) or `horizon` (T ≤ s).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [0.0], start=0.0, horizon=1.0)
    >>> float(deletion.cost(hm.Step(0.0)))
    0.0
    >>> round(float(deletion.cost(hm.Constant(1.0))), 6)  # ½ (½ (1 − e⁻²))²
    0.093456
    """

    problem: LinearRegression
    theta0: Float[Array, " d"]
    start: Float[Array, ""]
    horizon: Float[Array, ""]
    target: Float[Array, " d"]
    method: Exact
    # z(0) − α, and the target, in modal coordinates centred at the deleted fit α. Computed together
    # and kept: recomputed elsewhere, what does not move would differ in its last digit.
    centred_start: Float[Array, " d"]
    _goal: Float[Array, " d"]

    def __init__(
        self,
        problem: LinearRegression,
        theta0: ArrayInput,
        start: ArrayLike,
        horizon: ArrayLike,
        target: ArrayInput | None = None,
        method: Exact | None = None,
    ):
        if not isinstance(problem, LinearRegression):
            raise TypeError(
                f"problem: Deletion needs a LinearRegression, got {type(problem).__name__}."
            )
        self.problem = problem
        self.theta0 = problem.parameters(theta0)
        self.start, self.horizon = _checked_interval(start, horizon, self.theta0.dtype)
        self.method = Exact() if method is None else method
        modal = problem.modal
        self.centred_start = modal.coordinates(self.theta0) - modal.equilibrium
        if target is None:
            self.target = problem.deleted_fit(self.theta0)
            # Exactly zero but in the kernel: no cancellation with a large deleted fit.
            self._goal = jnp.where(modal.kernel, self.centred_start, 0.0)
        else:
            if np.shape(target) != (problem.dimension,):
                raise ValueError(
                    f"target: expected a vector of length {problem.dimension}, got shape "
                    f"{np.shape(target)}."
                )
            known = concrete(target)
            if known is not None and not np.all(np.isfinite(known)):
                raise ValueError("target: expected finite numbers, got NaN or infinity.")
            self.target = jnp.asarray(target, self.theta0.dtype)
            self._goal = modal.coordinates(self.target) - modal.equilibrium

    def centred_states(
        self, schedule: AbstractSchedule, times: Float[Array, " m"]
    ) -> Float[Array, "m d"]:
        """z(t) − α in modal coordinates at ascending times in [0, T]."""
        modal = self.problem.modal
        origin = jnp.zeros_like(self.theta0)
        states, status, _ = self.method.modal_states(
            modal, origin, self.centred_start, schedule, times, self.horizon
        )
        return require_success(states, status)

    @eqx.filter_jit
    def final_distance(self, schedule: AbstractSchedule) -> Float[Array, " d"]:
        """θ(T) − target, in modal coordinates: p(T)."""
        return self.centred_states(schedule, self.horizon[None])[0] - self._goal

    @eqx.filter_jit
    def cost(self, schedule: AbstractSchedule) -> Float[Array, ""]:
        """ℰ(ε) = ½‖θ(T) − target‖², of any schedule (admissible or not)."""
        return 0.5 * jnp.sum(self.final_distance(schedule) ** 2)

    @eqx.filter_jit
    def value_and_gradient(
        self, schedule: AbstractSchedule
    ) -> tuple[Float[Array, ""], AbstractSchedule]:
        """ℰ and its exact derivative in every parameter of the schedule.

        The gradient has the structure of the schedule: `gradient.switches`, `gradient.values` and
        so on hold the derivatives in the fields of that name. In a switch time from ε to ε' it is
        (ε' − ε) φ. Parameters past the horizon have derivative zero; at it, the one from inside.
        """
        return eqx.filter_value_and_grad(lambda given: self.cost(given))(schedule)

    def membership(self, schedule: AbstractSchedule) -> Membership:
        """Whether the schedule lies in E_s, and why not."""
        return schedule.membership(self.start, self.horizon)

    def costate(self, schedule: AbstractSchedule) -> Costate:
        """p(t) on [0, T]: ṗ = ∇²R_ε p, p(T) = θ(T) − target; a function of time."""
        return Costate(self, schedule, self.final_distance(schedule))

    def switching_function(self, schedule: AbstractSchedule) -> SwitchingFunction:
        """φ(t) = p·Σ_G∇ℓ = Σ_G σ v on [0, T]; δℰ/δε(t) = −φ(t); a function of time."""
        return SwitchingFunction(self, schedule, self.costate(schedule))

    def pmp_residual(self, schedule: AbstractSchedule) -> float:
        """By how much a schedule fails Pontryagin's condition, from 0 (an extremal) to 1.

        The condition: ε = 1 where φ > 0 and ε = 0 where φ < 0 (theory §4). The residual is

            ∫ₛᵀ |φ(t)| |ε(t) − 1[φ(t) > 0]| dt  /  ∫ₛᵀ |φ(t)| dt:

        the part of what ℰ could gain to first order, relative to the gain of turning every
        weight over. It has no unit, however small ℰ is. Zero where φ vanishes, and where the
        target is met to rounding, where φ is nothing but rounding. Not traceable.
        """
        return pmp_residual(self, schedule)

    @property
    def control_system(self) -> ControlAffine:
        """The problem as any other of optimal control: θ̇ = f₀ + ε f₁ on [s, T], cost at T.

        f₀ = −∇R₋ and f₁ = −Σ_G∇ℓ, from the θ(s) that training with all the data has reached; for
        the tools of `homotopy.control`, which know nothing of data. Times are those of the
        deletion. The gradient flow is followed by a Runge–Kutta method there, not exactly.
        """
        return control_system(self)

    @eqx.filter_jit
    def final_state(self, switch: ArrayInput) -> Float[Array, "*m d"]:
        """θ(T, τ), the end of the flow under 1_[0,τ] (the notes' (0.9)), for τ of any shape."""
        switch = jnp.asarray(switch, self.theta0.dtype)
        modal = self.problem.modal

        def end(tau):
            # `where`, not `minimum`, which halves the derivative of a switch at the horizon.
            switch = jnp.where(tau <= self.horizon, tau, self.horizon)
            edges = jnp.stack([jnp.zeros_like(tau), switch, self.horizon])
            return piecewise_states(
                modal,
                modal.equilibrium,
                modal.coordinates(self.theta0),
                edges,
                (1.0, 0.0),
                self.horizon[None],
            )[0]

        states = jax.vmap(end)(switch.reshape(-1))
        return modal.parameters(states).reshape(*switch.shape, -1)


def _checked_interval(start, horizon, dtype):
    known_start, known_horizon = concrete(start), concrete(horizon)
    for name, known in (("start", known_start), ("horizon", known_horizon)):
        if known is not None and not (known.ndim == 0 and np.isfinite(known) and known >= 0):
            raise ValueError(f"{name}: expected a finite time >= 0, got {known}.")
    if known_start is not None and known_horizon is not None and not known_horizon > known_start:
        raise ValueError(
            f"horizon: expected a time after start = {known_start:g}, got {known_horizon:g}: "
            "there must be time to forget."
        )
    return jnp.asarray(start, dtype), jnp.asarray(horizon, dtype)
