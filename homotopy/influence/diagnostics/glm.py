"""Deletion diagnostics of generalised linear models: logistic and Poisson regression."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from homotopy._checks import ArrayInput
from homotopy._display import Entries, largest
from homotopy._result import Result, in_order, named
from homotopy._tables import Table
from homotopy.existence import affine_in_parameters
from homotopy.influence.diagnostics.inputs import (
    Ridge,
    known_parameters,
    known_ridge,
    ridge_in_words,
    root_weights,
)
from homotopy.influence.diagnostics.orthogonal import OrthogonalFactor, orthogonal_factor
from homotopy.influence.diagnostics.output_jacobian import weighted_jacobian
from homotopy.influence.diagnostics.regression import known_largest
from homotopy.losses import Logistic, Poisson
from homotopy.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GlmDiagnostics(Result):
    """What deleting each of the n points does to a logistic or Poisson fit, to one Newton step.

    As statsmodels' `GLMInfluence`, with dispersion 1. Every sign is that of θ* − θ*₋ᵢ, **full minus
    deleted**; the change that deletion makes is −`dfbeta`, that of `NewtonStep()`.

    With ρ > 0 residuals, leverage and `dfbeta` hold for the ridge problem. Standard errors have no
    agreed meaning there, and what is scaled by them raises `ValueError`.

    Attributes
    ----------
    theta : (d,)
        Where they are computed: the full fit.
    fitted : (n,)
        Means μᵢ, probabilities or rates.
    pearson_residuals, deviance_residuals : (n,)
        √wᵢ (yᵢ − μᵢ)/√V(μᵢ), and the root of twice the loss with the sign of yᵢ − μᵢ.
    leverage : (n,)
        Pregibon's Pᵢᵢ.
    undetermined : (n,)
        Where Pᵢᵢ = 1 to rounding: what is said of leaving the point out is NaN.
    ridge : float or (d,)
        ρ.
    """

    theta: Float[np.ndarray, " d"]
    fitted: Float[np.ndarray, " n"]
    pearson_residuals: Float[np.ndarray, " n"]
    deviance_residuals: Float[np.ndarray, " n"]
    leverage: Float[np.ndarray, " n"]
    undetermined: Bool[np.ndarray, " n"]
    ridge: Ridge
    _factor: OrthogonalFactor = dataclasses.field(repr=False)

    _axes = (("leverage", 1), ("theta", 1))

    def _entries(self) -> Entries:
        names = [self._names.row(row) for row in range(self.leverage.size)]
        yield "n", self.leverage.size
        yield "d", self.theta.size
        yield "ridge", ridge_in_words(self.ridge) if np.any(self.ridge) else None
        if not np.any(self.ridge):
            yield "Cook's distance", known_largest(self.cooks_distance, names)
        yield "studentised residual", known_largest(self.studentised, names)
        yield "leverage", largest(self.leverage, names)
        yield "deviance", float(np.sum(self.deviance_residuals**2))
        yield "undetermined", int(np.sum(self.undetermined)) or None

    def _table(self) -> Table:
        names = self._names
        index = [(names.row_heading, names.rows_of(range(self.leverage.size)))]
        columns = [
            ("fitted", self.fitted),
            ("deviance residual", self.deviance_residuals),
            ("leverage", self.leverage),
            ("studentised", self.studentised),
        ]
        parameters = names.parameter_names(self.theta.size)
        if np.any(self.ridge):
            columns += [
                (f"DFBETA {one}", part) for one, part in zip(parameters, self.dfbeta.T, strict=True)
            ]
            return Table(columns, index, in_order(self.studentised), "largest residual first")
        columns += [("Cook's distance", self.cooks_distance)]
        columns += [
            (f"DFBETAS {one}", part) for one, part in zip(parameters, self.dfbetas.T, strict=True)
        ]
        return Table(columns, index, in_order(self.cooks_distance), "largest Cook's distance first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Studentised Pearson residuals against leverage, with areas as Cook's distance.

        The three of largest distance are told by name; with a ridge areas are equal.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the circles, for `Axes.scatter`.
        """
        from homotopy.plotting.influence import draw_influence

        names = [self._names.row(row) for row in range(self.leverage.size)]
        distance = None if np.any(self.ridge) else self.cooks_distance
        label = "studentised Pearson residual"
        return draw_influence(
            self.leverage, self.studentised, distance, names, label, ax, **options
        )

    @property
    def studentised(self) -> Float[np.ndarray, " n"]:
        """Pearson residuals over √(1 − Pᵢᵢ)."""
        return self.pearson_residuals / np.sqrt(self._complement)

    @property
    def dfbeta(self) -> Float[np.ndarray, "n d"]:
        """θ* − θ*₋ᵢ to one Newton step, row by row."""
        moved = self._factor.rows * (self.pearson_residuals / self._complement)[:, None]
        return moved @ self._factor.inverse.T

    @property
    def dfbetas(self) -> Float[np.ndarray, "n d"]:
        """`dfbeta` over the standard errors of the full fit, 0 for a column of zeros."""
        self._require_no_ridge()
        spread = np.sqrt(np.sum(self._factor.inverse**2, axis=1))
        spread[spread == 0.0] = 1.0
        return self.dfbeta / spread[None, :]

    @property
    def cooks_distance(self) -> Float[np.ndarray, " n"]:
        """(θ* − θ*₋ᵢ)ᵀ ∇²R (θ* − θ*₋ᵢ)/d, of `dfbeta`."""
        self._require_no_ridge()
        ratio = self.leverage / self._complement
        return self.studentised**2 * ratio / max(self._factor.rank, 1)

    @property
    def _complement(self) -> Float[np.ndarray, " n"]:
        return np.where(self.undetermined, np.nan, self._factor.complement)

    def _require_no_ridge(self):
        if np.any(self.ridge):
            raise ValueError(
                f"ridge: standard errors are defined for fits without one, got ridge = "
                f"{ridge_in_words(self.ridge)}; dfbeta, residuals and leverage hold with a ridge."
            )


