"""Ellipsoids that the state cannot leave, whatever the controls do, of any number of rows.

Every admissible w = εv has w·(v − w) ≥ 0. From that one inequality (docs/certificate.md,
Theorem 5): with symmetric Y > 0, a point c, G = BᵀB, v_c = Bc − r and any γ,

    Ẏ ≥ γY − ΛY − YΛ + ½(1 − Y)G(1 − Y),  ċ = −Λc − ½(1 − Y)Bᵀv_c,  ϱ̇ = ½|v_c|² − γϱ

keep (u − c)ᵀY⁻¹(u − c) ≤ ϱ. So |f·(u − c)| ≤ (fᵀYf ϱ)^½ for every f: no sweep, and no grid that has
to be fine beside 1/‖b‖², so that influential rows do not make it useless.

Y and c are computed at some times from the Hamiltonian that belongs to them, and are cubics in
between. Nothing is assumed of how well that is done: by how much the cubics miss the equations is
bounded, coefficient by coefficient, and is added to ϱ, with rounding and the errors of the data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import expm

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.certificate.cubics import bezier
from homotopy.control.certificate.ellipsoid_defects import ROUNDED, Cubics, defects_of
from homotopy.control.certificate.rounding import OUTWARD, gamma
from homotopy.control.certificate.system import ResidualSystem

LARGEST = 64  # number of parameters, beyond which it would take too long
# γ in units of the least rate, or of 1/(4T); and for more parameters than so many.
_FORGOTTEN, _FEW, _MANY = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0), (1.0, 2.0, 4.0), 24
_FLOOR = 1e-4  # of Y
_RATIO = 0.2  # of a step to the time before it
_STIFF, _MOST = 20.0, 20_000  # exponent of a mode in a step of the Hamiltonian; number of them
_ESCAPED = 1e3


class Ellipsoids(NamedTuple):
    """For one γ, (u − c)ᵀY⁻¹(u − c) ≤ ϱ at n + 1 times, and with cubics in between.

    Attributes
    ----------
    cubics : Cubics
        c and Y.
    radii : (n+1,)
        ϱ.
    highest : (n,)
        Of ϱ between two times.
    """

    cubics: Cubics
    radii: np.ndarray
    highest: np.ndarray


def functional_range(
    system: ResidualSystem,
    times: np.ndarray,
    functionals: np.ndarray,
    deadline: Deadline = UNLIMITED,
):
    """Between which values f·u lies at some times, and between them, over all controls.

    Parameters
    ----------
    system : ResidualSystem
    times : (N+1,)
        Increasing, the first 0.
    functionals : (q, d)
    deadline : Deadline, optional
        No further γ is tried then.

    Returns
    -------
    low, high : (N+1, q)
    cell_low, cell_high : (N, q)
        Infinite where nothing is known.
    """
    shape = times.size, len(functionals)
    low, high = np.full(shape, -np.inf), np.full(shape, np.inf)
    cell_low, cell_high = low[1:].copy(), high[1:].copy()
    if system.rates.size > LARGEST:
        return low, high, cell_low, cell_high
    grid = _grid(system, times)
    at = np.searchsorted(grid, times)
    unit = max(float(system.rates.min()), 0.25 / system.span)
    for share in _FORGOTTEN if system.rates.size <= _MANY else _FEW:
        found = None if deadline.over else ellipsoids(system, grid, share * unit)
        if found is None:
            break
        count = found.radii.size
        least, most, within_least, within_most = _extremes(found, grid[:count], functionals)
        known = np.count_nonzero(at < count)
        at_known, cells = at[:known], at[: known - 1]
        low[:known] = np.maximum(low[:known], least[at_known])
        high[:known] = np.minimum(high[:known], most[at_known])
        if known > 1:
            end = at_known[-1]
            least = np.minimum.reduceat(within_least[:end], cells)
            most = np.maximum.reduceat(within_most[:end], cells)
            cell_low[: known - 1] = np.maximum(cell_low[: known - 1], least)
            cell_high[: known - 1] = np.minimum(cell_high[: known - 1], most)
    return low, high, cell_low, cell_high


def ellipsoids(
    system: ResidualSystem, grid: np.ndarray, forgetting: float = 0.0
) -> Ellipsoids | None:
    """For one γ, from time 0 until Y escapes or what is added to ϱ is no number any more.

    Parameters
    ----------
    system : ResidualSystem
    grid : (n+1,)
        Increasing, the first 0.
    forgetting : float
        γ ≥ 0.
    """
    steps = np.diff(grid)
    inflation = 2.0 * _FLOOR * np.maximum(system.rates - 0.5 * forgetting, 0.0)
    centres, shapes = _nodes(system, steps, forgetting, inflation)
    steps = steps[: len(centres) - 1]
    if not steps.size:
        return None
    centre_slopes, shape_slopes = _slopes(system, forgetting, inflation, centres, shapes)
    cubics = Cubics(centres, centre_slopes, shapes, shape_slopes)
    defects = defects_of(system, cubics, steps, forgetting, inflation)
    errors, reach = system.errors, system.reach
    # v is not what was computed with: w·(v − w) ≥ 0 holds for the v that is meant.
    unseen = np.linalg.norm(errors.rows, axis=1) * reach.norm + errors.residual
    lost = 2.0 * OUTWARD * float(reach.largest @ unseen)
    radii, highest = [OUTWARD * float(errors.start @ errors.start) / _FLOOR], []
    for j, step in enumerate(steps.tolist()):
        # 2 shift √q ≤ κ + shift² q/κ, for a κ near the best.
        room = float(np.sqrt(radii[j] + defects.driven[j])) + 1e-150
        exponent = step * (defects.growth[j] + defects.shift[j] / room)
        if not exponent < 1.0:
            break
        added = step * (defects.shift[j] * room + lost)
        grown = ROUNDED * float(np.exp(exponent))
        highest.append(grown * (radii[j] + defects.driven[j] + added))
        held = float(np.exp(-forgetting * step))
        radii.append(grown * (held * radii[j] + defects.kept[j] + added))
    count = len(radii)
    if count == 1:
        return None
    kept = Cubics(*(part[:count] for part in cubics))
    return Ellipsoids(kept, np.array(radii), np.array(highest))


def _grid(system: ResidualSystem, times: np.ndarray) -> np.ndarray:
    """The times and others between them: fine at first, where Y grows from its floor."""
    fastest = float(system.rates.max() + np.sum(system.rows**2))
    first = min(_FLOOR / max(fastest, 1e-300), 0.5 * times[1])
    early = int(np.ceil(np.log(times[1] / first) / np.log1p(_RATIO)))
    grid = [np.append(0.0, np.geomspace(first, times[1], early + 1)[:-1])]
    for left, right in zip(times[1:-1].tolist(), times[2:].tolist(), strict=True):
        parts = int(np.ceil((right - left) / (_RATIO * left)))
        grid.append(left + (right - left) * np.arange(parts) / parts)
    return np.concatenate([*grid, times[-1:]])


def _nodes(system, steps, forgetting, inflation):
    """c and Y at the times, as long as Y does not escape.

    With z = Y⁻¹(u − c), the u and z of the extremal w obey a linear system.
    """
    rates, rows, size = system.rates, system.rows, system.rates.size
    product, push = 0.5 * rows.T @ rows, 0.5 * rows.T @ system.residual
    whole = np.zeros((2 * size + 1, 2 * size + 1))
    whole[:size, :size] = np.diag(rates - forgetting) + product
    whole[:size, size:-1], whole[size:-1, :size] = -product, product + np.diag(inflation)
    whole[size:-1, size:-1] = -np.diag(rates) - product
    whole[:-1, -1] = np.tile(push, 2)
    fastest = float(rates.max() + 2.0 * np.trace(product))
    centre, shape = np.array(system.start), _FLOOR * np.eye(size)
    centres, shapes, moved, flows = [centre], [shape], 0, {}
    for step in steps.tolist():
        parts = int(np.ceil(step * fastest / _STIFF))
        moved += parts
        if moved > _MOST:
            break
        key = f"{step / parts:.9e}"
        if key not in flows:
            flows[key] = expm(whole * (step / parts))
        flow = flows[key]
        try:
            for _ in range(parts):
                centre, shape = _moved(flow, centre, shape)
        except np.linalg.LinAlgError:
            break
        if not np.abs(shape).max() < _ESCAPED:
            break
        centres.append(centre)
        shapes.append(shape)
    return np.array(centres), np.array(shapes)


def _moved(flow, centre, shape):
    """A step later: what becomes of (z, u) = (1, Y) and of (0, c)."""
    size = centre.size
    with np.errstate(all="ignore"):  # where Y escapes
        columns = flow[:-1, :size] + flow[:-1, size:-1] @ shape
        moving = flow[:-1, size:-1] @ centre + flow[:-1, -1]
        shape = np.linalg.solve(columns[:size].T, columns[size:].T)
        shape = 0.5 * (shape + shape.T)
        return moving[size:] - shape @ moving[:size], shape


def _slopes(system, forgetting, inflation, centres, shapes):
    """ċ and Ẏ there."""
    rates, rows = system.rates, system.rows
    left = rows.T - shapes @ rows.T
    seen = centres @ rows.T - system.residual
    centre_slopes = -rates * centres - 0.5 * (left @ seen[..., None])[..., 0]
    shape_slopes = (forgetting - rates[:, None] - rates) * shapes + np.diag(inflation)
    shape_slopes += 0.5 * left @ left.transpose(0, 2, 1)
    return centre_slopes, 0.5 * (shape_slopes + shape_slopes.transpose(0, 2, 1))


def _extremes(found: Ellipsoids, times: np.ndarray, functionals: np.ndarray):
    """Of f·u at the times, and between them, where a cubic lies between its control points."""
    cubics = found.cubics
    relative, steps = gamma(4 * functionals.shape[1] + 16), np.diff(times)
    absolute = np.abs(functionals)

    def seen(part, vectors=functionals):
        return part @ vectors.T

    def widths(part, vectors=functionals):
        return np.einsum("qd,...de,qe->...q", vectors, part, vectors, optimize=True)

    centres = bezier(seen(cubics.centres), seen(cubics.centre_slopes), steps)
    squares = bezier(widths(cubics.shapes), widths(cubics.shape_slopes), steps)
    # The same of absolute values, for the rounding.
    sizes = [np.abs(part) for part in cubics]
    size = bezier(seen(sizes[0], absolute), seen(sizes[1], absolute), steps, size=True)
    unsure = relative * size.max(axis=0)
    size = bezier(widths(sizes[2], absolute), widths(sizes[3], absolute), steps, size=True)
    squares = np.maximum(squares + relative * size, 0.0)
    ends = np.append(centres[0], centres[3, -1:], axis=0)
    end_unsure = np.append(unsure, unsure[-1:], axis=0)
    half = ROUNDED * np.sqrt(np.append(squares[0], squares[3, -1:], axis=0) * found.radii[:, None])
    half = half + end_unsure + 4e-16 * (np.abs(ends) + half)
    within = ROUNDED * np.sqrt(squares.max(axis=0) * found.highest[:, None])
    least, most = centres.min(axis=0), centres.max(axis=0)
    slack = unsure + 4e-16 * (np.abs(least) + np.abs(most) + within)
    return ends - half, ends + half, least - within - slack, most + within + slack
