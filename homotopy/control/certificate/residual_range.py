"""Between which values the residuals can lie at all, over every measurable control.

The tube of theory §4: the least value of a linear functional f·u(t) over all admissible controls
is bounded by the same dual as the cost, started from p(t) = f; the bounds of the residuals that
its loss needs are those found so far. A few sweeps contract them from a bound of the norm, and from
ellipsoids that hold all states (`ellipsoid`), which stay narrow where sweeps do not contract.

With an incumbent of cost ½ρ² only the controls that do better matter. They satisfy
n·(u(T) − goal) ≤ ρ for every unit vector n, and a multiple of that inequality may be added to the
functional: the reduced-cost tightening of integer programming.

Every number is a bound: what lies between two times of the grid is covered by Taylor remainders,
and rounding and the errors of the data by what `rounding` proves of them. A multiple of the
inequality carries that multiple of its own error, and so no multiple is too large.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from homotopy._deadline import UNLIMITED, Deadline
from homotopy.control.certificate.backward_sweep import cells_of, least_values, margins_of
from homotopy.control.certificate.ellipsoid import functional_range
from homotopy.control.certificate.rounding import (
    EXPONENTIAL,
    UNIT,
    StateBound,
    decay_and_integral,
    gamma,
)
from homotopy.control.certificate.system import ResidualSystem

_LEVELS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class ResidualRange:
    """Bounds of v = Bu − r and of g = BΛu on a grid of times, and on the cells between them.

    Attributes
    ----------
    times : (N+1,)
    low, high : (N+1, g)
        Of v at the times.
    rate_low, rate_high : (N+1, g)
        Of g at the times; v̇ = −g − Σ_k ε b·b_k v_k.
    cell_low, cell_high, cell_rate_low, cell_rate_high : (N, g)
        Of both throughout the cells.
    cell_coupling : (N, g)
        Of |Σ_k ε b·b_k v_k| over the other rows k, throughout the cells.
    """

    times: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rate_low: np.ndarray
    rate_high: np.ndarray
    cell_low: np.ndarray
    cell_high: np.ndarray
    cell_rate_low: np.ndarray
    cell_rate_high: np.ndarray
    cell_coupling: np.ndarray

    def uncertain(self) -> np.ndarray:
        """(N, g): whether the sign of the residual is not known in the cell."""
        return (self.cell_low < 0.0) & (self.cell_high > 0.0)

    def empty(self) -> bool:
        """Whether the bounds contradict each other: no trajectory is left."""
        return bool(
            np.any(self.low > self.high)
            or np.any(self.cell_low > self.cell_high)
            or np.any(self.rate_low > self.rate_high)
        )

    def restricted(self, left, right, row: int, low, high) -> ResidualRange:
        """With low <= v <= high of a row between two times."""
        inside = (self.times[:-1] >= left) & (self.times[1:] <= right)
        at = (self.times >= left) & (self.times <= right)
        parts = {}
        for name, where in (("", at), ("cell_", inside)):
            lows, highs = getattr(self, f"{name}low").copy(), getattr(self, f"{name}high").copy()
            lows[where, row] = np.maximum(lows[where, row], low)
            highs[where, row] = np.minimum(highs[where, row], high)
            parts |= {f"{name}low": lows, f"{name}high": highs}
        return replace(self, **parts)

    def slope_range(self, left: float, right: float, row: int) -> tuple[float, float]:
        """Least and largest v̇ that a row can have on an interval, where its own v = 0."""
        inside = (self.times[:-1] < right) & (self.times[1:] > left)
        coupling = self.cell_coupling[inside, row]
        low, high = -self.cell_rate_high[inside, row], -self.cell_rate_low[inside, row]
        return (
            float((low - coupling - 2 * UNIT * (np.abs(low) + coupling)).min()),
            float((high + coupling + 2 * UNIT * (np.abs(high) + coupling)).max()),
        )


class RangeFinder:
    """Bounds residuals of a system on a grid of times.

    A cell is crossed with a constant weight κ for each control: with one control the best of a
    few levels, by the sign of its residuals; with several, ½ for all.
    """

    def __init__(self, system: ResidualSystem, times: np.ndarray, deadline: Deadline = UNLIMITED):
        self.system, self.times, self.steps = system, times, np.diff(times)
        self.deadline = deadline  # sweeps end then; bounds hold after any
        rows, rates, errors, sizes = system.rows, system.rates[None, :], system.errors, system.sizes
        self._relative = gamma(system.operations)
        slopes = rows * rates
        self._functionals = np.concatenate([rows, -rows, slopes, -slopes])
        # BΛ is known as far as B and Λ are, and rounded.
        unsure = errors.rows * rates + sizes.rows @ errors.matrix + UNIT * np.abs(slopes)
        self._unsure = np.concatenate([errors.rows, errors.rows, unsure, unsure])
        levels = _LEVELS if system.controls == 1 else (0.5,)
        self._swept = cells_of(system, times, levels)
        # From here on all is an upper bound: of |BΛ|, of b·b_k, and of the kernels of g with the
        # controls, integrated over a cell.
        outward = 1.0 + self._relative
        self._slopes = outward * (np.abs(slopes) + unsure)
        products = outward * (sizes.rows @ sizes.rows.T)
        self._feedback = np.diag(products)
        self._between = products - np.diag(self._feedback)
        exponents = outward * (rates + np.diag(errors.matrix)) * self.steps[:, None]
        lost = outward * -np.expm1(-exponents)
        self._own = outward * (lost @ (sizes.rows**2).T)
        cross = outward * np.einsum("id,nd,jd->nij", sizes.rows, lost, sizes.rows)
        self._cross = cross * (1.0 - np.eye(len(rows)))
        self._deficit = np.minimum(1.0, exponents**2 / 8)
        kept, held = decay_and_integral(rates, self.steps[:, None])
        self._kept, self._held = kept + EXPONENTIAL, outward * held
        self._states = system.reach
        self._known_cells, self._known_modes = (None, None), None  # of the last range
        end = self._states.at(times[-1:])[0]
        velocity = system.rates * end + self._states.largest @ sizes.rows + self._states.drive
        self._at_the_end = outward * errors.time * velocity

    def find(self, found: ResidualRange | None = None, sweeps: int = 20) -> ResidualRange:
        """Sweep until the bounds settle, or all signs are known, of rows with a control each.

        From a bound of the norm and from ellipsoids, or from bounds that are known already.
        """
        found = self._within_ellipsoids(self._crude()) if found is None else found
        apart = self.system.controls == len(self.system.rows)
        for number in range(sweeps):
            before = found
            found = self._sweep(before, None)
            narrowed = (before.high - before.low) - (found.high - found.low)
            settled = np.max(narrowed) < 1e-2 * np.max(before.high - before.low)
            decided = apart and not before.uncertain().any()
            if self.deadline.over or (number > 0 and (settled or decided)):
                break
        return found

    def tighten(
        self, found: ResidualRange, normal: np.ndarray, radius: float, shortfall: float
    ) -> ResidualRange:
        """Bounds over the controls with normal·(u(T) − goal) ≤ radius only.

        `shortfall` is radius less the least value of normal·(u(T) − goal) that is known; the
        multipliers tried are the widths of the bounds in its units.
        """
        shortfall = max(shortfall, 1e-9 * radius, 1e-300)
        for factor in (0.03, 0.1, 0.3, 1.0):
            if self.deadline.over:
                break
            width, rate_width = (found.high - found.low).T, (found.rate_high - found.rate_low).T
            widths = np.concatenate([width, width, rate_width, rate_width])
            found = self._sweep(found, (normal, radius, factor / shortfall * widths))
        return found

    def _crude(self) -> ResidualRange:
        """From the norm: d‖u‖²/dt ≤ Σ r²/2, whatever the controls do."""
        sizes, outward = self.system.sizes, 1.0 + self._relative
        norms = self._states.norms(self.times)[:, None]
        high = outward * (np.linalg.norm(sizes.rows, axis=1) * norms + sizes.residual)
        rate = outward * (np.linalg.norm(self._slopes, axis=1) * norms)
        return ResidualRange(
            self.times,
            *(-high, high, -rate, rate, -high[1:], high[1:], -rate[1:], rate[1:]),
            cell_coupling=high[1:] @ self._between * outward,
        )

    def _within_ellipsoids(self, found: ResidualRange) -> ResidualRange:
        """Narrowed to the ellipsoids that no control leaves."""
        system, g = self.system, len(self.system.rows)
        rows = np.concatenate([self._functionals[:g], self._functionals[2 * g : 3 * g]])
        unsure = np.concatenate([self._unsure[:g], self._unsure[2 * g : 3 * g]])
        slack = (1.0 + self._relative) * self._states.norm * np.linalg.norm(unsure, axis=1)
        slack[:g] += system.errors.residual
        shift = np.append(system.residual, np.zeros(g))
        ranges = functional_range(system, self.times, rows, self.deadline)
        low, high, cell_low, cell_high = (
            each + sign * (slack + 2 * UNIT * (np.abs(each) + np.abs(shift) + slack)) - shift
            for each, sign in zip(ranges, (-1.0, 1.0, -1.0, 1.0), strict=True)
        )
        return replace(
            found,
            low=np.maximum(found.low, low[:, :g]),
            high=np.minimum(found.high, high[:, :g]),
            rate_low=np.maximum(found.rate_low, low[:, g:]),
            rate_high=np.minimum(found.rate_high, high[:, g:]),
            cell_low=np.maximum(found.cell_low, cell_low[:, :g]),
            cell_high=np.minimum(found.cell_high, cell_high[:, :g]),
            cell_rate_low=np.maximum(found.cell_rate_low, cell_low[:, g:]),
            cell_rate_high=np.minimum(found.cell_rate_high, cell_high[:, g:]),
        )

    def _sweep(self, found: ResidualRange, cut) -> ResidualRange:
        bounds = self._least(found, cut)
        low, neg_high, rate_low, neg_rate_high = np.split(bounds.T, 4, axis=1)
        residual, unsure = self.system.residual, self.system.errors.residual

        def below(bound, shift):
            value = bound - shift
            return value - unsure - 2 * UNIT * (np.abs(value) + unsure)

        return self._cells(
            replace(
                found,
                low=np.maximum(found.low, below(low, residual)),
                high=np.minimum(found.high, -below(neg_high, -residual)),
                rate_low=np.maximum(found.rate_low, rate_low),
                rate_high=np.minimum(found.rate_high, -neg_rate_high),
            )
        )

    def states(self, found: ResidualRange) -> StateBound:
        """How large the modes of the state can be, as long as the residuals keep to a range."""
        largest = np.max(_largest(found), axis=0)
        return StateBound(self.system, largest, (self.times, self._modes(found)[1]))

    def _modes(self, found: ResidualRange) -> tuple[np.ndarray, np.ndarray]:
        """|u_j| at the times, (N+1, d), and in the cells, (N, d)."""
        cells = found.cell_low, found.cell_high
        if all(known is part for known, part in zip(self._known_cells, cells, strict=True)):
            return self._known_modes
        # From cell to cell: |u_j| ≤ e^{−λh}|u_j| + Σ|b_j| ∫e^{−λτ} max|w|.
        outward, sizes = 1.0 + self._relative, self.system.sizes
        force = outward * (_largest(found) @ sizes.rows) + self._states.drive
        modes = np.empty((len(self.times), sizes.start.size))
        modes[0] = sizes.start
        pushed = self._held * force
        for cell, push in enumerate(pushed):
            modes[cell + 1] = outward * (self._kept[cell] * modes[cell] + push)
        modes = np.minimum(modes, self._states.norms(self.times)[:, None])
        self._known_cells, self._known_modes = cells, (modes, outward * (modes[:-1] + pushed))
        return self._known_modes

    def _cells(self, found: ResidualRange) -> ResidualRange:
        """From the times to the cells; |w| ≤ |v| is all that is used of the controls."""
        push_low, push_high = np.minimum(found.cell_low, 0.0), np.maximum(found.cell_high, 0.0)
        largest, steps = _largest(found), self.steps[:, None]
        modes, within = self._modes(found)
        sizes, relative = self.system.sizes, self._relative
        # g without the controls is a sum of decaying modes, near its chord; with them, the kernel
        # of a row with itself is positive.
        bend = (modes[:-1] * self._deficit) @ self._slopes.T
        bend = bend + 2.0 * (self._held * self._states.drive) @ self._slopes.T
        cross = np.einsum("nij,nj->ni", self._cross, largest)
        gain, drop = self._own * push_high + cross, self._own * push_low - cross
        first, second = found.rate_low[:-1], found.rate_low[1:] + drop
        slack = relative * (np.abs(first) + np.abs(second) + np.abs(drop) + bend + gain)
        rate_low = np.minimum(first, second) - bend - gain - slack
        first, second = found.rate_high[:-1], found.rate_high[1:] + gain
        slack = relative * (np.abs(first) + np.abs(second) + np.abs(drop) + bend + gain)
        rate_high = np.maximum(first, second) + bend - drop + slack
        rate_low = np.maximum(rate_low, found.cell_rate_low)
        rate_high = np.minimum(rate_high, found.cell_rate_high)
        # v̇ = −g − ε‖b‖²v − (other rows): the feedback only ever pulls towards zero.
        coupling = largest @ self._between + sizes.rows @ self.system.errors.force
        coupling = (1.0 + relative) * coupling
        exponents = self._feedback * steps
        fade = np.exp(-exponents) * (1.0 - EXPONENTIAL - relative - 2 * UNIT * exponents)
        fade = np.maximum(fade, 0.0)
        high, low = found.high[:-1], found.low[:-1]
        high = np.where(high > 0.0, high, high * fade)
        rise = steps * np.maximum(coupling - rate_low, 0.0)
        high = high + rise + relative * (np.abs(high) + rise + steps * (coupling + abs(rate_low)))
        low = np.where(low < 0.0, low, low * fade)
        fall = steps * np.maximum(coupling + rate_high, 0.0)
        low = low - fall - relative * (np.abs(low) + fall + steps * (coupling + abs(rate_high)))
        # Where a cell is long for the fast modes that is coarse, and |Bu| ≤ Σ|b_j||u_j| better.
        reach = (1.0 + relative) * (within @ sizes.rows.T)
        slack = relative * (reach + sizes.residual) + self.system.errors.residual
        low = np.maximum(low, -reach - self.system.residual - slack)
        high = np.minimum(high, reach - self.system.residual + slack)
        return replace(
            found,
            cell_low=np.maximum(low, found.cell_low),
            cell_high=np.minimum(high, found.cell_high),
            cell_rate_low=rate_low,
            cell_rate_high=rate_high,
            cell_coupling=coupling,
        )

    def _least(self, found: ResidualRange, cut) -> np.ndarray:
        """Lower bounds of the functionals (4g, d) of u at every time: (4g, N+1)."""
        system, functionals, sizes = self.system, self._functionals, self.system.sizes
        if cut is None:
            normal, radius = np.zeros_like(system.goal), 0.0
            multipliers = np.zeros((len(functionals), len(self.times)))
        else:
            normal, radius, multipliers = cut
        # ‖normal‖ is 1 to rounding only, and the horizon known to rounding only.
        absolute, offset = np.abs(normal), normal @ system.goal
        slack = self._relative * (radius + absolute @ sizes.goal)
        slack += absolute @ system.errors.goal + absolute @ self._at_the_end
        margins = margins_of(
            system, self._swept, *self._modes(found), _largest(found), self._unsure
        )
        # One layout of all arrays: for another the loops would be compiled once more.
        arrays = map(
            np.ascontiguousarray,
            (functionals, normal, multipliers, found.cell_low, found.cell_high),
        )
        reached = self.deadline.within(least_values, self._swept, margins, *arrays)
        used = multipliers * (radius + offset + slack)
        return reached - used - 4 * UNIT * (np.abs(reached) + multipliers * (radius + abs(offset)))


def _largest(found: ResidualRange) -> np.ndarray:
    """Of |v| in the cells: (N, g)."""
    return np.maximum(np.maximum(-found.cell_low, found.cell_high), 0.0)
