"""What can be explored: a problem behind states, pictures and searches; knows no browser."""

from __future__ import annotations

import abc
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from jaxtyping import Float

from homotopy.explorer.drag import Drag
from homotopy.explorer.origin import Origin
from homotopy.explorer.picture import Picture, Points
from homotopy.explorer.state import State
from homotopy.problem import Problem
from homotopy.schedules import AbstractSchedule

RESPONSE = np.linspace(0.0, 1.0, 33)  # ε at which θ(ε) is drawn
_KEPT = 8  # of the last computations of a kind


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes
    ----------
    schedule : AbstractSchedule
    cost : float
        ℰ.
    words : str
        What it is and how sure that is, in a sentence.
    lower_bound : float
        No schedule in E_s has a smaller ℰ; 0 where nothing is proved.
    """

    schedule: AbstractSchedule
    cost: float
    words: str
    lower_bound: float = 0.0


class AbstractExplored(abc.ABC):
    """A problem whose states can be looked at.

    Attributes
    ----------
    initial : State
        What is shown first.
    origin : Origin
        Python lines from which the problem comes.
    longest : float
        The largest T of a slider.
    drags : bool
        Whether the page itself can follow θ₀, by `drag`.
    certifies : bool
        Whether the best of all schedules can be found with a proof.
    """

    initial: State
    origin: Origin
    longest: float
    drags: bool
    certifies: bool
    against_time: bool = False

    def __init__(self):
        self._kept: dict[str, OrderedDict] = {}

    @abc.abstractmethod
    def problem(self, state: State) -> Problem:
        """The problem with the rows and the ridge of a state."""

    @abc.abstractmethod
    def picture(self, state: State, schedule: AbstractSchedule, quick: bool = False) -> Picture:
        """What a state looks like under a schedule.

        `quick` while a pointer moves θ₀: what is prepared for one θ₀ may then be that of where
        the drag began.
        """

    @abc.abstractmethod
    def drag(self, state: State, schedule: AbstractSchedule) -> Drag | None:
        """How the picture of a state follows θ₀; None where it does not by itself (`drags`)."""

    @abc.abstractmethod
    def moved(self, state: State, point: Float[np.ndarray, " 2"]) -> State:
        """The state whose θ₀ is seen at a point of the plane; what is not seen of θ₀ stays."""

    @abc.abstractmethod
    def velocity(self, state: State, epsilon: float) -> Callable:
        """−∇R_ε in the plane: from points (k, 2) to velocities (k, 2)."""

    @abc.abstractmethod
    def seen(self, state: State) -> Float[np.ndarray, " 2"]:
        """Where θ₀ is seen in the plane."""

    @abc.abstractmethod
    def warm(self) -> None:
        """Compile what the first pictures need, before somebody waits for them."""

    @abc.abstractmethod
    def points(self, state: State) -> Points:
        """Leverage and influence of all points."""

    @abc.abstractmethod
    def search(self, state: State) -> Found:
        """The schedule of a state's family that an optimiser finds; takes its time."""

    @abc.abstractmethod
    def problem_lines(self, state: State) -> list[str]:
        """Python after which `problem` is that of a state, from `X` and `y`."""

    @abc.abstractmethod
    def deletion_lines(self, state: State) -> list[str]:
        """Python after which `deletion` is that of a state, from `problem` and `theta0`."""

    @abc.abstractmethod
    def switching_lines(self) -> list[str]:
        """Python after which `phi` holds the switching function."""

    @abc.abstractmethod
    def drawing_lines(self, state: State) -> list[str]:
        """Python that draws."""

    @abc.abstractmethod
    def schedule_lines(self, state: State, schedule: AbstractSchedule) -> list[str]:
        """Python after which `schedule` is the one that is shown."""

    def check(self, state: State) -> None:
        """Refuse a state that is none of this problem.

        Raises
        ------
        ValueError
            Naming what is wrong: a row that there is not, all rows, an axis that there is not.
        """
        size, dimension = self.size, len(self.initial.theta0)
        for row in state.deleted:
            if not 0 <= row < size:
                raise ValueError(f"deleted: expected rows from 0 to {size - 1}, got {row}.")
        if len(state.deleted) >= size:
            raise ValueError("deleted: expected some of the rows, got all of them.")
        if state.axes is not None:
            good = all(0 <= axis < dimension for axis in state.axes)
            if not good or state.axes[0] == state.axes[1]:
                raise ValueError(
                    f"axes: expected two different parameters from 0 to {dimension - 1}, got "
                    f"{state.axes}."
                )

    @property
    def size(self) -> int:
        """How many points there are."""
        return self.problem(self.initial).size

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """What the parameters are called."""
        return tuple(self.problem(self.initial).parameter_names)

    def row_names(self) -> tuple[str, ...]:
        """What the rows are called."""
        problem = self.problem(self.initial)
        return tuple(problem.labels.row(row) for row in range(problem.size))

    def found(self, key: Hashable):
        """What an earlier search came to; None where there was none."""
        return self._kept.get("found", {}).get(key)

    def keep_found(self, key: Hashable, found) -> None:
        """Keep what a search came to."""
        self.kept("found", key, lambda: found)

    def kept(self, kind: str, key: Hashable, compute: Callable):
        """What was computed for a key, or computed now; the last few of each kind are kept."""
        known = self._kept.setdefault(kind, OrderedDict())
        if key not in known:
            known[key] = compute()
        known.move_to_end(key)
        while len(known) > _KEPT:
            known.popitem(last=False)
        return known[key]
