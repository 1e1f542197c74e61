"""What the dual loses where the sign of a residual is not known.

For a control ε in [0, 1], weight κ, costate seen σ and residuals v in a box, the loss is
max (ε − κ)σ·v: zero where σ·v has a known sign and κ is 1 or 0 to match. The
last axis of the arrays counts the rows that one control owns.
"""

from __future__ import annotations


def _positive(value):
    return (value + abs(value)) * 0.5


def _larger(first, second):
    return 0.5 * (first + second + abs(first - second))


def extremes(seen, low, high):
    """max σ·v and max −σ·v over the box low <= v <= high, summed over the rows (last axis)."""
    rise, fall = _positive(seen), _positive(-seen)
    return (rise * high - fall * low).sum(-1), (fall * high - rise * low).sum(-1)


def share_of_least_loss(most, least):
    """The κ with the least loss max(κ·least, (1 − κ)·most)."""
    most, least = _positive(most), _positive(least)
    total = most + least
    nothing = total <= 0.0
    return (most + 0.5 * nothing) / (total + nothing)


def loss_rate(weight, seen, low, high):
    """max (ε − κ)σ·v: convex and piecewise linear in σ, and zero at σ = 0."""
    most, least = extremes(seen, low, high)
    first, second = _positive(weight * least), _positive((1.0 - weight) * most)
    return _larger(first, second)


def bends(amplitude, exponents, observed):
    """How far σ, a sum of decaying modes, can be from a straight line over a cell.

    Returns max|σ̈|h² and a bound of the mean distance of σ from its chord.
    """
    squares = exponents**2
    bounded = squares / 12.0 * (squares <= 12.0) + (squares > 12.0)
    return (amplitude * squares) @ observed, (amplitude * bounded) @ observed


def cell_loss(step, weight, ends, integral, bend, low, high):
    """An upper bound of ∫ loss over a cell, from σ at its two ends and the bounds of its bend.

    One row whose σ keeps its sign: exact. Otherwise the trapezium, which for a convex function of a
    straight line is an upper bound, and the distance of σ from the line.
    """
    (near, far), (curvature, deviation) = ends, bend
    rates = loss_rate(weight, near, low, high) + loss_rate(weight, far, low, high)
    bound = step * (0.5 * rates + (deviation * _larger(abs(low), abs(high))).sum(-1))
    if near.shape[-1] > 1:
        return bound
    near, far, curvature = near[..., 0], far[..., 0], curvature[..., 0]
    steady = (near * far >= 0.0) & (_larger(abs(near), abs(far)) >= 0.5 * curvature)
    steady = steady * 1.0
    return loss_rate(weight, integral, low, high) * steady + bound * (1.0 - steady)
