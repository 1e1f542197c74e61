"""What the distance to the target can do in time, whatever the weights.

Let ρ = ‖θ − target‖, and q(ε) the norm of the velocity that the weight ε has at the target itself.
Along the flow of any weights

    −λ₁ρ − max q  ≤  ρ̇  ≤  −λ₀ρ + q(ε),

as 0 ≤ λ₀ ≤ M ≤ H_ε ≤ H ≤ λ₁. To the right of a T every trajectory continues one of horizon T, so
that the lower inequality bounds V there. To the left every trajectory can be continued to T, with
the ε of least q: the upper one then turns a lower bound at T into one before T. Where some ε
keeps the target at rest, min q = 0 and V does not increase: what is reachable at T is
reachable ever after, and what is not at T never was before. It is so for the deleted fit (ε = 0:
M(target) = 0 drift and M is positive semidefinite) and for every other point of the response
path.

Where M is positive definite, λ₀ > 0, trajectories of one control forget where they began: what
T reaches from one state is within e^{−λ₀(T−s)}·D of what it reaches from another of the region,
of diameter D, that no trajectory leaves. So a lower bound at a late T holds for ever after, but
for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homotopy.control.certificate import ResidualSystem

_UNIT = float(np.finfo(float).eps)
_ROUNDING = 1e-9  # relative, by which a duration is shortened


@dataclass(frozen=True)
class Inequalities:
    """The numbers that bound ρ̇, and what follows from them for a distance that is wanted.

    Attributes
    ----------
    slowest, fastest : float
        λ₀ and λ₁.
    least_drift, most_drift : float
        Of q(ε), over ε in [0, 1].
    """

    slowest: float
    fastest: float
    least_drift: float
    most_drift: float

    def stays_above(self, distance: float, wanted: float) -> float:
        """How long a distance stays above the wanted one, whatever the weights (less rounding)."""
        if distance <= wanted:
            return 0.0
        if self.fastest == 0.0:
            return np.inf if self.most_drift == 0.0 else (distance - wanted) / self.most_drift
        offset = self.most_drift / self.fastest
        if wanted + offset == 0.0:
            return np.inf
        duration = np.log1p((distance - wanted) / (wanted + offset)) / self.fastest
        return float(duration) * (1.0 - _ROUNDING)

    def was_above(self, distance: float, wanted: float) -> float:
        """How long before a distance that cannot be undercut the wanted one could not be reached.

        ρ(T) ≤ e^{−λ₀h}ρ(T − h) + q(1 − e^{−λ₀h})/λ₀ for the least drift q.
        """
        if distance <= wanted:
            return 0.0
        if self.least_drift == 0.0:
            return np.inf
        return (distance - wanted) / self.least_drift

    def forgets(self, duration: float, start: float, residual: float) -> float:
        """How far apart trajectories of one control can be after a duration; infinite if λ₀ = 0.

        From anywhere that can be come to from the start, ‖z − α‖ there and the norm of the deleted
        residuals at z = α given, as ½ d‖z − α‖²/dt ≤ −λ₀‖z − α‖² + ‖r‖²/4.
        """
        if self.slowest <= 0.0:
            return np.inf
        farthest = max(start, residual / (2.0 * self.slowest**0.5))
        return float(np.exp(-self.slowest * duration)) * (start + farthest)


def inequalities_of(system: ResidualSystem) -> Inequalities:
    """For one ε for all rows. A least drift that rounding does not tell from none is none."""
    slowest = float(system.rates.min())
    fastest = float(system.spectrum((1.0,)).rates.max())
    still, pull = -system.rates * system.goal, -system.residuals(system.goal) @ system.rows
    size = fastest * np.linalg.norm(system.goal) + np.linalg.norm(pull)
    weight = np.clip(-(still @ pull) / max(pull @ pull, 1e-300), 0.0, 1.0)
    least = float(np.linalg.norm(still + weight * pull))
    most = float(max(np.linalg.norm(still), np.linalg.norm(still + pull)))
    return Inequalities(slowest, fastest, 0.0 if least <= 64 * _UNIT * size else least, most)
