"""How far a measurement can be brought towards 0, and what it costs: a sweep of bounds."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import ArrayInput, vector
from homotopy._display import Entries, span
from homotopy._module import Module
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.measurements import as_scalar_measurement
from homotopy.problem import Problem, a_problem
from homotopy.reweighting._soft_weights import soft_weights
from homotopy.reweighting.constraint import Constraint, sorted_out
from homotopy.sweeps.workers import checked_workers, mapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Frontier(Result, Module):
    """The least change of weights for each bound of |m|.

    Attributes
    ----------
    bounds : (k,)
        Of |m(θ(w))|.
    objective : (k,)
        ½‖w − 1‖², or what else was minimised.
    values : (k,)
        m(θ(w)).
    others : (k, c)
        The further measurements that were constrained.
    weights : (k, n)
    violation : (k,)
        > 0 where no weights were found that keep to the bounds.
    successful : (k,)
    """

    bounds: Float[Array, " k"]
    objective: Float[Array, " k"]
    values: Float[Array, " k"]
    others: Float[Array, "k c"]
    weights: Float[Array, "k n"]
    violation: Float[Array, " k"]
    successful: Bool[Array, " k"]

    _axes = (("bounds", 1), ("weights", 2))

    def _entries(self) -> Entries:
        yield "bounds", span(self.bounds)
        yield "objective", span(self.objective)
        yield "reached", f"{int(np.sum(self.successful))} of {self.bounds.size}"

    def _table(self) -> Table:
        columns = [
            ("objective", np.asarray(self.objective)),
            ("value", np.asarray(self.values)),
            ("violation", np.asarray(self.violation)),
        ]
        index = [("bound", np.asarray(self.bounds))]
        return Table(columns, index, about="least change of weights for each bound", spread=True)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The objective against |m|; open where the bound was not reached.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.frontier import draw_frontier

        numbers = np.abs(np.asarray(self.values)), np.asarray(self.objective)
        return draw_frontier(*numbers, np.asarray(self.successful), ax, **options)


def frontier(
    problem: Problem,
    measurement,
    bounds: ArrayInput,
    *,
    constraints: Sequence = (),
    devices: int | Sequence | None = None,
    client: Any = None,
    **options,
) -> Frontier:
    """`soft_weights` for each of several bounds of |m|: what less disparity costs.

    Parameters
    ----------
    problem : Problem
    measurement : AbstractMeasurement or callable
        Of one number.
    bounds : (k,)
        ≥ 0.
    constraints
        Further ones, as of `soft_weights`.
    devices : int or sequence of jax.Device, optional
        Bounds are shared out over them, one at a time on each.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Bounds are shared out over its processes. Either way results are those of the call without.
    **options
        As of `soft_weights`: `objective`, `bounds` of the weights as `weight_bounds`, `theta`, …

    Raises
    ------
    ValueError, TypeError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0]] * 3, [-1.0, 1.0, 3.0], deleted=1)
    >>> cost = hm.reweighting.frontier(problem, lambda theta: theta[0], [1.0, 0.5])
    >>> cost.objective.round(6).tolist(), cost.successful.tolist()
    ([0.0, 0.128571], [True, True])
    """
    a_problem(problem)
    devices, client = checked_workers(devices, client)
    sizes = np.asarray(vector("bounds", bounds))
    if sizes.size == 0 or np.any(sizes < 0.0):
        raise ValueError(f"bounds: expected one or more numbers >= 0, got {sizes.tolist()}.")
    if "weight_bounds" in options:
        options["bounds"] = options.pop("weight_bounds")
    measured, linear = sorted_out(constraints, problem.size)
    measurement = as_scalar_measurement(measurement, problem)
    bounded = functools.partial(_bounded, problem, measurement, [*measured, *linear], options)
    found = list(mapped(bounded, sizes.tolist(), devices, client))

    def stacked(part):
        return jnp.asarray(np.stack([np.asarray(part(each)) for each in found]))

    result = Frontier(
        bounds=jnp.asarray(sizes),
        objective=stacked(lambda one: one.objective),
        values=stacked(lambda one: one.values[0]),
        others=stacked(lambda one: one.values[1:]),
        weights=stacked(lambda one: one.weights),
        violation=stacked(lambda one: one.violation),
        successful=stacked(lambda one: one.successful),
    )
    return named(result, problem)


def _bounded(problem, measurement, constraints, options, size):
    """The least change of weights for one bound."""
    bound = Constraint(measurement, -size, size)
    return soft_weights(problem, constraints=[bound, *constraints], **options)
