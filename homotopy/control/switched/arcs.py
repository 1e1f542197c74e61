"""The cost of arcs of a linear flow whose residuals are switched on and off, and its derivatives.

    u̇ = −Λu − ε(t) Bᵀv,    v = Bu − r,    ε ∈ {0, 1},    cost ℰ = ½‖u(T) − goal‖².

A control is a sequence of arcs on which ε = 1, 0, 1, 0, ... in turn; arcs of no length are
allowed, so that every bang-bang control has this form. On each arc the flow is known in closed
form (theory §3). With J_j = (ε⁺ − ε⁻)Bᵀv the change of velocity at the j-th switch, and K_j what
becomes of it at T,

    ∂ℰ/∂t_j = (ε⁺ − ε⁻) σ·v        ∂²ℰ/∂t_i∂t_j = K_i·K_j + (ε⁺ − ε⁻)_j σ_j·Bη_i(t_j),  i < j,
    ∂²ℰ/∂t_j² = ‖K_j‖² + (ε⁺ − ε⁻)(σ̇⁺·v + σ·v̇⁻),

where η_i(t_j) is what becomes of J_i at t_j. No differences, no quadrature.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.control.switched.records import Workspace
from homotopy.numerics.compiled import alias, borrowing, compiled, inner, summing

# Rows of `Workspace.vectors`.
COSTATE, STATE, VARIATIONS = 0, 1, 2

# `no_type_check`: Numba compiles functions, not the shape checks that the tests wrap them in.
# Rows are passed as a matrix and an index: a view would cost more than what is done with it.


@inner
@no_type_check
def new_workspace(flow, count):
    size, g = flow.rates.size, flow.residual.size
    return Workspace(
        np.empty((g, g)),
        np.empty((g, size)),
        np.empty(size),
        np.empty((count, size)),
        np.empty((count, size)),
        np.empty((count, g)),
        np.empty((count, g)),
        np.empty((count, count, g)),
        np.empty((count + VARIATIONS, size)),
        np.empty(size),
        np.empty((2, g)),
        np.empty(count),
        np.empty((count, count)),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty((count, count)),
        np.empty((count, count)),
        np.empty(count, np.bool_),
        np.empty(count, np.bool_),
    )


@borrowing
@no_type_check
def set_decays(rates, full_rates, limit, decays, gains, weight, time, arc):
    """What an arc does to the modes of its own flow."""
    if weight == 0:
        for j in range(rates.size):
            decays[arc, j] = np.exp(-rates[j] * time)
        return
    for j in range(rates.size):
        exponent = -full_rates[j] * time
        if exponent > -0.5:
            lost = np.expm1(exponent)
            decays[arc, j] = 1.0 + lost
        else:
            decays[arc, j] = np.exp(exponent)
            lost = decays[arc, j] - 1.0
        gains[arc, j] = -lost * limit[j]


@summing
@no_type_check
def carry_rows(rotation, transposed, decays, gains, vectors, inside, weight, arc, first, last):
    """`carry`, with what it needs: arguments cost more than what is done with them here."""
    size = inside.size
    for row in range(first, last + 1):
        if weight == 0:
            for j in range(size):
                vectors[row, j] *= decays[arc, j]
            continue
        for j in range(size):
            total = 0.0
            for i in range(size):
                total += transposed[j, i] * vectors[row, i]
            inside[j] = total * decays[arc, j]
            if row == STATE:
                inside[j] += gains[arc, j]
        for i in range(size):
            total = 0.0
            for j in range(size):
                total += rotation[i, j] * inside[j]
            vectors[row, i] = total


@alias
@no_type_check
def carry(flow, weight, work, arc, first, last):
    """The vectors from a first row to a last past an arc, in place; a costate goes backwards."""
    carry_rows(
        flow.rotation,
        flow.transposed,
        work.decays,
        work.gains,
        work.vectors,
        work.inside,
        weight,
        arc,
        first,
        last,
    )


@alias
@no_type_check
def enter(flow, weight, time, work, arc):
    """Make `carry` ready for an arc."""
    decays, gains = work.decays, work.gains
    set_decays(flow.rates, flow.full_rates, flow.limit, decays, gains, weight, time, arc)


@summing
@no_type_check
def inner_product(rows, k, vectors, row):
    """One row · another."""
    total = 0.0
    for j in range(rows.shape[1]):
        total += rows[k, j] * vectors[row, j]
    return total


@borrowing
@no_type_check
def prepare(flow, work):
    """What does not depend on the arcs, into the workspace."""
    size, g = flow.rates.size, flow.residual.size
    for k in range(g):
        for j in range(size):
            work.drifts[k, j] = flow.rows[k, j] * flow.rates[j]
        for i in range(g):
            work.pushed[k, i] = inner_product(flow.rows, k, flow.rows, i)
    for i in range(size):
        work.vectors[STATE, i] = flow.initial[i]
    if flow.delay > 0.0:
        enter(flow, 1, flow.delay, work, 0)
        carry(flow, 1, work, 0, STATE, STATE)
    for i in range(size):
        work.opening[i] = work.vectors[STATE, i]


@borrowing
@no_type_check
def to_the_end(flow, arcs, first, scale, work):
    """The state and the costate at the horizon in the workspace; ℰ. The first arc is `first`."""
    for j in range(flow.rates.size):
        work.vectors[STATE, j] = work.opening[j]
    for arc in range(arcs.size):
        if arcs[arc] > 0.0:
            weight = 1 - (first + arc) % 2
            enter(flow, weight, arcs[arc] * scale, work, arc)
            carry(flow, weight, work, arc, STATE, STATE)
    return _end(flow, work)


@borrowing
@no_type_check
def _end(flow, work):
    total = 0.0
    for j in range(flow.rates.size):
        distance = work.vectors[STATE, j] - flow.goal[j]
        work.vectors[COSTATE, j] = distance
        total += distance * distance
    return 0.5 * total


@compiled
@no_type_check
def cost(flow, arcs):
    """ℰ for arc lengths (k,) that add up to the span."""
    work = new_workspace(flow, arcs.size)
    prepare(flow, work)
    return to_the_end(flow, arcs, 0, 1.0, work)


@compiled
@no_type_check
def derivatives(flow, arcs):
    """ℰ, and its gradient (k,) and Hessian (k, k) in the arc lengths, with T left free to follow.

    Only differences of the gradient's entries mean something as long as the lengths add up to the
    span, and likewise for the Hessian: the last arc's are zero.
    """
    work = new_workspace(flow, arcs.size)
    prepare(flow, work)
    value = set_derivatives(flow, arcs, 0, 1.0, work)
    return value, work.gradient, work.hessian


@borrowing
@no_type_check
def set_derivatives(flow, arcs, first, scale, work):
    """ℰ for arc lengths in units of `scale`; its derivatives in those units in the workspace.

    The arcs are the one of number `first` and those after it.
    """
    count, size, g = arcs.size, flow.rates.size, flow.residual.size
    rows, switches = flow.rows, arcs.size - 1
    vectors, residuals, seen = work.vectors, work.residuals, work.seen
    gradient, hessian = work.gradient, work.hessian
    for i in range(size):
        vectors[STATE, i] = work.opening[i]
    for j in range(count):
        weight = 1 - (first + j) % 2
        if arcs[j] > 0.0:
            enter(flow, weight, arcs[j] * scale, work, j)
            carry(flow, weight, work, j, STATE, STATE + j)
        if j == switches:
            break
        jump = 1.0 - 2.0 * weight
        for i in range(size):
            vectors[VARIATIONS + j, i] = 0.0
        for k in range(g):
            for i in range(j):
                work.felt[j, i, k] = inner_product(rows, k, vectors, VARIATIONS + i)
            residuals[j, k] = inner_product(rows, k, vectors, STATE) - flow.residual[k]
            work.drifting[j, k] = inner_product(work.drifts, k, vectors, STATE)
            for i in range(size):
                vectors[VARIATIONS + j, i] += jump * residuals[j, k] * rows[k, i]

    value = _end(flow, work)
    for i in range(switches):
        for j in range(i + 1):
            hessian[i, j] = inner_product(vectors, VARIATIONS + i, vectors, VARIATIONS + j)
    for j in range(switches - 1, -1, -1):
        weight = (first + j) % 2  # of the arc that follows
        if arcs[j + 1] > 0.0:
            carry(flow, weight, work, j + 1, COSTATE, COSTATE)
        jump, total = 2.0 * weight - 1.0, 0.0
        for k in range(g):
            seen[0, k] = inner_product(rows, k, vectors, COSTATE)
            seen[1, k] = inner_product(work.drifts, k, vectors, COSTATE)
        for k in range(g):
            sigma, pushed = jump * seen[0, k], -work.drifting[j, k]
            for i in range(g):
                pushed += jump * work.pushed[k, i] * residuals[j, i]
            total += sigma * residuals[j, k]
            hessian[j, j] += jump * seen[1, k] * residuals[j, k] + sigma * pushed
            for i in range(j):
                hessian[j, i] += sigma * work.felt[j, i, k]
        gradient[j] = total
    # From switch times to arc lengths: each length moves all the switches after it.
    gradient[switches] = 0.0
    for i in range(count):
        hessian[switches, i] = 0.0
        hessian[i, switches] = 0.0
    for j in range(switches - 1, -1, -1):
        gradient[j] += gradient[j + 1]
        for i in range(j):
            hessian[i, j] = hessian[j, i]
    for j in range(switches - 2, -1, -1):
        for i in range(switches):
            hessian[j, i] += hessian[j + 1, i]
    for j in range(switches - 2, -1, -1):
        for i in range(switches):
            hessian[i, j] += hessian[i, j + 1]
    for j in range(switches):
        gradient[j] *= scale
        for i in range(switches):
            hessian[j, i] *= scale * scale
    return value
