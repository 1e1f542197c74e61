"""Parameters with Gaussian noise: what is published after unlearning."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from homotopy._checks import integer, non_negative, positive
from homotopy._display import DisplayedByFields, Entries, largest, number
from homotopy._result import Result, in_order, named
from homotopy._saving import Saved
from homotopy._tables import Table
from homotopy.unlearning.certificate import THREAT_MODEL, Certificate
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism
from homotopy.unlearning.gaussian_pair import GaussianPair

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAKS = (
    "the noise was chosen by a distance computed from the deleted points: its size tells of them, "
    "so that this holds for the pair of outputs with σ given, and for nothing more"
)


@dataclasses.dataclass(frozen=True, repr=False)
class PerInstance(DisplayedByFields, Saved):
    """The least noise for one certificate, in place of a σ that was fixed before the request.

    Where the certificate was computed from the deleted points, so is σ, and σ tells of them: two
    Gaussians of equal means and σ 10 per cent apart have δ(1) = 0.28 in 100 dimensions.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.PerInstance()
    PerInstance()
    """


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Release(Result):
    """θ_U + σξ, and what can be told of it.

    Attributes
    ----------
    theta : (d,)
        With the noise.
    noise : float
        σ.
    distance : float
        The certified distance that the noise covers.
    mechanism : GaussianMechanism
        ε and δ that were asked for, and hold if the certificate does.
    certificate : Certificate
    leaks : str
        Why σ itself tells of the deleted points; empty where it was fixed before.
    threat_model : str
    """

    theta: Float[np.ndarray, " d"]
    noise: float
    distance: float
    mechanism: GaussianMechanism
    certificate: Certificate
    leaks: str
    threat_model: str

    _axes = (("theta", 1),)

    def _entries(self) -> Entries:
        asked, pair = self.mechanism, self.pair
        yield "θ with noise", largest(self.theta, self._names.parameter_names(self.theta.size))
        yield "noise", f"σ = {number(self.noise, 4)}, {'leaks' if self.leaks else 'fixed before'}"
        yield "asked for", f"ε = {number(asked.privacy_epsilon)}, δ = {number(asked.delta)}"
        reached = pair.privacy_epsilon(asked.delta)
        kind = self.certificate.kind.value
        yield "reached", f"ε ≤ {number(reached, 4)} at that δ ({kind}: {self.certificate.route})"
        yield "best attack", f"advantage {number(pair.advantage, 4)}, AUC {number(pair.auc, 4)}"
        yield "threat model", self.threat_model

    def _table(self) -> Table:
        names = self._names.parameter_names(self.theta.size)
        columns = [("theta", np.asarray(self.theta))]
        return Table(columns, [("parameter", names)], in_order(self.theta), "θ with noise")

    @property
    def pair(self) -> GaussianPair:
        """What is released against what retraining would release, at the certified distance."""
        return GaussianPair(self.distance / self.noise if self.noise > 0.0 else 0.0)

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """θ with noise, by parameter.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_parameter import draw_by_parameter

        names = self._names.own_parameters
        return draw_by_parameter(np.asarray(self.theta), names, "released θ", ax, **options)


def released(theta, chosen, mechanism, noise, reference_distance, seed, problem) -> Release:
    """See `Unlearned.release`."""
    a_mechanism(mechanism)
    allowance = non_negative("reference_distance", reference_distance)
    if seed is not None:
        seed = integer("seed", seed, 0)
    leaks, per_instance = "", isinstance(noise, PerInstance)
    if not per_instance:
        noise = positive("noise", noise)
    if chosen is None or math.isinf(chosen.distance):
        why = "nothing is proved of the distance" if chosen is None else chosen.vacuous
        raise ValueError(
            f"noise: no noise will do, as {why}; give the curvature to training_run, add a ridge, "
            "or Retrain()."
        )
    distance = chosen.distance + allowance
    if per_instance:
        noise = mechanism.noise(distance)
        leaks = _LEAKS if chosen.from_deleted else ""
    elif distance > mechanism.distance(noise):
        raise ValueError(
            f"noise: expected at least {mechanism.noise(distance):.6g} for the certified distance "
            f"{distance:.6g} ({chosen.route}) at ε = {mechanism.privacy_epsilon:g}, δ = "
            f"{mechanism.delta:g}, got {noise:g}; WhenCertified(mechanism.distance(noise)) goes on "
            "until it is enough."
        )
    drawn = np.random.default_rng(seed).standard_normal(np.shape(theta))
    out = np.asarray(theta, float) + noise * drawn
    made = Release(out, float(noise), distance, mechanism, chosen, leaks, THREAT_MODEL)
    return named(made, problem)
