"""Sums of decaying modes, compiled: how long they keep their sign, and how large they become.

    f(τ) = Σ_j (a_j e^{−λ_j τ} + c_j (1 − e^{−λ_j τ})/λ_j) + constant

Between two samples f is within h²/8·max|f̈| of its chord, and the bound of |f̈|,
Σ|λ_j (λ_j a_j − c_j)| e^{−λ_j τ}, decreases: steps are halved until that leaves no room for another
sign. What could hide all the
same, in a step that is not halved further or in the rounding of a sample, is returned as an area.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from homotopy.numerics.compiled import borrowing

_MOST_HALVINGS = 400
_TINY = 1e-13  # of the duration: the shortest step


@borrowing
@no_type_check
def decay_and_held(rate, duration):
    """e^{−λh} and (1 − e^{−λh})/λ, which is h where λ = 0."""
    exponent = rate * duration
    if exponent <= 1e-300:
        return np.exp(-exponent), duration
    if exponent < 0.5:
        return np.exp(-exponent), -np.expm1(-exponent) / rate
    decay = np.exp(-exponent)
    return decay, (1.0 - decay) / rate


@borrowing
@no_type_check
def value_of(amplitudes, forces, rates, constant, time):
    """f, and what rounding is measured by: the sum of absolute values."""
    value, size = constant, abs(constant)
    for j in range(rates.size):
        exponent = rates[j] * time
        decay = np.exp(-exponent)
        part = amplitudes[j] * decay
        larger = abs(part) * (1.0 + exponent)
        if forces[j] != 0.0:
            if exponent <= 1e-300:
                held = time
            elif exponent < 0.5:
                held = -np.expm1(-exponent) / rates[j]
            else:
                held = (1.0 - decay) / rates[j]
            part += forces[j] * held
            larger += abs(forces[j]) * held
        value += part
        size += larger
    return value, size


@borrowing
@no_type_check
def slope_of(amplitudes, forces, rates, time):
    """ḟ, and the sum of absolute values."""
    slope, steepness = 0.0, 0.0
    for j in range(rates.size):
        part = (forces[j] - rates[j] * amplitudes[j]) * np.exp(-rates[j] * time)
        slope += part
        steepness += abs(part)
    return slope, steepness


@borrowing
@no_type_check
def bend_of(amplitudes, forces, unsure, rates, time):
    """A bound of |f̈| from a time on."""
    bend = 0.0
    for j in range(rates.size):
        change = abs(rates[j] * amplitudes[j] - forces[j]) + rates[j] * unsure[j]
        if change != 0.0:
            bend += rates[j] * change * np.exp(-rates[j] * time)
    return 1.01 * bend


@borrowing
@no_type_check
def unsure_of(unsure, rates, time):
    """Errors of the amplitudes, as far as they are felt at a time."""
    felt = 0.0
    for j in range(rates.size):
        if unsure[j] != 0.0:
            felt += unsure[j] * np.exp(-rates[j] * time)
    return felt


@borrowing
@no_type_check
def until_zero(amplitudes, forces, unsure, rates, constant, duration, sign, relative):
    """How long sign·f ≥ 0, whether a zero ends that, and ∫ of what could hide with the other sign.

    Parameters
    ----------
    amplitudes, forces, unsure, rates : (d,)
        a, c, errors of a, and λ.
    constant, duration, sign : float
    relative : float
        Rounding of a sample, of the sum of absolute values.
    """
    left, step, area, halvings = 0.0, duration, 0.0, 0
    value, size = value_of(amplitudes, forces, rates, constant, 0.0)
    value *= sign
    slip = relative * size + unsure_of(unsure, rates, 0.0)
    bend = bend_of(amplitudes, forces, unsure, rates, 0.0)
    while left < duration:
        right = min(left + step, duration)
        next_value, size = value_of(amplitudes, forces, rates, constant, right)
        next_value *= sign
        next_slip = relative * size + unsure_of(unsure, rates, right)
        zero = next_value < -next_slip
        if zero:
            if value <= 0.0:
                # To rounding f vanishes here. Where it rises first, there is another zero later.
                slope, _size = slope_of(amplitudes, forces, rates, left)
                if value >= -slip and slope * sign > 0.0 and halvings <= _MOST_HALVINGS:
                    step, halvings = 0.5 * (right - left), halvings + 1
                    continue
                right = left
            else:
                right = _root(amplitudes, forces, rates, constant, left, right, sign)
            rest, size = value_of(amplitudes, forces, rates, constant, right)
            next_value, next_slip = -abs(rest), relative * size + unsure_of(unsure, rates, right)
        gap = right - left
        curved = bend * gap * gap
        hidden = max(slip - value, next_slip - next_value, 0.0)
        sure = max(value - slip, next_value - next_slip, 0.0)
        room = sure < 0.5 * curved
        short = gap <= _TINY * duration or halvings > _MOST_HALVINGS
        if room and not short and curved > hidden:
            step, halvings = 0.5 * gap, halvings + 1
            continue
        area += gap * (hidden + (curved / 12.0 if room else 0.0))
        if zero:
            return right, True, 1.01 * area
        left, value, slip, step = right, next_value, next_slip, 2.0 * gap
        if left < duration:
            bend = bend_of(amplitudes, forces, unsure, rates, left)
    return duration, False, 1.01 * area


@borrowing
@no_type_check
def _root(amplitudes, forces, rates, constant, left, right, sign):
    """A zero in a bracket, by Newton's method with bisection as its guard."""
    time = 0.5 * (left + right)
    for _ in range(80):
        value, _size = value_of(amplitudes, forces, rates, constant, time)
        slope, _size = slope_of(amplitudes, forces, rates, time)
        if value * sign > 0.0:
            left = time
        else:
            right = time
        new = time - value / slope if slope != 0.0 else left
        if not left < new < right:
            new = 0.5 * (left + right)
        if abs(new - time) <= 2e-16 * right or right - left <= 2e-16 * right:
            break
        time = new
    return new


@borrowing
@no_type_check
def largest_of(amplitudes, forces, unsure, rates, constant, duration, tolerance, relative):
    """An upper bound of f over a duration, at most about a tolerance above its maximum."""
    left, step, most, halvings = 0.0, duration, -np.inf, 0
    value, size = value_of(amplitudes, forces, rates, constant, 0.0)
    value += relative * size + unsure_of(unsure, rates, 0.0)
    while True:
        bend = bend_of(amplitudes, forces, unsure, rates, left)
        slope, steepness = slope_of(amplitudes, forces, rates, left)
        while True:
            right = min(left + step, duration)
            gap = right - left
            next_value, size = value_of(amplitudes, forces, rates, constant, right)
            next_value += relative * size + unsure_of(unsure, rates, right)
            top = max(value, next_value)
            over = bend * gap * gap / 8.0
            if abs(slope) >= 1.0001 * bend * gap:
                over = 4.0 * relative * steepness * gap  # of one sense in between
            elif over > tolerance and top + over > most and halvings < _MOST_HALVINGS:
                step, halvings = 0.5 * gap, halvings + 1
                continue
            break
        most = max(most, top + over)
        left, value, step = right, next_value, 2.0 * gap
        if left >= duration:
            return most
