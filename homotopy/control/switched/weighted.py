"""The cost of weights that vary smoothly, and its derivative in them: exponential collocation.

    u̇ = −Λu − ε(t) Bᵀv,    v = Bu − r,    0 ≤ ε ≤ 1,    cost ℰ = ½‖u(T) − goal‖²,
    δℰ = −∫ φ(t) δε(t) dt,    φ = σ·v,    σ = Bp,    φ̇ = BΛp·v − σ·BΛu,

with p what the same flow makes of u(T) − goal in reversed time, with nothing to fit. Where ε varies
it is known at the Gauss nodes of steps. On a step εv is a polynomial through its nodes, and all
else is exact (Hochbruck and Ostermann, Acta Numerica 19, 2010, §2.2): steps are as long as εv is
smooth, however large λt. Since the modes couple through B alone, the system of a step has the size
of nodes × rows of B. What a step needs beside ε is in `propagators`.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.switched.arcs import (
    COSTATE,
    STATE,
    carry_rows,
    inner_product,
    set_decays,
)
from homotopy.numerics.compiled import borrowing, compiled, summing

ZERO, ONE, VARYING = 0, 1, 2  # kinds of pieces
_SMALLEST_SHARE = 2.0**-10  # of its piece's tolerance that a step is allowed
_NOISE = 512.0 * 2.0**-52  # of the values that a polynomial is put through
_LEAST = 2.0**-1022


class Steps(NamedTuple):
    """Pieces of [0, T], and the steps on those that vary, in order.

    Attributes
    ----------
    edges : (k + 2,)
        Where pieces begin and end, from 0 to T.
    kinds : (k + 1,)
        ZERO, ONE or VARYING, of each piece.
    pieces : (m,)
        To which each step belongs.
    shares : (m,)
        Of its piece that it takes.
    """

    edges: np.ndarray
    kinds: np.ndarray
    pieces: np.ndarray
    shares: np.ndarray


class Outcome(NamedTuple):
    """Of a schedule.

    Attributes
    ----------
    cost : float
    switching, slopes : (m, n)
        φ and φ̇ at the nodes.
    at_edges : (k,)
        φ between the pieces.
    errors : (m,)
        Of each step, relative to the norm of the state, or of the costate where that is larger,
        and to its share of its piece: what is to be below the tolerance. A thousandth is allowed
        to the shortest, as ε may have an infinite slope. An estimate, from the last coefficients of
        εv.
    """

    cost: float
    switching: np.ndarray
    slopes: np.ndarray
    at_edges: np.ndarray
    errors: np.ndarray


class _Workspace(NamedTuple):
    """Rows for the state and the costate: vectors, and what the deleted points see of them."""

    vectors: np.ndarray  # (2, d)
    inside: np.ndarray  # (d,)
    decays: np.ndarray  # (1, d), as are
    gains: np.ndarray
    at_nodes: np.ndarray  # (2, m, n, g)
    drifts: np.ndarray  # (2, m, n, g)
    at_edges: np.ndarray  # (2, k, g)
    matrix: np.ndarray  # (n g, n g)
    solved: np.ndarray  # (n g,), as is
    by_row: np.ndarray
    tails: np.ndarray  # (g,)
    lost: np.ndarray  # (g,)
    errors: np.ndarray  # (m,)


@compiled
@no_type_check
def outcome(flow, rule, steps, made, weights):
    """`Outcome` of the weights (m, n) at the nodes of the steps."""
    count, n = weights.shape
    d, g, last = flow.rates.size, flow.residual.size, steps.kinds.size - 1
    work = _Workspace(
        np.empty((2, d)),
        np.empty(d),
        np.empty((1, d)),
        np.empty((1, d)),
        np.empty((2, count, n, g)),
        np.empty((2, count, n, g)),
        np.empty((2, last, g)),
        np.empty((n * g, n * g)),
        np.empty(n * g),
        np.empty(n * g),
        np.empty(g),
        np.empty(g),
        np.zeros(count),
    )
    for j in range(d):
        work.vectors[STATE, j] = flow.initial[j]
    _follow(flow, rule, steps, made, weights, STATE, work)
    cost = 0.0
    for j in range(d):
        distance = work.vectors[STATE, j] - flow.goal[j]
        work.vectors[COSTATE, j] = distance
        cost += 0.5 * distance * distance
    _follow(flow, rule, steps, made, weights, COSTATE, work)
    switching, slopes, between = np.zeros((count, n)), np.zeros((count, n)), np.zeros(last)
    _pair(work, switching, slopes, between)
    return Outcome(cost, switching, slopes, between, work.errors)


@borrowing
@no_type_check
def _pair(work, switching, slopes, between):
    """φ and φ̇ from what is seen of the state and of the costate."""
    seen, drifts, at_edges = work.at_nodes, work.drifts, work.at_edges
    for a in range(seen.shape[3]):
        for step in range(seen.shape[1]):
            for k in range(seen.shape[2]):
                v, sigma = seen[STATE, step, k, a], seen[COSTATE, step, k, a]
                switching[step, k] += sigma * v
                slopes[step, k] += drifts[COSTATE, step, k, a] * v
                slopes[step, k] -= sigma * drifts[STATE, step, k, a]
        for edge in range(at_edges.shape[1]):
            between[edge] += at_edges[STATE, edge, a] * at_edges[COSTATE, edge, a]


@borrowing
@no_type_check
def _follow(flow, rule, steps, made, weights, row, work):
    """The state to T, or the costate from there, with what is seen of it on the way."""
    forward, count, last = row == STATE, steps.shares.size, steps.kinds.size - 1
    step = 0 if forward else count - 1
    for number in range(last + 1):
        piece = number if forward else last - number
        kind = steps.kinds[piece]
        if kind == VARYING:
            while 0 <= step < count and steps.pieces[step] == piece:
                error = _move(flow, rule, made, weights, row, step, work)
                error /= max(steps.shares[step], _SMALLEST_SHARE)
                work.errors[step] = max(work.errors[step], error)
                step += 1 if forward else -1
        else:
            length = steps.edges[piece + 1] - steps.edges[piece]
            set_decays(
                flow.rates, flow.full_rates, flow.limit, work.decays, work.gains, kind, length, 0
            )
            carry_rows(
                flow.rotation,
                flow.transposed,
                work.decays,
                work.gains,
                work.vectors,
                work.inside,
                kind,
                0,
                row,
                row,
            )
        edge = piece if forward else piece - 1
        if 0 <= edge < last:
            for a in range(flow.residual.size):
                offset = flow.residual[a] if forward else 0.0
                work.at_edges[row, edge, a] = (
                    inner_product(flow.rows, a, work.vectors, row) - offset
                )


@summing
@no_type_check
def _move(flow, rule, made, weights, row, step, work):
    """Past a step that varies, in place; its error relative to the norm."""
    forward, which = row == STATE, made.which[step]
    n, g, d = weights.shape[1], flow.residual.size, flow.rates.size
    rows, vectors = flow.rows, work.vectors
    solved, matrix, by_row = work.solved, work.matrix, work.by_row
    for k in range(n):
        # The costate meets the nodes from the last to the first.
        own = k if forward else n - 1 - k
        for a in range(g):
            total = drift = 0.0
            for j in range(d):
                term = rows[a, j] * (made.decays[which, k, j] * vectors[row, j])
                total += term
                drift += flow.rates[j] * term
            by_row[k * g + a] = weights[step, own]
            solved[k * g + a] = total - flow.residual[a] if forward else total
            work.drifts[row, step, own, a] = drift
    for r in range(n * g):
        for c in range(n * g):
            matrix[r, c] = made.coupling[0, which, r, c] * by_row[c]
        matrix[r, r] += 1.0
    _solve(matrix, solved)
    for k in range(n):
        own = k if forward else n - 1 - k
        for a in range(g):
            work.at_nodes[row, step, own, a] = solved[k * g + a]
            solved[k * g + a] *= by_row[k * g + a]
    for k in range(n):
        own = k if forward else n - 1 - k
        for a in range(g):
            total = 0.0
            for c in range(n * g):
                total += made.coupling[1, which, k * g + a, c] * solved[c]
            work.drifts[row, step, own, a] -= total
    _set_tails(rule.to_coefficients, solved, work.tails, work.lost)
    before = after = error = 0.0
    for j in range(d):
        felt = missed = 0.0
        for a in range(g):
            total = 0.0
            for k in range(n):
                total += made.memory[which, j, k] * solved[k * g + a]
            felt += rows[a, j] * total
            missed += abs(rows[a, j]) * (
                made.wavy[which, j] * work.tails[a] + made.steady[which, j] * work.lost[a]
            )
        before += vectors[row, j] ** 2
        vectors[row, j] = made.decays[which, n, j] * vectors[row, j] - felt
        after += vectors[row, j] ** 2
        error += missed**2
    return np.sqrt(error / max(before, after, _LEAST))


@summing
@no_type_check
def _set_tails(to_coefficients, values, tails, lost):
    """Of each polynomial through values at the nodes: how large the next two coefficients may be.

    They fall as the last two do, after the two before. And what a smooth function loses by them:
    its product with polynomials of as high a degree is integrated by Gauss nodes exactly, so that
    it is of the order of their square.
    """
    n, g = to_coefficients.shape[0], tails.size
    for a in range(g):
        largest = before = last = 0.0
        for m in range(n - 4, n):
            coefficient = 0.0
            for k in range(n):
                coefficient += to_coefficients[m, k] * values[k * g + a]
                largest = max(largest, abs(values[k * g + a]))
            if m < n - 2:
                before += abs(coefficient)
            else:
                last += abs(coefficient)
        last = max(last - _NOISE * largest, 0.0)
        tails[a] = last * min(last / before, 1.0) if before > 0.0 else last
        lost[a] = tails[a] * (tails[a] / largest) if largest > 0.0 else 0.0


@borrowing
@no_type_check
def _solve(matrix, solved):
    """The linear system, in place: by elimination with row exchanges."""
    size = solved.size
    for column in range(size):
        pivot = column
        for i in range(column + 1, size):
            if abs(matrix[i, column]) > abs(matrix[pivot, column]):
                pivot = i
        if pivot != column:
            for j in range(column, size):
                held = matrix[column, j]
                matrix[column, j] = matrix[pivot, j]
                matrix[pivot, j] = held
            held = solved[column]
            solved[column] = solved[pivot]
            solved[pivot] = held
        for i in range(column + 1, size):
            factor = matrix[i, column] / matrix[column, column]
            for j in range(column + 1, size):
                matrix[i, j] -= factor * matrix[column, j]
            solved[i] -= factor * solved[column]
    for i in range(size - 1, -1, -1):
        total = solved[i]
        for j in range(i + 1, size):
            total -= matrix[i, j] * solved[j]
        solved[i] = total / matrix[i, i]
