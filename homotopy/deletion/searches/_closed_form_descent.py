"""The descent of a family for linear regressions, many searches side by side.

The schedule alone is a program of JAX: ε at the nodes of steps, what a change of its parameters
does there, and the next points. The flow is a compiled loop outside of it, so that little is
traced, whatever the family. Steps that lose too much are halved, and stay so for the schedules that
follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from homotopy._threads import CORES, side_by_side
from homotopy.control.switched import SwitchedFlow, weighted
from homotopy.control.switched.propagators import propagators
from homotopy.deletion.bridges.switched_flow import switched_flows
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.dynamics.moving_pieces import edges_until, pairing, placed
from homotopy.deletion.request import has_closed_form
from homotopy.deletion.searches import _bounded_quasi_newton as quasi_newton
from homotopy.numerics.legendre_history import collocation_rule
from homotopy.schedules._arguments import unchecked

_RULE = collocation_rule(12)
_COUNT = _RULE.nodes.size
_PADDED = 512  # nodes, and then twice, four times as many: for each number there is a program
_PARTS = np.arange(9) / 8  # of a piece on which ε varies, at the least
_FIRST_STEP = 8.0  # at the ends of a piece, by the fastest mode
_GRADED = 1.0 - 0.5 ** np.arange(1.0, 41.0)  # where a derivative of ε is rough at the end
_SMALLEST = 2.0**-48  # share of a piece
_VALUES = np.array([0.0, 1.0, np.nan])  # of pieces of each kind
_WORTH_A_THREAD = 8  # searches
_KEPT = 2**20  # numbers of what steps do of one length, of all searches
_MOST_ROWS = 16  # deleted points, or parameters, beyond which a step is a large linear system


def is_worth_it(deletions: Sequence[Deletion]) -> bool:
    """Whether problems of the same shapes are to be solved by `ClosedFormDescent`."""
    first = deletions[0]
    if not has_closed_form(first) or first.theta0.dtype != np.float64:
        return False
    return min(first.problem.modal.rows.shape) <= _MOST_ROWS


class ClosedFormDescent:
    """Searches in a family; `advance` takes each a trial point further.

    Parameters
    ----------
    family : AbstractFamily
    deletions : m problems
        Of the same shapes, for which it `is_worth_it`.
    states : BoundedState
        With two leading axes: of m problems, and of r searches of each, none of which has begun.

    Attributes
    ----------
    states : BoundedState
        Where the searches are.
    """

    def __init__(self, family, deletions: Sequence[Deletion], states: quasi_newton.BoundedState):
        self.states, self._points = states, states.point
        shape = self._points.shape
        self._rows = np.repeat(np.arange(shape[0]), shape[1])
        flows = switched_flows(deletions)
        self._flows = [
            _with_few_rows(SwitchedFlow(*(part[row] for part in flows))) for row in range(shape[0])
        ]
        size = _COUNT * self._flows[0].residual.size
        self._keeps = self._rows.size * size**2 < _KEPT
        horizons = np.array([float(deletion.horizon) for deletion in deletions])
        self._times = jax.device_put((flows.delay, horizons))
        method = deletions[0].method
        self._tolerance, self._max_steps = method.tolerance, method.max_steps
        self._arrays, static = eqx.partition(family, eqx.is_array)
        self._sample, self._step = _programs(static)

        schedule = family.at(np.asarray(self._points)[0, 0], deletions[0])
        self._constant = np.array(schedule.constant_pieces)
        self._graded = np.array(schedule.graded_pieces)
        self._meshes = [_NO_STEPS] * self._rows.size
        self._place_nodes()
        self._kinds = np.zeros(self._constant.size, int)
        self._set_kinds(self._values_nearby(family))

    def advance(self) -> None:
        """One trial point more of every search that goes on."""
        costs, *switching = self._evaluated(np.flatnonzero(~np.asarray(self.states.done).ravel()))
        shape = self._points.shape[:2]
        switching = tuple(part.reshape(*shape, -1) for part in switching)
        given = self.states, self._points, costs.reshape(shape), self._exact, switching
        self.states, self._points, self._seen = self._step(
            self._arrays, *self._times, self._nodes, *given
        )

    def _evaluated(self, rows):
        """ℰ, and φ and φ̇ at the nodes and φ between pieces, of the points of some searches.

        ℰ of the others is infinite, and where the steps do not suffice.
        """
        found: dict = {}
        while rows.size:
            edges, values, weights = (
                np.asarray(part).reshape(self._rows.size, -1) for part in self._seen
            )
            expected = _VALUES[self._kinds]
            if np.any((values[rows] != expected)[:, self._exact]):
                # A parameter moves a piece after all, though none did near where it began.
                self._set_kinds(np.concatenate([expected[None], values]))
                continue
            outcomes = _in_threads(self._outcome, rows, edges[rows], weights[rows])
            again = []
            for row, outcome in zip(rows, outcomes, strict=True):
                bad = ~(outcome.errors <= self._tolerance)
                if not np.any(bad):
                    found[row] = outcome
                elif self._refine(row, bad):
                    again.append(row)
            rows = np.array(again, int)
            if again:
                self._place_nodes()
        count = self._rows.size
        costs, between = np.full(count, np.inf), np.zeros((count, self._kinds.size - 1))
        switching, slopes = np.zeros((2, count, self._size))
        for row, outcome in found.items():
            costs[row], between[row] = outcome.cost, outcome.at_edges
            switching[row, : outcome.switching.size] = outcome.switching.ravel()
            slopes[row, : outcome.slopes.size] = outcome.slopes.ravel()
        return costs, switching, slopes, between

    def _outcome(self, row, edges, weights) -> weighted.Outcome:
        mesh, flow = self._meshes[row], self._flows[self._rows[row]]
        steps = weighted.Steps(edges, self._kinds, mesh.pieces, mesh.shares)
        lengths = np.diff(edges)[mesh.pieces] * mesh.shares
        kept = self._propagators[row]
        if kept is None or not np.array_equal(kept[0], lengths):
            kept = lengths, propagators(flow, _RULE, lengths)
            self._propagators[row] = kept if self._keeps else None
        weights = weights[: lengths.size * _COUNT].reshape(-1, _COUNT)
        return weighted.outcome(flow, _RULE, steps, kept[1], weights)

    def _refine(self, row, bad) -> bool:
        """Halve steps of a mesh, if that is allowed and of use."""
        mesh = self._meshes[row].halved(bad)
        if np.max(np.bincount(mesh.pieces)) > self._max_steps or np.min(mesh.shares) < _SMALLEST:
            return False
        self._meshes[row] = mesh
        return True

    def _values_nearby(self, family) -> Float[np.ndarray, "points pieces"]:
        """Of the pieces where they begin, at the points and a little beside them, in the box."""
        lower, upper = family.bounds()
        points = np.asarray(self._points)
        moves = np.random.default_rng(0).uniform(0.01, 0.02, points.shape)
        moves *= np.minimum(1.0, upper - lower)
        moved = np.where(points + moves <= upper, points + moves, points - moves)
        seen = [self._seen, self._sample(self._arrays, *self._times, self._nodes, moved)]
        values = np.concatenate([np.asarray(own[1]) for own in seen])
        return values.reshape(-1, self._constant.size)

    def _set_kinds(self, values) -> None:
        """Of the pieces: what no parameter moves from 0 or 1 is exact, and needs no steps."""
        fixed = self._constant & np.all(values == values[0], axis=0)
        known = fixed & ((values[0] == 0.0) | (values[0] == 1.0))
        kinds = np.where(values[0] == 1.0, weighted.ONE, weighted.ZERO)
        self._kinds = np.where(known, kinds, weighted.VARYING)
        self._exact = self._kinds != weighted.VARYING
        lengths = np.diff(self._seen[0]).reshape(self._rows.size, -1)
        kinds = ~self._exact, self._constant, self._graded
        self._meshes = [
            _first_mesh(own * np.max(self._flows[row].full_rates), *kinds)
            for own, row in zip(lengths, self._rows, strict=True)
        ]
        self._propagators: list = [None] * self._rows.size
        self._place_nodes()

    def _place_nodes(self):
        """Pieces, fractions and weights of the nodes of all meshes, and ε there."""
        longest = max(mesh.shares.size for mesh in self._meshes) * _COUNT
        self._size = _PADDED * 2 ** max(0, int(np.ceil(np.log2(max(longest, 1) / _PADDED))))
        pieces = np.zeros((self._rows.size, self._size), int)
        fractions, weights = np.zeros((2, self._rows.size, self._size))
        for row, mesh in enumerate(self._meshes):
            own = mesh.shares.size * _COUNT
            pieces[row, :own] = np.repeat(mesh.pieces, _COUNT)
            fractions[row, :own] = (mesh.lefts + np.outer(_RULE.nodes, mesh.shares)).T.ravel()
            weights[row, :own] = np.outer(mesh.shares, _RULE.weights).ravel()
        shape = *self._points.shape[:2], self._size
        self._nodes = jax.device_put(tuple(x.reshape(shape) for x in (pieces, fractions, weights)))
        self._seen = self._sample(self._arrays, *self._times, self._nodes, self._points)


def _with_few_rows(flow: SwitchedFlow) -> SwitchedFlow:
    """With as many rows as parameters at most: the flow depends on BᵀB and Bᵀr alone."""
    if flow.rows.shape[0] <= flow.rates.size:
        return flow
    basis, rows = np.linalg.qr(flow.rows)
    return flow._replace(rows=rows, residual=basis.T @ flow.residual)


class _Mesh(NamedTuple):
    """Steps on varying pieces: their pieces, where in these they begin, and their shares."""

    pieces: Int[np.ndarray, " n"]
    lefts: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, " n"]

    def halved(self, which: Bool[np.ndarray, " n"]) -> _Mesh:
        """With two steps in the place of some."""
        counts = 1 + which
        shares, lefts = np.repeat(self.shares / counts, counts), np.repeat(self.lefts, counts)
        second = np.cumsum(counts)[which] - 1
        lefts[second] += shares[second]
        return _Mesh(np.repeat(self.pieces, counts), lefts, shares)


_NO_STEPS = _Mesh(np.zeros(0, int), np.zeros(0), np.zeros(0))


def _first_mesh(stiffness, varying, constant, graded) -> _Mesh:
    """Dyadic towards both ends of every piece, as fast modes decay there, and costates before."""
    meshes = [_NO_STEPS]
    for piece in np.flatnonzero(varying):
        depth = int(np.ceil(np.log2(max(stiffness[piece] / _FIRST_STEP, 1.0))))
        towards = 0.5 ** np.arange(1.0, depth + 1.0)
        ends = [[0.0, 1.0] if constant[piece] else _PARTS, towards, 1.0 - towards]
        ends = np.unique(np.concatenate([*ends, _GRADED if graded[piece] else []]))
        meshes.append(_Mesh(np.full(ends.size - 1, piece), ends[:-1], np.diff(ends)))
    return _Mesh(*(np.concatenate(parts) for parts in zip(*meshes, strict=True)))


def _in_threads(function, *items) -> list:
    """`map`, each core taking as many at once as are worth it."""
    count = min(CORES, max(1, len(items[0]) // _WORTH_A_THREAD))
    parts = list(zip(*(np.array_split(item, count) for item in items), strict=True))
    found = side_by_side(lambda part: list(map(function, *part)), parts)
    return [each for part in found for each in part]


@lru_cache(maxsize=64)
def _programs(static):
    """Of a family, but for its arrays: with these each time, as JAX alone calls faster.

    What schedules are at nodes; and the searches after what they proposed is evaluated, what they
    propose now, and that at the nodes.
    """

    def schedule(arrays, start, horizon, point):
        with unchecked():
            return eqx.combine(arrays, static).schedule(point, start, horizon)

    def seen(arrays, start, horizon, nodes, point):
        """Edges, the values of the pieces where they begin, and ε at the nodes."""
        own = schedule(arrays, start, horizon, point)
        edges = edges_until(own, horizon)
        epsilon = jax.vmap(own.piece)(nodes[0], placed(edges, *nodes[:2])[0])
        return edges, jnp.asarray(own.piece_values, point.dtype), epsilon

    def step(arrays, start, horizon, nodes, state, point, cost, exact, switching):
        def paired(point):
            own = schedule(arrays, start, horizon, point)
            return pairing(own, horizon, exact, nodes, switching)

        bounds = [jnp.asarray(bound, point.dtype) for bound in eqx.combine(arrays, static).bounds()]
        state = quasi_newton.informed(*bounds, state, point, cost, jax.grad(paired)(point))
        point = quasi_newton.proposed(*bounds, state)
        return state, point, seen(arrays, start, horizon, nodes, point)

    def of_all(function, axes):
        searches = jax.vmap(function, (None, None, None, *axes))
        return jax.jit(jax.vmap(searches, (None, 0, 0, *axes)))

    return of_all(seen, (0, 0)), of_all(step, (0, 0, 0, 0, None, 0))
