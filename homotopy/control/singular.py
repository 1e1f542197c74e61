"""Singular arcs: the feedback that Lie brackets give, and the conditions of a minimum."""

from __future__ import annotations

import dataclasses
from functools import partial

import equinox as eqx
import jax
import numpy as np

from homotopy._checks import instance
from homotopy.control.arcs import Arc
from homotopy.control.brackets import switching_derivatives
from homotopy.control.system import ControlAffine
from homotopy.control.trajectory import Trajectory, a_trajectory, in_batches

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
        1 where it does not vanish. 2 where it does, and the control comes up in the fourth time
        derivative of H₁ only, with the sign of a minimum: ∂(d⁴H₁/dt⁴)/∂u > 0. None: of higher
        order, or not an arc of a minimum.
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
    value, slope, drift, control = _derivatives(system, points.state, points.costate)
    size = np.asarray(points.size)
    size = np.where(size > 0, size, 1.0)
    duration = float(system.horizon - system.start)
    weakest = np.min(-control / size) * duration**2 * float(system.upper - system.lower)
    return SingularArc(
        arc=arc,
        feedback_error=float(np.max(np.abs(_ratio(drift, control) - np.asarray(points.control)))),
        legendre_clebsch=float(weakest),
        order=_order(system, points, weakest, np.max(np.abs(control) / size), duration),
        switching=float(np.max(np.abs(value) / size)),
        slope=float(np.max(np.abs(slope) / size) * duration),
    )


def _order(system, points, weakest, strongest, duration) -> int | None:
    breadth = float(system.upper - system.lower)
    if weakest > _VANISHING:
        return 1
    if strongest * duration**2 * breadth > _VANISHING:
        return None
    at = points.state, points.costate, points.control
    slopes, size = np.asarray(_slopes_of_fourth(system, *at)), np.asarray(points.size)
    least = np.min(slopes / np.where(size > 0, size, 1.0)) * duration**4 * breadth
    return 2 if least > _VANISHING else None


def feedback(trajectory: Trajectory, times: np.ndarray) -> np.ndarray:
    """−⟨p, [f₀, [f₀, f₁]]⟩ / ⟨p, [f₁, [f₀, f₁]]⟩ at times (m,); not finite where that is 0/0."""
    points = trajectory.at(times)
    return feedback_at(trajectory.system, points.state, points.costate)


def feedback_at(system: ControlAffine, states, costates) -> np.ndarray:
    """The same at states and costates (m, d)."""
    _, _, drift, control = _derivatives(system, states, costates)
    return _ratio(drift, control)


def _ratio(drift, control):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -drift / control


def _derivatives(system, states, costates):
    return in_batches(partial(_derivatives_of_batch, system), (states, costates))


@eqx.filter_jit
def _derivatives_of_batch(system, x, p):
    return jax.vmap(lambda x, p: switching_derivatives(system, x, p))(x, p)


@eqx.filter_jit
def _slopes_of_fourth(system, x, p, u):
    """∂/∂u of d⁴H₁/dt⁴ along the flow of state and costate, at m points."""

    def fourth(u, x, p):
        def flow(point):
            x, p = point
            velocity, pull = jax.vjp(lambda x: system.velocity(x, u), x)
            return velocity, -pull(p)[0]

        def along(function):
            return lambda point: jax.jvp(function, (point,), (flow(point),))[1]

        derivative = lambda point: system.switching(*point)  # noqa: E731
        for _ in range(4):
            derivative = along(derivative)
        return derivative((x, p))

    return jax.vmap(jax.grad(fourth))(u, x, p)
