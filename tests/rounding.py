"""How far two computations of one number may be apart, on any processor."""

import numpy as np

UNIT = 2.0**-53


def assert_same_number(actual, expected, operations, scale=None):
    """Two computations of one number, in which no term passes more than so many roundings.

    Each is off by at most γₙ = nu/(1 − nu) times the sums of absolute values, `scale`, whatever the
    order of the sums and with or without fused multiply-add (Higham, *Accuracy and Stability of
    Numerical Algorithms*, §3.1): the two differ by no more than twice that. Where numbers are
    solutions of equations, `scale` holds their condition.

    Parameters
    ----------
    actual, expected : arrays of one shape
    operations : int
    scale : array, optional
        By default |expected|, entry by entry.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    scale = np.abs(expected) if scale is None else scale
    gamma = operations * UNIT / (1.0 - operations * UNIT)
    apart, allowed = np.abs(actual - expected), 2.0 * gamma * scale
    assert np.all(apart <= allowed), f"{np.max(apart)} apart, {np.max(allowed)} allowed"
