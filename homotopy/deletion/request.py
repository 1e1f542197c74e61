"""A deletion request: from where, from when and until when, and what its result is judged by."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from homotopy._beside import Beside
from homotopy._checks import ArrayInput, concrete, known_vector, time
from homotopy._display import Displayed, Entries
from homotopy._memory import all_handed_over, handed_over_later, may_wait
from homotopy._module import Module, complete, put_off, waiting_numbers
from homotopy._saving import Saved
from homotopy._wording import described
from homotopy.deletion.terminal_cost import (
    AbstractTerminalCost,
    ParameterDistance,
    as_terminal_cost,
)
from homotopy.flows._flow import default_method
from homotopy.flows._train import train
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.linear import LinearRegression
from homotopy.measurements import AbstractMeasurement
from homotopy.modal_form import known_field, modal_numbers
from homotopy.problem import Problem, a_problem

# Of λT: errors of the default tolerance then grow to one part in a thousand.
_MOST_BACKWARDS = 13.0
_FEW = 64  # parameters up to which the numbers of a request are kept in NumPy too


class Known(NamedTuple):
    """The numbers of a request in NumPy: as the attributes of the same names."""

    theta0: np.ndarray
    start: np.ndarray
    horizon: np.ndarray
    target: np.ndarray | None
    centred_start: np.ndarray | None
    centred_goal: np.ndarray | None


_KNOWN = Beside()


class Request(Displayed, Saved, Module):
    """What a deletion problem is given by, checked: all that its dynamics and bridges know of it.

    What can be asked of it are the methods of `Deletion`, which is one.

    Attributes
    ----------
    problem : Problem
    theta0 : (d,)
        θ₀, at time 0.
    start, horizon : ()
        s and T.
    target : (d,) or None
        What ℰ measures the distance from; None where it measures none.
    method : Exact or Adaptive
    terminal_cost : AbstractTerminalCost
    centred_start : (d,) or None
        With `Exact` only: z(0) − α, θ₀ in modal coordinates centred at the deleted fit α.
    centred_goal : (d,) or None
        The target in the same coordinates: exactly zero but in the kernel where the target is the
        deleted fit.
    """

    problem: Problem
    theta0: Float[Array, " d"]
    start: Float[Array, ""]
    horizon: Float[Array, ""]
    target: Float[Array, " d"] | None
    method: Exact | Adaptive
    terminal_cost: AbstractTerminalCost
    centred_start: Float[Array, " d"] | None
    centred_goal: Float[Array, " d"] | None

    _axes = (("theta0", 1), ("start", 0), ("horizon", 0))

    @complete
    def __init__(
        self,
        problem: Problem,
        theta0: ArrayInput,
        start: ArrayLike,
        horizon: ArrayLike,
        target: ArrayInput | None = None,
        method: Exact | Adaptive | None = None,
        terminal_cost: AbstractTerminalCost | AbstractMeasurement | Callable | None = None,
    ):
        problem = a_problem(problem, rows=False)
        dimension, dtype = problem.dimension, known_field(problem, "X").dtype
        theta0 = _own(known_vector("theta0", theta0, dimension, dtype))
        start, horizon = checked_interval(start, horizon, dtype)
        method = default_method(problem) if method is None else method
        if not isinstance(method, Exact | Adaptive):
            raise TypeError(f"method: expected Exact() or Adaptive(), got {described(method)}.")
        terminal_cost = as_terminal_cost(terminal_cost, problem)
        if target is not None:
            target = _own(known_vector("target", target, dimension, dtype))
        wanted = target is None and terminal_cost.needs_target
        centred_start = centred_goal = None
        if isinstance(method, Exact):
            if not isinstance(problem, LinearRegression):
                method.modal_form(problem)  # says so
            target, centred_start, centred_goal = _placed(problem, theta0, target, wanted)
        elif isinstance(problem, LinearRegression):
            target, _, _ = _placed(problem, theta0, target, wanted)
        elif wanted:
            target = train(problem, jnp.asarray(theta0), 0.0).theta
        # Past `__setattr__`, which takes a tenth of all this. What is centred is computed together
        # and kept: recomputed elsewhere, what does not move would differ in its last digit.
        own = vars(self)
        own.update(problem=problem, method=method, terminal_cost=terminal_cost)
        numbers = Known(theta0, start, horizon, target, centred_start, centred_goal)
        known = {}
        for name, part in zip(Known._fields, numbers, strict=True):
            if isinstance(part, np.ndarray):
                known[name] = part
            else:
                own[name] = part
        everything = all(own.get(name) is None for name in Known._fields)
        if everything and may_wait(known.values()):
            put_off(self, known, numbers, _made_later)
        else:
            own.update(zip(known, all_handed_over(known.values()), strict=True))
            if everything:
                _keep(self, numbers)
        _check_backsolve(self)

    def _entries(self) -> Entries:
        yield "deleted", f"{self.problem.deleted_names} of {self.problem.size}"
        yield "d", self.problem.dimension
        yield "start", float(self.start)
        yield "horizon", float(self.horizon)
        if self.target is not None:
            away = np.linalg.norm(np.asarray(self.theta0) - np.asarray(self.target))
            yield "‖θ₀ − target‖", float(away)
        yield "cost", type(self.terminal_cost).__name__
        yield "method", type(self.method).__name__

    def require_closed_form(self, what: str) -> None:
        """Raise `TypeError` unless ℰ is a distance in parameters and the flow `Exact`.

        What the switching times of linear regression are computed from, to rounding and with
        bounds, by the searches and certificates that `what` names.
        """
        if has_closed_form(self):
            return
        cost, method = type(self.terminal_cost).__name__, type(self.method).__name__
        raise TypeError(
            f"{what}: expected a LinearRegression with Exact() and ParameterDistance(), got a "
            f"{type(self.problem).__name__} with {method}() and {cost}."
        )


def known_numbers(request: Request) -> Known:
    """The numbers of a request that is not being traced."""
    known = waiting_numbers(request) or _KNOWN.get(request)
    if known is None:
        own = vars(request)
        parts = (own[name] for name in Known._fields)
        known = Known(*(None if part is None else np.asarray(part) for part in parts))
    return known


def _made_later(request: Request, numbers: Known) -> dict[str, jax.Array]:
    _keep(request, numbers)
    known = {name: part for name, part in numbers._asdict().items() if part is not None}
    return dict(zip(known, handed_over_later(known.values()), strict=True))


def _keep(request: Request, numbers: Known) -> None:
    if numbers.theta0.size <= _FEW:
        _KNOWN.put(request, numbers)


def has_closed_form(request: Request) -> bool:
    """Whether ℰ is a distance in parameters and the flow `Exact`."""
    return isinstance(request.method, Exact) and isinstance(
        request.terminal_cost, ParameterDistance
    )


def _own(given):
    """A copy of NumPy's arrays, which JAX takes over."""
    return given.copy() if isinstance(given, np.ndarray) else given


