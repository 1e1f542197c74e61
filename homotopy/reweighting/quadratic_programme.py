"""Convex quadratic programmes in the weights, solved by Clarabel, an interior-point method.

Clarabel takes quadratic costs as they are and keeps a thousand bounds sparse; its residuals are
near rounding, as multipliers that are reported have to be. First-order solvers stop at 1e-6, and
SciPy has none for a quadratic cost with constraints of this size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse

_TOLERANCE = 1e-12


class Programme(NamedTuple):
    """½ Σ Dᵢpᵢ² + ½ pᵀQSQᵀp + c·p + ν Σ excess, with l ≤ v + Gp ≤ u up to the excess.

    Attributes
    ----------
    diagonal, gradient : (n,)
        D ≥ 0 and c.
    basis, curvature : (n, r), (r, r)
        Q, of orthonormal columns, and S ≥ −min D.
    values, slopes, lower, upper : (c,), (c, n), (c,), (c,)
        v, G, l and u.
    matrix, least, most : (k, n), (k,), (k,)
        Constraints without excess, least ≤ Ap ≤ most.
    below, above : (n,)
        Bounds of p.
    penalty : float
        ν.
    """

    diagonal: Float[np.ndarray, " n"]
    gradient: Float[np.ndarray, " n"]
    basis: Float[np.ndarray, "n r"]
    curvature: Float[np.ndarray, "r r"]
    values: Float[np.ndarray, " c"]
    slopes: Float[np.ndarray, "c n"]
    lower: Float[np.ndarray, " c"]
    upper: Float[np.ndarray, " c"]
    matrix: Float[np.ndarray, "k n"]
    least: Float[np.ndarray, " k"]
    most: Float[np.ndarray, " k"]
    below: Float[np.ndarray, " n"]
    above: Float[np.ndarray, " n"]
    penalty: float


class Solved(NamedTuple):
    """A step, the multipliers of both kinds of constraints, and by how much the first are missed.

    `value` is that of the programme without its penalty.
    """

    step: Float[np.ndarray, " n"]
    multipliers: Float[np.ndarray, " c"]
    linear_multipliers: Float[np.ndarray, " k"]
    excess: Float[np.ndarray, " c"]
    value: float


def solved(programme: Programme) -> Solved | None:
    """The minimum; None where the constraints without excess have no point in common."""
    import clarabel  # when it is asked for, as all of the larger libraries

    # Clarabel's tolerance is absolute where costs are small.
    size = float(np.max(np.abs(programme.gradient), initial=0.0)) or 1.0
    one = programme._replace(
        diagonal=programme.diagonal / size,
        gradient=programme.gradient / size,
        curvature=programme.curvature / size,
        penalty=programme.penalty / size,
    )
    count, rank, limits = one.gradient.size, one.basis.shape[1], one.values.size
    cost, linear = _cost(one)
    # p, z = Qᵀp, and the excess.
    free, none = sparse.csc_matrix(sparse.identity(count)), sparse.csc_matrix
    excess = sparse.identity(limits, format="csc")

    def rows(on_step, on_projection, on_excess):
        height = on_step.shape[0]
        on_projection = none((height, rank)) if on_projection is None else on_projection
        on_excess = none((height, limits)) if on_excess is None else on_excess
        return sparse.hstack([on_step, on_projection, on_excess], format="csc")

    slopes, matrix = sparse.csc_matrix(one.slopes), sparse.csc_matrix(one.matrix)
    fixed = one.least == one.most
    above, below = np.isfinite(one.upper), np.isfinite(one.lower)
    most, least = np.isfinite(one.most) & ~fixed, np.isfinite(one.least) & ~fixed
    highest = np.isfinite(one.above)
    blocks = [
        (rows(sparse.csc_matrix(one.basis.T), -sparse.identity(rank), None), np.zeros(rank)),
        (rows(matrix[fixed], None, None), one.most[fixed]),
        (rows(slopes[above], None, -excess[above]), (one.upper - one.values)[above]),
        (rows(-slopes[below], None, -excess[below]), (one.values - one.lower)[below]),
        (rows(matrix[most], None, None), one.most[most]),
        (rows(-matrix[least], None, None), -one.least[least]),
        (rows(none((limits, count)), None, -excess), np.zeros(limits)),
        (rows(free[highest], None, None), one.above[highest]),
        (rows(-free, None, None), -one.below),
    ]
    sides = np.concatenate([side for _, side in blocks])
    equal = rank + int(fixed.sum())
    cones = [clarabel.NonnegativeConeT(sides.size - equal)]
    if equal:
        cones.insert(0, clarabel.ZeroConeT(equal))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    stacked = sparse.vstack([block for block, _ in blocks], format="csc")
    answer = clarabel.DefaultSolver(cost, linear, stacked, sides, cones, settings).solve()
    if answer.status in (
        clarabel.SolverStatus.PrimalInfeasible, clarabel.SolverStatus.AlmostPrimalInfeasible
    ):  # fmt: skip
        return None
    primal, dual = np.array(answer.x), np.array(answer.z)
    step = np.clip(primal[:count], one.below, one.above)
    ends = np.cumsum([side.size for _, side in blocks])
    parts = np.split(dual, ends[:-1])
    multipliers, own = np.zeros(limits), np.zeros(fixed.size)
    multipliers[above] += parts[2]
    multipliers[below] -= parts[3]
    own[fixed] += parts[1]
    own[most] += parts[4]
    own[least] -= parts[5]
    there = one.values + one.slopes @ step
    one = programme
    missed = np.maximum(np.maximum(there - one.upper, one.lower - there), 0.0)
    projected = one.basis.T @ step
    value = one.gradient @ step + 0.5 * (
        one.diagonal @ step**2 + projected @ one.curvature @ projected
    )
    return Solved(step, size * multipliers, size * own, missed, float(value))


def _cost(one):
    """Of (p, z, excess): with δ = min D, δ/2 ‖p − Qz‖² makes room for a curvature down to −δ."""
    rank, limits = one.basis.shape[1], one.values.size
    shared = float(np.min(one.diagonal))
    projection = 2.0 * shared * np.eye(rank) + one.curvature
    cost = sparse.block_array(
        [
            [sparse.diags_array(one.diagonal), -shared * sparse.csc_array(one.basis), None],
            [None, sparse.csc_array(np.triu(projection)), None],
            [None, None, sparse.csc_array((limits, limits))],
        ],
        format="csc",
    )
    linear = np.concatenate([one.gradient, np.zeros(rank), np.full(limits, one.penalty)])
    return sparse.csc_matrix(cost), linear


def nearest_feasible(
    centre: Float[np.ndarray, " n"],
    matrix: Float[np.ndarray, "k n"],
    least: Float[np.ndarray, " k"],
    most: Float[np.ndarray, " k"],
    low: float,
    high: float,
) -> Float[np.ndarray, " n"] | None:
    """The weights next to a centre that keep to bounds and linear constraints; None without any."""
    inside = np.clip(centre, low, high)
    reached = matrix @ inside
    if np.all((reached >= least) & (reached <= most)):
        return inside
    count = centre.size
    none = np.zeros((0, count)), np.zeros(0)
    found = solved(
        Programme(
            np.ones(count), inside - centre, np.zeros((count, 0)), np.zeros((0, 0)),
            none[1], none[0], none[1], none[1], matrix, least - reached, most - reached,
            low - inside, high - inside, 0.0,
        )
    )  # fmt: skip
    return None if found is None else inside + found.step
