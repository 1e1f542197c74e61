"""Leverage with and without the second-order term of the Hessian."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput
from homotopy._display import Entries, largest
from homotopy._result import Result, in_order, named
from homotopy._tables import Table
from homotopy.influence.diagnostics.inputs import known_parameters, known_ridge
from homotopy.influence.diagnostics.orthogonal import orthogonal_factor
from homotopy.influence.diagnostics.output_jacobian import second_order_term, weighted_jacobian
from homotopy.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class JacobianLeverage(Result):
    """Two leverages at θ, and the term S = Σ (∂ℓᵢ/∂ŷ)∇²fᵢ of ∇²R that tells them apart.

    Attributes
    ----------
    tangent_plane : (n,)
        trace Wᵢ^½ Jᵢ (JᵀWJ + ρ Id)⁻¹ Jᵢᵀ Wᵢ^½: that of `leverage`.
    jacobian : (n,)
        trace Wᵢ^½ Jᵢ (∇²R)⁻¹ Jᵢᵀ Wᵢ^½. It may exceed 1 ("superleverage").
    second_order_norm, gauss_newton_norm : float
        Spectral norms of S and of JᵀWJ.
    gradient_norm : float
        ‖∇R(θ)‖: whether θ is stationary.
    positive_definite : bool
        Whether ∇²R is; otherwise θ is not a minimum.
    """

    tangent_plane: Float[np.ndarray, " n"]
    jacobian: Float[np.ndarray, " n"]
    second_order_norm: float
    gauss_newton_norm: float
    gradient_norm: float
    positive_definite: bool

    _axes = (("jacobian", 1), ("tangent_plane", 1))

    def _entries(self) -> Entries:
        names = self._names.row
        yield "n", self.jacobian.size
        yield "leverage", largest(self.jacobian, names)
        yield "of the tangent plane", largest(self.tangent_plane, names)
        yield "‖S‖/‖JᵀWJ‖", self.relative_second_order
        yield "‖∇R‖", self.gradient_norm
        yield "minimum", self.positive_definite

    def _table(self) -> Table:
        names = self._names
        columns = [("leverage", self.jacobian), ("of the tangent plane", self.tangent_plane)]
        index = [(names.row_heading, names.rows_of(range(self.jacobian.size)))]
        return Table(columns, index, in_order(self.jacobian), "largest leverage first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The leverage of each point with the whole Hessian, and the names of the largest.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        rows = np.arange(self.jacobian.size)
        names = [self._names.row(row) for row in rows]
        return draw_by_row(rows, self.jacobian, names, "leverage", ax, **options)

    @property
    def difference(self) -> Float[np.ndarray, " n"]:
        """`jacobian` − `tangent_plane`."""
        return self.jacobian - self.tangent_plane

    @property
    def relative_second_order(self) -> float:
        """‖S‖/‖JᵀWJ‖: zero where all residuals are, or the model is linear in θ."""
        if self.gauss_newton_norm == 0.0:
            return 0.0 if self.second_order_norm == 0.0 else np.inf
        return self.second_order_norm / self.gauss_newton_norm


def jacobian_leverage(problem: Problem, theta: ArrayInput) -> JacobianLeverage:
    """The leverage with the whole Hessian beside that of the tangent plane (theory §7).

    At a stationary point of the squared loss the first is exactly ∂ŷᵢ/∂yᵢ, what a change of the
    target does to the fitted value after training again; for the logistic and softmax losses it
    is that derivative of the fitted probabilities. The second drops S = Σ (∂ℓᵢ/∂ŷ)∇²fᵢ from
    ∇²R = JᵀWJ + ρ Id + S. S does **not** vanish because θ is stationary: it vanishes with the
    residuals, and for models linear in θ.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta : (d,)
        A stationary point for the meaning above; any other is taken as well.

    Raises
    ------
    ValueError
        Naming `theta`: wrong shape, NaN, or JᵀWJ + ρ Id or ∇²R singular to rounding there.

    References
    ----------
    St. Laurent, Cook, "Leverage and superleverage in nonlinear regression", JASA 87 (1992).

    Examples
    --------
    >>> import homotopy as hm, jax.numpy as jnp
    >>> hm.enable_x64()
    >>> model = hm.function_model(lambda theta, x: jnp.exp(theta[0] * x[0]), dimension=1)
    >>> problem = hm.Problem(model, hm.SquaredError(), [[1.0], [-1.0]], [1.5, 1.5], deleted=0)
    >>> result = jacobian_leverage(problem, [0.0])
    >>> result.gradient_norm, round(result.relative_second_order, 12)
    (0.0, 0.5)
    >>> result.tangent_plane.round(12).tolist(), result.jacobian.round(12).tolist()
    ([0.5, 0.5], [1.0, 1.0])
    """
    ridge = known_ridge(problem)
    theta = known_parameters(problem, theta)
    factor = weighted_jacobian(problem, theta)
    points, d = factor.shape[:2], factor.shape[2]
    flat = factor.reshape(-1, d)
    orthogonal = orthogonal_factor(flat, ridge)
    if orthogonal.rank < d:
        raise ValueError(
            f"theta: JᵀWJ + ρ Id has rank {orthogonal.rank} of {d} there; add a ridge."
        )
    S = second_order_term(problem, theta)
    # ∇²R = B⁻ᵀ(Id + BᵀSB)B⁻¹, and rows of W^½J are Q₁B⁻¹: nothing ill-conditioned is inverted,
    # and the two leverages agree to rounding where S is zero. The inertia is that of ∇²R.
    between = orthogonal.inverse.T @ S @ orthogonal.inverse
    values, vectors = np.linalg.eigh(0.5 * (between + between.T))
    values = 1.0 + values
    if np.abs(values).min() <= d * _EPS * max(1.0, np.abs(values).max()):
        raise ValueError("theta: the Hessian is singular to rounding there; add a ridge.")
    rows = np.sum((orthogonal.rows @ vectors) ** 2 / values, axis=1)
    at = jnp.asarray(theta, problem.X.dtype)
    found = JacobianLeverage(
        tangent_plane=orthogonal.leverage.reshape(points).sum(axis=1),
        jacobian=rows.reshape(points).sum(axis=1),
        second_order_norm=float(np.linalg.norm(S, 2)),
        gauss_newton_norm=float(np.linalg.norm(flat, 2) ** 2),
        gradient_norm=float(jnp.linalg.norm(problem.gradient(at))),
        positive_definite=bool(values.min() > 0.0),
    )
    return named(found, problem)
