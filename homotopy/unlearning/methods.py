"""Ways to unlearn, and when to stop: strategies for `unlearn`."""

from __future__ import annotations

import dataclasses

from homotopy._checks import integer, positive
from homotopy._display import DisplayedByFields
from homotopy._saving import Saved
from homotopy._wording import described


class AbstractUnlearning(DisplayedByFields, Saved):
    """A way to delete points from a trained model; passed to `unlearn` as `method`."""


@dataclasses.dataclass(frozen=True, repr=False)
class Retrain(AbstractUnlearning):
    """All steps of the training once more, without the points: the truth itself.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.Retrain()
    Retrain()
    """


@dataclasses.dataclass(frozen=True, repr=False)
class DescendToDelete(AbstractUnlearning):
    """K more steps from where training ended, without the points (Neel, Roth, Sharifi-Malvajerdi).

    Compared to the same number of steps in all, T + K, without the points; and to θ*₋ where the
    risk is strongly convex.

    Parameters
    ----------
    steps : int
        K ≥ 0, after the request; with `WhenCertified` the most that are made.

    Raises
    ------
    ValueError
        Naming `steps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.DescendToDelete(20)
    DescendToDelete(steps=20)
    """

    steps: int

    def __post_init__(self):
        object.__setattr__(self, "steps", integer("steps", self.steps, 0))


@dataclasses.dataclass(frozen=True, repr=False)
class RewindToDelete(AbstractUnlearning):
    """Back to the checkpoint after T − K steps, and K steps without the points (Mu, Klabjan).

    Compared to T steps without the points. K counts the steps after the request, as there.

    Parameters
    ----------
    steps : int, optional
        K ≥ 0. None with `WhenCertified`: as few as its distance allows, by the checkpoints that
        there are.

    Raises
    ------
    ValueError
        Naming `steps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.RewindToDelete(20)
    RewindToDelete(steps=20)
    """

    steps: int | None = None

    def __post_init__(self):
        if self.steps is not None:
            object.__setattr__(self, "steps", integer("steps", self.steps, 0))


@dataclasses.dataclass(frozen=True, repr=False)
class NewtonRefit(AbstractUnlearning):
    """Newton's method without the points, with a line search, from where training ended.

    Compared to θ*₋. One step is the removal of Guo et al. (ICML 2020); for least squares it is
    exact.

    Parameters
    ----------
    steps : int
        ≥ 1; with `WhenCertified` the most that are made.

    Raises
    ------
    ValueError
        Naming `steps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.NewtonRefit(1)
    NewtonRefit(steps=1)
    """

    steps: int = 20

    def __post_init__(self):
        object.__setattr__(self, "steps", integer("steps", self.steps))


@dataclasses.dataclass(frozen=True, repr=False)
class ConjugateGradientRefit(AbstractUnlearning):
    """Conjugate gradients on the risk without the points, from where training ended.

    Each step takes a product with the Hessian there, as much work as two gradients of a general
    model, and as one of least squares; of other risks the quadratic model is made anew when it is
    solved. Compared to θ*₋.

    Parameters
    ----------
    steps : int
        ≥ 1; with `WhenCertified` the most that are made.

    Raises
    ------
    ValueError
        Naming `steps`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.ConjugateGradientRefit(8)
    ConjugateGradientRefit(steps=8)
    """

    steps: int = 200

    def __post_init__(self):
        object.__setattr__(self, "steps", integer("steps", self.steps))


@dataclasses.dataclass(frozen=True, repr=False)
class WhenCertified(DisplayedByFields, Saved):
    """Stop as soon as a proved distance is at most Δ̄.

    The noise can then be fixed before anybody asks for a deletion, σ = Δ̄/r(ε, δ), and tells nothing
    of who asked: `WhenCertified(mechanism.distance(noise))`. To θ*₋ for descents and refits, to
    retraining for rewinding.

    Parameters
    ----------
    distance : float
        Δ̄ > 0.

    Raises
    ------
    ValueError
        Naming `distance`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.WhenCertified(0.01)
    WhenCertified(distance=0.01)
    """

    distance: float

    def __post_init__(self):
        object.__setattr__(self, "distance", positive("distance", self.distance))


def a_method(value, name: str = "method") -> AbstractUnlearning:
    """The value if it is a way to unlearn; a `TypeError` otherwise."""
    if not isinstance(value, AbstractUnlearning):
        raise TypeError(
            f"{name}: expected Retrain(), RewindToDelete(steps), DescendToDelete(steps), "
            "unlearning.NewtonRefit(steps) or unlearning.ConjugateGradientRefit(steps), got "
            f"{described(value)}."
        )
    return value


def a_stop(value, name: str = "stop") -> WhenCertified | None:
    """None, or the value if it is a rule for stopping; a `TypeError` otherwise."""
    if value is not None and not isinstance(value, WhenCertified):
        raise TypeError(
            f"{name}: expected None or WhenCertified(distance), got {described(value)}."
        )
    return value
