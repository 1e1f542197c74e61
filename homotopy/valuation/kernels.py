"""Points put one after the other into a least-squares fit, O(d²) each: compiled loops.

The state of a coalition S is P = (K₀ + Σ_S xxᵀ)⁻¹ and θ = argmin. Putting in (x, y) with v = Px,
h = xᵀv moves θ by δ = v(y − xᵀθ)/(1 + h) and takes vvᵀ/(1 + h) off P. Without a ridge P is the
pseudo-inverse of Σ_S xxᵀ and θ the fit of least norm; Π, the projector on what S sees, says when x
brings a new direction c = (1 − Π)x (theory §8.2). Points are put in only, never taken out: taking
out cancels digits where a leverage is near 1.

Numbers are copied one by one: of `a[i] = b[j]` between arrays Numba also compiles what would word
an error of shapes that differ, which takes longer than all else here.
"""

from typing import no_type_check

import numpy as np

from homotopy.numerics.compiled import borrowing, compiled

LANES = 8  # permutations that go side by side, so that processors use their vector units
_NEW = 1e-11  # of ‖x‖: what is left of x outside a span that counts as a new direction
CLOSE = 6  # prefixes in a row near the end value, after which the rest counts as nothing


@borrowing
@no_type_check
def _insert(P, span, theta, x, y, least_norm, v, c):
    """Put (x, y) into the state, in place."""
    d = x.shape[0]
    size = 0.0
    far = 0.0
    for a in range(d):
        c[a] = x[a]
        size += x[a] * x[a]
    if least_norm:
        for _ in range(2):  # twice is enough for full accuracy
            for a in range(d):
                total = 0.0
                for b in range(d):
                    total += span[a, b] * c[b]
                v[a] = total
            for a in range(d):
                c[a] -= v[a]
        for a in range(d):
            far += c[a] * c[a]
    h = 0.0
    left = y
    for a in range(d):
        total = 0.0
        for b in range(d):
            total += P[a, b] * x[b]
        v[a] = total
        h += x[a] * total
        left -= x[a] * theta[a]
    if least_norm and far > _NEW * _NEW * size:
        for a in range(d):
            theta[a] += c[a] / far * left
        for a in range(d):
            for b in range(d):
                P[a, b] += (1.0 + h) * (c[a] / far) * (c[b] / far)
                P[a, b] -= v[a] * (c[b] / far) + (c[a] / far) * v[b]
                span[a, b] += c[a] * c[b] / far
        return
    for a in range(d):
        theta[a] += v[a] * left / (1.0 + h)
    for a in range(d):
        for b in range(d):
            P[a, b] -= v[a] * v[b] / (1.0 + h)


@borrowing
@no_type_check
def _copy_state(P, span, theta, from_P, from_span, from_theta):
    d = theta.shape[0]
    for a in range(d):
        theta[a] = from_theta[a]
        for b in range(d):
            P[a, b] = from_P[a, b]
            span[a, b] = from_span[a, b]


@compiled
@no_type_check
def coalition_fits(X, y, ridge, prefix, low):
    """θ of the coalitions `prefix` + k, k = 0 … 2^low − 1, point b in where bit b is set.

    Without its lowest bit k is a coalition met before, whose state is kept by its size: between
    the two are coalitions of no smaller size only.
    """
    n, d = X.shape
    least_norm = ridge.min() == 0.0
    P, span = np.zeros((low + 1, d, d)), np.zeros((low + 1, d, d))
    theta, found = np.zeros((low + 1, d)), np.empty((1 << low, d))
    v, c = np.empty(d), np.empty(d)
    if not least_norm:
        for a in range(d):
            P[0, a, a] = 1.0 / ridge[a]
    for j in range(low, n):
        if prefix >> j & 1:
            _insert(P[0], span[0], theta[0], X[j], y[j], least_norm, v, c)
    for a in range(d):
        found[0, a] = theta[0, a]
    for k in range(1, 1 << low):
        size = 0
        lowest = -1
        for j in range(low):
            if k >> j & 1:
                size += 1
                if lowest < 0:
                    lowest = j
        _copy_state(P[size], span[size], theta[size], P[size - 1], span[size - 1], theta[size - 1])
        _insert(P[size], span[size], theta[size], X[lowest], y[lowest], least_norm, v, c)
        for a in range(d):
            found[k, a] = theta[size, a]
    return found


