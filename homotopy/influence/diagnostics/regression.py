"""Deletion diagnostics of least squares, for all points from one factorisation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from homotopy._display import Entries, largest
from homotopy._result import Result, in_order, named
from homotopy._tables import Table
from homotopy.influence.diagnostics.inputs import (
    Ridge,
    regression_data,
    ridge_in_words,
    root_weights,
)
from homotopy.influence.diagnostics.orthogonal import OrthogonalFactor, orthogonal_factor
from homotopy.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RegressionDiagnostics(Result):
    """What deleting each of the n points does to a least-squares fit, without a refit.

    Every sign is that of θ* − θ*₋ᵢ, **full minus deleted**, as in statsmodels; the change that
    deletion makes, θ*₋ᵢ − θ*, is −`dfbeta`.

    Two things can be undetermined. An entry is NaN exactly where its mask says so:

    - `undetermined`: Pᵢᵢ = 1 to rounding. The point alone sees some direction of θ, the fit passes
      through it, and without it the fit is not unique. Then all that is said of point i is NaN.
    - `unscaled`: no σ̂₋ᵢ, as i is undetermined, or no degree of freedom is left without it, or the
      other points are fitted to rounding. Then what is divided by σ̂₋ᵢ is NaN: `sigma2_without`,
      `studentised_external`, `dffits`, `dfbetas`. Where the fit to all points is exact to rounding,
      what is divided by σ̂ is too: `studentised_internal`, `cooks_distance`.

    Where the columns of X are dependent, d stands for their rank, and fits are those of least norm.

    With ρ > 0, θ*, residuals, leverage, `dfbeta` and everything named `leave_one_out` are exact
    for the ridge problem, whose ρ stays when a point goes. σ̂² and what is scaled by it have no
    agreed meaning there, and raise `ValueError`.

    With sample weights wᵢ everything is that of weighted least squares, as of statsmodels' WLS: the
    variance of point i is σ²/wᵢ, and leverages are those of √wᵢ xᵢ. Without them every wᵢ is 1.

    Attributes
    ----------
    theta : (d,)
        θ*.
    fitted, residuals : (n,)
        Xθ*, and ê = y − Xθ*.
    leverage : (n,)
        Pᵢᵢ.
    undetermined : (n,)
        Boolean, as above.
    ridge : float or (d,)
        ρ.
    """

    theta: Float[np.ndarray, " d"]
    fitted: Float[np.ndarray, " n"]
    residuals: Float[np.ndarray, " n"]
    leverage: Float[np.ndarray, " n"]
    undetermined: Bool[np.ndarray, " n"]
    ridge: Ridge
    _exact_below: float = dataclasses.field(repr=False)  # what ‖ê‖ may be from rounding
    _factor: OrthogonalFactor = dataclasses.field(repr=False)
    _root: Float[np.ndarray, " n"] = dataclasses.field(repr=False)  # √wᵢ

    _axes = (("residuals", 1), ("theta", 1))

    def _entries(self) -> Entries:
        names = [self._names.row(row) for row in range(self.residuals.size)]
        yield "n", self.residuals.size
        yield "d", self.theta.size
        if np.any(self.ridge):
            yield "ridge", ridge_in_words(self.ridge)
            yield "leave-one-out residuals", largest(self.leave_one_out_residuals, names)
        else:
            yield "σ̂", float(np.sqrt(self.sigma2))
            yield "Cook's distance", known_largest(self.cooks_distance, names)
            yield "studentised residual", known_largest(self.studentised_external, names)
        yield "leverage", largest(self.leverage, names)
        yield "PRESS", self.press
        undetermined = int(np.sum(self.undetermined))
        yield "undetermined", undetermined or None

    def _table(self) -> Table:
        names = self._names
        index = [(names.row_heading, names.rows_of(range(self.residuals.size)))]
        columns = [("residual", self.residuals), ("leverage", self.leverage)]
        if np.any(self.ridge):
            columns += [("leave-one-out residual", self.leave_one_out_residuals)]
            return Table(columns, index, in_order(columns[-1][1]), "largest error of prediction")
        distance = self.cooks_distance
        columns += [
            ("studentised", self.studentised_external),
            ("Cook's distance", distance),
            ("DFFITS", self.dffits),
        ]
        parameters = names.parameter_names(self.theta.size)
        betas = zip(parameters, self.dfbetas.T, strict=True)
        columns += [(f"DFBETAS {name}", part) for name, part in betas]
        return Table(columns, index, in_order(distance), "largest Cook's distance first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Studentised residuals against leverage, with areas as Cook's distance.

        The three of largest distance are told by name. Dashed lines mark residuals of ±2 and twice
        the mean leverage. With a ridge, residuals of leaving one out instead, of equal areas.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the circles, for `Axes.scatter`.
        """
        from homotopy.plotting.influence import draw_influence

        names = [self._names.row(row) for row in range(self.residuals.size)]
        if np.any(self.ridge):
            errors, label = self.leave_one_out_residuals, "residual of leaving one out"
            return draw_influence(self.leverage, errors, None, names, label, ax, **options)
        return draw_influence(
            self.leverage,
            self.studentised_external,
            self.cooks_distance,
            names,
            "studentised residual",
            ax,
            **options,
        )

    # Leaving a point out, for every ρ ----------------------------------------------------------

    @property
    def leave_one_out_residuals(self) -> Float[np.ndarray, " n"]:
        """yᵢ − xᵢᵀθ*₋ᵢ = êᵢ/(1 − Pᵢᵢ): the error in predicting each point from the others."""
        return _quotient(self.residuals, self._factor.complement, self.undetermined)

    @property
    def press(self) -> float:
        """Σ wᵢ(yᵢ − xᵢᵀθ*₋ᵢ)², the predicted residual sum of squares; NaN with undetermined i."""
        return float(np.sum((self._root * self.leave_one_out_residuals) ** 2))

    @property
    def dfbeta(self) -> Float[np.ndarray, "n d"]:
        """θ* − θ*₋ᵢ, row by row."""
        moved = self._factor.rows * (self._root * self.leave_one_out_residuals)[:, None]
        return moved @ self._factor.inverse.T

    @property
    def leave_one_out_fits(self) -> Float[np.ndarray, "n d"]:
        """θ*₋ᵢ, row by row."""
        return self.theta[None, :] - self.dfbeta

    # Scaled by the noise, for ρ = 0 ------------------------------------------------------------

    @property
    def degrees_of_freedom(self) -> int:
        """n − d."""
        self._require_no_ridge()
        return self.residuals.size - self._factor.rank

    @property
    def sigma2(self) -> float:
        """σ̂² = Σ wᵢêᵢ²/(n − d); NaN for n = d."""
        freedom = self.degrees_of_freedom
        return float(np.sum(self._scaled**2) / freedom) if freedom else np.nan

    @property
    def unscaled(self) -> Bool[np.ndarray, " n"]:
        """Where there is no σ̂₋ᵢ, as above."""
        return np.isnan(self.sigma2_without)

    @property
    def sigma2_without(self) -> Float[np.ndarray, " n"]:
        """σ̂²₋ᵢ = Σ_{j≠i} wⱼ(yⱼ − xⱼᵀθ*₋ᵢ)²/(n − d − 1)."""
        freedom = self.degrees_of_freedom - 1
        if freedom < 1:
            return np.full(self.residuals.size, np.nan)
        without = self._root * self.leave_one_out_residuals
        explained = self._scaled * without
        total = np.sum(self._scaled**2)
        remaining = total - explained
        # Where one point is most of the sum, the subtraction would leave its rounding.
        for i in np.nonzero(explained > 0.5 * total)[0]:
            shift = self._factor.rows @ self._factor.rows[i] * without[i]
            remaining[i] = np.sum(np.delete(self._scaled + shift, i) ** 2)
        known = remaining > self._exact_below**2
        return np.where(known, remaining / freedom, np.nan)

    @property
    def studentised_internal(self) -> Float[np.ndarray, " n"]:
        """√wᵢ êᵢ/(σ̂ √(1 − Pᵢᵢ))."""
        scale = np.sqrt(self.sigma2 * self._factor.complement)
        return _quotient(self._scaled, scale, self.undetermined | self._exact)

    @property
    def studentised_external(self) -> Float[np.ndarray, " n"]:
        """√wᵢ êᵢ/(σ̂₋ᵢ √(1 − Pᵢᵢ)): t-distributed with n − d − 1 degrees of freedom."""
        scale = np.sqrt(self.sigma2_without * self._factor.complement)
        return _quotient(self._scaled, scale, np.isnan(scale))

    @property
    def cooks_distance(self) -> Float[np.ndarray, " n"]:
        """Σⱼ wⱼ(xⱼᵀ(θ* − θ*₋ᵢ))²/(d σ̂²)."""
        ratio = _quotient(self.leverage, self._factor.complement, self.undetermined)
        return self.studentised_internal**2 * ratio / max(self._factor.rank, 1)

    @property
    def dffits(self) -> Float[np.ndarray, " n"]:
        """√wᵢ xᵢᵀ(θ* − θ*₋ᵢ)/(σ̂₋ᵢ √Pᵢᵢ), 0 for a row of zeros."""
        ratio = _quotient(self.leverage, self._factor.complement, self.undetermined)
        return self.studentised_external * np.sqrt(ratio)

    @property
    def dfbetas(self) -> Float[np.ndarray, "n d"]:
        """(θ* − θ*₋ᵢ)ₐ/(σ̂₋ᵢ √((Σ wⱼxⱼxⱼᵀ)⁻¹)ₐₐ), 0 for a column of zeros."""
        spread = np.sqrt(np.sum(self._factor.inverse**2, axis=1))
        spread[spread == 0.0] = 1.0  # its coefficient is 0 in every fit
        return self.dfbeta / np.sqrt(self.sigma2_without)[:, None] / spread[None, :]

    @property
    def _exact(self) -> bool:
        """Whether the fit leaves nothing but rounding."""
        return bool(np.linalg.norm(self._scaled) <= self._exact_below)

    @property
    def _scaled(self) -> Float[np.ndarray, " n"]:
        """√wᵢ êᵢ, whose squares the fit sums."""
        return self._root * self.residuals

    def _require_no_ridge(self):
        if np.any(self.ridge):
            raise ValueError(
                f"ridge: σ̂² and what is scaled by it are defined for ordinary least squares, got "
                f"ridge = {ridge_in_words(self.ridge)}; leave_one_out_residuals, dfbeta and "
                "leave_one_out_fits hold with a ridge."
            )


