"""Newton's method from many starts and, where needles lower ℰ, from those; compiled."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.switched.arcs import new_workspace, prepare
from homotopy.control.switched.needles import new_needles, set_needle_gains, try_needles
from homotopy.control.switched.newton import begin_search, improve
from homotopy.control.switched.records import Searches, SwitchedFlow
from homotopy.control.switched.samples import new_branches, start_from_samples
from homotopy.numerics.compiled import alias, borrowing, compiled

_GLANCE, _LOOK = 4, 12  # steps of every search, and of the promising ones
_PROMISING = 5
_PROGRESS = 1e-12  # relative decrease of ℰ that makes needles worth another look


@compiled
@no_type_check
def multistart(flows, samples, warm, warm_first, max_switches, max_steps, times, found):
    """Newton's method from the best sample of each block and from the warm start.

    Parameters
    ----------
    flows : SwitchedFlow
        Of N problems: every array, and `delay` and `span`, with a leading axis.
    samples : Samples
    warm, warm_first : (N, k), (N,)
    max_switches, max_steps : int
    times : (q,)
        Where needles are tried, as fractions of the span, ascending.
    found : Searches
        With a leading axis; filled in.
    """
    work = new_workspace(_one(flows, 0), max_switches + 1)
    branches = new_branches(samples, flows.rates.shape[1])
    needles = new_needles(_one(flows, 0), times, warm.shape[1])
    for i in range(flows.span.size):
        flow = _one(flows, i)
        searches = Searches(
            found.arcs[i],
            found.first[i],
            found.cost[i],
            found.gradient[i],
            found.hessian[i],
            found.damping[i],
            found.done[i],
            found.steps[i],
        )
        prepare(flow, work)
        start_from_samples(flow, samples, work.opening, branches, searches)
        begin_search(searches, searches.cost.size - 1, warm, i, warm_first[i])
        _search(flow, searches, max_switches, max_steps, needles, work)


@alias
@no_type_check
def _one(flows, i):
    return SwitchedFlow(
        flows.rates[i],
        flows.full_rates[i],
        flows.rotation[i],
        flows.transposed[i],
        flows.rows[i],
        flows.residual[i],
        flows.limit[i],
        flows.initial[i],
        flows.goal[i],
        flows.delay[i],
        flows.span[i],
    )


@borrowing
@no_type_check
def _search(flow, searches, max_switches, max_steps, needles, work):
    """Newton's method, and again with needles as long as they lower the least cost."""
    record = np.inf
    while True:
        _advance(flow, searches, max_steps, work)
        best = np.argmin(searches.cost)
        if max_switches == 0 or not searches.cost[best] < record * (1.0 - _PROGRESS):
            break
        record, first = searches.cost[best], searches.first[best]
        arcs = searches.arcs[best, first : first + max_switches + 1]
        set_needle_gains(flow, arcs, first, needles, work)
        if not try_needles(searches, best, needles, max_switches):
            break


@borrowing
@no_type_check
def _advance(flow, searches, max_steps, work):
    """A glance at every search, a look at the promising ones, and the best to its end."""
    for lane in range(searches.cost.size):
        improve(flow, searches, lane, min(_GLANCE, max_steps), work)
    for _ in range(_PROMISING):
        chosen, least = 0, np.inf
        for lane in range(searches.cost.size):
            waits = not searches.done[lane] and searches.steps[lane] < _LOOK
            if waits and searches.cost[lane] < least:
                chosen, least = lane, searches.cost[lane]
        if least < np.inf:
            improve(flow, searches, chosen, min(_LOOK, max_steps), work)
    while True:
        best = np.argmin(searches.cost)
        if searches.done[best] or searches.steps[best] >= max_steps:
            break
        improve(flow, searches, best, max_steps, work)