@compiled
@no_type_check
def permutation_fits(X, y, ridge, order):
    """θ after each point of each order, (K, n, d)."""
    count, n = order.shape
    d = X.shape[1]
    least_norm = ridge.min() == 0.0
    found, v, c = np.empty((count, n, d)), np.empty(d), np.empty(d)
    for k in range(count):
        P, span, theta = np.zeros((d, d)), np.zeros((d, d)), np.zeros(d)
        if not least_norm:
            for a in range(d):
                P[a, a] = 1.0 / ridge[a]
        for place in range(n):
            j = order[k, place]
            _insert(P, span, theta, X[j], y[j], least_norm, v, c)
            for a in range(d):
                found[k, place, a] = theta[a]
    return found


@compiled
@no_type_check
def permutation_changes(X, y, ridge, A, g, order, total, truncation):
    """m before minus m after each point is put in, (K, n) by point, m = ½θᵀAθ − gᵀθ.

    −δᵀ(Aθ − g) − ½δᵀAδ, without a difference of values of m. `total` is m(∅) − m(N): a
    permutation ends once m has been within `truncation` of m(N) for some points in a row. Also the
    points put in.
    """
    count, n = order.shape
    d = X.shape[1]
    changes, put_in = np.zeros((count, n)), 0
    P = np.empty((d, d, LANES))
    theta, slope, v, x, s = (
        np.empty((d, LANES)), np.empty((d, LANES)), np.empty((d, LANES)), np.empty((d, LANES)),
        np.empty((d, LANES)),
    )  # fmt: skip
    h, left, q, rest = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    close = np.empty(LANES, np.int64)
    for first in range(0, count, LANES):
        used = min(LANES, count - first)
        P[:] = 0.0
        theta[:] = 0.0
        rest[:] = total
        close[:] = 0
        for a in range(d):
            P[a, a, :] = 1.0 / ridge[a]
            slope[a, :] = -g[a]
        for place in range(n):
            for lane in range(LANES):
                j = order[min(first + lane, count - 1), place]
                left[lane] = y[j]
                for a in range(d):
                    x[a, lane] = X[j, a]
            h[:] = 0.0
            q[:] = 0.0
            for a in range(d):
                for lane in range(LANES):
                    v[a, lane] = P[a, a, lane] * x[a, lane]
                for b in range(a):
                    for lane in range(LANES):
                        v[a, lane] += P[a, b, lane] * x[b, lane]
                        v[b, lane] += P[a, b, lane] * x[a, lane]
            for a in range(d):
                for lane in range(LANES):
                    h[lane] += x[a, lane] * v[a, lane]
                    left[lane] -= x[a, lane] * theta[a, lane]
            for lane in range(LANES):
                h[lane] = 1.0 / (1.0 + h[lane])
                left[lane] *= h[lane]
            for a in range(d):
                for b in range(a + 1):
                    for lane in range(LANES):
                        P[a, b, lane] -= v[a, lane] * v[b, lane] * h[lane]
            for a in range(d):
                for lane in range(LANES):
                    s[a, lane] = 0.0
                for b in range(d):
                    for lane in range(LANES):
                        s[a, lane] += A[a, b] * v[b, lane]
            for a in range(d):
                for lane in range(LANES):
                    s[a, lane] *= left[lane]
                    v[a, lane] *= left[lane]
                    q[lane] -= v[a, lane] * (slope[a, lane] + 0.5 * s[a, lane])
                    slope[a, lane] += s[a, lane]
                    theta[a, lane] += v[a, lane]
            open_lanes = 0
            for lane in range(used):
                if close[lane] >= CLOSE:
                    continue
                changes[first + lane, order[first + lane, place]] = q[lane]
                put_in += 1
                rest[lane] -= q[lane]
                close[lane] = close[lane] + 1 if abs(rest[lane]) <= truncation else 0
                if close[lane] < CLOSE:
                    open_lanes += 1
            if open_lanes == 0:
                break
    return changes, put_in
