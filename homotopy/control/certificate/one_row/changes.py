"""How often the residual of one row can change its sign, and what that settles.

By Theorem 2 (docs/certificate.md) no schedule changes the sign of v more often than the sequence
(z₁(0), …, z_m(0), −r) does. Its signs are found in intervals of many digits, so that the errors of
a Lanczos basis do not matter; those of the data are in the intervals.

Where signs are known at some edges, what changes there counts: a gap between two equal signs can
hide the other one at the price of two changes.
"""

from __future__ import annotations

import numpy as np

from homotopy.control.certificate.one_row.kernels import Tube
from homotopy.control.certificate.rounding import OUTWARD
from homotopy.control.certificate.system import ResidualSystem

_BITS = 400
_LONGEST = 300.0  # exponent of what can hide before a zero
_LARGEST = 16  # dimension in which signs are looked for: beyond, any are possible


def most_changes(system: ResidualSystem) -> int:
    """A number that no schedule's changes of the sign of v exceed, for all data within the errors.

    Parameters
    ----------
    system : ResidualSystem
        Of one row.
    """
    size = system.rates.size
    if system.errors.force.any():  # no system of one row, to the last digit
        return np.iinfo(np.int64).max
    signs = _signs(system) if size <= _LARGEST else None
    return size if signs is None else _most_variation(signs)


def _signs(system: ResidualSystem) -> list[int] | None:
    """Of z₁, …, z_d and −r, 0 where not known; None where the span of Mᵏb may be smaller.

    With p_k = ‖p_k‖q_k, p₁ = b, p_{k+1} = (M − α_k)p_k − β²_{k−1}p_{k−1}, no root is taken; and as
    p_k·Mc = 0 for k < m, p_k·c follows from p₁·c = r without c.
    """
    from mpmath import ctx_iv  # only where a root stays open

    context = ctx_iv.MPIntervalContext()
    context.prec = _BITS
    size, errors = system.rates.size, system.errors

    def near(value, error):
        value, error = context.mpf(float(value)), context.mpf(float(error))
        return value + error * context.mpf([-1, 1])

    def product(first, second):
        return sum((a * b for a, b in zip(first, second, strict=True)), context.mpf(0))

    rates = [near(system.rates[i], errors.matrix[i, i]) for i in range(size)]
    beside = [
        [(j, near(0.0, errors.matrix[i, j])) for j in range(size) if j != i and errors.matrix[i, j]]
        for i in range(size)
    ]
    # M is regular, whatever is beside its diagonal.
    if not all(
        _sign(rate - sum((e.b for _, e in row), context.mpf(0))) > 0
        for rate, row in zip(rates, beside, strict=True)
    ):
        return None
    vector = [near(*pair) for pair in zip(system.rows[0], errors.rows[0], strict=True)]
    start = [near(*pair) for pair in zip(system.start, errors.start, strict=True)]
    seen = residual = near(system.residual[0], errors.residual[0])
    earlier, seen_earlier = [context.mpf(0)] * size, context.mpf(0)
    square_earlier, signs = context.mpf(1), []
    for k in range(size):
        square = product(vector, vector)
        if not _sign(square) > 0:
            return None
        signs.append((-1) ** k * _sign(product(vector, start) - seen))
        moved = [
            rates[i] * vector[i] + sum((e * vector[j] for j, e in beside[i]), context.mpf(0))
            for i in range(size)
        ]
        ratio, centre = (
            square / square_earlier if k else context.mpf(0),
            product(vector, moved) / square,
        )
        following = [moved[i] - centre * vector[i] - ratio * earlier[i] for i in range(size)]
        seen, seen_earlier = -centre * seen - ratio * seen_earlier, seen
        earlier, vector, square_earlier = vector, following, square
    return [*signs, -_sign(residual)]


def _sign(interval) -> int:
    return 1 if interval.a > 0 else -1 if interval.b < 0 else 0


def _most_variation(signs: list[int]) -> int:
    """The most changes of sign of a sequence whose zeros may be of either sign."""
    never = -len(signs)
    most = {end: 0 if signs[0] in (0, end) else never for end in (1, -1)}  # of those that end so
    for sign in signs[1:]:
        reached = {end: max(most[end], most[-end] + 1) for end in (1, -1)}
        most = {end: reached[end] if sign in (0, end) else never for end in (1, -1)}
    return max(most.values())


def edge_signs(tube: Tube) -> np.ndarray:
    """Of v at the edges: 1, −1, or 0 where not known."""
    return np.where(tube.low >= 0.0, 1, 0) - np.where(tube.high <= 0.0, 1, 0)


