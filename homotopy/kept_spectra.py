"""The spectra of data, kept for the other problems of the same data."""

from __future__ import annotations

import jax
import numpy as np

from homotopy._beside import Beside
from homotopy.data_spectrum import DataSpectrum, data_spectrum
from homotopy.linear_moments import full_spectrum
from homotopy.problem import Problem
from homotopy.weighted_rows import least_squares_rows

# The spectra of the data, and the inputs, ridge and weights that they are for; beside the targets,
# which the problems of one data set share, and of which there may be several for the same inputs.
_SPECTRA = Beside()


def keep_spectrum(problem: Problem, full: DataSpectrum) -> None:
    """Keep the spectrum of a problem's data for other problems of the same data."""
    keep_spectrum_of(problem.X, problem.y, problem.ridge, problem.point_weights, full)


def keep_spectrum_of(
    X: jax.Array, y: jax.Array, ridge: jax.Array, weights: jax.Array | None, full: DataSpectrum
) -> None:
    """As `keep_spectrum`, of the parts of a problem."""
    _SPECTRA.put(y, (X, ridge, weights, full))


def spectrum_of(problem: Problem) -> DataSpectrum:
    """The spectrum of a problem's data, computed once."""
    if problem.moments is not None:
        *known, full = _SPECTRA.get(problem.y) or (None, None, None, None)
        if known[1] is not problem.ridge:
            full = full_spectrum(problem.moments, float(problem.ridge))
            keep_spectrum(problem, full)
        return full
    *known, full = _SPECTRA.get(problem.y) or (None, None, None, None)
    own = problem.X, problem.ridge, problem.point_weights
    if any(one is not other for one, other in zip(known, own, strict=True)):
        # Not as the constructor made it.
        rows, values = (np.asarray(part, np.float64) for part in least_squares_rows(problem))
        full = data_spectrum(rows, values, float(problem.ridge))
        keep_spectrum(problem, full)
    return full
