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

from homotopy.numerics.compiled import alias, compiled, inner

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
    """Bang-bang controls as arc lengths, in fractions of the span.

    Attributes
    ----------
    arcs : (m, k)
        Lengths of the arcs on which ε = 1, 0, 1, 0, ...; rows add up to one.
    allowed : (m, k)
        The arcs that the control may have without exceeding the number of switches.
    groups : (m,)
        Of each group of like structure, 0, 1, ... in order, the best is worth a start.
    weights, lengths : (p,)
        ε and the length of the arcs that occur: few, since switches are at the same few times.
    passages : (m, k)
        Which of these each arc is; −1 for none.
    """

    arcs: np.ndarray
    allowed: np.ndarray
    groups: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray
    passages: np.ndarray


class Searches(NamedTuple):
    """Where L searches for the lengths of k arcs stand.

    Attributes
    ----------
    arcs : (L, k)
        Lengths as fractions of the whole, zero where not allowed.
    allowed : (L, k)
    cost, gradient, hessian : (L,), (L, k), (L, k, k)
        At `arcs`; the cost is infinite before the first evaluation.
    damping : (L,)
    done : (L,)
        No further step lowers the cost or the gradient.
    steps : (L,)
        Trial points so far.
    """

    arcs: np.ndarray
    allowed: np.ndarray
    cost: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    damping: np.ndarray
    done: np.ndarray
    steps: np.ndarray


class Workspace(NamedTuple):
    """Room for one evaluation with k arcs: arrays made once cost nothing afterwards.

    Attributes
    ----------
    decays, gains : (≥ k, d)
        e^{−λt} on each arc, and (1 − e^{−λt})·limit where ε = 1.
    states : (k, d), residuals : (k, g), felt : (k, k, g)
        At the switch that ends each arc; v; and Bη.
    vectors : (k + 3, d)
        Another vector, the costate, the state, and J and η: what is carried over the arcs.
    inside : (d,), seen : (4, g)
    gradient, hessian : (k,), (k, k)
    """

    decays: np.ndarray
    gains: np.ndarray
    states: np.ndarray
    residuals: np.ndarray
    felt: np.ndarray
    vectors: np.ndarray
    inside: np.ndarray
    seen: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


def new_searches(count: tuple[int, ...], size: int) -> Searches:
    """Searches that have not begun; `count` may have axes for problems and for searches."""
    return Searches(
        np.zeros((*count, size)),
        np.zeros((*count, size), np.bool_),
        np.full(count, np.inf),
        np.zeros((*count, size)),
        np.zeros((*count, size, size)),
        np.full(count, _FIRST_DAMPING),
        np.ones(count, np.bool_),
        np.zeros(count, np.int64),
    )


# Rows of `Workspace.vectors`.
_OTHER, _COSTATE, _STATE, _VARIATIONS = 0, 1, 2, 3

# `no_type_check`: Numba compiles functions, not the shape checks that the tests wrap them in.
# Rows are passed as a matrix and an index: a view would cost more than what is done with it.


# ------------------------------------------------------------------------------------- the flow
@inner
@no_type_check
def _workspace(flow, count, spare=0):
    size, g = flow.rates.size, flow.residual.size
    return Workspace(
        np.empty((count + spare, size)),
        np.empty((count + spare, size)),
        np.empty((count, size)),
        np.empty((count, g)),
        np.empty((count, count, g)),
        np.empty((count + _VARIATIONS, size)),
        np.empty(size),
        np.empty((4, g)),
        np.empty(count),
        np.empty((count, count)),
    )


@inner
@no_type_check
def _set_decays(flow, weight, time, work, arc):
    """What an arc does to the modes of its own flow."""
    if weight == 0:
        for j in range(flow.rates.size):
            work.decays[arc, j] = np.exp(-flow.rates[j] * time)
        return
    for j in range(flow.rates.size):
        exponent = -flow.full_rates[j] * time
        decay = np.exp(exponent)
        lost = np.expm1(exponent) if exponent > -0.5 else decay - 1.0
        work.decays[arc, j] = decay
        work.gains[arc, j] = -lost * flow.limit[j]


