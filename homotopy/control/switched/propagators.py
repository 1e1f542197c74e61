"""What a step of exponential collocation does, apart from the weights; compiled.

It depends on the length of the step alone, and there are few different ones: see `weighted`.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.numerics.compiled import borrowing, compiled, summing

_SAME = 4.0 * 2.0**-52  # lengths of steps
_LARGE = 100.0  # argument beyond which Bessel functions are found by the upward recurrence
_TINY = 1e-30


class Propagators(NamedTuple):
    """What steps of l different lengths do, apart from ε.

    Attributes
    ----------
    lengths : (l,)
    which : (m,)
        The length of each step.
    decays : (l, n + 1, d)
        Of the modes, up to each node and the end.
    coupling : (2, l, n g, n g)
        What Bu at the nodes feels of εv there, and what BΛu does; node by node.
    memory : (l, d, n)
        What a mode feels at the end of εv at the nodes, but for B.
    steady, wavy : (l, d)
        And of a constant εv, and of one like the last Legendre polynomials but one.
    """

    lengths: np.ndarray
    which: np.ndarray
    decays: np.ndarray
    coupling: np.ndarray
    memory: np.ndarray
    steady: np.ndarray
    wavy: np.ndarray


@compiled
@no_type_check
def propagators(flow, rule, of_steps):
    """`Propagators` of steps of the given lengths (m,)."""
    d, n, g = flow.rates.size, rule.nodes.size, flow.residual.size
    lengths, which, count = np.empty(of_steps.size), np.empty(of_steps.size, np.int64), 0
    for step in range(of_steps.size):
        found = count
        for known in range(count):
            # Those that differ by rounding are one.
            if abs(lengths[known] - of_steps[step]) <= _SAME * of_steps[step]:
                found = known
        if found == count:
            lengths[count] = of_steps[step]
            count += 1
        which[step] = found
    made = Propagators(
        lengths[:count],
        which,
        np.empty((count, n + 1, d)),
        np.empty((2, count, n * g, n * g)),
        np.empty((count, d, n)),
        np.empty((count, d)),
        np.empty((count, d)),
    )
    arguments, bessel = np.empty(d), np.empty((n, d))
    seen, restricted = np.empty((2, n, g, g)), np.empty((n, n))
    for row in range(count):
        for end in range(n + 1):
            duration = lengths[row] * rule.ends[end]
            for j in range(d):
                arguments[j] = 0.5 * flow.rates[j] * duration
                made.decays[row, end, j] = np.exp(-flow.rates[j] * duration)
            _set_bessel(arguments, bessel)
            for m in range(n):
                for j in range(n):
                    restricted[m, j] = duration * rule.restrictions[end, m, j]
            if end == n:
                _set_memory(restricted, bessel, made.memory, row)
                for j in range(d):
                    made.steady[row, j] = duration * bessel[0, j]
                    made.wavy[row, j] = duration * bessel[n - 2, j]
            else:
                _set_seen(flow.rows, flow.rates, bessel, seen)
                _set_coupling(restricted, seen, made.coupling, row, end)
    return made


@borrowing
@no_type_check
def _set_bessel(x, values):
    """e^{−x} i_m(x) for each m < n and each x ≥ 0; see `numerics.legendre_history`."""
    n, count = values.shape
    largest = 0.0
    for j in range(count):
        largest = max(largest, min(x[j], _LARGE))
        values[0, j] = 0.0
    # Downward, of the ratios i_m/i_{m−1}; those beyond the last that is kept pass through row 0.
    for m in range(n + 12 + int(0.65 * largest), 0, -1):
        above, row = m + 1 if m + 1 < n else 0, m if m < n else 0
        for j in range(count):
            values[row, j] = x[j] / (2.0 * m + 1.0 + x[j] * values[above, j])
    for j in range(count):
        small = x[j] < _TINY
        values[0, j] = 1.0 if small else -np.expm1(-2.0 * x[j]) / (2.0 * x[j])
    for m in range(1, n):
        for j in range(count):
            values[m, j] *= values[m - 1, j]
    for j in range(count):
        if x[j] > _LARGE:
            values[1, j] = (1.0 + np.exp(-2.0 * x[j])) / (2.0 * x[j]) - values[0, j] / x[j]
            for m in range(1, n - 1):
                values[m + 1, j] = values[m - 1, j] - (2 * m + 1) / x[j] * values[m, j]


@borrowing
@no_type_check
def _set_memory(restricted, bessel, memory, row):
    n, d = bessel.shape
    for j in range(d):
        for k in range(n):
            memory[row, j, k] = 0.0
        for m in range(n):
            for k in range(n):
                memory[row, j, k] += bessel[m, j] * restricted[m, k]


@summing
@no_type_check
def _set_seen(rows, rates, bessel, seen):
    """B diag(bessel) Bᵀ of each degree, and BΛ diag(bessel) Bᵀ."""
    n, d = bessel.shape
    for m in range(n):
        for a in range(rows.shape[0]):
            for b in range(a + 1):
                total = drift = 0.0
                for j in range(d):
                    term = rows[a, j] * rows[b, j] * bessel[m, j]
                    total += term
                    drift += term * rates[j]
                seen[0, m, a, b] = seen[0, m, b, a] = total
                seen[1, m, a, b] = seen[1, m, b, a] = drift


@borrowing
@no_type_check
def _set_coupling(restricted, seen, coupling, row, end):
    n, g = seen.shape[1:3]
    for kind in range(2):
        for a in range(g):
            own = end * g + a
            for column in range(n * g):
                coupling[kind, row, own, column] = 0.0
            for m in range(n):
                for k in range(n):
                    for b in range(g):
                        felt = restricted[m, k] * seen[kind, m, a, b]
                        coupling[kind, row, own, k * g + b] += felt
