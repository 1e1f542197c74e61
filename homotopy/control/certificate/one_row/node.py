"""A node of branch and bound for one row: a tube, and the dual on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.dual_point import AbstractDualPoint
from homotopy.control.certificate.one_row.changes import equal_gaps, settled
from homotopy.control.certificate.one_row.kernels import (
    Levels,
    Slack,
    Tube,
    adjusted,
    arranged,
    attained,
    carried,
    cut,
    narrowed,
    reached,
)
from homotopy.control.certificate.one_row.row import OneRow
from homotopy.control.certificate.rounding import OUTWARD, gamma

_MOST_ZEROS = 64
_PASSES = 3
_NEGLIGIBLE = 1e-9  # errors of v, of its scale


@dataclass(frozen=True)
class Point(AbstractDualPoint):
    """The dual of a node of one row at one q.

    Attributes
    ----------
    losses : (n,)
        Of the cells; of a run of one sign at its first.
    pieces : (m, 7), means : (2, 2, n)
        See `carried` and `attained`.
    error : float
        Of the value, already taken from it.
    levels : (2, n)
        Of κ, where σ < 0 and where σ > 0.
    weights : (L,)
        Of κ, by level.
    """

    losses: np.ndarray
    pieces: np.ndarray
    means: np.ndarray
    error: float
    levels: np.ndarray
    weights: np.ndarray

    def promise(self, tube: Tube) -> np.ndarray:
        """What there is to gain from knowing the sign of v in a cell, of all that there is: (n,).

        Half by what the bound loses there at this q, half by how far v can have either sign: where
        σ nearly vanishes throughout a gap little is lost, though it is the gap that lets q be so.
        """
        low, high = tube.cell_low, tube.cell_high
        unsigned = (low < 0.0) & (high > 0.0)
        losses = np.where(unsigned, self.losses, 0.0)
        areas = np.where(unsigned, np.minimum(-low, high), 0.0) * np.diff(tube.edges)
        return sum(part / max(float(part.sum()), 1e-300) for part in (losses, areas))

    def controls(self) -> tuple[BangBangControl, ...]:
        """ε as it was in the bound, going forwards, where it was 0 or 1 (elsewhere rounded)."""
        forwards = self.pieces[::-1]
        values = (self.weights[forwards[:, 1].astype(int)] > 0.5).astype(int)
        changes = np.flatnonzero(np.diff(values))
        times = np.cumsum(forwards[:, 0])[changes]
        return (BangBangControl(int(values[0]), tuple(times.tolist())),)


def whole_tube(row: OneRow, edges: np.ndarray) -> Tube:
    """What is known of any schedule, by the norm of the state."""
    count, most = edges.size - 1, float(row.system.reach.largest[0])
    return Tube(
        edges,
        *(np.full(count + 1, bound) for bound in (-most, most, -np.inf, np.inf)),
        *(np.full(count, bound) for bound in (-most, most, -np.inf, np.inf)),
    )


def copied(tube: Tube) -> Tube:
    """To be narrowed further."""
    return Tube(*(np.array(part) for part in tube))


def refined(tube: Tube, edges: np.ndarray) -> Tube:
    """The same bounds on a finer grid, which has all the edges of the tube."""
    cells = np.searchsorted(tube.edges, 0.5 * (edges[1:] + edges[:-1]), "right") - 1
    old = np.searchsorted(edges, tube.edges)

    def spread(values, fill):
        out = np.full(edges.size, fill)
        out[old] = values
        return out

    low, high = tube.cell_low[cells], tube.cell_high[cells]
    return Tube(
        edges,
        spread(tube.low, -np.inf),
        spread(tube.high, np.inf),
        spread(tube.turn_low, -np.inf),
        spread(tube.turn_high, np.inf),
        *(low, high, tube.pull_low[cells], tube.pull_high[cells]),
    )


class Bounder:
    """Tubes and duals of one system; errors of the data are those on the base grid.

    Parameters
    ----------
    row : OneRow
    edges : (n+1,)
        Of the base grid, which every other refines.
    """

    def __init__(self, row: OneRow, edges: np.ndarray):
        self.row, self.edges, system = row, edges, row.system
        self.changes: int | None = None  # of sign, at most; None where they are not counted
        self.norms = system.reach.norms(edges)
        self.drive = np.array(system.reach.drive)
        lefts, rights = edges[:-1], edges[1:]
        self._measure(
            system.reach.over(lefts, rights), np.full(lefts.size, system.reach.largest[0])
        )

    def _measure(self, within: np.ndarray, largest: np.ndarray) -> None:
        """What the errors of the data do, where |u_j| and |v| keep to some bounds."""
        system, errors, sizes = self.row.system, self.row.system.errors, self.row.system.sizes
        moved = within @ errors.matrix.T + np.abs(errors.force)
        self.residual = OUTWARD * (within @ errors.rows[0] + errors.residual[0])
        norm = float(np.linalg.norm(sizes.rows))
        self.growth = OUTWARD * (
            np.linalg.norm(moved, axis=1)
            + norm * self.residual
            + float(np.linalg.norm(errors.rows)) * largest
        )
        self.pull = OUTWARD * (
            self.row.rayleigh * self.residual
            + within @ (errors.rows[0] * system.rates)
            + moved @ sizes.rows[0]
        )

    def slack(self, edges: np.ndarray) -> Slack:
        """On a refinement of the base grid."""
        cells = np.searchsorted(self.edges, 0.5 * (edges[1:] + edges[:-1]), "right") - 1
        return Slack(
            self.growth[cells],
            self.residual[cells],
            self.pull[cells],
            self.row.rayleigh * self.row.residual,
            self.row.feedback,
        )

    def narrow(self, tube: Tube) -> bool:
        """Narrow a tube in place; False where no schedule keeps to it."""
        slack = self.slack(tube.edges)
        while narrowed(self.row.flow, tube, slack, _PASSES):
            settles = False if self.changes is None else settled(tube, self.changes)
            if not settles:
                return settles is not None
        return False

    def narrow_end(self, tube: Tube, radius: float) -> None:
        """Narrow a tube at the horizon, in place, to ‖u(T) − goal‖ ≤ radius."""
        row, system, slack = self.row, self.row.system, self.slack(tube.edges)
        sizes = np.abs(row.rayleigh * row.row) + np.abs(system.rates * row.row)
        at, absolute = self.states(tube)[0][-1], np.abs(system.goal)
        for functional, size, low, high, offset, near in (
            (row.row, np.abs(row.row), tube.low, tube.high, row.residual, slack.residual[-1]),
            (row.turning, sizes, tube.turn_low, tube.turn_high, 0.0, row.relative * (sizes @ at)),
        ):
            middle, reach = float(functional @ system.goal) - offset, radius * np.linalg.norm(size)
            reach += np.abs(functional) @ self.end_errors(tube, at) + near
            reach += row.relative * (size @ absolute + abs(offset) + reach)
            low[-1] = max(low[-1], middle - OUTWARD * reach)
            high[-1] = min(high[-1], middle + OUTWARD * reach)

    def sharpen(self, tube: Tube) -> bool:
        """Let the errors of the data profit from a tube on the base grid that holds everywhere.

        False where they do not matter.
        """
        errors = self.growth @ np.diff(self.edges) * self.row.flow.row_norm + self.residual.max()
        if errors <= _NEGLIGIBLE * self.row.flow.scale:
            return False
        _, within, _ = self.states(tube)
        self._measure(within, np.maximum(np.maximum(tube.cell_high, -tube.cell_low), 0.0))
        return True

    def states(self, tube: Tube):
        """Bounds of |u_j|, and of what drives it."""
        system = self.row.system
        norms = self.norms[
            np.searchsorted(self.edges, tube.edges, "left").clip(0, len(self.norms) - 1)
        ]
        return reached(
            np.array(system.rates),
            np.array(system.sizes.start),
            np.array(system.sizes.rows[0]),
            self.drive,
            norms,
            self.row.relative,
            tube,
        )

    def end_errors(self, tube: Tube, at: np.ndarray | None = None) -> np.ndarray:
        """What an entry of |q| costs for the goal's errors and the horizon's: (d,)."""
        system = self.row.system
        at = self.states(tube)[0][-1] if at is None else at
        largest = max(tube.cell_high[-1], -tube.cell_low[-1], 0.0)
        velocity = system.rates * at + largest * system.sizes.rows[0] + self.drive
        return (
            self.row.relative * system.sizes.goal
            + system.errors.goal
            + system.errors.time * velocity
        )

    def dual(self, tube: Tube, before: tuple[Tube, Point] | None = None) -> Dual:
        """The dual on a tube; with κ as it was on a coarser one."""
        dual = Dual(self, tube)
        if before is not None and dual.levels.weights.size == before[1].weights.size:
            dual.inherit(*before)
        return dual


class Dual:
    """The dual on one tube; call it with q."""

    def __init__(self, bounder: Bounder, tube: Tube):
        self.bounder, self.tube, row = bounder, tube, bounder.row
        unsigned = (tube.cell_low < 0.0) & (tube.cell_high > 0.0)
        self.levels: Levels = row.levels if unsigned.any() else row.signed_levels
        self.node = arranged(self.levels.weights, tube, *bounder.states(tube))
        self._pieces = np.empty((8 * unsigned.size + 400, 7))
        self.shares = self.levels.weights[self.node.levels]
        self.steps = np.zeros(self.shares.shape)

    def __call__(self, costate: np.ndarray) -> Point:
        count = self.node.sign.size
        losses, none = np.zeros(count), np.empty(0)
        value, error, used = carried(
            self.levels, self.node, costate, count, np.empty((0, costate.size)), none, none,
            self._pieces, losses,
        )  # fmt: skip
        pieces = self._pieces[:used].copy()
        system = self.bounder.row.system
        means = np.empty((2, 2, count))
        end, effects, strengths = attained(self.levels, pieces, used, _MOST_ZEROS, means)
        offset = float(costate @ system.goal)
        return Point(
            costate=costate,
            value=value - offset - self._end_error(costate) - gamma(4) * (abs(value) + abs(offset)),
            end=end - system.goal,
            zero_effects=effects,
            zero_strengths=strengths,
            losses=losses,
            pieces=pieces,
            means=means,
            error=error,
            levels=self.node.levels,
            weights=self.levels.weights,
        )

    def inherit(self, tube: Tube, point: Point) -> None:
        """Begin with κ as at a point on a coarser tube, where that had no sign either."""
        edges = self.tube.edges
        cells = np.searchsorted(tube.edges, 0.5 * (edges[1:] + edges[:-1]), "right") - 1
        open_ = ((tube.cell_low < 0.0) & (tube.cell_high > 0.0))[cells]
        levels = np.where(open_, point.levels[:, cells], self.node.levels)
        self.node = self.node._replace(levels=levels)
        self.shares = self.levels.weights[levels]

    def count_changes(self, costate: np.ndarray) -> None:
        """Charge the other sign in so many gaps only as have changes left, if D gains by it at q.

        Gaps in which the other sign costs little there are taken together, the others as they were.
        """
        if self.bounder.changes is None:
            return
        gap, usual, changes = equal_gaps(self.tube)
        pairs, count = (self.bounder.changes - changes) // 2, int(gap.max()) + 1
        if count <= pairs:
            return
        apart, point = self.node, self(costate)
        inside = gap >= 0
        other = np.where(usual > 0, -self.tube.cell_low, self.tube.cell_high)
        charges = np.bincount(gap[inside], (point.means[1].sum(axis=0) * other)[inside])
        losses = np.bincount(gap[inside], point.losses[inside])
        order = np.argsort(charges, kind="stable")
        # The n cheapest together, of which so many pairs are charged, and the rest apart.
        together = np.array([charges[order[max(n - pairs, 0) : n]].sum() for n in range(count + 1)])
        rest = np.append(np.cumsum(losses[order][::-1])[::-1], 0.0)
        taken = int(np.argmin(together + rest))
        if taken <= pairs:
            return
        rank = np.empty(count, int)
        rank[order] = np.arange(count)
        gap = np.where(inside & (rank[gap] < taken), rank[gap], -1)
        usual = np.where(gap >= 0, usual, 0)
        self.node = apart._replace(gap=gap, usual=usual, pairs=pairs)
        if self(costate).value < point.value:
            self.node = apart

    def take(self, point: Point) -> None:
        """κ as it was at a point."""
        self.node = self.node._replace(levels=point.levels)

    def adjust(self, point: Point) -> int:
        """Move κ to where D rises from a point; how many levels that changes."""
        levels, moved = adjusted(
            self.levels.weights, self.node, point.means, self.shares, self.steps
        )
        self.node = self.node._replace(levels=levels)
        return moved

    def _end_error(self, costate: np.ndarray) -> float:
        """Of the goal and of the horizon."""
        return OUTWARD * float(np.abs(costate) @ self._at_the_end)

    @cached_property
    def _at_the_end(self) -> np.ndarray:
        return self.bounder.end_errors(self.tube, self.node.at[-1])

    def cut(self, normal: np.ndarray, radius: float, places: np.ndarray, turns: bool) -> bool:
        """Narrow the tube at some edges, in place, to schedules with normal·(u(T) − goal) ≤ radius.

        False where there are none.
        """
        row, system = self.bounder.row, self.bounder.row.system
        unturned = row.relative * (np.abs(row.rayleigh * row.row) + np.abs(system.rates * row.row))
        reach = radius + float(normal @ system.goal)
        reach += self._end_error(normal) + gamma(system.operations) * (radius + abs(reach))
        return cut(
            self.levels, self.node, self.tube, self.bounder.slack(self.tube.edges).residual,
            row.turning, unturned, normal, reach, np.ascontiguousarray(places), turns,
        )  # fmt: skip
