"""The published closed form: weights of least norm for a change that is linearised once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput, sequence, vector
from homotopy.measurements import as_scalar_measurement
from homotopy.problem import Problem, a_problem
from homotopy.reweighting.refitted import Refits
from homotopy.reweighting.result import SoftWeightsStatus
from homotopy.reweighting.start import training_start


def least_norm_weights(
    problem: Problem,
    measurements: Sequence,
    changes: ArrayInput,
    *,
    theta: ArrayInput | None = None,
) -> Float[np.ndarray, " n"]:
    """w = 1 + ω of least ‖ω‖ for which measurements change as asked for, to first order at θ(1).

    What arXiv:2505.18783 computes, for the change −m of a disparity and 0 of the utility, but for
    its sign. There are no bounds: weights may be negative, and the refit may be another. Beside
    `soft_weights`, for comparison.

    Parameters
    ----------
    problem : Problem
    measurements : sequence of AbstractMeasurement or callable
        Of one number each.
    changes : (c,)
        m(θ(w)) − m(θ(1)) of each.
    theta : (d,), optional
        As of `soft_weights`.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    RuntimeError
        Where training comes to no strict minimum.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> mean = lambda theta: theta[0]
    >>> hm.reweighting.least_norm_weights(problem, [mean], [-0.5]).round(12).tolist()
    [2.0, 0.0]
    """
    a_problem(problem)
    given = sequence("measurements", measurements, "a list of measurements")
    measured = tuple(as_scalar_measurement(each, problem, "measurements") for each in given)
    asked = np.asarray(vector("changes", changes, len(measured)))
    refits, ones = Refits(problem, measured), np.ones(problem.size)
    begin = refits.minimum(ones, training_start(problem, theta))
    if begin is None:
        raise RuntimeError(SoftWeightsStatus[SoftWeightsStatus.no_minimum])
    slopes = refits.measured(ones, begin).slopes
    return ones + np.linalg.lstsq(slopes, asked)[0]
