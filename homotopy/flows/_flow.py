"""θ(t) under a schedule: the verb `flow` and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, flag, known_vector
from homotopy._display import Entries, largest, span
from homotopy._module import Module
from homotopy._progress import clock, shown
from homotopy._result import Result
from homotopy._status import Reported, require_success
from homotopy._tables import Table
from homotopy._threads import interruptible_unless_traced
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.flows.method import (
    AbstractMethod,
    FlowStatus,
    a_method,
    finite_status,
)
from homotopy.flows.solver_choice import choose
from homotopy.linear import LinearRegression
from homotopy.numerics.kept_arrays import kept_in_jax
from homotopy.numerics.namespace import AnyArray, in_numpy
from homotopy.problem import Problem, a_problem
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule

_MANY = 1000
# Made once: a method's own checks take a tenth of a millisecond.
_EXACT, _ADAPTIVE, _CHOSEN = Exact(), Adaptive(), Adaptive(solver=None)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Trajectory(Result, Reported, Module):
    """θ(t), with the evidence of how it was computed.

    Attributes
    ----------
    times : (m,)
    theta : (m, d)
    status : FlowStatus
    stats : dict
        Counts of the work: steps, rejected steps, eigenproblems, gradient evaluations; of explicit
        solvers looks at |∇²R|, each a product with the Hessian. Where the solver was left to be
        chosen, `solver`, a `SolverKind`, and `stiffness`, |∇²R₁(θ₀)|T.
    problem, schedule, theta0, method
        What was asked.
    """

    times: Float[Array, " m"]
    theta: Float[Array, "m d"]
    status: FlowStatus
    stats: dict
    problem: Problem
    schedule: AbstractSchedule
    theta0: Float[Array, " d"]
    method: AbstractMethod

    _axes = (("theta", 2), ("times", 1), ("theta0", 1))

    def _entries(self) -> Entries:
        names = self._names.parameter_names(self.theta.shape[1])
        yield "times", span(self.times)
        yield "θ₀", largest(self.theta0, names)
        yield "θ(T)", largest(self.theta[-1], names)
        yield "schedule", repr(self.schedule)
        yield "method", type(self.method).__name__
        yield "status", self.status

    def _table(self) -> Table:
        theta = np.asarray(self.theta)
        names = self._names.parameter_names(theta.shape[1])
        columns = list(zip(names, theta.T, strict=True))
        return Table(columns, [("time", np.asarray(self.times))], about="θ(t)", spread=True)

    def evaluate(self, times: ArrayInput) -> Float[Array, "m d"]:
        """θ at other times, computed anew by the same method (not interpolated)."""
        return flow(self.problem, self.schedule, self.theta0, times, method=self.method).theta

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The path in the parameter plane (d = 2), or each coordinate against time.

        In the plane it starts at a dot, θ₀, whatever the first time asked for, and a square marks
        the last time; against time, dotted vertical lines mark the switch times of the schedule.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.trajectory import draw_trajectory

        switches = self.schedule.breakpoints
        numbers = map(np.asarray, (self.times, self.theta, self.theta0, switches))
        return draw_trajectory(*numbers, ax, names=self._names.own_parameters, **options)


def flow(
    problem: Problem,
    schedule: AbstractSchedule,
    theta0: ArrayInput,
    times: ArrayInput,
    *,
    method: AbstractMethod | None = None,
    throw: bool = True,
    progress: bool | None = None,
) -> Trajectory:
    """Gradient flow θ̇ = −∇R_{ε(t)}(θ), θ(0) = θ₀, under a schedule ε(t) (theory §3).

    Parameters
    ----------
    problem : Problem
    schedule : AbstractSchedule
        The weight ε(t) of the deleted points.
    theta0 : (d,)
        θ₀, at time 0.
    times : (m,)
        Ascending, ≥ 0; where θ is wanted.
    method : AbstractMethod, optional
        `Exact()` (the default for linear regression), `Adaptive()` (the default otherwise,
        of 1,000 parameters and more with `solver=None`, so that it is chosen by stiffness),
        `GradientDescent(step_size)`, `StochasticGradientDescent(step_size, batch_size)`.
    throw : bool
        Raise where the method does not succeed; otherwise say so in the status.
    progress : bool, optional
        By default a line shows the time that it has taken, in a terminal or a notebook, after two
        seconds; True shows it always, False never.

    Returns
    -------
    Trajectory
        Differentiable in θ₀, the times and all parameters of the schedule; works under `jax.jit`
        and `jax.vmap`.

    Raises
    ------
    TypeError
        Naming `problem`, `schedule` or `method`.
    ValueError
        Naming `theta0` (wrong length, not finite) or `times` (empty, negative, descending).
    RuntimeError
        With the status, where `throw` and the method did not succeed.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> path = hm.flow(problem, hm.Step(1.0), [2.0], [0.0, 1.0, 50.0])
    >>> [round(x, 4) for x in path.theta[:, 0].tolist()]
    [2.0, 0.703, 0.0]
    """
    theta0 = a_problem(problem, rows=False).parameters(theta0)
    a_schedule(schedule)
    times = checked_times(times, theta0.dtype)
    flag("throw", throw)
    shown(progress)
    method = default_method(problem) if method is None else a_method(method)
    choice = {}
    if isinstance(method, Adaptive) and method.solver is None:
        solver, choice = choose(problem, theta0, times[-1], method.rtol)
        method = Adaptive(method.rtol, method.atol, solver, method.max_steps, method.adjoint)
    found = _known_states(method, problem, schedule, theta0, times)
    if found is None:
        arguments = method, problem, schedule, theta0, times
        with clock(progress, "following the flow", arguments):
            found = interruptible_unless_traced(_states, *arguments)
    theta, status, stats = found
    if throw:
        theta = require_success(theta, status)
    return Trajectory(times, theta, status, stats | choice, problem, schedule, theta0, method)


def _known_states(method, problem, schedule, theta0, times):
    """As `_states`, at once, where the flow has a closed form and its numbers are known."""
    if not isinstance(method, Exact) or not isinstance(problem, LinearRegression):
        return None
    known = in_numpy((theta0, times))
    if known is None or in_numpy((schedule, problem.modal)) is None:
        return None
    with np.errstate(all="ignore"):
        theta, status, stats = method.states(problem, schedule, *known)
    if not np.all(np.isfinite(theta)) and bool(status == FlowStatus.successful):
        status = FlowStatus.diverged
    steps = jnp.asarray(stats["collocation_steps"])
    return jnp.asarray(theta, theta0.dtype), status, {"collocation_steps": steps}


@eqx.filter_jit
def _states(method, problem, schedule, theta0, times):
    theta, status, stats = method.states(problem, schedule, theta0, times)
    return theta, finite_status(theta, status), stats


def default_method(problem: Problem) -> AbstractMethod:
    """`Exact` for linear regression, `Adaptive` for every other problem.

    Of many parameters its solver is chosen by stiffness: there the measurement costs nothing beside
    the flow.
    """
    if isinstance(problem, LinearRegression):
        return _EXACT
    return _ADAPTIVE if problem.dimension < _MANY else _CHOSEN


def checked_times(times: ArrayInput, dtype) -> Float[Array, " m"]:
    """Ascending, finite, non-negative times as a vector; `ValueError` otherwise."""
    known = known_times(times, dtype)
    given = isinstance(known, np.ndarray) and isinstance(times, jax.Array) and times.dtype == dtype
    return times if given else in_jax(known)


def known_times(times: ArrayInput, dtype) -> Float[AnyArray, " m"]:
    """As `checked_times`, in NumPy where they are known."""
    times = known_vector("times", times, None, dtype)
    known = concrete(times)
    if known is None and times.size > 1:
        return eqx.error_if(times, times[1:] < times[:-1], "times: expected ascending times.")
    _require_ascending(known)
    return times


def in_jax(times: Float[AnyArray, " m"]) -> Float[Array, " m"]:
    """Times that were checked, in JAX."""
    return kept_in_jax(times) if isinstance(times, np.ndarray) else times


def _require_ascending(known: np.ndarray | None) -> None:
    if known is not None:
        if known[0] < 0:
            raise ValueError(f"times: expected times >= 0, got {known[0]:g}.")
        falls = known[1:] < known[:-1]
        if falls.any():
            place = int(falls.argmax())
            before, after = known[place : place + 2]
            raise ValueError(
                f"times: expected ascending times, got {after:g} in entry {place + 1}, after "
                f"{before:g}."
            )
