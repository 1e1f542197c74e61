"""A distance that is proved, with what it rests on."""

from __future__ import annotations

import dataclasses
import enum
import math

import numpy as np

from homotopy._display import Entries, number

THREAT_MODEL = (
    "one release after the request, of θ + σξ and nothing else; the same σ on what retraining "
    "would release and on what was released before. Checkpoints, accumulators and θ without noise "
    "still hold the deleted points. Who saw the model before and after, or several releases, is "
    "outside."
)


class CertificateKind(enum.Enum):
    """What a number is: equal to the truth, not below it, or only an estimate of it."""

    exact = "exact"
    certified = "certified"
    estimated = "estimated"
    audited = "audited"


class ComparedTo(enum.Enum):
    """What a distance is measured to."""

    retraining = "retraining by the same algorithm"
    training = "retraining by as many steps as training had"
    minimum = "the minimum without the points"


@dataclasses.dataclass(frozen=True, repr=False)
class Certificate:
    """A bound of how far unlearned parameters are from what they are compared to.

    Attributes
    ----------
    distance : float
        Δ; infinite where it is larger than a float can say.
    log_distance : float
        log Δ, finite then too.
    route : str
        By which argument: "exact", "pathwise", "largest gradient", "gradient over curvature", ...
    kind : CertificateKind
    compared_to : ComparedTo
    assumptions : tuple of (str, float or str)
        What it rests on, with the constants used.
    vacuous : str
        Why it says nothing; empty where it says something.
    from_deleted : bool
        Whether it was computed from the deleted points: noise that is chosen by it leaks.
    """

    distance: float
    log_distance: float
    route: str
    kind: CertificateKind
    compared_to: ComparedTo
    assumptions: tuple[tuple[str, int | float | str], ...]
    vacuous: str = ""
    from_deleted: bool = True

    @property
    def proved(self) -> bool:
        """Whether the truth cannot be larger: exact or certified."""
        return self.kind in (CertificateKind.exact, CertificateKind.certified)

    def __repr__(self) -> str:
        said = f"{self.kind.value}, {self.route}, to {self.compared_to.value}"
        return f"Certificate({number(self.distance, 4)}: {said}{'; vacuous' * bool(self.vacuous)})"


_ROUNDING = 1e-14  # of a bound from a few operations


def certificate(
    log_distance: float,
    route: str,
    compared_to: ComparedTo,
    assumptions: dict[str, int | float | str],
    *,
    kind: CertificateKind = CertificateKind.certified,
    margin: float = _ROUNDING,
    vacuous: str = "",
    from_deleted: bool = True,
    log_rounding: float = -math.inf,
) -> Certificate:
    """A certificate from the logarithm of its distance, rounded up by a relative margin.

    `log_rounding` is the logarithm of what the rounding of the steps themselves adds.
    """
    if log_rounding > -math.inf:
        log_distance = float(np.logaddexp(log_distance, log_rounding))
        assumptions = {**assumptions, "log of the rounding of the steps": log_rounding}
    if kind is not CertificateKind.exact and math.isfinite(log_distance):
        # exp loses as many units as its argument is large.
        log_distance += margin + 4e-16 * (1.0 + abs(log_distance))
    distance = math.exp(log_distance) if log_distance < 709.0 else math.inf
    if not vacuous and math.isinf(distance):
        size = f"about e^{log_distance:.4g}" if math.isfinite(log_distance) else "infinite"
        vacuous = f"it is {size}, too large for a float"
    told = tuple((name, plain(value)) for name, value in assumptions.items())
    return Certificate(
        distance, log_distance, route, kind, compared_to, told, vacuous, from_deleted
    )


def plain(value):
    """A number as Python's own, or a word."""
    return value if isinstance(value, str | bool | int) else float(value)


def smallest(certificates, compared_to: ComparedTo | None = None) -> Certificate | None:
    """The least distance of those that are proved; None where there is none."""
    among = [one for one in certificates if one.proved and compared_to in (None, one.compared_to)]
    return min(among, key=lambda one: one.log_distance, default=None)


def entries(certificates) -> Entries:
    """A line for what is compared to what: the least proved distance and its route."""
    for goal, name in (
        (ComparedTo.retraining, "to retraining"),
        (ComparedTo.minimum, "to minimum"),
    ):
        best = smallest(certificates, goal)
        if best is not None:
            yield name, f"{number(best.distance, 4)} ({best.kind.value}: {best.route})"
