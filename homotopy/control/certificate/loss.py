"""What the dual loses where the sign of a residual is not known.

For a control ε in [0, 1], weight κ, costate seen σ and residuals v in a box, the loss is
max (ε − κ)σ·v: zero where σ·v has a known sign and κ is 1 or 0 to match. The
last axis of the arrays counts the rows that one control owns.
"""

from __future__ import annotations

import numpy as np


def extremes(seen, low, high):
    """max σ·v and max −σ·v over the box low <= v <= high, summed over the rows (last axis)."""
    rise = np.maximum(seen, 0.0)
    fall = rise - seen
    return rise @ high - fall @ low, fall @ high - rise @ low


def share_of_least_loss(most: float, least: float) -> float:
    """The κ with the least loss max(κ·least, (1 − κ)·most)."""
    most, least = max(most, 0.0), max(least, 0.0)
    return most / (most + least) if most + least > 0.0 else 0.5


def loss_rate(weight, seen, low, high):
    """max (ε − κ)σ·v: convex and piecewise linear in σ, and zero at σ = 0."""
    most, least = extremes(seen, low, high)
    return np.maximum(np.maximum(weight * least, (1.0 - weight) * most), 0.0)


def bends(amplitude, exponents, observed):
    """How far σ, a sum of decaying modes, can be from a straight line over a cell.

    Returns max|σ̈|h² and a bound of the mean distance of σ from its chord.
    """
    squares = exponents**2
    return (amplitude * np.array([squares, np.minimum(squares / 12.0, 1.0)])) @ observed


def cell_loss(step, weight, ends, integral, bend, low, high) -> float:
    """An upper bound of ∫ loss over a cell, from σ at its two ends and the bounds of its bend.

    One row whose σ keeps its sign: exact. Otherwise the trapezium, which for a convex function of a
    straight line is an upper bound, and the distance of σ from the line.
    """
    (near, far), (curvature, deviation) = ends, bend
    at_near, at_far, exact = loss_rate(weight, np.array([near, far, integral]), low, high).tolist()
    if near.size == 1 and near[0] * far[0] >= 0.0:
        if max(abs(near[0]), abs(far[0])) >= 0.5 * curvature[0]:
            return exact
    away = float(deviation @ np.maximum(np.abs(low), np.abs(high)))
    return step * (0.5 * (at_near + at_far) + away)
