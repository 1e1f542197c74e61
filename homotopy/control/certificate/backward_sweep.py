"""Many costates carried backwards over the cells of a grid at once, compiled.

What is computed is the bound of `residual_range`: the least value of f·u(t) + m normal·u(T) over
all controls, for every functional f and every time t of the grid. The weight κ is constant in a
cell, one of a few levels; where one control weighs all rows it is the one with the least loss at
the right end. Everything is positively homogeneous, so that the multiples of the normal, which all
start at the horizon, are one passage.

With each costate goes a bound of what rounding and the errors of the data have cost so far
(`rounding`). It is carried and multiplied like the value that it belongs to.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from homotopy.control.certificate.rounding import (
    OUTWARD,
    UNIT,
    crossing_errors,
    decay_and_integral,
    gamma,
)
from homotopy.control.certificate.system import ResidualSystem
from homotopy.numerics.compiled import compiled, inner


class Cells(NamedTuple):
    """A system on a grid of N cells, for each of L levels of the weight κ.

    Attributes
    ----------
    levels : (L,)
    steps : (N,)
    rotations, transposed : (L, d, d)
        Eigenvectors of Λ + κBᵀB, and the transposes; not used where κ = 0.
    observed : (L, g, d)
        B times the eigenvectors.
    decays, held : (L, N, d)
        e^{−λh} and (1 − e^{−λh})/λ.
    curvature, deviation : (L, N, d)
        Of each mode over a cell, from its chord: max|σ̈|h² and the mean distance.
    rows : (g, d), residual : (g,), start : (d,)
    start_errors : (d,)
        What an entry of |p(0)| costs.
    separate : bool
        Whether each row has a control of its own.
    """

    levels: np.ndarray
    steps: np.ndarray
    rotations: np.ndarray
    transposed: np.ndarray
    observed: np.ndarray
    decays: np.ndarray
    held: np.ndarray
    curvature: np.ndarray
    deviation: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    start: np.ndarray
    start_errors: np.ndarray
    separate: bool


class Margins(NamedTuple):
    """What rounding and the errors of the data cost, as long as the residuals keep to a range.

    Attributes
    ----------
    crossings : (L, N, d)
        For an entry of |p| at the right end of a cell, when it is carried to the left end.
    states : (N+1, d)
        Bounds of |u_j| at the times: for an error of p there.
    functionals : (q, d)
        By how much each may be off.
    """

    crossings: np.ndarray
    states: np.ndarray
    functionals: np.ndarray


def cells_of(system: ResidualSystem, times: np.ndarray, levels: tuple[float, ...]) -> Cells:
    """The cells between some times."""
    steps = np.diff(times)
    spectra = [system.spectrum((level,) * system.controls) for level in levels]
    rates = np.array([spectrum.rates for spectrum in spectra])[:, None, :]
    squares = (rates * steps[None, :, None]) ** 2
    decays, held = decay_and_integral(rates, steps[None, :, None])
    rotations = np.array([spectrum.rotation for spectrum in spectra])
    return Cells(
        levels=np.array(levels),
        steps=steps,
        rotations=rotations,
        transposed=np.ascontiguousarray(rotations.transpose(0, 2, 1)),
        observed=np.array([spectrum.observed.T for spectrum in spectra], order="C"),
        decays=decays,
        held=held,
        curvature=squares,
        deviation=np.where(squares <= 12.0, squares / 12.0, 1.0),
        rows=np.array(system.rows),
        residual=np.array(system.residual),
        start=np.array(system.start),
        start_errors=gamma(system.operations) * system.sizes.start + system.errors.start,
        separate=system.controls > 1,
    )


def margins_of(
    system: ResidualSystem,
    cells: Cells,
    states: np.ndarray,
    within: np.ndarray,
    largest: np.ndarray,
    functionals: np.ndarray,
) -> Margins:
    """From bounds of |u_j| at the times and in the cells, and of |v| in the cells."""
    reached, lag = (states[:-1], states[1:], within), np.zeros(cells.steps.size)
    crossings = [
        crossing_errors(system, (level,) * system.controls, cells.steps, reached, largest, lag)
        for level in cells.levels.tolist()
    ]
    return Margins(np.array(crossings), states, functionals)


@compiled
@no_type_check
def least_values(cells, margins, functionals, normal, multipliers, low, high):
    """Least f·u(t) + multiplier·normal·u(T), for every functional f (q, d) and time t: (q, N+1).

    Parameters
    ----------
    cells : Cells
    margins : Margins
    functionals : (q, d)
    normal : (d,)
    multipliers : (q, N+1)
        ≥ 0.
    low, high : (N, g)
        Bounds of the residuals in the cells.
    """
    size, count, many = cells.start.size, cells.steps.size, functionals.shape[0]
    # First comes the normal alone, then the functionals in the order in which their times are met.
    total = 1 + many * (count + 1)
    costates, values, errors = np.empty((total, size)), np.zeros(total), np.zeros(total)
    for j in range(size):
        costates[0, j] = normal[j]
    active = 1
    for time in range(count, -1, -1):
        for q in range(many):
            multiplier = multipliers[q, time]
            values[active], error = multiplier * values[0], multiplier * errors[0]
            error += UNIT * abs(values[active])
            for j in range(size):
                added = multiplier * costates[0, j]
                costates[active, j] = functionals[q, j] + added
                slip = UNIT * (abs(added) + abs(costates[active, j])) + margins.functionals[q, j]
                error += slip * margins.states[time, j]
            errors[active] = error
            active += 1
        if time > 0:
            _cross(cells, margins, costates, values, errors, active, low, high, time - 1)

    least = np.empty((many, count + 1))
    for time in range(count + 1):
        for q in range(many):
            m = 1 + (count - time) * many + q
            value, error = values[m], errors[m] + size * UNIT * abs(values[m])
            for j in range(size):
                value += costates[m, j] * cells.start[j]
                error += abs(costates[m, j]) * cells.start_errors[j]
            least[q, time] = value - OUTWARD * error
            least[q, time] -= UNIT * abs(least[q, time])
    return least


@inner
@no_type_check
def _cross(cells, margins, costates, values, errors, active, low, high, cell):
    """The active costates over one cell backwards, in place; values gain r·∫μ less the loss."""
    size, g, top = cells.start.size, cells.residual.size, cells.levels.size - 1
    inside = np.empty(size)
    near, far, integrals = np.empty(g), np.empty(g), np.empty(g)
    curvatures, deviations = np.empty(g), np.empty(g)
    for m in range(active):
        # σ at the right end, and the κ that loses least there.
        most, least = 0.0, 0.0
        for k in range(g):
            sigma = 0.0
            for j in range(size):
                sigma += cells.rows[k, j] * costates[m, j]
            near[k] = sigma
            most += sigma * (high[cell, k] if sigma > 0.0 else low[cell, k])
            least -= sigma * (low[cell, k] if sigma > 0.0 else high[cell, k])
        most, least = max(most, 0.0), max(least, 0.0)
        level = 0
        if top > 0:
            share = most / (most + least) if most + least > 0.0 else 0.5
            level = int(np.rint(share * top))
        weight = cells.levels[level]
        for j in range(size):
            errors[m] += margins.crossings[level, cell, j] * abs(costates[m, j])

        # In the eigenbasis, which for κ = 0 is the one we are in.
        if weight == 0.0:
            for j in range(size):
                inside[j] = costates[m, j]
        else:
            for j in range(size):
                inside[j] = 0.0
            for i in range(size):
                for j in range(size):
                    inside[j] += cells.rotations[level, i, j] * costates[m, i]
        gained = 0.0
        for k in range(g):
            integral, curvature, deviation = 0.0, 0.0, 0.0
            for j in range(size):
                amplitude = inside[j] * cells.observed[level, k, j]
                integral += amplitude * cells.held[level, cell, j]
                curvature += abs(amplitude) * cells.curvature[level, cell, j]
                deviation += abs(amplitude) * cells.deviation[level, cell, j]
            integrals[k], curvatures[k], deviations[k] = integral, curvature, deviation
            gained += weight * integral * cells.residual[k]
        for j in range(size):
            inside[j] *= cells.decays[level, cell, j]
            costates[m, j] = inside[j] if weight == 0.0 else 0.0
        if weight != 0.0:
            for j in range(size):
                for i in range(size):
                    costates[m, i] += cells.transposed[level, j, i] * inside[j]

        # The loss: of each row, where it has a control of its own, or of all together.
        near_most, near_least, far_most, far_least, extra = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(g):
            sigma = 0.0
            for j in range(size):
                sigma += cells.rows[k, j] * costates[m, j]
            far[k] = sigma
            below, above = low[cell, k], high[cell, k]
            near_most += near[k] * (above if near[k] > 0.0 else below)
            near_least -= near[k] * (below if near[k] > 0.0 else above)
            far_most += sigma * (above if sigma > 0.0 else below)
            far_least -= sigma * (below if sigma > 0.0 else above)
            extra += deviations[k] * max(abs(below), abs(above))
            if cells.separate or k == g - 1:
                steady = near[k] * sigma >= 0.0
                steady = steady and max(abs(near[k]), abs(sigma)) >= 0.5 * curvatures[k]
                if steady and (cells.separate or g == 1):
                    sigma = integrals[k]
                    most = sigma * (above if sigma > 0.0 else below)
                    least = -sigma * (below if sigma > 0.0 else above)
                    gained -= _loss_rate(weight, most, least)
                else:
                    rates = _loss_rate(weight, near_most, near_least)
                    rates += _loss_rate(weight, far_most, far_least)
                    gained -= cells.steps[cell] * (0.5 * rates + extra)
                near_most = near_least = far_most = far_least = extra = 0.0
        values[m] += gained
        errors[m] += UNIT * abs(values[m])


@inner
@no_type_check
def _loss_rate(weight, most, least):
    """max (ε − κ)σ·v, from the largest σ·v and −σ·v."""
    return max(weight * max(least, 0.0), (1.0 - weight) * max(most, 0.0))
