"""∂θ/∂w: the response to the weights of all points at once (theory §2)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import ArrayInput, concrete, vector
from homotopy._display import Entries, largest, number
from homotopy._module import Module
from homotopy._result import Result, in_order, named
from homotopy._status import Reported
from homotopy._tables import Table
from homotopy.evidence import gradient_roundings
from homotopy.influence.change import ChangeStatus, from_product
from homotopy.influence.curvature import HessianCurvature
from homotopy.influence.estimators.base import a_solver
from homotopy.influence.solvers import AbstractSolver, Dense
from homotopy.point_gradients import point_gradients
from homotopy.problem import Problem, a_problem
from homotopy.seen_directions import seen_directions
from homotopy.sweeps.sharing import in_parts
from homotopy.sweeps.workers import checked_workers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEWEST = 64  # points of a part, which share a factorisation, or draw on each other's directions


class WeightJacobian(Result, Reported, Module):
    """The derivative of θ(w) = argmin R(θ; w).

    Attributes
    ----------
    columns : (n, d)
        Row i is ∂θ/∂w_i = −(∇²R)⁻¹∇ℓ_i, the column of the Jacobian Jθ for the point i.
    residual : (n,)
        Of each inverse-Hessian product, relative.
    status : ChangeStatus
        Of each, (n,).
    """

    columns: Float[Array, "n d"]
    residual: Float[Array, " n"]
    status: ChangeStatus

    _axes = (("columns", 2), ("residual", 1))

    def _sizes(self) -> np.ndarray:
        return np.linalg.norm(np.asarray(self.columns), axis=1)

    def _entries(self) -> Entries:
        rows, dimension = self.columns.shape
        yield "n", rows
        yield "d", dimension
        yield "‖∂θ/∂w‖", largest(self._sizes(), self._names.row)
        yield "residual", f"at most {number(np.max(np.asarray(self.residual)), 2)}"
        yield "status", self.status

    def _table(self) -> Table:
        columns, sizes = np.asarray(self.columns), self._sizes()
        names = self._names.parameter_names(columns.shape[1])
        index = [(self._names.row_heading, self._names.rows_of(range(len(columns))))]
        every = [("‖∂θ/∂w‖", sizes), *zip(names, columns.T, strict=True)]
        return Table(every, index, in_order(sizes), "∂θ/∂w, largest first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """‖∂θ/∂w_i‖ of each point, with the names of the largest.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.by_row import draw_by_row

        sizes, rows = self._sizes(), np.arange(len(self.columns))
        names = [self._names.row(row) for row in rows]
        return draw_by_row(rows, sizes, names, "‖∂θ/∂$w_i$‖", ax, **options)

    def along(self, direction: Float[Array, " n"]) -> Float[Array, " d"]:
        """The derivative along a direction of weights, Σ v_i ∂θ/∂w_i."""
        return direction @ self.columns


def weight_jacobian(
    problem: Problem,
    theta: ArrayInput,
    weights: ArrayInput | None = None,
    *,
    solver: AbstractSolver | None = None,
    devices: int | Sequence | None = None,
    client: Any = None,
) -> WeightJacobian:
    """The Jacobian of the minimum in the weights of all the data, at a minimum θ(w).

    It answers the notes' question on θ̇ʲ and Jθ: where only w_j = ε varies, θʲ(ε) = θ(1, …, ε, …, 1)
    and θ̇ʲ(ε) is column j of Jθ **at these weights**; at ε = 1 all the columns are taken at the
    same full fit, and the derivative along a group's weights is the sum of its columns. A group's
    whole effect is not the sum of its points' effects: the columns change along the way.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta : (d,)
        A stationary point of R(θ; w); elsewhere the columns are the solutions of the same systems.
    weights : (n,), optional
        w ≥ 0; ones by default. Where a model is affine in θ and no point of positive weight sees
        some direction, θ(w) does not move along it; a point of weight 0 that does see it has an
        infinite effect there, and the status `singular`.
    solver : AbstractSolver, optional
        `Dense()` by default.
    devices : int or sequence of jax.Device, optional
        Points are shared out over them, at least 64 at a time on each: a factorisation of `Dense()`
        is made once for each part.
    client : dask.distributed.Client or concurrent.futures.Executor, optional
        Points are shared out over its processes. Either way results differ by roundings, and those
        of iterative solvers by as much as their tolerances allow.

    Raises
    ------
    TypeError
        Naming `problem`, `solver`, `devices` or `client`.
    ValueError
        Naming `theta`, `weights`, `devices` or `client`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.influence.weight_jacobian(problem, problem.full_fit()).columns.tolist()
    [[-0.25], [0.25]]
    """
    theta = a_problem(problem).parameters(theta, "theta")
    devices, client = checked_workers(devices, client)
    if weights is None:
        weights = jnp.ones(problem.size, theta.dtype)
    weights = vector("weights", weights, problem.size, theta.dtype)
    known = concrete(weights)
    if known is not None and np.any(known < 0.0):
        row = int(np.argmax(known < 0.0))
        raise ValueError(f"weights: expected numbers >= 0, got {known[row]:g} in row {row}.")
    solver = Dense() if solver is None else a_solver(solver)
    basis = None if known is None else seen_directions(problem, known > 0.0)
    if basis is None:
        return named(_of_all(problem, theta, weights, solver, devices, client), problem)
    seen, z = problem.along(basis, theta)
    found = _of_all(seen, z, weights, solver.of_dimension(z.size), devices, client)
    status = _unless_unseen(problem, theta, basis, found.status)
    return named(WeightJacobian(found.columns @ basis.T, found.residual, status), problem)


@eqx.filter_jit
def _unless_unseen(problem, theta, basis, status):
    """`singular` of points that see what none of positive weight does: their effect is infinite."""
    gradients = point_gradients(problem, theta)
    beyond = jnp.linalg.norm(gradients - (gradients @ basis) @ basis.T, axis=1)
    allowed = jnp.sqrt(jnp.finfo(theta.dtype).eps) * jnp.linalg.norm(gradients, axis=1)
    allowed = allowed + gradient_roundings(problem, theta)
    return jax.vmap(lambda infinite, one: ChangeStatus.where(infinite, ChangeStatus.singular, one))(
        beyond > allowed, status
    )


def _of_all(problem, theta, weights, solver, devices, client) -> WeightJacobian:
    if devices is None and client is None:
        return _jacobian(problem, theta, weights, solver, None)
    some = functools.partial(_jacobian, problem, theta, weights, solver)
    return in_parts(some, problem.size, devices, client, fewest=_FEWEST)


@eqx.filter_jit
def _jacobian(problem, theta, weights, solver, rows):
    """Of some of the points, or of all."""
    curvature = HessianCurvature(problem, theta, weights, jnp.zeros((), theta.dtype))
    product = solver.solve(curvature, point_gradients(problem, theta, rows))
    return WeightJacobian(*from_product(product))
