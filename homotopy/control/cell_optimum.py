"""The best control on cells of equal length: where the search for a structure begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from homotopy._checks import instance, integer, optional_function, sequence
from homotopy._deadline import Deadline, OutOfTime
from homotopy._numbers import as_numbers
from homotopy.control.controls import PiecewiseConstantControl
from homotopy.control.mesh import LARGEST, Mesh, growth, local_errors, padded, too_stiff
from homotopy.control.system import ControlAffine, a_system
from homotopy.control.trajectory import sweep

_OPTIONS = {"maxiter": 1000, "maxfun": 2000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-10}


class CellsOptimum(NamedTuple):
    """The best control found on cells.

    Attributes
    ----------
    control : PiecewiseConstantControl
    cost : float
    fractions : (n,)
        (u − lower) / (upper − lower) in every cell.
    switching : (n,)
        The mean of H₁ over every cell.
    mesh : Mesh
    evaluations : int
        Of the cost and its gradient, over all starts.
    costs : tuple of float
        Reached from every start.
    scale : float
        Of the cost: the largest sum of its absolute derivatives in `fractions` at any start.
    ended : str or None
        "time_limit" or "interrupted" where the search did not come to rest.
    """

    control: PiecewiseConstantControl
    cost: float
    fractions: np.ndarray
    switching: np.ndarray
    mesh: Mesh
    evaluations: int
    costs: tuple[float, ...]
    scale: float
    ended: str | None = None


def cells_mesh(system: ControlAffine, count: int, tolerance: float = 1e-10) -> Mesh:
    """Equal steps in all cells, fine enough under either bound and midway between them."""
    lower, upper = float(system.lower), float(system.upper)
    values = (lower, (lower + upper) / 2, upper)
    steps = 1
    while True:
        mesh = Mesh.of_counts([steps] * count, padded(count * steps))
        errors = [
            np.max(np.asarray(local_errors(system, _constant(system, count, value), mesh)))
            for value in values
        ]
        worst = np.max(np.where(np.isfinite(errors), errors, np.inf))
        if worst <= tolerance:
            return mesh
        steps = max(steps + 1, math.ceil(steps * growth(worst, tolerance)))
        if count * steps > LARGEST:
            raise too_stiff(LARGEST, tolerance)


def optimise_cells(
    system: ControlAffine,
    count: int = 64,
    starts: Sequence | None = None,
    *,
    mesh: Mesh | None = None,
    progress: Callable[[float], None] | None = None,
    time_limit: float | Deadline = float("inf"),
) -> CellsOptimum:
    """Minimise the cost over piecewise constant controls, by L-BFGS-B with exact gradients.

    Parameters
    ----------
    system : ControlAffine
    count : int
        The number of cells.
    starts : sequence of (n,) or of floats, optional
        Controls to start from, in the units of u: by default midway between the bounds, and either
        bound. The best result is kept.
    mesh : Mesh, optional
        By default `cells_mesh(system, count)`.
    progress : callable, optional
        Called with the cost at every iteration.
    time_limit : float
        Seconds, or a deadline, after which the best so far is returned, as it is after
        `KeyboardInterrupt`; the first evaluation, with its compilation, is waited for.

    Raises
    ------
    ValueError
        Naming `count`, `starts` or `time_limit`.
    KeyboardInterrupt
        Before the first evaluation, where there is nothing to return.
    """
    a_system(system)
    integer("count", count, 2)
    optional_function("progress", progress, "the cost")
    if mesh is not None:
        instance("mesh", mesh, Mesh, "a Mesh, as of choose_mesh(system, control)")
    deadline = Deadline.of(time_limit)
    lower, upper = float(system.lower), float(system.upper)
    if starts is None:
        starts = ((lower + upper) / 2, lower, upper)
    starts = sequence("starts", starts, "a sequence of controls on cells")
    beginnings = [_fractions(start, count, lower, upper) for start in starts]
    if not beginnings:
        raise ValueError("starts: expected at least one.")
    mesh = cells_mesh(system, count) if mesh is None else mesh
    duration, breadth = float(system.horizon - system.start), upper - lower
    breakpoints = jnp.asarray(_inner_edges(system, count))

    best, evaluations, costs, largest = None, 0, [], 0.0

    def evaluate(fractions):
        nonlocal best, evaluations
        if best is not None:
            deadline.check()
        control = PiecewiseConstantControl(breakpoints, lower + breadth * fractions)
        _, _, value, gradient = sweep(system, control, mesh)
        value, gradient = float(value), breadth * np.asarray(gradient.values)
        evaluations += 1
        if best is None or value < best[0]:
            best = value, np.array(fractions), gradient
        return value, gradient

    ended = None
    try:
        for beginning in beginnings:
            origin, gradient = evaluate(beginning)
            # Scaled, so that tolerances mean the same for every cost.
            scale = float(np.sum(np.abs(gradient))) or 1.0
            largest = max(largest, scale)

            def scaled(fractions, origin=origin, scale=scale):
                value, gradient = evaluate(fractions)
                return (value - origin) / scale, gradient / scale

            result = minimize(
                scaled,
                beginning,
                jac=True,
                method="L-BFGS-B",
                bounds=[(0.0, 1.0)] * count,
                callback=None if progress is None else _reporter(progress, origin, scale),
                options=_OPTIONS,
            )
            costs.append(evaluate(result.x)[0])
    except (OutOfTime, KeyboardInterrupt) as stop:
        if best is None:
            raise
        ended = "time_limit" if isinstance(stop, OutOfTime) else "interrupted"

    value, fractions, gradient = best
    control = PiecewiseConstantControl(breakpoints, lower + breadth * fractions)
    return CellsOptimum(
        control=control,
        cost=value,
        fractions=fractions,
        switching=gradient / breadth * count / duration,
        mesh=mesh,
        evaluations=evaluations,
        costs=tuple(costs),
        scale=largest or 1.0,
        ended=ended,
    )


def _reporter(progress, origin, scale):
    def report(intermediate_result):  # scipy goes by the name
        progress(origin + scale * intermediate_result.fun)

    return report


def _inner_edges(system, count):
    return np.linspace(float(system.start), float(system.horizon), count + 1)[1:-1]


def _constant(system, count, value):
    return PiecewiseConstantControl(_inner_edges(system, count), np.full(count, value))


def _fractions(start, count, lower, upper):
    values = as_numbers("starts", start)
    if values.shape not in ((), (count,)):
        raise ValueError(
            f"starts: expected a number or one for each of {count} cells, got shape {values.shape}."
        )
    values = np.broadcast_to(values.astype(float), (count,))
    if not np.all((values >= lower) & (values <= upper)):
        raise ValueError(f"starts: expected controls in [{lower:g}, {upper:g}], got {start}.")
    return (values - lower) / (upper - lower)
