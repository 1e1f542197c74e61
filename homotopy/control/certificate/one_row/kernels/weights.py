"""The weights κ of the dual of one row, compiled.

Where the sign of v is known κ follows that of σ. Where it is not, −a ≤ v ≤ b, the κ of least loss
is b/(a + b) for σ > 0, by which w ≤ κ(v + a); it is the best one as long as the trajectory that
attains the value keeps to the bounds of v.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.backward import Node
from homotopy.numerics.compiled import compiled


@compiled
@no_type_check
def arranged(weights, tube, at, within, force):
    """The arrays of a node: runs of one sign, and the level of least loss elsewhere.

    Every gap may have either sign.
    """
    count = tube.edges.size - 1
    first, sign = np.empty(count, np.int64), np.zeros(count, np.int64)
    levels = np.zeros((2, count), np.int64)
    for i in range(count):
        first[i] = i
        if tube.cell_low[i] >= 0.0:
            sign[i] = 1
        elif tube.cell_high[i] <= 0.0:
            sign[i] = -1
        if sign[i] != 0:
            if i > 0 and sign[i - 1] == sign[i]:
                first[i] = first[i - 1]
            continue
        below, above = -tube.cell_low[i], tube.cell_high[i]
        least, other = np.inf, np.inf
        for k in range(weights.size):
            loss = max((1.0 - weights[k]) * below, weights[k] * above)
            if loss < least:
                least, levels[0, i] = loss, k
            loss = max((1.0 - weights[k]) * above, weights[k] * below)
            if loss < other:
                other, levels[1, i] = loss, k
    return Node(
        tube.edges, first, sign, tube.cell_low, tube.cell_high, levels, at, within, force,
        np.full(count, -1), np.zeros(count, np.int64), 0,
    )  # fmt: skip


@compiled
@no_type_check
def adjusted(weights, node, means, shares, steps):
    """Levels of κ that keep the trajectory which attains the value to the bounds of v.

    Where it does not, the loss is least elsewhere: D is concave in κσ, and its slope in κ is known
    from where v is. `shares` holds κ, and `steps` by how much it last moved (Rprop); both are
    changed in place.

    Parameters
    ----------
    weights : (L,)
    node : Node
    means : (2, 2, n)
        See `attained`.
    shares, steps : (2, n)

    Returns
    -------
    levels : (2, n)
    moved : int
        How many have changed.
    """
    count, top = node.sign.size, weights.size - 1
    levels, moved = node.levels.copy(), 0
    for i in range(count):
        if node.sign[i] != 0 or node.gap[i] >= 0:
            continue
        for side in range(2):
            if means[1, side, i] <= 0.0:
                continue
            v = means[0, side, i] / means[1, side, i]
            below, above = -node.low[i], node.high[i]
            if side == 0:  # the mirror image
                v, below, above = -v, above, below
            share = above / (below + above)
            if v < -below:
                aim = 1.0
            elif v > above:
                aim = 0.0
            else:
                aim = share
            away = aim - shares[side, i]
            if abs(away) < 1e-12:
                continue
            step = steps[side, i]
            if step == 0.0:
                step = 0.25 if away > 0.0 else -0.25
            elif (step > 0.0) != (away > 0.0):
                step *= -0.5
            else:
                step *= 1.3
            step = min(max(step, -abs(away)), abs(away))
            steps[side, i] = step
            shares[side, i] += step
            level = 0
            while level < top and weights[level + 1] <= shares[side, i]:
                level += 1
            if level < top:
                nearer = weights[level + 1] - shares[side, i] < shares[side, i] - weights[level]
                level += 1 if nearer else 0
            if level != levels[side, i]:
                levels[side, i], moved = level, moved + 1
    return levels, moved
