"""The least time in which a cost or a state can be reached."""

from __future__ import annotations

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq, least_squares

from homotopy._checks import ArrayInput, fraction, integer, number, vector
from homotopy._deadline import Deadline, OutOfTime
from homotopy.control.arcs import Arc, ArcKind, read_arcs
from homotopy.control.cell_optimum import CellsOptimum, cells_mesh, optimise_cells
from homotopy.control.controls import PiecewiseConstantControl
from homotopy.control.mesh import choose_mesh
from homotopy.control.pontryagin import PontryaginResidual, pontryagin_residual
from homotopy.control.resolve import resolve
from homotopy.control.search import solution_of, solve
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.system import ControlAffine, a_system
from homotopy.control.trajectory import Trajectory, follow, forward

# Of the largest horizon: how closely the horizon is bracketed before its structure is read.
_BRACKET = 2.0**-9
# The distance from a target at which a horizon counts as enough for reading a structure, squared
# and relative to that of the initial state.
_NEAR = 1e-6


class LeastHorizonStatus(eqx.Enumeration):
    """How a search for a least horizon ended. Optimality is claimed locally only."""

    successful = "reached, by an extremal: no slightly smaller horizon is enough nearby"
    at_start = "nothing to do: the initial state is good enough"
    out_of_reach = "not reached within the horizon of the system; raise it"
    unresolved = "bracketed, but no sequence of arcs satisfied the conditions; raise cells"
    time_limit = "the time limit came first: the horizon is the least found to be enough until then"
    interrupted = "interrupted: the horizon is the least found to be enough until then"


@dataclasses.dataclass(frozen=True)
class LeastHorizon:
    """The least horizon found.

    Attributes
    ----------
    horizon : float
        Infinite where out of reach.
    arcs : tuple of Arc
    trajectory : Trajectory or None
        State and costate up to `horizon`. For a target the costate is scaled to ⟨p, ẋ⟩ = −1 at the
        horizon: p(t) is then the derivative of the least time in x(t).
    residual : PontryaginResidual or None
        Of the trajectory.
    error : float
        ‖x(T) − target‖, or |cost − tolerance|.
    status : LeastHorizonStatus
    solution : Solution or None
        For a tolerance: the optimum at `horizon`.
    counts : dict
    """

    horizon: float
    arcs: tuple[Arc, ...]
    trajectory: Trajectory | None
    residual: PontryaginResidual | None
    error: float
    status: LeastHorizonStatus
    solution: Solution | None
    counts: dict

    @property
    def pmp_residual(self) -> float:
        """Relative; NaN where there is no trajectory."""
        return np.nan if self.residual is None else float(self.residual.relative)

    @property
    def junctions(self) -> np.ndarray:
        """The times between arcs, (k,)."""
        return np.array([arc.stop for arc in self.arcs[:-1]])


class _Distance(eqx.Module):
    """½‖x − target‖²."""

    target: Float[Array, " d"]

    def __call__(self, x):
        return 0.5 * jnp.sum((x - self.target) ** 2)


class _Direction(eqx.Module):
    """⟨normal, x⟩."""

    normal: Float[Array, " d"]

    def __call__(self, x):
        return jnp.dot(self.normal, x)


