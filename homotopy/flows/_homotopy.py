"""The homotopy θ(t, ε): gradient flow at each constant weight, as a surface in parameter space."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, flag
from homotopy._display import Entries, largest, span
from homotopy._memory import handed_over
from homotopy._module import Module
from homotopy._progress import clock
from homotopy._result import Result
from homotopy._status import Reported, require_success
from homotopy._tables import Table
from homotopy._threads import (
    CORES,
    interruptible,
    interruptible_unless_traced,
    side_by_side,
)
from homotopy.flows._flow import checked_times, default_method
from homotopy.flows.arguments import checked_epsilons
from homotopy.flows.exact import Exact
from homotopy.flows.known_surface import interpolated, known_surface
from homotopy.flows.method import (
    AbstractMethod,
    FlowStatus,
    a_method,
    finite_status,
    first_failure,
    statuses_of,
)
from homotopy.flows.propagator import piecewise_states
from homotopy.numerics.namespace import in_numpy
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant
from homotopy.sweeps.sharing import in_parts, over_devices
from homotopy.sweeps.workers import checked_workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE = 8  # weights that are worth a call of their own
_TOGETHER = 32  # that are followed by one call at most: between calls is said how many are done
_PADDED = 8  # multiples of which are the numbers of ε that a program is compiled for
_compiled: set = set()  # kinds of such calls


class HomotopySurface(Result, Reported, Module):
    """θ(t, ε) on a grid.

    `surface.to_frame()` is indexed by ε and time; `.to_frame().to_xarray()` makes a grid of it,
    where xarray is installed.

    Attributes
    ----------
    epsilons : (k,)
    times : (m,)
    theta : (k, m, d)
        θ(t, 1) trains with the deleted points, θ(t, 0) without.
    status : FlowStatus
        Of each ε, (k,).
    problem : Problem
    theta0 : (d,)
    """

    epsilons: Float[Array, " k"]
    times: Float[Array, " m"]
    theta: Float[Array, "k m d"]
    status: FlowStatus
    problem: Problem
    theta0: Float[Array, " d"]

    _axes = (("theta", 3), ("times", 1), ("epsilons", 1))

    def _entries(self) -> Entries:
        names = self._names.parameter_names(self.theta.shape[2])
        yield "epsilons", span(self.epsilons)
        yield "times", span(self.times)
        yield "θ₀", largest(self.theta0, names)
        for place in sorted({int(np.argmin(self.epsilons)), int(np.argmax(self.epsilons))}):
            yield f"θ(T, {float(self.epsilons[place]):g})", largest(self.theta[place, -1], names)
        yield "status", self.status

    def _table(self) -> Table:
        theta = np.asarray(self.theta)
        weights, times, dimension = theta.shape
        names = self._names.parameter_names(dimension)
        columns = list(zip(names, theta.reshape(-1, dimension).T, strict=True))
        index = [
            ("epsilon", np.repeat(np.asarray(self.epsilons), times)),
            ("time", np.tile(np.asarray(self.times), weights)),
        ]
        # The last time is where the flow leads.
        order = np.argsort(-np.tile(np.arange(times), weights), kind="stable")
        return Table(columns, index, order, "θ(t, ε), the last time first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Trajectories in the parameter plane, coloured by ε.

        In the plane of the two principal directions of the surface for d > 2, and against time
        for d = 1. All start at a dot, θ₀, whatever the first time asked for; a dashed line joins
        their last points, θ(T, ε).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `matplotlib.collections.LineCollection`.
        """
        from homotopy.plotting.homotopy import draw_homotopy

        numbers = map(np.asarray, (self.times, self.theta, self.theta0, self.epsilons))
        return draw_homotopy(*numbers, ax, names=self._names.own_parameters, **options)


