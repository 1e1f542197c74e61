"""Where turning ε over for an instant lowers ℰ (Pontryagin's condition), compiled."""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.switched.arcs import COSTATE, STATE, carry, to_the_end
from homotopy.control.switched.newton import begin_search
from homotopy.numerics.compiled import borrowing, inner

_TRIED = 5  # needles at a time
_LEAST = 1e-7  # gain, relative to the largest of |φ|, from which a needle counts
_END = 1e-12  # of T − s: needles so near an end stand at it


class Needles(NamedTuple):
    """Where ε is turned over for an instant, and room to see what is gained.

    Attributes
    ----------
    times, gains : (m,)
        As fractions of the span, ascending; and what `set_needle_gains` finds.
    costates : (k, d)
        Where each arc ends.
    decays : (2, d)
        From the beginning of the arc, and to its end.
    observed, state, costate : (g, d)
        In the modes of the flow: B, and B times, mode by mode, the state where the arc begins and
        the costate where it ends.
    lengths : (k,), start : (1, k)
    """

    times: np.ndarray
    gains: np.ndarray
    costates: np.ndarray
    decays: np.ndarray
    observed: np.ndarray
    state: np.ndarray
    costate: np.ndarray
    lengths: np.ndarray
    start: np.ndarray


@inner
@no_type_check
def new_needles(flow, times, count):
    size, g = flow.rates.size, flow.residual.size
    return Needles(
        times,
        np.empty(times.size),
        np.empty((count, size)),
        np.empty((2, size)),
        np.empty((g, size)),
        np.empty((g, size)),
        np.empty((g, size)),
        np.empty(count),
        np.empty((1, count)),
    )


@borrowing
@no_type_check
def set_needle_gains(flow, arcs, first, needles, work):
    """φ(1 − 2ε) at ascending times (m,): how fast ℰ falls as ε is turned over around them.

    Pontryagin's condition is that none of it is positive. On an arc state and costate are sums of
    exponentials in the modes of its flow.
    """
    size, g, span, vectors = flow.rates.size, flow.residual.size, flow.span, work.vectors
    times, decays, costates = needles.times, needles.decays, needles.costates
    state, costate, observed = needles.state, needles.costate, needles.observed
    to_the_end(flow, arcs, first, span, work)
    for arc in range(arcs.size - 1, -1, -1):
        for i in range(size):
            costates[arc, i] = vectors[COSTATE, i]  # where the arc ends
        if arcs[arc] > 0.0:
            carry(flow, 1 - (first + arc) % 2, work, arc, COSTATE, COSTATE)
    for k in range(g):
        for j in range(size):
            observed[k, j] = 0.0
            for i in range(size):
                observed[k, j] += flow.rotation[i, j] * flow.rows[k, i]
    for i in range(size):
        vectors[STATE, i] = work.opening[i]
    begin, arc, entered = 0.0, 0, False
    for m in range(times.size):
        while arc < arcs.size - 1 and (arcs[arc] == 0.0 or begin + arcs[arc] < times[m]):
            if arcs[arc] > 0.0:
                carry(flow, 1 - (first + arc) % 2, work, arc, STATE, STATE)
            begin += arcs[arc]
            arc += 1
            entered = False
        weight = 1 - (first + arc) % 2
        if not entered:
            for j in range(size):
                here, there = vectors[STATE, j], costates[arc, j]
                if weight == 1:
                    here, there = -flow.limit[j], 0.0
                    for i in range(size):
                        here += flow.rotation[i, j] * vectors[STATE, i]
                        there += flow.rotation[i, j] * costates[arc, i]
                for k in range(g):
                    row = observed[k, j] if weight == 1 else flow.rows[k, j]
                    state[k, j], costate[k, j] = row * here, row * there
            entered = True
        passed = min(max(times[m] - begin, 0.0), arcs[arc])
        for j in range(size):
            rate = flow.full_rates[j] if weight == 1 else flow.rates[j]
            decays[0, j] = np.exp(-rate * passed * span)
            decays[1, j] = np.exp(-rate * (arcs[arc] - passed) * span)
        phi = 0.0
        for k in range(g):
            sigma, residual = 0.0, -flow.residual[k]
            for j in range(size):
                sigma += costate[k, j] * decays[1, j]
                residual += state[k, j] * decays[0, j]
                if weight == 1:
                    residual += observed[k, j] * flow.limit[j]
            phi += sigma * residual
        needles.gains[m] = -phi if weight == 1 else phi


@borrowing
@no_type_check
def try_needles(searches, best, needles, max_switches):
    """Searches from the best where turning ε over for an instant helps, in place of the worst.

    Nothing is done where Pontryagin's condition holds, or where the best has as many switches as
    are allowed.
    """
    times, gains, lengths, start = needles.times, needles.gains, needles.lengths, needles.start
    size, values, last = searches.arcs.shape[1], -1, -1
    # Neighbours of the same value, with nothing between them, are one arc.
    for j in range(size):
        if searches.arcs[best, j] > 0.0:
            if values != 1 - j % 2:
                values, last = 1 - j % 2, last + 1
                lengths[last] = 0.0
            lengths[last] += searches.arcs[best, j]
    opening_value = values if last % 2 == 0 else 1 - values
    largest = 0.0
    for m in range(gains.size):
        largest = max(largest, abs(gains[m]))
    tried = 0
    while tried < _TRIED:
        peak, highest = -1, _LEAST * largest
        for m in range(gains.size):
            before = gains[m - 1] if m > 0 else -1.0
            after = gains[m + 1] if m + 1 < gains.size else -1.0
            if gains[m] > highest and gains[m] >= before and gains[m] > after:
                peak, highest = m, gains[m]
        if peak < 0:
            break
        # At an end one of the two halves has no length, and one new switch is enough.
        time = times[peak]
        inside = _END < time < 1.0 - _END
        switches, begin = last + (2 if inside else 1), 1 - opening_value
        if time <= _END:
            begin = opening_value
        if switches <= max_switches:
            _set_needle(lengths, last, begin, time, start[0])
            worst = -1
            for lane in range(searches.cost.size):
                if lane != best and searches.steps[lane] > 0:
                    if worst < 0 or searches.cost[lane] > searches.cost[worst]:
                        worst = lane
            if worst < 0:
                break
            begin_search(searches, worst, start, 0, begin)
            tried += 1
        # Next come the other peaks: what is beside this one is none.
        gains[peak] = np.nan
    return tried > 0


@borrowing
@no_type_check
def _set_needle(lengths, last, begin, time, start):
    """Arcs with one more, of the other value and of no length, at a time between 0 and 1.

    The arcs 0 to `last` are put behind place `begin`.
    """
    total = 0.0
    for j in range(start.size):
        start[j] = 0.0
    place, before, needle = begin, 0.0, _END < time < 1.0 - _END
    if time <= _END:
        place += 1
    for j in range(last + 1):
        length = lengths[j]
        if needle and (time < before + length or j == last):
            start[place] = time - before
            start[place + 2] = length - (time - before)
            place, needle = place + 3, False
        else:
            start[place] = length
            place += 1
        before += length
        total += length
    for j in range(start.size):
        start[j] = max(start[j], 0.0) / total