def least_horizon(
    system: ControlAffine,
    tolerance: float | None = None,
    *,
    target: ArrayInput | None = None,
    cells: int = 32,
    residual_tolerance: float = 1e-9,
    time_limit: float = 300.0,
) -> LeastHorizon:
    """The smallest horizon, up to that of the system, at which a cost or a target is reached.

    The horizon is bracketed by the best controls on cells. For a cost it then solves
    J*(T) = tolerance, J* the polished optimum. A target that can be reached exactly leaves no
    costate there: its conditions x(T) = target are solved for the switch times and T, from the
    bang-bang structure shortly before, and the costate is the common normal of the derivatives
    of x(T) in the switch times.

    Parameters
    ----------
    system : ControlAffine
        Its `horizon` is the largest looked at.
    tolerance : float, optional
        The cost to be reached. This or `target`.
    target : (d,), optional
        The state to be reached; the cost of the system is then not used.
    cells : int
    residual_tolerance : float
        Of the PMP residual.
    time_limit : float
        Seconds after which the least horizon found to be enough is returned, as it is after
        `KeyboardInterrupt`; what is being compiled then goes on in the background.

    Returns
    -------
    LeastHorizon
        Look at its `status`. The search is by bisection: where a cost can be reached at some time
        and not later, a smaller horizon may be missed.

    Raises
    ------
    ValueError
        Naming `tolerance`, `target` or `time_limit`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import homotopy as hm
    >>> from homotopy.control import ControlAffine, least_horizon
    >>> hm.enable_x64()
    >>> system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [3.0], 5.0)
    >>> least = least_horizon(system, target=[1.0], cells=8)
    >>> round(least.horizon, 9), least.arcs[0].kind.value  # log 3
    (1.098612289, 'lower')
    """
    a_system(system)
    integer("cells", cells, 2)
    fraction("residual_tolerance", residual_tolerance)
    if (tolerance is None) == (target is None):
        raise ValueError("tolerance, target: expected exactly one of them.")
    if target is None:
        number("tolerance", tolerance)
        search = partial(_for_cost, system, float(tolerance))
        return _limited(search, cells, residual_tolerance, time_limit)
    target = vector("target", target, system.dimension)
    system = eqx.tree_at(lambda s: s.cost, system, _Distance(target))
    return _limited(partial(_for_target, system), cells, residual_tolerance, time_limit)


class _Enough:
    """The least horizon known to be enough, and until when a smaller one is looked for."""

    def __init__(self, time_limit):
        self.deadline, self.horizon = Deadline(time_limit), np.inf

    def check(self, ended: str | None) -> None:
        """Go on, or end as what was called has ended."""
        if ended == "interrupted":
            raise KeyboardInterrupt
        if ended == "time_limit":
            raise OutOfTime
        self.deadline.check()


def _limited(search, cells, residual_tolerance, time_limit) -> LeastHorizon:
    enough = _Enough(time_limit)
    try:
        return enough.deadline.keep(lambda: search(cells, residual_tolerance, enough), lambda: True)
    except (OutOfTime, KeyboardInterrupt) as stop:
        timed = isinstance(stop, OutOfTime)
        status = LeastHorizonStatus.time_limit if timed else LeastHorizonStatus.interrupted
        return LeastHorizon(enough.horizon, (), None, None, np.nan, status, None, {"cells": cells})


def _at(system, horizon):
    return eqx.tree_at(lambda s: s.horizon, system, jnp.asarray(horizon, system.horizon.dtype))


def _bracket(system, wanted, cells, enough):
    """Neighbouring horizons, the best cost on cells above `wanted` at the first and not the second.

    With the optima on cells there; None where even the largest horizon is not enough.
    """
    start, largest = float(system.start), float(system.horizon)
    mesh = cells_mesh(system, cells)
    evaluations = 0

    def best(horizon, starts) -> CellsOptimum:
        nonlocal evaluations
        optimum = optimise_cells(
            _at(system, horizon), cells, starts, mesh=mesh, time_limit=enough.deadline
        )
        evaluations += optimum.evaluations
        if optimum.cost <= wanted:
            enough.horizon = min(enough.horizon, horizon)
        enough.check(optimum.ended)
        return optimum

    low, high = start, largest
    below, above = None, best(high, None)
    if above.cost > wanted:
        return None, evaluations
    while high - low > _BRACKET * (largest - start):
        middle = (low + high) / 2
        values = np.asarray(above.control.values)
        warm = np.clip(values, float(system.lower), float(system.upper))
        centre = float(system.lower + system.upper) / 2
        optimum = best(middle, (warm, centre))
        if optimum.cost <= wanted:
            high, above = middle, optimum
        else:
            low, below = middle, optimum
    return (low, below, high, above), evaluations