@inner
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
            inside[j] = 0.0
        for i in range(size):
            for j in range(size):
                inside[j] += rotation[i, j] * vectors[row, i]
        for j in range(size):
            inside[j] *= decays[arc, j]
            if row == _STATE:
                inside[j] += gains[arc, j]
            vectors[row, j] = 0.0
        for j in range(size):
            for i in range(size):
                vectors[row, i] += transposed[j, i] * inside[j]


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


@inner
@no_type_check
def _see(flow, work, row, k):
    """The k-th deleted row · a vector."""
    total = 0.0
    for j in range(flow.rates.size):
        total += flow.rows[k, j] * work.vectors[row, j]
    return total


@inner
@no_type_check
def _open(flow, work):
    """The state where the arcs begin."""
    opening = np.empty(flow.rates.size)
    for i in range(opening.size):
        work.vectors[_STATE, i] = flow.initial[i]
    if flow.delay > 0.0:
        _set_decays(flow, 1, flow.delay, work, 0)
        _carry(flow, 1, work, 0, _STATE, _STATE)
    for i in range(opening.size):
        opening[i] = work.vectors[_STATE, i]
    return opening


@inner
@no_type_check
def _to_the_end(flow, opening, arcs, scale, work):
    """The state and the costate at the horizon in the workspace; ℰ."""
    for j in range(opening.size):
        work.vectors[_STATE, j] = opening[j]
    for arc in range(arcs.size):
        if arcs[arc] > 0.0:
            _set_decays(flow, 1 - arc % 2, arcs[arc] * scale, work, arc)
            _carry(flow, 1 - arc % 2, work, arc, _STATE, _STATE)
    return _end(flow, work)


@inner
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
    return _to_the_end(flow, _open(flow, work), arcs, 1.0, work)


@compiled
@no_type_check
def derivatives(flow, arcs):
    """ℰ, and its gradient (k,) and Hessian (k, k) in the arc lengths, with T left free to follow.

    Only differences of the gradient's entries mean something as long as the lengths add up to the
    span, and likewise for the Hessian: the last arc's are zero.
    """
    work = _workspace(flow, arcs.size)
    value = _derivatives(flow, _open(flow, work), arcs, 1.0, work)
    return value, work.gradient, work.hessian


@inner
@no_type_check
def _derivatives(flow, opening, arcs, scale, work):
    """ℰ for arc lengths in units of `scale`; its derivatives in those units in the workspace."""
    count, size, g = arcs.size, opening.size, flow.residual.size
    rows, rates, switches = flow.rows, flow.rates, arcs.size - 1
    vectors, residuals, seen = work.vectors, work.residuals, work.seen
    gradient, hessian = work.gradient, work.hessian
    for i in range(size):
        vectors[_STATE, i] = opening[i]
    for j in range(count):
        if arcs[j] > 0.0:
            _set_decays(flow, 1 - j % 2, arcs[j] * scale, work, j)
            _carry(flow, 1 - j % 2, work, j, _STATE, _STATE + j)
        if j == switches:
            break
        jump = 1.0 if j % 2 else -1.0
        for i in range(size):
            work.states[j, i] = vectors[_STATE, i]
            vectors[_VARIATIONS + j, i] = 0.0
        for k in range(g):
            for i in range(j):
                work.felt[j, i, k] = _see(flow, work, _VARIATIONS + i, k)
            residuals[j, k] = _see(flow, work, _STATE, k) - flow.residual[k]
            for i in range(size):
                vectors[_VARIATIONS + j, i] += jump * residuals[j, k] * rows[k, i]

    value = _end(flow, work)
    for j in range(count):
        gradient[j] = 0.0
        for i in range(count):
            hessian[j, i] = 0.0
    for j in range(switches - 1, -1, -1):
        if arcs[j + 1] > 0.0:
            _carry(flow, 1 - (j + 1) % 2, work, j + 1, _COSTATE, _COSTATE)
        jump = 1.0 if j % 2 else -1.0
        for k in range(g):
            seen[0, k] = _see(flow, work, _COSTATE, k)
        for i in range(size):
            vectors[_OTHER, i] = rates[i] * vectors[_COSTATE, i]
        for k in range(g):
            seen[1, k] = _see(flow, work, _OTHER, k)
        for i in range(size):
            vectors[_OTHER, i] = rates[i] * work.states[j, i]
        for k in range(g):
            seen[2, k] = _see(flow, work, _OTHER, k)
        for i in range(size):
            vectors[_OTHER, i] = 0.0
            for k in range(g):
                vectors[_OTHER, i] += residuals[j, k] * rows[k, i]
        for k in range(g):
            sigma, pushed = seen[0, k], _see(flow, work, _OTHER, k)
            gradient[j] += jump * sigma * residuals[j, k]
            own = seen[1, k] * residuals[j, k] + sigma * (jump * pushed - seen[2, k])
            hessian[j, j] += jump * own
            for i in range(j):
                hessian[j, i] += jump * sigma * work.felt[j, i, k]
        for i in range(j):
            hessian[i, j] = hessian[j, i]
    for i in range(switches):
        for j in range(i + 1):
            product = 0.0
            for k in range(size):
                product += vectors[_VARIATIONS + i, k] * vectors[_VARIATIONS + j, k]
            hessian[i, j] += product
            if i != j:
                hessian[j, i] += product
    # From switch times to arc lengths: each length moves all the switches after it.
    for j in range(count - 2, -1, -1):
        gradient[j] += gradient[j + 1]
        for i in range(count):
            hessian[j, i] += hessian[j + 1, i]
    for j in range(count - 2, -1, -1):
        for i in range(count):
            hessian[i, j] += hessian[i, j + 1]
    for j in range(count):
        gradient[j] *= scale
        for i in range(count):
            hessian[j, i] *= scale * scale
    return value


