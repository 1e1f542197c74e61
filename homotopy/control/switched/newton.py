"""Newton's method in the arc lengths, compiled.

The lengths are non-negative numbers with a given sum. The longest arc takes up what the others
leave, which makes the constraint disappear; the bounds are met by projection, and arcs that the
cost presses against theirs stay out of the Newton system (Bertsekas, SIAM J. Control Optim. 20,
1982). The Hessian is exact, made positive definite by its LDLᵀ factors and damped as long as steps
fail, so that the last steps are Newton's own and converge quadratically to rounding.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.switched.arcs import new_workspace, prepare, set_derivatives
from homotopy.control.switched.records import FIRST_DAMPING
from homotopy.numerics.compiled import borrowing, compiled

_UNIT = float(np.finfo(np.float64).eps)
_SMALLEST_DAMPING, _LARGEST_DAMPING = 1e-9, 1e12
_NEAR = 1e-7  # arcs shorter than this part of the whole, and pressed, close at once
_ARRIVED = 1e-9  # Newton steps shorter than this are the last


@borrowing
@no_type_check
def _onto_simplex(point, allowed):
    """The nearest point with non-negative entries that add up to one; zero where not allowed."""
    shift = -np.inf
    for i in range(point.size):
        if not allowed[i]:
            continue
        total, above = 0.0, 0
        for j in range(point.size):
            if allowed[j] and point[j] >= point[i]:
                total += point[j]
                above += 1
        shift = max(shift, (total - 1.0) / above)
    for i in range(point.size):
        point[i] = max(point[i] - shift, 0.0) if allowed[i] else 0.0


@borrowing
@no_type_check
def _damped_step(hessian, gradient, free, damping, factors, step):
    """−(H + damping)⁻¹ g among the free entries, with the pivots of H = LDLᵀ made positive."""
    size, scale = gradient.size, 0.0
    for i in range(size):
        total = 0.0
        for j in range(size):
            factors[i, j] = hessian[i, j] if free[i] and free[j] else 0.0
            total += abs(factors[i, j])
        step[i] = total
        scale = max(scale, total)
    if scale == 0.0:
        scale = 1.0
    for i in range(size):
        # Gershgorin: with a damping of one the matrix is positive definite.
        factors[i, i] += damping * (step[i] + 1e-3 * scale) if free[i] else 1.0
        step[i] = -gradient[i] if free[i] else 0.0
    for k in range(size):
        factors[k, k] = max(abs(factors[k, k]), 16 * _UNIT * scale) if free[k] else 1.0
        for i in range(k + 1, size):
            factor = factors[i, k] / factors[k, k]
            for j in range(k + 1, i + 1):
                factors[i, j] -= factor * factors[j, k]
            step[i] -= factor * step[k]
    for k in range(size - 1, -1, -1):
        for i in range(k + 1, size):
            step[k] -= factors[i, k] * step[i]
        step[k] /= factors[k, k]


@borrowing
@no_type_check
def _longest(arcs):
    longest = 0
    for i in range(1, arcs.size):
        if arcs[i] > arcs[longest]:
            longest = i
    return longest


@borrowing
@no_type_check
def _stationarity(arcs, gradient):
    """Largest entry of the reduced gradient that an admissible step could follow."""
    at_longest, largest = gradient[_longest(arcs)], 0.0
    for i in range(arcs.size):
        reduced = gradient[i] - at_longest
        if not (arcs[i] <= 0.0 and reduced > 0.0):
            largest = max(largest, abs(reduced))
    return largest


@borrowing
@no_type_check
def _take(trial, arcs, gradient, hessian, work):
    """Arcs and the derivatives there from the workspace."""
    for i in range(arcs.size):
        arcs[i] = trial[i]
        gradient[i] = work.gradient[i]
        for j in range(arcs.size):
            hessian[i, j] = work.hessian[i, j]


@borrowing
@no_type_check
def improve(flow, searches, lane, limit, work):
    """Trial steps of one search, each taken if it lowers the cost, or damped further."""
    gradient, hessian = searches.gradient[lane], searches.hessian[lane]
    size, span, first = gradient.size, flow.span, searches.first[lane]
    arcs = searches.arcs[lane, first : first + size]
    free, within, eliminated = work.free, work.within, work.eliminated
    reduced, trial, change = work.reduced, work.trial, work.change
    if searches.steps[lane] == 0:
        searches.cost[lane] = set_derivatives(flow, arcs, first, span, work)
        _take(arcs, arcs, gradient, hessian, work)
        searches.steps[lane] = 1
    while not searches.done[lane] and searches.steps[lane] < limit:
        value, damping = searches.cost[lane], searches.damping[lane]
        longest = _longest(arcs)
        for i in range(size):
            reduced[i] = gradient[i] - gradient[longest]
            within[i] = not (arcs[i] <= _NEAR and reduced[i] > 0.0)  # the others close
            free[i] = within[i] and i != longest
        corner = hessian[longest, longest]
        for i in range(size):
            for j in range(size):
                beside = hessian[longest, j] + hessian[longest, i] - corner
                eliminated[i, j] = hessian[i, j] - beside
        _damped_step(eliminated, reduced, free, damping, work.factors, trial)
        total = 0.0
        for i in range(size):
            trial[i] = trial[i] + arcs[i] if within[i] else 0.0
            total += trial[i]
        trial[longest] += 1.0 - total
        _onto_simplex(trial, within)

        new_value = set_derivatives(flow, trial, first, span, work)
        moved = 0.0
        for i in range(size):
            change[i] = trial[i] - arcs[i]
            moved = max(moved, abs(change[i]))
        # Once costs agree to rounding the gradient decides.
        tie = abs(new_value - value) <= 64 * _UNIT * value
        if tie:
            accepted = _stationarity(trial, work.gradient) < _stationarity(arcs, gradient)
        else:
            accepted = new_value < value
        accepted = accepted and moved > 0.0
        if accepted:
            # As the quadratic model was to be trusted, so it is for the next step.
            predicted = 0.0
            for i in range(size):
                curved = 0.0
                for j in range(size):
                    curved += hessian[i, j] * change[j]
                predicted -= change[i] * (gradient[i] + 0.5 * curved)
            faithful = abs(value - new_value - predicted) <= 0.25 * abs(predicted)
            relaxed = damping * (1e-3 if faithful else 0.125)
            searches.damping[lane] = max(relaxed, _SMALLEST_DAMPING)
            searches.cost[lane] = new_value
            _take(trial, arcs, gradient, hessian, work)
            # Newton's steps converge quadratically: after one so short only rounding is left.
            searches.done[lane] = damping < 1e-6 and moved < _ARRIVED
        else:
            raised = max(damping * 8, 1e-3)
            settled = tie and (damping < 1e-4 or moved < 1e-10)
            searches.damping[lane] = raised
            searches.done[lane] = moved <= 2 * _UNIT or raised > _LARGEST_DAMPING or settled
        searches.steps[lane] += 1


@compiled
@no_type_check
def improve_first(flow, searches, max_steps):
    """The first search to its end, in place."""
    work = new_workspace(flow, searches.gradient.shape[1])
    prepare(flow, work)
    improve(flow, searches, 0, max_steps, work)


@borrowing
@no_type_check
def begin_search(searches, lane, arcs, row, first):
    """A search from one of several rows of arcs."""
    for i in range(arcs.shape[1]):
        searches.arcs[lane, i] = arcs[row, i]
    searches.first[lane] = first
    searches.cost[lane] = np.inf
    searches.damping[lane] = FIRST_DAMPING
    searches.done[lane] = False
    searches.steps[lane] = 0
