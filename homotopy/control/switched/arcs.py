"""The best switch times of a linear flow whose residuals are switched on and off, compiled.

    u̇ = −Λu − ε(t) Bᵀv,    v = Bu − r,    ε ∈ {0, 1},    cost ℰ = ½‖u(T) − goal‖².

A control is a sequence of arcs on which ε = 1, 0, 1, 0, ... in turn; arcs of no length are
allowed, so that every bang-bang control has this form. On each arc the flow is known in closed
form (theory §3). With J_j = (ε⁺ − ε⁻)Bᵀv the change of velocity at the j-th switch, and K_j what
becomes of it at T,

    ∂ℰ/∂t_j = (ε⁺ − ε⁻) σ·v        ∂²ℰ/∂t_i∂t_j = K_i·K_j + (ε⁺ − ε⁻)_j σ_j·Bη_i(t_j),  i < j,
    ∂²ℰ/∂t_j² = ‖K_j‖² + (ε⁺ − ε⁻)(σ̇⁺·v + σ·v̇⁻),

where η_i(t_j) is what becomes of J_i at t_j. No differences, no quadrature.

Newton's method works on the arc lengths, non-negative numbers with a given sum. The longest arc
takes up what the others leave, which makes the constraint disappear; the bounds are met by
projection, and arcs that the cost presses against theirs stay out of the Newton system (Bertsekas,
SIAM J. Control Optim. 20, 1982). The Hessian is exact, made positive definite by its LDLᵀ factors
and damped as long as steps fail, so that the last steps are Newton's own and converge
quadratically to rounding.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.numerics.compiled import alias, borrowing, compiled, inner, summing

_UNIT = float(np.finfo(np.float64).eps)
_SMALLEST_DAMPING, _FIRST_DAMPING, _LARGEST_DAMPING = 1e-9, 0.1, 1e12
_NEAR = 1e-7  # arcs shorter than this part of the whole, and pressed, close at once
_ARRIVED = 1e-9  # Newton steps shorter than this are the last
_GLANCE, _LOOK = 4, 12  # steps of every search, and of the promising ones
_PROMISING = 5
_NEEDLES = 5  # tried at a time
_PROGRESS = 1e-12  # relative decrease of ℰ that makes needles worth another look
_NEEDLE = 1e-7  # gain, relative to the largest of |φ|, from which a needle counts
_END = 1e-12  # of T − s: needles so near an end stand at it


class SwitchedFlow(NamedTuple):
    """The numbers of a flow. NumPy arrays of float64, C-contiguous and writeable.

    Attributes
    ----------
    rates, full_rates : (d,)
        Λ, and the eigenvalues of Λ + BᵀB.
    rotation, transposed : (d, d)
        Eigenvectors of the latter, and the transpose: loops run along rows of either.
    rows : (g, d), residual : (g,)
        B and r.
    limit : (d,)
        Where the flow of ε = 1 tends to, in its eigenbasis.
    initial, goal : (d,)
    delay : float
        The flow of ε = 1 acts for so long on `initial` before the arcs begin.
    span : float
        Sum of the arc lengths.
    """

    rates: np.ndarray
    full_rates: np.ndarray
    rotation: np.ndarray
    transposed: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    limit: np.ndarray
    initial: np.ndarray
    goal: np.ndarray
    delay: float
    span: float


class Samples(NamedTuple):
    """Bang-bang controls that switch at a few nodes, as the tree of what they begin with.

    A branch is a control up to one of its switches, or up to T: then it is a sample. Branches with
    the same value after s and as many arcs form a block, which is b, c and so on below; of each
    block the best sample is worth a start. Blocks follow each other as the arcs become more, first
    those that open with ε = 1, then as many that open with ε = 0.

    Attributes
    ----------
    nodes : (n,)
        In fractions of the span, from 0 to 1.
    parents : (p,)
        For each branch, the one with an arc less: its place among the open ones of its block.
    lefts, rights : (p,)
        The nodes between which the last arc is.
    blocks, samples : (blocks + 1,)
        Where each block begins, among branches and among samples, which are its last branches.
    arcs : (m, k)
        Of the samples: lengths of the arcs on which ε = 1, 0, 1, 0, ...; rows add up to one.
    """

    nodes: np.ndarray
    parents: np.ndarray
    lefts: np.ndarray
    rights: np.ndarray
    blocks: np.ndarray
    samples: np.ndarray
    arcs: np.ndarray


class Searches(NamedTuple):
    """Where L searches for the lengths of k arcs stand, of which w in a row may have a length.

    Attributes
    ----------
    arcs : (L, k)
        Lengths as fractions of the whole.
    first : (L,)
        Of the w arcs.
    cost, gradient, hessian : (L,), (L, w), (L, w, w)
        At `arcs`; the cost is infinite before the first evaluation.
    damping : (L,)
    done : (L,)
        No further step lowers the cost or the gradient.
    steps : (L,)
        Trial points so far.
    """

    arcs: np.ndarray
    first: np.ndarray
    cost: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    damping: np.ndarray
    done: np.ndarray
    steps: np.ndarray


class Workspace(NamedTuple):
    """Room for what is computed with w arcs: arrays made once cost nothing afterwards.

    Attributes
    ----------
    pushed, drifts : (g, g), (g, d)
        BBᵀ and BΛ, made by `_open`.
    opening : (d,)
        The state where the arcs begin, likewise.
    decays, gains : (w, d)
        e^{−λt} on each arc, and (1 − e^{−λt})·limit where ε = 1.
    residuals, drifting, felt : (w, g), (w, g), (w, w, g)
        At the switch that ends each arc: v, BΛu and Bη.
    vectors : (w + 2, d)
        The costate, the state, and J and η: what is carried over the arcs.
    inside : (d,), seen : (2, g)
    gradient, hessian : (w,), (w, w)
    reduced, trial, change : (w,)
        Of Newton's method, as what follows.
    eliminated, factors : (w, w)
    free, within : (w,)
    """

    pushed: np.ndarray
    drifts: np.ndarray
    opening: np.ndarray
    decays: np.ndarray
    gains: np.ndarray
    residuals: np.ndarray
    drifting: np.ndarray
    felt: np.ndarray
    vectors: np.ndarray
    inside: np.ndarray
    seen: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    reduced: np.ndarray
    trial: np.ndarray
    change: np.ndarray
    eliminated: np.ndarray
    factors: np.ndarray
    free: np.ndarray
    within: np.ndarray


def new_searches(count: tuple[int, ...], size: int, window: int) -> Searches:
    """Searches that have not begun; `count` may have axes for problems and for searches."""
    return Searches(
        np.zeros((*count, size)),
        np.zeros(count, np.int64),
        np.full(count, np.inf),
        np.zeros((*count, window)),
        np.zeros((*count, window, window)),
        np.full(count, _FIRST_DAMPING),
        np.ones(count, np.bool_),
        np.zeros(count, np.int64),
    )


# Rows of `Workspace.vectors`.
_COSTATE, _STATE, _VARIATIONS = 0, 1, 2

# `no_type_check`: Numba compiles functions, not the shape checks that the tests wrap them in.
# Rows are passed as a matrix and an index: a view would cost more than what is done with it.


# ------------------------------------------------------------------------------------- the flow
@inner
@no_type_check
def _workspace(flow, count):
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
        np.empty((count + _VARIATIONS, size)),
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
def _set_decays(rates, full_rates, limit, decays, gains, weight, time, arc):
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
def _carry_rows(rotation, transposed, decays, gains, vectors, inside, weight, arc, first, last):
    """`_carry`, with what it needs: arguments cost more than what is done with them here."""
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
            if row == _STATE:
                inside[j] += gains[arc, j]
        for i in range(size):
            total = 0.0
            for j in range(size):
                total += rotation[i, j] * inside[j]
            vectors[row, i] = total


@alias
@no_type_check
def _carry(flow, weight, work, arc, first, last):
    """The vectors from a first row to a last past an arc, in place; a costate goes backwards."""
    _carry_rows(
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
def _enter(flow, weight, time, work, arc):
    """Make `_carry` ready for an arc."""
    decays, gains = work.decays, work.gains
    _set_decays(flow.rates, flow.full_rates, flow.limit, decays, gains, weight, time, arc)


@summing
@no_type_check
def _inner(rows, k, vectors, row):
    """One row · another."""
    total = 0.0
    for j in range(rows.shape[1]):
        total += rows[k, j] * vectors[row, j]
    return total


@borrowing
@no_type_check
def _open(flow, work):
    """What does not depend on the arcs, into the workspace."""
    size, g = flow.rates.size, flow.residual.size
    for k in range(g):
        for j in range(size):
            work.drifts[k, j] = flow.rows[k, j] * flow.rates[j]
        for i in range(g):
            work.pushed[k, i] = _inner(flow.rows, k, flow.rows, i)
    for i in range(size):
        work.vectors[_STATE, i] = flow.initial[i]
    if flow.delay > 0.0:
        _enter(flow, 1, flow.delay, work, 0)
        _carry(flow, 1, work, 0, _STATE, _STATE)
    for i in range(size):
        work.opening[i] = work.vectors[_STATE, i]


@borrowing
@no_type_check
def _to_the_end(flow, arcs, first, scale, work):
    """The state and the costate at the horizon in the workspace; ℰ. The first arc is `first`."""
    for j in range(flow.rates.size):
        work.vectors[_STATE, j] = work.opening[j]
    for arc in range(arcs.size):
        if arcs[arc] > 0.0:
            weight = 1 - (first + arc) % 2
            _enter(flow, weight, arcs[arc] * scale, work, arc)
            _carry(flow, weight, work, arc, _STATE, _STATE)
    return _end(flow, work)


@borrowing
@no_type_check
def _end(flow, work):
    total = 0.0
    for j in range(flow.rates.size):
        distance = work.vectors[_STATE, j] - flow.goal[j]
        work.vectors[_COSTATE, j] = distance
        total += distance * distance
    return 0.5 * total


@compiled
@no_type_check
def cost(flow, arcs):
    """ℰ for arc lengths (k,) that add up to the span."""
    work = _workspace(flow, arcs.size)
    _open(flow, work)
    return _to_the_end(flow, arcs, 0, 1.0, work)


@compiled
@no_type_check
def derivatives(flow, arcs):
    """ℰ, and its gradient (k,) and Hessian (k, k) in the arc lengths, with T left free to follow.

    Only differences of the gradient's entries mean something as long as the lengths add up to the
    span, and likewise for the Hessian: the last arc's are zero.
    """
    work = _workspace(flow, arcs.size)
    _open(flow, work)
    value = _derivatives(flow, arcs, 0, 1.0, work)
    return value, work.gradient, work.hessian


@borrowing
@no_type_check
def _derivatives(flow, arcs, first, scale, work):
    """ℰ for arc lengths in units of `scale`; its derivatives in those units in the workspace.

    The arcs are the one of number `first` and those after it.
    """
    count, size, g = arcs.size, flow.rates.size, flow.residual.size
    rows, switches = flow.rows, arcs.size - 1
    vectors, residuals, seen = work.vectors, work.residuals, work.seen
    gradient, hessian = work.gradient, work.hessian
    for i in range(size):
        vectors[_STATE, i] = work.opening[i]
    for j in range(count):
        weight = 1 - (first + j) % 2
        if arcs[j] > 0.0:
            _enter(flow, weight, arcs[j] * scale, work, j)
            _carry(flow, weight, work, j, _STATE, _STATE + j)
        if j == switches:
            break
        jump = 1.0 - 2.0 * weight
        for i in range(size):
            vectors[_VARIATIONS + j, i] = 0.0
        for k in range(g):
            for i in range(j):
                work.felt[j, i, k] = _inner(rows, k, vectors, _VARIATIONS + i)
            residuals[j, k] = _inner(rows, k, vectors, _STATE) - flow.residual[k]
            work.drifting[j, k] = _inner(work.drifts, k, vectors, _STATE)
            for i in range(size):
                vectors[_VARIATIONS + j, i] += jump * residuals[j, k] * rows[k, i]

    value = _end(flow, work)
    for i in range(switches):
        for j in range(i + 1):
            hessian[i, j] = _inner(vectors, _VARIATIONS + i, vectors, _VARIATIONS + j)
    for j in range(switches - 1, -1, -1):
        weight = (first + j) % 2  # of the arc that follows
        if arcs[j + 1] > 0.0:
            _carry(flow, weight, work, j + 1, _COSTATE, _COSTATE)
        jump, total = 2.0 * weight - 1.0, 0.0
        for k in range(g):
            seen[0, k] = _inner(rows, k, vectors, _COSTATE)
            seen[1, k] = _inner(work.drifts, k, vectors, _COSTATE)
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


# ------------------------------------------------------------------------------ Newton's method
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
def _improve(flow, searches, lane, limit, work):
    """Trial steps of one search, each taken if it lowers the cost, or damped further."""
    gradient, hessian = searches.gradient[lane], searches.hessian[lane]
    size, span, first = gradient.size, flow.span, searches.first[lane]
    arcs = searches.arcs[lane, first : first + size]
    free, within, eliminated = work.free, work.within, work.eliminated
    reduced, trial, change = work.reduced, work.trial, work.change
    if searches.steps[lane] == 0:
        searches.cost[lane] = _derivatives(flow, arcs, first, span, work)
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

        new_value = _derivatives(flow, trial, first, span, work)
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
    work = _workspace(flow, searches.gradient.shape[1])
    _open(flow, work)
    _improve(flow, searches, 0, max_steps, work)


@borrowing
@no_type_check
def _begin(searches, lane, arcs, row, first):
    """A search from one of several rows of arcs."""
    for i in range(arcs.shape[1]):
        searches.arcs[lane, i] = arcs[row, i]
    searches.first[lane] = first
    searches.cost[lane] = np.inf
    searches.damping[lane] = _FIRST_DAMPING
    searches.done[lane] = False
    searches.steps[lane] = 0


# -------------------------------------------------------------------------- from many starts
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
    work = _workspace(_one(flows, 0), max_switches + 1)
    branches = _branches(samples, flows.rates.shape[1])
    needles = _needles(_one(flows, 0), times, warm.shape[1])
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
        _open(flow, work)
        _start_from_samples(flow, samples, work.opening, branches, searches)
        _begin(searches, searches.cost.size - 1, warm, i, warm_first[i])
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
        _needle_gains(flow, arcs, first, needles, work)
        if not _try_needles(searches, best, needles, max_switches):
            break


@borrowing
@no_type_check
def _advance(flow, searches, max_steps, work):
    """A glance at every search, a look at the promising ones, and the best to its end."""
    for lane in range(searches.cost.size):
        _improve(flow, searches, lane, min(_GLANCE, max_steps), work)
    for _ in range(_PROMISING):
        chosen, least = 0, np.inf
        for lane in range(searches.cost.size):
            waits = not searches.done[lane] and searches.steps[lane] < _LOOK
            if waits and searches.cost[lane] < least:
                chosen, least = lane, searches.cost[lane]
        if least < np.inf:
            _improve(flow, searches, chosen, min(_LOOK, max_steps), work)
    while True:
        best = np.argmin(searches.cost)
        if searches.done[best] or searches.steps[best] >= max_steps:
            break
        _improve(flow, searches, best, max_steps, work)


# ---------------------------------------------------------------------------------- the samples
class Branches(NamedTuple):
    """Room for the samples, each mode of a flow in a row.

    Attributes
    ----------
    decays : (2, d, n, n)
        e^{−λt} between nodes, the later one first, for ε = 0 and ε = 1.
    unfinished, finished : (d, p)
        Where the branches of a block end, in the modes of the flow of their last arc.
    turned : (d, p)
        The unfinished ones in the modes of the other flow.
    costs : (p,)
    """

    decays: np.ndarray
    unfinished: np.ndarray
    finished: np.ndarray
    turned: np.ndarray
    costs: np.ndarray


@inner
@no_type_check
def _branches(samples, size):
    nodes, most = samples.nodes.size, 1
    for block in range(samples.blocks.size - 1):
        most = max(most, samples.blocks[block + 1] - samples.blocks[block])
    return Branches(
        np.empty((2, size, nodes, nodes)),
        np.empty((size, most)),
        np.empty((size, most)),
        np.empty((size, most)),
        np.empty(most),
    )


@borrowing
@no_type_check
def _set_node_decays(rates, nodes, span, decays):
    for j in range(rates.size):
        for right in range(1, nodes.size):
            step = np.exp(-rates[j] * (nodes[right] - nodes[right - 1]) * span)
            for left in range(right - 1):
                decays[j, right, left] = decays[j, right - 1, left] * step
            decays[j, right, right - 1] = step


@borrowing
@no_type_check
def _turn(rotation, limit, before, after, count, weight):
    """States from the modes of the flow of a weight into those of the other.

    The modes of ε = 1 count from the limit, so that an arc multiplies and adds nothing.
    """
    size = limit.size
    for i in range(size):
        for m in range(count):
            after[i, m] = 0.0 if weight == 1 else -limit[i]
        for j in range(size):
            entry = rotation[i, j] if weight == 1 else rotation[j, i]
            added = limit[j] if weight == 1 else 0.0
            for m in range(count):
                after[i, m] += entry * (before[j, m] + added)


@borrowing
@no_type_check
def _grow(decays, before, parents, lefts, rights, after):
    """The last arc of some branches."""
    for j in range(after.shape[0]):
        for m in range(parents.size):
            after[j, m] = before[j, parents[m]] * decays[j, rights[m], lefts[m]]


@borrowing
@no_type_check
def _nearest(flow, weight, finished, count, costs):
    """Which of the branches that are at T, in the modes of a weight, is the nearest to the goal."""
    for m in range(count):
        costs[m] = 0.0
    for j in range(flow.goal.size):
        goal = flow.goal[j]
        if weight == 1:
            goal = -flow.limit[j]
            for i in range(flow.goal.size):
                goal += flow.rotation[i, j] * flow.goal[i]
        for m in range(count):
            costs[m] += (finished[j, m] - goal) ** 2
    best = 0
    for m in range(1, count):
        if costs[m] < costs[best]:
            best = m
    return best


@borrowing
@no_type_check
def _start_from_samples(flow, samples, opening, branches, searches):
    """Searches from the best sample of each block."""
    unfinished, finished, turned = branches.unfinished, branches.finished, branches.turned
    parents, lefts, rights = samples.parents, samples.lefts, samples.rights
    _set_node_decays(flow.rates, samples.nodes, flow.span, branches.decays[0])
    _set_node_decays(flow.full_rates, samples.nodes, flow.span, branches.decays[1])
    depth = (samples.blocks.size - 1) // 2
    for block in range(2 * depth):
        begin, end = samples.blocks[block], samples.blocks[block + 1]
        first_sample = samples.samples[block]
        count = samples.samples[block + 1] - first_sample
        middle = end - count
        first, arc = block // depth, block % depth
        weight = 1 - (first + arc) % 2
        if arc == 0:
            for j in range(opening.size):
                unfinished[j, 0] = opening[j]
                turned[j, 0] = opening[j]
            if weight == 1:
                _turn(flow.rotation, flow.limit, unfinished, turned, 1, 0)
        for into, one, other in ((unfinished, begin, middle), (finished, middle, end)):
            _grow(
                branches.decays[weight],
                turned,
                parents[one:other],
                lefts[one:other],
                rights[one:other],
                into,
            )
        best = _nearest(flow, weight, finished, count, branches.costs)
        _begin(searches, block, samples.arcs, first_sample + best, first)
        _turn(flow.rotation, flow.limit, unfinished, turned, middle - begin, weight)


# ---------------------------------------------------------------------------------- the needles
class Needles(NamedTuple):
    """Where ε is turned over for an instant, and room to see what is gained.

    Attributes
    ----------
    times, gains : (m,)
        As fractions of the span, ascending; and what `_needle_gains` finds.
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
def _needles(flow, times, count):
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
def _needle_gains(flow, arcs, first, needles, work):
    """φ(1 − 2ε) at ascending times (m,): how fast ℰ falls as ε is turned over around them.

    Pontryagin's condition is that none of it is positive. On an arc state and costate are sums of
    exponentials in the modes of its flow.
    """
    size, g, span, vectors = flow.rates.size, flow.residual.size, flow.span, work.vectors
    times, decays, costates = needles.times, needles.decays, needles.costates
    state, costate, observed = needles.state, needles.costate, needles.observed
    _to_the_end(flow, arcs, first, span, work)
    for arc in range(arcs.size - 1, -1, -1):
        for i in range(size):
            costates[arc, i] = vectors[_COSTATE, i]  # where the arc ends
        if arcs[arc] > 0.0:
            _carry(flow, 1 - (first + arc) % 2, work, arc, _COSTATE, _COSTATE)
    for k in range(g):
        for j in range(size):
            observed[k, j] = 0.0
            for i in range(size):
                observed[k, j] += flow.rotation[i, j] * flow.rows[k, i]
    for i in range(size):
        vectors[_STATE, i] = work.opening[i]
    begin, arc, entered = 0.0, 0, False
    for m in range(times.size):
        while arc < arcs.size - 1 and (arcs[arc] == 0.0 or begin + arcs[arc] < times[m]):
            if arcs[arc] > 0.0:
                _carry(flow, 1 - (first + arc) % 2, work, arc, _STATE, _STATE)
            begin += arcs[arc]
            arc += 1
            entered = False
        weight = 1 - (first + arc) % 2
        if not entered:
            for j in range(size):
                here, there = vectors[_STATE, j], costates[arc, j]
                if weight == 1:
                    here, there = -flow.limit[j], 0.0
                    for i in range(size):
                        here += flow.rotation[i, j] * vectors[_STATE, i]
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
def _try_needles(searches, best, needles, max_switches):
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
    while tried < _NEEDLES:
        peak, highest = -1, _NEEDLE * largest
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
            _begin(searches, worst, start, 0, begin)
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
