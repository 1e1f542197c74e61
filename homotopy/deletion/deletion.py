"""The deletion problem: reach θ*₋ by the horizon, choosing when the deleted points count."""

from __future__ import annotations

import warnings
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, array, concrete, instance
from homotopy._status import require_success
from homotopy._wording import described
from homotopy.control import ControlAffine
from homotopy.deletion.bridges.control_affine import control_system
from homotopy.deletion.dynamics.base import AbstractDynamics
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.dynamics.modal import ModalDynamics
from homotopy.deletion.dynamics.parameters import ParameterDynamics
from homotopy.deletion.request import Request
from homotopy.flows.exact import Exact
from homotopy.flows.method import FlowStatus
from homotopy.schedules import AbstractSchedule, Constant, Membership, Step
from homotopy.schedules.base import a_schedule


class Deletion(Request):
    """ℰ(ε) = ½‖θ(T) − θ*₋‖² over schedules E_s = {ε = 1 on [0, s], ε = 0 from T on} (theory §4).

    The flow θ̇ = −∇R_{ε(t)}(θ) starts at θ₀ at time 0 with all the data; the deletion request
    comes at `start` s, and the result is judged at `horizon` T.

    Parameters
    ----------
    problem : Problem
    theta0 : (d,)
    start : float
        s ≥ 0.
    horizon : float
        T > s.
    target : (d,), optional
        The deleted fit θ*₋ by default: the limit of the flow from θ₀ without the deleted points.
        In linear regression with a singular M = H₋ it keeps the part of θ₀ that no retained point
        sees; for other models it is where `train(problem, theta0, 0.0)` ends.
    method : AbstractMethod
        `Exact()`, whose tolerance is that of schedules that vary continuously, for linear
        regression; `Adaptive()` for every other problem, and for linear regression on request. Its
        `adjoint` is how ℰ is differentiated.
    terminal_cost : AbstractTerminalCost, AbstractMeasurement or callable
        What ℰ measures at T: `ParameterDistance()`, the default; `PredictionDistance(X)`; or what
        has no target: `TestLoss(X, y)`, `OwnLoss()` (the loss of the deleted points), or any
        function from θ (d,) to a scalar.

    Raises
    ------
    TypeError
        Naming `problem`, `method` or `terminal_cost`, where it is none.
    ValueError
        Naming `theta0`, `target`, `start` (negative), `horizon` (T ≤ s) or `terminal_cost`.
    RuntimeError
        Where no target is given, and training without the deleted points ends at no minimum.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> deletion = hm.Deletion(problem, [0.0], start=0.0, horizon=1.0)
    >>> float(deletion.cost(hm.Step(0.0)))
    0.0
    >>> round(float(deletion.cost(hm.Step(1.0))), 6)  # ½ (½ (1 − e⁻²))²
    0.093456
    """

    @property
    def dynamics(self) -> AbstractDynamics:
        """How the flow is followed: in closed form, or by the solver that `method` names."""
        exact = isinstance(self.method, Exact)
        return ModalDynamics(self) if exact else ParameterDynamics(self)

    def outcome(self, schedule: AbstractSchedule) -> tuple[Float[Array, ""], FlowStatus]:
        """ℰ, and how its computation ended; differentiable, and compiled by the caller."""
        dynamics = self.dynamics
        states, status = dynamics.states(schedule, self.horizon[None])
        return dynamics.cost(states[0]), status

    def cost(
        self,
        schedule: AbstractSchedule,
        outside: Literal["warn", "allow", "raise"] = "warn",
    ) -> Float[Array, ""]:
        """ℰ(ε), the terminal cost of θ(T), of any schedule, admissible or not.

        Parameters
        ----------
        schedule : AbstractSchedule
        outside : {"warn", "allow", "raise"}
            What to do about a schedule outside of E_s, which is no way to carry out the deletion:
            its ℰ is not to be compared with those of others. A warning or a `ValueError` says what
            is wrong with it, as `membership` does. A schedule that is being traced is not looked
            at.

        Raises
        ------
        TypeError
            Naming `schedule`.
        ValueError
            Naming `outside`; or `schedule`, where it is outside of E_s and that is to raise.
        """
        a_schedule(schedule)
        if not isinstance(outside, str) or outside not in ("warn", "allow", "raise"):
            raise ValueError(
                f"outside: expected 'warn', 'allow' or 'raise', got {described(outside)}."
            )
        if outside != "allow":
            _check_membership(self, schedule, outside)
        known = None
        if (horizon := concrete(self.horizon)) is not None:
            known = self.dynamics.known_costs(schedule, horizon[None])
        if known is None:
            return self._cost(schedule)
        costs, _, status = known
        return require_success(jnp.asarray(costs[0], self.theta0.dtype), status)

    @eqx.filter_jit
    def _cost(self, schedule: AbstractSchedule) -> Float[Array, ""]:
        return require_success(*self.outcome(schedule))

    def value_and_gradient(
        self, schedule: AbstractSchedule
    ) -> tuple[Float[Array, ""], AbstractSchedule]:
        """ℰ and its exact derivative in every parameter of the schedule.

        The gradient has the structure of the schedule: `gradient.switches`, `gradient.values` and
        so on hold the derivatives in the fields of that name. In a switch time from ε to ε' it is
        (ε' − ε) φ. Parameters past the horizon have derivative zero; at it, the one from inside.
        """
        known = self.dynamics.known_value_and_gradient(a_schedule(schedule))
        if known is None:
            return self._value_and_gradient(schedule)
        return jnp.asarray(known[0], self.theta0.dtype), known[1]

    @eqx.filter_jit
    def _value_and_gradient(self, schedule):
        return eqx.filter_value_and_grad(lambda given: self._cost(given))(schedule)

    def membership(self, schedule: AbstractSchedule) -> Membership:
        """Whether the schedule lies in E_s, and why not."""
        return a_schedule(schedule).membership(self.start, self.horizon)

    def costate(self, schedule: AbstractSchedule) -> Costate:
        """p(t) on [0, T]: ṗ = ∇²R_ε p, p(T) = ∇ℰ(θ(T)); a function of time."""
        return self.dynamics.costate(a_schedule(schedule))

    def switching_function(self, schedule: AbstractSchedule) -> SwitchingFunction:
        """φ(t) = p·Σ_G∇ℓ on [0, T]; δℰ/δε(t) = −φ(t); a function of time."""
        return self.dynamics.switching_function(a_schedule(schedule))

    def pmp_residual(self, schedule: AbstractSchedule) -> float:
        """By how much a schedule fails Pontryagin's condition, from 0 (an extremal) to 1.

        The condition: ε = 1 where φ > 0 and ε = 0 where φ < 0 (theory §4). The residual is

            ∫ₛᵀ |φ(t)| |ε(t) − 1[φ(t) > 0]| dt  /  ∫ₛᵀ ‖p(t)‖ ‖Σ_G∇ℓ(θ(t))‖ dt:

        by how much ℰ falls, to first order, on the way to the best other weights, relative to what
        it could at most; the same as of any problem of optimal control,
        `homotopy.control.PontryaginResidual`. It has no unit, however small ℰ is. Zero where φ
        vanishes, and where the target is met to rounding, where φ is nothing but rounding. Not
        traceable.
        """
        return self.dynamics.pmp_residual(a_schedule(schedule))

    @property
    def control_system(self) -> ControlAffine:
        """The problem as any other of optimal control: θ̇ = f₀ + ε f₁ on [s, T], cost at T.

        f₀ = −∇R₋ and f₁ = −Σ_G∇ℓ, from the θ(s) that training with all the data has reached; for
        the tools of `homotopy.control`, which know nothing of data. Times are those of the
        deletion. The gradient flow is followed by a Runge–Kutta method there, not exactly.
        """
        return control_system(self, self._at_request())

    @eqx.filter_jit
    def _at_request(self):
        """θ(s)."""
        states, status = self.dynamics.states(Constant(1.0), self.start[None])
        return self.dynamics.parameters(require_success(states, status))[0]

    def final_state(self, switch: ArrayInput) -> Float[Array, "*m d"]:
        """θ(T, τ), the end of the flow under 1_[0,τ] (the notes' (0.9)), for τ ≥ 0 of any shape."""
        switch = array("switch", switch, "times", dtype=self.theta0.dtype)
        known = concrete(switch)
        if known is not None and np.any(known < 0):
            raise ValueError(f"switch: expected times >= 0, got {np.min(known):g}.")
        return self._final_state(switch)

    @eqx.filter_jit
    def _final_state(self, switch):
        def end(tau):
            states, status = self.dynamics.states(Step(tau), self.horizon[None])
            return self.dynamics.parameters(require_success(states, status))[0]

        return jax.vmap(end)(switch.reshape(-1)).reshape(*switch.shape, -1)


def a_deletion(value, name: str = "deletion") -> Deletion:
    """The value if it is a `Deletion`; a `TypeError` otherwise."""
    return instance(
        name, value, Deletion, "a Deletion, as Deletion(problem, theta0, start=0.0, horizon=1.0)"
    )


def _check_membership(deletion, schedule, outside) -> None:
    """Warn of a schedule that is known to lie outside of E_s, or refuse it."""
    own = vars(deletion)
    leaves = jax.tree.leaves((schedule, own["start"], own["horizon"]))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        return
    found = deletion.membership(schedule)
    if found:
        return
    message = f"schedule: {found.reason}; it is outside of E_s, no way to carry out this deletion"
    if outside == "raise":
        raise ValueError(f"{message}.")
    remedy = "cost(schedule, outside='allow') if that is meant"
    # Past `cost` and what Equinox makes of a method.
    warnings.warn(f"{message}: {remedy}.", stacklevel=4)
