"""Singular arcs: the feedback that Lie brackets give, and the conditions of a minimum."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import numpy as np

from homotopy._checks import instance
from homotopy.control.arcs import Arc
from homotopy.control.brackets import switching_derivatives
from homotopy.control.trajectory import Trajectory, a_trajectory

# Where the arc is tested, as fractions of it: off its ends, where the control jumps.
_FRACTIONS = (np.arange(16) + 0.5) / 16
# A scaled Legendre–Clebsch term below this counts as zero.
_VANISHING = 1e-8


@dataclasses.dataclass(frozen=True)
class SingularArc:
    """What the Lie brackets say of one singular arc.

    Attributes
    ----------
    arc : Arc
    feedback_error : float
        The largest distance of the control from −⟨p, [f₀, [f₀, f₁]]⟩ / ⟨p, [f₁, [f₀, f₁]]⟩, which
        did not enter the polished control: two ways to the same arc.
    legendre_clebsch : float
        The least of −⟨p, [f₁, [f₀, f₁]]⟩ over ‖p‖ ‖f₁‖, per duration squared and distance of the
        bounds: positive where the generalised Legendre–Clebsch condition holds strictly.
    order : int or None
        1 where it does not vanish; None: of higher order, or not an arc of a minimum.
    switching, slope : float
        The largest |H₁| and |Ḣ₁| on the arc, relative to ‖p‖ ‖f₁‖ (and per duration).
    """

    arc: Arc
    feedback_error: float
    legendre_clebsch: float
    order: int | None
    switching: float
    slope: float


def singular_arc(trajectory: Trajectory, arc: Arc) -> SingularArc:
    """Test a singular arc of a trajectory against the feedback and the conditions of a minimum."""
    system = a_trajectory(trajectory).system
    instance("arc", arc, Arc, "an Arc, as of read_arcs or a Solution")
    points = trajectory.at(arc.start + _FRACTIONS * (arc.stop - arc.start))
    value, slope, drift, control = map(
        np.asarray, _derivatives(system, points.state, points.costate)
    )
    size = np.asarray(points.size)
    size = np.where(size > 0, size, 1.0)
    duration = float(system.horizon - system.start)
    weakest = np.min(-control / size) * duration**2 * float(system.upper - system.lower)
    return SingularArc(
        arc=arc,
        feedback_error=float(np.max(np.abs(_ratio(drift, control) - np.asarray(points.control)))),
        legendre_clebsch=float(weakest),
        order=1 if weakest > _VANISHING else None,
        switching=float(np.max(np.abs(value) / size)),
        slope=float(np.max(np.abs(slope) / size) * duration),
    )


def feedback(trajectory: Trajectory, times: np.ndarray) -> np.ndarray:
    """−⟨p, [f₀, [f₀, f₁]]⟩ / ⟨p, [f₁, [f₀, f₁]]⟩ at times (m,); not finite where that is 0/0."""
    points = trajectory.at(times)
    _, _, drift, control = _derivatives(trajectory.system, points.state, points.costate)
    return _ratio(np.asarray(drift), np.asarray(control))


def _ratio(drift, control):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -drift / control


@eqx.filter_jit
def _derivatives(system, x, p):
    return jax.vmap(lambda x, p: switching_derivatives(system, x, p))(x, p)