def _nothing(system, status, counts) -> LeastHorizon:
    horizon = float(system.start) if status == LeastHorizonStatus.at_start else np.inf
    return LeastHorizon(horizon, (), None, None, np.nan, status, None, counts)


def _for_cost(system, tolerance, cells, residual_tolerance, enough) -> LeastHorizon:
    counts = {"cells": cells, "evaluations": 0, "solves": 0}
    if float(system.cost(system.initial)) <= tolerance:
        return _nothing(system, LeastHorizonStatus.at_start, counts)
    found, evaluations = _bracket(system, tolerance, cells, enough)
    counts["evaluations"] = evaluations
    if found is None:
        return _nothing(system, LeastHorizonStatus.out_of_reach, counts)
    low, _, high, _ = found
    solution = None

    def excess(horizon):
        nonlocal solution
        if horizon <= float(system.start):
            return float(system.cost(system.initial)) - tolerance
        counts["solves"] += 1
        solution = _solution_near(
            _at(system, horizon), solution, cells, residual_tolerance, enough.deadline
        )
        counts["evaluations"] += solution.counts["evaluations"]
        if solution.cost <= tolerance:
            enough.horizon = min(enough.horizon, horizon)
        stopped = solution.status == SolutionStatus.interrupted
        enough.check("interrupted" if stopped else None)
        return solution.cost - tolerance

    # Cells are never better than the optimum: `high` is high enough, but `low` may be, too.
    width = high - low
    while excess(low) <= 0 and low > float(system.start):
        high, low = low, max(float(system.start), low - width)
    horizon = brentq(excess, low, high, xtol=1e-15 * max(1.0, high), rtol=1e-14)
    error = abs(excess(horizon))
    status = LeastHorizonStatus.successful
    if solution.status == SolutionStatus.unresolved:
        status = LeastHorizonStatus.unresolved
    return LeastHorizon(
        float(horizon),
        solution.arcs,
        solution.trajectory,
        solution.residual,
        float(error),
        status,
        solution,
        counts,
    )


def _solution_near(system, previous, cells, tolerance, deadline) -> Solution:
    """The optimum, from the arcs at another horizon where they still serve."""
    if previous is not None and previous.status == SolutionStatus.successful:
        start, old = float(system.start), float(previous.system.horizon)
        ratio = (float(system.horizon) - start) / (old - start)
        arcs = tuple(
            Arc(arc.kind, start + ratio * (arc.start - start), start + ratio * (arc.stop - start))
            for arc in previous.arcs
        )
        edges = np.array([start, *(arc.stop for arc in arcs[:-1]), float(system.horizon)])
        control = previous.control
        control = eqx.tree_at(lambda c: c.edges, control, jnp.asarray(edges))
        arcs = tuple(map(Arc, (arc.kind for arc in arcs), edges[:-1], edges[1:]))
        trajectory = follow(system, control, previous.trajectory.mesh)
        resolved = resolve(system, arcs, trajectory, tolerance, deadline=deadline)
        if resolved is None:
            return solve(system, cells, tolerance, time_limit=deadline)
        counts = {
            "cells": 0,
            "evaluations": 0,
            "newton": resolved.newton,
            "rounds": resolved.rounds,
        }
        solution = solution_of(system, resolved, tolerance, counts)
        if solution.status == SolutionStatus.successful:
            return solution
    return solve(system, cells, tolerance, time_limit=deadline)


@eqx.filter_jit
def _end(system, values, mesh, unknowns):
    """x(T) under bang arcs, and its derivative in the switch times and T."""

    def final(unknowns):
        control = eqx.tree_at(
            lambda c: (c.breakpoints, c.values),
            PiecewiseConstantControl(np.zeros(values.shape[0] - 1), np.zeros(values.shape[0])),
            (unknowns[:-1], values),
        )
        return forward(_at(system, unknowns[-1]), control, mesh)[-1]

    return final(unknowns), jax.jacfwd(final)(unknowns)


