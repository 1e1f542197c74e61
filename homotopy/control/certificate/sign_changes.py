"""How long sums of decaying modes keep their signs, with what rounding could hide."""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.rounding import OUTWARD, UNIT, gamma

_MOST_SAMPLES = 4000  # between two zeros
_FRACTIONS = np.linspace(0.0, 1.0, 25) ** 2  # fast modes act where an interval begins


def until_zero(amplitudes, unsure, rates, duration, signs, rounds: int = 14):
    """How long sums of decaying modes keep their signs.

    Parameters
    ----------
    amplitudes : (d, k), rates : (d,)
        σ_i(τ) = Σ_j a_ji e^{−λ_j τ}, τ backwards from where we are.
    unsure : (d, k)
        Errors of the amplitudes.
    duration : float
    signs : (k,)

    Returns
    -------
    duration : float
        Until the first zero of any, or the one given.
    zero : int or None
        Which one vanishes there.
    areas : (k,)
        Bounds of ∫ of the part of |σ_i| with the other sign that could hide between two samples,
        or in their rounding. Samples are added where the second derivative leaves room for one,
        until there is none or σ is zero throughout, to rounding.
    """
    times = _FRACTIONS * duration
    squares = OUTWARD * (np.abs(amplitudes) + unsure) * rates[:, None] ** 2
    for round_ in range(rounds):
        decay = np.exp(-times[:, None] * rates)
        values = (decay @ amplitudes) * signs
        wrong = np.flatnonzero(np.any(values[1:] < 0.0, axis=1))
        last, end, zero = len(times) - 1, duration, None
        if wrong.size:
            last = wrong[0] + 1
            roots = [
                (_root(amplitudes[:, i], rates, times[last - 1], times[last], signs[i]), i)
                for i in np.flatnonzero(values[last] < 0.0)
            ]
            end, zero = min(roots)
        gaps, values = np.diff(times[: last + 1]), values[: last + 1]
        # What is sure of the samples, and by how much they may have the other sign.
        slips = _slips(times[: last + 1], decay[: last + 1], amplitudes, unsure, rates)
        if zero is not None:
            gaps[-1] = end - times[last - 1]
            values[-1] = np.exp(-end * rates) @ amplitudes * signs
            slips[-1] = slips[-2]
            values[-1, zero] = -abs(values[-1, zero])
        values = values - slips
        hidden, values = np.maximum(-values, 0.0), np.maximum(values, 0.0)
        curvature = (decay[:last] @ squares) * gaps[:, None] ** 2
        room = np.maximum(values[:-1], values[1:]) < 0.5 * curvature
        if not room.any() or round_ == rounds - 1 or times.size > _MOST_SAMPLES:
            break
        where = np.flatnonzero(room.any(axis=1))
        extra = [times[where] + part * gaps[where] for part in (0.25, 0.5, 0.75)]
        times = np.sort(np.concatenate([times[: last + 1], *extra]))
    areas = np.sum(np.where(room, gaps[:, None] * curvature / 12.0, 0.0), axis=0)
    return end, zero, OUTWARD * (areas + gaps @ np.maximum(hidden[:-1], hidden[1:]))


def _slips(times, decay, amplitudes, unsure, rates):
    """Errors of σ at some times, and after them: (m, k)."""
    rounding = gamma(rates.size + 16) + 4 * UNIT * np.maximum(times[:, None] * rates, 1.0)
    return decay @ unsure + (rounding * decay) @ np.abs(amplitudes)


def _root(amplitudes, rates, left, right, sign) -> float:
    """The zero of one sum of modes in a bracket, by Newton's method with bisection as its guard."""
    time = 0.5 * (left + right)
    for _ in range(80):
        terms = amplitudes * np.exp(-rates * time)
        value, slope = terms.sum(), -(rates @ terms)
        left, right = (time, right) if value * sign > 0.0 else (left, time)
        step = time - value / slope if slope != 0.0 else np.inf
        new = step if left < step < right else 0.5 * (left + right)
        if abs(new - time) <= 2e-16 * right or right - left <= 2e-16 * right:
            break
        time = new
    return new
