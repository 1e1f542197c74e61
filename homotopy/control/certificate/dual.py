"""The concave dual of theory §4: a lower bound of the cost from any costate at the horizon.

With w_i = ε v_i the dynamics are linear, and on a node of branch and bound w lies in a convex set
that the bounds of v give. For any q and any μ(t), with ṗ = Λp + Bᵀμ backwards from p(T) = q,

    q·(u(T) − goal) ≥ D = p(0)·u(0) + r·∫μ − ∫loss − q·goal,    loss = max (εσ − μ)·v,

over ε in [0, 1] and v in its bounds, so that cost ≥ ½ (D/‖q‖)² where D > 0. Here μ = κσ: κ is 1
or 0 where that makes the loss zero (the sign of v is known), switching exactly at the zeros of σ,
and the share with the least loss elsewhere. D is the support function of the (relaxed) reachable
set; its gradient in q is the end of the trajectory under w = κv + ∂loss. From D is taken what
rounding and the errors of the data can make of it, piece by piece (`rounding`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homotopy.control.bang_bang_control import BangBangControl
from homotopy.control.certificate.dual_point import AbstractDualPoint
from homotopy.control.certificate.loss import bends, cell_loss, extremes, share_of_least_loss
from homotopy.control.certificate.regions import Knowledge, Node
from homotopy.control.certificate.rounding import (
    OUTWARD,
    UNIT,
    StateBound,
    crossing_errors,
    gamma,
)
from homotopy.control.certificate.sign_changes import until_zero
from homotopy.control.certificate.switching import Controls
from homotopy.control.certificate.system import ResidualSystem

_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights κ where no sign is known


@dataclass(frozen=True)
class Piece:
    """A stretch of time of constant κ, as met going backwards."""

    duration: float
    weights: tuple[float, ...]  # κ of each control
    push: np.ndarray  # (g,) what the loss adds to w = κv, with the sign of −w
    zero: int | None  # row whose σ vanishes at its left end


@dataclass(frozen=True)
class SupportPoint(AbstractDualPoint):
    """The dual at one q.

    Attributes
    ----------
    pieces : tuple of Piece
        From the horizon back.
    losses : list of (m,) arrays
        ∫loss of every region of every control.
    """

    pieces: tuple[Piece, ...]
    losses: list[np.ndarray]

    def controls(self) -> Controls:
        """ε as it was in the bound, going forwards, where it was 0 or 1 (elsewhere rounded)."""
        controls = []
        for index in range(len(self.losses)):
            now, value, initial, switches = 0.0, None, 0, []
            for piece in reversed(self.pieces):
                weight = piece.weights[index]
                new = value if weight == 0.5 and value is not None else int(weight > 0.5)
                if value is None:
                    initial = new
                elif new != value:
                    switches.append(now)
                value = new
                now += piece.duration
            controls.append(BangBangControl(initial, tuple(switches)))
        return tuple(controls)


def support_point(
    system: ResidualSystem, node: Node, costate: np.ndarray, states: StateBound | None = None
) -> SupportPoint:
    """Evaluate the dual and its gradient at q on a node; `states` is what is known of |u_j|."""
    return _Backward(system, node, costate, states).run()


class _Backward:
    """One pass from the horizon to time 0."""

    def __init__(self, system: ResidualSystem, node: Node, costate: np.ndarray, states):
        self.system, self.node, self.final, self.states = system, node, costate, states
        self.costate = costate
        self.members = [np.flatnonzero(system.control == c) for c in range(len(node))]
        self.position = [len(regions) - 1 for regions in node]
        self.cell = [len(regions[-1].low) - 1 for regions in node]
        self.losses = [np.zeros(len(regions)) for regions in node]
        self.signs = _signs(system.rows @ costate)
        self.pieces: list[Piece] = []
        self.slopes: list[float] = []
        self.gain = 0.0  # r·∫μ
        self.size = 0.0  # of the terms summed
        self.crossed: list[tuple] = []  # what the errors depend on
        self.rounded = 0.0  # of the time since the last stop

    def run(self) -> SupportPoint:
        now = self.system.span
        for stop in self._stops():
            self.rounded = 0.0
            while now > stop:
                now = self._piece(now, stop)
            self._enter(stop)
        system, final = self.system, self.final
        lost = sum(part.sum() for part in self.losses)
        value = self.costate @ system.start + self.gain - lost - final @ system.goal
        end, effects, residuals = self._forward()
        # At a zero the slope of σ is found going backwards; the pieces are replayed forwards.
        slopes = np.array(self.slopes[::-1])
        floor = 1e-12 * np.linalg.norm(final) + 1e-300
        return SupportPoint(
            costate=final,
            value=float(value - self._error(lost)),
            end=end,
            zero_effects=effects,
            zero_strengths=np.abs(residuals) / np.maximum(np.abs(slopes), floor),
            pieces=tuple(self.pieces),
            losses=self.losses,
        )

    def _error(self, lost: float) -> float:
        """What rounding and the errors of the data can have added to the value."""
        system, sizes, errors = self.system, self.system.sizes, self.system.errors
        weights, *others = zip(*self.crossed, strict=True)
        durations, moments, costates, largest, lag = (np.array(part) for part in others)
        everywhere = self.states or StateBound(system, _largest(self.node))
        lefts = np.maximum(moments - durations - lag, 0.0)
        states = everywhere.at(lefts), everywhere.at(moments), everywhere.over(lefts, moments)
        total = 0.0
        for each in set(weights):
            at = np.array([given == each for given in weights])
            slips = crossing_errors(
                system, each, durations[at], [part[at] for part in states], largest[at], lag[at]
            )
            total += np.sum(slips * costates[at])
        relative, end = gamma(system.operations), states[1][0]
        velocity = system.rates * end + everywhere.largest @ sizes.rows + everywhere.drive
        here, final = np.abs(self.costate), np.abs(self.final)
        total += here @ (relative * sizes.start + errors.start)
        total += final @ (relative * sizes.goal + errors.goal + errors.time * velocity)
        total += gamma(len(self.crossed) + 8) * (self.size + lost)
        return OUTWARD * float(total)

    def _stops(self) -> list[float]:
        """Times at which what is known of some residual changes, from the last to 0."""
        edges = {0.0}
        for regions in self.node:
            for region in regions:
                edges.update(region.edges[[0, -1]] if region.signed else region.edges)
        edges.discard(self.system.span)
        return sorted((float(edge) for edge in edges if edge < self.system.span), reverse=True)

    def _enter(self, time: float) -> None:
        """Step to the cell that ends at a time, for each control that has one."""
        if time <= 0.0:
            return
        for index, regions in enumerate(self.node):
            region = regions[self.position[index]]
            left = region.left if region.signed else region.edges[self.cell[index]]
            if left < time:
                continue
            if region.signed or self.cell[index] == 0:
                self.position[index] -= 1
                region = regions[self.position[index]]
                self.cell[index] = len(region.low) - 1
                if region.signed:
                    seen = self.system.rows[self.members[index][0]] @ self.costate
                    self.signs[self.members[index][0]] = _signs(seen)
            else:
                self.cell[index] -= 1

    def _piece(self, now: float, stop: float) -> float:
        """Go back to the next zero of a σ on which κ depends, or to the next stop."""
        system = self.system
        seen = system.rows @ self.costate
        weights, bounds, watched = [], [], []
        for index, regions in enumerate(self.node):
            region, rows = regions[self.position[index]], self.members[index]
            low, high = region.low[self.cell[index]], region.high[self.cell[index]]
            bounds.append((low, high))
            if region.signed:
                positive = self.signs[rows[0]] > 0.0
                weights.append(float(positive == (region.knowledge is Knowledge.positive)))
                watched.append(rows[0])
            else:
                share = share_of_least_loss(*extremes(seen[rows], low, high))
                weights.append(_LEVELS[round(share * (len(_LEVELS) - 1))])
        spectrum = system.spectrum(tuple(weights))
        inside = spectrum.rotation.T @ self.costate
        amplitudes = spectrum.observed * inside[:, None]  # of σ, mode by mode
        duration, zero, areas = now - stop, None, ()
        if watched:
            unsure = gamma(system.operations) * spectrum.seen
            unsure += spectrum.absolute.T @ system.errors.rows.T
            unsure *= (spectrum.absolute.T @ np.abs(self.costate))[:, None]
            duration, zero, areas = until_zero(
                amplitudes[:, watched],
                unsure[:, watched],
                *(spectrum.rates, now - stop, self.signs[watched]),
            )
            zero = None if zero is None else int(watched[zero])
        integral = spectrum.decay_integral(duration) @ amplitudes
        earlier = spectrum.backward(self.costate, duration)
        push = self._lose(
            spectrum, weights, bounds, (seen, system.rows @ earlier), integral, amplitudes, duration
        )
        for place, area in enumerate(areas):
            row = watched[place]
            index = system.control[row]
            largest = min(np.max(np.abs(bounds[index])), system.reach.largest[row])
            self.losses[index][self.position[index]] += largest * area
        kappa = np.array(weights)[system.control]
        gain = float(kappa * system.residual @ integral)
        self.gain += gain
        self.size += abs(gain)
        largest = np.zeros(len(seen))
        for index, (low, high) in enumerate(bounds):
            if not self.node[index][self.position[index]].signed:
                largest[self.members[index]] = np.maximum(np.maximum(-low, high), 0.0)
        largest = np.minimum(largest, system.reach.largest)
        # Times are rounded at every piece; what that sums up to shortens or lengthens the last one.
        self.rounded += 2 * UNIT * now
        lag = 0.0 if zero is not None and now - duration > stop else self.rounded
        self.crossed.append((tuple(weights), duration, now, np.abs(self.costate), largest, lag))
        self.pieces.append(Piece(duration, tuple(weights), push, zero))
        self.costate = earlier
        if zero is not None:
            self.signs[zero] = -self.signs[zero]
            rate = system.rates * earlier + system.rows.T @ (kappa * (system.rows @ earlier))
            self.slopes.append(float(system.rows[zero] @ rate))
            return max(now - duration, stop)
        return stop

    def _lose(self, spectrum, weights, bounds, ends, integral, amplitudes, duration) -> np.ndarray:
        """Account for the loss where no sign is known; returns its gradient in σ."""
        push = np.zeros(len(self.system.rows))
        for index, regions in enumerate(self.node):
            if regions[self.position[index]].signed:
                continue
            rows, (low, high), weight = self.members[index], bounds[index], weights[index]
            bend = bends(
                np.abs(spectrum.rotation.T @ self.costate),
                spectrum.rates * duration,
                np.abs(spectrum.observed[:, rows]),
            )
            near, far = ends[0][rows], ends[1][rows]
            self.losses[index][self.position[index]] += cell_loss(
                duration, weight, (near, far), integral[rows], bend, low, high
            )
            push[rows] = _loss_gradient(weight, 0.5 * (near + far), low, high)
        return push

    def _forward(self):
        """The trajectory that attains the bound, and what each zero of σ does to its end."""
        system = self.system
        columns, residuals = system.start[:, None], []
        for piece in reversed(self.pieces):
            if piece.zero is not None:
                row = system.rows[piece.zero]
                residuals.append(row @ columns[:, 0] - system.residual[piece.zero])
                columns = np.column_stack([columns, row])
            push = np.array(piece.weights)[system.control] * system.residual - piece.push
            columns = system.spectrum(piece.weights).forward(columns, piece.duration, push)
        return system.deviation(columns[:, 0]), columns[:, 1:], np.array(residuals)


def _signs(values):
    """1 or −1, never 0: a σ that starts at 0 with the wrong sign vanishes at once."""
    return np.where(values < 0.0, -1.0, 1.0)


def _largest(node: Node) -> np.ndarray:
    """Of |v|, row by row, over the whole interval."""
    return np.concatenate(
        [
            np.max([np.maximum(-region.low, region.high).max(axis=0) for region in regions], axis=0)
            for regions in node
        ]
    ).clip(0.0)


def _loss_gradient(weight, seen, low, high):
    most, least = extremes(seen, low, high)
    if max(weight * least, (1.0 - weight) * most) <= 0.0:
        return np.zeros_like(seen)
    if weight * least > (1.0 - weight) * most:
        return -weight * np.where(seen > 0.0, low, high)
    return (1.0 - weight) * np.where(seen > 0.0, high, low)
