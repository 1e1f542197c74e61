"""What is proved in floating point: errors of rounding, and of the data, on the safe side.

Every lower bound, and every range, of this package holds for each system whose numbers lie within
`DataErrors` of those given, whatever the processor, under these assumptions:

* doubles are added, multiplied, divided and rooted with a relative error of at most u = 2⁻⁵³ each,
  with or without fused multiply-add; nothing overflows, and what underflows is below any margin;
* `exp` and `expm1` have relative errors of at most 8u (four units in the last place);
* sums are formed in any order (BLAS, vectorised or threaded loops), but of the products themselves,
  not in Strassen's way.

Nothing is assumed of the eigensolvers: what their result leaves of the matrix is measured.

Two facts do the work. A value formed by sums and products, each number passing at most n of them,
is off by at most γₙ = nu/(1 − nu) times the same sums of absolute values (Higham, *Accuracy and
Stability of Numerical Algorithms*, §3.1). And weak duality holds for any p(t), also one with jumps
and with ṗ ≠ Ap: by parts,

    q·u(T) = p(0)·u(0) + Σ jumps·u + ∫ (ṗ − Ap)·u dt + (terms in r and w),

so that an error made in p at a time t costs its product with the largest |u(t)| that any control
can reach, mode by mode, and is not amplified by what comes after: a *running* error bound. What it
costs is linear in |p|: a multiple of a costate carries that multiple of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNIT = 2.0**-53
EXPONENTIAL = 8 * UNIT  # relative error of exp and expm1
OUTWARD = 1.01  # for the rounding of the error bounds themselves


def gamma(operations: int) -> float:
    """γₙ, a little enlarged."""
    return OUTWARD * operations * UNIT


@dataclass(frozen=True)
class DataErrors:
    """How far the numbers of a system may be from those that they stand for, entry by entry.

    Attributes
    ----------
    matrix : (d, d)
        Of Λ, which then need not be diagonal.
    rows : (g, d), residual : (g,), start : (d,), goal : (d,)
    force : (d,)
        Of Bᵀr, beyond what those of B and r make.
    time : float
        Of the span, and of every switch.
    """

    matrix: np.ndarray
    rows: np.ndarray
    residual: np.ndarray
    start: np.ndarray
    goal: np.ndarray
    force: np.ndarray
    time: float

    @classmethod
    def none(cls, size: int, rows: int) -> DataErrors:
        """Of numbers that are meant as they are."""
        return cls(
            matrix=np.zeros((size, size)),
            rows=np.zeros((rows, size)),
            residual=np.zeros(rows),
            start=np.zeros(size),
            goal=np.zeros(size),
            force=np.zeros(size),
            time=0.0,
        )


class StateBound:
    """|u_j(t)| of every mode, under any control.

    From the energy, d‖u‖²/dt ≤ Σr²/2 − 2λ₁‖u‖², and mode by mode from |w| ≤ max|v|.

    Parameters
    ----------
    system : ResidualSystem
    largest : (g,), optional
        Of |v| over the whole interval, where more is known than the energy tells.
    grid : pair of (N+1,) and (N, d), optional
        Times, and bounds of |u_j| in the cells between them, from a finer look.
    """

    def __init__(self, system, largest=None, grid=None):
        self.system, self.grid, sizes = system, grid, system.sizes
        self._slack = slack = 1.0 + gamma(system.operations)
        slowest = float(system.rates.min() - system.errors.matrix.sum(axis=1).max()) / slack
        self._longest = 0.5 / slowest if slowest > 0.0 else np.inf
        self.norm = float(self.norms(np.array([system.span]))[0])
        known = slack * (np.linalg.norm(sizes.rows, axis=1) * self.norm + sizes.residual)
        self.largest = known if largest is None else np.minimum(known, largest)
        # What is not diagonal in the matrix drives the modes as well.
        errors = system.errors
        self.drive = slack * (errors.matrix.sum(axis=1) * self.norm + errors.force)
        self._force = slack * (self.largest @ sizes.rows) + self.drive

    def norms(self, times: np.ndarray) -> np.ndarray:
        """Of the state until some times: (m,)."""
        sizes = self.system.sizes
        growth = 0.5 * (sizes.residual @ sizes.residual) * np.minimum(times, self._longest)
        forced = float(np.linalg.norm(self.system.errors.force)) * times
        return self._slack * (np.sqrt(sizes.start @ sizes.start + growth) + forced)

    def at(self, times: np.ndarray) -> np.ndarray:
        """(m,) to (m, d)."""
        return self.over(times, times)

    def over(self, lefts: np.ndarray, rights: np.ndarray) -> np.ndarray:
        """Over intervals of time: (m,) and (m,) to (m, d)."""
        modes = np.maximum(self._modes(lefts), self._modes(rights))
        modes = np.minimum(modes, self.norms(rights)[:, None])
        if self.grid is None:
            return modes
        times, cells = self.grid
        first = np.clip(np.searchsorted(times, lefts, "right") - 1, 0, len(cells) - 1)
        last = np.clip(np.searchsorted(times, rights, "left"), first + 1, len(cells))
        inside = [cells[i:j].max(axis=0) for i, j in zip(first, last, strict=True)]
        return np.minimum(modes, np.array(inside))

    def _modes(self, times):
        """Each of one sense in time: between two times it is no more than the larger."""
        decays, held = decay_and_integral(self.system.rates, times[:, None])
        decays = decays + EXPONENTIAL
        return self._slack * (decays * self.system.sizes.start + held * self._force)


def decay_and_integral(rates: np.ndarray, durations: np.ndarray | float):
    """e^{−λh} and (1 − e^{−λh})/λ, of which the latter is h where λ = 0.

    The relative error of either is at most 16u + 3uλh.
    """
    exponents = rates * durations
    still = exponents <= 1e-300
    held = np.where(still, durations, -np.expm1(-exponents) / np.where(still, 1.0, rates))
    return np.exp(-exponents), held


def crossing_errors(system, weights, durations, states, largest, lag) -> np.ndarray:
    """What an entry of |p| costs, at most, when a costate is carried over an interval backwards.

    That is, for ṗ = (Λ + Σκbbᵀ)p: the errors of the earlier costate, of r·∫μ, and of the loss where
    it is not zero by a known sign.

    Parameters
    ----------
    system : ResidualSystem
    weights : tuple of float
        κ of each control.
    durations : (N,)
    states : triple of (N, d)
        |u_j| at the left end, at the right end, and throughout.
    largest : (N, g)
        |v| in the interval, of the rows that lose; else zero.
    lag : (N,)
        Of the duration.

    Returns
    -------
    (N, d)
    """
    spectrum, sizes, errors = system.spectrum(weights), system.sizes, system.errors
    left, right, within = states
    relative = gamma(system.operations)
    kappa = np.asarray(weights)[system.control]
    steps, lag = durations[:, None], lag[:, None]
    rates = spectrum.rates
    decays, held = decay_and_integral(rates, steps)
    absolute, seen = spectrum.absolute, spectrum.seen.T
    felt = kappa * sizes.residual + largest  # of what is multiplied with σ, in all

    slips = (relative + 3 * UNIT * rates * steps + rates * lag) * decays
    inside = slips * (left @ absolute + steps * (largest @ seen))
    inside += relative * steps * np.minimum((rates * steps) ** 2, 1.0) * (largest @ seen)
    inside += held * (within @ spectrum.defect + relative * (felt @ seen))
    inside += held * ((kappa * errors.residual) @ seen)
    inside += held * ((felt @ errors.rows + errors.force) @ absolute)
    direct = largest @ sizes.rows
    return OUTWARD * (
        inside @ absolute.T
        + (right + steps * direct) @ spectrum.skew
        + relative * steps * direct
        + lag * (felt @ sizes.rows)
    )
