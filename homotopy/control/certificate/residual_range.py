"""Between which values the residuals can lie at all, over every measurable control.

The tube of theory §4: the least value of a linear functional f·u(t) over all admissible controls
is bounded by the same dual as the cost, started from p(t) = f; the bounds of the residuals that
its loss needs are those found so far. A few sweeps contract them from a crude bound of the norm.

With an incumbent of cost ½ρ² only the controls that do better matter. They satisfy
n·(u(T) − goal) ≤ ρ for every unit vector n, and a multiple of that inequality may be added to the
functional: the reduced-cost tightening of integer programming.

Every number is a bound: what lies between two times of the grid is covered by Taylor remainders,
and sums carry a margin for rounding.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from homotopy.control.certificate.backward_sweep import cells_of, least_values
from homotopy.control.certificate.system import ResidualSystem

_LEVELS = (0.0, 0.5, 1.0)
_ROUNDING = 64 * np.finfo(np.float64).eps


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
        return (
            float((-self.cell_rate_high[inside, row] - coupling).min()),
            float((-self.cell_rate_low[inside, row] + coupling).max()),
        )


class RangeFinder:
    """Bounds residuals of a system on a grid of times.

    A cell is crossed with a constant weight κ for each control: with one control the best of a
    few levels, by the sign of its residuals; with several, ½ for all.
    """

    def __init__(self, system: ResidualSystem, times: np.ndarray):
        self.system, self.times, self.steps = system, times, np.diff(times)
        self.until = np.inf  # on the clock `time.perf_counter`: sweeps end; bounds hold after any
        rows, rates = system.rows, system.rates[None, :]
        slopes = rows * rates
        self._functionals = np.concatenate([rows, -rows, slopes, -slopes])
        levels = _LEVELS if system.controls == 1 else (0.5,)
        self._swept = cells_of(system, times, levels)
        self._slopes = np.abs(slopes)
        # b·b_k of different rows; and the kernels of g with the controls, integrated over a cell.
        products = rows @ rows.T
        self._feedback = np.diag(products)
        self._between = np.abs(products - np.diag(self._feedback))
        exponents = rates * self.steps[:, None]
        lost = -np.expm1(-exponents)
        self._own = lost @ (rows**2).T
        cross = np.einsum("id,nd,jd->nij", np.abs(rows), lost, np.abs(rows))
        self._cross = cross * (1.0 - np.eye(len(rows)))
        self._deficit = np.minimum(1.0, exponents**2 / 8)
        self._kept = np.exp(-exponents)
        still = exponents <= 1e-300
        self._held = np.where(still, self.steps[:, None], lost / np.where(still, 1.0, rates))

    def find(self, found: ResidualRange | None = None, sweeps: int = 20) -> ResidualRange:
        """Sweep until the bounds settle, or no sign is uncertain any more.

        From a crude bound of the norm, or from bounds that are known already.
        """
        found = self._crude() if found is None else found
        for number in range(sweeps):
            before = found
            found = self._sweep(before, None)
            narrowed = (before.high - before.low) - (found.high - found.low)
            settled = np.max(narrowed) < 1e-2 * np.max(before.high - before.low)
            late = time.perf_counter() > self.until
            if late or (number > 0 and (settled or not before.uncertain().any())):
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
            if time.perf_counter() > self.until:
                break
            width, rate_width = (found.high - found.low).T, (found.rate_high - found.rate_low).T
            widths = np.concatenate([width, width, rate_width, rate_width])
            found = self._sweep(found, (normal, radius, factor / shortfall * widths))
        return found

    def _crude(self) -> ResidualRange:
        """From the norm: d‖u‖²/dt ≤ Σ r²/2, whatever the controls do."""
        system = self.system
        squares = np.sum(system.start**2) + 0.5 * np.sum(system.residual**2) * self.times
        norms = np.sqrt(squares)[:, None]
        high = np.linalg.norm(system.rows, axis=1) * norms + np.abs(system.residual)
        rate = np.linalg.norm(self._slopes, axis=1) * norms
        return ResidualRange(
            self.times,
            *(-high, high, -rate, rate, -high[1:], high[1:], -rate[1:], rate[1:]),
            cell_coupling=high[1:] @ self._between,
        )

    def _sweep(self, found: ResidualRange, cut) -> ResidualRange:
        bounds = self._least(found, cut)
        low, neg_high, rate_low, neg_rate_high = np.split(bounds.T, 4, axis=1)
        residual = self.system.residual
        return self._cells(
            replace(
                found,
                low=np.maximum(found.low, low - residual),
                high=np.minimum(found.high, -neg_high - residual),
                rate_low=np.maximum(found.rate_low, rate_low),
                rate_high=np.minimum(found.rate_high, -neg_rate_high),
            )
        )

    def _cells(self, found: ResidualRange) -> ResidualRange:
        """From the times to the cells; |w| ≤ |v| is all that is used of the controls."""
        push_low, push_high = np.minimum(found.cell_low, 0.0), np.maximum(found.cell_high, 0.0)
        largest = np.maximum(-push_low, push_high)
        # Each mode from cell to cell: |u_j| ≤ e^{−λh}|u_j| + Σ|b_j| ∫e^{−λτ} max|w|.
        pushed = self._held * (largest @ np.abs(self.system.rows))
        modes = np.empty_like(pushed)
        modes[0] = np.abs(self.system.start)
        for cell in range(len(modes) - 1):
            modes[cell + 1] = self._kept[cell] * modes[cell] + pushed[cell]
        # g without the controls is a sum of decaying modes, near its chord; with them, the kernel
        # of a row with itself is positive.
        bend = (modes * self._deficit) @ self._slopes.T
        cross = np.einsum("nij,nj->ni", self._cross, largest)
        gain, drop = self._own * push_high + cross, self._own * push_low - cross
        rate_low = np.minimum(found.rate_low[:-1], found.rate_low[1:] + drop) - bend - gain
        rate_high = np.maximum(found.rate_high[:-1], found.rate_high[1:] + gain) + bend - drop
        rate_low = np.maximum(rate_low, found.cell_rate_low)
        rate_high = np.minimum(rate_high, found.cell_rate_high)
        # v̇ = −g − ε‖b‖²v − (other rows): the feedback only ever pulls towards zero.
        coupling, steps = largest @ self._between, self.steps[:, None]
        fade = np.exp(-self._feedback * steps)
        high, low = found.high[:-1], found.low[:-1]
        high = np.where(high > 0.0, high, high * fade)
        high = high + steps * np.maximum(coupling - rate_low, 0.0)
        low = np.where(low < 0.0, low, low * fade)
        low = low - steps * np.maximum(coupling + rate_high, 0.0)
        # Where a cell is long for the fast modes that is coarse, and |Bu| ≤ Σ|b_j||u_j| better.
        reach = (1.0 + _ROUNDING) * ((modes + pushed) @ np.abs(self.system.rows).T)
        low = np.maximum(low, -reach - self.system.residual)
        high = np.minimum(high, reach - self.system.residual)
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
        system, functionals = self.system, self._functionals
        if cut is None:
            normal, radius = np.zeros_like(system.goal), 0.0
            multipliers = np.zeros((len(functionals), len(self.times)))
        else:
            normal, radius, multipliers = cut
        offset = normal @ system.goal
        rounding = _ROUNDING * (radius + np.abs(normal) @ np.abs(system.goal))
        reached = least_values(
            self._swept, functionals, normal, multipliers, found.cell_low, found.cell_high
        )
        return reached - multipliers * (radius + offset + rounding)