def _placed(problem: LinearRegression, theta0, target, wanted: bool):
    """The target, by default where the flow without the deleted points tends to from θ₀; and θ₀ and
    the target in modal coordinates centred at the deleted fit. In NumPy where all is known.
    """
    traced = isinstance(theta0, jax.core.Tracer) or isinstance(target, jax.core.Tracer)
    waiting = waiting_numbers(problem) is not None
    if traced or (not waiting and isinstance(problem.modal.basis, jax.core.Tracer)):
        xp, modal = jnp, problem.modal
        basis, equilibrium, kernel = modal.basis, modal.equilibrium, modal.kernel
    else:
        xp, known = np, modal_numbers(problem)
        basis, equilibrium, kernel = known["basis"], known["equilibrium"], known["kernel"]
    coordinates = theta0 @ basis
    centred = coordinates - equilibrium
    if wanted:
        # Exactly zero but in the kernel: no cancellation with a large deleted fit.
        reached = equilibrium + xp.where(kernel, coordinates, 0.0)
        return basis @ reached, centred, xp.where(kernel, centred, 0.0)
    return target, centred, None if target is None else target @ basis - equilibrium


def checked_interval(start, horizon, dtype):
    """s and T, in NumPy where they are known; `ValueError` with the name unless 0 ≤ s < T."""
    known_start = time("start", start, traceable=True)
    known_horizon = time("horizon", horizon, traceable=True)
    if known_start is not None and known_horizon is not None and not known_horizon > known_start:
        raise ValueError(
            f"horizon: expected a time after start = {known_start:g}, got {known_horizon:g}: "
            "there must be time to forget."
        )
    return tuple(
        jnp.asarray(given, dtype) if known is None else np.asarray(known, dtype)
        for given, known in ((start, known_start), (horizon, known_horizon))
    )


def _check_backsolve(request) -> None:
    """Refuse an adjoint that would integrate an unstable flow, and give some number for ℰ's."""
    if not isinstance(getattr(request.method, "adjoint", None), diffrax.BacksolveAdjoint):
        return
    fastest = request.problem.hessian(request.theta0, 1.0)
    known = concrete(jnp.linalg.norm(fastest, 2) * request.horizon)
    if known is not None and known > _MOST_BACKWARDS:
        raise ValueError(
            f"method: BacksolveAdjoint() runs the flow backwards, where an error grows by the "
            f"factor exp(λT) = exp({known:.3g}); take RecursiveCheckpointAdjoint()."
        )
