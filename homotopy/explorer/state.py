"""What an explorer shows: all that a reader chose, in numbers and as the query of an address."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from homotopy._wording import listed

CELLS = 24  # of a schedule that is drawn by hand

# How the weight falls, by the name in the address, and as a reader sees it.
FAMILIES = {
    "step": "step",
    "ramp": "ramp",
    "polynomial": "polynomial",
    "drawn": "drawn by hand",
    "learned": "learned spline",
    "optimum": "certified optimum",
}
SEARCHED = ("learned", "optimum")  # what an optimiser has to find first
_DIGITS = 6  # of numbers that a pointer chooses: the address and the Python lines hold all of them


@dataclasses.dataclass(frozen=True)
class State:
    """Everything a reader has chosen; two equal states show the same picture.

    Attributes
    ----------
    theta0 : tuple of float
        θ₀, (d,).
    deleted : tuple of int
        Rows that are forgotten, from 0.
    start, switch, horizon : float
        s ≤ τ ≤ T: the request, the end of the schedule's decay, and when ℰ is judged.
    epsilon : float
        The constant weight whose training is drawn beside.
    ridge : float
    family : str
        A key of `FAMILIES`.
    power : float
        Of the polynomial decay.
    drawn : tuple of float
        ε on each of `CELLS` equal parts of [s, T].
    axes : tuple of two int, or None
        Numbers of the parameters that are the axes; None for the principal plane.
    """

    theta0: tuple[float, ...]
    deleted: tuple[int, ...]
    start: float
    switch: float
    horizon: float
    epsilon: float = 0.5
    ridge: float = 0.0
    family: str = "step"
    power: float = 2.0
    drawn: tuple[float, ...] = (0.0,) * CELLS
    axes: tuple[int, int] | None = None

    def __post_init__(self):
        numbers = (*self.theta0, self.start, self.switch, self.horizon, self.power, *self.drawn)
        if not all(map(math.isfinite, (*numbers, self.epsilon, self.ridge))):
            raise ValueError("state: expected finite numbers.")
        if not 0 <= self.start < self.horizon:
            raise ValueError(
                f"horizon: expected a time after the request s = {self.start:g} >= 0, got "
                f"{self.horizon:g}: there must be time to forget."
            )
        if self.family not in FAMILIES:
            raise ValueError(
                f"family: expected one of {listed(FAMILIES, limit=9)}, got {self.family!r}."
            )
        if not self.deleted:
            raise ValueError("deleted: expected a row to forget, got none.")
        if len(set(self.deleted)) < len(self.deleted):
            raise ValueError(f"deleted: expected distinct rows, got {self.deleted}.")
        for name, value, most in (
            ("epsilon", self.epsilon, 1.0),
            ("ridge", self.ridge, math.inf),
            ("power", self.power, math.inf),
            *(("drawn", value, 1.0) for value in self.drawn),
        ):
            if not 0.0 <= value <= most:
                wanted = "a number in [0, 1]" if most == 1.0 else "a number >= 0"
                raise ValueError(f"{name}: expected {wanted}, got {value:g}.")
        if len(self.drawn) != CELLS:
            raise ValueError(f"drawn: expected {CELLS} weights, got {len(self.drawn)}.")

    def but(self, **changes) -> State:
        """The state with changes; s, τ and T that no longer fit together move along.

        The time that was changed stays as asked for, the others give way.
        """
        rounded_times = ("start", "switch", "horizon")
        changes = {
            name: rounded(value) if name in rounded_times else value
            for name, value in changes.items()
        }
        made = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        made.update(changes)
        start, horizon = made["start"], made["horizon"]
        if not start < horizon:
            span = self.horizon - self.start
            if "horizon" in changes and "start" not in changes:
                made["start"] = rounded(max(0.0, horizon - span))
            else:
                made["horizon"] = rounded(start + span)
        made["switch"] = min(max(made["switch"], made["start"]), made["horizon"])
        return State(**made)

    def query(self, but: State | None = None) -> dict[str, str]:
        """As parameters of an address: those in which it differs from another state, or all."""
        return {
            field.name: _written(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if but is None or getattr(self, field.name) != getattr(but, field.name)
        }

    def from_query(self, query: Mapping[str, str]) -> State:
        """This state with what the parameters of an address say; others are not looked at.

        Raises
        ------
        ValueError
            Naming the parameter that cannot be read or means nothing.
        """
        changes = {
            field.name: _read(field.name, query[field.name])
            for field in dataclasses.fields(self)
            if field.name in query
        }
        changed = dataclasses.replace(self, **changes)
        if len(changed.theta0) != len(self.theta0):
            raise ValueError(
                f"theta0: expected {len(self.theta0)} numbers, got {len(changed.theta0)}."
            )
        return changed


def rounded(value: float) -> float:
    """To six digits: what is seen, written down and computed with are one number."""
    return float(f"{value:.{_DIGITS}g}")


def alike(values) -> list[float]:
    """Each rounded as the largest of them is: what a pointer leaves of a zero is zero."""
    largest = max(map(abs, values), default=0.0)
    decimals = _DIGITS - 1 - (math.floor(math.log10(largest)) if largest > 0.0 else 0)
    return [round(float(value), decimals) + 0.0 for value in values]


def _written(value) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    if value is None:
        return "principal"
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def _read(name: str, text: str):
    try:
        if name == "family":
            return text
        if name == "axes":
            if text == "principal":
                return None
            first, second = map(int, text.split(","))
            return first, second
        if name == "deleted":
            return tuple(map(int, text.split(",")))
        if name in ("theta0", "drawn"):
            return tuple(map(float, text.split(",")))
        return float(text)
    except ValueError:
        raise ValueError(
            f"{name}: the address says {text[:40]!r}, which is no value of it."
        ) from None