def _for_target(system, cells, residual_tolerance, enough) -> LeastHorizon:
    counts = {"cells": cells, "evaluations": 0, "newton": 0}
    distance = float(system.cost(system.initial))
    target = np.asarray(system.cost.target)
    size = max(np.linalg.norm(target), np.sqrt(2 * distance))
    if distance <= 0.5 * (1e-14 * size) ** 2:
        return _nothing(system, LeastHorizonStatus.at_start, counts)
    found, evaluations = _bracket(system, _NEAR * distance, cells, enough)
    counts["evaluations"] = evaluations
    if found is None:
        return _nothing(system, LeastHorizonStatus.out_of_reach, counts)
    low, below, high, above = found
    # Shortly before the least horizon the costate is still there, and with it the structure.
    optimum, horizon = (below, low) if below is not None else (above, high)
    edges = np.linspace(float(system.start), horizon, cells + 1)
    arcs = read_arcs(edges, optimum.fractions, optimum.switching)
    unresolved = LeastHorizon(
        high, arcs, None, None, np.nan, LeastHorizonStatus.unresolved, None, counts
    )
    if any(arc.kind == ArcKind.singular for arc in arcs):
        return unresolved

    lower, upper = float(system.lower), float(system.upper)
    values = np.array([lower if arc.kind == ArcKind.lower else upper for arc in arcs])
    start = float(system.start)
    unknowns = np.array([arc.stop for arc in arcs])
    guess = PiecewiseConstantControl(unknowns[:-1], values)
    mesh, _ = choose_mesh(_at(system, unknowns[-1]), guess)
    result = least_squares(
        lambda z: np.asarray(_end(system, jnp.asarray(values), mesh, jnp.asarray(z))[0]) - target,
        unknowns,
        lambda z: np.asarray(_end(system, jnp.asarray(values), mesh, jnp.asarray(z))[1]),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        x_scale=unknowns[-1] - start,
    )
    counts["newton"] = result.nfev
    unknowns, error = result.x, float(np.linalg.norm(result.fun))
    if error > 1e-10 * size or np.any(np.diff([start, *unknowns]) <= 0):
        return unresolved
    trajectory = _least_time_trajectory(system, values, unknowns, optimum, horizon)
    residual = pontryagin_residual(trajectory)
    edges = [start, *unknowns]
    arcs = tuple(map(Arc, (arc.kind for arc in arcs), edges[:-1], map(float, edges[1:])))
    extremal = float(residual.relative) <= residual_tolerance
    status = LeastHorizonStatus.successful if extremal else LeastHorizonStatus.unresolved
    return LeastHorizon(
        float(unknowns[-1]), arcs, trajectory, residual, error, status, None, counts
    )


def _least_time_trajectory(system, values, unknowns, optimum, horizon) -> Trajectory:
    """With the costate normal to all that the switch times can do to x(T), and ⟨p, ẋ(T)⟩ = −1."""
    timed = _at(system, unknowns[-1])
    control = PiecewiseConstantControl(unknowns[:-1], values)
    mesh, _ = choose_mesh(timed, control)
    end, jacobian = map(np.asarray, _end(system, jnp.asarray(values), mesh, jnp.asarray(unknowns)))
    _, singular, rows = np.linalg.svd(jacobian[:, :-1].T, full_matrices=True)
    rank = int(np.sum(singular > 1e-10 * max(singular.max(initial=0.0), 1e-300)))
    null = rows[rank:] if rank < rows.shape[0] else rows[-1:]
    # Where the normal is not unique: the one closest to the costate shortly before.
    before = follow(_at(system, horizon), optimum.control, optimum.mesh).costates[-1]
    normal = null.T @ (null @ np.asarray(before))
    velocity = np.asarray(system.velocity(jnp.asarray(end), float(values[-1])))
    along = float(normal @ velocity)
    normal = -normal / along if along != 0 else normal
    timed = eqx.tree_at(lambda s: s.cost, timed, _Direction(jnp.asarray(normal)))
    return follow(timed, control, mesh)
