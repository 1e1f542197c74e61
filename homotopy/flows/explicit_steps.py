"""Steps of explicit Runge–Kutta methods, in few operations: of one vector, ended at the outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.flows.dormand_prince import DormandPrince853

_SHORT = 2**10


class ExplicitSteps(diffrax.AbstractAdaptiveSolver):
    """The steps of an explicit solver of diffrax, of its tableau alone.

    What they are is the same but for rounding. Diffrax's own are of any pytree of states, terms and
    tableaus; of many small vectors at once, under `jax.vmap`, half of their time goes into what is
    done to a state between two slopes, most of it to lay the slopes out anew.

    Parameters
    ----------
    solver : diffrax.AbstractERK
        With the `step` of its base, as `backward.applies` asks.
    tells : bool
        Whether a step leaves its `Increments` in the solver's state.
    """

    solver: diffrax.AbstractERK
    tells: bool = eqx.field(default=False, static=True)

    term_structure: ClassVar = diffrax.ODETerm

    @property
    def interpolation_cls(self) -> Callable:
        return _Ends

    def order(self, terms):
        return self.solver.order(terms)

    def error_order(self, terms):
        return self.solver.error_order(terms)

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args):
        """The slope that the first step begins with, where a step knows the next one's."""
        tableau = self.solver.tableau
        slope = terms.vf(t0, y0, args) if tableau.fsal else None
        return slope, Increments.none(y0, tableau.num_stages) if self.tells else None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        tableau = self.solver.tableau
        first = terms.vf(t0, y0, args) if solver_state[0] is None else solver_state[0]

        def field(t, y):
            return terms.vf(t, y, args)

        found = increments_of(field, tableau, tableau.num_stages, (t0, t1), y0, first)
        increments, last, slope = found
        y1 = last if tableau.ssal else y0 + increments.combined(tableau.b_sol)
        if isinstance(self.solver, DormandPrince853):
            error = self.solver.stages_combined(increments, y0, y1)
        else:
            error = increments.combined(tableau.b_error)
        state = slope if tableau.fsal else None, increments if self.tells else None
        return y1, error, {"y0": y0, "y1": y1}, state, diffrax.RESULTS.successful


class Increments(Module):
    """What a step of length h goes on by at each stage, h f(t, y).

    Attributes
    ----------
    values : (d, s) or (s, d)
        Of short vectors those of one number follow each other, so that of many vectors at once, by
        `jax.vmap`, they are combined in one product as they stand.
    """

    values: Float[Array, "rows columns"]
    side_by_side: bool = eqx.field(static=True)

    @classmethod
    def none(cls, state, count) -> Increments:
        beside = state.size <= _SHORT
        shape = (state.size, count) if beside else (count, state.size)
        return cls.of(state, jnp.zeros(shape, state.dtype))

    @classmethod
    def of(cls, state, values) -> Increments:
        """`values` that were those of such a state."""
        return cls(values, state.size <= _SHORT)

    def written(self, increment, index) -> Increments:
        """With that of one stage."""
        axis = int(self.side_by_side)
        part = jnp.expand_dims(increment, axis)
        values = lax.dynamic_update_slice_in_dim(self.values, part, index, axis)
        return Increments(values, self.side_by_side)

    def combined(self, weights) -> Float[Array, " d"]:
        """Their sum with weights, one for each stage."""
        weights = jnp.asarray(weights, self.values.dtype)
        return self.values @ weights if self.side_by_side else weights @ self.values

    def all_combined(self, matrix) -> Float[Array, "s d"]:
        """Their sums with the weights in each row."""
        return matrix @ (self.values.T if self.side_by_side else self.values)


def increments_of(
    field: Callable,
    tableau: diffrax.ButcherTableau,
    count: int,
    span: tuple,
    state: Float[Array, " d"],
    first: Float[Array, " d"],
) -> tuple[Increments, Float[Array, " d"], Float[Array, " d"]]:
    """Of the first `count` stages of a step; the last state that it came to, and the slope there.

    Parameters
    ----------
    field : callable
        f(t, y).
    tableau : diffrax.ButcherTableau
    count : int
    span : (t₀, t₁)
    state : (d,)
        y at t₀.
    first : (d,)
        f(t₀, y).
    """
    opening, closing = span
    length = closing - opening
    matrix, nodes = square(tableau)

    def stage(carry, at):
        increments, _, _ = carry
        index, row, node = at
        reached = state + increments.combined(row)
        slope = field(jnp.where(node == 1.0, closing, opening + node * length), reached)
        return (increments.written(length * slope, index), reached, slope), None

    start = Increments.none(state, count).written(length * first, 0)
    rows = jnp.asarray(matrix[1:count, :count], state.dtype)
    at = jnp.arange(1, count), rows, jnp.asarray(nodes[1:count], length.dtype)
    found, _ = lax.scan(stage, (start, state, first), at)
    return found


def square(tableau: diffrax.ButcherTableau) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of a tableau as a square matrix, and its nodes."""
    count = tableau.num_stages
    matrix = np.zeros((count, count))
    for row, entries in enumerate(tableau.a_lower, 1):
        matrix[row, : len(entries)] = entries
    return matrix, np.concatenate([[tableau.c1], tableau.c])


class _Ends(diffrax.AbstractLocalInterpolation):
    """Of steps that end at the outputs: nothing is asked for between their ends."""

    t0: Float[Array, ""]
    t1: Float[Array, ""]
    y0: Float[Array, " d"]
    y1: Float[Array, " d"]

    def evaluate(self, t0, t1=None, left=True):
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        return jnp.where(t0 <= self.t0, self.y0, self.y1)
