"""Hard deletion beside soft weights: the fewest rows to leave out, w ∈ {0, 1}."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, integer
from homotopy._checks import number as checked_number
from homotopy._display import Entries, text
from homotopy._module import Module
from homotopy._result import Result, named
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.measurements import as_scalar_measurement
from homotopy.problem import Problem, a_problem
from homotopy.reweighting.refitted import Refits
from homotopy.reweighting.start import training_start

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class HardDeletionStatus(Status):
    """How it ended."""

    not_reached = "no number of rows that was tried brings the measurement to the target"
    no_minimum = "a refit without rows came to no strict minimum of the risk: add a ridge"


class HardDeletion(Result, Reported, Module):
    """Rows without which the refitted model reaches a target.

    Attributes
    ----------
    rows : (k,)
        The most harmful ones by the influence function at θ(1), in that order.
    theta : (d,)
        The refit without them.
    value, value_before : ()
        The measurement there, and at θ(1).
    predicted : ()
        What the influence function predicts for these rows.
    linear_count : ()
        How many rows the prediction asks for: a minimum of the linearised problem, by sorting.
    linear_bound : ()
        What its relaxation, weights between 0 and 1, proves of the linearised problem: no fewer.
    refits : ()
    status : HardDeletionStatus
    """

    rows: Int[Array, " k"]
    theta: Float[Array, " d"]
    value: Float[Array, ""]
    value_before: Float[Array, ""]
    predicted: Float[Array, ""]
    linear_count: Int[Array, ""]
    linear_bound: Float[Array, ""]
    refits: Int[Array, ""]
    status: HardDeletionStatus

    _axes = (("rows", 1), ("theta", 1))

    def _entries(self) -> Entries:
        yield "rows", self.rows.size
        yield "linearised", text(self.linear_count)
        yield "value", self.value
        yield "predicted", self.predicted
        yield "before", self.value_before
        yield "status", self.status

    def _table(self) -> Table:
        order = np.arange(1, self.rows.size + 1)
        index = [(self._names.row_heading, self._names.rows_of(self.rows))]
        return Table([("order", order)], index, about="rows to leave out, most harmful first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The rows that are left out, in their order.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        rows = np.asarray(self.rows)
        names = [self._names.row(row) for row in rows]
        return draw_by_row(rows, np.arange(1.0, rows.size + 1), names, "order", ax, **options)


def hard_deletion(
    problem: Problem,
    measurement,
    target: float,
    *,
    theta: ArrayInput | None = None,
    most: int | None = None,
) -> HardDeletion:
    """Leave out rows until a measurement of the refit is at most a target.

    The rows come in the order of the influence function, which is best for the linearised problem;
    the refit decides how many. Beside `soft_weights`: what forgetting points completely costs.

    Parameters
    ----------
    problem : Problem
    measurement : AbstractMeasurement or callable
        Of one number; one that is to grow is −m.
    target : float
        Below the value at θ(1).
    theta : (d,), optional
        As of `soft_weights`.
    most : int, optional
        Rows to leave out at most; half of them by default.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    RuntimeError
        Where training with all rows comes to no strict minimum.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0]] * 4, [0.0, 1.0, 2.0, 9.0], deleted=1)
    >>> found = hm.reweighting.hard_deletion(problem, lambda theta: theta[0], 1.5)
    >>> found.rows.tolist(), float(found.value.round(12))  # the mean falls from 3 to 1
    ([3], 1.0)
    """
    a_problem(problem)
    measured = as_scalar_measurement(measurement, problem)
    checked_number("target", target)
    most = problem.size // 2 if most is None else integer("most", most, 1, problem.size - 1)
    refits = Refits(problem, (measured,))
    ones = np.ones(problem.size)
    begin = refits.minimum(ones, training_start(problem, theta))
    if begin is None:
        raise RuntimeError(HardDeletionStatus[HardDeletionStatus.no_minimum])
    before = refits.measured(ones, begin)
    value, needed = float(before.values[0]), float(before.values[0]) - target
    if needed <= 0.0:
        raise ValueError(
            f"target: expected less than the value at θ(1), {value:g}, got {target:g}."
        )
    gains = before.slopes[0]  # what leaving a row out takes away, to first order
    order = np.argsort(-gains, kind="stable")
    sums = np.cumsum(gains[order])
    enough = np.flatnonzero(sums >= needed)
    count = int(enough[0]) + 1 if enough.size else problem.size
    bound = np.inf
    if enough.size:
        last = gains[order[count - 1]]
        bound = count - (sums[count - 1] - needed) / last

    at, spent, status, best = before, 1, HardDeletionStatus.not_reached, 0
    for size in range(1, most + 1):
        weights = np.ones(problem.size)
        weights[order[:size]] = 0.0
        found, spent = refits.minimum(weights, at.theta), spent + 1
        if found is None:
            status = HardDeletionStatus.no_minimum
            break
        at = before._replace(theta=found, values=refits.values(found))
        best = size
        if float(at.values[0]) <= target:
            status = HardDeletionStatus.successful
            break
    result = HardDeletion(
        rows=jnp.asarray(order[:best]),
        theta=jnp.asarray(at.theta),
        value=jnp.asarray(at.values[0]),
        value_before=jnp.asarray(value),
        predicted=jnp.asarray(value - float(np.sum(gains[order[:best]]))),
        linear_count=jnp.asarray(count),
        linear_bound=jnp.asarray(bound),
        refits=jnp.asarray(spent),
        status=status,
    )
    return named(result, problem)
