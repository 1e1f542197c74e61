"""Deletions of single rows from a small spectrum, in one call of loops: as `modal_downdates`.

The spectrum of Λ − zzᵀ is that of `interlacing`: the same equation, root by root.
"""

from __future__ import annotations

import numpy as np

from homotopy.numerics.double_double_loops import added, divided, multiplied
from homotopy.numerics.loops_of_python import Loops, within

_UNIT = 2.0**-52
_SWEEPS = 60  # a safeguard: four to eight are what it takes


@within
def two_pole_root(constant, weight_below, weight_above, pole_below, pole_above, left):
    """As `two_poles.two_pole_root`, of numbers; `known_rank_one` compiles it too."""
    middle = constant * (pole_below + pole_above) + weight_below + weight_above
    tail = weight_below * pole_above if left else weight_above * pole_below
    root = np.sqrt(max(middle * middle - 4.0 * constant * tail, 0.0))
    if middle > 0.0:
        near = 2.0 * tail / (middle + root)
        far = (middle + root) / (2.0 * constant) if constant != 0.0 else middle + root
    else:
        near = (middle - root) / (2.0 * constant) if constant != 0.0 else middle - root
        far = 2.0 * tail / (middle - root) if middle < 0.0 else 2.0 * tail
    return near if pole_below < near < pole_above else far


@within
def _sums(gaps, weights, count, origin, offset, i, halves):
    """Fill in Σ w/(p − x) over the poles up to the i-th and over the others, and the slopes."""
    for part in range(4):
        halves[part] = 0.0
    for k in range(count + 1):
        inverse = 1.0 / (gaps[origin, k] - offset)
        term = weights[k] * inverse
        side = 0 if k <= i else 1
        halves[side] += term
        halves[2 + side] += term * inverse


@within
def _root(gaps, weights, count, i, halves):
    """The root after the i-th pole: its nearer pole, its distance from there, and whether found."""
    width = gaps[i, i + 1]
    _sums(gaps, weights, count, i, 0.5 * width, i, halves)
    middle = halves[0] + halves[1]
    left = middle > 0.0
    origin = i if left else i + 1
    pole_below, pole_above = (0.0, width) if left else (-width, 0.0)
    low, high = (0.0, 0.5 * width) if left else (-0.5 * width, 0.0)
    # First guess: the two nearest poles exactly, the rest of the sum frozen at the midpoint.
    rest = middle - (weights[i + 1] - weights[i]) / (0.5 * width)
    offset = two_pole_root(rest, weights[i], weights[i + 1], pole_below, pole_above, left)
    # The middle itself counts to the right.
    if not (low < offset < high or (offset == low and not left)):
        offset = 0.5 * (low + high)
    for _ in range(_SWEEPS):
        _sums(gaps, weights, count, origin, offset, i, halves)
        value = halves[0] + halves[1]
        if value < 0.0:
            low = offset
        elif value > 0.0:
            high = offset
        to_below, to_above = pole_below - offset, pole_above - offset
        # Interpolate each half by one pole, matching value and slope (Bunch, Nielsen, Sorensen).
        candidate = two_pole_root(
            value - halves[2] * to_below - halves[3] * to_above,
            halves[2] * to_below * to_below,
            halves[3] * to_above * to_above,
            pole_below,
            pole_above,
            left,
        )
        if not (low < candidate < high or (candidate == low and not left)):
            candidate = 0.5 * (low + high)
        rounding = _UNIT * (abs(halves[0]) + abs(halves[1]))
        if abs(value) <= 2.0 * rounding or abs(candidate - offset) <= _UNIT * abs(offset):
            return origin, offset, True
        offset = candidate
    return origin, offset, False


