"""What continuation records: branches of stationary points, and how they end."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy.flows._train import Training


class EventKind(eqx.Enumeration):
    """How a branch of local minima ends."""

    fold = "a fold: the branch turns back, the minimum meets a saddle"
    lost_definiteness = "the Hessian loses definiteness without a fold, as at a broken symmetry"
    merging = "two branches of minima merge into one, as where a symmetry is restored"


class Event(eqx.Module):
    """Where a branch of local minima ends, and where training goes from there.

    At a fold θ(ε) jumps. Where definiteness is lost, it jumps or only has a kink; where branches
    merge, it has a kink: with ridge and an odd activation, a neuron begins to work or dies.

    Attributes
    ----------
    kind : EventKind
    epsilon : ()
    theta : (d,)
        The stationary point with a singular Hessian.
    direction : (d,)
        Unit vector in its kernel; at a fold, to where the risk falls. Where definiteness is lost
        by symmetry, training goes to one of several minima that are alike.
    landing : Training, optional
        Of training from just past there, at the weight `landing_epsilon`: a jump from `theta` to
        `landing.theta`. None where no weight is left below.
    landing_epsilon : (), optional
    """

    kind: EventKind
    epsilon: Float[Array, ""]
    theta: Float[Array, " d"]
    direction: Float[Array, " d"]
    landing: Training | None = None
    landing_epsilon: Float[Array, ""] | None = None

    @property
    def jump(self) -> Float[Array, ""]:
        """‖landing.theta − theta‖: short, of the order of √(ε − landing_epsilon), at a kink."""
        if self.landing is None:
            return jnp.asarray(jnp.nan, self.theta.dtype)
        return jnp.linalg.norm(self.landing.theta - self.theta)


class Branch(eqx.Module):
    """A curve of stationary points, ∇R_ε(θ) = 0, in the order in which it was followed.

    Attributes
    ----------
    epsilons : (m,), theta : (m, d)
    smallest_eigenvalue : (m,)
        Of ∇²R_ε: positive on local minima, zero (to rounding) at the event that ends them.
    arclength : (m,)
        From the first point, √(‖Δθ‖²/`scale`² + Δε²).
    epsilon_tangent : (m,), theta_tangent : (m, d)
        Derivatives in the arclength.
    minima : int
        The first so many points are local minima, or the event at their end; those after it, if
        any, are what lies beyond: saddles, until definiteness comes back.
    """

    epsilons: Float[Array, " m"]
    theta: Float[Array, "m d"]
    smallest_eigenvalue: Float[Array, " m"]
    arclength: Float[Array, " m"]
    epsilon_tangent: Float[Array, " m"]
    theta_tangent: Float[Array, "m d"]
    scale: float
    minima: int

    @property
    def stable(self) -> Bool[Array, " m"]:
        """Whether each point is a local minimum."""
        return self.smallest_eigenvalue > 0.0
