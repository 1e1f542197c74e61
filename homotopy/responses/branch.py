"""What continuation records: branches of stationary points, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._display import Displayed, Entries, largest, number, span
from homotopy._module import Module
from homotopy._parameter_names import numbered_entries
from homotopy._result import Result
from homotopy._saving import Saved
from homotopy._tables import Table
from homotopy.flows._train import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EventKind(eqx.Enumeration):
    """How a branch of local minima ends."""

    fold = "a fold: the branch turns back, the minimum meets a saddle"
    lost_definiteness = "the Hessian loses definiteness without a fold, as at a broken symmetry"
    merging = "two branches of minima merge into one, as where a symmetry is restored"


class Event(Displayed, Saved, Module):
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

    _axes = (("theta", 1), ("epsilon", 0))

    def _entries(self) -> Entries:
        yield "epsilon", self.epsilon
        yield "kind", self.kind
        yield "θ", largest(self.theta, numbered_entries(self.theta.size))
        if self.landing is not None:
            away = np.linalg.norm(np.asarray(self.landing.theta) - np.asarray(self.theta))
            yield "jump", f"{number(away, 4)}, to a minimum at ε = {number(self.landing_epsilon)}"

    @property
    def jump(self) -> Float[Array, ""]:
        """‖landing.theta − theta‖: short, of the order of √(ε − landing_epsilon), at a kink."""
        if self.landing is None:
            return jnp.asarray(jnp.nan, self.theta.dtype)
        return jnp.linalg.norm(self.landing.theta - self.theta)


class Branch(Result, Module):
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

    _axes = (("theta", 2), ("epsilons", 1))

    def _entries(self) -> Entries:
        epsilons = np.asarray(self.epsilons)
        yield "points", f"{epsilons.size}, {self.minima} of them minima"
        yield "epsilons", f"from {number(epsilons[0])} to {number(epsilons[-1])}"
        yield "smallest eigenvalue", span(self.smallest_eigenvalue)
        yield "length", number(self.arclength[-1], 4)

    def _table(self) -> Table:
        theta = np.asarray(self.theta)
        names = self._names.parameter_names(theta.shape[1])
        eigenvalue = ("smallest_eigenvalue", np.asarray(self.smallest_eigenvalue))
        columns = [*zip(names, theta.T, strict=True), eigenvalue]
        return Table(
            columns, [("epsilon", np.asarray(self.epsilons))], about="along the branch", spread=True
        )

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The smallest eigenvalue of the Hessian along the branch, against ε; saddles dashed.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the lines, for `Axes.plot`.
        """
        from homotopy.plotting.branch import draw_branch

        numbers = np.asarray(self.epsilons), np.asarray(self.smallest_eigenvalue)
        return draw_branch(*numbers, self.minima, ax, **options)

    @property
    def stable(self) -> Bool[Array, " m"]:
        """Whether each point is a local minimum."""
        return self.smallest_eigenvalue > 0.0