@inner
@no_type_check
def _needle_gains(flow, opening, arcs, scale, times, work):
    """φ(1 − 2ε) at ascending times (m,): how fast ℰ falls as ε is turned over around them.

    Pontryagin's condition is that none of it is positive.
    """
    size, vectors, costates = opening.size, work.vectors, work.states
    _to_the_end(flow, opening, arcs, scale, work)
    for arc in range(arcs.size - 1, -1, -1):
        for i in range(size):
            costates[arc, i] = vectors[_COSTATE, i]  # where the arc ends
        if arcs[arc] > 0.0:
            _carry(flow, 1 - arc % 2, work, arc, _COSTATE, _COSTATE)
    gains, begin, arc, here = np.empty(times.size), 0.0, 0, np.empty(size)
    for i in range(size):
        here[i] = opening[i]
    for m in range(times.size):
        while arc < arcs.size - 1 and (arcs[arc] == 0.0 or begin + arcs[arc] < times[m]):
            for i in range(size):
                vectors[_STATE, i] = here[i]
            if arcs[arc] > 0.0:
                _set_decays(flow, 1 - arc % 2, arcs[arc] * scale, work, arc)
                _carry(flow, 1 - arc % 2, work, arc, _STATE, _STATE)
            for i in range(size):
                here[i] = vectors[_STATE, i]
            begin += arcs[arc]
            arc += 1
        for i in range(size):
            vectors[_STATE, i] = here[i]
            vectors[_COSTATE, i] = costates[arc, i]
        before, weight = min(max(times[m] - begin, 0.0), arcs[arc]), 1 - arc % 2
        _set_decays(flow, weight, before * scale, work, arc)
        _carry(flow, weight, work, arc, _STATE, _STATE)
        _set_decays(flow, weight, (arcs[arc] - before) * scale, work, arc)
        _carry(flow, weight, work, arc, _COSTATE, _COSTATE)
        phi = 0.0
        for k in range(flow.residual.size):
            residual = _see(flow, work, _STATE, k) - flow.residual[k]
            phi += _see(flow, work, _COSTATE, k) * residual
        gains[m] = -phi if weight == 1 else phi
    return gains


# ------------------------------------------------------------------------------ Newton's method
@inner
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


@inner
@no_type_check
def _damped_step(hessian, gradient, free, damping, factors, step):
    """step = −(H + damping)⁻¹ g among the free entries, with the pivots of H = LDLᵀ made positive.
    """
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


