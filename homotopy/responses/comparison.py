"""Whether two response paths are the same, and where they part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import positive
from homotopy._display import Entries, number, span
from homotopy._module import Module
from homotopy._result import Result
from homotopy._tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PathComparison(Result, Module):
    """How far two paths θ(ε) are from each other.

    Attributes
    ----------
    epsilons, distances : (k,)
        ‖θ(ε) − θ'(ε)‖; NaN where one of them did not reach ε.
    agree : (k,)
        Whether the distance is within the tolerance.
    largest : ()
        Largest distance, where both reached ε; NaN where they did nowhere.
    parting : float, optional
        The first ε, from ε = 1 down, at which they do not agree; None where they always do.
    """

    epsilons: Float[Array, " k"]
    distances: Float[Array, " k"]
    agree: Bool[Array, " k"]
    largest: Float[Array, ""]
    parting: float | None

    _axes = (("distances", 1), ("epsilons", 1), ("largest", 0))

    def _entries(self) -> Entries:
        agree = np.asarray(self.agree)
        yield "epsilons", span(self.epsilons)
        yield "agree", f"at {int(agree.sum())} of {agree.size}"
        yield "largest distance", self.largest
        yield "parting", "none" if self.parting is None else f"at ε = {number(self.parting)}"

    def _table(self) -> Table:
        columns = [("distance", np.asarray(self.distances)), ("agree", np.asarray(self.agree))]
        return Table(
            columns, [("epsilon", np.asarray(self.epsilons))], about="‖θ(ε) − θ'(ε)‖", spread=True
        )

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The distance of the two paths against ε; where they do not agree, with crosses.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the line, for `Axes.plot`.
        """
        from homotopy.plotting.distance import draw_distance

        numbers = map(np.asarray, (self.epsilons, self.distances, self.agree))
        return draw_distance(*numbers, ax, **options)


def compared(
    epsilons: Float[Array, " k"],
    theta: Float[Array, "k d"],
    other_epsilons: Float[Array, " m"],
    other_theta: Float[Array, "m e"],
    tolerance: float,
) -> PathComparison:
    """See `ResponsePath.compare`."""
    positive("tolerance", tolerance)
    if theta.shape != other_theta.shape or np.any(np.asarray(epsilons != other_epsilons)):
        raise ValueError(
            f"other: expected a path of shape {theta.shape} at the same epsilons, "
            f"got {other_theta.shape} at {other_epsilons}."
        )
    distances = jnp.linalg.norm(theta - other_theta, axis=1)
    known = jnp.isfinite(distances)
    size = jnp.nanmax(jnp.linalg.norm(theta, axis=1), initial=0.0)
    agree = known & (distances <= tolerance * size)
    largest = jnp.where(jnp.any(known), jnp.max(jnp.where(known, distances, 0.0)), jnp.nan)
    apart = np.asarray(epsilons)[~np.asarray(agree)]
    parting = float(apart.max()) if apart.size else None
    return PathComparison(epsilons, distances, agree, largest, parting)