def equal_gaps(tube: Tube) -> tuple[np.ndarray, np.ndarray, int]:
    """Cells without sign between edges of one sign.

    Returns
    -------
    gap : (n,)
        The number of the gap, from 0; −1 for every other cell.
    sign : (n,)
        Of the known edges around the gap; else 0.
    changes : int
        Of sign among the edges that have one.
    """
    signs = edge_signs(tube)
    known = np.flatnonzero(signs)
    gap, sign = np.full(signs.size - 1, -1), np.zeros(signs.size - 1, int)
    if known.size < 2:
        return gap, sign, 0
    before, after = known[:-1], known[1:]
    equal = signs[before] == signs[after]
    cells = np.arange(gap.size)
    place = np.searchsorted(known, cells, "right") - 1  # the last known edge before a cell
    inside = (place >= 0) & (place < before.size)
    inside[inside] = equal[place[inside]]
    inside &= (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
    gap[inside] = np.unique(place[inside], return_inverse=True)[1]
    sign[inside] = signs[before[place[inside]]]
    return gap, sign, int(np.sum(~equal))


def settled(tube: Tube, most: int) -> bool | None:
    """Give signs, in place, to the gaps that have no changes left; whether there were any.

    None where there are too many changes: no schedule is as the tube says. That holds for every
    schedule whose v is zero at no edge. Such schedules are dense, costs depend continuously on
    schedules, and so a bound for them is one for all.

    Parameters
    ----------
    tube : Tube
    most : int
        Changes of sign that a schedule may have.
    """
    gap, sign, changes = equal_gaps(tube)
    spare = most - changes
    if spare < 0:
        return None
    if spare >= 2:
        return False
    sign = np.where(gap >= 0, sign, 0)
    signs = edge_signs(tube)
    known = np.flatnonzero(signs)
    if spare == 0 and known.size:  # nor before the first known sign, nor after the last
        sign[: known[0]], sign[known[-1] :] = signs[known[0]], signs[known[-1]]
    up, down = (sign > 0) & (tube.cell_low < 0.0), (sign < 0) & (tube.cell_high > 0.0)
    tube.cell_low[up], tube.cell_high[down] = 0.0, 0.0
    return bool(up.any() or down.any())


def dipping(tube: Tube, first: int, last: int, feedback: float) -> Tube | None:
    """The schedules of a tube that have the other sign somewhere between two edges of equal sign.

    None where that says little. Let v ≥ 0 at both edges, a distance l apart, and z the first zero
    after which v < 0. With c₋ ≤ c ≤ c₊ there, v ≤ c₊⁺l from z to the second edge, and
    v ≤ c₋⁻(e^{kl} − 1)/k from the first edge to z, since v̇ = −(R + ε‖b‖²)v + c and R + ε‖b‖² ≤ k.

    Parameters
    ----------
    tube : Tube
    first, last : int
    feedback : float
        k.
    """
    signs = edge_signs(tube)
    cells, inner = slice(first, last), slice(first + 1, last)
    open_ = (tube.cell_low[cells] < 0.0) & (tube.cell_high[cells] > 0.0)
    if signs[first] == 0 or signs[first] != signs[last] or not open_.any():
        return None
    length = OUTWARD * float(tube.edges[last] - tube.edges[first])
    fall, rise = -float(tube.pull_low[cells].min()), float(tube.pull_high[cells].max())
    if signs[first] < 0:
        fall, rise = rise, fall
    exponent = feedback * length
    before = max(fall, 0.0)
    if before > 0.0:
        grown = float(np.expm1(exponent)) if exponent < _LONGEST else np.inf
        before *= OUTWARD * grown / feedback
    after = max(rise, 0.0) * length
    high = tube.high if signs[first] > 0 else -tube.low
    if before > 0.5 * high[first] and after > 0.5 * high[last]:
        return None
    dip = Tube(*(np.array(part) for part in tube))
    for place, most in ((first, before), (last, after), (inner, max(before, after))):
        if signs[first] > 0:
            dip.high[place] = np.minimum(dip.high[place], most)
        else:
            dip.low[place] = np.maximum(dip.low[place], -most)
    most = max(before, after)
    if signs[first] > 0:
        dip.cell_high[cells] = np.minimum(dip.cell_high[cells], most)
    else:
        dip.cell_low[cells] = np.maximum(dip.cell_low[cells], -most)
    return dip