@Loops
def without_each(rows, targets, values, basis, fit, unseen, ridge, limits):
    """What `modal_downdates.downdates` computes, where no eigenvalues that are seen are equal.

    Parameters
    ----------
    rows : (k, d), targets : (k,)
        The points, each of which is deleted alone.
    values, fit : (2, d), basis : (2, d, d), unseen : (d,)
        Of all the data, in double-double, high and low.
    ridge : float
    limits : (5,)
        The error of the spectrum in norm, the relative error that is accurate, the least relative
        gap of eigenvalues that are not equal, the least coordinate of z that counts, of ‖z‖, and
        the least eigenvalue, of the largest, of what is seen.

    Returns
    -------
    status : (k,)
        0 where all is right to rounding, 1 where it is not, 2 where that is not known.
    eigenvalues, pulls, equilibrium, modes, change : (k, d)
    scalars : (k, 2)
        The residual, and P/(1 − P).
    vectors, turned : (k, d, d)
        V for the point, and its transpose in the eigenbasis of all the data.
    kernel, active : (k, d)
    """
    number, size = rows.shape
    error, tolerance, close, fewest, least_seen = limits
    status = np.full(number, 2)
    eigenvalues, pulls = np.zeros((number, size)), np.zeros((number, size))
    equilibrium, modes = np.zeros((number, size)), np.zeros((number, size))
    change, scalars = np.zeros((number, size)), np.zeros((number, 2))
    vectors, turned = np.zeros((number, size, size)), np.zeros((number, size, size))
    kernel, active = np.zeros((number, size), np.bool_), np.zeros((number, size), np.bool_)
    z, pulled, fitted = np.empty((2, size)), np.empty((2, size)), np.empty(size)
    gaps, weights, halves = np.empty((size + 1, size + 1)), np.empty(size + 1), np.empty(4)
    order, origins, offsets = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size)
    adjusted = np.empty(size)
    for i in range(size - 1):
        following = values[0, i + 1] + values[1, i + 1]
        apart = following - (values[0, i] + values[1, i])
        if not apart > close * following and not (unseen[i] and unseen[i + 1]):
            return (
                status, eigenvalues, pulls, equilibrium, modes, change, scalars, vectors, turned,
                kernel, active,
            )  # fmt: skip
    for point in range(number):
        # z, P, and the residual.
        leverage_high, leverage_low, seen_high, seen_low = 0.0, 0.0, 0.0, 0.0
        square, length = 0.0, 0.0
        for i in range(size):
            high, low = 0.0, 0.0
            if not unseen[i]:
                for k in range(size):
                    a, b = multiplied(basis[0, k, i], basis[1, k, i], rows[point, k], 0.0)
                    high, low = added(high, low, a, b)
            z[0, i], z[1, i] = high, low
            square = square + high * high
            length = length + rows[point, i] * rows[point, i]
            pulled[0, i], pulled[1, i] = 0.0, 0.0
            if not unseen[i]:
                pulled[0, i], pulled[1, i] = divided(high, low, values[0, i], values[1, i])
            a, b = multiplied(pulled[0, i], pulled[1, i], high, low)
            leverage_high, leverage_low = added(leverage_high, leverage_low, a, b)
            a, b = multiplied(high, low, fit[0, i], fit[1, i])
            seen_high, seen_low = added(seen_high, seen_low, a, b)
        left_high, left_low = added(1.0, 0.0, -leverage_high, -leverage_low)
        rounding = size * 2.0**-101 / left_high if left_high > 0.0 else 1.0
        if not rounding <= tolerance:
            status[point] = 1
            continue
        high, low = added(targets[point], 0.0, -seen_high, -seen_low)
        high, low = divided(high, low, left_high, left_low)
        complement = left_high + left_low
        scalars[point, 0] = high + low
        scalars[point, 1] = (leverage_high + leverage_low) / complement
        for i in range(size):
            a, b = multiplied(pulled[0, i], pulled[1, i], high, low)
            change[point, i] = a + b
            a, b = added(fit[0, i], fit[1, i], -a, -b)
            fitted[i] = a + b

        # Modes that the point reaches come first.
        norm, count, place = np.sqrt(square), 0, 0
        for i in range(size):
            if z[0, i] != 0.0 and not abs(z[0, i]) < fewest * norm:
                order[count] = i
                count += 1
        place = count
        for i in range(size):
            if z[0, i] == 0.0 or abs(z[0, i]) < fewest * norm:
                order[place] = i
                place += 1
        gaps[0, 0], weights[0] = 0.0, complement
        for i in range(count):
            at = order[i]
            pole = values[0, at] + values[1, at]
            gaps[0, i + 1], gaps[i + 1, 0] = pole, -pole
            weights[i + 1] = z[0, at] * z[0, at] / pole
            for k in range(count):
                to = order[k]
                a, b = added(values[0, to], values[1, to], -values[0, at], -values[1, at])
                gaps[i + 1, k + 1] = a + b
        settled = True
        for i in range(count):
            origins[i], offsets[i], found = _root(gaps, weights, count, i, halves)
            settled = settled and found
        if not settled:
            continue
        # Löwner: z_l² = Π_i (λ_l − μ_i) / Π_{i≠l} (λ_l − λ_i), in ratios none of which is extreme.
        for k in range(count):
            ratio = 1.0
            for i in range(count):
                distance = abs(gaps[origins[i], k + 1] - offsets[i])
                ratio = ratio * (distance if i == k else distance / abs(gaps[i + 1, k + 1]))
            adjusted[k] = np.copysign(np.sqrt(ratio), z[0, order[k]])
        for i in range(count):
            total = 0.0
            for k in range(count):
                entry = adjusted[k] / (gaps[origins[i], k + 1] - offsets[i])
                turned[point, i, order[k]] = entry
                total = total + entry * entry
            # Σ z_l²/(λ_l − μ_i) = 1, so that zᵀw_i is one over the norm.
            scale = np.sqrt(total)
            for k in range(count):
                turned[point, i, order[k]] /= scale
            pulls[point, i], active[point, i] = 1.0 / scale, True
            eigenvalues[point, i] = gaps[0, origins[i]] + offsets[i]
        least, largest = np.inf, 0.0
        for i in range(size):
            at = order[i]
            if i >= count:
                turned[point, i, at] = 1.0
                eigenvalues[point, i] = values[0, at] + values[1, at]
            kernel[point, i] = unseen[at] and ridge == 0.0
            if kernel[point, i]:
                eigenvalues[point, i] = 0.0
            if not unseen[at]:
                least = min(least, eigenvalues[point, i])
            largest = max(largest, eigenvalues[point, i])
        for i in range(size):
            total = 0.0
            for k in range(size):
                total = total + turned[point, i, k] * fitted[k]
            equilibrium[point, i] = 0.0 if kernel[point, i] else total
            value = eigenvalues[point, i]
            modes[point, i] = pulls[point, i] / (1.0 if value == 0.0 else value)
            for k in range(size):
                total = 0.0
                for j in range(size):
                    total = total + (basis[0, k, j] + basis[1, k, j]) * turned[point, i, j]
                vectors[point, k, i] = total

        # Whether the retained points see all that the data see, and the spectrum is simple.
        perturbation = error + 2.0**-98 * length
        right = perturbation + rounding * least <= tolerance * least
        for i in range(size):
            if active[point, i]:
                right = right and eigenvalues[point, i] - ridge > least_seen * (largest - ridge)
            if i + 1 < size and active[point, i + 1]:
                apart = eigenvalues[point, i + 1] - eigenvalues[point, i]
                right = right and apart > close * eigenvalues[point, i + 1]
        status[point] = 0 if right else 1
    return (
        status, eigenvalues, pulls, equilibrium, modes, change, scalars, vectors, turned, kernel,
        active,
    )  # fmt: skip
