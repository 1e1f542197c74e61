"""What is changed: the weights of data points, from one."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy._checks import ArrayInput, row_numbers, sequence
from homotopy._jit import jit_outermost
from homotopy._module import Module
from homotopy._numbers import as_numbers
from homotopy.point_gradients import point_gradients
from homotopy.problem import Problem


class WeightChanges(Module):
    """k changes Δw of the data's weights, each of a few points; a deletion is Δw_i = −1.

    Attributes
    ----------
    rows : (k, g)
        The points of each change.
    amounts : (k, g)
        Their Δw_i; 0 where a change has fewer than g points.
    single : bool
        Whether one change was asked for, and not a list of one (static).
    """

    rows: Int[Array, "k g"]
    amounts: Float[Array, "k g"]
    single: bool = eqx.field(static=True)

    @property
    def count(self) -> int:
        """k."""
        return self.rows.shape[0]

    def some(self, indices: ArrayInput) -> WeightChanges:
        """The changes at those indices."""
        rows, amounts = (
            np.asarray(part)[np.asarray(indices)] for part in (self.rows, self.amounts)
        )
        return WeightChanges(jax.device_put(rows), jax.device_put(amounts), self.single)

    def at(self, index: int | np.integer, problem: Problem) -> Float[np.ndarray, " n"]:
        """1 + Δw of one change."""
        weights = np.ones(problem.size, problem.X.dtype)
        np.add.at(weights, np.asarray(self.rows[index]), np.asarray(self.amounts[index]))
        return weights

    def gradients(self, problem: Problem, theta: Float[Array, " d"]) -> Float[Array, "k d"]:
        """Σ Δw_i ∇ℓ_i(θ) of each change: the derivative of ∇R along it."""
        return _gradients(self, problem, theta)


@jit_outermost
def _gradients(changes, problem, theta):
    if changes.rows.size >= 2 * problem.size:
        # Each point's gradient once, though many changes may have it.
        gradients = point_gradients(problem, theta)
        return jax.lax.map(
            lambda change: change[1] @ gradients[change[0]], (changes.rows, changes.amounts)
        )
    return jax.vmap(lambda rows, amounts: amounts @ point_gradients(problem, theta, rows))(
        changes.rows, changes.amounts
    )


def weight_changes(
    problem: Problem,
    points: ArrayInput | None = None,
    groups: ArrayInput | None = None,
    changes: ArrayInput | None = None,
) -> WeightChanges:
    """The changes that were asked for: at most one of the arguments; none is the deleted set.

    Raises
    ------
    ValueError
        Naming `points`, `groups` or `changes`.
    """
    given = [
        name
        for name, value in (("points", points), ("groups", groups), ("changes", changes))
        if value is not None
    ]
    if len(given) > 1:
        raise ValueError(f"{given[1]}: expected None beside {given[0]}, got both.")
    if points is not None:
        return _of_points(problem, points)
    if groups is not None:
        members = sequence("groups", groups, "one or more sequences of row numbers")
        if not members:
            raise ValueError("groups: expected at least one sequence of row numbers, got none.")
        single = not hasattr(members[0], "__len__") or getattr(members[0], "ndim", 1) == 0
        return _of_groups(problem, [groups] if single else members, "groups", single)
    if changes is not None:
        return _of_matrix(problem, changes)
    return _of_groups(problem, [np.asarray(problem.deleted)], "deleted", True)


def _of_points(problem, points) -> WeightChanges:
    """Each on its own; a row may be asked for twice."""
    rows = row_numbers("points", points, problem.size, distinct=False)
    if problem.size == 1:
        raise ValueError("points: all 1 rows are deleted; at least one must stay.")
    amounts = -np.ones((rows.size, 1))
    return WeightChanges(
        jnp.asarray(rows[:, None]), jnp.asarray(amounts, problem.X.dtype), np.ndim(points) == 0
    )


def _of_groups(problem, groups, name, single) -> WeightChanges:
    checked = [_checked_rows(problem, rows, name) for rows in groups]
    if not checked:
        raise ValueError(f"{name}: expected row numbers, got none.")
    largest = max(rows.size for rows in checked)
    rows = np.zeros((len(checked), largest), dtype=int)
    amounts = np.zeros((len(checked), largest))
    for index, group in enumerate(checked):
        rows[index, : group.size] = group
        amounts[index, : group.size] = -1.0
    return WeightChanges(jnp.asarray(rows), jnp.asarray(amounts, problem.X.dtype), single)


def _checked_rows(problem, rows, name) -> np.ndarray:
    rows = row_numbers(name, rows, problem.size)
    if rows.size == problem.size:
        raise ValueError(f"{name}: all {problem.size} rows are deleted; at least one must stay.")
    return rows


def _of_matrix(problem, changes) -> WeightChanges:
    if isinstance(changes, jax.core.Tracer):
        raise TypeError("changes: expected concrete numbers, outside jax.jit and jax.vmap.")
    known = as_numbers("changes", changes)
    matrix = np.atleast_2d(known).astype(float)
    if matrix.ndim != 2 or matrix.shape[1] != problem.size:
        raise ValueError(
            f"changes: expected a change of weight for each of {problem.size} points, "
            f"({problem.size},) or (k, {problem.size}), got shape {known.shape}."
        )
    if not np.all(np.isfinite(matrix)) or np.any(matrix < -1.0):
        raise ValueError(
            "changes: expected finite numbers >= -1, so that no weight becomes negative, got "
            f"{matrix[~(matrix >= -1.0) | ~np.isfinite(matrix)][0]}."
        )
    largest = max(1, int(np.max(np.sum(matrix != 0.0, axis=1))))
    # The points that change come first; the others carry a change of zero.
    rows = np.argsort(matrix == 0.0, axis=1, kind="stable")[:, :largest]
    amounts = np.take_along_axis(matrix, rows, axis=1)
    return WeightChanges(jnp.asarray(rows), jnp.asarray(amounts, problem.X.dtype), known.ndim == 1)