def glm_diagnostics(problem: Problem, theta: ArrayInput | None = None) -> GlmDiagnostics:
    """Deletion diagnostics of every point of a logistic or Poisson regression.

    Parameters
    ----------
    problem : Problem
        With `Logistic()` or `losses.Poisson()`, of a model affine in θ. Its deleted set plays no
        part; sample weights are statsmodels' `var_weights`. With `freq_weights` fit and leverage
        are the same, but residuals there are those of one copy of a point, not of all.
    theta : (d,), optional
        The full fit; computed by default.

    Returns
    -------
    GlmDiagnostics
        NumPy arrays in float64.

    Raises
    ------
    ValueError
        Naming `problem`, where it is no such regression, or `theta`.
    RuntimeError
        Where the full fit does not exist.

    References
    ----------
    Pregibon, "Logistic regression diagnostics", Annals of Statistics 9 (1981).
    Williams, "Generalized linear model diagnostics using the deviance and single case deletions",
    Applied Statistics 36 (1987).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> X, y = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], [0, 1, 0, 1]
    >>> problem = hm.Problem(hm.linear_model(2), hm.Logistic(), X, y, deleted=0)
    >>> glm_diagnostics(problem).cooks_distance.round(3).tolist()
    [0.602, 0.721, 0.721, 0.602]
    """
    ridge = known_ridge(problem)
    if not isinstance(problem.loss, Logistic | Poisson) or not affine_in_parameters(problem):
        raise ValueError(
            "problem: glm_diagnostics needs Logistic() or losses.Poisson() and a model affine in "
            f"θ, got {type(problem.loss).__name__} with {type(problem.model).__name__}; "
            "regression_diagnostics takes linear regressions, leverage any convex loss."
        )
    theta = known_parameters(problem, problem.full_fit() if theta is None else theta)
    factor = orthogonal_factor(weighted_jacobian(problem, theta)[:, 0], ridge)
    at = jnp.asarray(theta, problem.X.dtype)
    slopes, curvatures, losses = (np.asarray(part, np.float64) for part in _at(problem, at))
    root = root_weights(problem)
    diagnostics = GlmDiagnostics(
        theta=theta,
        fitted=np.asarray(problem.y, np.float64) + slopes,
        pearson_residuals=-root * slopes / np.sqrt(curvatures),
        deviance_residuals=-np.sign(slopes) * root * np.sqrt(2.0 * np.maximum(losses, 0.0)),
        leverage=factor.leverage,
        undetermined=factor.saturated,
        ridge=ridge,
        _factor=factor,
    )
    return named(diagnostics, problem)


@eqx.filter_jit
def _at(problem, theta):
    """∂ℓ/∂ŷ = μ − y, ∂²ℓ/∂ŷ² = V(μ) and ℓ of each point, without its weight."""
    outputs, loss = problem.predict(theta), problem.loss
    parts = (loss.gradient, loss.hessian, loss.value)
    return tuple(jax.vmap(part)(outputs, problem.y) for part in parts)