@inner
@no_type_check
def _stationarity(arcs, allowed, gradient):
    """Largest entry of the reduced gradient that an admissible step could follow."""
    at_longest, largest = gradient[np.argmax(arcs)], 0.0
    for i in range(arcs.size):
        reduced = gradient[i] - at_longest
        if allowed[i] and not (arcs[i] <= 0.0 and reduced > 0.0):
            largest = max(largest, abs(reduced))
    return largest


@inner
@no_type_check
def _take(trial, arcs, gradient, hessian, work):
    """Arcs and the derivatives there from the workspace."""
    for i in range(arcs.size):
        arcs[i] = trial[i]
        gradient[i] = work.gradient[i]
        for j in range(arcs.size):
            hessian[i, j] = work.hessian[i, j]


@inner
@no_type_check
def _improve(flow, opening, searches, lane, limit, work):
    """Trial steps of one search, each taken if it lowers the cost, or damped further."""
    arcs, allowed = searches.arcs[lane], searches.allowed[lane]
    gradient, hessian = searches.gradient[lane], searches.hessian[lane]
    size, span = arcs.size, flow.span
    free, within = np.empty(size, np.bool_), np.empty(size, np.bool_)
    reduced, trial, change = np.empty(size), np.empty(size), np.empty(size)
    eliminated, factors = np.empty((size, size)), np.empty((size, size))
    if searches.steps[lane] == 0:
        searches.cost[lane] = _derivatives(flow, opening, arcs, span, work)
        _take(arcs, arcs, gradient, hessian, work)
        searches.steps[lane] = 1
    while not searches.done[lane] and searches.steps[lane] < limit:
        value, damping = searches.cost[lane], searches.damping[lane]
        longest = np.argmax(arcs)
        for i in range(size):
            reduced[i] = gradient[i] - gradient[longest] if allowed[i] else 0.0
            closing = arcs[i] <= _NEAR and reduced[i] > 0.0
            within[i] = allowed[i] and not closing
            free[i] = within[i] and i != longest
        row = hessian[longest]
        for i in range(size):
            for j in range(size):
                eliminated[i, j] = hessian[i, j] - row[j] - row[i] + row[longest]
        _damped_step(eliminated, reduced, free, damping, factors, trial)
        total = 0.0
        for i in range(size):
            trial[i] += arcs[i]
            if allowed[i] and not within[i]:
                trial[i] = 0.0
            total += trial[i]
        trial[longest] += 1.0 - total
        _onto_simplex(trial, within)

        new_value = _derivatives(flow, opening, trial, span, work)
        moved = 0.0
        for i in range(size):
            change[i] = trial[i] - arcs[i]
            moved = max(moved, abs(change[i]))
        # Once costs agree to rounding the gradient decides.
        tie = abs(new_value - value) <= 64 * _UNIT * value
        if tie:
            accepted = _stationarity(trial, allowed, work.gradient) < _stationarity(
                arcs, allowed, gradient
            )
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
    work = _workspace(flow, searches.arcs.shape[1])
    _improve(flow, _open(flow, work), searches, 0, max_steps, work)


@inner
@no_type_check
def _begin(searches, lane, arcs, allowed):
    for i in range(arcs.size):
        searches.arcs[lane, i] = arcs[i]
        searches.allowed[lane, i] = allowed[i]
    searches.cost[lane] = np.inf
    searches.damping[lane] = _FIRST_DAMPING
    searches.done[lane] = False
    searches.steps[lane] = 0