def regression_diagnostics(problem: Problem) -> RegressionDiagnostics:
    """Deletion diagnostics of every point of a linear model with squared loss.

    One QR decomposition of X, O(n d²), serves all n points; the (n, d) arrays are computed when
    asked for.

    Parameters
    ----------
    problem : Problem
        A `LinearRegression`, or a `Problem` with `linear_model` and `SquaredError`. Its deleted
        set plays no part.

    Returns
    -------
    RegressionDiagnostics
        NumPy arrays in float64.

    Raises
    ------
    ValueError
        Naming `problem`, where it is not such a regression.

    References
    ----------
    Cook, "Detection of influential observation in linear regression", Technometrics 19 (1977).
    Belsley, Kuh, Welsch, "Regression diagnostics", Wiley (1980).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> X, y = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [0.0, 5.0]], [0.0, 2.0, 1.0, 3.0]
    >>> diagnostics = regression_diagnostics(hm.LinearRegression(X, y, deleted=0))
    >>> refit = hm.LinearRegression(X, y, deleted=3).deleted_fit()
    >>> bool(abs(diagnostics.leave_one_out_fits[3] - refit).max() < 1e-14)
    True
    >>> diagnostics.leverage.round(4).tolist()
    [0.3704, 0.3333, 0.3704, 0.9259]
    """
    X, y, ridge = regression_data(problem, "regression diagnostics")
    factor = orthogonal_factor(X, ridge)
    theta, residuals = factor.solve(y)
    root = root_weights(problem)
    diagnostics = RegressionDiagnostics(
        theta=theta,
        fitted=(y - residuals) / root,
        residuals=residuals / root,
        leverage=factor.leverage,
        undetermined=factor.saturated,
        ridge=ridge,
        _exact_below=float(max(X.shape) * _EPS * np.linalg.norm(y)),
        _factor=factor,
        _root=root,
    )
    return named(diagnostics, problem)


def known_largest(values, names) -> str:
    """The largest of those that are not NaN, by name."""
    known = np.flatnonzero(np.isfinite(values))
    return largest(values[known], [names[place] for place in known]) if known.size else "none"


def _quotient(numerator, denominator, missing):
    """NaN, and no warning, where it is missing."""
    missing = np.broadcast_to(missing, numerator.shape)
    return np.where(missing, np.nan, numerator / np.where(missing, 1.0, denominator))
