"""Between which numbers the cost of bang-bang controls lies that is meant.

With u(T) − goal = q + e, q as computed, twice the cost is 2q·(u(T) − goal) − ‖q‖² + ‖e‖². The norm
of e is bounded going forwards, error by error as they are made. Near the goal that is too much to
take ‖q‖ ± ‖e‖: q·u(T) is known far better, from its costate going backwards, in which an error
counts by what the costate has left of it.
"""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.rounding import OUTWARD, crossing_errors, gamma
from homotopy.control.certificate.switching import Controls, events, final_state
from homotopy.control.certificate.system import ResidualSystem

_CERTAIN = 1e-10  # of the cost: an interval that needs no second look


def cost_interval(system: ResidualSystem, controls: Controls) -> tuple[float, float]:
    """Between which numbers the cost that is meant lies."""
    state, error = final_state(system, controls)
    apart = system.deviation(state)
    distance, size = float(np.linalg.norm(apart)), apart.size
    error += float(np.linalg.norm(system.errors.goal))
    error += gamma(size + 8) * (distance + float(np.linalg.norm(system.sizes.goal)))
    low, high = 0.5 * max(distance - error, 0.0) ** 2, 0.5 * (distance + error) ** 2
    if high - low <= _CERTAIN * high:
        return low, high
    value, unsure = _along(system, controls, apart)
    offset, square = float(apart @ system.goal), float(apart @ apart)
    absolute = np.abs(apart)
    unsure += OUTWARD * float(absolute @ (system.errors.goal + gamma(size + 4) * system.sizes.goal))
    unsure += gamma(size + 8) * (abs(value) + abs(offset) + square)
    middle = value - offset - 0.5 * square
    return (
        max(low, middle - unsure),
        min(high, middle + unsure + 0.5 * error**2 * (1.0 + gamma(8))),
    )


def _along(system: ResidualSystem, controls: Controls, q: np.ndarray) -> tuple[float, float]:
    """q·u(T) by the costate of q, and how far from it the one that is meant may be."""
    weights = np.array([float(control.initial) for control in controls])
    arcs, now = [], 0.0
    for time, index, change, _ in [*events(controls), (system.span, 0, 0, -1)]:
        arcs.append((now, time, tuple(weights), index, abs(change)))
        weights[index] += change
        now = time
    costate, value, whole, error = q, 0.0, 0.0, 0.0
    none, reach = np.zeros((1, len(system.rows))), system.reach
    speeds = system.sizes.rows.T
    for left, right, kappa, index, change in reversed(arcs):
        spectrum, duration = system.spectrum(kappa), max(right - left, 0.0)
        owned = np.asarray(kappa)[system.control]
        # A switch at another time, and the horizon at another.
        turned = np.where(system.control == index, change, 0.0) if change else owned
        velocity = speeds @ (turned * reach.largest)
        states = [reach.at(np.array([time])) for time in (left, right)]
        states.append(reach.over(np.array([left]), np.array([right])))
        if not change:
            velocity = velocity + system.rates * states[1][0] + reach.drive
        absolute = np.abs(costate)
        error += system.errors.time * float(absolute @ velocity)
        error += float(
            crossing_errors(system, kappa, np.array([duration]), states, none, np.zeros(1))[0]
            @ absolute
        )
        inside = spectrum.rotation.T @ costate
        parts = (
            spectrum.decay_integral(duration)
            * inside
            * (spectrum.observed @ (owned * system.residual))
        )
        value += float(parts.sum())
        whole += float(np.abs(parts).sum())
        costate = spectrum.backward(costate, duration)
    parts, absolute = costate * system.start, np.abs(costate)
    error += float(absolute @ (gamma(system.operations) * system.sizes.start + system.errors.start))
    error += gamma(2 * len(arcs) + parts.size + 8) * (whole + float(np.abs(parts).sum()))
    return value + float(parts.sum()), OUTWARD * error