def homotopy(
    problem: Problem,
    theta0: ArrayInput,
    times: ArrayInput,
    epsilons: ArrayInput,
    *,
    method: AbstractMethod | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> HomotopySurface:
    """θ(t, ε): the gradient flow of R_ε from θ₀ for each constant ε (theory §3).

    Parameters
    ----------
    problem : Problem
    theta0 : (d,)
    times : (m,)
        Ascending, ≥ 0.
    epsilons : (k,)
        In [0, 1].
    method : AbstractMethod, optional
        As for `flow`. `Exact()` follows few ε and finds many from them where a bound says that no
        digit is lost (theory §3.3).
    throw : bool
        Raise where the method does not succeed; otherwise say so in the status.
    devices : int or sequence of jax.Device, optional
        The ε are shared out over them, in one program (`jax.shard_map`); in a job of several
        processes (`jax.distributed`), over those of all of them.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        The ε are shared out over its processes. Either way each is followed by itself, in a batch
        of another size: results differ by roundings at most.
    progress : bool, optional
        By default a line shows how many ε are done, or the time that it has taken where they are
        found together, in a terminal or a notebook, after two seconds; True shows it always, False
        never.

    Raises
    ------
    TypeError
        Naming `problem`, `method`, `devices`, `client` or `progress`.
    ValueError
        Naming `theta0`, `times`, `epsilons`, `devices` or `client`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> surface = hm.homotopy(problem, [2.0], [0.0, 9.0], [0.0, 0.5, 1.0])
    >>> surface.theta.shape
    (3, 2, 1)
    """
    theta0 = a_problem(problem, rows=False).parameters(theta0)
    times = checked_times(times, theta0.dtype)
    epsilons = checked_epsilons(epsilons, theta0.dtype)
    flag("throw", throw)
    method = default_method(problem) if method is None else a_method(method)
    devices, client = checked_workers(devices, client)
    with clock(progress, "following θ(t, ε)", (problem, theta0, times, epsilons)) as monitor:
        theta, status = _found(problem, theta0, times, epsilons, method, devices, client, monitor)
    if throw:
        theta = require_success(theta, first_failure(status))
    return HomotopySurface(epsilons, times, theta, status, problem, theta0)


def _found(problem, theta0, times, epsilons, method, devices, client, monitor):
    exact = isinstance(method, Exact)
    if devices is not None or client is not None:
        if concrete(epsilons) is None:
            raise TypeError("epsilons: expected known numbers for devices and clients.")
        surface = _exact_surface if exact else _surface
        shared = (method.modal_form(problem),) if exact else (method, problem)
        shared = *shared, theta0, times
        if devices is not None:
            return over_devices(surface, epsilons, devices, *shared)
        part = functools.partial(_part, surface, shared, np.asarray(epsilons))
        return in_parts(part, epsilons.size, None, client)
    if exact:
        modal = method.modal_form(problem)
        found = _known_surface(modal, theta0, times, epsilons)
        if found is not None:
            theta, finite = found
            return handed_over(theta), statuses_of(finite)
        return interruptible_unless_traced(_exact_surface, modal, theta0, times, epsilons)
    return _shared_out(method, problem, theta0, times, epsilons, monitor)


def _part(surface, shared, epsilons, places):
    return surface(*shared, jnp.asarray(epsilons[places]))


@eqx.filter_jit
def _exact_surface(modal, theta0, times, epsilons):
    start = modal.coordinates(theta0)

    def states(epsilon):
        edges = jnp.stack([jnp.zeros((), times.dtype), times[-1]])
        return piecewise_states(modal, modal.equilibrium, start, edges, epsilon[None], times)

    theta = modal.parameters(jax.vmap(states)(epsilons))
    return theta, jax.vmap(finite_status)(theta)


def _known_surface(modal, theta0, times, epsilons):
    """As `_exact_surface`, in NumPy; None where numbers are traced, or that is the better way."""
    known = in_numpy((modal, theta0, times, epsilons))
    if known is None or theta0.dtype != jnp.float64 or jax.default_backend() != "cpu":
        return None
    if modal.rows.shape[0] == 1:
        return interpolated(known_surface, *known) or known_surface(*known)
    return interpolated(_by_program, *known)


def _by_program(*arguments):
    *shared, epsilons = arguments
    # Of few sizes: each is compiled.
    padded = np.pad(epsilons, (0, -epsilons.size % _PADDED), mode="edge")
    theta, _ = interruptible(_exact_surface, *jax.device_put((*shared, padded)))
    return np.asarray(theta)[: epsilons.size], None


def _shared_out(method, problem, theta0, times, epsilons, monitor):
    """`_surface`, some weights at a time, on a processor in several threads.

    A loop of small steps keeps one core busy, and a few weights at a time can say how far they are.
    """
    arguments = (method, problem, theta0, times)
    parts = min(CORES, epsilons.size // _SHARE)
    leaves, structure = jax.tree.flatten(eqx.filter((*arguments, epsilons), eqx.is_array))
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
    if parts < 2 or traced or jax.default_backend() != "cpu":
        return interruptible_unless_traced(_surface, *arguments, epsilons)
    # All of one size, so that they share a compilation.
    share = min(-(-epsilons.size // parts), _TOGETHER)
    parts = -(-epsilons.size // share)
    padded = np.pad(np.asarray(epsilons), (0, parts * share - epsilons.size), mode="edge")
    kind = structure, share, *((leaf.shape, leaf.dtype) for leaf in leaves)
    found = []

    def part(some):
        return jax.block_until_ready(_surface(*arguments, some))

    def took(each) -> None:
        found.append(each)
        monitor.report(min(len(found) * share, epsilons.size), epsilons.size, math.nan)

    waiting = np.split(padded, parts)
    if kind not in _compiled:  # threads that begin at once would each compile
        took(interruptible(part, waiting.pop(0)))
        _compiled.add(kind)
    for each in side_by_side(part, waiting):
        took(each)
    return jax.tree.map(lambda *part: jnp.concatenate(part)[: epsilons.size], *found)


@eqx.filter_jit
def _surface(method, problem, theta0, times, epsilons):
    def states(epsilon):
        theta, status, _ = method.states(problem, Constant(epsilon), theta0, times)
        return theta, finite_status(theta, status)

    return jax.vmap(states)(epsilons)
