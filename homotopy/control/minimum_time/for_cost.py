"""The least horizon at which a cost can be reached."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from homotopy.control.arcs import Arc
from homotopy.control.minimum_time.bracket import at, bracket
from homotopy.control.minimum_time.result import LeastHorizon, LeastHorizonStatus, nothing
from homotopy.control.resolve import resolve
from homotopy.control.search import solution_of, solve
from homotopy.control.solution import Solution, SolutionStatus
from homotopy.control.trajectory import follow


def for_cost(system, wanted, cells, residual_tolerance, enough) -> LeastHorizon:
    """The root of J*(T) = wanted, J* the polished optimum."""
    counts = {"cells": cells, "evaluations": 0, "solves": 0}
    if float(system.cost(system.initial)) <= wanted:
        return nothing(system, LeastHorizonStatus.at_start, counts)
    found, evaluations = bracket(system, wanted, cells, enough)
    counts["evaluations"] = evaluations
    if found is None:
        return nothing(system, LeastHorizonStatus.out_of_reach, counts)
    low, _, high, _ = found
    solution = None

    def excess(horizon):
        nonlocal solution
        if horizon <= float(system.start):
            return float(system.cost(system.initial)) - wanted
        counts["solves"] += 1
        solution = _solution_near(
            at(system, horizon), solution, cells, residual_tolerance, enough.deadline
        )
        counts["evaluations"] += solution.counts["evaluations"]
        if solution.cost <= wanted:
            enough.horizon = min(enough.horizon, horizon)
        stopped = solution.status == SolutionStatus.interrupted
        enough.check("interrupted" if stopped else None)
        return solution.cost - wanted

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
