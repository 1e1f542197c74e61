"""Influence in training time: ∂θ(t; w)/∂w_j at w = 1, for one point or for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, flag, known_vector, row_numbers
from homotopy._display import Entries, largest, span
from homotopy._memory import handed_over
from homotopy._module import Module
from homotopy._progress import clock, shown
from homotopy._result import Result, in_order, named
from homotopy._status import Reported, require_success
from homotopy._tables import Table
from homotopy._threads import interruptible_unless_traced
from homotopy.flows._flow import default_method, in_jax, known_times
from homotopy.flows.adaptive import Adaptive
from homotopy.flows.exact import Exact
from homotopy.flows.known_sensitivity import known_sensitivity
from homotopy.flows.method import (
    AbstractMethod,
    FlowStatus,
    a_method,
    finite_status,
    first_failure,
    of_each,
)
from homotopy.flows.seen_points import seen_points
from homotopy.numerics.exponentials import decay_integral, divided_difference
from homotopy.numerics.kept_arrays import kept_in_jax
from homotopy.numerics.namespace import in_numpy
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers
from homotopy.weighted_rows import least_squares_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BATCH = 2**20  # numbers in the d × d matrices of the times that are computed together


class Sensitivity(Result, Reported, Module):
    """S_j(t) = ∂θ(t; w)/∂w_j at w = 1.

    Attributes
    ----------
    times : (m,)
    points : (k,)
        Row numbers j.
    derivative : (m, k, d)
        A small change δ of the weight of point j moves θ(t) by δ S_j(t); deletion is δ = −1.
    status : FlowStatus
    """

    times: Float[Array, " m"]
    points: Int[Array, " k"]
    derivative: Float[Array, "m k d"]
    status: FlowStatus

    _axes = (("derivative", 3), ("times", 1), ("points", 1))

    def _sizes(self) -> np.ndarray:
        return np.linalg.norm(np.asarray(self.derivative), axis=2)

    def _entries(self) -> Entries:
        names = [str(name) for name in self._names.rows_of(self.points)]
        yield "times", span(self.times)
        yield "points", len(names)
        yield "d", self.derivative.shape[2]
        yield "‖S_j(T)‖", largest(self._sizes()[-1], names)
        yield "status", self.status

    def _table(self) -> Table:
        derivative, sizes = np.asarray(self.derivative), self._sizes()
        times, points, dimension = derivative.shape
        names = self._names.parameter_names(dimension)
        columns = list(zip(names, derivative.reshape(-1, dimension).T, strict=True))
        index = [
            ("time", np.repeat(np.asarray(self.times), points)),
            (self._names.row_heading, self._names.rows_of(self.points) * times),
        ]
        last = (times - 1) * points
        order = np.concatenate([last + in_order(sizes[-1]), np.arange(last)])
        about = "S_j(t), the last time first, its largest first"
        return Table([("‖S_j‖", sizes.reshape(-1)), *columns], index, order, about)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """‖S_j(t)‖ of each point against time; of one parameter S_j(t), with its sign.

        The largest at the last time have a colour and a name, the others are grey.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.lines import draw_lines

        single = self.derivative.shape[2] == 1
        values = np.asarray(self.derivative)[..., 0] if single else self._sizes()
        names = [self._names.row(point) for point in np.asarray(self.points)]
        label = "sensitivity $S_j(t)$" if single else "sensitivity ‖$S_j(t)$‖"
        return draw_lines(
            np.asarray(self.times), values, names, "training time t", label, ax, **options
        )


