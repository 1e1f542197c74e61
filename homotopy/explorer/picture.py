"""What a state looks like, in numbers alone: nothing here knows how it is drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """Everything that is drawn of a state, in the coordinates of its plane.

    Attributes
    ----------
    labels : (str, str)
        Of the axes of the plane.
    times : (m,)
        From 0 to T.
    weights, weights_after : (m,)
        ε at the times, and just after them: they differ where the schedule jumps.
    path : (m, 2)
        θ(t) under the schedule.
    switches : (k, 2)
        Where it jumps or begins to vary.
    constant : (c, 2)
        θ(t) under the constant weight ε.
    response : (k, 2)
        θ(ε) for ε from 0 to 1.
    equilibrium : (2,)
        θ(ε) of the constant weight.
    start, end, full_fit, deleted_fit : (2,)
        θ₀, θ(T), θ*, θ*₋.
    costs, costs_at_once : (m,)
        ½‖θ(t) − θ*₋‖² under the schedule, and deleting at once.
    switching_times, switching : (k,)
        Where φ is known, and φ.
    cost : float
        ℰ of the schedule.
    compared : dict of str to float
        ℰ of others.
    theta_end : (d,)
        θ(T).
    family : dict of float to (m, 2)
        θ(t, ε) at other constant weights, where they are drawn.
    """

    labels: tuple[str, str]
    times: Float[np.ndarray, " m"]
    weights: Float[np.ndarray, " m"]
    weights_after: Float[np.ndarray, " m"]
    path: Float[np.ndarray, "m 2"]
    switches: Float[np.ndarray, "k 2"]
    constant: Float[np.ndarray, "c 2"]
    response: Float[np.ndarray, "r 2"]
    equilibrium: Float[np.ndarray, " 2"]
    start: Float[np.ndarray, " 2"]
    end: Float[np.ndarray, " 2"]
    full_fit: Float[np.ndarray, " 2"]
    deleted_fit: Float[np.ndarray, " 2"]
    costs: Float[np.ndarray, " m"]
    costs_at_once: Float[np.ndarray, " m"]
    switching_times: Float[np.ndarray, " f"]
    switching: Float[np.ndarray, " f"]
    cost: float
    compared: dict[str, float]
    theta_end: Float[np.ndarray, " d"]
    family: dict[float, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def extent(self) -> Float[np.ndarray, "p 2"]:
        """Every point that a window should hold."""
        landmarks = np.stack([self.start, self.full_fit, self.deleted_fit, self.equilibrium])
        return np.concatenate([self.path, self.response, landmarks, *self.family.values()])

    def numbers(self) -> dict:
        """As lists, for a JSON file."""
        fields = dataclasses.asdict(self)
        fields["family"] = {f"{weight:g}": path for weight, path in self.family.items()}
        return _lists(fields)


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """All points of the data: how much each could count, and how much it does.

    Attributes
    ----------
    names : tuple of str
    leverage : (n,)
    change : (n,)
        ‖θ(0) − θ(1)‖ as each is left out alone: the truth by refits in closed form where there is
        one, else what influence functions predict.
    influence : (n,)
        What influence functions at ε = 1 predict of it.
    rows : (n,)
        Of those for which both are known.
    truth : bool
        Whether `change` is what refits give.
    """

    names: tuple[str, ...]
    leverage: Float[np.ndarray, " n"]
    change: Float[np.ndarray, " n"]
    influence: Float[np.ndarray, " n"]
    rows: Int[np.ndarray, " n"]
    truth: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class Arrows:
    """A vector field at points of a window: where arrows begin and end, (k, 2)."""

    tails: Float[np.ndarray, "k 2"]
    tips: Float[np.ndarray, "k 2"]


def arrows(velocity, window, columns: int = 15) -> Arrows:
    """Arrows of a field on a grid of a window ((left, right), (bottom, top)).

    Lengths grow with the speed, but slowly: where the flow is slow its direction is still seen.
    """
    (left, right), (bottom, top) = window
    rows = max(2, round(columns * 0.8))
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    tails = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    sides = np.array([right - left, top - bottom])
    direction = np.asarray(velocity(tails)) / sides
    speed = np.linalg.norm(direction, axis=1, keepdims=True)
    largest = speed.max() if speed.size and speed.max() > 0 else 1.0
    with np.errstate(all="ignore"):
        unit = np.where(speed > 0, direction / speed, 0.0)
    length = 0.8 / columns * (speed / largest) ** 0.25
    return Arrows(tails, tails + unit * length * sides)


def window_around(points: Float[np.ndarray, "p 2"], shape: float, equal: bool):
    """Limits that hold the points with a margin, in the shape (width / height) of a frame.

    With one unit on both axes, unless the motion one way is less than a twelfth of that other way.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = np.where(half > 1e-9 * max(half.max(), 1e-300), half, 0.5 * max(half.max(), 1e-3))
    half = 1.15 * half
    if equal and half.min() * 12 > half.max():
        half = np.array([max(half[0], half[1] * shape), max(half[1], half[0] / shape)])
    low, high = middle - half, middle + half
    return ((float(low[0]), float(high[0])), (float(low[1]), float(high[1])))


def _lists(value):
    if isinstance(value, dict):
        return {str(name): _lists(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_lists(part) for part in value]
    return float(value) if isinstance(value, np.floating) else value
