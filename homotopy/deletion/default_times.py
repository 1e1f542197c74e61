"""Times at which to ask for a deletion and to judge it, where the user names none.

The scale is the displacement Δ = θ* − θ*₋ that the deletion has to undo. A request before
training resolves a distance of ‖Δ‖ asks for the deletion of what has not been learned yet; one
long after finds θ = θ*, where no schedule beats deleting at once. And a result judged as soon as
the modes that carry Δ begin to move, or long after they have come to rest, tells no schedule from
another.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput
from homotopy.linear import LinearRegression
from homotopy.numerics.namespace import in_numpy

# Training goes no further than this part of ‖θ* − θ₀‖, even for data that change next to nothing.
_TRAINED = 1e-6
_REMAINDER = 0.1


@dataclasses.dataclass(frozen=True)
class ChosenTime:
    """A time, and in words how it was chosen."""

    value: float
    reason: str


def displacement(
    problem: LinearRegression, theta0: ArrayInput | None = None
) -> Float[np.ndarray, " d"]:
    """Δ = θ* − θ*₋ in modal coordinates, both fits being limits of the flow from θ₀ (zeros)."""
    modal = problem.modal
    kernel, start = np.asarray(modal.kernel), _modal_start(problem, theta0)
    seen = np.any(np.asarray(modal.rows) != 0.0, axis=0)
    # The deleted fit keeps all of the kernel of M as θ₀ has it, the full fit what no point sees.
    full = in_numpy(modal).displacement(np.ones((), modal.basis.dtype))
    return full - np.where(kernel & seen, start, 0.0)


def default_start(problem: LinearRegression, theta0: ArrayInput | None = None) -> ChosenTime:
    """When to ask for the deletion: as soon as training resolves the points to be deleted.

    The first time at which ‖θ(t) − θ*‖ ≤ ‖θ* − θ*₋‖, training on all the data from θ₀ (default:
    zeros); or at which training has come to one millionth of its way, where the deletion changes
    next to nothing. Rounded to three digits; 0 where θ₀ is that close already.

    Parameters
    ----------
    problem : LinearRegression
    theta0 : (d,), optional

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion.default_times import default_start
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> default_start(problem).value  # θ* = 2, θ*₋ = 1/2, rate 3: log(4/3)/3
    0.0959
    """
    modal = problem.modal
    distance = float(np.linalg.norm(displacement(problem, theta0)))
    error = _modal_start(problem, theta0) - np.asarray(
        modal.coordinates(problem.full_fit(_theta0(problem, theta0)))
    )
    rates = np.asarray(modal.full.eigenvalues)
    error = np.asarray(modal.full.rotation).T @ error
    way = float(np.linalg.norm(error))
    if way <= distance:
        return ChosenTime(
            0.0, "‖θ₀ − θ*‖ ≤ ‖θ* − θ*₋‖, so that training starts as near to θ* as it need come"
        )
    if distance >= _TRAINED * way:
        reason = "‖θ(s) − θ*‖ = ‖θ* − θ*₋‖, training begins to resolve what the deletion changes"
    else:
        distance = _TRAINED * way
        reason = "training has gone all but a millionth of its way, and θ*₋ is closer yet to θ*"
    return ChosenTime(_rounded(_time_to_shrink(rates, error, distance)), reason)


def default_horizon(
    problem: LinearRegression, start: float = 0.0, theta0: ArrayInput | None = None
) -> ChosenTime:
    """When to judge the result of a deletion that is asked for at time `start`.

    T − s is the time in which the flow without the deleted points, from the full fit θ*, covers
    nine tenths of the distance to θ*₋ (of the part of it that the retained points see): the
    transient of the modes that carry the deletion is well under way, and not over. Rounded to
    three digits. A deletion that moves nothing is judged once the slowest mode has gone as far.

    Parameters
    ----------
    problem : LinearRegression
    start : float
        s ≥ 0.
    theta0 : (d,), optional

    Raises
    ------
    ValueError
        Where nothing flows once the points are deleted: the retained inputs are all zero.

    Examples
    --------
    >>> import homotopy as hm
    >>> from homotopy.deletion.default_times import default_horizon
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> default_horizon(problem, start=0.5).value  # rate 2: 0.5 + log(10)/2
    1.65
    """
    rates, delta = np.asarray(problem.modal.eigenvalues), displacement(problem, theta0)
    moving = rates > 0.0
    if not moving.any():
        raise ValueError(
            "horizon: name one; without the deleted points nothing flows, as the other inputs are "
            "all zero."
        )
    rates, delta = rates[moving], delta[moving]
    distance = float(np.linalg.norm(delta))
    if distance > 0.0:
        span = _time_to_shrink(rates, delta, _REMAINDER * distance)
        reason = "without the deleted points, the flow from θ* goes 9/10 of its way in T − s"
    else:
        span = _time_to_shrink(rates.min(keepdims=True), np.ones(1), _REMAINDER)
        reason = (
            "the slowest mode goes nine tenths of its way in T − s; the deletion itself moves "
            "nothing that the other points see"
        )
    return ChosenTime(float(f"{start + _rounded(span):.12g}"), reason)


def _theta0(problem, theta0) -> Float[Array, " d"]:
    return problem.parameters(np.zeros(problem.dimension) if theta0 is None else theta0)


def _modal_start(problem, theta0) -> np.ndarray:
    return np.asarray(problem.modal.coordinates(_theta0(problem, theta0)))


def _time_to_shrink(rates: np.ndarray, amplitudes: np.ndarray, size: float) -> float:
    """When ‖e^{−λt} a‖ has fallen to `size`; modes that do not decay carry next to nothing."""
    decaying = (rates > 0.0) & (amplitudes != 0.0)
    rates, amplitudes = rates[decaying], amplitudes[decaying]

    # By the later one, each mode is down to size/√d.
    levels = np.log(np.abs(amplitudes) * np.sqrt(rates.size) / size)
    earlier, later = 0.0, float(np.max(np.maximum(levels, 0.0) / rates))
    while later - earlier > 1e-9 * later:
        middle = (earlier + later) / 2
        if np.linalg.norm(np.exp(-rates * middle) * amplitudes) > size:
            earlier = middle
        else:
            later = middle
    return later


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
