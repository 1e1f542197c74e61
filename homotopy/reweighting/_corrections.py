"""Ways to the model with other weights, short of a refit, and how far each is from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, vector
from homotopy._display import Entries
from homotopy._module import Module
from homotopy._result import Result, named
from homotopy._tables import Table
from homotopy.existence import affine_in_parameters
from homotopy.influence import predict
from homotopy.influence.estimators import Influence, NewtonStep
from homotopy.losses import Logistic, Poisson, SoftmaxCrossEntropy, SquaredError
from homotopy.problem import Problem, a_problem
from homotopy.reweighting.refitted import Refits
from homotopy.reweighting.result import SoftWeightsStatus
from homotopy.reweighting.start import training_start

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONVEX = (Logistic, Poisson, SoftmaxCrossEntropy, SquaredError)
NAMES = ("as it was", "influence", "Newton step", "refit")


class Corrections(Result, Module):
    """Models for other weights: θ(1) left alone, corrected to first order, by Newton, and refitted.

    Attributes
    ----------
    theta : (4, d)
        In the order of `names`.
    distance : (4,)
        From the refit, exact to its own rounding.
    certificate : (4,)
        A proved bound of it, ‖∇R_w(θ)‖/ρ: the risk is strongly convex by its ridge. Infinite
        without a ridge, and for models or losses that are not known to be convex.
    """

    theta: Float[Array, "4 d"]
    distance: Float[Array, 4]
    certificate: Float[Array, 4]

    _axes = (("theta", 2), ("distance", 1))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rows."""
        return NAMES

    def _entries(self) -> Entries:
        for name, distance in zip(NAMES, np.asarray(self.distance), strict=True):
            yield name, float(distance)

    def _table(self) -> Table:
        columns = [
            ("distance", np.asarray(self.distance)),
            ("certificate", np.asarray(self.certificate)),
        ]
        return Table(columns, [("model", np.array(NAMES))], about="distances from the refit")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The distances from the refit.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        label = "distance from the refit"
        return draw_by_row(
            range(4), np.asarray(self.distance), NAMES, label, ax, "model", **options
        )


def corrections(
    problem: Problem, weights: ArrayInput, theta: ArrayInput | None = None
) -> Corrections:
    """θ(1) corrected for weights w in three ways: −H⁻¹Σωᵢ∇ℓᵢ, −H(w)⁻¹∇R_w, and the refit.

    ω = w − 1. Neither of the first two is always the better one; for least squares the second is
    the refit.

    Parameters
    ----------
    problem : Problem
    weights : (n,)
        w ≥ 0.
    theta : (d,), optional
        As of `soft_weights`.

    Raises
    ------
    ValueError
        Naming `weights` or `theta`.
    RuntimeError
        Where training, with the weights or without, comes to no strict minimum.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> found = hm.reweighting.corrections(problem, [1.0, 0.0])  # from θ = ½ to 0
    >>> found.theta[:, 0].round(9).tolist()
    [0.5, 0.25, 0.0, 0.0]
    """
    a_problem(problem)
    w = np.asarray(vector("weights", weights, problem.size, problem.X.dtype))
    if np.any(w < 0.0):
        raise ValueError(f"weights: expected numbers >= 0, got {np.min(w):g}.")
    refits = Refits(problem, ())
    start = refits.minimum(np.ones(problem.size), training_start(problem, theta))
    end = None if start is None else refits.minimum(w, start)
    if end is None:
        raise RuntimeError(SoftWeightsStatus[SoftWeightsStatus.no_minimum])
    moves = [
        np.asarray(predict(problem, one, start, changes=w - 1.0, throw=False).delta)
        for one in (Influence(), NewtonStep())
    ]
    models = np.stack([start, *(start + move for move in moves), end])
    slopes = np.asarray(_gradients(problem, jnp.asarray(models), jnp.asarray(w)))
    convex = type(problem.loss) in _CONVEX and affine_in_parameters(problem)
    ridge = float(np.min(problem.ridge)) if convex else 0.0
    norms = np.linalg.norm(slopes, axis=1)
    bound = norms / ridge if ridge > 0.0 else np.full(4, np.inf)
    distance = np.linalg.norm(models - end, axis=1)
    return named(Corrections(*map(jnp.asarray, (models, distance, bound))), problem)


@eqx.filter_jit
def _gradients(problem, models, weights):
    def gradient(theta):
        return eqx.filter_grad(lambda at: problem.weighted_risk(at, weights))(theta)

    return eqx.filter_vmap(gradient)(models)
