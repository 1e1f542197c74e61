"""Influence in training time: what each point does to a measurement while the model learns."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, flag, integer, number
from homotopy._display import Entries, largest, span
from homotopy._module import Module
from homotopy._progress import clock
from homotopy._result import Result, in_order, named
from homotopy._status import Reported, require_success
from homotopy._tables import Table
from homotopy._wording import described
from homotopy.flows._flow import flow
from homotopy.flows._sensitivity import checked_points, sensitivity
from homotopy.flows.method import AbstractMethod, FlowStatus, first_failure, of_each
from homotopy.influence.dependence import checked_dependence, of_deletion
from homotopy.measurements import as_measurement
from homotopy.numerics.namespace import all_finite
from homotopy.problem import Problem, a_problem
from homotopy.schedules import Constant
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEGLIGIBLE = 1e-6  # of the largest influence: below it, signs may be those of solver errors


class InfluenceInTimeStatus(FlowStatus):
    """How a computation ended."""

    not_finite = "the measurement, or its derivative, is not finite somewhere along training"


class InfluenceInTime(Result, Reported, Module):
    """The change of a measurement on deletion of each point, to first order, along training.

    Attributes
    ----------
    times : (m,)
    points : (k,)
        Row numbers j.
    influence : (m, k, *out)
        −∇m(θ(t))·S_j(t), the first-order change of m(θ(t)) when point j is deleted from the
        beginning of training: positive where the point makes the measurement smaller.
    theta : (m, d)
        θ(t), trained on all the data.
    value : (m, *out) or (m, k, *out)
        m(θ(t)); with an axis of the points where the measurement depends on the point, as
        `OwnLoss` does.
    status : InfluenceInTimeStatus
    """

    times: Float[Array, " m"]
    points: Int[Array, " k"]
    influence: Float[Array, "m k *out"]
    theta: Float[Array, "m d"]
    value: Float[Array, "m ..."]
    status: InfluenceInTimeStatus

    _axes = (("influence", None), ("times", 1), ("points", 1), ("theta", 2))

    def _sizes(self) -> np.ndarray:
        """|influence| over the outputs, (m, k)."""
        influence = np.asarray(self.influence)
        return np.linalg.norm(influence.reshape(*influence.shape[:2], -1), axis=2)

    def _entries(self) -> Entries:
        influence = np.asarray(self.influence)
        names = [self._names.row(point) for point in np.asarray(self.points)]
        single = influence.ndim == 2
        last = influence[-1] if single else self._sizes()[-1]
        yield "times", span(self.times)
        yield "points", len(names)
        yield "outputs", None if single else str(list(influence.shape[2:]))
        yield "influence(T)" if single else "‖influence(T)‖", largest(last, names)
        yield "status", self.status

    def _table(self) -> Table:
        influence = np.asarray(self.influence)
        times, points, *outputs = influence.shape
        places = [str(list(place)).strip("[]") for place in np.ndindex(*outputs)]
        names = ["influence" if not place else f"influence on {place}" for place in places]
        columns = list(zip(names, influence.reshape(times * points, -1).T, strict=True))
        index = [
            ("time", np.repeat(np.asarray(self.times), points)),
            (self._names.row_heading, self._names.rows_of(self.points) * times),
        ]
        last = (times - 1) * points
        order = np.concatenate([last + in_order(self._sizes()[-1]), np.arange(last)])
        about = "change on deletion, to first order, the last time first, its largest first"
        return Table(columns, index, order, about)

    @property
    def peak_times(self) -> Float[Array, "k ..."]:
        """The time of the largest |influence| of each point, among `times`."""
        return self.times[jnp.argmax(jnp.abs(self.influence), axis=0)]

    def sign_changes(
        self, point: int, output: int | tuple[int, ...] = (), tolerance: float = _NEGLIGIBLE
    ) -> Float[np.ndarray, " c"]:
        """The times at which the influence of a point crosses zero.

        By linear interpolation between two of `times`: crossings closer together than those are
        not seen. The zero at t = 0, where every influence begins, does not count.

        Parameters
        ----------
        point : int
            A row number, one of `points`.
        output : int or tuple of int
            Of the measurement's outputs, where it has several.
        tolerance : float
            Influences below this fraction of the point's largest count as zero: whether they are
            positive or negative may be the solver's doing.

        Raises
        ------
        ValueError
            Naming `point`, `output` or `tolerance`.
        """
        number("tolerance", tolerance, "a number in [0, 1)", lambda x: 0.0 <= x < 1.0)
        integer("point", point, 0)
        column = np.flatnonzero(np.asarray(self.points) == point)
        if column.size == 0:
            raise ValueError(f"point: expected one of {self.points.tolist()}, got {point}.")
        values = np.asarray(self.of_output(output))[:, column[0]]
        times = np.asarray(self.times)
        clear = np.flatnonzero(np.abs(values) > tolerance * np.max(np.abs(values)))
        crossings = []
        for before, after in itertools.pairwise(clear):
            if values[before] * values[after] < 0:
                # Between them are at most values too small to count: the first pair on two sides.
                steps = np.arange(before, after)
                first = steps[values[steps + 1] * values[before] <= 0][0]
                fraction = values[first] / (values[first] - values[first + 1])
                crossings.append(times[first] + fraction * (times[first + 1] - times[first]))
        return np.array(crossings)

    def sign_change_counts(self, tolerance: float = _NEGLIGIBLE) -> Int[np.ndarray, "k ..."]:
        """How often the influence of each point on each output crosses zero: `sign_changes`.

        Parameters
        ----------
        tolerance : float
            As of `sign_changes`.

        Raises
        ------
        ValueError
            Naming `tolerance`.
        """
        outputs = list(np.ndindex(*self.influence.shape[2:]))
        counts = [
            [len(self.sign_changes(int(point), one, tolerance)) for one in outputs]
            for point in np.asarray(self.points)
        ]
        return np.array(counts, int).reshape(self.influence.shape[1:])

    def of_output(self, output: int | tuple[int, ...] = ()) -> Float[Array, "m k"]:
        """The influence on one of the measurement's outputs; () where it has one only.

        Raises
        ------
        ValueError
            Naming `output`.
        """
        shape = self.influence.shape[2:]
        index = tuple(output) if isinstance(output, tuple | list) else (output,)
        whole = all(
            isinstance(one, int | np.integer) and not isinstance(one, bool) for one in index
        )
        fits = (
            whole
            and len(index) == len(shape)
            and all(-size <= one < size for one, size in zip(index, shape, strict=True))
        )
        if not fits:
            raise ValueError(
                f"output: expected an index into the measurement's outputs, of shape {shape}, "
                f"got {described(output)}."
            )
        return self.influence[(..., *index)]

    def plot(
        self,
        ax: Axes | None = None,
        *,
        names: Sequence[str] | None = None,
        output: int | tuple[int, ...] = (),
        **options,
    ) -> Axes:
        """The influence of each point against training time.

        A ring marks where an influence changes its sign, a dot where it is largest; both are
        left out, as is the legend, where there are more points than colours.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default. Training that goes from plateau to plateau is seen best with
            `ax.set_xscale("log")`.
        names : sequence of str, optional
            Of the points, for the legend; those of their rows by default, or their numbers.
        output : int or tuple of int
            Which of the measurement's outputs, where it has several.
        **options
            Of the lines, for `Axes.plot`.

        Raises
        ------
        ValueError
            Naming `names` or `output`.
        """
        from homotopy.plotting.style import PALETTE
        from homotopy.plotting.training_time import draw_influence_in_time

        points = np.asarray(self.points).tolist()
        if names is None and self._names.rows is not None:
            names = self._names.rows_of(points)
        names = [f"j = {point}" for point in points] if names is None else list(names)
        if len(names) != len(points):
            raise ValueError(
                f"names: expected one for each of {len(points)} points, got {len(names)}."
            )
        times, influence = np.asarray(self.times), np.asarray(self.of_output(output))
        few = len(points) <= len(PALETTE)
        changes = [self.sign_changes(point, output) for point in points] if few else None
        return draw_influence_in_time(times, influence, names, changes, ax, **options)


def influence_in_time(
    problem: Problem,
    theta0: ArrayInput,
    measurement,
    times: ArrayInput,
    *,
    points: ArrayInput | None = None,
    method: AbstractMethod | None = None,
    throw: bool = True,
    devices: int | Sequence | None = None,
    client: Any = None,
    progress: bool | None = None,
) -> InfluenceInTime:
    """What deleting each point from the beginning does to a measurement, at every training time.

    To first order it is −∇m(θ(t))·S_j(t), S_j(t) = ∂θ(t; w)/∂w_j the sensitivity of the training
    trajectory (theory §1, §3). For t → ∞ it tends to what the influence function predicts,
    −∇m(θ*)·θ̇(1), where the risk has one minimum; before that a point may help and harm in turn
    [1]_.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta0 : (d,)
    measurement
        `OwnLoss()` (of each point its own), `TestLoss(X, y)`, `Predictions(X)`, or a function of
        θ (d,) that returns an array (compiled once for each function).
    times : (m,)
        Ascending, ≥ 0.
    points : int or sequence of int, optional
        Row numbers; all n by default.
    method : AbstractMethod, optional
        `Exact()` (the default for linear regression) or `Adaptive()`, whose cost grows with the
        number of points; `measurement_sensitivity` gives all points at one time for the price of
        few.
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
        Naming `theta0`, `times`, `points`, `devices`, `client`, or a `measurement` that does not
        fit the problem.
    TypeError
        Naming `problem`, `devices`, `client` or `progress`; for a method in discrete time, or a
        measurement that is neither of those nor a function of floating-point output.
    RuntimeError
        With the status, where `throw` and the method did not succeed, or the measurement is not
        finite.

    References
    ----------
    .. [1] Lee, Smith, Adam, Hoogland, "Influence dynamics and stagewise data attribution", 2025.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> result = influence_in_time(problem, [2.0], lambda theta: theta[0], [0.1, 60.0])
    >>> result.influence.round(3).tolist()  # the model learns 0 and 1, coming from 2
    [[0.168, 0.077], [0.25, -0.25]]
    >>> result.sign_changes(1).shape
    (1,)
    """
    theta0 = a_problem(problem).parameters(theta0)
    flag("throw", throw)
    measurement = as_measurement(measurement, problem)
    by_point = checked_dependence(measurement, problem, theta0)
    devices, client = checked_workers(devices, client)
    with clock(progress, "following the influence", (problem, theta0, times)):
        path, chosen, influence, value, status = _found(
            problem, theta0, measurement, by_point, times, points, method, throw, devices, client
        )
    status = InfluenceInTimeStatus.promote(status)
    finite = all_finite(influence, value)
    successful = status == InfluenceInTimeStatus.successful
    status = InfluenceInTimeStatus.where(
        successful & ~finite, InfluenceInTimeStatus.not_finite, status
    )
    if throw:
        influence = require_success(influence, status)
    found = InfluenceInTime(path.times, chosen, influence, path.theta, value, status)
    return named(found, problem)


def _found(problem, theta0, measurement, by_point, times, points, method, throw, devices, client):
    if devices is None and client is None:
        path, moved, influence, value = _computed(
            problem, theta0, measurement, by_point, times, points, method, throw
        )
        status = FlowStatus.where(moved.status == FlowStatus.successful, path.status, moved.status)
        return path, moved.points, influence, value, status
    chosen = checked_points(points, problem.size)
    options = {"method": method, "throw": throw, "progress": False}
    path = flow(problem, Constant(1.0), theta0, times, **options)
    part = functools.partial(
        _some, problem, theta0, measurement, by_point, times, method, throw, np.asarray(chosen)
    )
    influence, value, statuses = in_parts(part, len(chosen), devices, client)
    influence = jnp.moveaxis(influence, 0, 1)
    value = jnp.moveaxis(value, 0, 1) if by_point else value[0]
    return path, chosen, influence, value, first_failure(statuses)


def _computed(problem, theta0, measurement, by_point, times, points, method, throw):
    options = {"method": method, "throw": throw, "progress": False}  # the caller shows
    moved = sensitivity(problem, theta0, times, points=points, **options)
    path = flow(problem, Constant(1.0), theta0, moved.times, **options)
    influence, value = _along(
        measurement, problem, by_point, path.theta, moved.points, moved.derivative
    )
    return path, moved, influence, value


def _some(problem, theta0, measurement, by_point, times, method, throw, points, places):
    """Of the points at some places, with a leading axis of them."""
    path, moved, influence, value = _computed(
        problem, theta0, measurement, by_point, times, points[places], method, throw
    )
    count = len(places)
    value = np.asarray(value)
    value = np.moveaxis(value, 1, 0) if by_point else np.broadcast_to(value, (count, *value.shape))
    status = FlowStatus.where(moved.status == FlowStatus.successful, path.status, moved.status)
    return np.moveaxis(np.asarray(influence), 1, 0), value, of_each(status, count)


@eqx.filter_jit
def _along(measurement, problem, by_point, path, points, derivative):
    def at(each):
        theta, moved = each

        def of_point(point, direction):
            # Deletion is δw_j = −1, in the measurement as in the parameters.
            measure = of_deletion(measurement, problem, point)
            return jax.jvp(measure, (theta,), (-direction,))

        value_axis = 0 if by_point else None
        return jax.vmap(of_point, out_axes=(value_axis, 0))(points, moved)

    value, influence = jax.lax.map(at, (path, derivative))
    return influence, value
