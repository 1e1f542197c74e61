"""The trajectory that attains the dual of one row, forwards, compiled."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.modes import decay_and_held
from homotopy.numerics.compiled import compiled


@compiled
@no_type_check
def attained(levels, pieces, count, most_zeros, means):
    """u at the end of the trajectory that attains the value, and what each zero of σ does to it.

    Parameters
    ----------
    levels : Levels
    pieces : (m, 7)
        See `carried`.
    count, most_zeros : int
    means : (2, 2, n)
        Filled: ∫|σ|v and ∫|σ| on the cells, where σ < 0 and where σ > 0.

    Returns
    -------
    state : (d,)
    effects : (d, k)
        Φ(T, ζ)b at each zero ζ of σ.
    strengths : (k,)
        |Δw/σ̇| there.
    """
    size, found = levels.start.size, 0
    columns = np.zeros((most_zeros + 1, size))
    strengths, inside, before = np.zeros(most_zeros), np.empty(size), 0.0
    for j in range(size):
        columns[0, j] = levels.start[j]
    means[:] = 0.0
    for piece in range(count - 1, -1, -1):
        level, push = int(pieces[piece, 1]), pieces[piece, 2]
        weight, duration = levels.weights[level], pieces[piece, 0]
        value = -levels.residual
        for j in range(size):
            value += levels.row[j] * columns[0, j]
        if pieces[piece, 3] > 0.0 and found < most_zeros:
            jump = abs(weight * value + push - before)
            strengths[found] = jump / max(abs(pieces[piece, 4]), 1e-300)
            found += 1
            for j in range(size):
                columns[found, j] = levels.row[j]
        drive, at_first = weight * levels.residual - push, value
        for k in range(found + 1):
            for j in range(size):
                if level == 0:
                    inside[j] = columns[k, j]
                else:
                    total = 0.0
                    for i in range(size):
                        total += levels.rotations[level, i, j] * columns[k, i]
                    inside[j] = total
            for j in range(size):
                decay, held = decay_and_held(levels.rates[level, j], duration)
                inside[j] *= decay
                if k == 0:
                    inside[j] += held * levels.observed[level, j] * drive
            for i in range(size):
                if level == 0:
                    columns[k, i] = inside[i]
                else:
                    total = 0.0
                    for j in range(size):
                        total += levels.rotations[level, i, j] * inside[j]
                    columns[k, i] = total
        value = -levels.residual
        for j in range(size):
            value += levels.row[j] * columns[0, j]
        before = weight * value + push
        cell, seen = int(pieces[piece, 5]), pieces[piece, 6]
        side = 1 if seen > 0.0 else 0
        means[0, side, cell] += 0.5 * abs(seen) * (at_first + value)
        means[1, side, cell] += abs(seen)
    return columns[0].copy(), columns[1 : found + 1].T.copy(), strengths[:found].copy()