# -------------------------------------------------------------------------- from many starts
@compiled
@no_type_check
def multistart(flows, samples, warm, warm_allowed, max_switches, max_steps, times, found):
    """Newton's method from the best sample of each group and from the warm start.

    Parameters
    ----------
    flows : SwitchedFlow
        Of N problems: every array, and `delay` and `span`, with a leading axis.
    samples : Samples
    warm, warm_allowed : (N, k)
    max_switches, max_steps : int
    times : (q,)
        Where needles are tried, as fractions of the span, ascending.
    found : Searches
        With a leading axis; filled in.
    """
    for i in range(flows.span.size):
        flow = SwitchedFlow(
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
        searches = Searches(
            found.arcs[i],
            found.allowed[i],
            found.cost[i],
            found.gradient[i],
            found.hessian[i],
            found.damping[i],
            found.done[i],
            found.steps[i],
        )
        start = warm[i], warm_allowed[i]
        _multistart(flow, searches, samples, start, max_switches, max_steps, times)


@inner
@no_type_check
def _multistart(flow, searches, samples, warm, max_switches, max_steps, times):
    size, count = samples.arcs.shape[1], searches.cost.size - 1
    work = _workspace(flow, size, samples.weights.size)
    opening = _open(flow, work)
    for place in range(samples.weights.size):
        length = samples.lengths[place] * flow.span
        _set_decays(flow, samples.weights[place], length, work, size + place)
    least = np.full(count, np.inf)
    for m in range(samples.groups.size):
        for j in range(opening.size):
            work.vectors[_STATE, j] = opening[j]
        for arc in range(size):
            place = samples.passages[m, arc]
            if place >= 0:
                _carry(flow, 1 - arc % 2, work, size + place, _STATE, _STATE)
        value, group = _end(flow, work), samples.groups[m]
        if value < least[group]:
            least[group] = value
            _begin(searches, group, samples.arcs[m], samples.allowed[m])
    _begin(searches, count, warm[0], warm[1])

    record = np.inf
    while True:
        _advance(flow, opening, searches, max_steps, work)
        best = np.argmin(searches.cost)
        if max_switches == 0 or not searches.cost[best] < record * (1.0 - _PROGRESS):
            break
        record = searches.cost[best]
        gains = _needle_gains(flow, opening, searches.arcs[best], flow.span, times, work)
        if not _try_needles(searches, best, gains, max_switches, times):
            break


@inner
@no_type_check
def _advance(flow, opening, searches, max_steps, work):
    """A glance at every search, a look at the promising ones, and the best to its end."""
    for lane in range(searches.cost.size):
        _improve(flow, opening, searches, lane, min(_GLANCE, max_steps), work)
    for _ in range(_PROMISING):
        chosen, least = 0, np.inf
        for lane in range(searches.cost.size):
            waits = not searches.done[lane] and searches.steps[lane] < _LOOK
            if waits and searches.cost[lane] < least:
                chosen, least = lane, searches.cost[lane]
        if least < np.inf:
            _improve(flow, opening, searches, chosen, min(_LOOK, max_steps), work)
    while True:
        best = np.argmin(searches.cost)
        if searches.done[best] or searches.steps[best] >= max_steps:
            break
        _improve(flow, opening, searches, best, max_steps, work)


@inner
@no_type_check
def _try_needles(searches, best, gains, max_switches, times):
    """Searches from the best where turning ε over for an instant helps, in place of the worst.

    Nothing is done where Pontryagin's condition holds, or where the best has as many switches as
    are allowed.
    """
    size, values, lengths, last = searches.arcs.shape[1], -1, np.zeros(gains.size), -1
    # Neighbours of the same value, with nothing between them, are one arc.
    for j in range(size):
        if searches.arcs[best, j] > 0.0:
            if values != 1 - j % 2:
                values, last = 1 - j % 2, last + 1
            lengths[last] += searches.arcs[best, j]
    opening_value = values if last % 2 == 0 else 1 - values
    largest = 0.0
    for m in range(gains.size):
        largest = max(largest, abs(gains[m]))
    start, allowed, tried = np.empty(size), np.empty(size, np.bool_), 0
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
            _set_needle(lengths, last, begin, time, start)
            for j in range(size):
                allowed[j] = begin <= j <= begin + max_switches
            worst = -1
            for lane in range(searches.cost.size):
                if lane != best and searches.steps[lane] > 0:
                    if worst < 0 or searches.cost[lane] > searches.cost[worst]:
                        worst = lane
            if worst < 0:
                break
            _begin(searches, worst, start, allowed)
            tried += 1
        # Next come the other peaks: what is beside this one is none.
        gains[peak] = np.nan
    return tried > 0


@inner
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
