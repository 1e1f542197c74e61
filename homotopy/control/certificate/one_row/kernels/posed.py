"""A system of one row in loops: its spectra, and where controls lead, with what rounding can do.

For searches that the root closes, of few parameters, where NumPy would take longer to begin its
operations than the loops take for all of them. The formulas are those of `rounding`, `system` and
`switching`, which say why they hold.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.one_row.kernels.modes import decay_and_held
from homotopy.control.certificate.one_row.kernels.units import OUTWARD, UNIT
from homotopy.numerics.compiled import borrowing, inner

EXPONENTIAL = 8 * UNIT  # relative error of exp and expm1


class Posed(NamedTuple):
    """A system of one row, its spectrum under ε = 1, and the errors of all that.

    Attributes
    ----------
    rates, row, start, goal : (d,)
    residual, span : float
    full_rates : (d,), rotation : (d, d)
    matrix : (d, d), row_errors, start_errors, goal_errors, force : (d,)
    residual_error, time_error : float
    """

    rates: np.ndarray
    row: np.ndarray
    residual: float
    start: np.ndarray
    goal: np.ndarray
    span: float
    full_rates: np.ndarray
    rotation: np.ndarray
    matrix: np.ndarray
    row_errors: np.ndarray
    residual_error: float
    start_errors: np.ndarray
    goal_errors: np.ndarray
    force: np.ndarray
    time_error: float


class Measured(NamedTuple):
    """The decompositions for ε = 0 and ε = 1: as two of `system.Spectrum`.

    Attributes
    ----------
    rates, observed, seen : (2, d)
    rotations, absolute, residue, perturbation, skew, defect : (2, d, d)
    row : (d,), residual : float
        Sizes, errors included.
    """

    rates: np.ndarray
    observed: np.ndarray
    seen: np.ndarray
    rotations: np.ndarray
    absolute: np.ndarray
    residue: np.ndarray
    perturbation: np.ndarray
    skew: np.ndarray
    defect: np.ndarray
    row: np.ndarray
    residual: float


@borrowing
@no_type_check
def gamma(operations):
    """γₙ, a little enlarged."""
    return OUTWARD * operations * UNIT


@borrowing
@no_type_check
def norm_of(vector):
    """‖vector‖."""
    total = 0.0
    for j in range(vector.size):
        total += vector[j] * vector[j]
    return np.sqrt(total)


@inner
@no_type_check
def filled(count, value):
    """An array of so many times the same number."""
    array = np.empty(count)
    for i in range(count):
        array[i] = value
    return array


@borrowing
@no_type_check
def operations_of(size):
    """More than any number passes when a state or a costate is carried on."""
    return 4 * size + 26


@inner
@no_type_check
def measured(posed):
    """Both decompositions, and how much of the matrix they leave."""
    size = posed.rates.size
    slack, relative = 1.0 + gamma(4), gamma(size + 5)
    row = np.empty(size)
    for i in range(size):
        row[i] = slack * (abs(posed.row[i]) + posed.row_errors[i])
    residual = slack * (abs(posed.residual) + posed.residual_error)
    rates, observed, seen = np.empty((2, size)), np.empty((2, size)), np.empty((2, size))
    shape = (2, size, size)
    rotations, absolute, residue = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    perturbation, skew, defect = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for i in range(size):
        rates[0, i], rates[1, i] = max(posed.rates[i], 0.0), max(posed.full_rates[i], 0.0)
        observed[0, i], seen[0, i] = posed.row[i], row[i]
        observed[1, i], seen[1, i] = 0.0, 0.0
        rotations[0, i, i] = absolute[0, i, i] = 1.0
        for j in range(size):
            rotations[1, i, j] = posed.rotation[i, j]
            absolute[1, i, j] = abs(posed.rotation[i, j])
            observed[1, i] += posed.rotation[j, i] * posed.row[j]
            seen[1, i] += abs(posed.rotation[j, i]) * row[j]
            perturbation[0, i, j] = (1.0 + relative) * posed.matrix[i, j]
            crossed = posed.row_errors[i] * row[j] + posed.row_errors[j] * row[i]
            perturbation[1, i, j] = (1.0 + relative) * (posed.matrix[i, j] + crossed)
    for i in range(size):
        for j in range(size):
            rotation = posed.rotation[i, j]
            left = posed.rates[i] * rotation + posed.row[i] * observed[1, j]
            whole = posed.rates[i] * abs(rotation) + abs(posed.row[i]) * seen[1, j]
            whole += abs(rotation) * rates[1, j]
            residue[1, i, j] = abs(left - rotation * rates[1, j]) + relative * whole
            product, size_of = 0.0, 0.0
            for k in range(size):
                part = posed.rotation[i, k] * posed.rotation[j, k]
                product += part
                size_of += abs(part)
            skew[1, i, j] = abs((1.0 if i == j else 0.0) - product) + relative * size_of
            defect[0, i, j] = (1.0 + relative) * perturbation[0, i, j]
            defect[1, i, j] = (1.0 + relative) * residue[1, i, j]
            for k in range(size):
                spread = perturbation[1, i, k] * absolute[1, k, j]
                defect[1, i, j] += (1.0 + relative) * spread
    return Measured(
        rates, observed, seen, rotations, absolute, residue, perturbation, skew, defect, row,
        residual,
    )  # fmt: skip


@inner
@no_type_check
def arrived(posed, known, start, start_error, initial, switches, count, span, time_error):
    """u at the end, and how far from it the one may be that is meant: as `switching.final_state`.

    Parameters
    ----------
    posed : Posed
    known : Measured
    start : (d,), start_error : float
        The state at first, and how far it may be off.
    initial : int
        ε at first.
    switches : (m,), count : int
        Of which so many are taken.
    span, time_error : float
        When it ends, and by how much that and the switches may be off.
    """
    size = posed.rates.size
    relative, slowest = gamma(operations_of(size)), np.inf
    row_norm = norm_of(known.row)
    for j in range(size):
        slowest = min(slowest, posed.rates[j])
    state, now, error, which = start.copy(), 0.0, start_error, initial
    inside, force, moved = np.empty(size), np.empty(size), np.empty(size)
    decays, helds, turned = np.empty(size), np.empty(size), np.empty(size)
    for event in range(count + 1):
        time = switches[event] if event < count else span
        duration = max(time - now, 0.0)
        push_size = which * known.residual
        for j in range(size):
            decays[j], helds[j] = decay_and_held(known.rates[which, j], duration)
            total, value = 0.0, 0.0
            for i in range(size):
                total += known.absolute[which, i, j] * abs(state[i])
                value += known.rotations[which, i, j] * state[i]
            inside[j], moved[j] = total, value
        rounding, skewed, lasting = 0.0, 0.0, 0.0
        for i in range(size):
            rounded, askew, through = 0.0, 0.0, 0.0
            pushed = which * (
                known.residual * posed.row_errors[i] + posed.residual_error * known.row[i]
            )
            pushed += posed.force[i]
            damped = np.sqrt(0.5 / posed.rates[i]) if posed.rates[i] > 0.0 else np.inf
            for j in range(size):
                push = known.seen[which, j] * push_size
                rate = known.rates[which, j]
                slip = relative + 3 * UNIT * rate * duration
                rounded += known.absolute[which, i, j] * (
                    slip * (decays[j] * inside[j] + helds[j] * push)
                )
                askew += known.skew[which, i, j] * abs(state[j])
                pushed += known.defect[which, i, j] * helds[j] * push
                pushed += known.perturbation[which, i, j] * error
                pushed += known.skew[which, i, j] * known.row[j] * push_size
                brief = np.sqrt(min(duration, 0.5 / rate) if rate > 0.0 else duration)
                kept = helds[j]
                if damped < np.inf:
                    kept = min(kept, damped * brief)
                through += known.defect[which, i, j] * kept * inside[j]
            longest = duration
            if damped < np.inf:
                longest = min(longest, damped * np.sqrt(duration))
            through += longest * pushed
            rounding += rounded * rounded
            skewed += askew * askew
            lasting += through * through
        error = (
            np.exp(-slowest * duration) * (1.0 + EXPONENTIAL) * error
            + np.sqrt(rounding)
            + np.sqrt(skewed)
            + np.sqrt(2.0) * np.sqrt(lasting)
        )
        for j in range(size):
            turned[j] = decays[j] * moved[j]
            turned[j] += helds[j] * known.observed[which, j] * (which * posed.residual)
        for i in range(size):
            total = 0.0
            for j in range(size):
                total += known.rotations[which, i, j] * turned[j]
            state[i] = total
        now = time
        # A switch at another time, and the horizon at another.
        value = -posed.residual
        for j in range(size):
            value += posed.row[j] * state[j]
        felt = abs(value) + row_norm * error
        last = event == count
        if last:
            felt *= which
        for j in range(size):
            force[j] = known.row[j] * felt
            if last:
                force[j] += posed.rates[j] * (abs(state[j]) + error)
        error += time_error * norm_of(force)
        which = 1 - which
    return state, OUTWARD * error