def sensitivity(
    problem: Problem,
    theta0: ArrayInput,
    times: ArrayInput,
    *,
    points: ArrayInput | None = None,
    method: AbstractMethod | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> Sensitivity:
    """How the training trajectory on all data depends on the weight of each point (theory §3).

    S_j solves Ṡ = −∇²R S − ∇ℓ_j(θ(t)), S(0) = 0, along the flow of R_1 from θ₀. For t → ∞ it
    tends to the influence function θ̇(1) = −(∇²R)⁻¹∇ℓ_j(θ*).

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta0 : (d,)
    times : (m,)
        Ascending, ≥ 0.
    points : int, sequence of int or (n,) of bool, optional
        Row numbers, or a mask of them; all n by default.
    method : AbstractMethod, optional
        `Exact()` (the default for linear regression): closed form, O(n d²) a time for all points.
        `Adaptive()`: the variational equation, integrated together with the flow.
    throw : bool
        Raise where the method does not succeed.
    devices : int or sequence of jax.Device, optional
        Points are shared out over them, a part at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Points are shared out over its processes. Either way `Exact()` differs by roundings, and
        `Adaptive()`, whose steps suit the points that it follows together, by its tolerance.
    progress : bool, optional
        By default a line shows the time that it has taken, in a terminal or a notebook, after two
        seconds; True shows it always, False never.

    Raises
    ------
    ValueError
        Naming `theta0`, `times`, `points`, `devices` or `client`.
    TypeError
        Naming `problem`, `devices`, `client`, `progress` or `method`, which must not be one in
        discrete time.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> late = hm.sensitivity(problem, [0.0], [60.0]).derivative
    >>> [round(x, 6) for x in late[0, :, 0].tolist()]
    [-0.25, 0.25]
    """
    dtype = a_problem(problem).X.dtype
    theta0 = known_vector("theta0", theta0, problem.dimension, dtype)
    times = known_times(times, dtype)
    every, points = points is None, checked_points(points, problem.size)
    flag("throw", throw)
    shown(progress)
    method = default_method(problem) if method is None else a_method(method)
    if not isinstance(method, Exact | Adaptive):
        raise TypeError(
            f"method: expected Exact() or Adaptive(), got {type(method).__name__}: sensitivities "
            "are defined along the gradient flow."
        )
    devices, client = checked_workers(devices, client)
    with clock(progress, "following the sensitivities", (problem, theta0, times)):
        if devices is None and client is None:
            found = _derivative(problem, theta0, times, points, method, every)
            derivative, status = found
        else:
            part = partial(_some, problem, theta0, times, np.asarray(points), method)
            derivative, statuses = in_parts(part, points.size, devices, client)
            derivative, status = jnp.moveaxis(derivative, 0, 1), first_failure(statuses)
    if throw:
        derivative = require_success(derivative, status)
    if isinstance(derivative, np.ndarray):
        derivative = handed_over(derivative)
    return named(Sensitivity(in_jax(times), points, derivative, status), problem)


def _derivative(problem, theta0, times, points, method, every=False):
    dtype = theta0.dtype
    if isinstance(method, Adaptive):
        arguments = method, problem, jnp.asarray(theta0, dtype), in_jax(times), points
        return interruptible_unless_traced(_variational, *arguments)
    modal = method.modal_form(problem)
    known = in_numpy((theta0, times, None if every else points))
    if known is not None and dtype == jnp.float64 and jax.default_backend() == "cpu":
        theta, when, which = known
        seen = seen_points(problem, modal, which)
        if seen is not None:
            derivative, finite = known_sensitivity(seen, theta, when)
            return derivative, FlowStatus.successful if finite else FlowStatus.diverged
    X, y = least_squares_rows(problem)
    arguments = modal, X[points], y[points], jnp.asarray(theta0, dtype), in_jax(times)
    return interruptible_unless_traced(_exact_sensitivity, *arguments)


def _some(problem, theta0, times, points, method, places):
    """Of the points at some places, with a leading axis of them."""
    derivative, status = _derivative(problem, theta0, times, jnp.asarray(points[places]), method)
    return np.moveaxis(np.asarray(derivative), 1, 0), of_each(status, len(places))


@eqx.filter_jit
def _exact_sensitivity(modal, X, y, theta0, times):
    """As `known_sensitivity`, to be compiled and differentiated."""
    one = jnp.ones((), times.dtype)
    fit = modal.equilibrium + modal.displacement(one)
    rates, rotation = modal.full.eigenvalues, modal.full.rotation
    amplitudes = rotation.T @ (modal.coordinates(theta0) - fit)
    observed, residuals = modal.seen_by(X, y)

    def at(time):
        pairs = divided_difference(rates[:, None], rates[None, :], time)
        transient = (observed * amplitudes[None, :]) @ pairs.T
        steady = residuals[:, None] * decay_integral(rates, time)[None, :]
        return observed * (steady - transient)

    components = jax.lax.map(at, times, batch_size=max(1, _BATCH // rates.size**2))
    derivative = components @ (modal.basis @ rotation).T
    return derivative, finite_status(derivative)


@eqx.filter_jit
def _variational(method, problem, theta0, times, points):
    size, count = theta0.shape[0], points.shape[0]
    field = eqx.Partial(_variation, problem, points)
    start = jnp.concatenate([theta0, jnp.zeros(count * size, theta0.dtype)])
    packed, status, _ = method.integrate(field, Constant(1.0), start, times)
    status = finite_status(packed, status)
    return packed[:, size:].reshape(times.shape[0], count, size), status


def _variation(problem, points, packed, epsilon):
    """θ̇ and Ṡ_j, of θ and all S_j in one vector."""
    size, count = problem.dimension, points.shape[0]
    theta, moved = packed[:size], packed[size:].reshape(count, size)

    def point_gradient(point):
        x, y = problem.X[point], problem.targets[point]
        return jax.grad(lambda at: problem.point_loss.value(problem.model(at, x), y))(theta)

    curved = jax.vmap(lambda vector: problem.hvp(theta, vector, epsilon))(moved)
    forced = jax.vmap(point_gradient)(points)
    return jnp.concatenate([-problem.gradient(theta, epsilon), -(curved + forced).reshape(-1)])


def checked_points(points, size) -> Int[Array, " k"]:
    if points is None:
        return kept_in_jax(np.arange(size))  # without a program to compile for each size
    if isinstance(points, jax.core.Tracer):
        return jnp.atleast_1d(points)
    return jnp.asarray(row_numbers("points", points, size, distinct=False))
