"""A system of one row, in the arrays that the compiled loops take."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from homotopy.control.certificate.one_row.kernels import Flow, Levels
from homotopy.control.certificate.rounding import OUTWARD, gamma
from homotopy.control.certificate.system import ResidualSystem

# Weights κ between 0 and ½, up to a dimension; beyond ½ the mirror image.
_FINE = np.append(2.0 ** -np.arange(11.0, 5.0, -1.0), np.linspace(0.03125, 0.5, 16))
_WEIGHTS = ((_FINE, 16), (_FINE[::2], 60), (_FINE[4::4], 200), (np.array([0.25, 0.5]), np.inf))


class OneRow:
    """What the bounds of one deleted row need, computed once a system.

    Attributes
    ----------
    rayleigh : float
        R = bᵀΛb/‖b‖², a little more or less.
    feedback : float
        A bound of R + ‖b‖².
    """

    def __init__(self, system: ResidualSystem):
        self.system = system
        self.row, self.residual = np.array(system.rows[0]), float(system.residual[0])
        self.relative = gamma(system.operations)
        square = float(self.row @ self.row)
        self.rayleigh = float((self.row * system.rates) @ self.row / square) if square else 0.0
        self.turning = self.rayleigh * self.row - system.rates * self.row
        size = float(np.sum(system.sizes.rows**2))
        self.feedback = (1.0 + self.relative) * (
            self.rayleigh + size + float(np.linalg.norm(system.errors.matrix))
        )

    @cached_property
    def flow(self) -> Flow:
        """For the envelopes."""
        system, relative, turning = self.system, self.relative, self.turning
        none, full = system.spectrum((0.0,)), system.spectrum((1.0,))
        sizes = np.abs(self.rayleigh * self.row) + np.abs(system.rates * self.row)
        skew = full.skew + relative * (full.absolute @ full.absolute.T)
        off = full.skew @ np.abs(self.row) + relative * (full.absolute @ full.seen[:, 0])
        return Flow(
            rates=np.array([none.rates, full.rates]),
            rotation=np.ascontiguousarray(full.rotation),
            observed=np.array([self.row, full.observed[:, 0]]),
            turned=np.array([turning, full.rotation.T @ turning]),
            seen=relative * np.array([np.abs(self.row), full.seen[:, 0]]),
            unturned=relative * np.array([sizes, full.absolute.T @ sizes]),
            residue=OUTWARD * np.linalg.norm([none.residue, full.residue], axis=1),
            skew=np.ascontiguousarray(skew),
            push_error=np.array([0.0, OUTWARD * np.linalg.norm(off)]),
            row=self.row,
            turning=turning,
            row_norm=float(np.linalg.norm(self.row)),
            turning_norm=float(np.linalg.norm(turning)),
            turning_error=relative * float(np.linalg.norm(sizes)),
            residual=self.residual,
            start=np.array(system.start),
            start_error=OUTWARD * float(np.linalg.norm(system.errors.start)),
            relative=relative,
            scale=abs(self.residual) + float(np.abs(self.row) @ np.abs(system.start)),
        )

    @cached_property
    def signed_levels(self) -> Levels:
        """κ = 0 and 1, which is all where signs are known."""
        return self._levels(np.array([0.0, 1.0]))

    @cached_property
    def levels(self) -> Levels:
        """A few levels of κ."""
        lower = next(weights for weights, most in _WEIGHTS if self.row.size <= most)
        return self._levels(np.unique([0.0, *lower, *(1.0 - lower), 1.0]))

    def _levels(self, weights: np.ndarray) -> Levels:
        system, errors = self.system, self.system.errors
        between = [system.rough_spectrum((float(weight),)) for weight in weights[1:-1]]
        spectra = [system.spectrum((0.0,)), *between, system.spectrum((1.0,))]
        return Levels(
            weights=weights,
            rates=np.array([spectrum.rates for spectrum in spectra]),
            observed=np.array([spectrum.observed[:, 0] for spectrum in spectra]),
            seen=np.array([spectrum.seen[:, 0] for spectrum in spectra]),
            rotations=np.array([spectrum.rotation for spectrum in spectra]),
            defects=np.array([spectrum.defect for spectrum in spectra]),
            skews=np.array([spectrum.skew for spectrum in spectra]),
            row=self.row,
            row_size=np.array(system.sizes.rows[0]),
            row_errors=np.array(errors.rows[0]),
            force_errors=np.array(errors.force),
            residual=self.residual,
            residual_size=float(system.sizes.residual[0]),
            residual_error=float(errors.residual[0]),
            start=np.array(system.start),
            start_errors=self.relative * system.sizes.start + errors.start,
            relative=self.relative,
        )
